package main

import (
	"math"
	"testing"
)

// The first draws for seed 1, computed with unlimited integers from the definition of
// xorshift64*: the upper 24 of 64 bits.
func TestUniform(t *testing.T) {
	s := sampler{state: 1}
	for i, want := range []float32{4711630, 11259814, 12177677, 5092376} {
		if got := s.uniform() * (1 << 24); got != want {
			t.Errorf("draw %d is %v, want %v", i, got, want)
		}
	}
}

func TestPick(t *testing.T) {
	p := []float32{0.1, 0.4, 0.05, 0.4, 0.05}
	for _, c := range []struct {
		topP float64
		coin float32
		want int32
	}{
		{1, 0, 0}, {1, 0.09, 0}, {1, 0.11, 1}, {1, 0.52, 2}, {1, 0.56, 3}, {1, 0.9999999, 4},
		{0, 0.9999999, 4},               // off
		{0.1, 0.999, 1}, {0.5, 0.49, 1}, // the nucleus holds token 1, then 3, then 0
		{0.5, 0.51, 3}, {0.85, 0.5, 3}, {0.85, 0.99, 0},
	} {
		s := sampler{topP: c.topP}
		if got := s.pick(p, c.coin); got != c.want {
			t.Errorf("top-p %v, coin %v: token %d, want %d", c.topP, c.coin, got, c.want)
		}
	}
}

func TestNextFrequencies(t *testing.T) {
	s := sampler{temperature: 0.5, topP: 1, state: 9}
	count := make([]float64, 3)
	const n = 20000
	for range n {
		count[s.next([]float32{0, 0.5, 1})]++
	}
	sum := 1 + math.E + math.E*math.E // logits / temperature are 0, 1, 2
	for i := range count {
		want := math.Exp(float64(i)) / sum
		if d := count[i]/n - want; math.Abs(d) > 0.015 {
			t.Errorf("token %d: frequency %.3f, want %.3f", i, count[i]/n, want)
		}
	}
	s.temperature = 0
	if got := s.next([]float32{3, 7, 7}); got != 1 {
		t.Errorf("greedy: token %d, want the first largest, 1", got)
	}
}

func TestDivergence(t *testing.T) {
	p := []float32{float32(math.Log(0.5)) + 3, float32(math.Log(0.5)) + 3} // a constant cancels
	q := []float32{float32(math.Log(0.25)) - 1, float32(math.Log(0.75)) - 1}
	want := 0.5*math.Log(0.5/0.25) + 0.5*math.Log(0.5/0.75)
	if got := divergence(p, q); math.Abs(got-want) > 1e-6 {
		t.Errorf("divergence %v, want %v", got, want)
	}
	if got := divergence(p, p); got != 0 {
		t.Errorf("divergence from itself %v", got)
	}
}
