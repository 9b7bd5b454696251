//go:build !purego

package asm

var vnniKernels = []Entry{
	{"qkScaleI8_vnni", AVX2 | AVX512 | VNNI, true, QKScaleI8Func(qkScaleI8_vnni)},
	{"qkScaleI4_vnni", AVX2 | AVX512 | VNNI, true, QKScaleI4Func(qkScaleI4_vnni)},
	{"qkScaleN4_vnni", AVX2 | AVX512 | VNNI, true, QKScaleN4Func(qkScaleN4_vnni)},
	{"qkAdvanceI8_vnni", AVX2 | AVX512 | VNNI, true, QKAdvanceI8Func(qkAdvanceI8_vnni)},
	{"qkAdvanceI4_vnni", AVX2 | AVX512 | VNNI, true, QKAdvanceI4Func(qkAdvanceI4_vnni)},
	{"qkAdvanceN4_vnni", AVX2 | AVX512 | VNNI, true, QKAdvanceN4Func(qkAdvanceN4_vnni)},
	{"qkAdvanceLogI8_vnni", AVX2 | AVX512 | VNNI, true, QKAdvanceLogI8Func(qkAdvanceLogI8_vnni)},
	{"qkAdvanceCertifyI8_vnni", AVX2 | AVX512 | VNNI, true, QKAdvanceCertifyI8Func(qkAdvanceCertifyI8_vnni)},
	{"pvFoldI8_vnni", AVX2 | AVX512 | VNNI, true, PVFoldI8Func(pvFoldI8_vnni)},
	{"pvFoldI4_vnni", AVX2 | AVX512 | VNNI, true, PVFoldI4Func(pvFoldI4_vnni)},
	{"pvFoldN4_vnni", AVX2 | AVX512 | VNNI, true, PVFoldN4Func(pvFoldN4_vnni)},
	{"pvFoldB4_vnni", AVX2 | AVX512 | VNNI, true, PVFoldB4Func(pvFoldB4_vnni)},
}
