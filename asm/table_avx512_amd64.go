//go:build !purego

package asm

var avx512Kernels = []Entry{
	{"qkF32_avx512", AVX2 | AVX512, false, QKF32Func(qkF32_avx512)},
	{"pvF32_avx512", AVX2 | AVX512, false, PVF32Func(pvF32_avx512)},
	{"qkF16_avx512", AVX2 | AVX512, false, QKF16Func(qkF16_avx512)},
	{"pvF16_avx512", AVX2 | AVX512, false, PVF16Func(pvF16_avx512)},
	{"qkBF16_avx512", AVX2 | AVX512, false, QKBF16Func(qkBF16_avx512)},
	{"pvBF16_avx512", AVX2 | AVX512, false, PVBF16Func(pvBF16_avx512)},
	{"smF32_avx512", AVX2 | AVX512, true, SoftmaxF32Func(smF32_avx512)},
	{"smU8_avx512", AVX2 | AVX512, true, SoftmaxU8Func(smU8_avx512)},
	{"smU16_avx512", AVX2 | AVX512, true, SoftmaxU16Func(smU16_avx512)},
	{"smLogF32_avx512", AVX2 | AVX512, true, SoftmaxLogF32Func(smLogF32_avx512)},
	{"smLogU8_avx512", AVX2 | AVX512, true, SoftmaxLogU8Func(smLogU8_avx512)},
	{"exp2F32_avx512", AVX2 | AVX512, true, Exp2F32Func(exp2F32_avx512)},
	{"hadamard_avx512", AVX2 | AVX512, true, HadamardFunc(hadamard_avx512)},
	{"dec16_avx512", AVX2 | AVX512, true, Dec16Func(dec16_avx512)},
	{"decBF16K_avx512", AVX2 | AVX512, true, DecBF16KFunc(decBF16K_avx512)},
	{"decBF16V_avx512", AVX2 | AVX512, true, DecBF16VFunc(decBF16V_avx512)},
	{"decE4M3K_avx512", AVX2 | AVX512, true, DecE4M3KFunc(decE4M3K_avx512)},
	{"decE4M3V_avx512", AVX2 | AVX512, true, DecE4M3VFunc(decE4M3V_avx512)},
	{"decE5M2K_avx512", AVX2 | AVX512, true, DecE5M2KFunc(decE5M2K_avx512)},
	{"decE5M2V_avx512", AVX2 | AVX512, true, DecE5M2VFunc(decE5M2V_avx512)},
	{"dec4K_avx512", AVX2 | AVX512, true, Dec4KFunc(dec4K_avx512)},
	{"dec4V_avx512", AVX2 | AVX512, true, Dec4VFunc(dec4V_avx512)},
}
