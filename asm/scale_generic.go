package asm

// scaleI8_generic is the specification of ScaleI8Func.
func scaleI8_generic(y []float32, s []int32, sk, a, b []float32, m, n int) {
	sk = sk[:n]
	for i := range m {
		ai, bi := a[i], b[i]
		yr, sr := y[i*Tile:][:len(sk)], s[i*Tile:][:len(sk)]
		for j, x := range sk {
			yr[j] = float32(float32(float32(sr[j])*ai)*x) + bi
		}
	}
}

// scaleF32_generic is the specification of ScaleF32Func.
func scaleF32_generic(y []float32, a, b []float32, m, n int) {
	for i := range m {
		ai, bi := a[i], b[i]
		row := y[i*Tile:][:n]
		for j, x := range row {
			row[j] = float32(x*ai) + bi
		}
	}
}
