package reference

import (
	"fmt"
	"math"
)

// IntExp is the integer exponential of I-BERT (Kim et al. 2021, arXiv 2101.01321) for integers x ≤ 0 that stand for x·Step, Step > 0:
//
//	x₀ = ⌊−0.6931/Step⌋, b = ⌊0.96963238/0.35815147/Step⌋, c = ⌊1/0.35815147/Step²⌋
//	x = max(x, 30·x₀), q = ⌊x/x₀⌋, r = x − q·x₀
//	exp(x) = max(0, ⌊(r·(r + b) + c)·2^(30−q)⌋)
//
// in units of 0.35815147·Step²·2^−30. All steps are exact in float64 for Step ≥ 2^−10.
type IntExp struct{ Step float64 }

// Exp returns exp(x).
func (e IntExp) Exp(x float64) float64 {
	const a, b, c, n = 0.35815147, 0.96963238, 1, 30
	x0 := math.Floor(-0.6931 / e.Step)
	x = math.Max(x, n*x0)
	q := math.Floor(x / x0)
	r := x - q*x0
	poly := r*(r+math.Floor(b/a/e.Step)) + math.Floor(c/a/(e.Step*e.Step))
	return math.Max(0, math.Floor(math.Ldexp(poly, int(n-q))))
}

// Unit is the value of 1.
func (e IntExp) Unit() float64 { return math.Ldexp(0.35815147*e.Step*e.Step, -30) }

// LogIntCode is the code of 1/ratio in the Log-Int-Softmax of FQ-ViT (Lin et al. 2022, arXiv 2111.13824), limited to 0..flush as [Log2Code]. It
// rounds at the mantissa 1.5 instead of √2, which integers can tell:
//
//	t = RNE(ratio), k = ⌊log₂ t⌋, k = k + 1 if t − 2^k ≥ 2^(k−1)
func LogIntCode(ratio float64, flush int) int {
	t := math.RoundToEven(ratio)
	if math.IsInf(t, 1) {
		return flush
	}
	k := math.Ilogb(t)
	if t-math.Ldexp(1, k) >= math.Ldexp(1, k-1) {
		k++
	}
	return min(max(k, 0), flush)
}

// IntExp2 is the exponential of I-BERT on base-2 logits: integers x ≤ 0 that stand for x/2^Frac octaves, so that an octave is a whole number of
// steps. With a step of s = ln 2/2^Frac, q = ⌊−x/2^Frac⌋ and r = x + q·2^Frac in (−2^Frac, 0],
//
//	exp(x) = ⌊(r·(r + ⌊0.96963238/0.35815147/s⌋) + ⌊1/0.35815147/s²⌋)·2^(30−2·Frac)/2^q⌋,  0 for q ≥ 30
//
// in units of 0.35815147·s²·2^(2·Frac−30), which cancel in ratios. Frac is at most 8, where exp(0) < 2^33.
type IntExp2 struct{ Frac int }

// Exp returns exp(x).
func (e IntExp2) Exp(x int64) int64 {
	const a, b, c, n = 0.35815147, 0.96963238, 1, 30
	octave := int64(1) << e.Frac
	q, s := -x/octave, math.Ln2/float64(octave)
	if q >= n {
		return 0
	}
	r := x + q*octave
	poly := r*(r+int64(b/a/s)) + int64(c/a/(s*s))
	return int64(math.Floor(math.Ldexp(float64(poly), int(n-q)-2*e.Frac)))
}

// Code returns the code of exp(x)/exp(0) with the rounding of [LogIntCode], the ratio being rounded to an integer as integers do, ties up.
// What is zero has the code flush.
func (e IntExp2) Code(x int64, flush int) int {
	y := e.Exp(x)
	if y == 0 {
		return flush
	}
	return LogIntCode(float64((2*e.Exp(0)+y)/(2*y)), flush)
}

// ProbLogInt is [ProbLog2] in integers from the logits on, given on a grid of 2^−frac octaves:
//
//	x_j = RNE((y_j − M_t)·2^frac),  c_j = code of exp(x_j) in [IntExp2],  w_j = 2^−c_j
//
// It is Log-Int-Softmax on unnormalised weights: exp(0) takes the place of Σ exp(x).
func ProbLogInt(bits, frac int) ProbMode {
	m := ProbLog2(bits)
	exp := IntExp2{frac}
	far := int64(31) << frac // beyond the last octave
	m.Name = fmt.Sprintf("logint-%d", bits)
	m.codes = func(t *probTile, s Slack) (lo, hi []int) {
		lo, hi = make([]int, len(t.y)), make([]int, len(t.y))
		grid := func(a float64) int64 {
			return int64(math.Min(math.Max(0, math.RoundToEven(math.Ldexp(a, frac))), float64(far)))
		}
		for j := range t.y {
			if t.hidden(j) {
				continue
			}
			a := t.ref - t.y[j]
			lo[j], hi[j] = m.zero, 0
			// The polynomial is not monotone where its pieces meet: try every integer.
			last := grid((a + s.Logit) * (1 + s.Rel))
			for x := grid((a - s.Logit) * (1 - s.Rel)); x <= last; x++ {
				c := exp.Code(-x, m.zero)
				lo[j], hi[j] = min(lo[j], c), max(hi[j], c)
			}
		}
		return lo, hi
	}
	return m
}

// roundGrid turns a base-2 logit into an integer of the grid of natural logits.
func roundGrid(y, step float64) float64 { return math.RoundToEven(y * math.Ln2 / step) }
