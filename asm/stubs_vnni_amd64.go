//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkScaleI8_vnni(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte)

//go:noescape
func qkScaleI4_vnni(y []float32, q []int8, k, mult []byte, sk, a, b []float32, m, n, d4 int, next []byte)

//go:noescape
func qkScaleN4_vnni(y []float32, q []int8, k, mult []byte, book *ScaledBook, sk, a, b []float32, m, n, d4 int, next []byte)

//go:noescape
func pvFoldI8_vnni(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte)

//go:noescape
func pvFoldI4_vnni(o []float32, p, v, mult []byte, mu []float32, f []Fold, m, n, dv int, next []byte)

//go:noescape
func pvFoldN4_vnni(o []float32, p, v, mult []byte, book *ScaledBook, mu []float32, f []Fold, m, n, dv int, next []byte)

//go:noescape
func qkAdvanceI8_vnni(r *RowStates, p []byte, y, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool)

//go:noescape
func qkAdvanceI4_vnni(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, a, b []float32, d4 int, next []byte) (poisoned bool)

//go:noescape
func qkAdvanceN4_vnni(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, book *ScaledBook, a, b []float32, d4 int, next []byte) (poisoned bool)

//go:noescape
func qkAdvanceLogI8_vnni(r *RowStates, p []byte, y, sv []float32, code *LogCode, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool)

//go:noescape
func qkAdvanceCertifyI8_vnni(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64)

//go:noescape
func pvFoldB4_vnni(o []float32, p, v []byte, ratio []int16, levels *[16]int8, mu []float32, f []Fold, m, n, dv, block int, next []byte)
