//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkI8Widen_avx2(w *qkI8Row, q []int8, rows, d4, blocks int)

//go:noescape
func qkI8Rows4_avx2(s []int32, w *qkI8Row, k []byte, n, d4, block, blocks int, next []byte)

//go:noescape
func qkI8Rows2_avx2(s []int32, w *qkI8Row, k []byte, n, d4, block, blocks int, next []byte)

//go:noescape
func qkI8Row1_avx2(s []int32, w *qkI8Row, k []byte, n, d4, block, blocks int, next []byte)

//go:noescape
func pvU8I8Widen_avx2(w *pvU8Row, p []byte, rows, quads int)

//go:noescape
func pvU8I8Rows4_avx2(o []int32, w *pvU8Row, v []byte, quads, dv int, next []byte)

//go:noescape
func pvU8I8Rows2_avx2(o []int32, w *pvU8Row, v []byte, quads, dv int, next []byte)

//go:noescape
func pvU8I8Row1_avx2(o []int32, w *pvU8Row, v []byte, quads, dv int, next []byte)

//go:noescape
func qkI4Start_avx2(start *qkI4Start, q []int8, rows, d4, blocks int)

//go:noescape
func qkI4Rows4_avx2(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)

//go:noescape
func qkI4Rows2_avx2(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)

//go:noescape
func qkI4Row1_avx2(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)

//go:noescape
func qkF32_avx2(s, q, k []float32, m, n, d int, next []byte)

//go:noescape
func pvF32_avx2(o, p, v []float32, m, n, dv int, next []byte)

//go:noescape
func qkF16_avx2(s, q []float32, k []byte, m, n, d int, next []byte)

//go:noescape
func qkBF16_avx2(s, q []float32, k []byte, m, n, d int, next []byte)

//go:noescape
func pvF16_avx2(o, p []float32, v []byte, m, n, dv int, next []byte)

//go:noescape
func pvBF16_avx2(o, p []float32, v []byte, m, n, dv int, next []byte)

//go:noescape
func dotF32_avx2(s, q, x, a, b []float32, m, d int)

//go:noescape
func scaleI8_avx2(y []float32, s []int32, sk, a, b []float32, m, n int)

//go:noescape
func scaleF32_avx2(y, a, b []float32, m, n int)

//go:noescape
func advance_avx2(m, l, w []float32, st []Stat, f []Fold, rows int) (poisoned bool)

//go:noescape
func certify_avx2(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64)

//go:noescape
func foldI8_avx2(o []float32, a []int32, mu []float32, f []Fold, m, dv int)

//go:noescape
func foldF32_avx2(o, a, mu []float32, f []Fold, m, dv int)

//go:noescape
func finishF32_avx2(out, o []float32, l float32)

//go:noescape
func exp2F32_avx2(x []float32)

//go:noescape
func roundBF16_avx2(x []float32)

//go:noescape
func sumSquares_avx2(x []float32) float32

//go:noescape
func absMax_avx2(x []float32) float32

//go:noescape
func decI8K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decI8V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)

//go:noescape
func dec16_avx2(dst []float32, src, next []byte)

//go:noescape
func smF32Rows_avx2(y []float32, st []Stat, m, n int) int

//go:noescape
func smU8Rows_avx2(p []byte, y, sv []float32, st []Stat, top float32, m, n int) int

//go:noescape
func smU16Rows_avx2(hi, lo []byte, y, sv []float32, st []Stat, m, n int) int

//go:noescape
func smLogF32Rows_avx2(y []float32, st []Stat, code LogCode, m, n int) int

//go:noescape
func smLogU8Rows_avx2(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int) int

//go:noescape
func rowMax_avx2(y []float32) float32

//go:noescape
func expRow_avx2(y []float32, m float32) float32

//go:noescape
func logRow_avx2(y []float32, m float32, code LogCode) float32

//go:noescape
func pack16Row_avx2(hi, lo []byte, e, sv []float32, lift, inv float32)

//go:noescape
func rowTop_avx2(e, sv []float32) float32

//go:noescape
func packRow_avx2(p []byte, e, sv []float32, lift, inv float32)

//go:noescape
func encI8_avx2(dst []int8, x []float32, scale float32)

//go:noescape
func encErrI8_avx2(dst []int8, x []float32, scale float32) (size2, err2 float32)

//go:noescape
func encI8K_avx2(dst []byte, x []float32, scale float32)

//go:noescape
func encI8V_avx2(dst []byte, x []float32, scale float32)

//go:noescape
func encF16_avx2(dst []byte, x []float32, stride int)

//go:noescape
func encBF16K_avx2(dst []byte, x []float32)

//go:noescape
func encBF16V_avx2(dst []byte, x []float32)

//go:noescape
func encE4M3_avx2(dst []byte, x []float32, scale float32, stride int)

//go:noescape
func encE5M2_avx2(dst []byte, x []float32, scale float32, stride int)

//go:noescape
func enc4K_avx2(dst []byte, x []float32, limits *[15]float32, scale float32, high bool)

//go:noescape
func enc4V_avx2(dst []byte, x []float32, limits *[15]float32, scale float32, high bool)

//go:noescape
func butterflies_avx2(x []float32, s float32)

//go:noescape
func expI4K_avx2(dst, k, mult []byte, n, d int, next []byte)

//go:noescape
func expI4V_avx2(dst, v, mult []byte, n, d int, next []byte)

//go:noescape
func expN4K_avx2(dst, k, mult []byte, book *ScaledBook, n, d int, next []byte)

//go:noescape
func expN4V_avx2(dst, v, mult []byte, book *ScaledBook, n, d int, next []byte)

//go:noescape
func splitScales_avx2(scale []float32, ratio []int16, src []byte, size, n, blocks int)

//go:noescape
func expB4K_avx2(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)

//go:noescape
func expB4V_avx2(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)

//go:noescape
func dec4K_avx2(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)

//go:noescape
func dec4V_avx2(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)

//go:noescape
func decBF16K_avx2(dst []float32, k []byte, n, d int, next []byte)

//go:noescape
func decBF16V_avx2(dst []float32, v []byte, n, d int, next []byte)

//go:noescape
func decE4M3K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decE4M3V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decE5M2K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decE5M2V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)

//go:noescape
func encI4K_avx2(dst, mult []byte, x []float32, scale float32, high bool)

//go:noescape
func encI4V_avx2(dst, mult []byte, x []float32, scale float32, high bool)
