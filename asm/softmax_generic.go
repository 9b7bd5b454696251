package asm

import "math"

var (
	negInf32 = float32(math.Inf(-1))
	nan32    = float32(math.NaN())
)

// rowSteps are the loops over one row that the softmax kernels are made of.
type rowSteps struct {
	max    func(y []float32) float32                               // largest element, never −0; NaN when there is one
	exp    func(y []float32, m float32) float32                    // y ← 2^(y−m), returns the sum of 16 folded chains
	log    func(y []float32, m float32, code LogCode) float32      // y ← w(RNE(Step·(m−y))), returns the sum as exp does
	top    func(e, sv []float32) float32                           // max(0, max e·sv)
	pack   func(p []byte, e, sv []float32, lift, inv float32)      // p = ⌊(e·sv·lift)·inv + ½⌋, zero beyond len(e)
	pack16 func(hi, lo []byte, e, sv []float32, lift, inv float32) // pack in two planes
}

var genericRow = rowSteps{rowMax_generic, expRow_generic, logRow_generic, rowTop_generic, packRow_generic, pack16Row_generic}

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
	return foldChains(&acc)
}

func logRow_generic(y []float32, m float32, code LogCode) float32 {
	var acc [16]float32
	for j, v := range y {
		e := logWeight(float32(math.RoundToEven(float64(code.Step*(m-v)))), code)
		y[j] = e
		acc[j&15] += e
	}
	return foldChains(&acc)
}

// logWeight is the weight of code k ≥ 0.
func logWeight(k float32, code LogCode) float32 {
	if k >= code.Zero {
		return 0
	}
	n := uint32(min(k, code.Last))
	if code.Step == 1 {
		return math.Float32frombits((127 - n) << 23)
	}
	w := math.Float32frombits((127 - (n+1)/2) << 23)
	if n%2 == 1 {
		w *= math.Sqrt2
	}
	return w
}

func foldChains(acc *[16]float32) float32 {
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

func pack16Row_generic(hi, lo []byte, e, sv []float32, lift, inv float32) {
	for j, x := range sv[:len(e)] {
		u := float32(e[j]*x) * lift
		p := int32(float32(u*inv) + 0.5)
		hi[j], lo[j] = byte(p>>8), byte(p)
	}
	clear(hi[len(e):])
	clear(lo[len(e):])
}

// weigh runs the part all softmax kernels share and reports whether the row has finite
// weights: those of code, or exponentials when code is nil.
func weigh(steps *rowSteps, y []float32, st *Stat, code *LogCode) bool {
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
	if code == nil {
		st.L = steps.exp(y, m)
		return true
	}
	if code.Whole {
		st.M = float32(math.Ceil(float64(m))) + 0 // −0 becomes +0
	}
	st.L = steps.log(y, st.M, *code)
	return true
}

// softmaxF32 is SoftmaxF32Func, or SoftmaxLogF32Func with a code, over the given row
// steps.
func softmaxF32(steps *rowSteps, y []float32, st []Stat, code *LogCode, m, n int) {
	for i := range m {
		weigh(steps, y[i*Tile:][:n], &st[i], code)
	}
}

// softmaxU8 is SoftmaxU8Func, or SoftmaxLogU8Func with a code, over the given row steps.
func softmaxU8(steps *rowSteps, p []byte, y, sv []float32, st []Stat, code *LogCode, top float32, m, n int) {
	for i := range m {
		e, out := y[i*Tile:][:n], p[i*Tile:][:(n+3)&^3]
		lift, inv := scaleCodes(steps, e, sv[:n], &st[i], code, top)
		if inv == 0 {
			clear(out)
			continue
		}
		steps.pack(out, e, sv[:n], lift, inv)
	}
}

// softmaxU16 is SoftmaxU16Func over the given row steps.
func softmaxU16(steps *rowSteps, hi, lo []byte, y, sv []float32, st []Stat, m, n int) {
	for i := range m {
		e, h, l := y[i*Tile:][:n], hi[i*Tile:][:(n+3)&^3], lo[i*Tile:][:(n+3)&^3]
		lift, inv := scaleCodes(steps, e, sv[:n], &st[i], nil, 65535)
		if inv == 0 {
			clear(h)
			clear(l)
			continue
		}
		steps.pack16(h, l, e, sv[:n], lift, inv)
	}
}

// scaleCodes computes the weights of one row and the two factors that turn weight times
// value scale into a code; inv = 0 means that all codes are 0.
func scaleCodes(steps *rowSteps, e, sv []float32, st *Stat, code *LogCode, top float32) (lift, inv float32) {
	var u float32
	if weigh(steps, e, st, code) {
		u = steps.top(e, sv)
	}
	st.Beta = u / top
	if u == 0 {
		return 0, 0
	}
	lift = 1
	if u < 0x1p-96 {
		lift = 0x1p96
	}
	return lift, top / float32(u*lift)
}

// smF32_generic is the specification of SoftmaxF32Func.
func smF32_generic(y []float32, st []Stat, m, n int) { softmaxF32(&genericRow, y, st, nil, m, n) }

// smU8_generic is the specification of SoftmaxU8Func.
func smU8_generic(p []byte, y, sv []float32, st []Stat, top float32, m, n int) {
	softmaxU8(&genericRow, p, y, sv, st, nil, top, m, n)
}

// smU16_generic is the specification of SoftmaxU16Func.
func smU16_generic(hi, lo []byte, y, sv []float32, st []Stat, m, n int) {
	softmaxU16(&genericRow, hi, lo, y, sv, st, m, n)
}

// smLogF32_generic is the specification of SoftmaxLogF32Func.
func smLogF32_generic(y []float32, st []Stat, code LogCode, m, n int) {
	softmaxF32(&genericRow, y, st, &code, m, n)
}

// smLogU8_generic is the specification of SoftmaxLogU8Func.
func smLogU8_generic(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int) {
	softmaxU8(&genericRow, p, y, sv, st, &code, top, m, n)
}
