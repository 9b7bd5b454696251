//go:build !purego

package asm

// avx2Row runs the row steps of the softmax kernels in assembly.
var avx2Row = rowSteps{rowMax_avx2, expRow_avx2, logRow_avx2, rowTop_avx2, packRow_avx2, pack16Row_avx2}

// whole tells whether the kernels of whole tiles take n columns. They stop at a row without
// finite weights, which the row steps then do.
func whole(n int) bool { return n%32 == 0 }

// smF32_avx2 works like smF32_generic.
func smF32_avx2(y []float32, st []Stat, m, n int) {
	for i := 0; i < m; i++ {
		if whole(n) {
			if i += smF32Rows_avx2(y[i*Tile:], st[i:], m-i, n); i == m {
				return
			}
		}
		softmaxF32(&avx2Row, y[i*Tile:], st[i:], nil, 1, n)
	}
}

// smU8_avx2 works like smU8_generic.
func smU8_avx2(p []byte, y, sv []float32, st []Stat, top float32, m, n int) {
	for i := 0; i < m; i++ {
		if whole(n) {
			if i += smU8Rows_avx2(p[i*Tile:], y[i*Tile:], sv, st[i:], top, m-i, n); i == m {
				return
			}
		}
		softmaxU8(&avx2Row, p[i*Tile:], y[i*Tile:], sv, st[i:], nil, top, 1, n)
	}
}

// smU16_avx2 works like smU16_generic.
func smU16_avx2(hi, lo []byte, y, sv []float32, st []Stat, m, n int) {
	for i := 0; i < m; i++ {
		if whole(n) {
			if i += smU16Rows_avx2(hi[i*Tile:], lo[i*Tile:], y[i*Tile:], sv, st[i:], m-i, n); i == m {
				return
			}
		}
		softmaxU16(&avx2Row, hi[i*Tile:], lo[i*Tile:], y[i*Tile:], sv, st[i:], 1, n)
	}
}

// smLogF32_avx2 works like smLogF32_generic.
func smLogF32_avx2(y []float32, st []Stat, code LogCode, m, n int) {
	for i := 0; i < m; i++ {
		if whole(n) {
			if i += smLogF32Rows_avx2(y[i*Tile:], st[i:], code, m-i, n); i == m {
				return
			}
		}
		softmaxF32(&avx2Row, y[i*Tile:], st[i:], &code, 1, n)
	}
}

// smLogU8_avx2 works like smLogU8_generic.
func smLogU8_avx2(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int) {
	for i := 0; i < m; i++ {
		if whole(n) {
			if i += smLogU8Rows_avx2(p[i*Tile:], y[i*Tile:], sv, st[i:], code, top, m-i, n); i == m {
				return
			}
		}
		softmaxU8(&avx2Row, p[i*Tile:], y[i*Tile:], sv, st[i:], &code, top, 1, n)
	}
}
