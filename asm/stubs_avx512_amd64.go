//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkF32_avx512(s, q, k []float32, m, n, d int)

//go:noescape
func pvF32_avx512(o, p, v []float32, m, n, dv int)

//go:noescape
func qkF16_avx512(s, q []float32, k []byte, m, n, d int, next []byte)

//go:noescape
func pvF16_avx512(o, p []float32, v []byte, m, n, dv int, next []byte)

//go:noescape
func qkBF16_avx512(s, q []float32, k []byte, m, n, d int, next []byte)

//go:noescape
func pvBF16_avx512(o, p []float32, v []byte, m, n, dv int, next []byte)
