//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func fetch_avx512(p []byte)

//go:noescape
func qkF32_avx512(s, q, k []float32, m, n, d int, next []byte)

//go:noescape
func pvF32_avx512(o, p, v []float32, m, n, dv int, next []byte)

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
func smU16_avx512(hi, lo []byte, y, sv []float32, st []Stat, m, n int)

//go:noescape
func smLogF32_avx512(y []float32, st []Stat, code LogCode, m, n int)

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

//go:noescape
func qkI8_avx512(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)

//go:noescape
func pvU8I8_avx512(o []int32, p, v []byte, m, n, dv int, next []byte)

//go:noescape
func dotF32_avx512(s, q, x, a, b []float32, m, d int)

//go:noescape
func scaleI8_avx512(y []float32, s []int32, sk, a, b []float32, m, n int)

//go:noescape
func scaleF32_avx512(y, a, b []float32, m, n int)

//go:noescape
func advanceU8_avx512(r *RowStates, p []byte, y, sv []float32, top float32, m, n int) (poisoned bool)

//go:noescape
func advanceLogU8_avx512(r *RowStates, p []byte, y, sv []float32, code LogCode, top float32, m, n int) (poisoned bool)

//go:noescape
func advanceCertifyU8_avx512(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32) (left uint64)

//go:noescape
func certify_avx512(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64)

//go:noescape
func foldI8_avx512(o []float32, a []int32, mu []float32, f []Fold, m, dv int)

//go:noescape
func foldF32_avx512(o, a, mu []float32, f []Fold, m, dv int)

//go:noescape
func finishF32_avx512(out, o []float32, l float32)

//go:noescape
func roundBF16_avx512(x []float32)

//go:noescape
func packBF16_avx512(dst []uint16, y, sv []float32, m, n int)

//go:noescape
func absMax_avx512(x []float32) float32

//go:noescape
func encI8_avx512(dst []int8, x []float32, scale float32)

//go:noescape
func encErrI8_avx512(dst []int8, x []float32, scale float32) (size2, err2 float32)

//go:noescape
func encI8K_avx512(dst []byte, x []float32, scale float32)

//go:noescape
func encI8V_avx512(dst []byte, x []float32, scale float32)

//go:noescape
func decI8K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)

//go:noescape
func decI8V_avx512(dst []float32, v []byte, scale []float32, n, d int, next []byte)

//go:noescape
func expI4K_avx512(dst, k, mult []byte, n, d int, next []byte)

//go:noescape
func expI4V_avx512(dst, v, mult []byte, n, d int, next []byte)

//go:noescape
func expN4K_avx512(dst, k, mult []byte, book *ScaledBook, n, d int, next []byte)

//go:noescape
func expN4V_avx512(dst, v, mult []byte, book *ScaledBook, n, d int, next []byte)

//go:noescape
func splitScales_avx512(scale []float32, ratio []int16, src []byte, size, n, blocks int)

//go:noescape
func expB4K_avx512(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)

//go:noescape
func expB4V_avx512(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)

//go:noescape
func encN4Blocks_avx512(codes, mults []byte, v []int8, book *ScaledBook, nearest *[16][256]byte)
