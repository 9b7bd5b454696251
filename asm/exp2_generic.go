package asm

import "math"

// Minimax polynomial of 2^f on |f| ≤ ½ with the constant term fixed at 1,
// approximation error 3.0e-9 before rounding.
const (
	exp2C1 = 0x1.62e430p-1
	exp2C2 = 0x1.ebfbdcp-3
	exp2C3 = 0x1.c6af7cp-5
	exp2C4 = 0x1.3b2de0p-7
	exp2C5 = 0x1.5f082ep-10
	exp2C6 = 0x1.416b5ep-13
)

// exp2 returns 2^x for x ≤ 0: split x into the nearest integer and a fraction in
// [−½, ½], evaluate the polynomial by Horner's rule without fused operations, and
// scale by two exact powers of two so that subnormal results round once.
func exp2(x float32) float32 {
	if x < -151 {
		return 0 // also −Inf; below half of the smallest subnormal
	}
	const magic = 0x1.8p23 // adding it rounds to the nearest integer, ties to even
	k := float32(x+magic) - magic
	f := x - k
	p := float32(exp2C6*f) + exp2C5
	p = float32(p*f) + exp2C4
	p = float32(p*f) + exp2C3
	p = float32(p*f) + exp2C2
	p = float32(p*f) + exp2C1
	p = float32(p*f) + 1
	if x != x {
		return x
	}
	n := int32(k)
	if n >= -126 {
		return p * math.Float32frombits(uint32(n+127)<<23)
	}
	return float32(p*math.Float32frombits(uint32(n+64+127)<<23)) * 0x1p-64
}

// exp2F32_generic is the specification of Exp2F32Func.
func exp2F32_generic(x []float32) {
	for i, v := range x {
		x[i] = exp2(v)
	}
}
