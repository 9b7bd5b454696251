//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkI8_avx2(s []int32, q []int8, k []byte, m, n, d4 int)

//go:noescape
func pvU8I8_avx2(o []int32, p, v []byte, m, n, dv int)

//go:noescape
func qkF32_avx2(s, q, k []float32, m, n, d int)

//go:noescape
func pvF32_avx2(o, p, v []float32, m, n, dv int)
