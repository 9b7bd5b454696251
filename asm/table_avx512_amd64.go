//go:build !purego

package asm

var avx512Kernels = []Entry{}
