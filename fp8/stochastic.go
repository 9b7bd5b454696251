package fp8

import "math"

// FromFloat32Stochastic converts x with stochastic rounding, using the low k bits
// of r as the random number. k is 0 to 32; larger values mean 32.
//
// With u the distance between the two values of T that enclose |x| (the smallest
// subnormal below the normal range), i = ⌊|x|/u⌋ and f = |x|/u − i, the magnitude
// becomes
//
//	(i+1)·u   when ⌊f·2^k⌋ + (r mod 2^k) ≥ 2^k
//	i·u       otherwise
//
// For uniform r it is rounded up with probability ⌊f·2^k⌋/2^k: unbiased when f has
// at most k fractional bits, else biased towards zero by less than u·2^−k. Twenty
// bits (E4M3, E4M3FNUZ) or twenty-one (E5M2, E5M2FNUZ) make every normal result
// unbiased. Values of T convert to themselves for every r, k = 0 rounds towards
// zero, and the magnitude never decreases as r mod 2^k grows.
//
// Results beyond the largest finite value, and infinities, follow the rule o.
func FromFloat32Stochastic[T Float8](x float32, r uint32, k uint, o Overflow) T {
	var t T
	f := t.format()
	return T(f.encoder(o).stochastic(math.Float32bits(x), r, k, f.max))
}

// stochastic rounds the float32 with pattern b as FromFloat32Stochastic states. max
// is the code of the largest finite value.
func (e *encoder) stochastic(b, r uint32, k uint, max uint32) uint8 {
	a := b & magMask
	s := b >> 24 & 0x80
	var n uint32
	switch {
	case a > infBits:
		n = e.codeNaN
	case a == infBits:
		n = e.codeInf
	default:
		n = e.round(a, r, k)
		if n > max {
			n = e.codeOver
		}
	}
	if n == 0 {
		s &= e.zeroSign
	}
	return uint8(n | s)
}

// round returns the code of a finite magnitude, not limited to the codes of the
// type.
func (e *encoder) round(a, r uint32, k uint) uint32 {
	if k > 32 {
		k = 32
	}
	exp, mant := a>>23, a&(1<<23-1)
	if exp == 0 {
		exp = 1
	} else {
		mant |= 1 << 23
	}
	// |x|/u = mant / 2^shift. Below the normal range u stands still, so each
	// exponent step moves one more bit under the point.
	minExp := e.minNormal >> 23
	shift, base := e.shift, uint32(0)
	if exp < minExp {
		shift += minExp - exp
	} else {
		base = (exp - minExp) << (23 - e.shift)
	}
	n := base + uint32(uint64(mant)>>shift) // the hidden bit adds 1<<m: exponent field 1
	frac := uint64(mant) & (1<<shift - 1)   // shift ≥ 64 keeps all of mant
	if frac<<k>>shift+uint64(r)&(1<<k-1) >= 1<<k {
		n++
	}
	return n
}
