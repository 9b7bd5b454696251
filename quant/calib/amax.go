package calib

import "github.com/qattn/qattn/fp8"

// Amax is the FP8-AMAX policy of "Training and inference of large language models using
// 8-bit floating point" (Perez et al., arXiv 2309.17224) for a tensor of largest
// magnitude amax:
//
//	Scale = 2^−b,  b = clip(⌊log₂(MAX/amax)⌋, −31, 31)
//
// with MAX = 448 (E4M3) or 57344 (E5M2). Scaling by it is exact, and nothing of magnitude
// up to amax saturates unless b is −31. amax = 0 gives 1.
func Amax(t FP8Type, amax float32) FP8 {
	if t == E5M2 {
		return FP8{t, PolicyAmax, fp8.AmaxScale[fp8.E5M2](amax)}
	}
	return FP8{t, PolicyAmax, fp8.AmaxScale[fp8.E4M3](amax)}
}

// AbsMax maps amax to the largest finite value: Scale = amax/MAX, rounded to float32.
// amax = 0 gives 1.
func AbsMax(t FP8Type, amax float32) FP8 {
	if t == E5M2 {
		return FP8{t, PolicyAbsMax, fp8.AbsMaxScale[fp8.E5M2](amax)}
	}
	return FP8{t, PolicyAbsMax, fp8.AbsMaxScale[fp8.E4M3](amax)}
}
