package calib

import "math"

// LogSqrt2 is the base-√2 logarithmic quantizer of RepQ-ViT (arXiv 2212.08254):
//
//	q = RNE(−2·log₂(p/Scale)),  Flush if q ≥ 2^Bits,  0 if q < 0
//	p̂ = Scale·√2^−q = factor[q&1]·2^−⌈q/2⌉,  factor = {Scale, √2·Scale}
//
// The second form is the paper's reparameterisation to base 2: a shift and a scale that
// depends on the parity of q. As in Log2, rounding is decided on mantissas.
type LogSqrt2 struct {
	Bits  int     `json:"bits"`  // 2..8; ShiftPV takes up to 5
	Scale float64 `json:"scale"` // the value of code 0
}

// FitLogSqrt2 chooses Scale among the quantiles pct of the observed probabilities by
// least mean squared error, as RepQ-ViT does, with the maximum as one more candidate for
// data that is mostly 0. nil means RepQPercentiles. h must hold a positive element.
func FitLogSqrt2(h *Histogram, bits int, pct []float64) (LogSqrt2, error) {
	if err := checkLogBits("logsqrt2", bits); err != nil {
		return LogSqrt2{}, err
	}
	if h.hi <= 0 {
		return LogSqrt2{}, ErrEmpty
	}
	if pct == nil {
		pct = RepQPercentiles
	}
	bins := h.bins()
	var best LogSqrt2
	least := math.Inf(1)
	for _, p := range append([]float64{1}, pct...) {
		l := LogSqrt2{bits, float64(h.Quantile(p))}
		var e float64
		for _, b := range bins {
			e += float64(b.n * b.meanSquare(l.Value(l.Code(b.lo/2+b.hi/2))))
		}
		if e < least && l.Scale > 0 {
			best, least = l, e
		}
	}
	return best, nil
}

// Code quantizes p; p ≤ 0 and NaN give Flush, p > Scale gives 0.
func (l LogSqrt2) Code(p float64) int {
	if !(p > 0) {
		return Flush
	}
	f, e := math.Frexp(min(p/l.Scale, 1))
	q := -2 * e
	switch {
	case f == 0: // underflow
		return Flush
	case f <= quarterRoot3: // −2·log₂ f > 1.5
		q += 2
	case f <= quarterRoot:
		q++
	}
	return flushCode(q, l.Bits)
}

// The largest float64 below 2^−1/4 and 2^−3/4.
const (
	quarterRoot  = 0x1.ae89f995ad3adp-1
	quarterRoot3 = 0x1.306fe0a31b715p-1
)

// Parity splits a code for inference in base 2: p̂ = factor·2^−shift.
func (l LogSqrt2) Parity(q int) (factor float64, shift int) {
	factor = l.Scale
	if q&1 == 1 {
		factor *= math.Sqrt2
	}
	return factor, (q + 1) / 2
}

// Value dequantizes q.
func (l LogSqrt2) Value(q int) float64 {
	if q < 0 {
		return 0
	}
	factor, shift := l.Parity(q)
	return math.Ldexp(factor, -shift)
}

// ShiftPV adds Σ_j v[j][c]·2^(N−⌈q[j]/2⌉), N = 2^(Bits−1), over codes of either parity to
// even[c] and odd[c]. The weighted sum of value codes v, [len(q)][len(even)], is
// Scale·2^−N·(even + √2·odd).
func (l LogSqrt2) ShiftPV(even, odd []int64, q []int16, v []int8) {
	n := 1 << (l.Bits - 1)
	for j, code := range q {
		if code == Flush {
			continue
		}
		acc := even
		if code&1 == 1 {
			acc = odd
		}
		for c, x := range v[j*len(acc) : (j+1)*len(acc)] {
			acc[c] += int64(x) << (n - int(code+1)/2)
		}
	}
}

func (l LogSqrt2) check(path string) error {
	if !positive(l.Scale) {
		return fieldErr(path+".scale", "%v, want a positive finite value", l.Scale)
	}
	return checkLogBits(path, l.Bits)
}
