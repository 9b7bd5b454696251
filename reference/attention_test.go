package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

func random(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func randomProblem(rng *rand.Rand, qHeads, kvHeads, dk, dv, qLen, kvLen int) *Problem {
	p := NewProblem(qHeads, kvHeads, dk, dv, qLen, kvLen)
	p.Q, p.K, p.V = random(rng, qLen*qHeads*dk), random(rng, kvLen*kvHeads*dk), random(rng, kvLen*kvHeads*dv)
	return p
}

// One query and keys of dimension 1: the scores are the keys.
func scores(keys, values []float64) *Problem {
	p := NewProblem(1, 1, 1, 1, 1, len(keys))
	p.Scale, p.Q, p.K, p.V = 1, []float64{1}, keys, values
	return p
}

func TestSpecialValues(t *testing.T) {
	for _, v := range []struct {
		name     string
		p        *Problem
		edit     func(*Problem)
		out, lse float64
	}{
		{"one key", scores([]float64{3}, []float64{7}), nil, 7, 3},
		{"two keys", scores([]float64{0, math.Log(3)}, []float64{4, 8}), nil, 7, math.Log(4)},
		{"no key", scores(nil, nil), nil, 0, -inf},
		{"no visible key", scores([]float64{nan}, []float64{nan}), func(p *Problem) { p.Visible = []bool{false} }, 0, -inf},
		{"masked by bias", scores([]float64{0, nan}, []float64{5, inf}), func(p *Problem) { p.Bias = []float64{0, -inf} }, 5, 0},
		{"masked by causal", scores([]float64{0, inf}, []float64{5, nan}), func(p *Problem) { p.Causal = true }, 5, 0},
		{"behind the end", scores([]float64{0, nan}, []float64{5, nan}), func(p *Problem) { p.KVLen = 1 }, 5, 0},
		{"causal before key 0", scores([]float64{0}, []float64{5}), func(p *Problem) { p.Causal, p.Offset = true, -1 }, 0, -inf},
		{"visible NaN score", scores([]float64{0, nan}, []float64{5, 5}), nil, nan, nan},
		{"visible NaN value", scores([]float64{0, 0}, []float64{5, nan}), nil, nan, math.Log(2)},
		{"visible +Inf score", scores([]float64{0, inf}, []float64{5, 5}), nil, nan, nan},
		{"-Inf score", scores([]float64{0, -inf}, []float64{5, nan}), nil, 5, 0},
		{"only -Inf scores", scores([]float64{-inf, -inf}, []float64{5, 5}), nil, 0, -inf},
		{"+Inf score capped", scores([]float64{inf}, []float64{5}), func(p *Problem) { p.Softcap = 30 }, 5, 30},
		{"sink", scores([]float64{0}, []float64{6}), func(p *Problem) { p.SinkLogits = []float64{math.Log(2)} }, 2, math.Log(3)},
		{"only the sink", scores(nil, nil), func(p *Problem) { p.SinkLogits = []float64{-2.5} }, 0, -2.5},
		{"sink -Inf", scores([]float64{1}, []float64{6}), func(p *Problem) { p.SinkLogits = []float64{-inf} }, 6, 1},
		{"sink -Inf, no key", scores(nil, nil), func(p *Problem) { p.SinkLogits = []float64{-inf} }, 0, -inf},
		{"sink NaN", scores([]float64{1}, []float64{6}), func(p *Problem) { p.SinkLogits = []float64{nan} }, nan, nan},
		{"sink +Inf", scores([]float64{1}, []float64{6}), func(p *Problem) { p.SinkLogits = []float64{inf} }, nan, nan},
		{"huge scores", scores([]float64{1e300, 1e300}, []float64{4, 8}), nil, 6, 1e300},
		{"alibi", scores([]float64{0, 0}, []float64{0, 4}), func(p *Problem) { p.ALiBi, p.Offset = []float64{math.Log(3)}, 1 }, 3, math.Log(4) - math.Log(3)},
		{"alibi ahead", scores([]float64{0, 0}, []float64{0, 4}), func(p *Problem) { p.ALiBi = []float64{math.Log(3)} }, 1, math.Log(4) - math.Log(3)},
	} {
		if v.edit != nil {
			v.edit(v.p)
		}
		r := Attend(v.p)
		closeTo(t, v.name+": out", r.Out[0], v.out)
		closeTo(t, v.name+": lse", r.LSE[0], v.lse)
		if v.out == 0 && math.Signbit(r.Out[0]) {
			t.Errorf("%s: out is -0", v.name)
		}
	}
	// A NaN channel of a visible value stays in its channel; a NaN score does not.
	p := NewProblem(1, 1, 1, 2, 1, 1)
	p.Q, p.K, p.V = []float64{1}, []float64{1}, []float64{nan, 3}
	if r := Attend(p); !math.IsNaN(r.Out[0]) || r.Out[1] != 3 {
		t.Errorf("NaN channel: %v", r.Out)
	}
	// NaN in one query row reaches this row and head only.
	p = randomProblem(rand.New(rand.NewPCG(1, 2)), 4, 2, 3, 3, 3, 5)
	p.Q[(1*4+2)*3] = nan
	for row, lse := range Attend(p).LSE {
		if math.IsNaN(lse) != (row == 1*4+2) {
			t.Errorf("NaN query: lse of row %d = %v", row, lse)
		}
	}
}

func TestMasks(t *testing.T) {
	p := NewProblem(2, 1, 1, 1, 3, 6)
	see := func(i, h int) string {
		s := ""
		for j := range 6 {
			if p.Sees(i, h, j) {
				s += string(rune('0' + j))
			}
		}
		return s
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: sees %q, want %q", what, got, want)
		}
	}
	check("none", see(0, 0), "012345")
	p.Causal, p.Offset = true, 2
	check("causal", see(1, 0), "0123")
	p.WindowLeft = 1
	check("window left", see(1, 0), "23")
	p.WindowSinks = 1
	check("window with sinks", see(1, 0), "023")
	p.Causal, p.WindowSinks, p.WindowRight = false, 0, 1
	check("both sides", see(1, 0), "234")
	p.WindowLeft, p.WindowRight = 0, 0
	check("self", see(2, 1), "4")
	p.WindowLeft, p.WindowRight = -1, -1
	p.Visible = make([]bool, 36)
	p.Visible[1*18+2*6+5] = true
	check("dense", see(2, 1), "5")
	check("dense, other head", see(2, 0), "")
	p.Visible, p.VisibleStride = []bool{true, false, true, false, false, true}, [3]int{0, 0, 1}
	check("broadcast", see(2, 1), "025")
	p.Bias, p.BiasStride = []float64{0, 1, -inf, 0, 0, 0}, [3]int{0, 0, 1}
	check("bias", see(0, 0), "05")
	if p.Sees(0, 0, -1) || p.Sees(0, 0, 6) {
		t.Error("sees keys that do not exist")
	}
}

// The matrix form of softmax attention, with other loops, for one head.
func TestAttendMatrixForm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	p := randomProblem(rng, 6, 2, 5, 4, 3, 9)
	r := Attend(p)
	for h := range 6 {
		for i := range 3 {
			var w [9]float64
			sum, s := 0.0, 0.0
			for j := range w {
				dot, abs := 0.0, 0.0
				for c := range 5 {
					dot += p.Q[i*30+h*5+c] * p.K[j*10+h/3*5+c]
					abs += math.Abs(p.Q[i*30+h*5+c] * p.K[j*10+h/3*5+c])
				}
				w[j] = math.Exp(dot / math.Sqrt(5))
				s = math.Max(s, abs/math.Sqrt(5))
				sum += w[j]
			}
			for c := range 4 {
				o, a := 0.0, 0.0
				for j := range w {
					o += w[j] / sum * p.V[j*8+h/3*4+c]
					a += w[j] / sum * math.Abs(p.V[j*8+h/3*4+c])
				}
				closeTo(t, "out", r.Out[i*24+h*4+c], o)
				closeTo(t, "abs", r.Abs[i*24+h*4+c], a)
			}
			closeTo(t, "lse", r.LSE[i*6+h], math.Log(sum))
			closeTo(t, "max abs", r.MaxAbs[i*6+h], s)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	for name, edit := range map[string]func(*Problem){
		"heads":   func(p *Problem) { p.KVHeads = 3 },
		"queries": func(p *Problem) { p.QLen++ },
		"keys":    func(p *Problem) { p.K = p.K[1:] },
		"values":  func(p *Problem) { p.V = p.V[1:] },
		"alibi":   func(p *Problem) { p.ALiBi = []float64{1} },
		"sinks":   func(p *Problem) { p.SinkLogits = []float64{1} },
		"bias":    func(p *Problem) { p.Bias = make([]float64, 3) },
		"visible": func(p *Problem) { p.Visible = make([]bool, 3) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			p := randomProblem(rand.New(rand.NewPCG(5, 6)), 2, 1, 2, 2, 2, 2)
			edit(p)
			Attend(p)
		}()
	}
}

// Online softmax, the two-pass form, merged states and merged outputs are one function.
func TestNormalizersAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		n := 1 + rng.IntN(20)
		x, v := random(rng, n), random(rng, 2*n)
		for i := range x {
			x[i] *= math.Ldexp(1, rng.IntN(10))
			if rng.IntN(8) == 0 {
				x[i] = -inf
			}
		}
		p, lse := Softmax(x, nil)
		want := make([]float64, 2)
		for j := range x {
			want[0] += p[j] * v[2*j]
			want[1] += p[j] * v[2*j+1]
		}
		two, sum := SoftmaxExt(x)
		cut := rng.IntN(n + 1)
		a, b := NewState(2), NewState(2)
		for j := range x {
			if j < cut {
				a.Add(x[j], v[2*j:][:2])
			} else {
				b.Add(x[j], v[2*j:][:2])
			}
		}
		oa, la := a.Finish()
		ob, lb := b.Finish()
		if math.IsInf(la, -1) {
			oa[0] = nan // the identity's output must be ignored
		}
		out, l := Merge(oa, la, ob, lb)
		back, lBack := Merge(ob, lb, oa, la)
		a.Merge(*b)
		o, lo := a.Finish()
		loose := func(what string, got, want float64) {
			t.Helper()
			if got != want && !(math.Abs(got-want) <= 1e-11*(1+math.Abs(lse))) {
				t.Errorf("%s = %v, want %v (x %v cut %d)", what, got, want, x, cut)
			}
		}
		loose("two-pass lse", sum.LSE(), lse)
		loose("state lse", lo, lse)
		loose("merged lse", l, lse)
		loose("merged lse, swapped", lBack, lse)
		for c := range 2 {
			loose("state out", o[c], want[c])
			loose("merged out", out[c], want[c])
			loose("merged out, swapped", back[c], want[c])
		}
		for j := range x {
			loose("two-pass", two[j], p[j])
		}
	}
}

func TestMergeTable(t *testing.T) {
	for _, v := range []struct{ lseA, lseB, out, lse float64 }{
		{-inf, -inf, 0, -inf},
		{-inf, 2, 30, 2},
		{2, -inf, 10, 2},
		{0, 0, 20, math.Log(2)},
		{1000, -1000, 10, 1000},
		{inf, 0, nan, nan},
		{-inf, inf, nan, nan},
		{nan, 0, nan, nan},
		{nan, -inf, nan, nan},
		{inf, nan, nan, nan},
	} {
		out, lse := Merge([]float64{10}, v.lseA, []float64{30}, v.lseB)
		closeTo(t, "out", out[0], v.out)
		closeTo(t, "lse", lse, v.lse)
	}
}

func TestTopKOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		n, k := rng.IntN(12), rng.IntN(5)
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(rng.IntN(4))
		}
		forward, parts := TopK{K: k}, TopK{K: k}
		other := TopK{K: k}
		for i, v := range x {
			forward.Insert(v, i)
		}
		for _, i := range rng.Perm(n) {
			if i%2 == 0 {
				parts.Insert(x[i], i)
			} else {
				other.Insert(x[i], i)
			}
		}
		parts.Merge(other)
		if len(forward.Values) != min(n, k) {
			t.Fatalf("%d values, want %d", len(forward.Values), min(n, k))
		}
		for i := range forward.Values {
			if forward.Indices[i] != parts.Indices[i] {
				t.Fatalf("x %v: %v, in parts %v", x, forward.Indices, parts.Indices)
			}
			if i > 0 && (forward.Values[i-1] < forward.Values[i] || forward.Values[i-1] == forward.Values[i] && forward.Indices[i-1] > forward.Indices[i]) {
				t.Fatalf("x %v: order %v", x, forward.Indices)
			}
		}
	}
	probs, indices, lse := FusedTopK([]float64{1, nan}, []bool{true, false}, 3)
	if len(probs) != 1 || probs[0] != 1 || indices[0] != 0 || lse != 1 {
		t.Errorf("masked: %v %v %v", probs, indices, lse)
	}
}

func TestALiBiMaxBias(t *testing.T) {
	if s := ALiBiSlopes(2, 16); s[0] != 0x1p-8 || s[1] != 0x1p-16 {
		t.Errorf("slopes %v", s)
	}
	if s := ALiBiSlopes(3, 8); s[2] != 0x1p-2 {
		t.Errorf("slopes %v", s)
	}
}
