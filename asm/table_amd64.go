//go:build !purego

package asm

// arch lists the assembly kernels of this architecture, slow before fast within a
// family.
var arch = []Entry{
	{"qkI8_avx2", AVX2, true, QKI8Func(qkI8_avx2)},
	{"pvU8I8_avx2", AVX2, true, PVU8I8Func(pvU8I8_avx2)},
	{"qkF32_avx2", AVX2, false, QKF32Func(qkF32_avx2)},
	{"pvF32_avx2", AVX2, false, PVF32Func(pvF32_avx2)},
}
