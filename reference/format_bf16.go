package reference

import "encoding/binary"

// BF16 decodes a bfloat16 pattern.
func BF16(code uint16) float64 { return ieee(uint32(code), 8, 7, 127) }

// bf16Format stores bfloat16 in pairs, the operands of a two-element dot product: pairs of channels for keys, of tokens for values.
//
//	keys    [4][⌈d/2⌉][16][2]  t = 16·i0 + i2, c = 2·i1 + i3
//	values  [32][d][2]         t = 2·i0 + i2, c = i1
var bf16Format = Format{
	Name: "bf16",
	Bytes: func(side Side, d int) int {
		if side == Values {
			return up64(32 * d * 2 * 2)
		}
		return up64(4 * ceil(d, 2) * lanes * 2 * 2)
	},
	Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
		i := (t/2*d+c)*2 + t%2
		if side == Keys {
			i = ((t/lanes*ceil(d, 2)+c/2)*lanes+t%lanes)*2 + c%2
		}
		return BF16(binary.LittleEndian.Uint16(tile[2*i:]))
	},
}
