//go:build !purego

package asm

var avx512Kernels = []Entry{
	{"qkF32_avx512", AVX2 | AVX512, false, QKF32Func(qkF32_avx512)},
	{"pvF32_avx512", AVX2 | AVX512, false, PVF32Func(pvF32_avx512)},
	{"qkF16_avx512", AVX2 | AVX512, false, QKF16Func(qkF16_avx512)},
	{"pvF16_avx512", AVX2 | AVX512, false, PVF16Func(pvF16_avx512)},
	{"qkBF16_avx512", AVX2 | AVX512, false, QKBF16Func(qkBF16_avx512)},
	{"pvBF16_avx512", AVX2 | AVX512, false, PVBF16Func(pvBF16_avx512)},
}
