package asm

import "math"

// absMax_generic is the specification of AbsMaxFunc. Magnitudes compare as integers,
// and everything above the largest finite pattern is NaN or infinite.
func absMax_generic(x []float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	if top >= 0x7f800000 {
		return nan32
	}
	return math.Float32frombits(top)
}

// code8 is clamp(RNE(x/scale), −127, 127).
func code8(x, scale float32) int32 {
	const magic = 0x1.8p23 // adding it rounds to the nearest integer, ties to even
	r := min(max(x/scale, -127), 127)
	return int32(float32(r+magic) - magic)
}

// encI8_generic is the specification of EncI8Func.
func encI8_generic(dst []int8, x []float32, scale float32) {
	dst = dst[:len(x)]
	for c, v := range x {
		dst[c] = int8(code8(v, scale))
	}
}

// encI8K_generic is the specification of EncI8KFunc.
func encI8K_generic(dst []byte, x []float32, scale float32) {
	for c, v := range x {
		dst[c/4*64+c%4] = byte(code8(v, scale) + 128)
	}
}

// encI8V_generic is the specification of EncI8VFunc.
func encI8V_generic(dst []byte, x []float32, scale float32) {
	for c, v := range x {
		dst[4*c] = byte(code8(v, scale))
	}
}

// hadamard_generic is the specification of HadamardFunc.
func hadamard_generic(x []float32) {
	n := len(x)
	for w := 1; w < n; w *= 2 {
		for i := 0; i < n; i += 2 * w {
			a, b := x[i:i+w], x[i+w:i+2*w]
			for j := range a {
				u, v := a[j], b[j]
				a[j], b[j] = u+v, u-v
			}
		}
	}
	s := float32(1 / math.Sqrt(float64(n)))
	for i := range x {
		x[i] *= s
	}
}
