//go:build !purego

package asm

var vnniKernels = []Entry{
	{"qkI8_vnni", AVX2 | AVX512 | VNNI, true, QKI8Func(qkI8_vnni)},
	{"qkI4_vnni", AVX2 | AVX512 | VNNI, true, QKI4Func(qkI4_vnni)},
	{"pvFoldI8_vnni", AVX2 | AVX512 | VNNI, true, PVFoldI8Func(pvFoldI8_vnni)},
}
