package reference

import (
	"fmt"
	"math"
)

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
// c_j = LogIntCode(Σ exp / exp_j), zero as the code 2^b. LSE and the exact mass of corrections are not touched by the grid.
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
