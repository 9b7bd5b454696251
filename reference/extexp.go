package reference

import "math"

// Ext is e^x as M·2^N with N = RNE(x·log₂e) an integer kept as a float and M = exp(x − N·ln 2) in [√½, √2] (Dukhan and Ablavatski, "The Two-Pass
// Softmax Algorithm", 2020). Nothing overflows or underflows for any finite x with |N| < 2⁵³. Zero is {0, −Inf}.
type Ext struct{ M, N float64 }

// ln 2 in two parts: the high one has trailing zeros, so that N·ln2Hi is exact for |N| < 2²⁰.
const (
	ln2Hi = 6.93147180369123816490e-01
	ln2Lo = 1.90821492927058770002e-10
)

// NewExt returns the extended exponential of x. x = −Inf gives the zero; NaN and +Inf give NaN.
func NewExt(x float64) Ext {
	if math.IsInf(x, -1) {
		return Ext{0, x}
	}
	n := math.RoundToEven(x * math.Log2E)
	t := x - n*ln2Hi - n*ln2Lo
	return Ext{math.Exp(t), n}
}

// Add returns a + b: N = max(a.N, b.N), M = a.M·2^(a.N−N) + b.M·2^(b.N−N). Every scaling is exact but for underflow to zero.
func (a Ext) Add(b Ext) Ext {
	if a.M == 0 {
		return b
	}
	if b.M == 0 {
		return a
	}
	n := math.Max(a.N, b.N)
	return Ext{scale2(a.M, a.N-n) + scale2(b.M, b.N-n), n}
}

// LSE returns log(M·2^N) = log M + N·ln 2, −Inf for the zero.
func (a Ext) LSE() float64 {
	if a.M == 0 {
		return math.Inf(-1)
	}
	return math.Log(a.M) + a.N*ln2Lo + a.N*ln2Hi
}

// SoftmaxExt is two-pass softmax: pass 1 sums the extended exponentials, pass 2 computes y_i = (M_i/ΣM)·2^(N_i − ΣN).
func SoftmaxExt(x []float64) (p []float64, sum Ext) {
	sum = Ext{0, math.Inf(-1)}
	for _, xi := range x {
		sum = sum.Add(NewExt(xi))
	}
	p = make([]float64, len(x))
	for i, xi := range x {
		if e := NewExt(xi); e.M != 0 {
			p[i] = scale2(e.M/sum.M, e.N-sum.N)
		}
	}
	return p, sum
}

// scale2 is x·2^n for an integral n ≤ 0 of any size.
func scale2(x, n float64) float64 {
	if math.IsNaN(n) {
		return n
	}
	return math.Ldexp(x, int(math.Max(n, -4000)))
}
