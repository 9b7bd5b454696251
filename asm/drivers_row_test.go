package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"
)

// factors draws α, β, γ, often 0 or 1.
func (g *gen) factors() (f [3]float32) {
	for i := range f {
		switch g.IntN(4) {
		case 0:
			f[i] = float32(g.IntN(2))
		default:
			f[i] = g.float(128)
		}
	}
	return f
}

// folded is α·o + (β·a + γ·mu), one rounding per operation.
func folded(o, a, mu []float32, f [3]float32) []float32 {
	want := make([]float32, len(o))
	for c := range o {
		tile := mul(f[1], a[c])
		if mu != nil {
			tile = add(tile, mul(f[2], mu[c]))
		}
		want[c] = add(mul(f[0], o[c]), tile)
	}
	return want
}

// folds draws the factors of m rows; some rows are to be left alone.
func (g *gen) folds(m int) []Fold {
	f := make([]Fold, m)
	for i := range f {
		x := g.factors()
		f[i] = Fold{float32(math.Abs(float64(x[0]))), x[1], x[2]}
		if g.IntN(6) == 0 {
			f[i].Alpha = [...]float32{-1, -float32(math.Abs(float64(x[0]))), float32(math.Copysign(0, -1))}[g.IntN(3)]
		}
	}
	return f
}

// driveAdvance drives a kernel that moves states past a tile.
func driveAdvance(g *gen, m, _, _ int) trial {
	top, l, st := make([]float32, m), make([]float32, m), make([]Stat, m)
	for i := range m {
		top[i], l[i] = g.maximum(), 64*g.Float32()
		st[i] = Stat{M: g.maximum(), L: 64 * g.Float32(), Beta: g.Float32() / 255}
		if st[i].M != st[i].M {
			st[i].L = nan32
		}
	}
	wantTop, wantL, tolL := make([]float64, m), make([]float64, m), make([]float64, m)
	w, tolW := make([]float64, 2*m), make([]float64, 2*m)
	f, tolF := make([]float64, 3*m), make([]float64, 3*m)
	poisoned := 0.0
	for i, st := range st {
		wantTop[i], wantL[i] = float64(top[i]), float64(l[i])
		f[3*i] = -1
		switch {
		case st.M != st.M:
			wantTop[i], wantL[i], poisoned = math.NaN(), math.NaN(), 1
		case st.M > negInf32 && top[i] == top[i]:
			peak := max(top[i], st.M)
			wantTop[i] = float64(peak)
			own, tile := math.Exp2(float64(add(top[i], -peak))), math.Exp2(float64(add(st.M, -peak)))
			w[2*i], w[2*i+1] = own, tile
			f[3*i], f[3*i+1], f[3*i+2] = own, tile*float64(st.Beta), tile*float64(st.L)
			wantL[i] = own*float64(l[i]) + tile*float64(st.L)
			tolW[2*i], tolW[2*i+1] = 0x1p-21*own+0x1p-149, 0x1p-21*tile+0x1p-149
			tolF[3*i], tolF[3*i+1], tolF[3*i+2] = tolW[2*i], 0x1p-21*f[3*i+1]+0x1p-149, 0x1p-21*f[3*i+2]+0x1p-142
			tolL[i] = 0x1p-21*wantL[i] + 0x1p-142
		}
	}
	return trial{
		ops: []operand{
			inout(top, top, nil).near(wantTop, make([]float64, m)), inout(l, l, nil).near(wantL, tolL),
			out(make([]float32, 2*m), nil).near(w, tolW), in(st), out(make([]float32, 3*m), nil).near(f, tolF),
			out([]float32{0}, nil).near([]float64{poisoned}, []float64{0}),
		},
		call: func(k any, b [][]byte) {
			found := k.(AdvanceFunc)(view[float32](b[0]), view[float32](b[1]), view[float32](b[2]), view[Stat](b[3]), view[Fold](b[4]), m)
			view[float32](b[5])[0] = 0
			if found {
				view[float32](b[5])[0] = 1
			}
		},
		work: 32 * float64(m),
	}
}

// maximum draws the largest of some logits: −Inf where there were none, NaN among special
// values.
func (g *gen) maximum() float32 {
	switch g.IntN(8) {
	case 0:
		return negInf32
	case 1:
		if g.kind == special {
			return nan32
		}
		return float32(math.Copysign(0, float64(g.IntN(2)-1)))
	case 2:
		return -2e38 + 3e38*g.Float32()
	}
	return float32(8 * g.NormFloat64())
}

// driveFold drives a kernel that adds sums, whose float32 values are x, to the states.
func driveFold(g *gen, m, d int, sums operand, x []float32, call func(k any, o []float32, a []byte, mu []float32, f []Fold)) trial {
	o, mu, f, want := g.folding(m, d, x)
	return trial{
		ops: []operand{inout(o, want, nil), sums, in(mu), in(f)},
		call: func(k any, b [][]byte) {
			call(k, view[float32](b[0]), b[1], orNil(mu, b[2]), view[Fold](b[3]))
		},
		work: 5 * float64(m*d),
	}
}

// folding draws states, a centre and factors, and adds the sums x.
func (g *gen) folding(m, d int, x []float32) (o, mu []float32, f []Fold, want []float32) {
	o, mu, f = g.floats(m*d, 128), g.centre(d), g.folds(m)
	for i, f := range f {
		row := o[i*d : (i+1)*d]
		if math.Signbit(float64(f.Alpha)) {
			want = append(want, row...)
			continue
		}
		want = append(want, folded(row, x[i*d:(i+1)*d], mu, [3]float32{f.Alpha, f.Beta, f.Gamma})...)
	}
	return o, mu, f, want
}

// magnitudes draws numbers of one sign.
func (g *gen) magnitudes(n, top int) []float32 {
	x := g.floats(n, top)
	for i, v := range x {
		x[i] = float32(math.Abs(float64(v)))
	}
	return x
}

// fused is x·y + z with one rounding.
func fused(x, y, z float32) float32 {
	if all := x*0 + y*0 + z*0; all != 0 { // NaN: one is not finite
		return x*y + z
	}
	exact := func(x float32) *big.Float { return new(big.Float).SetPrec(600).SetFloat64(float64(x)) }
	sum := new(big.Float).SetPrec(600).Mul(exact(x), exact(y))
	f, _ := sum.Add(sum, exact(z)).Float32()
	return f
}

// squares is W of CertifyFunc.
func squares(y []float32) float32 {
	lanes := make([]float32, 16)
	for j, x := range y {
		lanes[j%16] = fused(x, x, lanes[j%16])
	}
	return chains(lanes)
}

// records draws what certificates know about a tile.
func (g *gen) records() (x []float32, tile TileRecord) {
	x = append(g.maxima(4), g.magnitudes(4, 60)...)
	for i, v := range x {
		tile.Put(i, v)
	}
	return x, tile
}

// maxima draws numbers of one sign, infinite where others are NaN.
func (g *gen) maxima(n int) []float32 {
	x := g.magnitudes(n, 60)
	for i, v := range x {
		if v != v {
			x[i] = float32(math.Inf(1))
		}
	}
	return x
}

func driveCertify(g *gen, m, n, _ int) trial {
	y, st, w := g.magnitudes(m*Tile, 1), g.magnitudes(3*m, 40), g.magnitudes(3*m, 1)
	norms, errs, old, sums, most := g.magnitudes(m, 60), g.magnitudes(m, 60), g.magnitudes(m, 90), g.magnitudes(m, 90), g.maxima(4*m)
	x, tile := g.records()
	step, spread := g.magnitudes(1, 60)[0], float32(g.IntN(2))
	first := g.IntN(m)
	newSquares, newSums, newMost := slices.Clone(old), slices.Clone(sums), slices.Clone(most)
	var undefined uint64
	for i := first; i < m; i++ {
		if g.IntN(4) == 0 {
			w[3*i] = -1
		}
		alpha, beta, gamma := w[3*i], w[3*i+1], w[3*i+2]
		if alpha < 0 {
			continue
		}
		f := div(gamma, st[3*i+1])
		variance := add(add(mul(norms[i], x[4]), mul(errs[i], x[5])), x[6])
		added := add(mul(mul(f, f), mul(squares(y[i*Tile:][:n]), variance)), mul(beta, mul(beta, mul(spread, x[7]))))
		s, t := add(mul(mul(alpha, alpha), old[i]), added), add(mul(alpha, sums[i]), add(mul(gamma, x[3]), mul(beta, step)))
		if s != s || t != t {
			undefined |= 1 << (i - first)
			continue
		}
		newSquares[i], newSums[i] = s, t
		for c := range 4 {
			newMost[4*i+c] = max(most[4*i+c], x[c])
		}
	}
	rows, want := slices.Concat(old, sums, norms, errs, most), slices.Concat(newSquares, newSums, norms, errs, newMost)
	return trial{
		ops: []operand{inout(rows, want, nil), in(y), in(st), in(w), in(tile[:]), out([]uint64{undefined}, nil)},
		call: func(k any, b [][]byte) {
			t := CertifyTile{Rows: view[float32](b[0]), M: m, Y: view[float32](b[1]), St: view[Stat](b[2]), F: view[Fold](b[3]), Step: step, Spread: spread}
			view[uint64](b[5])[0] = k.(CertifyFunc)(&t, (*TileRecord)(b[4]), first, m-first, n)
		},
		work: float64(m * (2*n + 24)),
	}
}

// driveAdvanceCertifyU8 is driveAdvanceU8 with certificates as the twin makes them, and the sums of
// squares where a row is undefined.
func driveAdvanceCertifyU8(g *gen, _, _, _ int) trial {
	const m = 4
	top := [...]float32{255, 15}[g.IntN(2)]
	var extra [][]byte
	tr := logitRows(g, m, Tile, weights).trialAdvance(g, top, 2*m, func(f any, r *RowStates, p []byte, y, sv []float32) bool {
		return certified(extra, r, y, func(t *CertifyTile, tile *TileRecord) uint64 {
			return f.(AdvanceCertifyU8Func)(r, t, tile, p, sv, top)
		})
	})
	return tr.withCertificates(g, &extra)
}

// driveQKAdvanceCertifyI8 is driveQKAdvanceI8 likewise.
func driveQKAdvanceCertifyI8(g *gen, _, _, d int) trial {
	const m = 4
	top := [...]float32{255, 15}[g.IntN(2)]
	var extra [][]byte
	tr := logitRows(g, m, Tile, weights).trialAhead(g, top, d, func(f any, r *RowStates, p []byte, y, sv []float32, s *aheadScores) bool {
		return certified(extra, r, y, func(t *CertifyTile, tile *TileRecord) uint64 {
			return f.(QKAdvanceCertifyI8Func)(r, t, tile, p, sv, top, s.q, s.k, s.sk, s.a, s.b, s.d4, s.next)
		})
	})
	return tr.withCertificates(g, &extra)
}

// certified calls a kernel with the operands of certificates of four rows.
func certified(b [][]byte, r *RowStates, y []float32, call func(t *CertifyTile, tile *TileRecord) (left uint64)) (poisoned bool) {
	const m = 4
	c, known := view[float32](b[0]), b[1]
	left := call(&CertifyTile{Rows: c[:8*m], M: m, Y: y, St: r.Stat, F: r.Fold, Step: view[float32](known)[8], Spread: 1}, (*TileRecord)(known))
	c[8*m] = float32(left)
	if left&15 == 0 {
		clear(r.W[:m]) // anything
	}
	return left&16 != 0
}

// withCertificates appends those operands, which extra is set to.
func (tr trial) withCertificates(g *gen, extra *[][]byte) trial {
	const m, sums = 4, 6
	for i := range m {
		tr.ops[sums].mask[i] = spec
	}
	rows := slices.Concat(g.magnitudes(2*m, 90), g.magnitudes(2*m, 60), g.maxima(4*m), []float32{0})
	c := inout(rows, make([]float32, len(rows)), nil)
	c.want = nil
	_, tile := g.records()
	own, call := len(tr.ops), tr.call
	tr.ops = append(tr.ops, c, in(append(slices.Clone(view[float32](tile[:])), g.magnitudes(1, 60)...)))
	tr.call = func(f any, b [][]byte) {
		*extra = b[own:]
		call(f, b[:own])
	}
	return tr
}

func driveFoldI8(g *gen, m, _, d int) trial {
	a, x := make([]int32, m*d), make([]float32, m*d)
	for c := range a {
		a[c] = int32(g.Uint32()) >> (7 + g.IntN(20))
		x[c] = float32(float64(a[c]))
	}
	return driveFold(g, m, d, in(a), x, func(k any, o []float32, a []byte, mu []float32, f []Fold) {
		k.(FoldI8Func)(o, view[int32](a), mu, f, m, d)
	})
}

func drivePVFoldI8(g *gen, m, n, dv int) trial {
	p, v, sums := g.integerSums(m, n, dv)
	x := make([]float32, len(sums))
	for i, s := range sums {
		x[i] = float32(s)
	}
	o, mu, f, states := g.folding(m, dv, x)
	acc := out(make([]int32, m*dv), bytes.Repeat([]byte{any_}, m*dv))
	return trial{
		ops: []operand{inout(o, states, nil), acc, in(p), in(v), in(mu), in(f), in(g.hint())},
		call: func(k any, b [][]byte) {
			k.(PVFoldI8Func)(view[float32](b[0]), view[int32](b[1]), b[2], b[3], orNil(mu, b[4]), view[Fold](b[5]), m, n, dv, b[6])
		},
		work: float64(m * dv * (2*n + 5)),
	}
}

func drivePVFoldI4(g *gen, m, n, dv int) trial {
	p, v, mult := g.codes(m*Tile), g.codes(ceilDiv(n, 8)*dv*4), g.mults(n, dv)
	x := make([]float32, m*dv)
	for i := range m {
		clear(p[i*Tile+n : i*Tile+4*ceilDiv(n, 4)])
		for c := range dv {
			var sum int
			for t := range n {
				sum += int(p[i*Tile+t]) * (nibbleV(v, dv, t, c) - 8) * int(int8(mult[c/32*Tile+t]))
			}
			x[i*dv+c] = float32(sum)
		}
	}
	o, mu, f, states := g.folding(m, dv, x)
	return trial{
		ops: []operand{inout(o, states, nil), in(p), in(v), in(mult), in(mu), in(f), in(g.hint())},
		call: func(k any, b [][]byte) {
			k.(PVFoldI4Func)(view[float32](b[0]), b[1], b[2], b[3], orNil(mu, b[4]), view[Fold](b[5]), m, n, dv, b[6])
		},
		work: float64(m * dv * (2*n + 5)),
	}
}

// centre draws a centre vector, nil in half of the cases.
func (g *gen) centre(d int) []float32 {
	if g.IntN(2) == 0 {
		return nil
	}
	return g.floats(d, 128)
}

// orNil is the operand of a centre that may be absent.
func orNil(mu []float32, b []byte) []float32 {
	if mu == nil {
		return nil
	}
	return view[float32](b)
}

func driveFoldF32(g *gen, m, _, d int) trial {
	x := g.floats(m*d, 128)
	return driveFold(g, m, d, in(x), x, func(k any, o []float32, a []byte, mu []float32, f []Fold) {
		k.(FoldF32Func)(o, view[float32](a), mu, f, m, d)
	})
}

func driveFinishF32(g *gen, _, _, d int) trial {
	o, l := g.floats(d, 128), g.factors()[0]
	want := make([]float32, d)
	for c := range o {
		want[c] = div(add(o[c], 0), l)
	}
	return trial{
		ops:  []operand{out(want, nil), in(o)},
		call: func(k any, x [][]byte) { k.(FinishF32Func)(view[float32](x[0]), view[float32](x[1]), l) },
		work: float64(d),
	}
}

func driveExp2F32(g *gen, _, _, d int) trial {
	x := g.floats(d, 128)
	value, tol := make([]float64, d), make([]float64, d)
	for i, v := range x {
		if v > 0 {
			v = -v
		}
		if g.IntN(2) == 0 {
			v = -152 * g.Float32()
		}
		x[i], value[i] = v, math.Exp2(float64(v))
		tol[i] = 1.5 * ulp(value[i])
	}
	return trial{
		ops:  []operand{inout(x, x, nil).near(value, tol)},
		call: func(k any, b [][]byte) { k.(Exp2F32Func)(view[float32](b[0])) },
		work: float64(d),
	}
}

func driveAbsMax(g *gen, _, _, d int) trial {
	x := g.finite(d, 128)
	if d > 0 && g.kind == special {
		x[g.IntN(d)] = [...]float32{nan32, -nan32, negInf32, -negInf32}[g.IntN(4)]
	}
	want := 0.0
	for _, v := range x {
		if v-v != 0 {
			want = math.NaN()
		}
		if want == want {
			want = max(want, math.Abs(float64(v)))
		}
	}
	return trial{
		ops:  []operand{out([]float32{float32(want)}, nil), in(x)},
		call: func(k any, b [][]byte) { view[float32](b[0])[0] = k.(AbsMaxFunc)(view[float32](b[1])) },
		work: float64(d),
	}
}

// encRow draws a row, a scale and the codes the contract of EncI8Func wants.
func (g *gen) encRow(d int) (x []float32, scale float32, want []int8) {
	x = g.finite(d, 128)
	var amax float64
	for _, v := range x {
		amax = max(amax, math.Abs(float64(v)))
	}
	scale = float32(amax / 127)
	switch g.IntN(4) {
	case 0:
		scale = 0x1p-149
	case 1: // integers and half-way cases only
		scale = float32(math.Ldexp(1, g.IntN(100)-50))
		for c := range x {
			x[c] = float32(g.IntN(300)-150) * scale / 2
		}
	case 2:
		scale *= g.Float32() + 0.5
	}
	if !(scale > 0) || scale > math.MaxFloat32 {
		scale = 1
	}
	want = make([]int8, d)
	for c, v := range x {
		want[c] = int8(min(max(math.RoundToEven(float64(div(v, scale))), -127), 127))
	}
	return x, scale, want
}

func driveEncI8(g *gen, _, _, d int) trial {
	x, scale, want := g.encRow(d)
	return trial{
		ops:  []operand{out(want, nil), in(x)},
		call: func(k any, b [][]byte) { k.(EncI8Func)(view[int8](b[0]), view[float32](b[1]), scale) },
		work: 2 * float64(d),
	}
}

func driveEncErrI8(g *gen, _, _, d int) trial {
	x, scale, codes := g.encRow(d)
	size, err := make([]float32, d), make([]float32, d)
	for c, v := range x {
		if bound := 256 * float64(scale); math.Abs(float64(v)) > bound {
			v = float32(math.Copysign(bound, float64(v)))
		}
		x[c], size[c] = v, mul(v, v)
		e := float32(float64(v) - float64(codes[c])*float64(scale))
		err[c] = mul(e, e)
	}
	padded := append(codes, make([]int8, -d&3)...)
	return trial{
		ops: []operand{out([]float32{chains(size), chains(err)}, nil), in(x), out(padded, nil)},
		call: func(k any, b [][]byte) {
			sums := view[float32](b[0])
			sums[0], sums[1] = k.(EncErrI8Func)(view[int8](b[2]), view[float32](b[1]), scale)
		},
		work: 8 * float64(d),
	}
}

// scattered is a token of a tile: code c at byte at(c), everything between untouched.
func scattered(codes []int8, offset int, at func(c int) int) operand {
	n := 0
	if len(codes) > 0 {
		n = at(len(codes)-1) + 1
	}
	want, mask := make([]byte, n), make([]uint8, n)
	for c, q := range codes {
		want[at(c)], mask[at(c)] = byte(int(q)+offset), spec
	}
	return out(want, mask)
}

func driveEncI8K(g *gen, _, _, d int) trial {
	x, scale, want := g.encRow(d)
	return trial{
		ops:  []operand{scattered(want, 128, func(c int) int { return c/4*64 + c%4 }), in(x)},
		call: func(k any, b [][]byte) { k.(EncI8KFunc)(b[0], view[float32](b[1]), scale) },
		work: 2 * float64(d),
	}
}

func driveEncI8V(g *gen, _, _, d int) trial {
	x, scale, want := g.encRow(d)
	return trial{
		ops:  []operand{scattered(want, 0, func(c int) int { return 4 * c }), in(x)},
		call: func(k any, b [][]byte) { k.(EncI8VFunc)(b[0], view[float32](b[1]), scale) },
		work: 2 * float64(d),
	}
}

// encRow4 draws a row and a scale, and computes multipliers and codes from the contract.
func (g *gen) encRow4(d int) (x []float32, scale float32, mult []int8, codes []byte) {
	x, scale, _ = g.encRow(d)
	if scale *= 127. / 120; !(scale < 0x1p100) {
		scale = 1
	}
	for at := 0; at < d; at += 32 {
		group := x[at:min(at+32, d)]
		var lo, hi float32
		for _, v := range group {
			lo, hi = min(lo, v), max(hi, v)
		}
		sign := 1
		if hi >= -lo {
			sign = -1
		}
		top := int(min(max(math.Ceil(float64(div(max(hi, -lo), mul(8, scale)))), 1), 15))
		best, least := sign*top, float32(math.Inf(1))
		quantize := func(m int) (codes []byte, err float32) {
			step := mul(scale, float32(m))
			var squares []float32
			for _, v := range group {
				q := math.RoundToEven(min(max(float64(div(v, step)), -8), 7))
				e := add(v, -mul(step, float32(q)))
				squares, codes = append(squares, mul(e, e)), append(codes, byte(q+8))
			}
			return codes, chains(squares)
		}
		for k := top; k >= max(1, top-4); k-- {
			if _, err := quantize(sign * k); err < least {
				best, least = sign*k, err
			}
		}
		mult = append(mult, int8(best))
		q, _ := quantize(best)
		codes = append(codes, q...)
	}
	return x, scale, mult, codes
}

// driveEncI4 drives a 4-bit row quantizer; channel c lies at byte at(c).
func driveEncI4(at func(c int) int, call func(k any, dst, mult []byte, x []float32, scale float32, high bool)) func(*gen, int, int, int) trial {
	return func(g *gen, _, _, d int) trial {
		x, scale, mult, codes := g.encRow4(d)
		high := g.IntN(2) == 0
		n := 0
		if d > 0 {
			n = at(d-1) + 1
		}
		before, mask := g.codes(n), make([]uint8, n)
		after := append([]byte(nil), before...)
		for c, q := range codes {
			i := at(c)
			if mask[i] = spec; high {
				after[i] = after[i]&15 | q<<4
			} else {
				after[i] = after[i]&0xf0 | q
			}
		}
		return trial{
			ops:  []operand{inout(before, after, mask), scattered(mult, 0, func(g int) int { return Tile * g }), in(x)},
			call: func(k any, b [][]byte) { call(k, b[0], b[1], view[float32](b[2]), scale, high) },
			work: 10 * float64(d),
		}
	}
}

func driveEncI4K() func(*gen, int, int, int) trial {
	return driveEncI4(func(c int) int { return c/4*64 + c%4 }, func(k any, dst, mult []byte, x []float32, scale float32, high bool) {
		k.(EncI4KFunc)(dst, mult, x, scale, high)
	})
}

func driveEncI4V() func(*gen, int, int, int) trial {
	return driveEncI4(func(c int) int { return 4 * c }, func(k any, dst, mult []byte, x []float32, scale float32, high bool) {
		k.(EncI4VFunc)(dst, mult, x, scale, high)
	})
}

func driveHadamard(g *gen, _, _, d int) trial {
	x := g.floats(d, 100)
	want := append([]float32{}, x...)
	for w := 1; w < d; w *= 2 {
		next := make([]float32, d)
		for i := range next { // partner of i differs in bit w
			if i&w == 0 {
				next[i] = add(want[i], want[i|w])
			} else {
				next[i] = add(want[i&^w], -want[i])
			}
		}
		want = next
	}
	norm := float32(1 / math.Sqrt(float64(d)))
	for i := range want {
		want[i] = mul(want[i], norm)
	}
	return trial{
		ops:  []operand{inout(x, want, nil)},
		call: func(k any, b [][]byte) { k.(HadamardFunc)(view[float32](b[0])) },
		check: func(b [][]byte) error {
			if g.kind == special {
				return nil
			}
			var norm2 float64
			for _, v := range x {
				norm2 += float64(v) * float64(v)
			}
			slack := float64(bits.Len(uint(d))+2) * 0x1p-24 * math.Sqrt(norm2) * math.Sqrt(float64(d))
			slack += 0x1p-149 // a subnormal product
			for i, got := range view[float32](b[0]) {
				var sum float64
				for j, v := range x {
					sum += float64(v) * float64(1-2*(bits.OnesCount(uint(i&j))&1))
				}
				if exact := sum / math.Sqrt(float64(d)); math.Abs(float64(got)-exact) > slack {
					return fmt.Errorf("element %d = %g, exactly %g", i, got, exact)
				}
			}
			return nil
		},
		work: float64(d * bits.Len(uint(d))),
	}
}

// driveDotF32 drives a kernel that multiplies rows by one vector.
func driveDotF32(g *gen, m, _, d int) trial {
	q, x, a, b := g.floats(m*d, 60), g.floats(d, 60), g.floats(m, 60), g.floats(m, 60)
	want, products := make([]float32, m), make([]float32, d)
	for i := range m {
		for c, v := range x {
			products[c] = mul(q[i*d+c], v)
		}
		want[i] = add(mul(chains(products), a[i]), b[i])
	}
	return trial{
		ops: []operand{out(want, nil), in(q), in(x), in(a), in(b)},
		call: func(k any, v [][]byte) {
			k.(DotF32Func)(view[float32](v[0]), view[float32](v[1]), view[float32](v[2]), view[float32](v[3]), view[float32](v[4]), m, d)
		},
		work: 2 * float64(m*d),
	}
}

func driveSumSquares(g *gen, _, _, d int) trial {
	x := g.floats(d, 128)
	products := make([]float32, d)
	for i, v := range x {
		products[i] = mul(v, v)
	}
	return trial{
		ops:  []operand{out([]float32{chains(products)}, nil), in(x)},
		call: func(k any, b [][]byte) { view[float32](b[0])[0] = k.(SumSquaresFunc)(view[float32](b[1])) },
		work: 2 * float64(d),
	}
}

func driveAdvanceU8(g *gen, m, n, _ int) trial {
	top := [...]float32{255, 255, 15, 128}[g.IntN(4)]
	return logitRows(g, m, n, weights).trialAdvance(g, top, 2*m, func(f any, r *RowStates, p []byte, y, sv []float32) bool {
		return f.(AdvanceU8Func)(r, p, y, sv, top, m, n)
	})
}

// aheadScores are the operands of the next tile's scores.
type aheadScores struct {
	q        []int8
	k        []byte
	sk, a, b []float32
	d4       int
	next     []byte
}

// trialAhead is trialAdvance of a kernel that computes the next tile's scores too.
func (r *softmaxRows) trialAhead(g *gen, top float32, d int, call func(f any, r *RowStates, p []byte, y, sv []float32, s *aheadScores) bool) trial {
	d = max(d&^63, 64)
	return r.trialNext(g, top, 2*r.m, driveQKScaleI8(g, r.m, Tile, d), func(f any, r *RowStates, p []byte, y, sv []float32, x [][]byte) bool {
		s := &aheadScores{view[int8](x[0]), x[1], view[float32](x[2]), view[float32](x[3]), view[float32](x[4]), d / 4, x[5]}
		return call(f, r, p, y, sv, s)
	})
}

// trialNext is trialAdvance of a kernel that leaves the first result of a next trial, with whose
// other operands x it is called. It leaves what the softmax makes to the twin: the weights it is
// checked by are gone.
func (r *softmaxRows) trialNext(g *gen, top float32, scratch int, next trial, call func(f any, r *RowStates, p []byte, y, sv []float32, x [][]byte) bool) trial {
	tr := r.trialAdvance(g, top, scratch, func(f any, r *RowStates, p []byte, y, sv []float32) bool {
		return f.(func(*RowStates, []byte, []float32, []float32) bool)(r, p, y, sv)
	})
	y := &tr.ops[1]
	y.want, y.value, y.tol, y.mask = next.ops[0].want, nil, nil, nil
	own := len(tr.ops)
	tr.ops, tr.check, tr.work = append(tr.ops, next.ops[1:]...), nil, next.work
	for i := range tr.ops[:own] {
		if i != 1 {
			tr.ops[i].want, tr.ops[i].value, tr.ops[i].tol = nil, nil, nil
		}
	}
	advance := tr.call
	tr.call = func(f any, b [][]byte) {
		advance(func(r *RowStates, p []byte, y, sv []float32) bool { return call(f, r, p, y, sv, b[own:]) }, b)
	}
	return tr
}

// trialStored is trialNext of a kernel that reads nibble keys, with the given scores, and
// binary16 scales as they are stored.
func (g *gen) trialStored(q []int8, k, mult []byte, scores []int32, book *ScaledBook, call func(f any, r *RowStates, p []byte, y []float32, sv []byte, top float32, x [][]byte) bool) trial {
	const rows = 4
	top := [...]float32{255, 255, 15, 128}[g.IntN(4)]
	sk, a, b := g.codes(2*Tile), g.floats(rows, 128), g.floats(rows, 128)
	want := make([]float32, rows*Tile)
	for i := range want {
		scale := float32(half64(binary.LittleEndian.Uint16(sk[i%Tile*2:])))
		want[i] = add(mul(mul(float32(scores[i]), a[i/Tile]), scale), b[i/Tile])
	}
	next := trial{ops: []operand{out(want, nil), in(q), in(slices.Concat(sk, mult, k))}, work: float64(2 * len(q) * Tile)}
	if book != nil {
		next.ops = append(next.ops, in([]ScaledBook{*book}))
	}
	next.ops = append(next.ops, in(a), in(b), in(g.hint()))
	tr := logitRows(g, rows, Tile, weights).trialNext(g, top, 192, next, func(f any, r *RowStates, p []byte, y, sv []float32, x [][]byte) bool {
		return call(f, r, p, y, raw(sv), top, x)
	})
	sv := g.codes(2 * Tile)
	for i := range Tile {
		sv[2*i+1] &= 0x7b // positive and finite
	}
	tr.ops[2] = in(sv)
	return tr
}

func driveQKAdvanceI4(g *gen, _, _, d int) trial {
	d = max(d&^127, 128)
	q, k, mult, scores := g.nibbleScores(4, Tile, d)
	return g.trialStored(q, k, mult, scores, nil, func(f any, r *RowStates, p []byte, y []float32, sv []byte, top float32, x [][]byte) bool {
		return f.(QKAdvanceI4Func)(r, p, y, sv, top, view[int8](x[0]), x[1], view[float32](x[2]), view[float32](x[3]), d/4, x[4])
	})
}

func driveQKAdvanceN4(g *gen, _, _, d int) trial {
	d = max(d&^127, 128)
	q, k, mult, book := g.queries(4, d), g.codes(Tile*d/2), g.codes(d/32*Tile), g.book()
	return g.trialStored(q, k, mult, scoresN4(q, k, mult, book, 4, Tile, d), book, func(f any, r *RowStates, p []byte, y []float32, sv []byte, top float32, x [][]byte) bool {
		return f.(QKAdvanceN4Func)(r, p, y, sv, top, view[int8](x[0]), x[1], &view[ScaledBook](x[2])[0], view[float32](x[3]), view[float32](x[4]), d/4, x[5])
	})
}

func driveQKAdvanceI8(g *gen, _, _, d int) trial {
	top := [...]float32{255, 255, 15, 128}[g.IntN(4)]
	return logitRows(g, 4, Tile, weights).trialAhead(g, top, d, func(f any, r *RowStates, p []byte, y, sv []float32, s *aheadScores) bool {
		return f.(QKAdvanceI8Func)(r, p, y, sv, top, s.q, s.k, s.sk, s.a, s.b, s.d4, s.next)
	})
}

func driveQKAdvanceLogI8(g *gen, _, _, d int) trial {
	code, top := g.code(), [...]float32{255, 128}[g.IntN(2)]
	return logitRows(g, 4, Tile, logWeights(code)).trialAhead(g, top, d, func(f any, r *RowStates, p []byte, y, sv []float32, s *aheadScores) bool {
		return f.(QKAdvanceLogI8Func)(r, p, y, sv, &code, top, s.q, s.k, s.sk, s.a, s.b, s.d4, s.next)
	})
}

func driveAdvanceLogU8(g *gen, m, n, _ int) trial {
	code, top := g.code(), [...]float32{255, 128}[g.IntN(2)]
	return logitRows(g, m, n, logWeights(code)).trialAdvance(g, top, 2*m, func(f any, r *RowStates, p []byte, y, sv []float32) bool {
		return f.(AdvanceLogU8Func)(r, p, y, sv, code, top, m, n)
	})
}

// driveAdvanceBF16 expects weights within their bound, their rounding exactly, and states as of
// the twin.
func driveAdvanceBF16(g *gen, m, n, _ int) trial {
	r := logitRows(g, m, n, weights)
	sv := g.finite(n, 120)
	if g.IntN(3) == 0 {
		sv = nil
	}
	peak, l := make([]float32, m), make([]float32, m)
	for i := range m {
		peak[i], l[i] = unsigned(g.maximum()), 64*g.Float32()
	}
	mask := matrix(m, n, n)
	for i := range m {
		if n%2 == 1 {
			mask[i*Tile+n] = spec
		}
	}
	w := bytes.Repeat([]byte{any_}, 2*m+1)
	w[2*m] = spec // whether a row is poisoned
	packed := out(make([]uint16, m*Tile), mask)
	states := []operand{inout(peak, peak, nil), inout(l, l, nil), out(make([]float32, 2*m+1), w), out(make([]float32, 3*m), nil)}
	for i := range states {
		states[i].want = nil
	}
	packed.want = nil
	return trial{
		ops: append([]operand{packed, r.operand(), in(sv), stats(m)}, states...),
		call: func(f any, b [][]byte) {
			w := view[float32](b[6])
			r := RowStates{M: view[float32](b[4]), L: view[float32](b[5]), W: w[:2*m], Stat: view[Stat](b[3]), Fold: view[Fold](b[7])}
			w[2*m] = 0
			if f.(AdvanceBF16Func)(&r, view[uint16](b[0]), view[float32](b[1]), view[float32](b[2]), m, n) {
				w[2*m] = 1
			}
			for i, x := range r.M {
				r.M[i] = unsigned(x)
			}
			for i, x := range view[uint16](b[0]) {
				if isNaN(uint32(x) << 16) {
					view[uint16](b[0])[i] = 0x7fc0
				}
			}
		},
		check: func(b [][]byte) error {
			p, e := view[uint16](b[0]), view[float32](b[1])
			if err := checkStat(view[Stat](b[3]), r.top, e, func(int) float32 { return 1 }, n); err != nil {
				return err
			}
			for i := range m {
				for j := range n {
					x := e[i*Tile+j]
					if sv != nil {
						x = mul(x, sv[j])
					}
					want := toBrain(x)
					if math.Abs(float64(x)) < 0x1p-126 {
						want &= 0x8000
					}
					if got := p[i*Tile+j]; got != want && x == x || x != x && got != 0x7fc0 {
						return fmt.Errorf("row %d: p[%d] = %#04x for %g, want %#04x", i, j, got, x, want)
					}
				}
				if n%2 == 1 && p[i*Tile+n] != 0 {
					return fmt.Errorf("row %d: p[%d] = %#04x behind the last weight", i, n, p[i*Tile+n])
				}
			}
			return nil
		},
		work: float64(m * n),
	}
}

// trialAdvance is a trial of a kernel that weighs a tile and moves the states past it: weights
// and codes as trialCodes has them, states as of the twin, W of scratch numbers. The sign of a
// maximum 0 is not specified.
func (r *softmaxRows) trialAdvance(g *gen, top float32, scratch int, call func(f any, r *RowStates, p []byte, y, sv []float32) bool) trial {
	m := r.m
	peak, l := make([]float32, m), make([]float32, m)
	for i := range m {
		peak[i], l[i] = unsigned(g.maximum()), 64*g.Float32()
	}
	tr := r.trialCodes(g, top, 1, nil)
	w := bytes.Repeat([]byte{any_}, scratch+1)
	w[scratch] = spec // whether a row is poisoned
	states := []operand{inout(peak, peak, nil), inout(l, l, nil), out(make([]float32, scratch+1), w), out(make([]float32, 3*m), nil)}
	for i := range states {
		states[i].want = nil
	}
	tr.ops = append(tr.ops, states...)
	tr.call = func(f any, b [][]byte) {
		w := view[float32](b[6])
		r := RowStates{M: view[float32](b[4]), L: view[float32](b[5]), W: w[:scratch], Stat: view[Stat](b[3]), Fold: view[Fold](b[7])}
		w[scratch] = 0
		if call(f, &r, b[0], view[float32](b[1]), view[float32](b[2])) {
			w[scratch] = 1
		}
		for i, x := range r.M {
			r.M[i] = unsigned(x)
		}
	}
	return tr
}
