//go:build !purego

package asm

var bf16Kernels = []Entry{}
