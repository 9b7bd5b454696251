//go:build !purego

package asm

var bf16Kernels = []Entry{
	{"qkPairBF16_bf16", AVX2 | AVX512 | VNNI | BF16, false, QKPairBF16Func(qkPairBF16_bf16)},
	{"qkPairFP8_bf16", AVX2 | AVX512 | VNNI | BF16, false, QKPairFP8Func(qkPairFP8_bf16)},
	{"advanceBF16_bf16", AVX2 | AVX512 | VNNI | BF16, true, AdvanceBF16Func(advanceBF16_bf16)},
	{"pvPairBF16_bf16", AVX2 | AVX512 | VNNI | BF16, false, PVPairBF16Func(pvPairBF16_bf16)},
	{"pvPairFP8_bf16", AVX2 | AVX512 | VNNI | BF16, false, PVPairFP8Func(pvPairFP8_bf16)},
}
