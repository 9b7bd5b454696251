package calib

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"
)

func readGolden(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestLogGolden(t *testing.T) {
	var golden struct {
		Rows []struct {
			P                    float64
			L4, L8, S4, S8, Lis4 int
			L4v, S4v, S8v        float64
		}
	}
	readGolden(t, "log2_softmax_golden.json", &golden)
	l4, l8, s4, s8 := Log2{4}, Log2{8}, LogSqrt2{4, 1}, LogSqrt2{8, 1}
	for _, r := range golden.Rows {
		reciprocal := uint64(0)
		if r.P > 1e-15 {
			reciprocal = uint64(math.RoundToEven(1 / r.P))
		}
		lis4 := LogInt{4, 1}.CodeReciprocal(reciprocal)
		if l4.Code(r.P) != r.L4 || l8.Code(r.P) != r.L8 || s4.Code(r.P) != r.S4 || s8.Code(r.P) != r.S8 || lis4 != r.Lis4 {
			t.Errorf("p = %v: codes %d %d %d %d %d, want %+v", r.P, l4.Code(r.P), l8.Code(r.P), s4.Code(r.P), s8.Code(r.P), lis4, r)
		}
		if l4.Value(r.L4) != r.L4v || s4.Value(r.S4) != r.S4v || s8.Value(r.S8) != r.S8v {
			t.Errorf("p = %v: values %v %v %v, want %+v", r.P, l4.Value(r.L4), s4.Value(r.S4), s8.Value(r.S8), r)
		}
	}
	for _, p := range []float64{math.NaN(), -1, 0, math.Inf(-1)} {
		if l4.Code(p) != Flush || s4.Code(p) != Flush {
			t.Errorf("%v is not flushed", p)
		}
	}
	if l4.Code(math.Inf(1)) != 0 || s4.Code(1e300) != 0 || (LogSqrt2{4, 1e300}).Code(1e-300) != Flush {
		t.Error("extremes")
	}
}

// TestLogRounding checks the decision points in exact arithmetic: on either side of
// 2^−(k+½), and of √2^−(k+½), by one ulp.
func TestLogRounding(t *testing.T) {
	half := big.NewFloat(0.5)
	for k := range 20 {
		for _, root := range []int{2, 4} { // p^root against 2^−(2k+1), or 2^−(k+½)·4 = 2^−(2k+1)
			power := float64(2*k+1) / float64(root)
			near := math.Exp2(-power)
			for _, p := range []float64{math.Nextafter(near, 0), near, math.Nextafter(near, 1)} {
				exact := new(big.Float).SetPrec(500).SetFloat64(p)
				for n := 1; n < root; n *= 2 {
					exact.Mul(exact, exact)
				}
				bound := new(big.Float).SetMantExp(half, -2*k)
				want := k
				if exact.Cmp(bound) < 0 {
					want++
				}
				got := Log2{8}.Code(p)
				if root == 4 {
					got = LogSqrt2{8, 1}.Code(p)
				}
				if got != want {
					t.Errorf("root %d, p = %v: code %d, want %d", root, p, got, want)
				}
			}
		}
	}
}

// TestLogMass checks the mean of p̂/p over log-uniform p against the closed forms.
func TestLogMass(t *testing.T) {
	var l2, ls, li float64
	const n = 1 << 16
	for i := range n {
		p := math.Exp2(-10 - (float64(i)+0.5)/n*4) // small: LogInt rounds 1/p to an integer
		l2 += Log2{5}.Value(Log2{5}.Code(p)) / p / n
		ls += LogSqrt2{6, 1}.Value(LogSqrt2{6, 1}.Code(p)) / p / n
		li += Log2{5}.Value(LogInt{5, 1}.CodeReciprocal(uint64(math.RoundToEven(1/p)))) / p / n
	}
	for _, c := range [][2]float64{{l2, math.Sqrt2 / 2 / math.Ln2}, {ls, (math.Pow(2, 0.25) - math.Pow(2, -0.25)) / (0.5 * math.Ln2)}, {li, 0.75 / math.Ln2}} {
		if math.Abs(c[0]-c[1]) > 5e-4 {
			t.Errorf("mean of p̂/p is %v, want %v", c[0], c[1])
		}
	}
}

// TestLogInt: the exponential is close to exp, and codes differ from those of exact
// softmax only beside the rounding threshold.
func TestLogInt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, scale := range []float64{0x1p-14, 0.001, 0x1p-9} {
		l := LogInt{4, scale}
		unit := 0.35815147 * scale * scale * 0x1p-30
		// The polynomial is off by 0.4 %; x₀ is off from ln 2 by up to a unit per halving.
		bound := func(x float64) float64 { return 0.004 + (4-x/math.Ln2)*scale }
		for i := range 2000 {
			x := -int64(float64(i) / 200 / scale)
			y := float64(x) * scale
			if got, want := float64(l.Exp(x))*unit, math.Exp(y); math.Abs(got-want) > bound(y)*want {
				t.Fatalf("scale %v: exp(%v) = %v, want %v", scale, y, got, want)
			}
		}
		row, dst := make([]int32, 300), make([]int16, 300)
		for j := range row {
			row[j] = int32(3 * r.NormFloat64() / scale)
		}
		l.Codes(dst, row)
		var sum float64
		top := slices.Max(row)
		for _, v := range row {
			sum += math.Exp(float64(v-top) * scale)
		}
		for j, v := range row {
			y := float64(v-top) * scale
			recip, rel := sum/math.Exp(y), bound(y)+bound(-6)
			lo, hi := l.CodeReciprocal(uint64(recip*(1-rel)-1)), l.CodeReciprocal(uint64(recip*(1+rel)+1))
			if q := int(dst[j]); q != lo && q != hi {
				t.Fatalf("scale %v: p = 1/%v has code %d, want %d or %d", scale, recip, q, lo, hi)
			}
		}
	}
	for _, c := range [][3]uint64{{5, 2, 1}, {11, 2, 3}, {3, 2, 1}, {1, 1, 0}} { // Σ, e, code: 2.5, 5.5 and 1.5 are ties
		if q := (LogInt{4, 1}).codeRatio(0, c[0], c[1]); q != int(c[2]) {
			t.Errorf("1/p = %d/%d has code %d, want %d", c[0], c[1], q, c[2])
		}
	}
	dst := make([]int16, 2)
	LogInt{4, 1}.Codes(dst, []int32{math.MaxInt32, math.MinInt32})
	if dst[0] != 0 || dst[1] != Flush {
		t.Errorf("extreme logits: %v", dst)
	}
	LogInt{4, 1}.Codes(nil, nil)
}

// TestShiftPV: sums by shifts equal sums of dequantized floats exactly.
func TestShiftPV(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 500 {
		bits, n, d := 2+r.IntN(4), 1+r.IntN(40), 1+r.IntN(9)
		l, s := Log2{bits}, LogSqrt2{bits, 1}
		q2, qs, v := make([]int16, n), make([]int16, n), make([]int8, n*d)
		want, even, odd := make([]float64, d), make([]float64, d), make([]float64, d)
		for j := range n {
			p := math.Exp2(-r.Float64() * 40)
			q2[j], qs[j] = int16(l.Code(p)), int16(s.Code(p))
			factor, shift := s.Parity(int(qs[j]))
			for c := range d {
				x := int8(r.IntN(256) - 128)
				v[j*d+c] = x
				want[c] += float64(x) * l.Value(int(q2[j]))
				switch {
				case qs[j] == Flush:
				case factor == 1:
					even[c] += math.Ldexp(float64(x), -shift)
				default:
					odd[c] += math.Ldexp(float64(x), -shift)
				}
			}
		}
		acc, accEven, accOdd := make([]int64, d), make([]int64, d), make([]int64, d)
		l.ShiftPV(acc, q2, v)
		s.ShiftPV(accEven, accOdd, qs, v)
		for c := range d {
			n2, ns := 1<<bits-1, 1<<(bits-1)
			if math.Ldexp(float64(acc[c]), -n2) != want[c] || math.Ldexp(float64(accEven[c]), -ns) != even[c] || math.Ldexp(float64(accOdd[c]), -ns) != odd[c] {
				t.Fatalf("%d bits: %v %v %v, want %v %v %v", bits, acc[c], accEven[c], accOdd[c], want[c], even[c], odd[c])
			}
		}
	}
}

func TestFitLogSqrt2(t *testing.T) {
	var h Histogram
	r := rand.New(rand.NewPCG(4, 4))
	x := make([]float32, 20000)
	for i := range x {
		x[i] = float32(math.Exp2(-3 - 6*r.Float64()))
	}
	x[0] = 1
	h.Observe(x)
	l, err := FitLogSqrt2(&h, 4, nil)
	if err != nil {
		t.Fatal(l, err)
	}
	mse := func(l LogSqrt2) (e float64) {
		for _, p := range x {
			d := float64(p) - l.Value(l.Code(float64(p)))
			e += d * d
		}
		return e
	}
	for _, p := range append(RepQPercentiles[:3:3], 1) {
		if c := (LogSqrt2{4, float64(h.Quantile(p))}); mse(c) < 0.995*mse(l) {
			t.Errorf("%+v beats %+v", c, l)
		}
	}
	var zeros Histogram
	zeros.Observe(make([]float32, 5))
	if _, err := FitLogSqrt2(&zeros, 4, nil); err != ErrEmpty {
		t.Error(err)
	}
	zeros.Observe([]float32{0.5, -1, -1, -1})
	if l, err := FitLogSqrt2(&zeros, 4, []float64{0.1}); err != nil || l.Scale != 0.5 {
		t.Error(l, err)
	}
}

func TestBiasGolden(t *testing.T) {
	var golden struct {
		Rows []struct {
			P     []float64
			Codes []int   `json:"codes_u8"`
			Sum   float64 `json:"sum_dequant"`
			Mass  float64 `json:"missing_mass"`
			Beta  float64 `json:"beta_per_element"`
			Zero  float64 `json:"zero_point_after_absorption"`
		}
	}
	readGolden(t, "softmax_bias_golden.json", &golden)
	for _, r := range golden.Rows {
		var sum int
		for j, p := range r.P {
			if q := Prob8.Code(p); q != r.Codes[j] {
				t.Errorf("p = %v: code %d, want %d", p, q, r.Codes[j])
			}
			sum += r.Codes[j]
		}
		b := NewBiasCalibrator(0, Prob8)
		n := len(r.P)
		b.Observe(Site{}, int64(sum), n)
		table := b.Table()
		beta := table.Beta(7, 3, 1, n)
		mass := table.Mass[Site{All, All, All, Probs}]
		if Prob8.Scale*float64(sum) != r.Sum || mass[len(mass)-1] != r.Mass || beta != r.Beta || table.ZeroPoint(beta) != r.Zero {
			t.Errorf("mass %v, beta %v, zero %v, want %+v", mass, beta, table.ZeroPoint(beta), r)
		}
		var corrected float64
		for _, q := range r.Codes {
			corrected += Prob8.Scale * (float64(q) - table.ZeroPoint(beta))
		}
		if math.Abs(corrected-1) > 1e-14 {
			t.Errorf("corrected sum %v", corrected)
		}
	}
}

// TestBiasUniformRows: every code of a flat row is RNE(255/n); from n = 510 on the whole
// mass is missing and the correction is exactly the mean of V.
func TestBiasUniformRows(t *testing.T) {
	for _, n := range []int{1, 2, 64, 255, 509, 510, 511, 1000} {
		q := Prob8.Code(1 / float64(n))
		if want := int(math.RoundToEven(255 / float64(n))); q != want {
			t.Errorf("n = %d: code %d, want %d", n, q, want)
		}
		b := NewBiasCalibrator(0, Prob8)
		b.Observe(Site{}, int64(q*n), n)
		if beta := b.Table().Beta(0, 0, 0, n); n >= 510 && beta != 1/float64(n) {
			t.Errorf("n = %d: beta %v", n, beta)
		}
	}
	a, b := NewBiasCalibrator(0, Prob8), NewBiasCalibrator(0, Prob8)
	a.ObserveRow(Site{Tensor: Keys}, []float32{3}) // not probabilities
	a.ObserveRow(Site{Tensor: Probs}, []float32{0.5, 0.2, 0.3, float32(math.NaN())})
	b.Observe(Site{}, 128+51+77, 4) // 127.5 is a tie; 0.3 as a float32 is above 76.5/255
	if !reflect.DeepEqual(a.Table(), b.Table()) {
		t.Errorf("row: %+v, want %+v", a.Table(), b.Table())
	}
	table := BiasTable{ProbGrid: Prob8}
	if z := table.IntZeroPoint(-2.5 * Prob8.Scale); z != 2 { // a tie
		t.Errorf("integer zero point %d", z)
	}
}

// TestBiasAxes: pooled axes broadcast, kept ones do not, empty buckets take the nearest,
// order and merges do not matter.
func TestBiasAxes(t *testing.T) {
	var parts [3]*BiasCalibrator
	for i := range parts {
		parts[i] = NewBiasCalibrator(ByHead, ProbGrid{8, 1.0 / 256, 3})
	}
	r := rand.New(rand.NewPCG(5, 5))
	for range 500 {
		head, n := r.IntN(2), 8+r.IntN(8)
		if r.IntN(2) == 0 {
			n *= 16
		}
		s := Site{r.IntN(4), head, r.IntN(4), Probs}
		codes := int64(3*n + 100 + 100*head)
		if n >= 128 {
			codes += 20
		}
		parts[0].Observe(s, codes, n)
		parts[1+r.IntN(2)].Observe(s, codes, n)
		parts[0].Observe(s, 99, 0)
		parts[0].Observe(s, 99, -1)
	}
	if err := parts[1].Merge(parts[2]); err != nil {
		t.Fatal(err)
	}
	if parts[1].Merge(parts[1]) == nil || parts[1].Merge(NewBiasCalibrator(0, Prob8)) == nil {
		t.Error("merged other parameters")
	}
	a, b := parts[0].Table(), parts[1].Table()
	for _, c := range []struct {
		layer, head, step, n int
		want                 float64
	}{{0, 0, 0, 8, (1 - 100.0/256) / 8}, {9, 1, 9, 200, (1 - 220.0/256) / 200}, {0, 0, 0, 63, (1 - 100.0/256) / 63}, {0, 0, 0, 64, (1 - 120.0/256) / 64}, {0, 1, 0, 1, 1 - 200.0/256},
		{0, 0, 0, 1 << 30, (1 - 120.0/256) / (1 << 30)}, {0, 2, 0, 8, 0}, {0, 0, 0, 0, 0}} {
		if x, y := a.Beta(c.layer, c.head, c.step, c.n), b.BetaFunc(c.layer, c.step)(c.head, c.n); x != c.want || y != c.want {
			t.Errorf("%+v: %v, merged %v", c, x, y)
		}
	}
	beta := a.BetaFunc(0, 0)
	if n := testing.AllocsPerRun(100, func() { beta(1, 200) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestBiasExperiment repeats a known experiment: iid logits N(0,σ²), V = 1 + N(0,1), the
// relative error of the output without and with a correction calibrated on other rows.
func TestBiasExperiment(t *testing.T) {
	for _, c := range []struct {
		n                         int
		sigma, mass, plain, fixed float64
	}{{256, 2, 0.0649, 0.0653, 0.0177}, {1024, 1, 0.4745, 0.4746, 0.0317}, {1024, 2, 0.2127, 0.2112, 0.0266}, {4096, 0.5, 0.9999, 0.9999, 0.0083}} {
		r := rand.New(rand.NewPCG(6, uint64(c.n)))
		row := func() []float32 {
			p, sum := make([]float64, c.n), 0.0
			for j := range p {
				p[j] = math.Exp(c.sigma * r.NormFloat64())
				sum += p[j]
			}
			out := make([]float32, c.n)
			for j := range p {
				out[j] = float32(p[j] / sum)
			}
			return out
		}
		cal := NewBiasCalibrator(ByLayer, Prob8)
		for range 200 {
			cal.ObserveRow(Site{Layer: 1, Tensor: Probs}, row())
		}
		table := cal.Table()
		beta := table.Beta(1, 0, 0, c.n)
		if mass := beta * float64(c.n); math.Abs(mass-c.mass) > 0.05*c.mass {
			t.Errorf("n=%d σ=%v: missing mass %v, want %v", c.n, c.sigma, mass, c.mass)
		}
		var norm, plain, fixed float64
		for range 40 {
			p := row()
			for range 16 {
				var want, got, sumV float64
				for _, w := range p {
					v := 1 + r.NormFloat64()
					want += float64(w) * v
					got += float64(Prob8.Code(float64(w))) * v
					sumV += v
				}
				norm += want * want
				plain += math.Pow(Prob8.Scale*got-want, 2)
				fixed += math.Pow(Prob8.Scale*(got-table.ZeroPoint(beta)*sumV)-want, 2)
			}
		}
		plain, fixed = math.Sqrt(plain/norm), math.Sqrt(fixed/norm)
		if math.Abs(plain-c.plain) > 0.1*c.plain || math.Abs(fixed-c.fixed) > 0.15*c.fixed {
			t.Errorf("n=%d σ=%v: errors %v and %v, want %v and %v", c.n, c.sigma, plain, fixed, c.plain, c.fixed)
		}
	}
}
