//go:build !purego

package asm

// avx2Row runs the row steps of the softmax kernels in assembly.
var avx2Row = rowSteps{rowMax_avx2, expRow_avx2, rowTop_avx2, packRow_avx2}

// smF32_avx2 works like smF32_generic.
func smF32_avx2(y []float32, st []Stat, m, n int) { softmaxF32(&avx2Row, y, st, m, n) }

// smU8_avx2 works like smU8_generic.
func smU8_avx2(p []byte, y, sv []float32, st []Stat, m, n int) {
	softmaxU8(&avx2Row, p, y, sv, st, m, n)
}
