package asm

// roundBF16_generic is the specification of RoundBF16Func.
func roundBF16_generic(x []float32) {
	for i, v := range x {
		x[i] = brain(toBrain(v))
	}
}
