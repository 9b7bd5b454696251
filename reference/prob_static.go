package reference

import "math"

// StaticMode rounds normalised probabilities on a fixed grid, the way of the post-training papers: a first pass finds the exact denominator, a
// second one rounds p_j = 2^y_j / denominator. Long flat rows fall below the first step of the grid and lose their mass; see [Correction].
type StaticMode struct {
	// Name is the grid and its bits.
	Name string

	// zero is the code of probability 0.
	zero int
	// weights returns the e_j and their sum whose quotients are rounded, as the intervals that uncertain logits leave. Hidden keys are 0.
	weights func(r *ProbRow, s Slack) (lo, hi []float64, sum widths)
	// code is the code of e/sum.
	code func(e, sum float64) int
	// value is p̂ of a code.
	value func(code int) float64
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

// quantize returns the codes and the exact probabilities; hidden keys have the code of zero and 0.
func (m StaticMode) quantize(r *ProbRow) (codes []int, p []float64) {
	e, _, sum := m.weights(r, Slack{})
	exact, _, exactSum := expWeights(r, Slack{})
	codes, p = make([]int, len(r.Y)), make([]float64, len(r.Y))
	for j := range r.Y {
		codes[j] = m.zero
		if !r.hidden(j) {
			codes[j], p[j] = m.code(e[j], sum.lo), exact[j]/exactSum.lo
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
