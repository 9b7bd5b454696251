package reference

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qattn/qattn/fuzz/cases"
)

// problem converts a neutral case. The rows behind KVLen stay in place, so that reading them is noticed.
func problem(a *cases.Attention) *Problem {
	p := NewProblem(a.QHeads, a.KVHeads, a.DK, a.DV, a.QLen, a.KVLen)
	p.Scale, p.Softcap, p.Causal, p.Offset, p.WindowLeft, p.WindowRight = a.Scale, a.Softcap, a.Causal, a.Offset, a.WindowLeft, a.WindowRight
	p.ALiBi, p.SinkLogits, p.Bias, p.Q = widen(a.ALiBi), widen(a.SinkLogits), widen(a.Bias), widen(a.Q)
	p.K, p.V = append(widen(a.K), widen(a.KTail)...), append(widen(a.V), widen(a.VTail)...)
	copy(p.K, a.KExact)
	copy(p.V, a.VExact)
	return p
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// ulpError returns |got − want| in units of the last place of want in a float type with m mantissa bits.
func ulpError(got, want float64, m, minExp int) float64 {
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return 0
	}
	return math.Abs(got-want) / (2 * StepFloat(want, 1, m, minExp))
}

// compare checks a result against a case in ulps of the case's output type and returns the largest error.
func compare(t *testing.T, a *cases.Attention, r Result, limit float64) float64 {
	t.Helper()
	m, minExp := 23, -126
	if a.OutType == "float16" {
		m, minExp = 10, -14
	}
	worst, bad := 0.0, 0
	check := func(what string, got, want, slack float64) {
		// The slack covers cancelling sums: float64 itself is exact only to 2⁻⁵³ of the magnitudes.
		e := ulpError(got, want, m, minExp)
		if math.Abs(got-want) <= slack {
			e = 0
		}
		worst = math.Max(worst, e)
		if !(e <= limit) {
			if bad++; bad <= 3 {
				t.Errorf("%s: %s = %v, want %v (%.3g ulp, limit %g)", a.Name, what, got, want, e, limit)
			}
		}
	}
	for i := range a.QLen {
		for h := range a.QHeads {
			if !a.Wanted(i, h) {
				continue
			}
			row := i*a.QHeads + h
			for c := range a.DV {
				at := row*a.DV + c
				check(fmt.Sprintf("row %d head %d out[%d]", i, h, c), r.Out[at], float64(a.WantOut[at]), 0x1p-45*r.Abs[at])
				if r.Out[at] == 0 && math.Signbit(r.Out[at]) != math.Signbit(float64(a.WantOut[at])) {
					t.Errorf("%s: row %d head %d out[%d] is a zero of the wrong sign", a.Name, i, h, c)
				}
			}
			if a.WantLSE != nil {
				check(fmt.Sprintf("row %d head %d lse", i, h), r.LSE[row], float64(a.WantLSE[row]), 0x1p-45*r.MaxAbs[row])
			}
		}
	}
	return worst
}

func TestOnnxAttention(t *testing.T) {
	paths := append(cases.Files(t, "conformance", "open", "onnx", "attention*", "*.json"), cases.Files(t, "conformance", "open", "onnx", "flexattention", "*.json")...)
	worst, n := map[string]float64{}, map[string]int{}
	for _, path := range paths {
		c, err := cases.LoadOnnx(path)
		if err != nil {
			t.Fatal(err)
		}
		if why, out := cases.OutOfScope[c.Name]; out {
			t.Logf("out of scope: %s: %s", c.Name, why)
			continue
		}
		batch, err := c.Attention()
		if err != nil {
			t.Error(err)
			continue
		}
		n[c.Op]++
		for i := range batch {
			a := &batch[i]
			limit := 0.501
			if a.OutType == "float16" {
				limit = 1
			} else if c.Op == "FlexAttention" {
				limit = 4 // these outputs come from float32 arithmetic, not from one rounding
			}
			key := c.Op + " " + a.OutType
			worst[key] = math.Max(worst[key], compare(t, a, Attend(problem(a)), limit))
		}
	}
	t.Logf("cases %v; worst error in ulp %v", n, worst)
}

func TestOnnxFlexDouble(t *testing.T) {
	c, err := cases.LoadOnnx(cases.Sub(t, "conformance", "open", "onnx", "flexattention", "test_flexattention_double.json"))
	if err != nil {
		t.Fatal(err)
	}
	q, k, v, y := c.Input(0), c.Input(1), c.Input(2), c.Output(0)
	for b := range q.Shape[0] {
		p := NewProblem(q.Shape[1], k.Shape[1], q.Shape[3], v.Shape[3], q.Shape[2], k.Shape[2])
		p.Q, p.K, p.V = tokenMajor(t, q, b), tokenMajor(t, k, b), tokenMajor(t, v, b)
		want := tokenMajor(t, y, b)
		for i, got := range Attend(p).Out {
			closeTo(t, fmt.Sprintf("batch %d element %d", b, i), got, want[i])
		}
	}
}

// tokenMajor reorders one batch element of [B][H][S][D] to [S][H][D].
func tokenMajor(t *testing.T, x *cases.Tensor, b int) []float64 {
	t.Helper()
	all, err := x.Floats()
	if err != nil {
		t.Fatal(err)
	}
	heads, rows, d := x.Shape[1], x.Shape[2], x.Shape[3]
	var y []float64
	for i := range rows {
		for h := range heads {
			y = append(y, all[((b*heads+h)*rows+i)*d:][:d]...)
		}
	}
	return y
}

func TestGrid(t *testing.T) {
	worst, n := map[string]float64{}, 0
	for _, path := range cases.Files(t, "conformance", "open", "grid", "*.json") {
		g, err := cases.LoadGrid(path)
		if err != nil {
			t.Fatal(err)
		}
		batch, err := g.Attention()
		if err != nil {
			t.Error(err)
			continue
		}
		n++
		for i := range batch {
			a := &batch[i]
			worst[g.Category] = math.Max(worst[g.Category], compare(t, a, Attend(problem(a)), 0.501))
		}
	}
	t.Logf("%d cases; worst error in float32 ulp: %v", n, worst)
}

// A wrong alignment of the causal mask must not pass: the suites would be worthless.
func TestGridNoticesWrongAlignment(t *testing.T) {
	g, err := cases.LoadGrid(cases.Sub(t, "conformance", "open", "grid", "prefill_q3_kv512_d32_causal_br.json"))
	if err != nil {
		t.Fatal(err)
	}
	batch, err := g.Attention()
	if err != nil {
		t.Fatal(err)
	}
	a := &batch[0]
	for _, mutate := range []func(*Problem){
		func(p *Problem) { p.Offset-- },
		func(p *Problem) { p.Offset++ },
		func(p *Problem) { p.Offset = 0 },
		func(p *Problem) { p.Causal = false },
		func(p *Problem) { p.WindowLeft = 0 },
		func(p *Problem) { p.Scale = 1 },
		func(p *Problem) { p.Softcap = 30 },
	} {
		p := problem(a)
		mutate(p)
		r := Attend(p)
		wrong := false
		for i, got := range r.Out {
			wrong = wrong || math.Abs(got-float64(a.WantOut[i])) > Tolerance32(r.Abs[i], r.MaxAbs[i/a.DV])
		}
		if !wrong {
			t.Errorf("mutant passes: offset %d causal %v window %d scale %v softcap %v", p.Offset, p.Causal, p.WindowLeft, p.Scale, p.Softcap)
		}
	}
}

func TestOnnxSoftmax(t *testing.T) {
	n, worst := 0, 0.0
	for _, path := range cases.Files(t, "conformance", "open", "onnx", "softmax", "*.json") {
		c, err := cases.LoadOnnx(path)
		if err != nil {
			t.Fatal(err)
		}
		axis, err := c.Int("axis", -1)
		if err != nil {
			t.Fatal(err)
		}
		x, err := c.Input(0).Floats()
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Output(0).Floats()
		if err != nil {
			t.Fatal(err)
		}
		shape := c.Input(0).Shape
		if axis < 0 {
			axis += len(shape)
		}
		stride := 1
		for _, s := range shape[axis+1:] {
			stride *= s
		}
		n++
		for start := range x {
			if start/stride%shape[axis] != 0 {
				continue
			}
			row := make([]float64, shape[axis])
			for i := range row {
				row[i] = x[start+i*stride]
			}
			p, lse := Softmax(row, nil)
			for i := range row {
				got := p[i]
				if c.Op == "LogSoftmax" {
					got = row[i] - lse
				}
				e := ulpError(got, want[start+i*stride], 23, -126)
				worst = math.Max(worst, e)
				// The stored values come from float32 arithmetic, not from one rounding.
				if math.Abs(got-want[start+i*stride]) > 4*0x1p-24*(1+math.Abs(lse)+math.Abs(row[i])) {
					t.Errorf("%s: element %d = %v, want %v", c.Name, start+i*stride, got, want[start+i*stride])
				}
			}
		}
	}
	t.Logf("%d cases; worst error %.3g ulp", n, worst)
}

// Casts and quantizations to the stored float types.
func TestOnnxNarrowing(t *testing.T) {
	decoders := map[string]func(byte) float64{"float8e4m3fn": E4M3, "float8e5m2": E5M2, "float8e4m3fnuz": E4M3FNUZ, "float8e5m2fnuz": E5M2FNUZ}
	paths := append(cases.Files(t, "conformance", "open", "onnx", "cast", "*.json"), cases.Files(t, "conformance", "open", "onnx", "quantize", "*.json")...)
	n := 0
	for _, path := range paths {
		c, err := cases.LoadOnnx(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, out := cases.OutOfScope[c.Name]; out {
			continue
		}
		saturate, err := c.Int("saturate", 1)
		if err != nil {
			t.Fatal(err)
		}
		x, err := c.Input(0).Floats()
		if err != nil {
			t.Fatal(err)
		}
		want, err := c.Output(0).Floats()
		if err != nil {
			t.Fatal(err)
		}
		if scale := c.Input(1); scale != nil {
			s, err := scale.Floats()
			if err != nil {
				t.Fatal(err)
			}
			for i := range x {
				if c.Op == "QuantizeLinear" {
					x[i] /= s[0]
				} else {
					x[i] = float64(float32(x[i] * s[0]))
				}
			}
		}
		n++
		decode := decoders[c.Output(0).DType]
		for i, v := range x {
			got := v
			switch c.Output(0).DType {
			case "float32":
				got = float64(float32(v))
			case "float16", "bfloat16":
				// Half an ulp, or infinity beyond the range; ties are the encoders' tests.
				m, minExp, limit := 10, -14, 65520.0
				if c.Output(0).DType == "bfloat16" {
					m, minExp, limit = 7, -126, 0x1.FFp127
				}
				if math.Abs(v) >= limit {
					got = math.Copysign(inf, v)
				} else if math.Abs(v-want[i]) <= StepFloat(v, 1, m, minExp) {
					got = want[i]
				}
			case "float64", "int8", "uint8": // wider, nothing changes
			default:
				top := decode(NearestCode(inf, 256, decode))
				switch {
				case math.IsNaN(v):
				case saturate == 0 && math.Abs(v) > top+StepFloat(top, 1, map[bool]int{true: 2, false: 3}[strings.Contains(c.Output(0).DType, "e5m2")], -20):
					got = nan
					if c.Output(0).DType == "float8e5m2" {
						got = math.Copysign(inf, v)
					}
				default:
					got = decode(NearestCode(v, 256, decode))
				}
			}
			if !same(got, want[i]) {
				t.Errorf("%s: element %d: %v becomes %v, want %v", c.Name, i, v, got, want[i])
			}
		}
	}
	t.Logf("%d cases", n)
}

// Every ONNX case is either of an operator that a test here covers, or listed with a reason.
func TestOnnxScope(t *testing.T) {
	covered := map[string]bool{
		"Attention": true, "FlexAttention": true, "Softmax": true, "LogSoftmax": true, "Cast": true, "QuantizeLinear": true, "DequantizeLinear": true,
	}
	known := map[string]bool{}
	for _, path := range cases.Files(t, "conformance", "open", "onnx", "*", "*.json") {
		c, err := cases.LoadOnnx(path)
		if err != nil {
			t.Fatal(err)
		}
		known[c.Name] = true
		if _, out := cases.OutOfScope[c.Name]; !out && !covered[c.Op] {
			t.Errorf("%s: operator %s is neither covered nor out of scope", c.Name, c.Op)
		}
		for _, tensor := range append(c.Inputs, c.Outputs...) {
			if _, err := tensor.Floats(); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
	for name := range cases.OutOfScope {
		if !known[name] {
			t.Errorf("OutOfScope names %s, which is no case", name)
		}
	}
	t.Logf("%d cases, %d of them out of scope", len(known), len(cases.OutOfScope))
}

func TestDumps(t *testing.T) {
	n, worst := 0, 0.0
	for _, path := range cases.Files(t, "data", "qkv", "*.safetensors") {
		d, err := cases.LoadDump(path)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := d.Layers()
		if err != nil {
			t.Fatal(err)
		}
		if len(layers) == 0 {
			t.Errorf("%s: no layers", path)
		}
		for _, l := range layers {
			n++
			r := Attend(problem(&l.Attention))
			for i, got := range r.Out {
				e := math.Abs(got - l.Out[i])
				if worst = math.Max(worst, e); !(e <= 1e-9) {
					t.Fatalf("%s %s: out[%d] = %v, want %v", filepath.Base(path), l.Name, i, got, l.Out[i])
				}
			}
			for i, got := range r.LSE {
				if !(math.Abs(got-l.LSE[i]) <= 1e-9*math.Max(1, math.Abs(l.LSE[i]))) {
					t.Fatalf("%s %s: lse[%d] = %v, want %v", filepath.Base(path), l.Name, i, got, l.LSE[i])
				}
			}
		}
	}
	t.Logf("%d layers; worst output error %.3g", n, worst)
}
