package reference

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qattn/qattn/fuzz/cases"
)

// closeTo is the tolerance of the golden files: 1e-12 relative plus 1e-14 absolute.
func closeTo(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got == want || math.IsNaN(got) && math.IsNaN(want) {
		return
	}
	if !(math.Abs(got-want) <= 1e-12*math.Abs(want)+1e-14) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func closeAll(t *testing.T, what string, got []float64, want []cases.Number) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		closeTo(t, fmt.Sprintf("%s[%d]", what, i), got[i], float64(want[i]))
	}
}

func golden(t *testing.T, name string, v any) {
	t.Helper()
	if err := cases.LoadJSON(filepath.Join("testdata", name), v); err != nil {
		t.Fatal(err)
	}
}

type goldenState struct {
	Tile, Range [2]int
	M, D        cases.Number
}

func checkState(t *testing.T, what string, s *State, want goldenState) {
	t.Helper()
	closeTo(t, what+" m", s.M, float64(want.M))
	closeTo(t, what+" d", s.D, float64(want.D))
}

func TestGoldenOnlineSoftmax(t *testing.T) {
	var g struct {
		X, Softmax []cases.Number
		LSE        cases.Number
		PerTile    []goldenState `json:"per_tile_state"`
		PerElement []goldenState `json:"per_element_state"`
		Partitions []goldenState
		Merged     goldenState
		Identity   struct{ A, B, Result goldenState } `json:"merge_identity"`
		TwoEmpty   struct{ M, D, LSE cases.Number }   `json:"merge_two_empty"`
		Masked     struct {
			X, Softmax []cases.Number
			Mask       []bool
			LSE        cases.Number
		} `json:"masked_row"`
		Huge struct {
			X, Softmax []cases.Number
			LSE        cases.Number
		}
		TopK struct {
			X, Probs []cases.Number
			K        int
			Indices  []int
			LSE      cases.Number
		} `json:"fused_topk"`
	}
	golden(t, "01_online_softmax.json", &g)
	x := cases.Floats(g.X)
	p, lse := Softmax(x, nil)
	closeAll(t, "softmax", p, g.Softmax)
	closeTo(t, "lse", lse, float64(g.LSE))

	s := NewState(0)
	for j, want := range g.PerElement {
		s.Add(x[j], nil)
		checkState(t, fmt.Sprintf("after element %d", j), s, want)
	}
	closeTo(t, "online lse", s.LSE(), float64(g.LSE))
	part := func(r [2]int) *State {
		s := NewState(0)
		for _, xj := range x[r[0]:r[1]] {
			s.Add(xj, nil)
		}
		return s
	}
	s = NewState(0)
	for _, want := range g.PerTile {
		s.Merge(*part(want.Tile))
		checkState(t, fmt.Sprintf("after tile %v", want.Tile), s, want)
	}
	s = NewState(0)
	for _, want := range g.Partitions {
		q := part(want.Range)
		checkState(t, fmt.Sprintf("partition %v", want.Range), q, want)
		s.Merge(*q)
	}
	checkState(t, "merged", s, g.Merged)
	s = NewState(0)
	s.Merge(*part(g.Identity.B.Range))
	checkState(t, "identity", s, g.Identity.Result)
	s = NewState(0)
	s.Merge(*NewState(0))
	closeTo(t, "two empty m", s.M, float64(g.TwoEmpty.M))
	closeTo(t, "two empty d", s.D, float64(g.TwoEmpty.D))
	closeTo(t, "two empty lse", s.LSE(), float64(g.TwoEmpty.LSE))

	p, lse = Softmax(cases.Floats(g.Masked.X), g.Masked.Mask)
	closeAll(t, "masked softmax", p, g.Masked.Softmax)
	closeTo(t, "masked lse", lse, float64(g.Masked.LSE))
	p, lse = Softmax(cases.Floats(g.Huge.X), nil)
	closeAll(t, "huge softmax", p, g.Huge.Softmax)
	closeTo(t, "huge lse", lse, float64(g.Huge.LSE))
	probs, indices, lse := FusedTopK(cases.Floats(g.TopK.X), nil, g.TopK.K)
	closeAll(t, "top-k", probs, g.TopK.Probs)
	closeTo(t, "top-k lse", lse, float64(g.TopK.LSE))
	if fmt.Sprint(indices) != fmt.Sprint(g.TopK.Indices) {
		t.Errorf("top-k indices %v, want %v", indices, g.TopK.Indices)
	}
}

func TestGoldenExtExp(t *testing.T) {
	var g map[string]json.RawMessage
	golden(t, "02_two_pass_extexp.json", &g)
	n := 0
	for name, raw := range g {
		if !strings.HasPrefix(name, "case_") {
			continue
		}
		n++
		var c struct {
			X, Softmax []cases.Number
			Trace      []struct {
				X, MI, NI cases.Number
				AccM      cases.Number `json:"acc_m"`
				AccN      cases.Number `json:"acc_n"`
			}
			SumM cases.Number `json:"sum_m"`
			SumN cases.Number `json:"sum_n"`
			LSE  cases.Number
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatal(err)
		}
		acc := Ext{0, math.Inf(-1)}
		for i, step := range c.Trace {
			e := NewExt(float64(step.X))
			acc = acc.Add(e)
			for _, v := range []struct {
				what string
				got  float64
				want cases.Number
			}{{"mi", e.M, step.MI}, {"ni", e.N, step.NI}, {"acc_m", acc.M, step.AccM}, {"acc_n", acc.N, step.AccN}} {
				closeTo(t, fmt.Sprintf("%s step %d %s", name, i, v.what), v.got, float64(v.want))
			}
		}
		p, sum := SoftmaxExt(cases.Floats(c.X))
		closeAll(t, name+" softmax", p, c.Softmax)
		closeTo(t, name+" sum m", sum.M, float64(c.SumM))
		closeTo(t, name+" sum n", sum.N, float64(c.SumN))
		closeTo(t, name+" lse", sum.LSE(), float64(c.LSE))
	}
	if n != 2 {
		t.Errorf("%d cases, want 2", n)
	}
}

func TestGoldenALiBi(t *testing.T) {
	var g map[string][]cases.Number
	golden(t, "08b_alibi_slopes.json", &g)
	for key, want := range g {
		closeAll(t, key+" heads", ALiBiSlopes(len(want), 8), want)
	}
}

type goldenVariant struct {
	Name   string
	Mask   [][]bool
	P, O   [][]cases.Number
	LSE    []cases.Number
	Scores [][]cases.Number
	Sink   *cases.Number
	Cap    cases.Number
	Slope  cases.Number
	Window int
	NSink  int `json:"n_sink_tokens"`
	S      cases.Number
	N      []int
	Tau    []cases.Number
	WQ, WK []cases.Number
	Eps    cases.Number
}

// The normalizers of other papers in the same file; the oracle has only softmax.
var otherNormalizers = []string{"softpick", "sparsemax", "entmax15", "self_adjust", "adaptive_temperature", "stablemax", "sqrt_softmax", "shaped"}

func TestGoldenVariants(t *testing.T) {
	var g struct {
		Q, K, V   [][]cases.Number
		Scale     cases.Number
		Scores    [][]cases.Number
		PosOffset int `json:"pos_offset"`
		Variants  []goldenVariant
		Split     struct {
			Partitions [][2]int
			States     [][]struct {
				M, D, LSE cases.Number
				O         []cases.Number
				Sum       []cases.Number `json:"O_unnormalised"`
			}
		} `json:"split_kv_full_softmax"`
	}
	golden(t, "08_attention_variants.json", &g)
	fresh := func() *Problem {
		p := NewProblem(1, 1, 4, 3, 4, 6)
		p.Q, p.K, p.V, p.Scale, p.Offset = flat(g.Q), flat(g.K), flat(g.V), float64(g.Scale), g.PosOffset
		return p
	}
	for i, want := range g.Scores {
		logits, _ := fresh().Row(i, 0)
		closeAll(t, fmt.Sprintf("scores row %d", i), logits, want)
	}

	checked, skipped := 0, 0
variants:
	for _, v := range g.Variants {
		for _, other := range otherNormalizers {
			if strings.HasPrefix(v.Name, other) {
				skipped++
				continue variants
			}
		}
		p := fresh()
		p.Visible = nil
		byRule := false // the mask of the file must follow from the rule
		switch {
		case strings.HasPrefix(v.Name, "softmax1_offbyone"):
			p.SinkLogits = []float64{0}
		case v.Sink != nil:
			p.SinkLogits = []float64{float64(*v.Sink)}
		case v.Cap != 0:
			p.Softcap = float64(v.Cap)
		case v.Slope != 0:
			p.ALiBi = []float64{float64(v.Slope)}
		case v.Window != 0:
			p.WindowLeft, p.WindowSinks, p.Causal, byRule = v.Window-1, v.NSink, true, true
		case v.S != 0: // softmax((s·log n)·x): a factor per row goes into q
			for i := range 4 {
				scaleRow(p.Q[4*i:][:4], float64(v.S)*math.Log(float64(v.N[i])))
			}
		case v.Tau != nil:
			for i := range 4 {
				scaleRow(p.Q[4*i:][:4], 1/float64(v.Tau[i]))
			}
		case v.WQ != nil:
			for i := range 4 {
				rmsNorm(p.Q[4*i:][:4], v.WQ, float64(v.Eps))
			}
			for j := range 6 {
				rmsNorm(p.K[4*j:][:4], v.WK, float64(v.Eps))
			}
		}
		if strings.HasSuffix(v.Name, "/causal") {
			p.Causal, byRule = true, true
		}
		if !byRule && v.Mask != nil {
			for _, row := range v.Mask {
				p.Visible = append(p.Visible, row...)
			}
		}
		if strings.HasPrefix(v.Name, "topk2") {
			p.Visible = make([]bool, 24)
			for i := range 4 {
				logits, visible := fresh().Row(i, 0)
				if v.Mask != nil {
					visible = v.Mask[i]
				}
				_, top, _ := FusedTopK(logits, visible, 2)
				for _, j := range top {
					p.Visible[i*6+j] = true
				}
			}
			p.Causal, byRule = false, false
		}
		checked++
		r := Attend(p)
		for i := range 4 {
			if byRule {
				for j, want := range v.Mask[i] {
					if p.Sees(i, 0, j) != want {
						t.Errorf("%s: row %d key %d visible %v, want %v", v.Name, i, j, !want, want)
					}
				}
			}
			closeAll(t, fmt.Sprintf("%s P row %d", v.Name, i), p.Weights(i, 0), v.P[i])
			closeAll(t, fmt.Sprintf("%s O row %d", v.Name, i), r.Out[3*i:][:3], v.O[i])
			if v.LSE != nil {
				closeTo(t, fmt.Sprintf("%s lse row %d", v.Name, i), r.LSE[i], float64(v.LSE[i]))
			}
		}
	}
	t.Logf("%d variants checked, %d of other normalizers skipped", checked, skipped)
	if checked+skipped != len(g.Variants) || checked < 19 {
		t.Errorf("%d checked and %d skipped of %d variants", checked, skipped, len(g.Variants))
	}

	p := fresh()
	full := Attend(p)
	for i := range 4 {
		logits, _ := p.Row(i, 0)
		sum := NewState(3)
		out, lse := make([]float64, 3), math.Inf(-1)
		for k, r := range g.Split.Partitions {
			s := NewState(3)
			for j := r[0]; j < r[1]; j++ {
				s.Add(logits[j], p.V[3*j:][:3])
			}
			want := g.Split.States[i][k]
			what := fmt.Sprintf("row %d part %d", i, k)
			closeTo(t, what+" m", s.M, float64(want.M))
			closeTo(t, what+" d", s.D, float64(want.D))
			closeAll(t, what+" O", s.O, want.Sum)
			o, l := s.Finish()
			closeAll(t, what+" o", o, want.O)
			closeTo(t, what+" lse", l, float64(want.LSE))
			sum.Merge(*s)
			out, lse = Merge(out, lse, o, l)
		}
		o, l := sum.Finish()
		for c := range 3 {
			closeTo(t, "merged state", o[c], full.Out[3*i+c])
			closeTo(t, "merged output", out[c], full.Out[3*i+c])
		}
		closeTo(t, "merged lse", l, full.LSE[i])
		closeTo(t, "merged lse of outputs", lse, full.LSE[i])
	}
}

func flat(rows [][]cases.Number) []float64 {
	var x []float64
	for _, row := range rows {
		x = append(x, cases.Floats(row)...)
	}
	return x
}

func scaleRow(x []float64, f float64) {
	for c := range x {
		x[c] *= f
	}
}

// rmsNorm is x·w/√(mean x² + eps).
func rmsNorm(x []float64, w []cases.Number, eps float64) {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	f := 1 / math.Sqrt(sum/float64(len(x))+eps)
	for c := range x {
		x[c] *= f * float64(w[c])
	}
}
