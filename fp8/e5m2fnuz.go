package fp8

import "math"

// E5M2FNUZ is the type of 5 exponent and 2 mantissa bits that is finite with an
// unsigned zero: bias 16, no infinities, no −0, NaN is 0x80, the largest value is
// 57344.
type E5M2FNUZ uint8

// Codes of E5M2FNUZ.
const (
	E5M2FNUZMax               E5M2FNUZ = 0x7F // 57344
	E5M2FNUZSmallestNormal    E5M2FNUZ = 0x04 // 2^-15
	E5M2FNUZSmallestSubnormal E5M2FNUZ = 0x01 // 2^-17
	E5M2FNUZNaN               E5M2FNUZ = 0x80 // the only NaN
)

// Properties of E5M2FNUZ.
const (
	E5M2FNUZMaxValue               = 57344
	E5M2FNUZSmallestNormalValue    = 0x1p-15
	E5M2FNUZSmallestSubnormalValue = 0x1p-17
	E5M2FNUZEpsilon                = 0x1p-2 // distance from 1 to the next value
	E5M2FNUZBias                   = 16
	E5M2FNUZExponentBits           = 5
	E5M2FNUZMantissaBits           = 2
	E5M2FNUZDigits                 = 3 // significant bits, the hidden one included
)

var e5m2fnuzFormat = newFormat("E5M2FNUZ", E5M2FNUZBias, E5M2FNUZMantissaBits, uint32(E5M2FNUZMax), noInf, uint32(E5M2FNUZNaN))

func (E5M2FNUZ) format() *format { return e5m2fnuzFormat }

// E5M2FNUZFromFloat32 converts x with saturation.
func E5M2FNUZFromFloat32(x float32) E5M2FNUZ {
	return E5M2FNUZ(e5m2fnuzFormat.sat.encode(math.Float32bits(x)))
}

// E5M2FNUZFromFloat32NonSat converts x without saturation: overflow and infinities
// give NaN.
func E5M2FNUZFromFloat32NonSat(x float32) E5M2FNUZ {
	return E5M2FNUZ(e5m2fnuzFormat.nonSat.encode(math.Float32bits(x)))
}

// E5M2FNUZFromFloat32Stochastic converts x with saturation and stochastic rounding by
// the low k bits of r; see [FromFloat32Stochastic].
func E5M2FNUZFromFloat32Stochastic(x float32, r uint32, k uint) E5M2FNUZ {
	return E5M2FNUZ(e5m2fnuzFormat.sat.stochastic(math.Float32bits(x), r, k, uint32(E5M2FNUZMax)))
}

// E5M2FNUZFromFloat64 converts x with saturation, rounding once.
func E5M2FNUZFromFloat64(x float64) E5M2FNUZ {
	return E5M2FNUZ(e5m2fnuzFormat.sat.encode(roundToOdd(x)))
}

// E5M2FNUZFromFloat16 converts the binary16 value with pattern h with saturation.
func E5M2FNUZFromFloat16(h uint16) E5M2FNUZ {
	return E5M2FNUZ(e5m2fnuzFormat.sat.encode(widen16(h)))
}

// E5M2FNUZFromBFloat16 converts the bfloat16 value with pattern b with saturation.
func E5M2FNUZFromBFloat16(b uint16) E5M2FNUZ {
	return E5M2FNUZ(e5m2fnuzFormat.sat.encode(uint32(b) << 16))
}

// Float32 returns the value of x, exactly.
func (x E5M2FNUZ) Float32() float32 { return e5m2fnuzFormat.decode[x] }

// Float64 returns the value of x, exactly.
func (x E5M2FNUZ) Float64() float64 { return float64(e5m2fnuzFormat.decode[x]) }

// IsNaN reports whether x is NaN.
func (x E5M2FNUZ) IsNaN() bool { return x == E5M2FNUZNaN }

// IsInf returns false: the type has no infinities.
func (x E5M2FNUZ) IsInf(sign int) bool { return false }

// IsZero reports whether x is zero. There is no −0.
func (x E5M2FNUZ) IsZero() bool { return x == 0 }

// IsNormal reports whether x is finite and at least the smallest normal value in
// magnitude.
func (x E5M2FNUZ) IsNormal() bool { return e5m2fnuzFormat.isNormal(uint8(x)) }

// IsSubnormal reports whether x is not zero and smaller than the smallest normal
// value in magnitude.
func (x E5M2FNUZ) IsSubnormal() bool { return e5m2fnuzFormat.isSubnormal(uint8(x)) }

// Signbit reports whether x is negative. It is false for zero and NaN, which have
// no sign in this type.
func (x E5M2FNUZ) Signbit() bool { return x > 0x80 }

// Neg returns −x. Zero and NaN are their own negation.
func (x E5M2FNUZ) Neg() E5M2FNUZ { return E5M2FNUZ(negFNUZ(uint8(x))) }

// Abs returns |x|. NaN stays NaN.
func (x E5M2FNUZ) Abs() E5M2FNUZ { return E5M2FNUZ(absFNUZ(uint8(x))) }

// String returns the shortest decimal of the exact value, "NaN".
func (x E5M2FNUZ) String() string { return e5m2fnuzFormat.text(uint8(x)) }
