package reference

import (
	"fmt"
	"math"
	"testing"

	"github.com/qattn/qattn/fuzz/cases"
)

func TestGoldenLog2Softmax(t *testing.T) {
	var g struct {
		X, P    []cases.Number
		LSE     cases.Number
		Neg     []cases.Number `json:"neg_log2_p"`
		Codes   []cases.Number `json:"code_4bit_rne"`
		Dequant []cases.Number
	}
	golden(t, "16_log2_codes.json", &g)
	p, lse := Softmax(cases.Floats(g.X), nil)
	closeTo(t, "lse", lse, float64(g.LSE))
	closeAll(t, "p", p, g.P)
	y := cases.Floats(g.X)
	for j, pj := range p {
		a := -math.Log2(pj)
		closeTo(t, "-log2 p", a, float64(g.Neg[j]))
		// All codes of this row are below 15: it matters not whether zero has a code of its own.
		for _, flush := range []int{15, 16} {
			if c := Log2Code(a, flush); c != int(g.Codes[j]) || Log2Value(c, flush) != float64(g.Dequant[j]) {
				t.Errorf("code %d of %v = %d (%v), want %v (%v)", j, pj, c, Log2Value(c, flush), g.Codes[j], g.Dequant[j])
			}
		}
		y[j] *= math.Log2E
	}
	res := StaticLog2(4).Attend(NewProbRow(y, make([]float64, len(y)), 1), Correction{})
	closeTo(t, "static lse", res.LSE, float64(g.LSE))
	for j := range res.Codes {
		if res.Codes[j] != int(g.Codes[j]) || res.Weights[j] != float64(g.Dequant[j]) {
			t.Errorf("static: code %d = %d, weight %v", j, res.Codes[j], res.Weights[j])
		}
	}
}

func TestGoldenLogCodes(t *testing.T) {
	var g struct {
		Rows []struct {
			P                    cases.Number
			L4, L8, S4, S8, Lis4 int
			L4v, S4v, S8v        cases.Number
		}
	}
	golden(t, "log2_softmax_golden.json", &g)
	if len(g.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, r := range g.Rows {
		p := float64(r.P)
		a := -math.Log2(p)
		check := func(what string, got, want, flush int) {
			t.Helper()
			if want < 0 {
				want = flush
			}
			if got != want {
				t.Errorf("p %v: %s = %d, want %d", p, what, got, want)
			}
		}
		check("log2, 4 bits", Log2Code(a, 16), r.L4, 16)
		check("log2, 8 bits", Log2Code(a, 256), r.L8, 256)
		check("log-sqrt2, 4 bits", LogSqrt2Code(a, 16), r.S4, 16)
		check("log-sqrt2, 8 bits", LogSqrt2Code(a, 256), r.S8, 256)
		check("log-int, 4 bits", LogIntCode(1/p, 16), r.Lis4, 16)
		check("static log2, 4 bits", StaticLog2(4).code(p, 1), r.L4, 16)
		check("static log-sqrt2, 4 bits", StaticLogSqrt2(4, 1).code(p, 1), r.S4, 16)
		check("static log-int, 4 bits", StaticLogInt(4, 1).code(p, 1), r.Lis4, 16)
		if v := Log2Value(Log2Code(a, 16), 16); v != float64(r.L4v) {
			t.Errorf("p %v: log2 value %v, want %v", p, v, r.L4v)
		}
		closeTo(t, fmt.Sprintf("log-sqrt2 value of %v, 4 bits", p), LogSqrt2Value(LogSqrt2Code(a, 16), 16), float64(r.S4v))
		closeTo(t, fmt.Sprintf("log-sqrt2 value of %v, 8 bits", p), LogSqrt2Value(LogSqrt2Code(a, 256), 256), float64(r.S8v))
	}
}

func TestGoldenBias(t *testing.T) {
	var g struct {
		Rows []struct {
			Name      string
			P         []cases.Number
			Codes     []int        `json:"codes_u8"`
			Sum       cases.Number `json:"sum_dequant"`
			Missing   cases.Number `json:"missing_mass"`
			Beta      cases.Number `json:"beta_per_element"`
			ZeroPoint cases.Number `json:"zero_point_after_absorption"`
			Corrected cases.Number `json:"sum_after_correction"`
		}
	}
	golden(t, "softmax_bias_golden.json", &g)
	if len(g.Rows) == 0 {
		t.Fatal("no rows")
	}
	m := StaticUint(8)
	for _, r := range g.Rows {
		// The probabilities are exact inputs: log2 and back would move them off the grid.
		n, sum := float64(len(r.P)), 0.0
		for j, p := range r.P {
			c := m.code(float64(p), 1)
			if c != r.Codes[j] {
				t.Errorf("%s: code %d = %d, want %d", r.Name, j, c, r.Codes[j])
			}
			sum += m.value(c)
		}
		closeTo(t, r.Name+": sum", sum, float64(r.Sum))
		closeTo(t, r.Name+": missing mass", 1-sum, float64(r.Missing))
		beta := (1 - sum) / n
		closeTo(t, r.Name+": beta", beta, float64(r.Beta))
		closeTo(t, r.Name+": zero point", BiasZeroPoint(beta, 1./255, 0), float64(r.ZeroPoint))
		closeTo(t, r.Name+": corrected sum", sum+n*beta, float64(r.Corrected))
	}
}
