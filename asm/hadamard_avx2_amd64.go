//go:build !purego

package asm

import "math"

// hadamard_avx2 works like hadamard_generic. Fewer than 8 elements do not fill a
// register.
func hadamard_avx2(x []float32) {
	if len(x) < 8 {
		hadamard_generic(x)
		return
	}
	butterflies_avx2(x, float32(1/math.Sqrt(float64(len(x)))))
}
