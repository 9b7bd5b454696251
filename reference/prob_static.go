package reference

import (
	"fmt"
	"math"
)

// StaticMode rounds normalised probabilities on a fixed grid, the way of the post-training papers: a first pass finds the exact denominator, a
// second one rounds p_j = 2^y_j / denominator. Long flat rows fall below the first step of the grid and lose their mass; see [Correction].
type StaticMode struct {
	// Name is the grid and its bits.
	Name string

	// zero is the code of probability 0.
	zero int
	// weights returns what p_j = e_j/sum is the quotient of, each within the interval that uncertain logits leave. Hidden keys are 0.
	weights func(r *ProbRow, s Slack) (lo, hi []float64, sum widths)
	// code is the code of e/sum.
	code func(e, sum float64) int
	// value is p̂ of a code.
	value func(code int) float64
}

// StaticModes lists every static mode in its usual parameters.
var StaticModes = []StaticMode{
	StaticUint(8), StaticUint(4), StaticLog2(4), StaticLog2(8), StaticLogSqrt2(4, 1), StaticLogSqrt2(8, 1), StaticLogInt(4, 1./64),
}

// StaticUint is the b-bit grid of step 1/L, L = 2^b − 1, zero point 0: c_j = RNE(p_j·L), p̂_j = c_j/L. A uniform row of n ≥ 2L keys has no code
// but 0: at n = 2L exactly because ties go to even.
func StaticUint(bits int) StaticMode {
	levels := float64(int(1)<<bits - 1)
	return StaticMode{
		Name:    fmt.Sprintf("static-u%d", bits),
		weights: expWeights,
		code:    func(e, sum float64) int { return int(math.RoundToEven(math.Min(e/sum, 1) * levels)) },
		value:   func(code int) float64 { return float64(code) / levels },
	}
}

// StaticLog2 is the b-bit logarithmic grid of FQ-ViT: c_j = Log2Code(−log₂ p_j), zero beyond its 2^b codes, as the code 2^b.
func StaticLog2(bits int) StaticMode {
	flush := 1 << bits
	return StaticMode{
		Name:    fmt.Sprintf("static-log2-%d", bits),
		zero:    flush,
		weights: expWeights,
		code:    func(e, sum float64) int { return Log2Code(-math.Log2(e/sum), flush) },
		value:   func(code int) float64 { return Log2Value(code, flush) },
	}
}

// StaticLogSqrt2 is the b-bit grid of half octaves below a scale of RepQ-ViT: c_j = LogSqrt2Code(−log₂(p_j/scale)), p̂_j = scale·LogSqrt2Value(c_j),
// zero as the code 2^b.
func StaticLogSqrt2(bits int, scale float64) StaticMode {
	flush := 1 << bits
	return StaticMode{
		Name:    fmt.Sprintf("static-logsqrt2-%d", bits),
		zero:    flush,
		weights: expWeights,
		code:    func(e, sum float64) int { return LogSqrt2Code(-math.Log2(e/sum/scale), flush) },
		value:   func(code int) float64 { return scale * LogSqrt2Value(code, flush) },
	}
}

// StaticLogInt is the Log-Int-Softmax of FQ-ViT as published: logits on an integer grid of natural logits with the given step, integer exponentials,
// c_j = LogIntCode(Σ exp / exp_j), zero as the code 2^b. LSE and P of its results are those of the integer weights' exact counterparts.
func StaticLogInt(bits int, step float64) StaticMode {
	m := StaticLog2(bits)
	m.Name = fmt.Sprintf("static-logint-%d", bits)
	m.code = func(e, sum float64) int { return LogIntCode(sum/e, m.zero) }
	m.weights = func(r *ProbRow, s Slack) (lo, hi []float64, sum widths) {
		grid := func(y, d float64) float64 { return roundGrid(y+d*s.Logit, step) }
		top := r.top()
		exp := func(y float64) (lo, hi float64) {
			lo, hi = math.Inf(1), 0
			last := math.Min(0, grid(y, 1)-grid(top, -1))
			for x := grid(y, -1) - grid(top, 1); x <= last; x++ {
				e := IntExp{step}.Exp(x)
				lo, hi = math.Min(lo, e), math.Max(hi, e)
			}
			return lo, hi
		}
		lo, hi = make([]float64, len(r.Y)), make([]float64, len(r.Y))
		for j, y := range r.Y {
			if !r.hidden(j) {
				lo[j], hi[j] = exp(y)
				sum.add(lo[j], hi[j])
			}
		}
		if !math.IsInf(r.Sink, -1) {
			sum.add(exp(r.Sink))
		}
		return lo, hi, sum
	}
	return m
}

// expWeights is e_j = 2^(y_j − largest).
func expWeights(r *ProbRow, s Slack) (lo, hi []float64, sum widths) {
	lo, hi = make([]float64, len(r.Y)), make([]float64, len(r.Y))
	f, top := s.factor(), r.top()
	for j, y := range r.Y {
		if !r.hidden(j) {
			e := math.Exp2(y - top)
			lo[j], hi[j] = e/f, e*f
			sum.scale(e, f)
		}
	}
	if !math.IsInf(r.Sink, -1) {
		sum.scale(math.Exp2(r.Sink-top), f)
	}
	return lo, hi, sum
}

// top is the largest logit, sink included.
func (r *ProbRow) top() float64 {
	top := r.Sink
	for _, y := range r.Y {
		top = math.Max(top, y)
	}
	return top
}

// exactLSE is the natural logarithm of the exact denominator.
func (r *ProbRow) exactLSE() float64 {
	if math.IsInf(r.top(), -1) {
		return math.Inf(-1)
	}
	_, _, sum := expWeights(r, Slack{})
	return math.Ln2 * (r.top() + math.Log2(sum.lo))
}

// Attend answers r with the given correction. LSE is the exact one. NaN as in [ProbMode.Attend]. Out = Σ_j Weights[j]·V[j] + Σ_t Centres[t]·Centre[t]
// with the correction in the weights.
func (m StaticMode) Attend(r *ProbRow, c Correction) ProbResult {
	r.check()
	res := ProbResult{Out: make([]float64, r.DV), Weights: make([]float64, len(r.Y)), Centres: make([]float64, r.tileCount()), LSE: r.exactLSE()}
	for range r.Y {
		res.Codes = append(res.Codes, m.zero)
	}
	if r.undefined() {
		res.Out, res.LSE = nans(r.DV), math.NaN()
		return res
	}
	codes, p := m.quantize(r)
	copy(res.Codes, codes)
	n, mass, quantized := float64(r.visible()), 0.0, 0.0
	for j := range p {
		mass += p[j]
		quantized += m.value(codes[j])
	}
	for j := range r.Y {
		if r.hidden(j) {
			continue
		}
		w := m.value(codes[j])
		switch {
		case c.Kind == CorrectStatic:
			w += c.Mu / n
		case c.Kind == CorrectDynamic, c.Kind == CorrectCentred && len(r.Centre) == 0:
			w += (mass - quantized) / n
		case c.Kind == CorrectRenormalise && quantized == 0:
			w = mass / n
		case c.Kind == CorrectRenormalise:
			w *= mass / quantized
		}
		res.Weights[j] = w
		if c.Kind == CorrectCentred {
			w = p[j]
		}
		res.Centres[j/Tokens] += w
	}
	for j := range r.Y {
		if r.hidden(j) {
			continue
		}
		for ch, v := range r.stored(j) {
			res.Out[ch] += res.Weights[j] * v
		}
	}
	for t, w := range res.Centres {
		if w == 0 {
			continue
		}
		for ch, mu := range r.centre(t) {
			res.Out[ch] += w * mu
		}
	}
	return res
}

// quantize returns the codes and the exact p_j; hidden keys have the code of zero and 0.
func (m StaticMode) quantize(r *ProbRow) (codes []int, p []float64) {
	e, _, sum := m.weights(r, Slack{})
	codes, p = make([]int, len(r.Y)), make([]float64, len(r.Y))
	for j := range r.Y {
		codes[j] = m.zero
		if !r.hidden(j) {
			codes[j], p[j] = m.code(e[j], sum.lo), e[j]/sum.lo
		}
	}
	return codes, p
}

// missing is P − Σ p̂.
func (m StaticMode) missing(r *ProbRow) float64 {
	codes, p := m.quantize(r)
	missing := 0.0
	for j := range p {
		missing += p[j] - m.value(codes[j])
	}
	return missing
}
