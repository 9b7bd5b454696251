package accuracy

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/qattn/qattn/bench/emulate"
)

// Row is one system on one family. The package comment defines the numbers.
type Row struct {
	System, Family                           string
	RelL1, RelL2, Cosine, RMSE, Bias, LSEErr float64
}

// MarshalJSON writes five digits of every error and ten of the cosine, and null for
// what is not finite.
func (r Row) MarshalJSON() ([]byte, error) {
	system, err := json.Marshal(r.System)
	if err != nil {
		return nil, err
	}
	family, err := json.Marshal(r.Family)
	if err != nil {
		return nil, err
	}
	num := func(x float64, digits int) string {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return "null"
		}
		return fmt.Sprintf("%.*g", digits, x)
	}
	return fmt.Appendf(nil, `{"system":%s,"family":%s,"rel_l1":%s,"rel_l2":%s,"cosine":%s,"rmse":%s,"bias":%s,"lse_err":%s}`,
		system, family, num(r.RelL1, 5), num(r.RelL2, 5), num(r.Cosine, 10), num(r.RMSE, 5), num(r.Bias, 5), num(r.LSEErr, 5)), nil
}

// sums are what the metrics of a system are made of; they add over heads.
type sums struct {
	n                 int
	abs, absWant      float64 // Σ|Δ|, Σ|truth|
	sq, sqWant, sqGot float64 // ΣΔ², Σtruth², Σoutput²
	dot, bias, lse    float64 // Σoutput·truth, Σ_c|Σ_i Δ|, max|ΔLSE|
}

// sum compares the outputs of one head.
func sum(got, want emulate.Result, dv int) (s sums) {
	bias := make([]float64, dv)
	for i, w := range want.Out {
		g := got.Out[i]
		d := g - w
		s.abs += math.Abs(d)
		s.absWant += math.Abs(w)
		s.sq += d * d
		s.sqWant += w * w
		s.sqGot += g * g
		s.dot += g * w
		bias[i%dv] += d
	}
	s.n = len(want.Out)
	for _, b := range bias {
		s.bias += math.Abs(b)
	}
	for i, w := range want.LSE {
		if g := got.LSE[i]; g != w { // −Inf equals −Inf
			s.lse = math.Max(s.lse, math.Abs(g-w))
		}
	}
	return s
}

func (s *sums) add(t sums) {
	s.n += t.n
	s.abs += t.abs
	s.absWant += t.absWant
	s.sq += t.sq
	s.sqWant += t.sqWant
	s.sqGot += t.sqGot
	s.dot += t.dot
	s.bias += t.bias
	s.lse = math.Max(s.lse, t.lse)
}

// row turns sums into metrics.
func (s sums) row(system, family string) Row {
	return Row{System: system, Family: family,
		RelL1: s.abs / s.absWant, RelL2: math.Sqrt(s.sq / s.sqWant), Cosine: s.dot / math.Sqrt(s.sqGot*s.sqWant),
		RMSE: math.Sqrt(s.sq / float64(s.n)), Bias: s.bias / s.absWant, LSEErr: s.lse}
}
