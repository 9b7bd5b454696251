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

//go:noescape
func smF32_avx512(y []float32, st []Stat, m, n int)

//go:noescape
func smU8_avx512(p []byte, y, sv []float32, st []Stat, top float32, m, n int)

//go:noescape
func smU16_avx512(hi, lo []byte, y, sv []float32, st []Stat, m, n int)

//go:noescape
func smLogF32_avx512(y []float32, st []Stat, code LogCode, m, n int)

//go:noescape
func smLogU8_avx512(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int)

//go:noescape
func exp2F32_avx512(x []float32)

//go:noescape
func hadamard_avx512(x []float32)

//go:noescape
func dec16_avx512(dst []float32, src, next []byte)

//go:noescape
func decBF16K_avx512(dst []float32, k []byte, n, d int, next []byte)

//go:noescape
func decBF16V_avx512(dst []float32, v []byte, n, d int, next []byte)

//go:noescape
func decE4M3K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decE4M3V_avx512(dst []float32, v []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decE5M2K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decE5M2V_avx512(dst []float32, v []byte, scale []float32, n, d int, next []byte)

//go:noescape
func dec4K_avx512(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)

//go:noescape
func dec4V_avx512(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
