package calib

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// families are data sets that stress observers in different ways.
var families = map[string]func(r *rand.Rand) float64{
	"gauss":     func(r *rand.Rand) float64 { return r.NormFloat64() },
	"shifted":   func(r *rand.Rand) float64 { return 3 + r.NormFloat64() },
	"laplace":   func(r *rand.Rand) float64 { return r.ExpFloat64() * float64(2*r.IntN(2)-1) },
	"skewed":    func(r *rand.Rand) float64 { return math.Exp(r.NormFloat64()) - 0.5 },
	"one-sided": func(r *rand.Rand) float64 { return r.NormFloat64() + 20*r.Float64()*math.Floor(r.Float64()*1.0008) },
	"low-tails": func(r *rand.Rand) float64 { return r.NormFloat64() - 20*r.Float64()*math.Floor(r.Float64()*1.0008) },
	"outliers":  func(r *rand.Rand) float64 { return r.NormFloat64() * (1 + 1000*math.Floor(r.Float64()*1.002)) },
	"positive":  func(r *rand.Rand) float64 { return r.Float64() * r.Float64() },
	"tiny":      func(r *rand.Rand) float64 { return r.NormFloat64() * 1e-39 },
	"huge":      func(r *rand.Rand) float64 { return r.NormFloat64() * 1e37 },
	"zeros":     func(r *rand.Rand) float64 { return max(0, r.NormFloat64()-1) },
}

func sample(family string, n int) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(len(family))))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(families[family](r))
	}
	return x
}

var grids = []Grid{Symmetric(8), Symmetric(4), Symmetric(2), Unsigned(8), Unsigned(4), Signed(8), Signed(3)}

func observers(g Grid) []Observer {
	return []Observer{NewMinMax(g), NewPercentile(g, 0.99), NewPercentile(g, RepQPercentiles...), NewMSE(g), NewEntropy(g)}
}

// TestObserversOrder: any order, any chunks, any merge give the same state, bit for bit.
func TestObserversOrder(t *testing.T) {
	for family := range families {
		x := sample(family, 3000)
		x[5], x[6], x[7] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
		r := rand.New(rand.NewPCG(2, 0))
		for i, one := range observers(Symmetric(8)) {
			one.Observe(x)
			shuffled := slices.Clone(x)
			r.Shuffle(len(x), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			parts := make([]Observer, 3)
			for p := range parts {
				parts[p] = observers(Symmetric(8))[i]
			}
			for len(shuffled) > 0 {
				n := min(len(shuffled), 1+r.IntN(100))
				parts[r.IntN(3)].Observe(shuffled[:n])
				shuffled = shuffled[n:]
			}
			for _, p := range parts[1:] {
				if err := parts[0].Merge(p); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(one, parts[0]) {
				t.Errorf("%s: %T depends on the order", family, one)
			}
		}
	}
}

func TestObserverErrors(t *testing.T) {
	nan := float32(math.NaN())
	for i, o := range observers(Unsigned(8)) {
		o.Observe(nil)
		o.Observe([]float32{nan, float32(math.Inf(1))})
		if _, err := o.Quantizer(); !errors.Is(err, ErrEmpty) {
			t.Errorf("%T of nothing: %v", o, err)
		}
		if lo, hi := o.Range(); lo != 0 || hi != 0 {
			t.Errorf("%T of nothing has range %v, %v", o, lo, hi)
		}
		other := observers(Unsigned(7))
		if o.Merge(other[i]) == nil || o.Merge(other[(i+1)%len(other)]) == nil {
			t.Errorf("%T merges other parameters or types", o)
		}
	}
	for _, o := range []Observer{NewMinMax(Grid{Bits: 1}), NewMSE(Grid{Bits: 17}), NewMinMax(Grid{Bits: 8, Symmetric: true}),
		NewPercentile(Symmetric(8)), NewPercentile(Symmetric(8), 0), NewPercentile(Symmetric(8), math.NaN()),
		NewEntropy(Symmetric(11)), NewEntropy(Unsigned(8)), NewEntropy(Signed(8))} {
		o.Observe([]float32{-1, 1})
		var field *FieldError
		if _, err := o.Quantizer(); !errors.As(err, &field) {
			t.Errorf("%T: %v", o, err)
		}
	}
}

// TestUniform: codes are in range, monotone and nearest; zero is exact; a value in the
// range comes back within half a step, or a whole one where the zero point was rounded.
func TestUniform(t *testing.T) {
	for family := range families {
		x := sample(family, 2000)
		for _, g := range grids {
			o := NewMinMax(g)
			o.Observe(x)
			u, err := o.Quantizer()
			if err != nil {
				t.Fatal(err)
			}
			if err := u.check("u"); err != nil {
				t.Fatal(err)
			}
			lo, hi := u.Codes()
			if u.Value(u.Code(0)) != 0 {
				t.Errorf("%s %+v: zero reads back as %v", family, u, u.Value(u.Code(0)))
			}
			if u.Code(float32(math.Inf(1))) != hi || u.Code(float32(math.Inf(-1))) != lo || u.Code(float32(math.NaN())) != u.Zero {
				t.Errorf("%s %+v: specials", family, u)
			}
			sorted := slices.Sorted(slices.Values(x))
			codes, back := make([]int32, len(x)), make([]float32, len(x))
			u.Quantize(codes, sorted)
			u.Dequantize(back, codes)
			bound := 1 + 0x1p-10
			if g.Symmetric {
				bound /= 2
			}
			for i, v := range sorted {
				e := math.Abs(float64(v) - float64(back[i]))
				if codes[i] < lo || codes[i] > hi || i > 0 && codes[i] < codes[i-1] || e > bound*float64(u.Scale) && family != "tiny" {
					t.Fatalf("%s %+v: %v -> %d -> %v", family, u, v, codes[i], back[i])
				}
			}
		}
	}
	if u := Symmetric(8).Fit(0, 0); u.Scale != 1 || u.Code(3) != 3 {
		t.Errorf("empty range: %+v", u)
	}
	if u := Unsigned(2).Fit(-1.6, 1.4); u.Scale != 1 || u.Zero != 2 {
		t.Errorf("zero point is not the nearest: %+v", u)
	}
	if u := Unsigned(4).Fit(1e-45, 1e-45); u.Scale != 1e-45 {
		t.Errorf("smallest range: %+v", u)
	}
}

// TestQuantile compares with the sorted data.
func TestQuantile(t *testing.T) {
	for family := range families {
		x := sample(family, 1777)
		var h Histogram
		h.Observe(x)
		slices.Sort(x)
		for _, p := range []float64{1e-9, 0.01, 0.3, 0.5, 0.99, 0.999, 1} {
			k := max(1, int(math.Ceil(p*float64(len(x)))))
			for _, c := range [][2]float64{{float64(h.Quantile(p)), float64(x[k-1])}, {-float64(h.lowQuantile(p)), -float64(x[len(x)-k])}} {
				if got, want := c[0], c[1]; got < want || got > want+math.Abs(want)/128+0x1p-132 {
					t.Errorf("%s p=%v: %v, element is %v", family, p, got, want)
				}
			}
		}
	}
}

// TestPercentile: the range keeps the fraction p on each side it cuts and is at most a
// bin wider; of several p the best one is taken.
func TestPercentile(t *testing.T) {
	for family := range families {
		x := sample(family, 3000)
		for i := range x {
			x[i] = -x[i]
		}
		for _, g := range grids {
			var least float64
			for i, p := range []float64{0.9, 0.99, 1} {
				o := NewPercentile(g, p)
				o.Observe(x)
				u, err := o.Quantizer()
				if err != nil {
					t.Fatal(err)
				}
				rank := int(math.Ceil(p * 3000))
				want := g.Fit(float32(-order(x, -1, rank)), float32(order(x, 1, rank)))
				if g.Symmetric {
					want = g.Fit(0, float32(order(x, 0, rank)))
				}
				if u.Scale < want.Scale || float64(u.Scale) > float64(want.Scale)*(1+1.0/128)+0x1p-132 {
					t.Errorf("%s p=%v: %+v, want %+v or a bin more", family, p, u, want)
				}
				if e := o.MSE(u); i == 0 || e < least {
					least = e
				}
			}
			o := NewPercentile(g, 0.9, 0.99, 1)
			o.Observe(x)
			if u, err := o.Quantizer(); err != nil || o.MSE(u) != least {
				t.Errorf("%s: %+v has error %v, want %v, %v", family, u, o.MSE(u), least, err)
			}
		}
	}
}

// order returns the rank-th smallest of x, of −x (sign −1) or of |x| (sign 0).
func order(x []float32, sign, rank int) float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		if y[i] = float64(sign) * float64(v); sign == 0 {
			y[i] = math.Abs(float64(v))
		}
	}
	slices.Sort(y)
	return y[rank-1]
}

func trueError(u Uniform, x []float32) (sum float64) {
	for _, v := range x {
		d := float64(v) - float64(u.Value(u.Code(v)))
		sum += d * d
	}
	return sum / float64(len(x))
}

// TestMSE: the estimate is close to the error on the data itself, and the search comes
// within 1 % of brute force over both ends of the range.
func TestMSE(t *testing.T) {
	for family := range families {
		if family == "tiny" { // division by subnormal scales dominates
			continue
		}
		if testing.Short() && family != "skewed" && family != "outliers" {
			continue
		}
		x := sample(family, 4000)
		for _, g := range grids {
			o := NewMSE(g)
			o.Observe(x)
			u, err := o.Quantizer()
			if err != nil {
				t.Fatal(err)
			}
			got := trueError(u, x)
			if est := o.MSE(u); math.Abs(est-got) > 0.03*got {
				t.Errorf("%s %+v: estimate %v, error %v", family, u, est, got)
			}
			lo, hi := o.Range()
			bins := o.bins()
			best, bestU := math.Inf(1), Uniform{}
			for i := range 32 {
				for j := range 32 {
					if g.Symmetric && i != j || !g.Symmetric && lo >= 0 && i > 0 {
						continue
					}
					at := func(k int) float32 { return float32(math.Exp2(-float64(k) / 3)) }
					b := g.Fit(lo*at(i), hi*at(j))
					if e := b.squaredError(bins, best); e < best {
						best, bestU = e, b
					}
				}
			}
			if found := u.squaredError(bins, math.Inf(1)); found > best*1.002 {
				t.Errorf("%s: %+v has error %v, %+v has %v", family, u, found, bestU, best)
			}
		}
	}
}

// TestMSEGauss compares with the optimal scalar quantizers of N(0,1): known clip
// thresholds and errors.
func TestMSEGauss(t *testing.T) {
	x := make([]float32, 1<<19)
	for i := range x {
		x[i] = float32(math.Sqrt2 * math.Erfinv((2*float64(i)+1)/float64(len(x))-1))
	}
	for _, c := range []struct {
		g         Grid
		clip, mse float64
	}{{Symmetric(8), 3.92, 8.831e-5}, {Symmetric(4), 2.47, 1.289e-2}, {Signed(4), 0, 1.186e-2}} {
		o := NewMSE(c.g)
		o.Observe(x)
		u, _ := o.Quantizer()
		_, top := u.Codes()
		if clip := float64(u.Scale) * float64(top); c.clip > 0 && math.Abs(clip-c.clip) > 0.02*c.clip {
			t.Errorf("%+v: clip %v, want %v", c.g, clip, c.clip)
		}
		var e float64 // integral over the density
		for i := -1e5; i <= 1e5; i++ {
			v := i / 1e4
			d := v - float64(u.Value(u.Code(float32(v))))
			e += d * d * math.Exp(-v*v/2) / math.Sqrt(2*math.Pi) / 1e4
		}
		if math.Abs(e-c.mse) > 0.002*c.mse {
			t.Errorf("%+v: error %v, want %v", c.g, e, c.mse)
		}
	}
}

// divergence is the definition, with the distributions written out.
func divergence(c []float64, i, levels int) float64 {
	p, q := slices.Clone(c[:i]), make([]float64, i)
	for _, n := range c[i:] {
		p[i-1] += n
	}
	sum, live := make([]float64, levels), make([]float64, levels)
	for j, n := range c[:i] {
		if n > 0 {
			sum[j*levels/i] += n
			live[j*levels/i]++
		}
	}
	for j, n := range c[:i] {
		if n > 0 {
			q[j] = sum[j*levels/i] / live[j*levels/i]
		}
	}
	var sp, sq, kl float64
	for j := range i {
		sp, sq = sp+p[j], sq+q[j]
	}
	for j := range i {
		if p[j] > 0 {
			kl += p[j] / sp * math.Log(p[j]/sp/(q[j]/sq))
		}
	}
	return kl
}

func TestEntropy(t *testing.T) {
	for _, family := range []string{"gauss", "laplace", "outliers", "zeros"} {
		x := sample(family, 20000)
		for _, levels := range []int{8, 128, 256} {
			var amax float64
			for _, v := range x {
				amax = max(amax, math.Abs(float64(v)))
			}
			_, exp := math.Frexp(amax)
			var c [entropyBins]float64
			for _, v := range x {
				c[int(math.Abs(float64(v))/math.Ldexp(1, exp)*entropyBins)]++
			}
			c[0] = c[1]
			bins, got := leastDivergence(&c, levels)
			if again := divergence(c[:], bins, levels); math.Abs(got-again) > 1e-9 {
				t.Errorf("%s, %d levels: divergence %v, by definition %v", family, levels, got, again)
			}
			least := math.Inf(1)
			for i := levels; i <= entropyBins; i += 1 + i/64 {
				least = min(least, divergence(c[:], i, levels))
			}
			if !(got <= least+1e-9) {
				t.Errorf("%s, %d levels: divergence %v, least is %v", family, levels, got, least)
			}
			if levels == 128 {
				e := NewEntropy(Symmetric(8))
				e.Observe(x)
				u, err := e.Quantizer()
				want := Symmetric(8).Fit(0, float32(min(amax, math.Ldexp(float64(bins), exp)/entropyBins)))
				if err != nil || u != want {
					t.Errorf("%s: %+v, want %+v, %v", family, u, want, err)
				}
			}
		}
	}
	// All mass within the first bin: nothing to clip.
	e := NewEntropy(Unsigned(8))
	e.Observe(make([]float32, 10))
	if u, err := e.Quantizer(); err != nil || u.Scale != 1 {
		t.Errorf("zeros: %+v, %v", u, err)
	}
}
