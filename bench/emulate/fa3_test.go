package emulate

import (
	"math"
	"testing"
)

// Weights 1 and 1/4 become 256 and 64; the value 0.3 of a head with maximum 1 becomes
// 128/448.
func TestFA3TwoKeys(t *testing.T) {
	r := mustAttend(t, FlashAttention3(false), twoKeys(4, 1, 0.3))
	near(t, "output", r.Out[0], (256+64*128./448)/(256*1.25), 1e-6)
	near(t, "LSE", r.LSE[0], math.Log(1.25)+math.Log(4), 1e-6)
}

// The last tile comes first: its weights are rounded against its own maximum, not
// against that of a sink in the first tile, where they would vanish.
func TestFA3VisitsTheLastTileFirst(t *testing.T) {
	n := fa3Tile(1) + 1
	h := &Head{NQ: 1, NK: n, DK: 1, DV: 1, Q: []float32{1}, K: make([]float32, n), V: make([]float32, n), Scale: 14}
	for j := range h.K {
		h.K[j] = -1 // 28 nats below the sink
	}
	h.K[0], h.K[n-1] = 1, 0
	h.V[n-1] = 448
	r := mustAttend(t, FlashAttention3(false), h)
	near(t, "output", r.Out[0], 448*math.Exp(-14), 1e-6)

	forward := flash{tile: fa3Tile(1), round: func(p []float64) {
		for j, x := range p {
			p[j] = e4m3.round(x * fa3Offset)
		}
	}}
	if got := forward.attend(h, h.V, floatScores(h, h.Q, h.K, 14)); got.Out[0] != 0 {
		t.Errorf("in forward order the weight survives: %v", got.Out[0])
	}
}

// One scale for the whole tensor.
func TestFA3Encode(t *testing.T) {
	code, scale := (&fa3{e4m3, false}).encode([]float32{-7, 0.3, 0, 3.5})
	near(t, "scale", scale, 7./448, 0)
	for i, want := range []float32{-448, 20, 0, 224} { // 19.2 lies between 18 and 20
		if code[i] != want {
			t.Errorf("code %d is %v, want %v", i, code[i], want)
		}
	}
}

// The rotation keeps dot products and spreads a spike over all channels.
func TestFA3Incoherent(t *testing.T) {
	s := &fa3{e4m3, true}
	x := make([]float32, 128)
	x[5], x[64+9] = 8, 1
	y := s.incoherent(x, 64)
	for c, v := range y[:64] {
		if math.Abs(math.Abs(float64(v))-1) > 1e-6 {
			t.Errorf("channel %d of a spike of 8 is %v, want ±1", c, v)
		}
	}
	near(t, "dot product", dot(y[:64], y[64:]), 0, 1e-5)
}
