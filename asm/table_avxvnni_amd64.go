//go:build !purego

package asm

var avxvnniKernels = []Entry{
	{"qkI8_avxvnni", AVX2 | AVXVNNI, true, QKI8Func(qkI8_avxvnni)},
	{"qkScaleI8_avxvnni", AVX2 | AVXVNNI, true, QKScaleI8Func(qkScaleI8_avxvnni)},
	{"pvU8I8_avxvnni", AVX2 | AVXVNNI, true, PVU8I8Func(pvU8I8_avxvnni)},
	{"pvFoldI8_avxvnni", AVX2 | AVXVNNI, true, PVFoldI8Func(pvFoldI8_avxvnni)},
}
