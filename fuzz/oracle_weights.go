package fuzz

import (
	"math"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// An estimate is a number by the definition of a mode, and the interval that float32 may
// put it in.
type estimate struct{ at, lo, hi float64 }

func (e estimate) width() float64 { return max(e.hi-e.at, e.at-e.lo) }
func (e estimate) size() float64  { return max(math.Abs(e.lo), math.Abs(e.hi)) }

func (e estimate) plus(x estimate) estimate { return estimate{e.at + x.at, e.lo + x.lo, e.hi + x.hi} }

// times multiplies by a factor > 0 and widens by a relative error.
func (e estimate) times(f, err float64) estimate {
	return estimate{e.at * f, e.lo*f - math.Abs(e.lo*f)*err, e.hi*f + math.Abs(e.hi*f)*err}
}

// join covers both intervals and keeps the number of e.
func (e estimate) join(x estimate) estimate { return estimate{e.at, min(e.lo, x.lo), max(e.hi, x.hi)} }

// weights are the factors of a row, relative to 2^ref. A tile has one exponent M and what
// its mode rounds is relative to 2^M, so that sums of tiles meet by powers of two.
type weights struct {
	ref  float64 // base 2
	y, d []float64
	sv   []float64  // what weights fold in before they are rounded, else 1
	w    []estimate // of the residual values
	e    []estimate // shares of the mass
	one  []bool     // w and e are one number
	z    estimate   // weight of the sink logit
	mass estimate   // Σ e + z

	spanned    []span
	tiles      int
	splits     int
	sequential bool      // the mass is one sum in token order
	fixed      bool      // w does not depend on the mass
	underflow  []float64 // what tiles whose values are subnormal may add, per channel

	// For rows whose logits are too uncertain to tell codes: a weight is rounded by at most
	// rel of itself plus half of the largest product with sv in its tile.
	rel, half float64
	svTop     float64
	vague     bool // uncertain by octaves: intervals say nothing
}

// span is a tile: visible keys [lo, hi), numbers into keys.
type span struct {
	lo, hi int
	plain  bool // sink tokens: weights are not rounded
	split  int
}

// log2Err is the relative error of a weight: Exp2F32 to 1.5 ulp and one product.
const log2Err = 4 * u

// weigh fills the weights of the row.
func (r *exactRow) weigh() {
	n := len(r.keys)
	s := &r.weights
	s.ref = math.Inf(-1)
	s.y, s.d, s.sv = make([]float64, n), make([]float64, n), make([]float64, n)
	s.w, s.e, s.one = make([]estimate, n), make([]estimate, n), make([]bool, n)
	s.underflow = make([]float64, r.in.DV)
	for i, j := range r.keys {
		s.y[i] = r.logits[j] * math.Log2E
		s.ref = max(s.ref, s.y[i])
		if s.sv[i] = 1; r.intV || r.foldsScales && j >= r.in.SinkTokens {
			s.sv[i] = r.value(j).scale
		}
		s.svTop = max(s.svTop, s.sv[i])
	}
	if !math.IsInf(r.sink, -1) {
		s.ref = max(s.ref, r.sink*math.Log2E)
		y := r.sink * math.Log2E
		s.z = s.exp2(y, 4*u*math.Abs(y)+2*u*(s.ref-y))
	}
	for i := range s.y {
		s.d[i] = r.delta[i]*math.Log2E + 2*u*(s.ref-s.y[i])
		s.e[i] = s.exp2(s.y[i], s.d[i])
		s.w[i], s.one[i] = s.e[i], true
	}
	run := running{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	split := -1
	rule := r.rule()
	s.spanned = r.spans()
	s.tiles = len(s.spanned)
	for _, t := range s.spanned {
		if t.split != split {
			split, run = t.split, running{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
			s.splits++
		}
		run = run.next(s, t)
		if !t.plain && rule != nil {
			rule(r, t, run)
		}
	}
	s.mass = s.z
	for _, e := range s.e {
		s.mass = s.mass.plus(e)
	}
	if r.static() {
		r.weighStatic()
	}
}

func (r *exactRow) static() bool { return Case{P: r.cfg.P}.static() }

// exp2 is 2^(y−ref) of a logit known to d.
func (s *weights) exp2(y, d float64) estimate {
	const tiny = 0x1p-148 // subnormal results
	return estimate{math.Exp2(y - s.ref), max(0, math.Exp2(y-s.ref-d)*(1-log2Err)-tiny), math.Exp2(y-s.ref+d)*(1+log2Err) + tiny}
}

// spans cuts the visible keys into sink tokens and tiles.
func (r *exactRow) spans() (all []span) {
	for i := 0; i < len(r.keys); {
		j := r.keys[i]
		t := span{lo: i, plain: j < r.in.SinkTokens, split: j / 1024} // longer ones start at 16·1024 tokens
		end := (j/reference.Tokens + 1) * reference.Tokens
		if t.plain {
			end = r.in.SinkTokens
		}
		for i < len(r.keys) && r.keys[i] < end {
			i++
		}
		t.hi = i
		all = append(all, t)
	}
	return all
}

// running is the largest logit of a split so far, in base 2.
type running struct{ at, lo, hi float64 }

func (m running) next(s *weights, t span) running {
	for i := t.lo; i < t.hi; i++ {
		m.at, m.lo, m.hi = max(m.at, s.y[i]), max(m.lo, s.y[i]-s.d[i]), max(m.hi, s.y[i]+s.d[i])
	}
	return m
}

func (m running) width() float64 { return max(m.hi-m.at, m.at-m.lo) }

// largest is the largest logit of a tile.
func (s *weights) largest(t span) running {
	return running{math.Inf(-1), math.Inf(-1), math.Inf(-1)}.next(s, t)
}

// A rule rounds the weights of a tile. run includes the tile.
type rule func(r *exactRow, t span, run running)

// rule returns that of the plan's mode, nil for none and for modes of the whole row.
func (r *exactRow) rule() rule {
	s := &r.weights
	unsigned := func(top float64) rule {
		s.half = 0.5 / top
		return func(r *exactRow, t span, _ running) { r.round(t, top, s.largest(t).at) }
	}
	power := func(bits int, whole bool, encode func(float64, int) int, value func(int, int) float64) rule {
		if r.intV {
			s.half = 0.5 / logTop
		}
		flush := 1<<bits - 1
		code := func(a float64) float64 { return value(encode(a, flush), flush) }
		return r.logarithmic(whole, func(a, err float64) (lo, at, hi float64) { return code(a + err), code(a), code(a - err) })
	}
	switch r.cfg.P {
	case attention.PU4:
		return unsigned(15)
	case attention.PU8:
		return unsigned(255)
	case attention.PU16:
		return unsigned(65535)
	case attention.PE4M3:
		return r.float(256, 448, 3, -6)
	case attention.PE4M3Max:
		return r.float(448, 448, 3, -6)
	case attention.PE5M2:
		return r.float(57344, 57344, 2, -14)
	case attention.PBF16:
		round := r.float(1, math.Inf(1), 7, -126)
		if r.foldsScales {
			s.half = 0 // what is lost below the subnormal numbers is in output
		}
		return func(r *exactRow, t span, _ running) { round(r, t, r.largest(t)) }
	case attention.PLog2Bits2, attention.PLog2Bits3, attention.PLog2Bits4, attention.PLog2Bits5:
		return power(2+int(r.cfg.P-attention.PLog2Bits2), false, reference.Log2Code, reference.Log2Value)
	case attention.PLog2Bits3Whole, attention.PLog2Bits4Whole:
		return power(3+int(r.cfg.P-attention.PLog2Bits3Whole), true, reference.Log2Code, reference.Log2Value)
	case attention.PLog2Bits3Wide:
		return power(3, false, reference.Log2CodeWide, reference.Log2Value)
	case attention.PLogSqrt2Bits4, attention.PLogSqrt2Bits5:
		return power(4+int(r.cfg.P-attention.PLogSqrt2Bits4), false, reference.LogSqrt2Code, reference.LogSqrt2Value)
	case attention.PIntExp:
		s.sequential = true
		return r.logarithmic(true, intExpWeight)
	}
	return nil
}

// logTop is the largest code of integer weights in logarithmic modes.
const logTop = 128

// intExpWeight is the weight of a logit a below the maximum in mode PIntExp.
func intExpWeight(a, err float64) (lo, at, hi float64) {
	const frac, flush = 8, 15
	exp := reference.IntExp2{Frac: frac}
	grid := func(a float64) int64 { return int64(math.RoundToEven(min(max(0, a), 31) * (1 << frac))) }
	weight := func(x int64) float64 { return reference.Log2Value(exp.Code(-x, flush), flush) }
	at = weight(grid(a))
	if err > 2 {
		return 0, at, 1
	}
	lo, hi = at, at
	// The polynomial is not monotone where its pieces meet: try every integer.
	for x := grid(a - err); x <= grid(a+err); x++ {
		w := weight(x)
		lo, hi = min(lo, w), max(hi, w)
	}
	return lo, at, hi
}

// logarithmic is a mode whose coded weights are the mass: against the tile's maximum, which
// may be rounded up to a whole octave. weight codes a logit known to err, a below that.
func (r *exactRow) logarithmic(whole bool, weight func(a, err float64) (lo, at, hi float64)) rule {
	const parity = 2 * u // √2 in float32, and a product
	s := &r.weights
	return func(r *exactRow, t span, _ running) {
		m := s.largest(t)
		from := []running{m}
		if whole {
			from = s.octaves(m)
		}
		for i := t.lo; i < t.hi; i++ {
			for n, m := range from {
				a := m.at - s.y[i]
				lo, at, hi := weight(a, s.d[i]+m.width()+2*u*math.Abs(a))
				w := estimate{at * math.Exp2(m.at-s.ref), lo * math.Exp2(m.lo-s.ref), hi * math.Exp2(m.hi-s.ref)}.times(1, parity)
				if n > 0 {
					w = s.w[i].join(w)
				}
				s.w[i] = w
			}
			s.e[i] = s.w[i]
		}
		if r.intV {
			r.round(t, logTop, from[0].at)
		}
	}
}

// octaves lists the whole numbers that a maximum may be rounded up to, that of the exact
// one first.
func (s *weights) octaves(m running) []running {
	at, lo, hi := math.Ceil(m.at), math.Ceil(m.lo), math.Ceil(m.hi)
	all := []running{{at, at, at}}
	if !(hi-lo <= 1) {
		s.vague = true
	} else if lo != hi {
		other := lo + hi - at
		all = append(all, running{other, other, other})
	}
	return all
}

// round replaces the weights of a tile by codes 0..top of weight times sv against the
// largest of those. m is the tile's exponent.
func (r *exactRow) round(t span, top, m float64) {
	s := &r.weights
	var big estimate // the largest product
	for i := t.lo; i < t.hi; i++ {
		p := s.w[i].times(s.sv[i], u)
		big = estimate{max(big.at, p.at), max(big.lo, p.lo), max(big.hi, p.hi)}
	}
	unit := math.Exp2(m - s.ref)
	tiny := big.hi < 0x1p-100*unit // products, their largest and its share may be subnormal
	for i := t.lo; i < t.hi; i++ {
		s.one[i] = false
		if s.sv[i] == 0 || big.hi == 0 {
			s.w[i] = estimate{}
			continue
		}
		if tiny {
			for c, x := range r.value(r.keys[i]).res {
				r.underflow[c] += 2 * (big.hi + 0x1p-140*unit) / s.sv[i] * math.Abs(x)
			}
			s.w[i] = estimate{}
			continue
		}
		if big.at == 0 { // a tile far below the rest of the row
			s.w[i] = estimate{0, 0, big.hi / s.sv[i]}
			continue
		}
		p, err := s.w[i].times(s.sv[i], u), 6*u
		at := math.Floor(p.at*top/big.at + 0.5)
		lo := math.Floor((p.lo*top/big.hi*(1-err) + 0.5) * (1 - u))
		hi := top
		if big.lo > 0 {
			hi = min(top, math.Floor((p.hi*top/big.lo*(1+err)+0.5)*(1+u)))
		}
		s.w[i] = estimate{at * big.at, lo * big.lo, hi * big.hi}.times(1/(top*s.sv[i]), 3*u)
	}
}

// float is a mode of weights, times top and what they fold in, in a float of man mantissa
// bits, against the running maximum.
func (r *exactRow) float(top, limit float64, man, minExp int) rule {
	s := &r.weights
	s.rel, s.half = math.Ldexp(1, -man-1), reference.StepFloat(0, 1, man, minExp)/top
	round := func(x float64) float64 {
		quantum := 2 * reference.StepFloat(x, 1, man, minExp)
		return min(limit, math.RoundToEven(x/quantum)*quantum)
	}
	return func(r *exactRow, t span, run running) {
		at, lo, hi := math.Exp2(run.at-s.ref), math.Exp2(run.lo-s.ref), math.Exp2(run.hi-s.ref)
		for i := t.lo; i < t.hi; i++ {
			const err = 8 * u // two exponentials, products
			y, d := s.y[i], s.d[i]
			s.one[i] = false
			top := top * s.sv[i]
			if !(top > 0) {
				continue // of a token of zeros
			}
			s.w[i] = estimate{
				round(top*math.Exp2(y-run.at)) * at,
				round(top*math.Exp2(y-d-run.hi)*(1-err)) * lo,
				round(min(top, top*math.Exp2(y+d-run.lo)*(1+err))) * hi,
			}.times(1/top, 3*u)
		}
	}
}

// weighStatic rounds probabilities of the whole row, sink tokens included, to steps of
// 1/top and corrects them.
func (r *exactRow) weighStatic() {
	s, top := &r.weights, 255.0
	if r.cfg.P == attention.PStaticU4 {
		top = 15
	}
	n := float64(len(s.e))
	s.sequential, s.fixed = true, true
	s.rel, s.half = 2, 1/top+2/n // a correction moves every weight
	codes := make([]estimate, len(s.e))
	var sum estimate
	for i, e := range s.e {
		// float64 from the logits on: no error but theirs
		codes[i] = estimate{math.RoundToEven(top * e.at / s.mass.at), math.RoundToEven(top * e.lo / s.mass.hi), math.RoundToEven(top * min(1, e.hi/s.mass.lo))}
		sum = sum.plus(codes[i])
	}
	// The keys' mass: one less the share of the sink logit.
	keys := estimate{1 - s.z.at/s.mass.at, 1 - min(1, s.z.hi/s.mass.lo), 1 - s.z.lo/s.mass.hi}
	for i, c := range codes {
		s.one[i] = false
		p := c.times(1/top, 0)
		switch r.in.Correction {
		case attention.CorrectStatic:
			b := Beta(r.h, int(n))
			p = p.plus(estimate{b, b, b})
		case attention.CorrectDynamic:
			p = p.plus(estimate{(keys.at - sum.at/top) / n, (keys.lo - sum.hi/top) / n, (keys.hi - sum.lo/top) / n})
		case attention.CorrectRenormalise:
			switch {
			case sum.hi == 0:
				p = estimate{keys.at / n, keys.lo / n, keys.hi / n}
			case sum.lo == 0:
				p = estimate{p.at, 0, 1}
				if sum.at == 0 {
					p.at = keys.at / n
				} else {
					p.at = keys.at * c.at / sum.at
				}
			default:
				p = estimate{keys.at * c.at / sum.at, keys.lo * c.lo / sum.hi, keys.hi * min(1, c.hi/sum.lo)}
			}
		}
		s.w[i] = p.times(s.mass.at, 2*u)
	}
}

// coarse bounds what rounding and correction of weights do to channel c, whatever the
// logits.
func (r *exactRow) coarse(c int) float64 {
	sum, biggest := 0.0, 0.0
	if r.rel == 0 && r.half == 0 {
		return 0
	}
	for i, j := range r.keys {
		if x := math.Abs(r.value(j).res[c]); x > 0 && r.sv[i] > 0 {
			biggest, sum = max(biggest, x), sum+x*r.svTop/r.sv[i]
		}
	}
	return r.rel*biggest + r.half*sum
}
