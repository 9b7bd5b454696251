package attention

import (
	"math"
	"unsafe"

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
	cert certificates
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
	if s.cert.squares != nil {
		s.cert.clear(n)
	}
	clear(s.o[:n*s.dv])
}

// from is the state without its first n rows.
func (s *state) from(n int) state {
	return state{m: s.m[n:], l: s.l[n:], cert: s.cert.from(n), o: s.o[n*s.dv:], dv: s.dv}
}

// copy makes the first n rows those of another state.
func (s *state) copy(other *state, n int) {
	copy(s.m[:n], other.m)
	copy(s.l[:n], other.l)
	if s.cert.squares != nil {
		s.cert.copy(&other.cert, n)
	}
	copy(s.o[:n*s.dv], other.o)
}

func (s *state) row(i int) []float32 { return s.o[i*s.dv : (i+1)*s.dv] }

// poison makes row i NaN for good.
func (s *state) poison(i int) {
	s.m[i], s.l[i] = nan, nan
	o := s.row(i)
	for c := range o {
		o[c] = nan
	}
	if s.cert.squares != nil {
		s.cert.squares[i] = nan
	}
}

// merge folds another state into the first rows: maxima first, then both sides rescaled.
// An empty row on either side changes nothing but the sign of a zero, which finish drops.
func (s *state) merge(w *worker, ks *asm.Set, other *state, rows int) {
	for i := range rows {
		w.stat[i] = stat{M: other.m[i], L: other.l[i], Beta: 1}
	}
	s.advance(w, ks, rows)
	ks.FoldF32(s.o, other.o, nil, w.fold, rows, s.dv)
	if s.cert.squares != nil {
		s.cert.add(&other.cert, w.fold[:rows], w.exps)
	}
}

// advance moves m and l of the first rows past w.stat and sets the factors of their fold
// in w.fold, Alpha −1 in a row with nothing to fold.
func (s *state) advance(w *worker, ks *asm.Set, rows int) {
	if ks.Advance(s.m, s.l, w.exps, w.stat, w.fold, rows) {
		s.poisonVoid(w.stat[:rows])
	}
}

// poisonVoid makes the rows NaN whose tile left a NaN.
func (s *state) poisonVoid(left []stat) {
	for i := range left {
		if left[i].M != left[i].M {
			s.poison(i)
		}
	}
}

// slotFloats is the part of a row in a partial state: o, m, l and the certificate's sums.
func (p *Plan) slotFloats() int { return (p.cfg.DV + 7 + 15) &^ 15 }

// partial is the state of some rows in the workspace, from a slot on.
func (s *Schedule) partial(slot, rows int) state {
	p, dv := s.plan, s.plan.cfg.DV
	n := p.slotFloats()
	off := p.opt.workers*p.scratch.bytes + 4*n*slot
	mem := unsafe.Slice((*float32)(unsafe.Pointer(&s.run.io.Workspace[off])), n*rows)
	o, rest := mem[:rows*dv], mem[rows*dv:]
	st := state{m: rest[:rows], l: rest[rows:][:rows], o: o, dv: dv}
	if p.cfg.Certify {
		rest = rest[2*rows:]
		st.cert = certificates{rest[:rows], rest[rows:][:rows], rest[2*rows:][:rows], rest[3*rows:][:rows], rest[4*rows:][:rows]}
	}
	return st
}
