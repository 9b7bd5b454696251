package asm

import "unsafe"

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

// qkScaleI8_generic is the specification of QKScaleI8Func.
func qkScaleI8_generic(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
	qkI8_generic(asInts(y), q, k, m, n, d4, next)
	scaleI8_generic(y, asInts(y), sk, a, b, m, n)
}

// qkScaleI4_generic is the specification of QKScaleI4Func.
func qkScaleI4_generic(y []float32, q []int8, k, mult []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
	qkI4_generic(asInts(y), q, k, mult, m, n, d4, next)
	scaleI8_generic(y, asInts(y), sk, a, b, m, n)
}

// asInts is the memory of x.
func asInts(x []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
