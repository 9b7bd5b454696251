package fuzz

import (
	"fmt"
	"math"
	"slices"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// appended states the case as the caller knows it: rows before quantization.
func (in *Instance) appended() *reference.Problem {
	p := reference.NewProblem(in.Heads, in.KVHeads, in.DK, in.DV, in.QLen, in.KVLen)
	in.constrain(p)
	p.Q, p.K, p.V = widen(in.Q), widen(in.K), widen(in.V)
	return p
}

// checkCertificate holds every channel to the bound of its row, against attention over the
// rows before quantization. The bound speaks of real numbers: tol, what float32 may do to
// the row, and what it did to rows on their way into storage come on top.
func (r *exactRow) checkCertificate(o Output, at int, tol []float64) error {
	if !r.in.Certify {
		return nil
	}
	for _, j := range r.keys {
		for _, side := range []reference.Side{reference.Keys, reference.Values} {
			if r.lay.TokenNonFinite(r.pages, r.g, side, j) { // static scales make it finite again
				if o.ErrBound[at] == o.ErrBound[at] || o.ErrEst[at] == o.ErrEst[at] {
					return fmt.Errorf("estimate %v and bound %v of a row that sees token %d, which was not finite", o.ErrEst[at], o.ErrBound[at], j)
				}
				return nil
			}
		}
	}
	want, ok := r.exactOutput(at)
	if !ok {
		return nil // what is finite in storage was not, or overflows
	}
	bound, estimate := float64(o.ErrBound[at]), float64(o.ErrEst[at])
	if !(bound >= 0) || !(estimate >= 0) && !r.squaresOverflow() {
		return fmt.Errorf("estimate %v and bound %v of a row without a NaN", estimate, bound)
	}
	if err := r.checkFormula(bound, estimate); err != nil {
		return err
	}
	lost := r.appendLoss()
	for c, x := range o.Out[at*r.in.DV:][:r.in.DV] {
		slack := tol[c] + lost + bound*1e-5
		if d := math.Abs(float64(x) - want[c]); !(d <= bound+slack) {
			return fmt.Errorf("out[%d] is %v, %v before quantization: error %.4g exceeds the certified %.4g (and %.2g)", c, x, want[c], d, bound, slack)
		}
	}
	return nil
}

// checkFormula compares a certificate with what its formula makes of the stored records: a
// bound that is far above most errors hides what it leaves out.
func (r *exactRow) checkFormula(bound, estimate float64) error {
	worst := slices.Max(r.delta)
	want, slack := r.formula()
	if worst > 0.01 || !(want.bound <= math.MaxFloat32) || r.squaresOverflow() {
		return nil // weights are not known well enough, or nothing is
	}
	const tiny = 0x1p-50 // squares underflow
	for _, v := range []struct {
		name             string
		got, want, slack float64
	}{{"bound", bound, want.bound, slack.bound}, {"estimate", estimate, want.estimate, slack.estimate}} {
		if !(math.Abs(v.got-v.want) <= v.want*(1e-3+8*worst)+v.slack+tiny) {
			return fmt.Errorf("the %s is %v, its formula gives %v", v.name, v.got, v.want)
		}
	}
	return nil
}

// formula is the certificate of the row over its tiles t with index limit n_t, mass m_t and
// weights w_j of the row, of records K and V:
//
//	bound = tanhBound(δ/2)·2·max_t V.MaxSize + Σ_t (m_t·V.MaxErr + W_t/2·127·n_t),  √DV times that when values are rotated
//	δ = |scale|·(‖q‖·max_t K.MaxErr + ‖q−q̂‖·max_t K.MaxSize)
//	estimate² = Σ_t (Σ_j w_j²·(scale²/DK·(‖q‖²·K.MeanErr2 + ‖q−q̂‖²·K.MeanSize2)·V.MeanSize2 + V.MeanErr2)
//	            + W_t²·n·V.MeanSize2/(12·V.MeanScale2))
//
// with W_t the step of integer weights, largest weight times scale of the tile over the
// number of levels, and n its stored tokens below the limit. Weights in bfloat16 add what
// reference.WholeOf says. The step of the query's codes is a float32, and q̂ as far off as slack allows.
func (r *exactRow) formula() (want, slack certificate) {
	in, scale := r.in, math.Abs(r.prob.Scale)
	loss := make([]float64, len(r.q))
	for c, x := range r.q {
		loss[c] = x - r.hat[c]
	}
	q, e := r.norm*scale, norm(loss)*scale
	levels := map[attention.PMode]float64{attention.PU4: 15, attention.PU8: 255, attention.PU16: 65535}[r.cfg.P]
	var squares, drift, sum, moved, key, size float64
	for _, t := range r.spanned {
		base := r.keys[t.lo] / reference.Tokens * reference.Tokens
		limit := min(r.limit(), base+reference.Tokens)
		var whole reference.Whole
		if t.plain {
			limit = min(r.limit(), in.SinkTokens)
			k, v := r.sinkRecords(limit)
			whole = reference.WholeOf(k, v, limit, false)
		} else {
			k, v := r.record(r.g, reference.Keys, limit-1), r.record(r.g, reference.Values, limit-1)
			whole = reference.WholeOf(k, v, limit-max(base, in.SinkTokens), r.cfg.P == attention.PBF16)
		}
		mass, weights2, step := 0.0, 0.0, 0.0
		for i := t.lo; i < t.hi; i++ {
			w := r.e[i].at / r.mass.at
			mass, weights2 = mass+w, weights2+w*w
			if r.intV && !t.plain {
				step = max(step, w*r.sv[i]/levels)
			}
		}
		sum += mass*whole[3] + step/2*127*float64(limit-base)
		moved, key, size = max(moved, whole[0]), max(key, whole[1]), max(size, whole[2])
		squares += weights2*((q*q*whole[4]+e*e*whole[5])/float64(in.DK)+whole[6]) + step*step*whole[7]
		drift += weights2 * whole[5] / float64(in.DK)
	}
	shift := q*moved + e*key
	want = certificate{math.Sqrt(squares), tanhBound(shift/2)*2*size + sum}
	off := norm(r.hat) * scale * 0x1p-23
	slack = certificate{off * math.Sqrt(drift), off * key * size}
	if in.Case.V.Rotate {
		want.bound *= math.Sqrt(float64(in.DV))
		slack.bound *= math.Sqrt(float64(in.DV))
	}
	return want, slack
}

type certificate struct{ estimate, bound float64 }

// tanhBound is the second convergent from above of the continued fraction of tanh, or 1.
func tanhBound(x float64) float64 {
	if x > 10 {
		return 1
	}
	return min(1, x/(1+x*x/(3+x*x/5)))
}

// limit is the end of the keys that the row's position leaves visible.
func (r *exactRow) limit() int {
	n, p := r.in.KVLen, r.prob.Offset+r.i
	if r.in.Causal {
		n = min(n, p+1)
	}
	if w := r.in.Window; w.Limited && w.Right >= 0 {
		n = min(n, p+1+min(w.Right, 1<<30))
	}
	return n
}

// sinkRecords is what a record says of the first n tokens, whose errors follow from binary16:
// half a unit in the last of 11 bits, or of the smallest subnormal.
func (r *exactRow) sinkRecords(n int) (k, v reference.Record) {
	const ulp, least, most = 0x1p-11, 0x1p-25, 65504
	count := 0.0
	for j := range n {
		key, value := r.key(j), r.value(j)
		if !allFinite(key.res) || !allFinite(value.res) {
			continue
		}
		count++
		kErr, vMax := key.norm*ulp+least*math.Sqrt(float64(len(key.res))), reference.AbsMax(value.res)
		vErr := vMax*ulp + least
		if reference.AbsMax(key.res) >= most {
			kErr = math.Inf(1)
		}
		if vMax >= most {
			vErr = math.Inf(1)
		}
		dv := float64(len(value.res))
		k = reference.Record{MaxErr: max(k.MaxErr, kErr), MaxSize: max(k.MaxSize, key.norm),
			MeanErr2: k.MeanErr2 + key.norm*key.norm*ulp*ulp/3, MeanSize2: k.MeanSize2 + key.norm*key.norm}
		v = reference.Record{MaxErr: max(v.MaxErr, vErr), MaxSize: max(v.MaxSize, vMax+vErr),
			MeanErr2: v.MeanErr2 + value.norm*value.norm*ulp*ulp/3/dv, MeanSize2: v.MeanSize2 + value.norm*value.norm/dv}
	}
	for _, x := range []*reference.Record{&k, &v} {
		x.MeanErr2, x.MeanSize2 = x.MeanErr2/max(1, count), x.MeanSize2/max(1, count)
	}
	return k, v
}

// squaresOverflow reports rows whose estimate, made of products of squares in float32, may
// overflow. Records count hidden tokens too.
func (r *exactRow) squaresOverflow() bool {
	for _, x := range [][]float32{r.in.Q, r.in.K, r.in.V, r.cfg.K.Mean, r.cfg.V.Mean} {
		for _, v := range x {
			if math.Abs(float64(v)) > 0x1p25 {
				return true
			}
		}
	}
	return false
}

// exactOutput is the row over what was appended.
func (r *exactRow) exactOutput(at int) (out []float64, ok bool) {
	if r.answer == nil {
		answer := reference.Attend(r.in.appended())
		r.answer = &answer
	}
	out = r.answer.Out[at*r.in.DV:][:r.in.DV]
	return out, allFinite(out) && norm(out) < outOfRange
}

// appendLoss bounds what the float32 steps of Append do to the row.
func (r *exactRow) appendLoss() float64 {
	var shift, moved, biggest float64
	for _, j := range r.keys {
		v := r.value(j)
		shift, moved, biggest = max(shift, r.key(j).lost), max(moved, v.lost), max(biggest, v.norm+v.muNorm)
	}
	// known from the rows as stored, which may be shorter: twice
	return 2 * (math.Abs(r.prob.Scale)*r.norm*shift*biggest + moved)
}

func add(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for c := range z {
		z[c] = x[c] + y[c]
	}
	return z
}

// checkNoCertificate: a row that saw a token that is not finite has none.
func (r *exactRow) checkNoCertificate(o Output, at int, out []float32) error {
	if !r.in.Certify || o.ErrBound[at] != o.ErrBound[at] && o.ErrEst[at] != o.ErrEst[at] {
		return nil
	}
	for c, x := range out {
		if x != x {
			return fmt.Errorf("out[%d] is NaN with an estimate of %v and a bound of %v", c, o.ErrEst[at], o.ErrBound[at])
		}
	}
	return nil
}

// checkEmptyCertificate: a row that sees nothing is exact.
func (r *exactRow) checkEmptyCertificate(o Output, at int) error {
	if r.in.Certify && (o.ErrBound[at] != 0 || o.ErrEst[at] != 0) {
		return fmt.Errorf("an empty row has an estimate of %v and a bound of %v", o.ErrEst[at], o.ErrBound[at])
	}
	return nil
}
