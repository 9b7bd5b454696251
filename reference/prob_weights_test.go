package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

// tilesOf calls f for every tile of a row with the indices of its visible keys.
func tilesOf(r *ProbRow, f func(tile int, keys []int)) {
	for t := range r.tileCount() {
		var keys []int
		for j := t * Tokens; j < min((t+1)*Tokens, len(r.Y)); j++ {
			if !r.hidden(j) {
				keys = append(keys, j)
			}
		}
		if len(keys) > 0 {
			f(t, keys)
		}
	}
}

// Integer weights without a running state: integer sums per tile over the stored codes, all relative to one maximum, divided once.
func TestProbUintWithoutState(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for range 60 {
		r := randomRow(rng, 1+rng.IntN(200), 3)
		for bits, levels := range map[int]float64{4: 15, 8: 255, 16: 65535} {
			res := ProbUint(bits, MassExact).Attend(r)
			top := r.top()
			l := math.Exp2(r.Sink - top)
			out := make([]float64, 3)
			tilesOf(r, func(tile int, keys []int) {
				u := 0.0
				for _, j := range keys {
					u = math.Max(u, math.Exp2(r.Y[j]-top)*r.VScale[j])
				}
				for c := range out {
					sum, planes := 0, [2]int{}
					mass := 0.0
					for _, j := range keys {
						code := int(math.Round(r.V[3*j+c] / r.VScale[j]))
						sum += res.Codes[j] * code
						hi, lo := Planes(res.Codes[j])
						planes[0] += int(hi) * code
						planes[1] += int(lo) * code
						mass += math.Exp2(r.Y[j] - top)
						if x := math.Exp2(r.Y[j]-top) * r.VScale[j] * levels / u; math.Abs(float64(res.Codes[j])-x) > 0.5+1e-9 {
							t.Fatalf("u%d: code %d for %v", bits, res.Codes[j], x)
						}
					}
					if 256*planes[0]+planes[1] != sum {
						t.Fatalf("planes %v, sum %d", planes, sum)
					}
					out[c] += u/levels*float64(sum) + mass*r.Centre[3*tile+c]
				}
				for _, j := range keys {
					l += math.Exp2(r.Y[j] - top)
				}
			})
			if l == 0 || math.IsInf(top, -1) {
				continue
			}
			for c := range out {
				out[c] /= l
			}
			roughly(t, "out", res.Out, out)
			if res.LSE != math.Inf(-1) {
				roughly(t, "lse", []float64{res.LSE}, []float64{math.Ln2 * (top + math.Log2(l))})
			}
		}
	}
}

func TestProbUintCodes(t *testing.T) {
	y := func(p ...float64) []float64 {
		for j := range p {
			p[j] = math.Log2(p[j])
		}
		return p
	}
	for _, v := range []struct {
		name         string
		y, scale     []float64
		u4, u8, u16  []int
		wantCodesU8C []int // MassCodes: scales are not folded
	}{
		{"powers of two", y(1, .5, .25, 1./512), nil, []int{15, 8, 4, 0}, []int{255, 128, 64, 0}, []int{65535, 32768, 16384, 128}, []int{255, 128, 64, 0}},
		{"half a step rounds up", []float64{0, 0, 0}, []float64{510, 1, 17}, []int{15, 0, 1}, []int{255, 1, 9}, []int{65535, 129, 2185}, []int{255, 255, 255}},
		{"scales are folded", y(1, .5), []float64{1, 4}, []int{8, 15}, []int{128, 255}, []int{32768, 65535}, []int{255, 128}},
		{"zero scales", y(1, .5), []float64{0, 0}, []int{0, 0}, []int{0, 0}, []int{0, 0}, []int{255, 128}},
	} {
		r := NewProbRow(v.y, make([]float64, len(v.y)), 1)
		r.VScale = v.scale
		check := func(m ProbMode, want []int) {
			t.Helper()
			res := m.Attend(r)
			for j := range want {
				if res.Codes[j] != want[j] {
					t.Errorf("%s: %s codes %v, want %v", v.name, m.Name, res.Codes, want)
					return
				}
			}
		}
		check(ProbUint(4, MassExact), v.u4)
		check(ProbUint(8, MassExact), v.u8)
		check(ProbUint(16, MassExact), v.u16)
		check(ProbUint(8, MassCodes), v.wantCodesU8C)
	}
}

// The search in the sorted values finds what the search of all codes finds, at values, at midpoints and next to them.
func TestNearestIsNearestCode(t *testing.T) {
	for n, decode := range map[int]func(byte) float64{0x7f: E4M3, 0x7c: E5M2} {
		var values []float64
		for c := range n {
			values = append(values, decode(byte(c)))
		}
		for c := range n - 1 {
			mid := (values[c] + values[c+1]) / 2
			for _, x := range []float64{values[c], mid, math.Nextafter(mid, 0), math.Nextafter(mid, inf), 2 * values[n-1]} {
				if got, want := nearest(values, x), int(NearestCode(x, n, decode)); got != want {
					t.Fatalf("%v has code %d, want %d", x, got, want)
				}
			}
		}
	}
}

// Short floats by another formula: multiples of half the quantum that [StepFloat] gives.
func TestProbFloatCodes(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	for range 30 {
		r := randomRow(rng, 1+rng.IntN(200), 1)
		for _, v := range []struct {
			m         ProbMode
			gain      float64
			man, minE int
			decode    func(int) float64
			tile      bool // against the maximum of the tile
		}{
			{ProbE4M3(256, MassExact), 256, 3, -6, func(c int) float64 { return E4M3(byte(c)) }, false},
			{ProbE4M3(448, MassCodes), 448, 3, -6, func(c int) float64 { return E4M3(byte(c)) }, false},
			{ProbE5M2(256, MassExact), 256, 2, -14, func(c int) float64 { return E5M2(byte(c)) }, false},
			{ProbBF16(MassExact), 1, 7, -126, func(c int) float64 { return BF16(uint16(c)) }, true},
			{ProbBF16(MassCodes), 1, 7, -126, func(c int) float64 { return BF16(uint16(c)) }, true},
		} {
			res := v.m.Attend(r)
			running, l := -inf, 0.0
			type key struct {
				j       int
				w, mass float64
			}
			var all []key
			tilesOf(r, func(tile int, keys []int) {
				if v.tile {
					running = -inf
				}
				for _, j := range keys {
					running = math.Max(running, r.Y[j])
				}
				if res.Tiles[tile].Ref != running {
					t.Fatalf("%s: reference %v, want %v", v.m.Name, res.Tiles[tile].Ref, running)
				}
				for _, j := range keys {
					x := v.gain * math.Exp2(r.Y[j]-running)
					quantum := 2 * StepFloat(x, 1, v.man, v.minE)
					want := math.RoundToEven(x/quantum) * quantum
					if got := v.decode(res.Codes[j]); got != want {
						t.Fatalf("%s: %v becomes %v, want %v", v.m.Name, x, got, want)
					}
					k := key{j, want / v.gain * math.Exp2(running), math.Exp2(r.Y[j])}
					if v.m.Mass == MassCodes {
						k.mass = k.w
					}
					all = append(all, k)
					l += k.mass
				}
			})
			l += math.Exp2(r.Sink)
			for _, k := range all {
				roughly(t, "weight", []float64{res.Weights[k.j]}, []float64{k.w / l})
			}
		}
	}
}

// Logarithmic weights by another formula: with integer references the weight of a key is a power of two of its logit alone, unless it is zero.
func TestProbLogWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 36))
	for range 40 {
		r := randomRow(rng, 1+rng.IntN(200), 1)
		for bits := 2; bits <= 5; bits++ {
			for _, half := range []float64{1, 2} {
				m := ProbLog2(bits)
				if half == 2 {
					m = ProbLogSqrt2(bits)
				}
				res := m.Attend(r)
				running, l := -inf, math.Exp2(r.Sink)
				w := make([]float64, len(r.Y))
				tilesOf(r, func(_ int, keys []int) {
					for _, j := range keys {
						running = math.Max(running, math.Ceil(r.Y[j]))
					}
					for _, j := range keys {
						// Logits on a boundary do not occur in random rows, so that ties are of no account.
						w[j] = math.Exp2(math.Round(half*r.Y[j]) / half)
						if math.Round(half*running)-math.Round(half*r.Y[j]) >= math.Exp2(float64(bits))-1 {
							w[j] = 0
						}
						l += w[j]
					}
				})
				for j := range w {
					if w[j] == 0 != (res.Codes[j] == 1<<bits-1) {
						t.Fatalf("%s: weight %v, code %d", m.Name, w[j], res.Codes[j])
					}
					roughly(t, m.Name, []float64{res.Weights[j]}, []float64{w[j] / l})
				}
			}
		}
	}
}

func TestLogCodes(t *testing.T) {
	below := func(a float64) float64 { return math.Nextafter(a, -inf) }
	above := func(a float64) float64 { return math.Nextafter(a, inf) }
	for _, v := range []struct {
		a           float64
		log2, sqrt2 int // of four bits, flush 16
		packed      int // log2 with zero in the last code
	}{
		{-3, 0, 0, 0}, {0, 0, 0, 0}, {0.25, 0, 0, 0}, {above(0.25), 0, 1, 0}, {0.5, 0, 1, 0}, {above(0.5), 1, 1, 1}, {0.75, 1, 2, 1},
		{1, 1, 2, 1}, {1.5, 2, 3, 2}, {2.5, 2, 5, 2}, {7, 7, 14, 7}, {below(7.75), 8, 15, 8}, {7.75, 8, 16, 8}, {14, 14, 16, 14},
		{14.5, 14, 16, 14}, {above(14.5), 15, 16, 15}, {15, 15, 16, 15}, {below(15.5), 15, 16, 15}, {15.5, 16, 16, 15}, {inf, 16, 16, 15},
	} {
		if a, b, c := Log2Code(v.a, 16), LogSqrt2Code(v.a, 16), Log2Code(v.a, 15); a != v.log2 || b != v.sqrt2 || c != v.packed {
			t.Errorf("2^-%v has codes %d %d %d, want %d %d %d", v.a, a, b, c, v.log2, v.sqrt2, v.packed)
		}
	}
	for k := range 16 {
		if v := Log2Value(k, 16); v != math.Exp2(-float64(k)) || Log2Code(-math.Log2(v), 16) != k {
			t.Errorf("power of two %d: %v", k, v)
		}
		v := LogSqrt2Value(k, 16)
		closeTo(t, "half octave", v, math.Exp2(-float64(k)/2))
		if LogSqrt2Code(-math.Log2(v), 16) != k {
			t.Errorf("half octave %d becomes %d", k, LogSqrt2Code(-math.Log2(v), 16))
		}
	}
	for a, want := range map[float64]int{0: 0, 5.5: 6, 6.5: 6, above(6.5): 6, 7: 6, below(7.5): 6, 7.5: 7, inf: 7} {
		if c := Log2CodeWide(a, 7); c != want {
			t.Errorf("2^-%v has wide code %d, want %d", a, c, want)
		}
	}
	if Log2Value(16, 16) != 0 || LogSqrt2Value(15, 15) != 0 {
		t.Error("flush is not zero")
	}
}

// The share by which logarithmic codes overstate weights that are spread evenly over an octave, and the most they can overstate a row.
func TestLogMassBias(t *testing.T) {
	const n = 1 << 16
	var log2, sqrt2, logInt float64
	for i := range n {
		a := 8 + (float64(i)+0.5)/n
		log2 += Log2Value(Log2Code(a, 32), 32) * math.Exp2(a) / n
		sqrt2 += LogSqrt2Value(LogSqrt2Code(a, 32), 32) * math.Exp2(a) / n
		a += 20 // where 1/p being rounded to an integer is of no account
		logInt += Log2Value(LogIntCode(math.Exp2(a), 64), 64) * math.Exp2(a) / n
	}
	for _, v := range []struct {
		what      string
		got, want float64
	}{
		{"log2", log2, (math.Sqrt2 - 1/math.Sqrt2) / math.Ln2},
		{"log-sqrt2", sqrt2, (math.Exp2(0.25) - math.Exp2(-0.25)) / (0.5 * math.Ln2)},
		{"log-int", logInt, 0.75 / math.Ln2},
	} {
		if math.Abs(v.got-v.want) > 1e-4 {
			t.Errorf("%s: %v, want %v", v.what, v.got, v.want)
		}
	}
	rng := rand.New(rand.NewPCG(37, 38))
	most := map[string]float64{}
	for range 300 {
		r := randomRow(rng, 1+rng.IntN(40), 1)
		r.Sink = -inf
		for _, m := range []StaticMode{StaticLog2(4), StaticLogSqrt2(4, 1), StaticLogInt(4, 1./64)} {
			sum := 0.0
			for _, w := range m.Attend(r, Correction{}).Weights {
				sum += w
			}
			most[m.Name] = math.Max(most[m.Name], sum)
		}
	}
	t.Logf("largest sums %v", most)
	for name, limit := range map[string]float64{"static-log2-4": math.Sqrt2, "static-logsqrt2-4": math.Exp2(0.25), "static-logint-4": 1.5} {
		if most[name] > limit*(1+1e-12) || most[name] < 1.05 {
			t.Errorf("%s: largest sum %v, limit %v", name, most[name], limit)
		}
	}
}

func TestShiftPV(t *testing.T) {
	rng := rand.New(rand.NewPCG(39, 40))
	for range 200 {
		n := rng.IntN(300)
		codes, v := make([]int, n), make([]int8, n)
		for j := range v {
			codes[j], v[j] = rng.IntN(32), int8(rng.IntN(256)-128)
		}
		for _, flush := range []int{3, 7, 15, 16, 31} {
			sum, even, odd := 0.0, 0.0, 0.0
			for j := range v {
				sum += Log2Value(codes[j], flush) * float64(v[j])
				if w := LogSqrt2Value(codes[j], flush) * float64(v[j]); codes[j]%2 == 0 {
					even += w
				} else {
					odd += w
				}
			}
			if got := math.Ldexp(float64(ShiftPV(codes, v, flush-1)), 1-flush); got != sum {
				t.Fatalf("shifts %v, floats %v", got, sum)
			}
			e, o := ShiftPVSqrt2(codes, v, flush-1)
			unit := math.Ldexp(1, -flush/2)
			if unit*float64(e) != even {
				t.Fatalf("even shifts %v, floats %v", unit*float64(e), even)
			}
			roughly(t, "odd shifts", []float64{unit * float64(o) * math.Sqrt2}, []float64{odd})
		}
	}
}

func TestIntExp(t *testing.T) {
	for _, step := range []float64{1. / 1024, 1. / 64, 1. / 16} {
		e, worst := IntExp{step}, 0.0
		for x := 0.0; x*step > -20; x-- {
			got, want := e.Exp(x)*e.Unit(), math.Exp(x*step)
			// The polynomial is within 0.4 %; ⌊−ln 2/step⌋ is off by up to a step per octave.
			octaves := math.Floor(-x * step / math.Ln2)
			worst = math.Max(worst, math.Abs(math.Log(got/want))-octaves*step)
			if e.Exp(x) != math.Floor(e.Exp(x)) {
				t.Fatalf("exp(%v) is not an integer", x)
			}
		}
		t.Logf("step 1/%v: relative error %.4f beyond a step per octave", 1/step, worst)
		if worst > 0.004+2*step {
			t.Errorf("step %v: relative error %v", step, worst)
		}
		if e.Exp(-1e6) != e.Exp(30*math.Floor(-0.6931/step)) {
			t.Error("the argument is not limited to 30 octaves")
		}
	}
	// Worked by hand: step 1/2, x0 = −2, b = 5, c = 11.
	for x, want := range map[float64]float64{0: 11 << 30, -1: 7 << 30, -2: 11 << 29, -3: 7 << 29, -59: 14, -60: 11, -61: 11, -1e9: 11} {
		if got := (IntExp{0.5}).Exp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestIntExp2(t *testing.T) {
	for _, frac := range []int{4, 6, 8} {
		e, worst := IntExp2{frac}, 0.0
		for x := int64(0); x < 12<<frac; x++ {
			got, want := float64(e.Exp(-x))/float64(e.Exp(0)), math.Exp2(-math.Ldexp(float64(x), -frac))
			worst = math.Max(worst, math.Abs(got/want-1))
			if octave := e.Exp(-x - 1<<frac); octave != e.Exp(-x)/2 {
				t.Fatalf("an octave below %d is %d", e.Exp(-x), octave)
			}
		}
		t.Logf("2^-%d octaves: relative error %.4f", frac, worst)
		if worst > 0.004+math.Ldexp(1, -frac) {
			t.Errorf("2^-%d octaves: relative error %v", frac, worst)
		}
		if e.Exp(-30<<frac) != 0 || e.Exp(1-30<<frac) == 0 || e.Code(-30<<frac, 15) != 15 {
			t.Error("zero does not start at 30 octaves")
		}
	}
	// Worked by hand: half octaves, s = 0.3466, b = 7, c = 23, in units of 2^28.
	for x, want := range map[int64]int64{0: 23 << 28, -1: 17 << 28, -2: 23 << 27, -3: 17 << 27, -59: 8, -60: 0} {
		if got := (IntExp2{1}).Exp(x); got != want {
			t.Errorf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	for x, want := range map[int64]int{0: 0, -1: 0, -2: 1, -3: 2, -4: 2, -40: 20} { // ratios 1, 1.35, 2, 2.71, 4, 2^20
		if got := (IntExp2{1}).Code(x, 40); got != want {
			t.Errorf("code of %d = %d, want %d", x, got, want)
		}
	}
}

func TestLogIntCodes(t *testing.T) {
	for ratio, want := range map[float64]int{
		1: 0, 1.4999: 0, 1.5: 1, 2: 1, 2.5: 1, 2.51: 2, 3: 2, 5: 2, 5.5: 3, 6: 3, 11: 3, 12: 4, 0x1.7ffcp15: 15, 0x1.8p15: 16, inf: 16, 0.2: 0,
	} {
		if got := LogIntCode(ratio, 16); got != want {
			t.Errorf("1/%v has code %d, want %d", ratio, got, want)
		}
	}
	// On unnormalised weights: exp(0) in the place of the sum, logits counted from the octave.
	r := NewProbRow([]float64{3, 2, 1.5, 0.9, -20}, make([]float64, 5), 1)
	res := ProbLogInt(4, 8).Attend(r)
	for j, want := range []int{0, 1, 2, 2, 15} { // 2^1.5 = 2.83 is rounded to 3 first
		if res.Codes[j] != want {
			t.Errorf("codes %v", res.Codes)
			break
		}
	}
}
