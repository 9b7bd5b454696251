package cases

import "math"

// minifloat decodes a small binary float: sign, e exponent bits, m mantissa bits, exponent bias. Codes with special meanings are the caller's.
func minifloat(code uint32, e, m, bias int) float64 {
	sign := 1.0
	if code>>(e+m)&1 == 1 {
		sign = -1
	}
	exp := int(code >> m & (1<<e - 1))
	man := float64(code & (1<<m - 1))
	if exp == 0 {
		return sign * math.Ldexp(man, 1-bias-m)
	}
	return sign * math.Ldexp(float64(uint32(1)<<m)+man, exp-bias-m)
}

func decodeE4M3FN(c uint32) float64 {
	if c&0x7f == 0x7f {
		return math.NaN()
	}
	return minifloat(c, 4, 3, 7)
}

func decodeE5M2(c uint32) float64 { return ieeeLike(c, 5, 2, 15) }

func decodeE4M3FNUZ(c uint32) float64 {
	if c == 0x80 {
		return math.NaN()
	}
	return minifloat(c, 4, 3, 8)
}

func decodeE5M2FNUZ(c uint32) float64 {
	if c == 0x80 {
		return math.NaN()
	}
	return minifloat(c, 5, 2, 16)
}

func decodeE8M0(c uint32) float64 {
	if c == 255 {
		return math.NaN()
	}
	return math.Ldexp(1, int(c)-127)
}

func decodeF16(c uint32) float64 { return ieeeLike(c, 5, 10, 15) }

func decodeBF16(c uint32) float64 { return float64(math.Float32frombits(c << 16)) }

func decodeE2M1(c uint32) float64 { return minifloat(c, 2, 1, 1) }

// ieeeLike decodes a format whose top exponent means infinity (mantissa 0) or NaN.
func ieeeLike(c uint32, e, m, bias int) float64 {
	if c>>m&(1<<e-1) == 1<<e-1 {
		if c&(1<<m-1) != 0 {
			return math.NaN()
		}
		if c>>(e+m)&1 == 1 {
			return math.Inf(-1)
		}
		return math.Inf(1)
	}
	return minifloat(c, e, m, bias)
}

// nf4Bits is the NF4 code book of QLoRA (Dettmers et al. 2023) as binary32 patterns.
var nf4Bits = [16]uint32{
	0xbf800000, 0xbf3239b1, 0xbf066b30, 0xbeca32a0, 0xbe91a24d, 0xbe3d353f, 0xbdba7871, 0x00000000,
	0x3da2faff, 0x3e24cae3, 0x3e7c04dd, 0x3ead033a, 0x3ee1a4b8, 0x3f1007ab, 0x3f3913b3, 0x3f800000,
}

func decodeNF4(c uint32) float64 { return float64(math.Float32frombits(nf4Bits[c&15])) }

func decodeInt4Offset(c uint32) float64 { return float64(int(c&15) - 8) }

func decodeInt8(c uint32) float64 { return float64(int8(c)) }

// signed interprets the low bits of c as two's complement.
func signed(c uint32, bits int) int64 { return int64(int32(c<<(32-bits)) >> (32 - bits)) }
