package reference

// int8Format stores symmetric 8-bit integers with one scale per token. Key bytes carry an offset of 128, the unsigned operand of a dot product.
//
//	scales  [64]
//	keys    [4][⌈d/4⌉][16][4]  t = 16·i0 + i2, c = 4·i1 + i3, byte = code + 128
//	values  [16][d][4]         t = 4·i0 + i2, c = i1, byte = code in two's complement
//	value = scale[t]·code
func int8Format(name string, scale scaleType) Format {
	scales := up64(Tokens * scale.size)
	return Format{
		Name: name,
		Bytes: func(side Side, d int) int {
			if side == Values {
				return scales + up64(16*d*4)
			}
			return scales + up64(4*ceil(d, 4)*lanes*4)
		},
		Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
			code := 0.0
			if side == Keys {
				code = float64(tile[scales+quadIndex(d, t, c)]) - 128
			} else {
				code = float64(int8(tile[scales+(t/4*d+c)*4+t%4]))
			}
			return scale.at(tile, 0, t) * code
		},
	}
}
