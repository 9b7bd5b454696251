//go:build !purego

package asm

// Where no kernel keeps the sums in registers, they pass through acc.

func pvFoldI8_avx2(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
	pvU8I8_avx2(acc, p, v, m, n, dv, next)
	foldI8_avx2(o, acc, mu, f, m, dv)
}

func pvFoldI8_avxvnni(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
	pvU8I8_avxvnni(acc, p, v, m, n, dv, next)
	foldI8_avx2(o, acc, mu, f, m, dv)
}

func pvFoldI8_avx512(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
	pvU8I8_avx512(acc, p, v, m, n, dv, next)
	foldI8_avx512(o, acc, mu, f, m, dv)
}
