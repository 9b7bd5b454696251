package emulate

import (
	"math"
	"testing"
)

// Codes 0..3 over [−1, 2] have step 1; ties go to even.
func TestKIVIGroup(t *testing.T) {
	x := []float32{-1, 9, 2, 9, 0.49, 9, -0.51, 9, 0.5, 9}
	KIVI(2).(*kivi).roundGroup(x, 2)
	for i, want := range []float32{-1, 9, 2, 9, 0, 9, -1, 9, 1, 9} { // 0.5 is code 1.5 → 2; the stride skips 9
		if i%2 == 0 && x[i] != want || i%2 == 1 && x[i] != 9 {
			t.Errorf("element %d is %v, want %v", i, x[i], want)
		}
	}
}

// Keys are quantized in whole residuals of 128 tokens, values up to the last 128; a
// head that fits the residual is binary16 throughout.
func TestKIVIResidual(t *testing.T) {
	s := KIVI(2)
	for _, c := range []struct {
		n             int
		keysQuantized bool
	}{{127, false}, {128, true}, {200, true}} {
		h := randomHead(4, c.n, 32, false)
		want := mustAttend(t, Exact(), h)
		e := relL1(mustAttend(t, s, h).Out, want.Out)
		if quantized := e > 0.01; quantized != c.keysQuantized {
			t.Errorf("%d tokens: relative L1 error %v", c.n, e)
		}
	}
	// with equal keys only values matter: 128 of them are kept
	for n, exact := range map[int]bool{128: true, 129: false} {
		h := flatHead(n, 0)
		h.V[0], h.V[1], h.V[2] = -1, 1, 0.3 // 2-bit codes of −1, 1: 0.3 becomes 1/3
		want := 0.3 / float64(n)
		got := mustAttend(t, s, h).Out[2]
		if (math.Abs(got-want) < 1e-3*want) != exact {
			t.Errorf("%d tokens: %v, unquantized %v", n, got, want)
		}
	}
}

// Scores pass through binary16: 2049 is not a binary16 number.
func TestKIVIScoresAreHalf(t *testing.T) {
	h := &Head{NQ: 1, NK: 2, DK: 2, DV: 1, Q: []float32{1, 1}, K: []float32{2048, 1, 2048, 0}, V: []float32{1, 0}, Scale: 1}
	near(t, "output", mustAttend(t, KIVI(4), h).Out[0], 0.5, 1e-6)
}
