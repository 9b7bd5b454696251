//go:build !purego

package asm

// arch lists the assembly kernels of this architecture, slow before fast within a
// family.
var arch = []Entry{
	{"qkI8_avx2", AVX2, true, QKI8Func(qkI8_avx2)},
	{"pvU8I8_avx2", AVX2, true, PVU8I8Func(pvU8I8_avx2)},
	{"qkF32_avx2", AVX2, false, QKF32Func(qkF32_avx2)},
	{"pvF32_avx2", AVX2, false, PVF32Func(pvF32_avx2)},
	{"scaleI8_avx2", AVX2, true, ScaleI8Func(scaleI8_avx2)},
	{"scaleF32_avx2", AVX2, true, ScaleF32Func(scaleF32_avx2)},
	{"smF32_avx2", AVX2, true, SoftmaxF32Func(smF32_avx2)},
	{"smU8_avx2", AVX2, true, SoftmaxU8Func(smU8_avx2)},
	{"foldI8_avx2", AVX2, true, FoldI8Func(foldI8_avx2)},
	{"foldF32_avx2", AVX2, true, FoldF32Func(foldF32_avx2)},
	{"mixF32_avx2", AVX2, true, MixF32Func(mixF32_avx2)},
	{"finishF32_avx2", AVX2, true, FinishF32Func(finishF32_avx2)},
	{"exp2F32_avx2", AVX2, true, Exp2F32Func(exp2F32_avx2)},
	{"absMax_avx2", AVX2, true, AbsMaxFunc(absMax_avx2)},
	{"decI8K_avx2", AVX2, true, DecI8KFunc(decI8K_avx2)},
	{"decI8V_avx2", AVX2, true, DecI8VFunc(decI8V_avx2)},
	{"dec16_avx2", AVX2, true, Dec16Func(dec16_avx2)},
	{"encI8_avx2", AVX2, true, EncI8Func(encI8_avx2)},
	{"encI8K_avx2", AVX2, true, EncI8KFunc(encI8K_avx2)},
	{"encI8V_avx2", AVX2, true, EncI8VFunc(encI8V_avx2)},
	{"hadamard_avx2", AVX2, true, HadamardFunc(hadamard_avx2)},
	{"expI4K_avx2", AVX2, true, ExpI4KFunc(expI4K_avx2)},
	{"expI4V_avx2", AVX2, true, ExpI4VFunc(expI4V_avx2)},
	{"dec4K_avx2", AVX2, true, Dec4KFunc(dec4K_avx2)},
	{"dec4V_avx2", AVX2, true, Dec4VFunc(dec4V_avx2)},
	{"decBF16K_avx2", AVX2, true, DecBF16KFunc(decBF16K_avx2)},
	{"decBF16V_avx2", AVX2, true, DecBF16VFunc(decBF16V_avx2)},
	{"dec8K_avx2", AVX2, true, Dec8KFunc(dec8K_avx2)},
	{"dec8V_avx2", AVX2, true, Dec8VFunc(dec8V_avx2)},
}
