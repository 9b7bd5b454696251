package fuzz

import (
	"fmt"
	"math"

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
	want, ok := r.exactOutput(at)
	if !ok {
		return nil // what is finite in storage was not, or overflows
	}
	bound, estimate := float64(o.ErrBound[at]), float64(o.ErrEst[at])
	if !(bound >= 0) || !(estimate >= 0) && !r.squaresOverflow() {
		return fmt.Errorf("estimate %v and bound %v of a row without a NaN", estimate, bound)
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
