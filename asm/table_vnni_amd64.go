//go:build !purego

package asm

var vnniKernels = []Entry{
	{"qkScaleI8_vnni", AVX2 | AVX512 | VNNI, true, QKScaleI8Func(qkScaleI8_vnni)},
	{"qkI4_vnni", AVX2 | AVX512 | VNNI, true, QKI4Func(qkI4_vnni)},
	{"pvFoldI8_vnni", AVX2 | AVX512 | VNNI, true, PVFoldI8Func(pvFoldI8_vnni)},
	{"pvFoldI4_vnni", AVX2 | AVX512 | VNNI, true, PVFoldI4Func(pvFoldI4_vnni)},
}
