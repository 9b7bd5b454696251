package asm

// dotF32_generic is the specification of DotF32Func.
func dotF32_generic(s, q, x, a, b []float32, m, d int) {
	x = x[:d]
	for i := range m {
		var acc [16]float32
		row := q[i*d:][:d]
		for c, v := range x {
			acc[c&15] += float32(row[c] * v)
		}
		s[i] = float32(foldChains(&acc)*a[i]) + b[i]
	}
}
