package fuzz

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// u is the unit roundoff of float32: every operation errs by at most u relative.
const u = 0x1p-24

// Margin is how close an output came to its bound.
type Margin struct {
	Worst   float64 // largest error / bound over finite rows
	Sum     float64 // sum of error / bound
	Float32 float64 // largest error / 4·2⁻²⁴·A·(4+S), the promise for plain float32 plans
	Checked int     // elements compared
}

// Add merges n into m.
func (m *Margin) Add(n Margin) {
	m.Worst, m.Sum = max(m.Worst, n.Worst), m.Sum+n.Sum
	m.Float32, m.Checked = max(m.Float32, n.Float32), m.Checked+n.Checked
}

// Check compares an output with the plan's definition in float64 over the stored values:
// the bytes of the pages decoded by package reference, in the rotated domain where the
// kernels work, with queries and weights rounded as the plan's modes define. The
// tolerance of each element is a rigorous bound of what float32 may do to it, so there is
// no family, format or mode in which a violation is acceptable. What is stored is itself
// compared with what was appended, and certificates with attention over that.
//
// # Logits
//
// With q the exact rotated query, r_j the stored residual and μ_j what was subtracted
// from key j (centre plus mean), the logit is s_j = f(scale·(q̂·r_j + q·μ_j)), f being
// softcap, ALiBi and bias. For int8 queries q̂ is codes times a scale, for bfloat16 ones q
// rounded to that; for float32 queries and sink tokens q̂ = q. Let Y_j = |scale|·(Σ|q̂ r_j| + Σ|q|(|centre|+|mean|)) + |ALiBi| +
// |bias|. The kernels round
//
//   - q: Hadamard in float32, log₂n additions and one factor, (log₂n+2)·u·‖q‖ in norm;
//     the codes of a rotated query may then be the next ones where q/scale is close to a
//     tie: each such channel adds the difference times |scale·r_jc|,
//   - r: one product on expansion, u·Σ|q r|,
//   - the sum: d terms, d·u·Σ|q r|; for int8 codes none, |Σ| < 2²⁴; where it may be one of
//     bfloat16 products, one more and what kernels of those do to subnormal numbers, times
//     the scale of the token,
//   - the sum with the centre: ⌈d/16⌉+5 terms in a row, as much of Σ|q|(|centre|+|mean|),
//   - scale, log2(e), offset: 10 roundings of magnitudes ≤ Y_j; 16 with softcap (three
//     operations, slope ≤ 1), ALiBi and bias,
//   - y−M of base-2 logits, once per tile and once per merge of split states: the
//     maxima rise monotonically, so the sum of all |differences| is the distance to the
//     largest,
//   - factors that underflow to subnormals, covered by an absolute 2⁻¹⁴⁹ in the factor.
//
// The sum of all is δ_j.
//
// # Weights and outputs
//
// What a mode makes of logits within δ_j is an interval per key, of its weight w_j and of
// its share e_j of the mass: oracle_weights.go. With N = Σ w_j·r_j + Σ e_j·μ_j,
// L = Σ e_j + sink, o = N/L and primes for the kernel's,
//
//	|o'−o| ≤ (Σ|w'−w|·|r| + Σ|e'−e|·|μ−o| + |sink'−sink|·|o|)/L' + G·u·A
//
// plus the same for the factor that all weights of a tile share, the exponentials between
// its maximum and the row's, where A = (Σ w'·|r| + Σ e'·|μ|)/L' and G counts the roundings of sums, expansion, folds
// and division. Where weight and mass are one, the first two terms are Σ|w'−w|·|r+μ−o|
// and the width of the visible values (0 among them when there is a sink logit) is a
// bound too.
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
	if err := x.checkStored(); err != nil {
		return m, err
	}
	for i := range in.QLen {
		for h := range in.Heads {
			if err := x.row(i, h).check(o, &m); err != nil {
				return m, fmt.Errorf("query %d, head %d: %w", i, h, err)
			}
		}
	}
	return m, nil
}

// exactRow is one output row with everything its bound needs. Slices over keys hold the
// visible ones only.
type exactRow struct {
	*exact
	i, h, g int
	query
	logits []float64 // natural, of all keys
	sees   []bool

	keys  []int
	delta []float64 // δ of each key, natural
	top   float64   // largest magnitude of a logit's terms
	sink  float64   // sink logit, −Inf without
	weights
}

func (x *exact) row(i, h int) *exactRow {
	in := x.in
	r := &exactRow{exact: x, i: i, h: h, g: h / (in.Heads / in.KVHeads), query: x.queries[i*in.Heads+h], sink: math.Inf(-1)}
	r.logits, r.sees = x.prob.Row(i, h)
	if x.cfg.SinkLogits != nil {
		r.sink = x.prob.SinkLogits[h]
	}
	for j, v := range r.sees {
		if v && !math.IsInf(r.logits[j], -1) {
			r.keys = append(r.keys, j)
		}
	}
	return r
}

func (r *exactRow) key(j int) *token   { return &r.k[j*r.in.KVHeads+r.g] }
func (r *exactRow) value(j int) *token { return &r.v[j*r.in.KVHeads+r.g] }

// outOfRange is where float32 logits may overflow: no bound applies.
const outOfRange = 0x1p120

func (r *exactRow) check(o Output, m *Margin) error {
	at := r.i*r.in.Heads + r.h
	out, lse := o.Out[at*r.in.DV:][:r.in.DV], o.LSE[at]
	if !allFinite(r.q) || !r.finiteKeys() {
		return r.checkBadLogits(out, lse)
	}
	if len(r.keys) == 0 {
		if err := r.checkEmpty(out, lse); err != nil {
			return err
		}
		return r.checkEmptyCertificate(o, at)
	}
	r.shifts()
	if r.top > outOfRange || r.norm > outOfRange || r.cfg.Q == attention.QBF16 && r.norm > outOfRange/57344 { // FP8 codes meet q without their scales
		return nil
	}
	r.weigh()
	if err := r.checkLSE(lse); err != nil {
		return err
	}
	if !r.finiteValues() {
		if err := r.checkBadValues(out); err != nil {
			return err
		}
		return r.checkNoCertificate(o, at, out)
	}
	want, abs, tol := r.output()
	plain := r.plainSize()
	for c, o := range out {
		d := math.Abs(float64(o) - want[c])
		if math.Abs(want[c])+tol[c] > math.MaxFloat32 {
			continue
		}
		if !(d <= tol[c]) {
			return fmt.Errorf("out[%d] is %v, exact %v: error %.3g exceeds the bound %.3g (A %.3g)", c, o, want[c], d, tol[c], abs[c])
		}
		m.Checked++
		if d > 0 {
			m.Worst, m.Sum = max(m.Worst, d/tol[c]), m.Sum+d/tol[c]
			m.Float32 = max(m.Float32, d/reference.Tolerance32(abs[c], plain))
		}
	}
	return r.checkCertificate(o, at, tol)
}

// checkLSE compares the logarithm of the denominator. A NaN is let through where a value
// is not finite: integers have no other way to pass it on.
func (r *exactRow) checkLSE(lse float32) error {
	if lse != lse && !r.finiteValues() {
		return nil
	}
	want := math.Ln2 * (r.ref + math.Log2(r.mass.at))
	tol := max(math.Log(r.mass.hi/r.mass.at), math.Log(r.mass.at/r.mass.lo))
	if limit := slices.Max(r.delta) + 1 + math.Log(float64(len(r.keys)+1)); !(tol <= limit) || r.vague {
		tol = limit // between the largest weight and n times that
	}
	tol += r.roundings()*u + r.folding() + 4*u*math.Abs(want)
	if d := math.Abs(float64(lse) - want); !(d <= tol) {
		return fmt.Errorf("lse is %v, exact %v, bound %v", lse, want, tol)
	}
	return nil
}

// plainSize is S of the row, max |scale|·Σ|q·k|.
func (r *exactRow) plainSize() float64 {
	plain := 0.0
	for _, j := range r.keys {
		k, s := r.key(j), 0.0
		for c, x := range r.q {
			s += math.Abs(x * (k.res[c] + k.mu[c]))
		}
		plain = max(plain, s*math.Abs(r.prob.Scale))
	}
	return plain
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
	for j, v := range r.sees {
		if v {
			if k := r.key(j); !allFinite(k.res) || !allFinite(k.mu) || math.IsNaN(r.logits[j]) || math.IsInf(r.logits[j], 1) {
				return false
			}
		}
	}
	return true
}

func (r *exactRow) finiteValues() bool {
	for j, v := range r.sees {
		if v && !allFinite(r.value(j).res) {
			return false
		}
	}
	return true
}

// checkBadLogits handles rows with a NaN or an infinity in the query or a visible key.
func (r *exactRow) checkBadLogits(out []float32, lse float32) error {
	if r.prob.Softcap > 0 || len(r.keys) == 0 {
		for _, x := range r.q {
			if math.IsNaN(x) && !r.none() {
				return r.wantNaN(out, lse, "the query is NaN")
			}
		}
		if r.none() {
			return r.checkEmpty(out, lse)
		}
	}
	for _, j := range r.keys {
		// with the query as it is: in the logits an infinity meets zeros
		s := r.dot(j) * r.prob.Scale
		if c := r.prob.Softcap; c > 0 {
			s = c * math.Tanh(s/c)
		}
		if math.IsNaN(s) || math.IsInf(s, 1) {
			return r.wantNaN(out, lse, fmt.Sprintf("the score of key %d is %v", j, s))
		}
	}
	return nil
}

// dot is q·k_j.
func (r *exactRow) dot(j int) (s float64) {
	k := r.key(j)
	for c, x := range r.q {
		s += x * (k.res[c] + k.mu[c])
	}
	return s
}

// none reports that no key is visible.
func (r *exactRow) none() bool {
	for _, v := range r.sees {
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
func (r *exactRow) checkBadValues(out []float32) error {
	for c, o := range out {
		for _, j := range r.keys {
			x := r.value(j).res
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

// shifts computes δ of every visible key, and top.
func (r *exactRow) shifts() {
	in, scale := r.in, math.Abs(r.prob.Scale)
	d, rotQ, rotMean := float64(in.DK), 0.0, 0.0
	if in.Case.K.Rotate {
		rotQ, rotMean = rotationError(in.DK, r.norm), rotationError(in.DK, r.meanK[r.g])
	}
	pos := float64(r.i + r.prob.Offset)
	r.delta = make([]float64, len(r.keys))
	for n, j := range r.keys {
		k := r.key(j)
		var res, cen, slack, size float64
		for c, x := range r.q {
			cen += math.Abs(x) * k.off[c]
			res += math.Abs(r.hat[c] * k.res[c])
			size += math.Abs(r.hat[c]) + math.Abs(k.res[c])
			if r.slack != nil {
				slack += r.slack[c] * math.Abs(k.res[c])
			}
		}
		tiny := 0x1p-149 * (1 + res + cen) // scale constants and factors that underflow
		e := scale * (rotQ*k.muNorm + rotMean*r.norm)
		if in.Case.K.Center {
			e += scale * u * (math.Ceil(d/16) + 5) * cen
		}
		unit := max(1, k.scale)
		flushed := u*res + 0x1p-125*size*unit + d*0x1p-124*unit // by bfloat16 products
		switch {
		case j < in.SinkTokens || r.slack == nil:
			e += scale * (rotQ*k.norm + u*(d+1)*res)
			if r.pairsKeys && j >= in.SinkTokens {
				e += scale * flushed
			}
		case r.cfg.Q == attention.QBF16:
			e += scale * (slack + u*(d+2)*(res+slack) + flushed)
		default:
			e += scale * slack
			if r.step > 0 {
				tiny += 0x1p-149 / r.step * (res + slack)
			}
		}
		y := scale * (res + slack + cen)
		if in.ALiBi {
			y += math.Abs(r.prob.ALiBi[r.h] * (pos - float64(j)))
		}
		if b := r.in.Batch.Bias; b != nil {
			y += math.Abs(float64(b.Values[b.Start[r.i]+int64(r.h)*b.HeadStride+int64(j)]))
		}
		steps := 10.0 // float32 operations on a score
		if in.ALiBi || in.Softcap > 0 || in.Batch.Bias != nil || in.Batch.Mask != nil {
			steps = 16
		}
		r.delta[n] = e + steps*u*y + tiny
		r.top = max(r.top, y)
	}
	if !math.IsInf(r.sink, 0) {
		r.top = max(r.top, math.Abs(r.sink))
	}
}

// roundings is G: how often float32 rounds a sum on its way, relative to A. Errors of the
// exponentials that tiles meet by are not among them: numerator and denominator share them.
func (r *exactRow) roundings() float64 {
	g := 16 + 4*float64(r.tiles) + 6*float64(r.splits) // a tile and its folds: α·o and the addition, the same for l
	if r.intV && r.in.SinkTokens == 0 {
		g += 2
	} else {
		g += reference.Tokens + 4 // one sum over the tokens of a tile, and their expansion
		if r.pairsValues {
			g++
		}
	}
	if r.sequential {
		return g + reference.Tokens
	}
	return g + 8 // four terms in a chain, 16 chains folded
}

// folding bounds the relative error of the exponentials that a tile's sums are multiplied
// by until the end.
func (r *exactRow) folding() float64 { return 4 * u * float64(r.tiles+r.splits+1) }

// rotationError is the error in norm of a float32 Hadamard transform of a row of d
// elements: relative, and that of subnormal results.
func rotationError(d int, norm float64) float64 {
	return u*float64(bits.Len(uint(d))+2)*norm + 0x1p-149*float64(d)
}

// output returns the exact output, A and the bound of every channel, values rotated back.
func (r *exactRow) output() (want, abs, tol []float64) {
	in := r.in
	want, abs, tol = make([]float64, in.DV), make([]float64, in.DV), make([]float64, in.DV)
	meanError, roundings, tiny := 0.0, r.roundings(), 0x1p-147 // tiny: subnormal numbers lose bits
	switch {                                                   // all, in bfloat16
	case r.foldsScales:
		tiny = 0x1p-108 // of a weight against the largest code
	case r.pairsValues:
		tiny = 0x1p-123
	}
	if in.Case.V.Rotate {
		meanError = rotationError(in.DV, r.meanV[r.g])
	}
	for c := range want {
		var num, centre, size, moved float64
		lo, hi, biggest := math.Inf(1), math.Inf(-1), 0.0
		for n, j := range r.keys {
			v := r.value(j)
			x, mu := v.res[c], v.mu[c]
			num += r.w[n].at * x
			centre += r.e[n].at * mu
			size += r.w[n].size()*math.Abs(x) + r.e[n].hi*math.Abs(mu)
			lo, hi = min(lo, x+mu), max(hi, x+mu)
			biggest = max(biggest, math.Abs(x)+math.Abs(mu))
		}
		o := (num + centre) / r.mass.at
		pivot := o // what the mass multiplies
		if r.fixed {
			pivot = centre / r.mass.at
		}
		for _, t := range r.spanned {
			pull := 0.0 // of the tile's factor
			for n := t.lo; n < t.hi; n++ {
				v := r.value(r.keys[n])
				x, mu := v.res[c], v.mu[c]
				pull += r.w[n].at*x + r.e[n].at*(mu-pivot)
				if r.one[n] {
					moved += r.w[n].width() * math.Abs(x+mu-o)
				} else {
					moved += r.w[n].width()*math.Abs(x) + r.e[n].width()*math.Abs(mu-pivot)
				}
			}
			moved += r.folding() * math.Abs(pull)
		}
		moved = (moved + r.z.width()*math.Abs(pivot)) / r.mass.lo
		if !math.IsInf(r.sink, -1) {
			lo, hi = min(lo, 0), max(hi, 0)
		}
		rounded := r.coarse(c)
		if limit := hi - lo + 2*rounded; !(moved <= limit) || r.vague {
			moved = limit
		}
		a := size / r.mass.lo
		if limit := biggest + rounded; !(a <= limit) || r.vague {
			a = limit
		}
		want[c], abs[c] = o, a
		tol[c] = moved + roundings*u*a + 2*u*biggest + meanError + float64(in.KVLen)*tiny*(1+biggest)
		if r.underflow[c] > 0 {
			tol[c] += r.underflow[c] / r.mass.lo
		}
	}
	if in.Case.V.Rotate {
		n := norm(want)
		t := spread(tol)
		want, abs = reference.Hadamard(want), spread(abs)
		for c := range t {
			tol[c] = t[c] + rotationError(in.DV, n+norm(tol))
		}
	}
	return want, abs, tol
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
