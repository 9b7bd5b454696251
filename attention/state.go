package attention

import (
	"math"

	"github.com/qattn/qattn/asm"
)

type stat = asm.Stat

var (
	negInf = float32(math.Inf(-1))
	nan    = float32(math.NaN())
)

// state is the running softmax of several rows, in base 2: weights are 2^(y−m), l is
// their sum and o the weighted sum of values, not yet divided. m = −Inf is the empty
// state, the identity of merging; m = NaN is a row that has seen a NaN.
type state struct {
	m, l []float32     // [rows]
	o    []float32     // [rows][dv]
	cert []certificate // [rows] of a certified plan, else empty
	dv   int
}

func (s *state) carve(l *scratchLayout, c *carver) {
	s.dv = l.dv
	s.m = carve[float32](c, l.rows)
	s.l = carve[float32](c, l.rows)
	s.cert = carve[certificate](c, l.certified)
	s.o = carve[float32](c, l.rows*l.dv)
}

// reset empties the first n rows.
func (s *state) reset(n int) {
	for i := range n {
		s.m[i], s.l[i] = negInf, 0
	}
	clear(s.cert)
	clear(s.o[:n*s.dv])
}

func (s *state) row(i int) []float32 { return s.o[i*s.dv : (i+1)*s.dv] }

// poison makes row i NaN for good.
func (s *state) poison(i int) {
	s.m[i], s.l[i] = nan, nan
	o := s.row(i)
	for c := range o {
		o[c] = nan
	}
	if s.cert != nil {
		s.cert[i] = void
	}
}

// weights returns the factors 2^(a−m) and 2^(b−m) with m = max(a, b) > −Inf.
func weights(ks *asm.Set, a, b float32, tmp []float32) (m, wa, wb float32) {
	m = max(a, b)
	tmp[0], tmp[1] = a-m, b-m
	ks.Exp2F32(tmp[:2])
	return m, tmp[0], tmp[1]
}

// partial is one row of a state on its own.
type partial struct {
	m, l float32
	cert certificate
	o    []float32
}

// at is row i.
func (s *state) at(i int) partial {
	p := partial{m: s.m[i], l: s.l[i], o: s.row(i)}
	if s.cert != nil {
		p.cert = s.cert[i]
	}
	return p
}

// merge folds a partial state into row i: maxima first, then both sides rescaled.
func (s *state) merge(ks *asm.Set, i int, p partial, tmp []float32) {
	switch {
	case p.m == negInf || s.m[i] != s.m[i]:
		return
	case p.m != p.m:
		s.poison(i)
		return
	}
	top, a, b := weights(ks, s.m[i], p.m, tmp)
	s.m[i] = top
	s.l[i] = float32(a*s.l[i]) + float32(b*p.l)
	ks.MixF32(s.row(i), p.o, a, b)
	if s.cert != nil {
		addCertificate(&s.cert[i], p.cert, a, b)
	}
}

// slotFloats is a partial state in the workspace: m, l, the certificate's sums and the
// unnormalised output.
func (p *Plan) slotFloats() int { return (slotHead + p.cfg.DV + 15) &^ 15 }

const slotHead = 6

// put and getPartial move a partial state through a slot.
func (p *partial) put(slot []float32) {
	c := &p.cert
	slot[0], slot[1], slot[2], slot[3], slot[4], slot[5] = p.m, p.l, c.Squares, c.Sum, c.Shift, c.Biggest
	copy(slot[slotHead:], p.o)
}

func getPartial(slot []float32, dv int) partial {
	return partial{slot[0], slot[1], certificate{Squares: slot[2], Sum: slot[3], Shift: slot[4], Biggest: slot[5]}, slot[slotHead:][:dv]}
}
