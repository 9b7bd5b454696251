package fp8

import "math"

// E5M2 is the OCP OFP8 type of 5 exponent and 2 mantissa bits: the upper byte of a
// binary16, with infinities and NaNs as in IEEE 754.
type E5M2 uint8

// Codes of E5M2.
const (
	E5M2Max               E5M2 = 0x7B // 57344
	E5M2SmallestNormal    E5M2 = 0x04 // 2^-14
	E5M2SmallestSubnormal E5M2 = 0x01 // 2^-16
	E5M2NaN               E5M2 = 0x7E // the quiet one; 0x7D, 0x7F and 0xFD…0xFF are NaN too
	E5M2Inf               E5M2 = 0x7C
)

// Properties of E5M2.
const (
	E5M2MaxValue               = 57344
	E5M2SmallestNormalValue    = 0x1p-14
	E5M2SmallestSubnormalValue = 0x1p-16
	E5M2Epsilon                = 0x1p-2 // distance from 1 to the next value
	E5M2Bias                   = 15
	E5M2ExponentBits           = 5
	E5M2MantissaBits           = 2
	E5M2Digits                 = 3 // significant bits, the hidden one included
)

var e5m2Format = newFormat("E5M2", E5M2Bias, E5M2MantissaBits, uint32(E5M2Max), uint32(E5M2Inf), uint32(E5M2NaN))

func (E5M2) format() *format { return e5m2Format }

// E5M2FromFloat32 converts x with saturation.
func E5M2FromFloat32(x float32) E5M2 {
	return E5M2(e5m2Format.sat.encode(math.Float32bits(x)))
}

// E5M2FromFloat32NonSat converts x without saturation: overflow and infinities
// give ±Inf.
func E5M2FromFloat32NonSat(x float32) E5M2 {
	return E5M2(e5m2Format.nonSat.encode(math.Float32bits(x)))
}

// E5M2FromFloat32Stochastic converts x with saturation and stochastic rounding by
// the low k bits of r; see [FromFloat32Stochastic].
func E5M2FromFloat32Stochastic(x float32, r uint32, k uint) E5M2 {
	return E5M2(e5m2Format.sat.stochastic(math.Float32bits(x), r, k, uint32(E5M2Max)))
}

// E5M2FromFloat64 converts x with saturation, rounding once.
func E5M2FromFloat64(x float64) E5M2 {
	return E5M2(e5m2Format.sat.encode(roundToOdd(x)))
}

// E5M2FromFloat16 converts the binary16 value with pattern h with saturation.
func E5M2FromFloat16(h uint16) E5M2 {
	return E5M2(e5m2Format.sat.encode(widen16(h)))
}

// E5M2FromBFloat16 converts the bfloat16 value with pattern b with saturation.
func E5M2FromBFloat16(b uint16) E5M2 {
	return E5M2(e5m2Format.sat.encode(uint32(b) << 16))
}

// Float32 returns the value of x, exactly.
func (x E5M2) Float32() float32 { return e5m2Format.decode[x] }

// Float64 returns the value of x, exactly.
func (x E5M2) Float64() float64 { return float64(e5m2Format.decode[x]) }

// IsNaN reports whether x is NaN, of either sign.
func (x E5M2) IsNaN() bool { return x&0x7F > 0x7C }

// IsInf reports whether x is an infinity: +Inf for sign > 0, −Inf for sign < 0,
// either for sign = 0.
func (x E5M2) IsInf(sign int) bool {
	return sign >= 0 && x == 0x7C || sign <= 0 && x == 0xFC
}

// IsZero reports whether x is +0 or −0.
func (x E5M2) IsZero() bool { return x&0x7F == 0 }

// IsNormal reports whether x is finite and at least the smallest normal value in
// magnitude.
func (x E5M2) IsNormal() bool { return e5m2Format.isNormal(uint8(x)) }

// IsSubnormal reports whether x is not zero and smaller than the smallest normal
// value in magnitude.
func (x E5M2) IsSubnormal() bool { return e5m2Format.isSubnormal(uint8(x)) }

// Signbit reports whether the sign bit of x is set, also for −0 and NaN.
func (x E5M2) Signbit() bool { return x&0x80 != 0 }

// Neg returns x with its sign flipped, also for zeros and NaN.
func (x E5M2) Neg() E5M2 { return x ^ 0x80 }

// Abs returns x with its sign cleared, also for −0 and NaN.
func (x E5M2) Abs() E5M2 { return x &^ 0x80 }

// String returns the shortest decimal of the exact value, "NaN", "+Inf", "-Inf" or "-0".
func (x E5M2) String() string { return e5m2Format.text(uint8(x)) }
