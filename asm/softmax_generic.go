package asm

import "math"

var (
	negInf32 = float32(math.Inf(-1))
	nan32    = float32(math.NaN())
)

// rowSteps are the loops over one row that the softmax kernels are made of.
type rowSteps struct {
	max  func(y []float32) float32                          // largest element, never −0; NaN when there is one
	exp  func(y []float32, m float32) float32               // y ← 2^(y−m), returns the sum of 16 folded chains
	top  func(e, sv []float32) float32                      // max(0, max e·sv)
	pack func(p []byte, e, sv []float32, lift, inv float32) // p = ⌊(e·sv·lift)·inv + ½⌋, zero beyond len(e)
}

var genericRow = rowSteps{rowMax_generic, expRow_generic, rowTop_generic, packRow_generic}

func rowMax_generic(y []float32) float32 {
	m := negInf32
	for _, v := range y {
		if v > m {
			m = v
		} else if v != v {
			return nan32
		}
	}
	return m + 0 // −0 becomes +0
}

func expRow_generic(y []float32, m float32) float32 {
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

func rowTop_generic(e, sv []float32) float32 {
	var top float32
	for j, x := range sv[:len(e)] {
		if u := e[j] * x; u > top {
			top = u
		}
	}
	return top
}

func packRow_generic(p []byte, e, sv []float32, lift, inv float32) {
	for j, x := range sv[:len(e)] {
		u := float32(e[j]*x) * lift
		p[j] = byte(int32(float32(u*inv) + 0.5))
	}
	clear(p[len(e):])
}

// weigh runs the part both softmax kernels share and reports whether the row has
// finite weights.
func weigh(steps *rowSteps, y []float32, st *Stat) bool {
	m := steps.max(y)
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
	st.L = steps.exp(y, m)
	return true
}

// softmaxF32 is SoftmaxF32Func over the given row steps.
func softmaxF32(steps *rowSteps, y []float32, st []Stat, m, n int) {
	for i := range m {
		weigh(steps, y[i*Tile:][:n], &st[i])
	}
}

// softmaxU8 is SoftmaxU8Func over the given row steps.
func softmaxU8(steps *rowSteps, p []byte, y, sv []float32, st []Stat, m, n int) {
	sv = sv[:n]
	for i := range m {
		e := y[i*Tile:][:n]
		out := p[i*Tile:][:(n+3)&^3]
		var top float32
		if weigh(steps, e, &st[i]) {
			top = steps.top(e, sv)
		}
		st[i].Beta = top / 255
		if top == 0 {
			clear(out)
			continue
		}
		lift := float32(1)
		if top < 0x1p-96 {
			lift = 0x1p96
		}
		steps.pack(out, e, sv, lift, 255/float32(top*lift))
	}
}

// smF32_generic is the specification of SoftmaxF32Func.
func smF32_generic(y []float32, st []Stat, m, n int) { softmaxF32(&genericRow, y, st, m, n) }

// smU8_generic is the specification of SoftmaxU8Func.
func smU8_generic(p []byte, y, sv []float32, st []Stat, m, n int) {
	softmaxU8(&genericRow, p, y, sv, st, m, n)
}
