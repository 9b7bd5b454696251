package reference

import "math"

// E4M3 decodes the OCP 8-bit float E4M3 ("fn": no infinities, S.1111.111 is NaN): bias 7, largest 448.
func E4M3(code byte) float64 {
	if code&0x7f == 0x7f {
		return math.NaN()
	}
	return float(uint32(code), 4, 3, 7)
}

// E5M2 decodes the OCP 8-bit float E5M2, which is IEEE-like: bias 15, largest 57344.
func E5M2(code byte) float64 { return ieee(uint32(code), 5, 2, 15) }

// E4M3FNUZ decodes E4M3 with bias 8 whose only NaN is the code of negative zero: largest 240.
func E4M3FNUZ(code byte) float64 { return fnuz(code, 4, 3, 8) }

// E5M2FNUZ decodes E5M2 with bias 16 whose only NaN is the code of negative zero: largest 57344.
func E5M2FNUZ(code byte) float64 { return fnuz(code, 5, 2, 16) }

func fnuz(code byte, e, m, bias int) float64 {
	if code == 0x80 {
		return math.NaN()
	}
	return float(uint32(code), e, m, bias)
}

// fp8Format stores 8-bit floats with one binary32 scale per token, or with a scale that is not stored.
//
//	scales  [64] binary32, absent when static
//	keys    [4][⌈d/4⌉][16][4]  t = 16·i0 + i2, c = 4·i1 + i3
//	values  [64][d]            t = i0, c = i1
//	value = scale[t]·code
func fp8Format(name string, decode func(byte) float64, static bool) Format {
	scales := up64(Tokens * scale32.size)
	if static {
		scales = 0
	}
	return Format{
		Name:   name,
		Static: static,
		Bytes: func(side Side, d int) int {
			if side == Values {
				return scales + up64(Tokens*d)
			}
			return scales + up64(4*ceil(d, 4)*lanes*4)
		},
		Decode: func(tile []byte, side Side, d, t, c int, scale float64) float64 {
			i := t*d + c
			if side == Keys {
				i = quadIndex(d, t, c)
			}
			if !static {
				scale = scale32.at(tile, 0, t)
			}
			return scale * decode(tile[scales+i])
		},
	}
}

// quadIndex is the element index of keys stored in groups of four channels: [4][⌈d/4⌉][16][4].
func quadIndex(d, t, c int) int { return ((t/lanes*ceil(d, 4)+c/4)*lanes+t%lanes)*4 + c%4 }
