package asm

import "math"

// exp2Step holds 2^(i/8), correctly rounded.
var exp2Step = [8]float32{
	1, 0x1.172b84p+0, 0x1.306fep+0, 0x1.4bfdaep+0,
	0x1.6a09e6p+0, 0x1.8ace54p+0, 0x1.ae89fap+0, 0x1.d5818ep+0,
}

// Minimax polynomial of 2^(r/8) − 1 on 0 ≤ r ≤ 1 without constant term, relative error
// of the sum 2.1e-8 before rounding.
const (
	exp2C1 = 0x1.62e4a6p-4
	exp2C2 = 0x1.eba254p-9
	exp2C3 = 0x1.d9f948p-14
)

// exp2 returns 2^x for x ≤ 0: 8x = 8e + i + r with whole e, 0 ≤ i < 8 and 0 ≤ r ≤ 1, so
// 2^x = 2^e · (T + T·p(r)) with T = 2^(i/8).
//
// It is monotone because it rounds down to r ≥ 0 and every coefficient is positive:
// each step is then a monotone function of r, rounding included, and T + T·p(1) does
// not exceed the next T. 2^e is applied as two exact powers of two, so that subnormal
// results round once.
func exp2(x float32) float32 {
	if x < -160 {
		x = -160 // far below half of the smallest subnormal; also −Inf
	}
	z := x * 8
	k := float32(math.Floor(float64(z)))
	r := z - k
	n := int32(k)
	t := exp2Step[n&7]
	p := float32(exp2C3*r) + exp2C2
	p = float32(p*r) + exp2C1
	p = float32(p * r)
	y := float32(t*p) + t
	if x != x {
		return x
	}
	return float32(y*math.Float32frombits(uint32(n>>3+64+127)<<23)) * 0x1p-64
}

// exp2F32_generic is the specification of Exp2F32Func.
func exp2F32_generic(x []float32) {
	for i, v := range x {
		x[i] = exp2(v)
	}
}
