package emulate

import (
	"math"
	"testing"
)

// Weights 1 and 1/4 become 127 and 32, values 1 and −1 codes ±127.
func TestINTFlashTwoKeys(t *testing.T) {
	r := mustAttend(t, INTFlashAttention(), twoKeys(4, 1, -1))
	near(t, "output", r.Out[0], (127-32)/(127*1.25), 1e-3) // the binary16 scale moves p by 1e-4
	near(t, "LSE", r.LSE[0], math.Log(1.25)+math.Log(4), 2e-3)
}

// The scale of a token is its own, in binary16, and codes are clipped to ±127.
func TestINTFlashScales(t *testing.T) {
	e := INTFlashAttention().(*intFlash).perToken([]float32{1, 0.5, 0, 0, -10, 7}, 2)
	near(t, "scale", e.scale[0], half.round(1./127), 0)
	for i, want := range []float32{127, 64, 0, 0, -127, 89} { // half(1/127) is small: 0.5 is 63.504 of it
		if e.code[i] != want {
			t.Errorf("code %d is %v, want %v", i, e.code[i], want)
		}
	}
}

// The table is the published one.
func TestIndexSoftmaxTable(t *testing.T) {
	want := []float64{255, 206, 167, 135, 109, 88, 71, 57, 46, 38, 30, 25, 20, 16, 13, 10, 8, 7, 6, 4, 4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0}
	for i, got := range IntAttention().(*intAttention).table() {
		if got != want[i] {
			t.Errorf("entry %d is %v, want %v", i, got, want[i])
		}
	}
}

// Integer logits 660, 330 and 0 at 0.01 nats a unit: indices 0, 15 and 31, entries 255,
// 10 and 0, weights round(255·255/265) = 245 and round(255·10/265) = 10.
func TestIndexSoftmax(t *testing.T) {
	s := IntAttention().(*intAttention)
	x := []float64{660, 330, 0}
	lse := s.indexSoftmax(x, s.table(), 0.01)
	for j, want := range []float64{245, 10, 0} {
		if x[j] != want {
			t.Errorf("weight %d is %v, want %v", j, x[j], want)
		}
	}
	near(t, "LSE", lse, 6.6+math.Log(265./255), 1e-12)
}

// Probabilities 0.8 and 0.2 are 204 and 51 of 255; values 0 … 255 have step 1.
func TestTorchAOTwoKeys(t *testing.T) {
	r := mustAttend(t, TorchAO(), twoKeys(4, 255, 0.4))
	near(t, "output", r.Out[0], 204, 1e-9)
	r = mustAttend(t, TorchAO(), twoKeys(4, 255, 0.6))
	near(t, "output", r.Out[0], 204+0.2, 1e-9)
}

// A range of −1 … 3 has step 4/255 and zero point 64.
func TestTorchAOZeroPoint(t *testing.T) {
	code, scale := TorchAO().(*torchAO).affine([]float32{-1, 3, 0, 1})
	near(t, "scale", scale, 4./255, 0)
	for i, want := range []float32{-64, 191, 0, 64} {
		if code[i] != want {
			t.Errorf("code %d is %v, want %v", i, code[i], want)
		}
	}
}

// Normalised 8-bit weights: at 509 equal keys every weight is one code, at 510 none is.
func TestNormalisedWeightsVanish(t *testing.T) {
	for _, s := range []System{TorchAO(), IntAttention()} {
		near(t, s.Name()+" at 509 keys", mustAttend(t, s, flatHead(509, 3)).Out[0], 3*509./255, 0.01)
		near(t, s.Name()+" at 512 keys", mustAttend(t, s, flatHead(512, 3)).Out[0], 0, 0)
	}
}

func TestONNXRuntimeScales(t *testing.T) {
	x := []float32{127, 1, -12.7, 0.3, -254, 0.504}
	tensor := (&ort{127, false}).roundTrip(x, 2)
	channel := (&ort{127, true}).roundTrip(x, 2)
	for i, want := range []float32{128, 0, -12, 0, -254, 0} { // step 2
		if tensor[i] != want {
			t.Errorf("per tensor, element %d is %v, want %v", i, tensor[i], want)
		}
	}
	for i, want := range []float64{128, 1, -12, 38. / 127, -254, 64. / 127} { // steps 2 and 1/127
		near(t, "per channel", float64(channel[i]), want, 1e-6)
	}
}

// 1.99 is cut to 1.875, not rounded to 2, and a flat row shrinks with it.
func TestVLLMTruncates(t *testing.T) {
	near(t, "output", mustAttend(t, VLLMCPU(), flatHead(10, 1.99)).Out[3], 1.875, 1e-12)
	near(t, "output", mustAttend(t, VLLMCPU(), flatHead(10, -1.99)).Out[3], -1.875, 1e-12)
}
