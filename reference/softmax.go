package reference

import "math"

// Softmax returns p_j = exp(x_j − m)/d over the visible elements with m = max x_j and d = Σ exp(x_j − m), and lse = m + log d.
// visible may be nil (all). Elements that are not visible, or −Inf, have weight 0. Without any other element all weights are 0 and lse is −Inf.
// A visible NaN or +Inf makes every visible weight and lse NaN.
func Softmax(x []float64, visible []bool) (p []float64, lse float64) {
	return SoftmaxSink(x, visible, math.Inf(-1))
}

// SoftmaxSink is [Softmax] with one more logit in the denominator, whose weight is dropped: lse includes it, the weights sum to less than 1.
// A sink of −Inf is none. With no other element lse is the sink itself. A sink of 0 is "softmax off by one".
func SoftmaxSink(x []float64, visible []bool, sink float64) (p []float64, lse float64) {
	m := sink
	for j, xj := range x {
		if visible == nil || visible[j] {
			m = math.Max(m, xj)
		}
	}
	d := weight(sink, m)
	for j, xj := range x {
		if visible == nil || visible[j] {
			d += weight(xj, m)
		}
	}
	p = make([]float64, len(x))
	for j, xj := range x {
		if visible == nil || visible[j] {
			p[j] = weight(xj, m) / d
			if math.IsInf(m, -1) {
				p[j] = 0
			}
		}
	}
	return p, State{M: m, D: d}.LSE()
}

// weight is exp(x − m), with weight 0 for x = −Inf even when m is −Inf too.
func weight(x, m float64) float64 {
	if math.IsInf(x, -1) && !math.IsNaN(m) {
		return 0
	}
	return math.Exp(x - m)
}

// State is the running state of online softmax (Milakov and Gimelshein 2018) over the keys seen so far:
//
//	M = max x_j (−Inf before the first), D = Σ exp(x_j − M), O = Σ exp(x_j − M)·v_j
//
// States form a commutative monoid under [State.Merge], up to rounding; the identity is (−Inf, 0, 0).
type State struct {
	M, D float64
	O    []float64
}

// NewState returns the identity for values of dv channels.
func NewState(dv int) *State { return &State{M: math.Inf(-1), O: make([]float64, dv)} }

// Add takes one more key with logit x and value v. A logit of −Inf changes nothing. v is nil for a sink.
func (s *State) Add(x float64, v []float64) {
	one := State{M: x, D: 1, O: v}
	if math.IsInf(x, -1) {
		return
	}
	s.Merge(one)
}

// Merge adds the keys of t:
//
//	m = max(M, t.M), D = D·exp(M − m) + t.D·exp(t.M − m), O likewise
//
// A nil t.O counts as zero. Two empty states merge to an empty one; M = NaN or +Inf makes everything NaN.
func (s *State) Merge(t State) {
	m := math.Max(s.M, t.M)
	if math.IsInf(m, -1) {
		return
	}
	a, b := weight(s.M, m), weight(t.M, m)
	s.M, s.D = m, s.D*a+t.D*b
	for c := range s.O {
		s.O[c] *= a
		if t.O != nil {
			s.O[c] += t.O[c] * b
		}
	}
}

// LSE returns M + log D: the logarithm of the denominator, −Inf for the empty state.
func (s State) LSE() float64 {
	if math.IsInf(s.M, -1) {
		return s.M
	}
	return s.M + math.Log(s.D)
}

// Finish returns the output O/D (+0 for the empty state) and the LSE.
func (s *State) Finish() (out []float64, lse float64) {
	out = make([]float64, len(s.O))
	if math.IsInf(s.M, -1) {
		return out, s.M
	}
	for c := range out {
		out[c] = s.O[c] / s.D
	}
	return out, s.LSE()
}
