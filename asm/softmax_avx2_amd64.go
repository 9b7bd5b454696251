//go:build !purego

package asm

// avx2Row runs the row steps of the softmax kernels in assembly.
var avx2Row = rowSteps{rowMax_avx2, expRow_avx2, logRow_avx2, rowTop_avx2, packRow_avx2, pack16Row_avx2}

// smF32_avx2 works like smF32_generic.
func smF32_avx2(y []float32, st []Stat, m, n int) { softmaxF32(&avx2Row, y, st, nil, m, n) }

// smU8_avx2 works like smU8_generic.
func smU8_avx2(p []byte, y, sv []float32, st []Stat, top float32, m, n int) {
	softmaxU8(&avx2Row, p, y, sv, st, nil, top, m, n)
}

// smU16_avx2 works like smU16_generic.
func smU16_avx2(hi, lo []byte, y, sv []float32, st []Stat, m, n int) {
	softmaxU16(&avx2Row, hi, lo, y, sv, st, m, n)
}

// smLogF32_avx2 works like smLogF32_generic.
func smLogF32_avx2(y []float32, st []Stat, code LogCode, m, n int) {
	softmaxF32(&avx2Row, y, st, &code, m, n)
}

// smLogU8_avx2 works like smLogU8_generic.
func smLogU8_avx2(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int) {
	softmaxU8(&avx2Row, p, y, sv, st, &code, top, m, n)
}
