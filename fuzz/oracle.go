package fuzz

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// u is the unit roundoff of float32: every operation errs by at most u relative.
const u = 0x1p-24

// Margin is how close an output came to its bound.
type Margin struct {
	Worst   float64 // largest error / bound over finite rows
	Float32 float64 // largest error / 4·2⁻²⁴·A·(4+S), the promise for plain float32 plans
	Checked int     // elements compared
}

// Check compares an output with float64 attention over the stored values: the bytes of
// the pages decoded by package reference, in the rotated domain where the kernels work,
// with exact queries. The tolerance of each element is a rigorous bound, so there is
// no family, format or mode in which a violation is acceptable.
//
// # Logits
//
// With q the exact rotated query, r_j the stored residual and μ the stored centre of key
// j, the exact logit is s_j = f(scale·(q·r_j + q·μ)), f being softcap, ALiBi and bias.
// Let Y_j = |scale|·(Σ|q r_j| + Σ|q μ|) + |ALiBi| + |bias|. The kernels round
//
//   - q: Hadamard in float32, log₂n additions and one factor, (log₂n+2)·u·‖q‖ in norm,
//   - r: one product on expansion, u·Σ|q r|,
//   - the sum: d terms, d·u·Σ|q r|; for int8 codes none, |Σ| < 2²⁴,
//   - scale, log2(e), offset, softcap (three operations, slope ≤ 1), ALiBi, bias: 16
//     roundings of magnitudes ≤ Y_j,
//   - y−M of base-2 logits, once per tile and once per merge of split states: the
//     maxima rise monotonically, so the sum of all |differences| is ≤ 2·max Y,
//   - factors that underflow to subnormals, covered by an absolute 2⁻¹⁴⁹ in the factor.
//
// With int8 queries q̂ = q − e, the logit moves further by |scale|·‖e‖·‖r_j‖
// (Cauchy–Schwarz; the keys are exact here because the stored ones are the reference).
// The sum of all is δ_j; δ = max_j δ_j over the visible keys and the sink logit.
//
// # Outputs
//
// Weights that err by e^{±δ} in numerator and denominator are p'_j = p_j·e^{±2δ} with
// Σ|p'−p| ≤ 2·tanh(δ), hence
//
//	|Δo_c| ≤ min(A_c·(e^{2δ}−1), tanh(δ)·range_c(V)) + G·u·A_c + |rounding of P|_c
//
// where A_c = Σ p_j(|r_jc|+|μ_c|), the range includes 0 when a sink logit does, and G
// counts the roundings of sums, exponentials, expansion, folds and division. The plain
// logit shift δ (one half of the tanh argument) would do if the denominator used the same
// rounded weights, which u8 weights do not.
//
// For u8 weights, tile t contributes (W_t/510)·Σ_{j∈t}|code_jc|, W_t = max_{j∈t} p'_j·s_j
// with value scales s_j, ½ unit of the code being W_t/510.
//
// Rotated values: the bounds per channel combine over the Hadamard sum of each part, plus
// its own (log₂n+2)·u·‖o‖.
//
// # Rows that see something not finite
//
// A row whose query or a visible key is not finite is NaN in every channel and in LSE;
// softcap and formats that keep infinities may make an infinite score finite or
// invisible, then nothing is demanded. A row that sees a value that is not finite is not
// finite in a channel where a stored value is NaN.
func (in *Instance) Check(o Output) (Margin, error) {
	var m Margin
	if in.QLen == 0 {
		return m, nil
	}
	x := in.newExact()
	for i := range in.QLen {
		for h := range in.Heads {
			row := x.row(i, h)
			at := i*in.Heads + h
			if err := row.check(o.Out[at*in.DV:][:in.DV], o.LSE[at], &m); err != nil {
				return m, fmt.Errorf("query %d, head %d: %w", i, h, err)
			}
		}
	}
	return m, nil
}

// layout is the layout by the reference's own arithmetic.
func (in *Instance) layout() reference.Layout {
	side := func(s Store, d int) reference.SideLayout {
		name, static := s.Format, 0.0
		if k := strings.IndexByte(name, '('); k >= 0 {
			fmt.Sscanf(name[k:], "(%g)", &static)
			name = name[:k]
		}
		f, ok := reference.FormatByName(name)
		if !ok {
			panic("fuzz: the reference does not know " + name)
		}
		return reference.SideLayout{Format: f, D: d, Centred: s.Center, Rotated: s.Rotate, Static: static}
	}
	return reference.Layout{KVHeads: in.KVHeads, K: side(in.Case.K, in.DK), V: side(in.Case.V, in.DV), Sinks: in.SinkTokens}
}

// exact holds the stored tokens in the rotated domain.
type exact struct {
	in     *Instance
	cfg    attention.Config
	prob   *reference.Problem
	kr, km [][]float64 // residual and centre of key [token·KVHeads + head]
	vr, vm [][]float64
	kn, mn []float64 // their norms
	vs     []float64 // scales of values, for u8 weights
}

func (in *Instance) newExact() *exact {
	x := &exact{in: in, cfg: in.Plan.Config()}
	lay := in.layout()
	if got, want := in.Plan.Layout().PageBytes, lay.PageBytes(); got != want {
		panic(fmt.Sprintf("fuzz: pages have %d bytes, the reference says %d", got, want))
	}
	var pages [][]byte
	for _, b := range in.Table[:in.Plan.Layout().TablePages(in.KVLen)] {
		pages = append(pages, in.Page(b))
	}
	for t := range in.KVLen {
		for h := range in.KVHeads {
			for _, s := range []struct {
				side   reference.Side
				d      int
				rs, ms *[][]float64
			}{{reference.Keys, in.DK, &x.kr, &x.km}, {reference.Values, in.DV, &x.vr, &x.vm}} {
				if t < in.SinkTokens {
					*s.rs = append(*s.rs, lay.StoredToken(pages, h, s.side, t))
					*s.ms = append(*s.ms, make([]float64, s.d))
					continue
				}
				page := pages[lay.SinkPages()+t/reference.Tokens]
				*s.rs = append(*s.rs, lay.Residual(page, h, s.side, t%reference.Tokens))
				*s.ms = append(*s.ms, lay.Centre(page, h, s.side))
			}
		}
	}
	for j, r := range x.kr {
		x.kn, x.mn = append(x.kn, norm(r)), append(x.mn, norm(x.km[j]))
		if x.cfg.P == attention.PU8 {
			x.vs = append(x.vs, in.valueScale(lay, pages, j/in.KVHeads, j%in.KVHeads))
		}
	}
	x.prob = in.problem(x)
	return x
}

// problem states the case for the reference, in the rotated domain.
func (in *Instance) problem(x *exact) *reference.Problem {
	p := reference.NewProblem(in.Heads, in.KVHeads, in.DK, in.DV, in.QLen, in.KVLen)
	p.Scale, p.Softcap, p.Causal, p.Offset = float64(x.cfg.Scale), float64(in.Softcap), in.Causal, in.FirstPosition()
	if w := in.Window; w.Limited {
		p.WindowLeft, p.WindowRight = min(w.Left, 1<<30), min(w.Right, 1<<30) // keep p ± width in range
	}
	p.ALiBi, p.SinkLogits = widen(x.cfg.ALiBi), widen(x.cfg.SinkLogits)
	for i := range in.QLen * in.Heads {
		q := widen(in.Q[i*in.DK:][:in.DK])
		if in.Case.K.Rotate {
			q = reference.Hadamard(q)
		}
		p.Q = append(p.Q, q...)
	}
	sum := func(rs, ms [][]float64) (all []float64) {
		for j, r := range rs {
			for c, v := range r {
				all = append(all, v+ms[j][c])
			}
		}
		return all
	}
	p.K, p.V = sum(x.kr, x.km), sum(x.vr, x.vm)
	each := func(start []int64, stride int64, f func(at int64)) {
		for h := range in.Heads {
			for i := range in.QLen {
				for j := range in.KVLen {
					f(start[i] + int64(h)*stride + int64(j))
				}
			}
		}
	}
	if m := in.Batch.Mask; m != nil {
		each(m.Start, m.HeadStride, func(at int64) { p.Visible = append(p.Visible, m.Bits[at/8]>>(at%8)&1 != 0) })
	}
	if m := in.Batch.Bias; m != nil {
		each(m.Start, m.HeadStride, func(at int64) { p.Bias = append(p.Bias, float64(m.Values[at])) })
	}
	return p
}

func widen(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// exactRow is one output row with everything its bound needs.
type exactRow struct {
	*exact
	i, h, g int
	q       []float64
	logits  []float64
	visible []bool
	weights []float64
	lse     float64
	sink    float64 // sink logit, −Inf without
}

func (x *exact) row(i, h int) *exactRow {
	in := x.in
	r := &exactRow{exact: x, i: i, h: h, g: h / (in.Heads / in.KVHeads), sink: math.Inf(-1)}
	r.q = x.prob.Q[(i*in.Heads+h)*in.DK:][:in.DK]
	r.logits, r.visible = x.prob.Row(i, h)
	if x.cfg.SinkLogits != nil {
		r.sink = x.prob.SinkLogits[h]
	}
	r.weights, r.lse = reference.SoftmaxSink(r.logits, r.visible, r.sink)
	return r
}

func (r *exactRow) key(j int) (res, mu []float64) {
	return r.kr[j*r.in.KVHeads+r.g], r.km[j*r.in.KVHeads+r.g]
}

func (r *exactRow) value(j int) (res, mu []float64) {
	return r.vr[j*r.in.KVHeads+r.g], r.vm[j*r.in.KVHeads+r.g]
}

// outOfRange is where float32 logits may overflow: no bound applies.
const outOfRange = 0x1p120

func (r *exactRow) check(out []float32, lse float32, m *Margin) error {
	if !allFinite(r.q) || !r.finiteKeys() {
		return r.checkBadLogits(out, lse)
	}
	if r.empty() {
		return r.checkEmpty(out, lse)
	}
	delta, top := r.logitShift()
	if top > outOfRange {
		return nil
	}
	g := float64(reference.Tokens + 8*(r.tiles()+2) + 16)
	if !r.finiteValues() {
		return r.checkBadValues(out, lse, delta+g*u)
	}
	if d := math.Abs(float64(lse) - r.lse); !(d <= delta+g*u+4*u*math.Abs(r.lse)) {
		return fmt.Errorf("lse is %v, exact %v, bound %v", lse, r.lse, delta+g*u+4*u*math.Abs(r.lse))
	}
	want, abs, tol := r.output(delta, g)
	plain := 0.0
	for j := range r.weights {
		if r.visible[j] {
			k, mu := r.key(j)
			s := 0.0
			for c, x := range r.q {
				s += math.Abs(x * (k[c] + mu[c]))
			}
			plain = max(plain, s*math.Abs(r.prob.Scale))
		}
	}
	for c, o := range out {
		d := math.Abs(float64(o) - want[c])
		if math.Abs(want[c])+tol[c] > math.MaxFloat32 {
			continue
		}
		if !(d <= tol[c]) {
			return fmt.Errorf("out[%d] is %v, exact %v: error %.3g exceeds the bound %.3g (logit shift %.3g, A %.3g)", c, o, want[c], d, tol[c], delta, abs[c])
		}
		m.Checked++
		if d > 0 {
			m.Worst = max(m.Worst, d/tol[c])
			m.Float32 = max(m.Float32, d/reference.Tolerance32(abs[c], plain))
		}
	}
	return nil
}

// tiles is the number of tiles and split states that may be folded.
func (r *exactRow) tiles() int { return r.in.KVLen/reference.Tokens + 2 + r.in.KVLen/1024 }

func (r *exactRow) empty() bool {
	for j, v := range r.visible {
		if v && !math.IsInf(r.logits[j], -1) {
			return false
		}
	}
	return true
}

func (r *exactRow) checkEmpty(out []float32, lse float32) error {
	if d := math.Abs(float64(lse) - r.sink); float64(lse) != r.sink && !(d <= 4*u*math.Abs(r.sink)) {
		return fmt.Errorf("lse of an empty row is %v, want %v", lse, r.sink)
	}
	for c, o := range out {
		if math.Float32bits(o) != 0 {
			return fmt.Errorf("out[%d] of an empty row is %v, want +0", c, o)
		}
	}
	return nil
}

func (r *exactRow) finiteKeys() bool {
	for j, v := range r.visible {
		if v {
			if k, mu := r.key(j); !allFinite(k) || !allFinite(mu) || math.IsNaN(r.logits[j]) || math.IsInf(r.logits[j], 1) {
				return false
			}
		}
	}
	return true
}

func (r *exactRow) finiteValues() bool {
	for j, v := range r.visible {
		if v {
			if x, _ := r.value(j); !allFinite(x) {
				return false
			}
		}
	}
	return true
}

// checkBadLogits handles rows with a NaN or an infinity in the query or a visible key.
func (r *exactRow) checkBadLogits(out []float32, lse float32) error {
	if r.prob.Softcap > 0 || r.empty() {
		for _, x := range r.q {
			if math.IsNaN(x) && !r.none() {
				return r.wantNaN(out, lse, "the query is NaN")
			}
		}
		if r.none() {
			return r.checkEmpty(out, lse)
		}
	}
	for j, v := range r.visible {
		if !v {
			continue
		}
		if math.IsNaN(r.logits[j]) || math.IsInf(r.logits[j], 1) {
			return r.wantNaN(out, lse, fmt.Sprintf("the logit of key %d is %v", j, r.logits[j]))
		}
	}
	return nil
}

// none reports that no key is visible.
func (r *exactRow) none() bool {
	for _, v := range r.visible {
		if v {
			return false
		}
	}
	return true
}

func (r *exactRow) wantNaN(out []float32, lse float32, why string) error {
	if lse == lse {
		return fmt.Errorf("lse is %v although %s", lse, why)
	}
	for c, o := range out {
		if o == o {
			return fmt.Errorf("out[%d] is %v although %s", c, o, why)
		}
	}
	return nil
}

// checkBadValues handles rows that see a value that is not finite. Channels in which
// all stored values are finite keep their bound when values are neither rotated nor in a
// format that marks whole tokens.
func (r *exactRow) checkBadValues(out []float32, lse float32, tol float64) error {
	if d := math.Abs(float64(lse) - r.lse); lse == lse && !(d <= tol+4*u*math.Abs(r.lse)) {
		return fmt.Errorf("lse is %v, exact %v", lse, r.lse)
	}
	for c, o := range out {
		for j, v := range r.visible {
			if !v || math.IsInf(r.logits[j], -1) {
				continue
			}
			x, _ := r.value(j)
			bad := math.IsNaN(x[c])
			if r.in.Case.V.Rotate {
				lo, hi := part(c, len(x))
				bad = !allFinite(x[lo:hi])
			}
			if bad && o-o == 0 {
				return fmt.Errorf("out[%d] is %v although value %d is not finite", c, o, j)
			}
		}
	}
	return nil
}

// logitShift is δ and the largest magnitude of a logit's terms.
func (r *exactRow) logitShift() (delta, top float64) {
	in, scale := r.in, math.Abs(r.prob.Scale)
	d := float64(in.DK)
	rot := 0.0
	if in.Case.K.Rotate {
		rot = rotationError(in.DK)
	}
	integer := r.cfg.Q == attention.QInt8
	qn := norm(r.q)
	var eq, sq float64
	if integer {
		eq, sq = quantizationError(r.q)
	}
	pos := float64(r.i + r.prob.Offset)
	var shift []float64
	for j, v := range r.visible {
		if !v || math.IsInf(r.logits[j], -1) {
			continue
		}
		k, mu := r.key(j)
		var res, cen float64
		for c, x := range r.q {
			res += math.Abs(x * k[c])
			cen += math.Abs(x * mu[c])
		}
		y := scale * (res + cen)
		tiny := 0x1p-149 * (1 + res + cen) // scale constants and factors that underflow
		kn := r.kn[j*in.KVHeads+r.g]
		e := scale * rot * qn * (kn + r.mn[j*in.KVHeads+r.g])
		if integer && j >= in.SinkTokens {
			e += scale*eq*kn + 4*u*scale*eq*kn
			if sq > 0 {
				tiny += 0x1p-149 / sq * (res + eq*kn)
			}
			y += scale * eq * kn
		} else {
			e += u * d * scale * res
		}
		if in.ALiBi {
			y += math.Abs(r.prob.ALiBi[r.h] * (pos - float64(j)))
		}
		if b := r.in.Batch.Bias; b != nil {
			y += math.Abs(float64(b.Values[b.Start[r.i]+int64(r.h)*b.HeadStride+int64(j)]))
		}
		shift = append(shift, e+16*u*y+tiny)
		top = max(top, y)
	}
	if !math.IsInf(r.sink, 0) {
		top = max(top, math.Abs(r.sink))
		shift = append(shift, 4*u*math.Abs(r.sink))
	}
	for _, e := range shift {
		delta = max(delta, e)
	}
	return delta + 6*u*top, top
}

// quantizationError is ‖q − q̂‖ of an int8 query, and the scale.
func quantizationError(q []float64) (err, scale float64) {
	amax := reference.AbsMax(q)
	s := float32(amax) / 127
	if s == 0 && amax > 0 {
		s = math.SmallestNonzeroFloat32
	}
	scale = float64(s)
	sum := 0.0
	for _, x := range q {
		e := x
		if scale > 0 {
			e -= scale * float64(reference.Int8(x, scale))
			// A code at a tie may fall either way: ½ step in both cases. Rounding of q
			// and of q/scale moves the tie by a few u.
			e = math.Abs(e) + 4*u*math.Abs(x)
		}
		sum += e * e
	}
	return math.Sqrt(sum), scale
}

// rotationError is the relative error in norm of a float32 Hadamard transform.
func rotationError(d int) float64 { return u * float64(bits.Len(uint(d))+2) }

// output returns the exact output, A and the bound of every channel, values rotated back.
func (r *exactRow) output(delta, g float64) (want, abs, tol []float64) {
	in := r.in
	want, abs, tol = make([]float64, in.DV), make([]float64, in.DV), make([]float64, in.DV)
	tiles := map[int]*tileStat{}
	weightShift := math.Expm1(2 * min(delta, 100)) // the tanh bound is smaller long before
	for c := range want {
		lo, hi, biggest := math.Inf(1), math.Inf(-1), 0.0
		for j, p := range r.weights {
			if !r.visible[j] || math.IsInf(r.logits[j], -1) {
				continue
			}
			v, mu := r.value(j)
			want[c] += p * (v[c] + mu[c])
			abs[c] += p * (math.Abs(v[c]) + math.Abs(mu[c]))
			lo, hi = min(lo, v[c]+mu[c]), max(hi, v[c]+mu[c])
			biggest = max(biggest, math.Abs(v[c])+math.Abs(mu[c]))
		}
		if !math.IsInf(r.sink, -1) {
			lo, hi = min(lo, 0), max(hi, 0)
		}
		n := float64(in.KVLen)
		tol[c] = min(abs[c]*weightShift, math.Tanh(delta)*(hi-lo)) + g*u*(abs[c]+math.Tanh(delta)*biggest) +
			n*0x1p-148*(1+biggest)
	}
	if r.cfg.P == attention.PU8 {
		r.roundedWeights(tol, tiles, weightShift)
	}
	if in.Case.V.Rotate {
		n := norm(want)
		t := spread(tol)
		want, abs = reference.Hadamard(want), spread(abs)
		for c := range t {
			tol[c] = t[c] + rotationError(in.DV)*(n+norm(tol))
		}
	}
	return want, abs, tol
}

// tileStat collects what the rounding of a tile's u8 weights can cost.
type tileStat struct {
	w, top float64 // max p·s and max s
	sum    []float64
}

// roundedWeights adds the term of u8 weights to the bounds. Sink tokens have float32
// weights.
func (r *exactRow) roundedWeights(tol []float64, tiles map[int]*tileStat, weightShift float64) {
	in := r.in
	for j, p := range r.weights {
		if !r.visible[j] || math.IsInf(r.logits[j], -1) || j < in.SinkTokens {
			continue
		}
		t := tiles[j/reference.Tokens]
		if t == nil {
			t = &tileStat{sum: make([]float64, in.DV)}
			tiles[j/reference.Tokens] = t
		}
		s := r.vs[j*in.KVHeads+r.g]
		t.w, t.top = max(t.w, p*s), max(t.top, s)
		v, _ := r.value(j)
		for c, x := range v {
			if s > 0 {
				t.sum[c] += math.Abs(x) / s
			}
		}
	}
	for _, t := range tiles {
		w := min(t.w*(1+weightShift), t.top)
		for c := range tol {
			tol[c] += 1.001*w/510*t.sum[c] + 0x1p-149*reference.Tokens*255*128
		}
	}
}

// valueScale is the scale stored with the value of token t, 0 for a sink token.
func (in *Instance) valueScale(lay reference.Layout, pages [][]byte, t, head int) float64 {
	if t < in.SinkTokens {
		return 0
	}
	tile := lay.Block(pages[lay.SinkPages()+t/reference.Tokens], head, reference.Values)[64:]
	if in.Case.V.Center {
		tile = tile[(2*in.DV+63)&^63:]
	}
	t %= reference.Tokens
	if in.Case.V.Format == "int8-s32" {
		return reference.F32(binary.LittleEndian.Uint32(tile[4*t:]))
	}
	return reference.F16(binary.LittleEndian.Uint16(tile[2*t:]))
}

// part is the binary power of the rotation that channel c of d belongs to.
func part(c, d int) (lo, hi int) {
	for hi <= c {
		lo, hi = hi, hi+1<<(bits.Len(uint(d-hi))-1)
	}
	return lo, hi
}

// spread bounds |Hadamard(x)| for |x_c| ≤ t_c: the sum of each part over √n.
func spread(t []float64) []float64 {
	out := make([]float64, len(t))
	for c := range t {
		lo, hi := part(c, len(t))
		for _, x := range t[lo:hi] {
			out[c] += x / math.Sqrt(float64(hi-lo))
		}
	}
	return out
}

func norm(x []float64) float64 {
	top := reference.AbsMax(x)
	if top == 0 || top-top != 0 {
		return top
	}
	s := 0.0
	for _, v := range x {
		s += v / top * (v / top)
	}
	return top * math.Sqrt(s)
}

func allFinite(x []float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
