package reference

import "encoding/binary"

// F16 decodes a binary16 pattern.
func F16(code uint16) float64 { return ieee(uint32(code), 5, 10, 15) }

// f16Format stores binary16, in the order of f32.
var f16Format = Format{
	Name:  "f16",
	Bytes: func(_ Side, d int) int { return up64(Tokens * d * 2) },
	Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
		return F16(binary.LittleEndian.Uint16(tile[2*plainIndex(side, d, t, c):]))
	},
}
