package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

// layer is LayerNorm's affine part, the quantized activation and the next linear layer,
// in float64.
type layer struct{ gamma, beta, w, b []float64 }

func (l layer) clone() layer {
	c := func(x []float64) []float64 { return append([]float64(nil), x...) }
	return layer{c(l.gamma), c(l.beta), c(l.w), c(l.b)}
}

// run returns the activations, their codes under one quantizer per channel, and the
// output of the linear layer on unquantized and on dequantized activations.
func (l layer) run(norm []float64, at func(c int) Uniform) (codes []int, y, yq []float64) {
	d := len(norm)
	codes, y, yq = make([]int, d), append([]float64(nil), l.b...), append([]float64(nil), l.b...)
	for c, n := range norm {
		x, u := l.gamma[c]*n+l.beta[c], at(c)
		lo, hi := u.Codes()
		codes[c] = int(min(max(math.RoundToEven(x/float64(u.Scale))+float64(u.Zero), float64(lo)), float64(hi)))
		for o := range y {
			y[o] += l.w[o*d+c] * x
			yq[o] += l.w[o*d+c] * float64(codes[c]-int(u.Zero)) * float64(u.Scale)
		}
	}
	return codes, y, yq
}

// TestRepQExact: over random layers, layer-wise codes equal channel-wise codes exactly;
// outputs, quantized or not, agree to float64 rounding.
func TestRepQExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 5000 {
		d, outs, grid := 1+r.IntN(24), 1+r.IntN(4), grids[i%len(grids)]
		random := func(n int, spread float64) []float64 {
			x := make([]float64, n)
			for i := range x {
				x[i] = r.NormFloat64() * math.Exp(spread*r.NormFloat64())
			}
			return x
		}
		old := layer{random(d, 1), random(d, 1), random(d*outs, 0), random(outs, 0)}
		channels := make([]Uniform, d)
		for c := range channels {
			a, s := math.Abs(old.gamma[c]), old.beta[c]
			channels[c] = grid.Fit(float32(s-2*a), float32(s+2*a))
		}
		q, err := NewRepQ(channels)
		if err != nil || q.check("q") != nil {
			t.Fatal(err, q.check("q"))
		}
		neu := old.clone()
		if err := AdjustNorm(q, neu.gamma, neu.beta); err != nil {
			t.Fatal(err)
		}
		if err := AdjustLinear(q, neu.w, neu.b); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			norm := random(d, 0)
			want, y, yq := old.run(norm, func(c int) Uniform { return channels[c] })
			got, z, zq := neu.run(norm, func(int) Uniform { return q.Layer })
			for c := range d {
				if got[c] != want[c] {
					t.Fatalf("case %d channel %d: code %d, channel-wise %d", i, c, got[c], want[c])
				}
			}
			for o := range outs {
				var scale float64 // of the products that were moved
				for c := range d {
					scale += math.Abs(old.w[o*d+c]) * (math.Abs(old.gamma[c]*norm[c]) + math.Abs(old.beta[c]) + 300*float64(channels[c].Scale))
				}
				if e := max(math.Abs(y[o]-z[o]), math.Abs(yq[o]-zq[o])); e > 64*0x1p-52*(scale+math.Abs(y[o])) {
					t.Fatalf("case %d output %d: off by %v of %v", i, o, e, scale)
				}
			}
		}
	}
}

// TestRepQDyadic: where float32 holds every value exactly, Uniform.Code itself gives
// equal codes, ties included when r2 is even.
func TestRepQDyadic(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		a := float32(math.Exp2(float64(r.IntN(9) - 4)))
		scales := []float32{a, 2 * a, a / 2, a / 2} // mean a
		zero := int32(2 * r.IntN(4))
		channels := make([]Uniform, 4)
		for c, s := range scales {
			channels[c] = Uniform{Unsigned(4), s, zero + 2 + 2*[]int32{-1, 0, 2, -1}[c]}
		}
		q, err := NewRepQ(channels)
		if err != nil || q.Layer.Scale != a || q.Layer.Zero != zero+2 {
			t.Fatal(q, err)
		}
		gamma, beta, norm := make([]float32, 4), make([]float32, 4), make([]float32, 4)
		for c := range gamma {
			gamma[c], beta[c], norm[c] = float32(r.IntN(9)-4)/2*a, float32(r.IntN(65)-32)/4*a, float32(r.IntN(33)-16)/4
		}
		var want [4]int32
		for c := range want {
			want[c] = channels[c].Code(gamma[c]*norm[c] + beta[c])
		}
		if err := AdjustNorm(q, gamma, beta); err != nil {
			t.Fatal(err)
		}
		for c := range want {
			if got := q.Layer.Code(gamma[c]*norm[c] + beta[c]); got != want[c] {
				t.Fatalf("channel %d: code %d, channel-wise %d", c, got, want[c])
			}
		}
	}
}

// TestRepQKnown is a case worked out by hand.
func TestRepQKnown(t *testing.T) {
	var channels []Uniform
	for c, s := range []float32{0.1, 0.2, 0.05, 0.4} {
		channels = append(channels, Uniform{Unsigned(4), s, []int32{3, 7, 8, 10}[c]})
	}
	q, err := NewRepQ(channels)
	if err != nil || q.Layer.Scale != 0.1875 || q.Layer.Zero != 7 {
		t.Fatal(q, err)
	}
	l := layer{[]float64{1, 1.5, 0.5, 2}, []float64{0.1, -0.2, 0, 0.3}, []float64{1, 2, 3, 4, -1, 0.5, 0.25, -2}, []float64{0.5, -0.5}}
	if AdjustNorm(q, l.gamma, l.beta) != nil || AdjustLinear(q, l.w, l.b) != nil {
		t.Fatal("adjust")
	}
	codes, y, _ := l.run([]float64{0.3, -1.2, 0.7, 0.2}, func(int) Uniform { return q.Layer })
	got := append(append(append(append([]float64{}, q.R1...), l.gamma...), l.beta...), append(l.b, y...)...)
	want := []float64{8. / 15, 16. / 15, 4. / 15, 32. / 15, 1.875, 1.40625, 1.875, 0.9375, -0.5625, -0.1875, 0.1875, 0.703125, -4.05, 1.4875, 0.75, -3.2125}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-6 { // scales are float32
			t.Errorf("value %d: %v, want %v", i, got[i], want[i])
		}
	}
	for c, want := range []int{7, 0, 15, 12} {
		if codes[c] != want {
			t.Errorf("codes %v", codes)
		}
	}
}

func TestRepQErrors(t *testing.T) {
	ok := Unsigned(4).Fit(-1, 1)
	for _, bad := range [][]Uniform{nil, {{}}, {ok, Unsigned(5).Fit(-1, 1)}} {
		if _, err := NewRepQ(bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	q, _ := NewRepQ([]Uniform{{Unsigned(4), 1, 3}, {Unsigned(4), 1, 4}}) // the mean is a tie
	if q.Layer.Zero != 4 {
		t.Errorf("zero point %d", q.Layer.Zero)
	}
	if AdjustNorm(q, make([]float32, 2), make([]float32, 1)) == nil || AdjustLinear(q, make([]float32, 3), make([]float32, 2)) == nil {
		t.Error("wrong lengths are accepted")
	}
}
