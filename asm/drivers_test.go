package asm

import (
	"fmt"
	"math"
)

// driver makes trials of one family from a shape and a data generator. What a trial
// expects is computed here from the text of contract.go, in integers or float64.
type driver struct {
	uses string // which of m, n, d the family has; "p": d is a power of two
	make func(g *gen, m, n, d int) trial
}

// drivers has one row per family; TestTable fails when one is missing.
var drivers = map[string]driver{
	"QKI8":       {"mnd", driveQKI8},
	"QKF32":      {"mnd", driveQKF32},
	"ScaleI8":    {"mn", driveScaleI8},
	"ScaleF32":   {"mn", driveScaleF32},
	"SoftmaxF32": {"mn", driveSoftmaxF32},
	"SoftmaxU8":  {"mn", driveSoftmaxU8},
	"PVU8I8":     {"mnd", drivePVU8I8},
	"PVF32":      {"mnd", drivePVF32},
	"FoldI8":     {"d", driveFoldI8},
	"FoldF32":    {"d", driveFoldF32},
	"MixF32":     {"d", driveMixF32},
	"FinishF32":  {"d", driveFinishF32},
	"Exp2F32":    {"d", driveExp2F32},
	"AbsMax":     {"d", driveAbsMax},
	"EncI8":      {"d", driveEncI8},
	"EncI8K":     {"d", driveEncI8K},
	"EncI8V":     {"d", driveEncI8V},
	"Hadamard":   {"p", driveHadamard},
	"DecI8K":     {"nd", driveDecI8K},
	"DecI8V":     {"nd", driveDecI8V},
	"Dec8K":      {"nd", driveDec8K},
	"Dec8V":      {"nd", driveDec8V},
	"Dec16":      {"d", driveDec16},
	"DecBF16K":   {"nd", driveDecBF16K},
	"DecBF16V":   {"nd", driveDecBF16V},
	"ExpI4K":     {"nd", driveExpI4K},
	"ExpI4V":     {"nd", driveExpI4V},
	"Dec4K":      {"nd", driveDec4K},
	"Dec4V":      {"nd", driveDec4V},
}

// trial makes one and names its shape.
func (d driver) trial(g *gen, m, n, dim int) *trial {
	seedKind := g.kind
	tr := d.make(g, m, n, dim)
	tr.shape = fmt.Sprintf("m=%d n=%d d=%d kind=%d", m, n, dim, seedKind)
	return &tr
}

func driveQKI8(g *gen, m, n, d int) trial {
	d4 := (d + 3) / 4
	q := view[int8](g.codes(m * 4 * d4))
	for i := range q {
		q[i] = max(q[i], -127)
		if i%(4*d4) >= d {
			q[i] = 0
		}
	}
	k := g.codes(ceilDiv(n, 16) * d4 * 64)
	want := make([]int32, m*Tile)
	for i := range m {
		for j := range n {
			var sum int64
			for c := range d {
				sum += int64(q[i*4*d4+c]) * (int64(k[((j/16*d4+c/4)*16+j%16)*4+c%4]) - 128)
			}
			want[i*Tile+j] = int32(sum)
		}
	}
	return trial{
		ops:  []operand{out(want, matrix(m, n, 16*ceilDiv(n, 16))), in(q), in(k)},
		call: func(f any, a [][]byte) { f.(QKI8Func)(view[int32](a[0]), view[int8](a[1]), a[2], m, n, d4) },
		work: 2 * float64(m*n*d),
	}
}

func driveQKF32(g *gen, m, n, d int) trial {
	q, k := g.floats(m*d, 50), g.floats(ceilDiv(n, 16)*16*d, 50)
	value, tol := make([]float64, m*Tile), make([]float64, m*Tile)
	for i := range m {
		for j := range n {
			var sum, mag float64
			for c := range d {
				x := float64(q[i*d+c]) * float64(k[(j/16*d+c)*16+j%16])
				sum, mag = sum+x, mag+math.Abs(x)
			}
			value[i*Tile+j], tol[i*Tile+j] = sum, float64(d+1)*0x1p-24*mag+float64(d)*0x1p-150
		}
	}
	return trial{
		ops: []operand{out(make([]float32, m*Tile), matrix(m, n, 16*ceilDiv(n, 16))).near(value, tol), in(q), in(k)},
		call: func(f any, a [][]byte) {
			f.(QKF32Func)(view[float32](a[0]), view[float32](a[1]), view[float32](a[2]), m, n, d)
		},
		work: 2 * float64(m*n*d),
	}
}

func driveScaleI8(g *gen, m, n, _ int) trial {
	s := make([]int32, m*Tile)
	for i := range s {
		s[i] = int32(g.Uint32()) >> g.IntN(32)
		if g.kind == extreme {
			s[i] = [...]int32{-1 << 31, 1<<31 - 1, -1 << 24, 1<<24 + 1, 0}[g.IntN(5)]
		}
	}
	sk, a, b := g.floats(n, 128), g.floats(m, 128), g.floats(m, 128)
	want := make([]float32, m*Tile)
	for i := range m {
		for j := range n {
			want[i*Tile+j] = add(mul(mul(float32(float64(s[i*Tile+j])), a[i]), sk[j]), b[i])
		}
	}
	tr := trial{work: 3 * float64(m*n)}
	if g.IntN(2) == 0 { // y and s are the same memory
		y := inout(s, view[int32](raw(want)), matrix(m, n, n))
		y.float = true
		tr.ops = []operand{y, in(sk), in(a), in(b)}
		tr.call = func(f any, x [][]byte) {
			f.(ScaleI8Func)(view[float32](x[0]), view[int32](x[0]), view[float32](x[1]), view[float32](x[2]), view[float32](x[3]), m, n)
		}
		return tr
	}
	tr.ops = []operand{out(want, matrix(m, n, n)), in(s), in(sk), in(a), in(b)}
	tr.call = func(f any, x [][]byte) {
		f.(ScaleI8Func)(view[float32](x[0]), view[int32](x[1]), view[float32](x[2]), view[float32](x[3]), view[float32](x[4]), m, n)
	}
	return tr
}

func driveScaleF32(g *gen, m, n, _ int) trial {
	y, a, b := g.floats(m*Tile, 128), g.floats(m, 128), g.floats(m, 128)
	want := make([]float32, m*Tile)
	for i := range want {
		want[i] = add(mul(y[i], a[i/Tile]), b[i/Tile])
	}
	return trial{
		ops: []operand{inout(y, want, matrix(m, n, n)), in(a), in(b)},
		call: func(f any, x [][]byte) {
			f.(ScaleF32Func)(view[float32](x[0]), view[float32](x[1]), view[float32](x[2]), m, n)
		},
		work: 2 * float64(m*n),
	}
}

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

func driveSoftmaxF32(g *gen, m, n, _ int) trial {
	y := g.logits(m, n)
	value, tol, top := make([]float64, m*Tile), make([]float64, m*Tile), make([]float32, m)
	for i := range m {
		top[i] = weights(y[i*Tile:][:n], value[i*Tile:], tol[i*Tile:])
	}
	return trial{
		ops:  []operand{inout(y, y, matrix(m, n, n)).near(value, tol), stats(m)},
		call: func(f any, a [][]byte) { f.(SoftmaxF32Func)(view[float32](a[0]), view[Stat](a[1]), m, n) },
		check: func(a [][]byte) error {
			return checkStat(view[Stat](a[1]), top, view[float32](a[0]), func(int) float32 { return 1 }, n)
		},
		work: float64(m * n),
	}
}

func driveSoftmaxU8(g *gen, m, n, _ int) trial {
	y := g.logits(m, n)
	sv := g.finite(n, 128)
	for j, x := range sv {
		sv[j] = float32(math.Abs(float64(x)))
	}
	value, tol, top := make([]float64, m*Tile), make([]float64, m*Tile), make([]float32, m)
	for i := range m {
		top[i] = weights(y[i*Tile:][:n], value[i*Tile:], tol[i*Tile:])
	}
	n4 := 4 * ceilDiv(n, 4)
	codes := matrix(m, n, n4)
	for i, what := range codes {
		if what == any_ {
			codes[i] = spec
		}
	}
	p := out(make([]byte, m*Tile), codes)
	p.want = nil
	return trial{
		ops: []operand{p, inout(y, y, matrix(m, n, n)).near(value, tol), in(sv), stats(m)},
		call: func(f any, a [][]byte) {
			f.(SoftmaxU8Func)(a[0], view[float32](a[1]), view[float32](a[2]), view[Stat](a[3]), m, n)
		},
		check: func(a [][]byte) error {
			e, sv := view[float32](a[1]), view[float32](a[2])
			peak := func(i int) (u float32) {
				if top[i]-top[i] != 0 {
					return 0
				}
				for j, s := range sv {
					u = max(u, mul(e[i*Tile+j], s))
				}
				return u
			}
			if err := checkStat(view[Stat](a[3]), top, e, func(i int) float32 { return div(peak(i), 255) }, n); err != nil {
				return err
			}
			for i := range m {
				for j, got := range a[0][i*Tile:][:n4] {
					want, u := byte(0), float32(0)
					if top := peak(i); j < n && top > 0 {
						u = mul(e[i*Tile+j], sv[j])
						lift := float32(1)
						if top < 0x1p-96 {
							lift = 0x1p96
						}
						r := mul(mul(u, lift), div(255, mul(top, lift)))
						want = byte(math.Floor(float64(add(r, 0.5))))
						if exact := 255 * float64(u) / float64(top); math.Abs(float64(want)-exact) > 0.5001 {
							return fmt.Errorf("row %d: p[%d] = %d for a weight of %g", i, j, want, exact)
						}
					}
					if got != want {
						return fmt.Errorf("row %d: p[%d] = %d, want %d (u = %g)", i, j, got, want, u)
					}
				}
			}
			return nil
		},
		work: float64(m * n),
	}
}

func drivePVU8I8(g *gen, m, n, dv int) trial {
	p, v := g.codes(m*Tile), g.codes(ceilDiv(n, 4)*4*dv)
	for i := range m {
		clear(p[i*Tile+n : i*Tile+4*ceilDiv(n, 4)])
	}
	want := make([]int32, m*dv)
	for i := range m {
		for c := range dv {
			var sum int64
			for t := range n {
				sum += int64(p[i*Tile+t]) * int64(int8(v[(t/4*dv+c)*4+t%4]))
			}
			want[i*dv+c] = int32(sum)
		}
	}
	return trial{
		ops:  []operand{out(want, nil), in(p), in(v)},
		call: func(f any, a [][]byte) { f.(PVU8I8Func)(view[int32](a[0]), a[1], a[2], m, n, dv) },
		work: 2 * float64(m*n*dv),
	}
}

func drivePVF32(g *gen, m, n, dv int) trial {
	p, v := g.finite(m*Tile, 10), g.floats(n*dv, 100)
	for i := range p {
		if p[i] = float32(math.Abs(float64(p[i]))); i%Tile >= n {
			p[i] = nan32 // not part of the sum
		}
	}
	value, tol := make([]float64, m*dv), make([]float64, m*dv)
	for i := range m {
		for c := range dv {
			var sum, mag float64
			for t := range n {
				x := float64(p[i*Tile+t]) * float64(v[t*dv+c])
				sum, mag = sum+x, mag+math.Abs(x)
			}
			value[i*dv+c], tol[i*dv+c] = sum, float64(n+1)*0x1p-24*mag+float64(n)*0x1p-150
		}
	}
	return trial{
		ops: []operand{out(make([]float32, m*dv), nil).near(value, tol), in(p), in(v)},
		call: func(f any, a [][]byte) {
			f.(PVF32Func)(view[float32](a[0]), view[float32](a[1]), view[float32](a[2]), m, n, dv)
		},
		work: 2 * float64(m*n*dv),
	}
}
