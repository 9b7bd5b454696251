package asm

import "math"

var (
	negInf32 = float32(math.Inf(-1))
	nan32    = float32(math.NaN())
)

// rowMax returns the largest element, or NaN when there is one.
func rowMax(y []float32) float32 {
	m := negInf32
	for _, v := range y {
		if v > m {
			m = v
		} else if v != v {
			return nan32
		}
	}
	return m
}

// expRow replaces y by 2^(y−m) and returns the sum over 16 chains folded 8, 4, 2, 1.
func expRow(y []float32, m float32) float32 {
	var acc [16]float32
	for j, v := range y {
		e := exp2(v - m)
		y[j] = e
		acc[j&15] += e
	}
	for w := 8; w > 0; w >>= 1 {
		for i := range w {
			acc[i] += acc[i+w]
		}
	}
	return acc[0]
}

// weigh runs the part both softmax kernels share and reports whether the row has
// finite weights.
func weigh(y []float32, st *Stat) bool {
	m := rowMax(y)
	*st = Stat{M: m, Beta: 1}
	switch {
	case m == negInf32:
		clear(y)
		return false
	case m-m != 0: // NaN or +Inf
		st.M, st.L = nan32, nan32
		for j := range y {
			y[j] = nan32
		}
		return false
	}
	st.L = expRow(y, m)
	return true
}

// smF32_generic is the specification of SoftmaxF32Func.
func smF32_generic(y []float32, st []Stat, m, n int) {
	for i := range m {
		weigh(y[i*Tile:][:n], &st[i])
	}
}

// smU8_generic is the specification of SoftmaxU8Func.
func smU8_generic(p []byte, y, sv []float32, st []Stat, m, n int) {
	sv = sv[:n]
	for i := range m {
		e := y[i*Tile:][:n]
		out := p[i*Tile:][:(n+3)&^3]
		clear(out)
		st[i].Beta = 0
		if !weigh(e, &st[i]) {
			st[i].Beta = 0
			continue
		}
		var top float32
		for j, x := range sv {
			if u := e[j] * x; u > top {
				top = u
			}
		}
		st[i].Beta = top / 255
		if top == 0 {
			continue
		}
		lift := float32(1)
		if top < 0x1p-96 {
			lift = 0x1p96
		}
		inv := 255 / float32(top*lift)
		for j, x := range sv {
			u := float32(e[j]*x) * lift
			out[j] = byte(int32(float32(u*inv) + 0.5))
		}
	}
}
