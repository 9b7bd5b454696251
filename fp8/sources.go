package fp8

import "math"

// FromFloat64 converts x under the overflow rule o, rounding once.
func FromFloat64[T Float8](x float64, o Overflow) T {
	var t T
	return T(t.format().encoder(o).encode(roundToOdd(x)))
}

// FromFloat16 converts the binary16 value with pattern h under the overflow rule o.
func FromFloat16[T Float8](h uint16, o Overflow) T {
	var t T
	return T(t.format().encoder(o).encode(widen16(h)))
}

// FromBFloat16 converts the bfloat16 value with pattern b under the overflow rule
// o.
func FromBFloat16[T Float8](b uint16, o Overflow) T {
	var t T
	return T(t.format().encoder(o).encode(uint32(b) << 16))
}

// roundToOdd returns the float32 pattern of x rounded to odd: x itself when it is a
// float32, else the one of its two float32 neighbours whose last bit is 1.
//
// A float32 has at least two bits more than any result, so its last bit stands for
// "some non-zero remainder" and rounding it to nearest equals rounding x to
// nearest. Finite values beyond the float32 range become the largest float32, which
// is odd, and not an infinity.
func roundToOdd(x float64) uint32 {
	if x != x {
		// Not left to the conversion: some machines drop the sign of a NaN.
		return uint32(math.Float64bits(x)>>32)&^magMask | 0x7FC0_0000
	}
	y := float32(x)
	b := math.Float32bits(y)
	back := float64(y)
	if back == x {
		return b
	}
	if math.Abs(back) > math.Abs(x) {
		b-- // rounded away from zero: step back
	}
	return b | 1
}

// widen16 returns the float32 pattern of a binary16 value; the conversion is exact.
// The shifted pattern has an exponent that is 112 too small, which one
// multiplication corrects for normal and subnormal values alike.
func widen16(h uint16) uint32 {
	sign := uint32(h&0x8000) << 16
	mag := uint32(h&0x7FFF) << 13
	if mag >= 0x7C00<<13 {
		return sign | mag | infBits
	}
	v := float32(math.Float32frombits(mag) * 0x1p112)
	return sign | math.Float32bits(v)
}
