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
	m, l []float32 // [rows]
	o    []float32 // [rows][dv]
	dv   int
}

func (s *state) carve(l *scratchLayout, c *carver) {
	s.dv = l.dv
	s.m = carve[float32](c, l.rows)
	s.l = carve[float32](c, l.rows)
	s.o = carve[float32](c, l.rows*l.dv)
}

// reset empties the first n rows.
func (s *state) reset(n int) {
	for i := range n {
		s.m[i], s.l[i] = negInf, 0
	}
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
}

// weights returns the factors 2^(a−m) and 2^(b−m) with m = max(a, b) > −Inf.
func weights(ks *asm.Set, a, b float32, tmp []float32) (m, wa, wb float32) {
	m = max(a, b)
	tmp[0], tmp[1] = a-m, b-m
	ks.Exp2F32(tmp[:2])
	return m, tmp[0], tmp[1]
}

// merge folds row state (m, l, o) into row i: maxima first, then both sides rescaled.
func (s *state) merge(ks *asm.Set, i int, m, l float32, o, tmp []float32) {
	switch {
	case m == negInf || s.m[i] != s.m[i]:
		return
	case m != m:
		s.poison(i)
		return
	}
	top, a, b := weights(ks, s.m[i], m, tmp)
	s.m[i] = top
	s.l[i] = float32(a*s.l[i]) + float32(b*l)
	ks.MixF32(s.row(i), o, a, b)
}
