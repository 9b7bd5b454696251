package fp8

import "math"

// MaxBias bounds the bias of AmaxBias and ConstantScale: −31 ≤ b ≤ 31.
const MaxBias = 31

// AbsMax returns the largest magnitude among the finite elements of x, 0 if there
// is none.
func AbsMax(x []float32) float32 {
	var m uint32
	for _, v := range x {
		// Magnitude patterns order as the magnitudes do.
		if a := math.Float32bits(v) & magMask; a > m && a < infBits {
			m = a
		}
	}
	return math.Float32frombits(m)
}

// AmaxBias returns the bias of the FP8-AMAX policy for a tensor whose largest
// magnitude is amax (Perez et al., "Training and inference of large language models
// using 8-bit floating point"):
//
//	b = clip(⌊log₂(MAX/amax)⌋, −31, 31)
//
// MAX is the largest finite value of T. It is computed exactly: b is the largest
// integer with amax·2^b ≤ MAX, hence amax·2^b > MAX/2 unless clipped, and no
// element overflows unless b is −31. The sign of amax is ignored, amax = 0 gives 0,
// an infinity gives −31 and NaN gives 0.
//
// For gradients the paper lowers the bias by 3 as headroom; clip the result with
// ConstantScale.
func AmaxBias[T Float8](amax float32) int {
	var t T
	a := math.Float32bits(amax) & magMask
	switch {
	case a == 0 || a > infBits:
		return 0
	case a == infBits:
		return -MaxBias
	}
	// Float32 subnormals have b > 31 whatever their leading bit is.
	m := math.Float32bits(t.format().maxValue)
	b := int(m>>23) - int(a>>23)
	if a&(1<<23-1) > m&(1<<23-1) {
		b--
	}
	return clipBias(b)
}

// AmaxScale returns the scale of the FP8-AMAX policy, 2^−AmaxBias(amax).
func AmaxScale[T Float8](amax float32) float32 {
	return ConstantScale(AmaxBias[T](amax))
}

// ConstantScale returns the scale 2^−b of the FP8-CSCALE policy: one bias for all
// tensors, found by a sweep over a model. b is clipped to [−31, 31].
func ConstantScale(b int) float32 {
	return math.Float32frombits(uint32(127-clipBias(b)) << 23)
}

func clipBias(b int) int { return max(-MaxBias, min(b, MaxBias)) }

// AbsMaxScale returns the scale amax/MAX, which maps amax to the largest finite
// value MAX of T.
//
// The quotient is rounded to float32; in the float32 subnormal range, where that is
// coarse, it is rounded up, so that amax/scale never overflows. The sign of amax is
// ignored. amax = 0 and NaN give 1, an infinity gives the scale of the largest
// float32.
func AbsMaxScale[T Float8](amax float32) float32 {
	var t T
	limit := t.format().maxValue
	a := math.Float32bits(amax) & magMask
	switch {
	case a == 0 || a > infBits:
		return 1
	case a == infBits:
		a--
	}
	m := math.Float32frombits(a)
	s := m / limit
	// The product is exact: 24 and 4 significant bits.
	if s < 0x1p-126 && float64(s)*float64(limit) < float64(m) {
		s = math.Float32frombits(math.Float32bits(s) + 1)
	}
	return s
}
