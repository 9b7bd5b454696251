package emulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qattn/qattn/reference"
)

// randomHead draws a Gaussian head with logits of standard deviation 2.
func randomHead(nq, nk, d int, causal bool) *Head {
	r := rand.New(rand.NewPCG(7, uint64(nk)))
	x := func(n int, s float64) []float32 {
		y := make([]float32, n)
		for i := range y {
			y[i] = float32(s * r.NormFloat64())
		}
		return y
	}
	return &Head{NQ: nq, NK: nk, DK: d, DV: d, Q: x(nq*d, 2), K: x(nk*d, 1), V: x(nk*d, 1), Scale: 1 / math.Sqrt(float64(d)), Causal: causal}
}

func mustAttend(t *testing.T, s System, h *Head) Result {
	t.Helper()
	r, err := s.Attend(h)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// relL1 is Σ|got−want| / Σ|want|.
func relL1(got, want []float64) float64 {
	var d, n float64
	for i, w := range want {
		d += math.Abs(got[i] - w)
		n += math.Abs(w)
	}
	return d / n
}

func maxDiff(a, b []float64) (m float64) {
	for i, x := range a {
		if x != b[i] {
			m = math.Max(m, math.Abs(x-b[i]))
		}
	}
	return m
}

// near fails unless got is want up to tol.
func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tol)
	}
}

// Exact agrees with the oracle of the library, also where rows are empty.
func TestExact(t *testing.T) {
	for _, h := range []*Head{randomHead(3, 70, 16, false), randomHead(5, 70, 16, true), randomHead(9, 5, 8, true), randomHead(2, 1, 4, false)} {
		p := reference.NewProblem(1, 1, h.DK, h.DV, h.NQ, h.NK)
		p.Scale, p.Causal, p.Offset = h.Scale, h.Causal, h.NK-h.NQ
		for _, s := range []struct {
			dst *[]float64
			src []float32
		}{{&p.Q, h.Q}, {&p.K, h.K}, {&p.V, h.V}} {
			for _, x := range s.src {
				*s.dst = append(*s.dst, float64(x))
			}
		}
		want, got := reference.Attend(p), mustAttend(t, Exact(), h)
		if d := maxDiff(got.Out, want.Out); d > 1e-13 {
			t.Errorf("%d × %d: output differs by %v", h.NQ, h.NK, d)
		}
		if d := maxDiff(got.LSE, want.LSE); d > 1e-13 {
			t.Errorf("%d × %d: LSE differs by %v", h.NQ, h.NK, d)
		}
	}
}

// wide is a format so fine that rounding to it changes nothing that matters.
var wide = float{bits: 40, min: -900, max: 1e9}

// wideSystems are the systems with every rounding made fine. What remains are their
// scales, tiles, orders, offsets and corrections, which are exact in real arithmetic.
func wideSystems() []System {
	const levels = 1 << 22
	fine := Block{"fine q8_0", func(dst, x []float32) { roundQ80(dst, x, levels, wide) }}
	fine4 := Block{"fine q4_0", func(dst, x []float32) { roundQ40(dst, x, levels, wide) }}
	return []System{
		&sage{name: "fine sage", levels: levels, p: wide, v: wide, vMax: 448},
		&fa3{wide, false}, &fa3{wide, true},
		&intFlash{levels, levels, wide},
		&intAttention{levels, 1 << 20, 40, levels},
		&torchAO{levels, levels},
		&ort{levels, false}, &ort{levels, true},
		&vllm{wide, 1},
		&ggml{fine, fine, false}, &ggml{fine, fine, true}, &ggml{fine4, fine, false}, &ggml{fine4, fine, true},
		&kivi{20, 32, 128, wide},
	}
}

func TestFineSystemsAreExact(t *testing.T) {
	for _, h := range []*Head{randomHead(3, 300, 64, false), randomHead(40, 300, 64, true), randomHead(5, 256, 128, true)} {
		want := mustAttend(t, Exact(), h)
		for _, s := range wideSystems() {
			got := mustAttend(t, s, h)
			if e := relL1(got.Out, want.Out); !(e < 1e-4) {
				t.Errorf("%s with fine rounding, %d × %d: relative L1 error %v", s.Name(), h.NQ, h.NK, e)
			}
			if d := maxDiff(got.LSE, want.LSE); !(d < 1e-4) {
				t.Errorf("%s with fine rounding, %d × %d: LSE differs by %v", s.Name(), h.NQ, h.NK, d)
			}
		}
	}
}

// Every system must round something, keep the future hidden, accept rows without keys
// and leave its inputs alone.
func TestSystems(t *testing.T) {
	names := map[string]bool{}
	for _, s := range Systems() {
		if names[s.Name()] {
			t.Errorf("two systems are called %s", s.Name())
		}
		names[s.Name()] = true

		h := randomHead(40, 260, 64, true)
		keep := *h
		keep.Q, keep.K, keep.V = append([]float32(nil), h.Q...), append([]float32(nil), h.K...), append([]float32(nil), h.V...)
		want, got := mustAttend(t, Exact(), h), mustAttend(t, s, h)
		if fmt.Sprint(keep.Q, keep.K, keep.V) != fmt.Sprint(h.Q, h.K, h.V) {
			t.Errorf("%s changed its inputs", s.Name())
		}
		if e := relL1(got.Out, want.Out); !(e > 1e-5 && e < 1.2) {
			t.Errorf("%s: relative L1 error %v", s.Name(), e)
		}
		// Small keys and values at the end change no scale, so causal rows before them keep
		// their bits in every system but those that subtract a mean over all tokens.
		if _, mean := s.(*sage); !mean {
			for i := 259 * 64; i < 260*64; i++ {
				h.K[i], h.V[i] = h.K[i]/2, h.V[i]/2
			}
			again := mustAttend(t, s, h)
			if _, group := s.(*kivi); !group && maxDiff(again.Out[:39*64], got.Out[:39*64]) != 0 {
				t.Errorf("%s: a row saw a later key", s.Name())
			}
		}
		short := randomHead(5, 3, 64, true)
		r := mustAttend(t, s, short)
		for i := range 2 {
			if !math.IsInf(r.LSE[i], -1) || r.Out[i*64] != 0 {
				t.Errorf("%s: row %d without keys is %v, LSE %v", s.Name(), i, r.Out[i*64], r.LSE[i])
			}
		}
	}
}

func TestShapesSystemsRefuse(t *testing.T) {
	h := randomHead(2, 64, 8, false)
	for _, s := range []System{GGML(Q80, false), GGML(Q40, true)} {
		if _, err := s.Attend(h); err == nil {
			t.Errorf("%s accepts head dimension 8", s.Name())
		}
	}
	if _, err := GGML(Q80, true).Attend(randomHead(2, 64, 96, false)); err == nil {
		t.Error("ggml rotates 96 channels")
	}
	if _, err := FlashAttention3(true).Attend(randomHead(2, 64, 96, false)); err == nil {
		t.Error("FlashAttention-3 rotates 96 channels")
	}
}

// twoKeys is a head of one query with logits 0 and −log(ratio) and one value channel.
func twoKeys(ratio float64, v0, v1 float32) *Head {
	return &Head{NQ: 1, NK: 2, DK: 1, DV: 1, Q: []float32{1}, K: []float32{1, 0}, V: []float32{v0, v1}, Scale: math.Log(ratio)}
}

// flatHead is a query that sees n equal keys with values v.
func flatHead(n int, v float32) *Head {
	h := &Head{NQ: 1, NK: n, DK: 32, DV: 32, Q: make([]float32, 32), K: make([]float32, 32*n), V: make([]float32, 32*n), Scale: 1}
	for i := range h.V {
		h.V[i] = v
	}
	return h
}
