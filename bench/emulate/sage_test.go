package emulate

import (
	"math"
	"testing"
)

// Rows of one "thread" share a scale: an outlier coarsens exactly its own group.
func TestSageGroups(t *testing.T) {
	s := SageAttention2().(*sage)
	x := make([]float32, 128)
	for i := range x {
		x[i] = 1
	}
	x[3], x[70] = 127, 12.7
	q := s.encode(x, 1, func(i int) int { return i/32*8 + i%8 })
	k := s.encode(x, 1, func(j int) int { return j/64*4 + j%8/2 })
	for i := range x {
		wantQ, wantK := float32(127), float32(127)
		switch { // the outlier itself has code 127
		case i == 3, i == 70:
		default:
			if i < 32 && i%8 == 3 {
				wantQ = 1
			}
			if i >= 64 && i < 96 && i%8 == 6 {
				wantQ = 10
			}
			if i < 64 && i%8/2 == 1 {
				wantK = 1
			}
			if i >= 64 && i%8/2 == 3 {
				wantK = 10
			}
		}
		if q.code[i] != wantQ || k.code[i] != wantK {
			t.Errorf("row %d has codes %v and %v, want %v and %v", i, q.code[i], k.code[i], wantQ, wantK)
		}
	}
	near(t, "scale", q.scale[3], 1+1e-7, 1e-12)
}

// Weights 1 and 1/4 become 448 and 112; the value 0.3 of a channel with maximum 1
// becomes 128/448.
func TestSageTwoKeys(t *testing.T) {
	r := mustAttend(t, SageAttention2(), twoKeys(4, 1, 0.3))
	near(t, "output", r.Out[0], (448+112*128./448)/(math.Exp2(8.807)*1.25), 2e-5) // the 1e-7 in the scales moves p by 1e-5
	near(t, "LSE", r.LSE[0], math.Log(1.25)+math.Log(4), 2e-5)
}

// A mean shared by all keys leaves the codes and reaches the LSE again.
func TestSageSmoothsKeys(t *testing.T) {
	h := randomHead(2, 64, 32, false)
	plain := mustAttend(t, SageAttention2(), h)
	var shift float64
	for i := range h.K {
		h.K[i] += 64
	}
	for _, q := range h.Q[:32] {
		shift += 64 * h.Scale * float64(q)
	}
	moved := mustAttend(t, SageAttention2(), h)
	near(t, "LSE shift", moved.LSE[0]-plain.LSE[0], shift, 0.02)
	if e := relL1(moved.Out, plain.Out); e > 0.02 {
		t.Errorf("a common offset of the keys changed the output by %v", e)
	}
}

// Keys of weight 448 and value 2.25 (3 before scaling) add 1008 each: 32 are 32256, 64
// are 64512, both binary16 numbers; 33 are 33264, which becomes 33280.
func TestSagePPAccumulates(t *testing.T) {
	for n, sum := range map[int]float64{1: 1008, 32: 32256, 33: 33280, 64: 64512, 96: 96768} {
		r := mustAttend(t, SageAttention2PP(), flatHead(n, 3))
		near(t, "output", r.Out[5], 3/2.25*sum/(math.Exp2(8.807)*float64(n)), 1e-6)
	}
	acc := []float64{10}
	v, p := make([]float32, 33), make([]float64, 33)
	for j := range v {
		v[j], p[j] = 2, 448
	}
	v[32], p[32] = 2.25, 1 // 28672 + 2.25: binary16 has steps of 16 there
	accumulateHalf(acc, p, v)
	near(t, "accumulator", acc[0], 10+28672, 0)
}
