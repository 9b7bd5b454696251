package reference

import "encoding/binary"

// F32 decodes a binary32 pattern.
func F32(code uint32) float64 { return ieee(code, 8, 23, 127) }

// f32Format stores binary32.
//
//	keys    [4][d][16]  t = 16·i0 + i2, c = i1
//	values  [64][d]     t = i0, c = i1
var f32Format = Format{
	Name:  "f32",
	Bytes: func(_ Side, d int) int { return up64(Tokens * d * 4) },
	Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
		return F32(binary.LittleEndian.Uint32(tile[4*plainIndex(side, d, t, c):]))
	},
}

// plainIndex is the element index of the formats that do not group channels.
func plainIndex(side Side, d, t, c int) int {
	if side == Values {
		return t*d + c
	}
	return (t/lanes*d+c)*lanes + t%lanes
}
