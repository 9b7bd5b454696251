//go:build !purego

package asm

var bf16Kernels = []Entry{
	{"qkBF16_bf16", AVX2 | AVX512 | VNNI | BF16, false, QKBF16Func(qkBF16_bf16)},
	{"pvBF16_bf16", AVX2 | AVX512 | VNNI | BF16, false, PVBF16Func(pvBF16_bf16)},
}
