//go:build !purego

package asm

// Kernels that are two of the tables' in turn, where no assembly keeps what passes between
// them in registers.

func qkScaleI8_avx2(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
	qkI8_avx2(asInts(y), q, k, m, n, d4, next)
	scaleI8_avx2(y, asInts(y), sk, a, b, m, n)
}

func qkScaleI8_avxvnni(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
	qkI8_avxvnni(asInts(y), q, k, m, n, d4, next)
	scaleI8_avx2(y, asInts(y), sk, a, b, m, n)
}

func qkScaleI8_avx512(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
	qkI8_avx512(asInts(y), q, k, m, n, d4, next)
	scaleI8_avx512(y, asInts(y), sk, a, b, m, n)
}

func qkScaleI4_avx2(y []float32, q []int8, k, mult []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
	qkI4_avx2(asInts(y), q, k, mult, m, n, d4, next)
	scaleI8_avx2(y, asInts(y), sk, a, b, m, n)
}

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

func advanceU8_avx2(r *RowStates, p []byte, y, sv []float32, top float32, m, n int) (poisoned bool) {
	smU8_avx2(p, y, sv, r.Stat, top, m, n)
	return advance_avx2(r.M, r.L, r.W, r.Stat, r.Fold, m)
}

func advanceLogU8_avx2(r *RowStates, p []byte, y, sv []float32, code LogCode, top float32, m, n int) (poisoned bool) {
	smLogU8_avx2(p, y, sv, r.Stat, code, top, m, n)
	return advance_avx2(r.M, r.L, r.W, r.Stat, r.Fold, m)
}

func advanceCertifyU8_avx2(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32) (left uint64) {
	poisoned := advanceU8_avx2(r, p, t.Y, sv, top, 4, Tile)
	return leftRows(r, t, poisoned, certify_avx2(t, tile, 0, 4, Tile))
}
