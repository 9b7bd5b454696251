package fp8

import "math"

// E4M3FNUZ is the type of 4 exponent and 3 mantissa bits that is finite with an
// unsigned zero: bias 8, no infinities, no −0, NaN is 0x80, the largest value is
// 240.
type E4M3FNUZ uint8

// Codes of E4M3FNUZ.
const (
	E4M3FNUZMax               E4M3FNUZ = 0x7F // 240
	E4M3FNUZSmallestNormal    E4M3FNUZ = 0x08 // 2^-7
	E4M3FNUZSmallestSubnormal E4M3FNUZ = 0x01 // 2^-10
	E4M3FNUZNaN               E4M3FNUZ = 0x80 // the only NaN
)

// Properties of E4M3FNUZ.
const (
	E4M3FNUZMaxValue               = 240
	E4M3FNUZSmallestNormalValue    = 0x1p-7
	E4M3FNUZSmallestSubnormalValue = 0x1p-10
	E4M3FNUZEpsilon                = 0x1p-3 // distance from 1 to the next value
	E4M3FNUZBias                   = 8
	E4M3FNUZExponentBits           = 4
	E4M3FNUZMantissaBits           = 3
	E4M3FNUZDigits                 = 4 // significant bits, the hidden one included
)

var e4m3fnuzFormat = newFormat("E4M3FNUZ", E4M3FNUZBias, E4M3FNUZMantissaBits, uint32(E4M3FNUZMax), noInf, uint32(E4M3FNUZNaN))

func (E4M3FNUZ) format() *format { return e4m3fnuzFormat }

// E4M3FNUZFromFloat32 converts x with saturation.
func E4M3FNUZFromFloat32(x float32) E4M3FNUZ {
	return E4M3FNUZ(e4m3fnuzFormat.sat.encode(math.Float32bits(x)))
}

// E4M3FNUZFromFloat32NonSat converts x without saturation: overflow and infinities
// give NaN.
func E4M3FNUZFromFloat32NonSat(x float32) E4M3FNUZ {
	return E4M3FNUZ(e4m3fnuzFormat.nonSat.encode(math.Float32bits(x)))
}

// E4M3FNUZFromFloat32Stochastic converts x with saturation and stochastic rounding by
// the low k bits of r; see [FromFloat32Stochastic].
func E4M3FNUZFromFloat32Stochastic(x float32, r uint32, k uint) E4M3FNUZ {
	return E4M3FNUZ(e4m3fnuzFormat.sat.stochastic(math.Float32bits(x), r, k, uint32(E4M3FNUZMax)))
}

// E4M3FNUZFromFloat64 converts x with saturation, rounding once.
func E4M3FNUZFromFloat64(x float64) E4M3FNUZ {
	return E4M3FNUZ(e4m3fnuzFormat.sat.encode(roundToOdd(x)))
}

// E4M3FNUZFromFloat16 converts the binary16 value with pattern h with saturation.
func E4M3FNUZFromFloat16(h uint16) E4M3FNUZ {
	return E4M3FNUZ(e4m3fnuzFormat.sat.encode(widen16(h)))
}

// E4M3FNUZFromBFloat16 converts the bfloat16 value with pattern b with saturation.
func E4M3FNUZFromBFloat16(b uint16) E4M3FNUZ {
	return E4M3FNUZ(e4m3fnuzFormat.sat.encode(uint32(b) << 16))
}

// Float32 returns the value of x, exactly.
func (x E4M3FNUZ) Float32() float32 { return e4m3fnuzFormat.decode[x] }

// Float64 returns the value of x, exactly.
func (x E4M3FNUZ) Float64() float64 { return float64(e4m3fnuzFormat.decode[x]) }

// IsNaN reports whether x is NaN.
func (x E4M3FNUZ) IsNaN() bool { return x == E4M3FNUZNaN }

// IsInf returns false: the type has no infinities.
func (x E4M3FNUZ) IsInf(sign int) bool { return false }

// IsZero reports whether x is zero. There is no −0.
func (x E4M3FNUZ) IsZero() bool { return x == 0 }

// IsNormal reports whether x is finite and at least the smallest normal value in
// magnitude.
func (x E4M3FNUZ) IsNormal() bool { return e4m3fnuzFormat.isNormal(uint8(x)) }

// IsSubnormal reports whether x is not zero and smaller than the smallest normal
// value in magnitude.
func (x E4M3FNUZ) IsSubnormal() bool { return e4m3fnuzFormat.isSubnormal(uint8(x)) }

// Signbit reports whether x is negative. It is false for zero and NaN, which have
// no sign in this type.
func (x E4M3FNUZ) Signbit() bool { return x > 0x80 }

// Neg returns −x. Zero and NaN are their own negation.
func (x E4M3FNUZ) Neg() E4M3FNUZ { return E4M3FNUZ(negFNUZ(uint8(x))) }

// Abs returns |x|. NaN stays NaN.
func (x E4M3FNUZ) Abs() E4M3FNUZ { return E4M3FNUZ(absFNUZ(uint8(x))) }

// String returns the shortest decimal of the exact value, "NaN".
func (x E4M3FNUZ) String() string { return e4m3fnuzFormat.text(uint8(x)) }
