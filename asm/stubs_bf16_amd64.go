//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkBF16_bf16(s, q []float32, k []byte, m, n, d int, next []byte)

//go:noescape
func pvBF16_bf16(o, p []float32, v []byte, m, n, dv int, next []byte)
