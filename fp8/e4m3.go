package fp8

import "math"

// E4M3 is the OCP OFP8 type of 4 exponent and 3 mantissa bits, also called
// E4M3FN. It has no infinities, NaN is S.1111.111 and the largest value is 448. It
// is not the E4M3 of IEEE style that stops at 240.
type E4M3 uint8

// Codes of E4M3.
const (
	E4M3Max               E4M3 = 0x7E // 448
	E4M3SmallestNormal    E4M3 = 0x08 // 2^-6
	E4M3SmallestSubnormal E4M3 = 0x01 // 2^-9
	E4M3NaN               E4M3 = 0x7F // 0xFF is NaN too
)

// Properties of E4M3.
const (
	E4M3MaxValue               = 448
	E4M3SmallestNormalValue    = 0x1p-6
	E4M3SmallestSubnormalValue = 0x1p-9
	E4M3Epsilon                = 0x1p-3 // distance from 1 to the next value
	E4M3Bias                   = 7
	E4M3ExponentBits           = 4
	E4M3MantissaBits           = 3
	E4M3Digits                 = 4 // significant bits, the hidden one included
)

var e4m3Format = newFormat("E4M3", E4M3Bias, E4M3MantissaBits, uint32(E4M3Max), noInf, uint32(E4M3NaN))

func (E4M3) format() *format { return e4m3Format }

// E4M3FromFloat32 converts x with saturation.
func E4M3FromFloat32(x float32) E4M3 {
	return E4M3(e4m3Format.sat.encode(math.Float32bits(x)))
}

// E4M3FromFloat32NonSat converts x without saturation: overflow and infinities
// give NaN.
func E4M3FromFloat32NonSat(x float32) E4M3 {
	return E4M3(e4m3Format.nonSat.encode(math.Float32bits(x)))
}

// E4M3FromFloat32Stochastic converts x with saturation and stochastic rounding by
// the low k bits of r; see [FromFloat32Stochastic].
func E4M3FromFloat32Stochastic(x float32, r uint32, k uint) E4M3 {
	return E4M3(e4m3Format.sat.stochastic(math.Float32bits(x), r, k, uint32(E4M3Max)))
}

// E4M3FromFloat64 converts x with saturation, rounding once.
func E4M3FromFloat64(x float64) E4M3 {
	return E4M3(e4m3Format.sat.encode(roundToOdd(x)))
}

// E4M3FromFloat16 converts the binary16 value with pattern h with saturation.
func E4M3FromFloat16(h uint16) E4M3 {
	return E4M3(e4m3Format.sat.encode(widen16(h)))
}

// E4M3FromBFloat16 converts the bfloat16 value with pattern b with saturation.
func E4M3FromBFloat16(b uint16) E4M3 {
	return E4M3(e4m3Format.sat.encode(uint32(b) << 16))
}

// Float32 returns the value of x, exactly.
func (x E4M3) Float32() float32 { return e4m3Format.decode[x] }

// Float64 returns the value of x, exactly.
func (x E4M3) Float64() float64 { return float64(e4m3Format.decode[x]) }

// IsNaN reports whether x is NaN, of either sign.
func (x E4M3) IsNaN() bool { return x&0x7F == 0x7F }

// IsInf returns false: the type has no infinities.
func (x E4M3) IsInf(sign int) bool { return false }

// IsZero reports whether x is +0 or −0.
func (x E4M3) IsZero() bool { return x&0x7F == 0 }

// IsNormal reports whether x is finite and at least the smallest normal value in
// magnitude.
func (x E4M3) IsNormal() bool { return e4m3Format.isNormal(uint8(x)) }

// IsSubnormal reports whether x is not zero and smaller than the smallest normal
// value in magnitude.
func (x E4M3) IsSubnormal() bool { return e4m3Format.isSubnormal(uint8(x)) }

// Signbit reports whether the sign bit of x is set, also for −0 and NaN.
func (x E4M3) Signbit() bool { return x&0x80 != 0 }

// Neg returns x with its sign flipped, also for zeros and NaN.
func (x E4M3) Neg() E4M3 { return x ^ 0x80 }

// Abs returns x with its sign cleared, also for −0 and NaN.
func (x E4M3) Abs() E4M3 { return x &^ 0x80 }

// String returns the shortest decimal of the exact value, "NaN", or "-0".
func (x E4M3) String() string { return e4m3Format.text(uint8(x)) }
