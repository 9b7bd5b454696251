//go:build !purego

package asm

var avxvnniKernels = []Entry{
	{"qkI8_avxvnni", AVX2 | AVXVNNI, true, QKI8Func(qkI8_avxvnni)},
}
