package asm

import (
	"fmt"
	"math"
)

// logits draws rows of logits of very different nature.
func (g *gen) logits(m, n int) []float32 {
	y := g.finite(m*Tile, 128)
	for i := range m {
		row := y[i*Tile:][:n]
		style := g.IntN(10)
		if g.kind != special {
			style = min(style, 6)
		}
		for j := range row {
			switch style {
			case 0: // as drawn
			case 1:
				row[j] = float32(g.NormFloat64() * 8)
			case 2:
				row[j] = float32(j) * 3 // the maximum comes last
			case 3:
				row[j] = -float32(j * j)
			case 4:
				if g.IntN(2) == 0 {
					row[j] = negInf32
				}
			case 5:
				row[j] = float32(g.IntN(3) - 1)
			case 6:
				row[j] = -2e38 + 3e38*g.Float32()
			case 7:
				row[j] = negInf32
			case 8:
				if j == n/2 {
					row[j] = nan32
				}
			case 9:
				if j == n-1 {
					row[j] = -negInf32
				}
			}
		}
	}
	return y
}

// expected weights of one row: values and tolerances, and the contract's M.
func weights(y []float32, value, tol []float64) (m float32) {
	m = negInf32
	nan := false
	for _, v := range y {
		nan = nan || v != v || v > math.MaxFloat32
		if v > m {
			m = v
		}
	}
	for j, v := range y {
		switch {
		case nan:
			value[j] = math.NaN()
		case m == negInf32:
			value[j] = 0
		default:
			value[j] = math.Exp2(float64(add(v, -m)))
			tol[j] = 1.5 * ulp(value[j])
		}
	}
	if nan {
		return nan32
	}
	return unsigned(m)
}

// unsigned replaces −0 by 0.
func unsigned(x float32) float32 {
	if x == 0 {
		return 0
	}
	return x
}

// chains is the contract's sum: 16 chains, folded 8, 4, 2, 1.
func chains(e []float32) float32 {
	var acc [16]float32
	for j, x := range e {
		acc[j%16] = add(acc[j%16], x)
	}
	for _, w := range []int{8, 4, 2, 1} {
		for i := range w {
			acc[i] = add(acc[i], acc[i+w])
		}
	}
	return acc[0]
}

// checkStat verifies M, L and Beta of every row against the weights e found. The sign
// of M = 0 is not specified.
func checkStat(st []Stat, top []float32, e []float32, beta func(i int) float32, n int) error {
	for i, s := range st {
		want := Stat{M: top[i], L: chains(e[i*Tile:][:n]), Beta: beta(i)}
		if top[i] != top[i] {
			want.L = nan32
		}
		s.M = unsigned(s.M)
		o := newOperand([]Stat{want})
		if msg := o.compare(raw([]Stat{s}), o.init); msg != "" {
			return fmt.Errorf("row %d: stat %+v, want %+v", i, s, want)
		}
	}
	return nil
}

// stats masks the Stat operand: written, verified by checkStat.
func stats(m int) operand {
	mask := make([]uint8, 3*m)
	for i := range mask {
		mask[i] = any_
	}
	return out(make([]Stat, m), mask)
}

// softmaxRows is what the contract says about the weights of a softmax kernel's rows.
type softmaxRows struct {
	m, n       int
	y          []float32
	value, tol []float64 // of the weights
	top        []float32 // M of each row
}

// logitRows draws rows of logits; weigh computes one row's weights and M.
func logitRows(g *gen, m, n int, weigh func(y []float32, value, tol []float64) float32) *softmaxRows {
	r := &softmaxRows{m, n, g.logits(m, n), make([]float64, m*Tile), make([]float64, m*Tile), make([]float32, m)}
	for i := range m {
		r.top[i] = weigh(r.y[i*Tile:][:n], r.value[i*Tile:], r.tol[i*Tile:])
	}
	return r
}

// operand is y: logits in, weights out.
func (r *softmaxRows) operand() operand {
	return inout(r.y, r.y, matrix(r.m, r.n, r.n)).near(r.value, r.tol)
}

// logWeights are the weights of SoftmaxLogF32Func, exactly.
func logWeights(code LogCode) func(y []float32, value, tol []float64) float32 {
	return func(y []float32, value, tol []float64) float32 {
		m := weights(y, value, tol)
		if m-m != 0 {
			return m
		}
		if code.Whole {
			m = float32(math.Ceil(float64(m)))
		}
		for j, v := range y {
			k := math.RoundToEven(float64(mul(code.Step, add(m, -v))))
			value[j], tol[j] = 0, 0
			if k >= float64(code.Zero) {
				continue
			}
			k = min(k, float64(code.Last))
			if code.Step == 1 {
				value[j] = math.Ldexp(1, -int(k))
				continue
			}
			value[j] = math.Ldexp(1, -int(math.Ceil(k/2)))
			if int(k)%2 == 1 {
				value[j] = float64(mul(float32(value[j]), math.Sqrt2))
			}
		}
		return unsigned(m)
	}
}

// code draws one of the code books.
func (g *gen) code() LogCode {
	zero := [...]float32{3, 7, 15, 31}[g.IntN(4)]
	code := LogCode{Step: float32(1 + g.IntN(2)), Zero: zero, Last: zero - 1}
	if g.IntN(3) == 0 {
		code.Zero++
	}
	code.Whole = g.IntN(2) == 0
	return code
}

func (r *softmaxRows) trialF32(call func(f any, y []float32, st []Stat)) trial {
	return trial{
		ops:  []operand{r.operand(), stats(r.m)},
		call: func(f any, a [][]byte) { call(f, view[float32](a[0]), view[Stat](a[1])) },
		check: func(a [][]byte) error {
			return checkStat(view[Stat](a[1]), r.top, view[float32](a[0]), func(int) float32 { return 1 }, r.n)
		},
		work: float64(r.m * r.n),
	}
}

func driveSoftmaxF32(g *gen, m, n, _ int) trial {
	return logitRows(g, m, n, weights).trialF32(func(f any, y []float32, st []Stat) { f.(SoftmaxF32Func)(y, st, m, n) })
}

func driveSoftmaxLogF32(g *gen, m, n, _ int) trial {
	code := g.code()
	return logitRows(g, m, n, logWeights(code)).trialF32(func(f any, y []float32, st []Stat) {
		f.(SoftmaxLogF32Func)(y, st, code, m, n)
	})
}

// trialCodes is a trial of a kernel that quantizes its weights to 0..top, in one plane
// of bytes or, where wide, two. call gets the planes in order.
func (r *softmaxRows) trialCodes(g *gen, top float32, planes int, call func(f any, p [][]byte, y, sv []float32, st []Stat)) trial {
	sv := g.finite(r.n, 128)
	for j, x := range sv {
		sv[j] = float32(math.Abs(float64(x)))
	}
	n4 := 4 * ceilDiv(r.n, 4)
	var ops []operand
	for range planes {
		codes := matrix(r.m, r.n, n4)
		for i, what := range codes {
			if what == any_ {
				codes[i] = spec
			}
		}
		p := out(make([]byte, r.m*Tile), codes)
		p.want = nil
		ops = append(ops, p)
	}
	return trial{
		ops: append(ops, r.operand(), in(sv), stats(r.m)),
		call: func(f any, a [][]byte) {
			call(f, a[:planes], view[float32](a[planes]), view[float32](a[planes+1]), view[Stat](a[planes+2]))
		},
		check: func(a [][]byte) error {
			e, sv := view[float32](a[planes]), view[float32](a[planes+1])
			peaks := make([]float32, r.m)
			for i := range peaks {
				if r.top[i]-r.top[i] == 0 {
					for j, s := range sv {
						peaks[i] = max(peaks[i], mul(e[i*Tile+j], s))
					}
				}
			}
			if err := checkStat(view[Stat](a[planes+2]), r.top, e, func(i int) float32 { return div(peaks[i], top) }, r.n); err != nil {
				return err
			}
			for i, peak := range peaks {
				for j := range n4 {
					got := 0
					for _, p := range a[:planes] {
						got = got<<8 | int(p[i*Tile+j])
					}
					u := float32(0)
					if j < r.n {
						u = mul(e[i*Tile+j], sv[j])
					}
					if err := checkCode(got, u, peak, top); err != nil {
						return fmt.Errorf("row %d: p[%d]: %w", i, j, err)
					}
				}
			}
			return nil
		},
		work: float64(r.m * r.n),
	}
}

// checkCode verifies the code of weight u in a row whose largest is peak.
func checkCode(got int, u, peak, top float32) error {
	want := 0
	if peak > 0 {
		lift := float32(1)
		if peak < 0x1p-96 {
			lift = 0x1p96
		}
		r := mul(mul(u, lift), div(top, mul(peak, lift)))
		want = int(math.Floor(float64(add(r, 0.5))))
		if exact := float64(top) * float64(u) / float64(peak); math.Abs(float64(want)-exact) > 0.5+float64(top)*0x1p-22 {
			return fmt.Errorf("%d for a weight of %g", want, exact)
		}
	}
	if got != want {
		return fmt.Errorf("%d, want %d (u = %g of %g)", got, want, u, peak)
	}
	return nil
}

func driveSoftmaxU8(g *gen, m, n, _ int) trial {
	top := [...]float32{255, 255, 15, 128}[g.IntN(4)]
	return logitRows(g, m, n, weights).trialCodes(g, top, 1, func(f any, p [][]byte, y, sv []float32, st []Stat) {
		f.(SoftmaxU8Func)(p[0], y, sv, st, top, m, n)
	})
}

func driveSoftmaxU16(g *gen, m, n, _ int) trial {
	return logitRows(g, m, n, weights).trialCodes(g, 65535, 2, func(f any, p [][]byte, y, sv []float32, st []Stat) {
		f.(SoftmaxU16Func)(p[0], p[1], y, sv, st, m, n)
	})
}

func driveSoftmaxLogU8(g *gen, m, n, _ int) trial {
	code, top := g.code(), [...]float32{255, 128}[g.IntN(2)]
	return logitRows(g, m, n, logWeights(code)).trialCodes(g, top, 1, func(f any, p [][]byte, y, sv []float32, st []Stat) {
		f.(SoftmaxLogU8Func)(p[0], y, sv, st, code, top, m, n)
	})
}
