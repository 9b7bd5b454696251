package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

// perturb moves every logit and the sink by at most delta, half of them by exactly delta.
func perturb(rng *rand.Rand, r *ProbRow, delta float64) *ProbRow {
	q := *r
	q.Y = append([]float64(nil), r.Y...)
	for j := range q.Y {
		q.Y[j] += nudge(rng, delta)
	}
	q.Sink += nudge(rng, delta)
	return &q
}

func nudge(rng *rand.Rand, delta float64) float64 {
	d := delta * (2*rng.Float64() - 1)
	if rng.IntN(2) == 0 {
		d = math.Copysign(delta, d)
	}
	return d
}

// onBoundaries moves logits to multiples of a quarter, where logarithmic codes and octaves change.
func onBoundaries(rng *rand.Rand, r *ProbRow) {
	if rng.IntN(2) == 0 {
		for j := range r.Y {
			r.Y[j] = math.Round(4*r.Y[j]) / 4
		}
	}
}

func inRange(t *testing.T, lo, hi, codes []int) {
	t.Helper()
	for j, c := range codes {
		if c < lo[j] || c > hi[j] {
			t.Fatalf("code %d = %d, not in %d..%d", j, c, lo[j], hi[j])
		}
	}
}

// within compares two results with the change that a range allows and returns the largest share of it that an output took.
func within(t *testing.T, g ProbRange, a, b ProbResult) float64 {
	t.Helper()
	share := 0.0
	for c := range a.Out {
		d := math.Abs(a.Out[c] - b.Out[c])
		if !(d <= g.Out[c]+1e-12*(1+math.Abs(a.Out[c]))) {
			t.Fatalf("out moves by %v, bound %v", d, g.Out[c])
		}
		if g.Out[c] > 1e-9 {
			share = math.Max(share, d/g.Out[c])
		}
	}
	if d := math.Abs(a.LSE - b.LSE); a.LSE != b.LSE && !(d <= g.LSE+1e-12*(1+math.Abs(a.LSE))) {
		t.Fatalf("LSE moves by %v, bound %v", d, g.LSE)
	}
	return share
}

func TestProbRange(t *testing.T) {
	eachMode(t, 1, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		share, uncertain, moved := 0.0, 0, 0
		for i := range 150 {
			r := randomRow(rng, 1+rng.IntN(1+rng.IntN(150)), 2)
			onBoundaries(rng, r)
			if i%5 == 0 {
				r.Splits = []int{64}
			}
			s := Slack{Logit: math.Exp2(-2 - 20*rng.Float64()), Rel: float64(i%2) * 0x1p-20}
			a, g := m.Attend(r), m.Range(r, s)
			uncertain += g.Uncertain
			inRange(t, g.Lo, g.Hi, a.Codes)
			exact := m.Range(r, Slack{})
			if exact.Uncertain != 0 || exact.LSE > 1e-12 {
				t.Fatalf("exact logits leave %d codes and LSE %v open", exact.Uncertain, exact.LSE)
			}
			for range 4 {
				q := perturb(rng, r, s.Logit)
				b := m.Attend(q)
				refs := make([]float64, len(b.Tiles))
				for i, tile := range b.Tiles {
					if refs[i] = tile.Ref; tile.Ref < g.RefLo[i]-1e-12 || tile.Ref > g.RefHi[i]+1e-12 {
						t.Fatalf("reference %v, not in %v..%v", tile.Ref, g.RefLo[i], g.RefHi[i])
					}
				}
				lo, hi := m.CodesAt(r, refs, s)
				inRange(t, lo, hi, b.Codes)
				for j := range b.Codes {
					if b.Codes[j] != a.Codes[j] {
						moved++
					}
				}
				share = math.Max(share, within(t, g, a, b))
			}
		}
		t.Logf("uncertain %d, moved %d, largest share of the bound %.2f", uncertain, moved, share)
		if m.Name != "f32" && (uncertain == 0 || moved == 0) || share < 0.1 {
			t.Errorf("the test is vacuous: uncertain %d, moved %d, share of the bound %v", uncertain, moved, share)
		}
	})
}

func TestStaticRange(t *testing.T) {
	for _, m := range StaticModes {
		for kind := CorrectNone; kind <= CorrectCentred; kind++ {
			rng := rand.New(rand.NewPCG(41, uint64(kind)))
			share, moved := 0.0, 0
			for i := range 60 {
				r := randomRow(rng, 1+rng.IntN(150), 2)
				onBoundaries(rng, r)
				if i%3 == 0 {
					r.Centre = nil
				}
				c := Correction{kind, 0.1}
				s := Slack{Logit: math.Exp2(-2 - 20*rng.Float64()), Rel: float64(i%2) * 0x1p-20}
				a, g := m.Attend(r, c), m.Range(r, c, s)
				inRange(t, g.Lo, g.Hi, a.Codes)
				exact := m.Range(r, c, Slack{})
				if exact.Uncertain != 0 || exact.LSE > 1e-12 {
					t.Fatalf("exact logits leave %d codes and LSE %v open", exact.Uncertain, exact.LSE)
				}
				for range 4 {
					b := m.Attend(perturb(rng, r, s.Logit), c)
					inRange(t, g.Lo, g.Hi, b.Codes)
					for j := range b.Codes {
						if b.Codes[j] != a.Codes[j] {
							moved++
						}
					}
					share = math.Max(share, within(t, g, a, b))
				}
			}
			t.Logf("%s, correction %d: moved %d, largest share of the bound %.2f", m.Name, kind, moved, share)
			if moved == 0 || share < 0.1 {
				t.Errorf("%s, correction %d: the test is vacuous: moved %d, share of the bound %v", m.Name, kind, moved, share)
			}
		}
	}
}

// A plain float32 evaluation of whole rows stays within Slack32: its codes are in range, and its output is within the range's bound plus the
// rounding of its sums.
func TestSlack32(t *testing.T) {
	type kernel struct {
		m ProbMode
		// code rounds one key: its logit, the reference, its scale and U.
		code func(y, ref, scale, u float32) int
		// weight is w_j before the value's code or the value is multiplied.
		weight func(code int, u float32) float32
	}
	exp2 := func(x float32) float32 { return float32(math.Exp2(float64(x))) }
	integer := func(bits int, levels float32) kernel {
		return kernel{ProbUint(bits, MassExact),
			func(y, ref, scale, u float32) int {
				return int(math.Floor(float64(float32(exp2(y-ref)*scale)*float32(levels/u) + 0.5)))
			},
			func(code int, u float32) float32 { return float32(code) * (u / levels) },
		}
	}
	kernels := []kernel{
		integer(4, 15), integer(8, 255), integer(16, 65535),
		{ProbE4M3(256, MassCodes),
			func(y, ref, _, _ float32) int { return int(NearestCode(float64(256*exp2(y-ref)), 0x7f, E4M3)) },
			func(code int, _ float32) float32 { return float32(E4M3(byte(code)) / 256) }},
		{ProbLog2(4),
			func(y, ref, _, _ float32) int { return Log2Code(float64(ref-y), 15) },
			func(code int, _ float32) float32 { return float32(Log2Value(code, 15)) }},
	}
	rng := rand.New(rand.NewPCG(43, 44))
	const d, dv = 32, 2
	uncertain, differ, keys := make([]int, len(kernels)), make([]int, len(kernels)), 0
	for range 150 {
		n := 1 + rng.IntN(64) // one tile: references are its own
		p := randomProblem(rng, 1, 1, d, dv, 1, n)
		scaleRow(p.Q, math.Exp2(3*rng.Float64()))
		for _, x := range [][]float64{p.Q, p.K, p.V} {
			for i := range x {
				x[i] = float64(float32(x[i]))
			}
		}
		abs := Attend(p)
		r := p.ProbRow(0, 0)
		r.VScale = make([]float64, n)
		for j := range n {
			r.VScale[j] = float64(float32(math.Exp2(rng.NormFloat64())))
		}
		y := make([]float32, n)
		ref, u := float32(math.Inf(-1)), float32(0)
		for j := range y {
			for c := range d {
				y[j] += float32(p.Q[c]) * float32(p.K[j*d+c])
			}
			y[j] *= float32(p.scale() * math.Log2E)
			ref = max(ref, y[j])
		}
		keys += n
		s := Slack32(abs.MaxAbs[0])
		for at, k := range kernels {
			kref := ref
			if k.m.integer {
				kref = float32(math.Ceil(float64(ref)))
			}
			u = 0
			for j := range y {
				u = max(u, exp2(y[j]-kref)*float32(r.VScale[j]))
			}
			codes, l := make([]int, n), float32(0)
			var o [dv]float32
			for j := range y {
				codes[j] = k.code(y[j], kref, float32(r.VScale[j]), u)
				w := k.weight(codes[j], u)
				if k.m.Mass == MassCodes {
					l += w
				} else {
					l += exp2(y[j] - kref)
					w /= float32(r.VScale[j])
				}
				for c := range o {
					o[c] += w * float32(r.V[j*dv+c])
				}
			}
			g, exact := k.m.Range(r, s), k.m.Attend(r)
			lo, hi := k.m.CodesAt(r, []float64{float64(kref)}, s)
			inRange(t, lo, hi, codes)
			uncertain[at] += g.Uncertain
			for j := range codes {
				if codes[j] != exact.Codes[j] {
					differ[at]++
				}
			}
			for c := range o {
				got := float64(o[c] / l)
				if e := math.Abs(got - exact.Out[c]); !(e <= g.Out[c]+Tolerance32(2*abs.Abs[c], 0)) {
					t.Fatalf("%s: out off by %v, codes allow %v", k.m.Name, e, g.Out[c])
				}
			}
		}
	}
	for at, k := range kernels {
		t.Logf("%s: of %d codes %d are uncertain, %d differ", k.m.Name, keys, uncertain[at], differ[at])
		if uncertain[at] > keys/5 {
			t.Errorf("%s: %d of %d codes are uncertain", k.m.Name, uncertain[at], keys)
		}
	}
	if differ[2] == 0 {
		t.Error("no 16-bit code of a float32 kernel differs: the test is vacuous")
	}
}

func TestRangeOfUndefinedRows(t *testing.T) {
	r := NewProbRow([]float64{0, nan}, []float64{1, 2}, 1)
	for _, m := range ProbModes {
		if lo, hi := m.CodesAt(r, nil, Slack{}); lo[0] != m.zero || hi[1] != m.zero {
			t.Errorf("%s: codes %v..%v", m.Name, lo, hi)
		}
	}
	empty := NewProbRow([]float64{-inf}, []float64{nan}, 1)
	empty.Sink = 2
	for _, m := range StaticModes {
		for kind := CorrectNone; kind <= CorrectCentred; kind++ {
			c := Correction{Kind: kind, Mu: 1}
			if res, g := m.Attend(r, c), m.Range(r, c, Slack{}); !math.IsNaN(res.Out[0]) || !math.IsNaN(res.LSE) || res.Codes[0] != m.zero || g.Hi[0] != m.zero {
				t.Errorf("%s: %v %v", m.Name, res, g)
			}
			res, g := m.Attend(empty, c), m.Range(empty, c, Slack{Logit: 0.1})
			if res.Out[0] != 0 || res.LSE != 2*math.Ln2 || res.Codes[0] != m.zero || g.Out[0] != 0 {
				t.Errorf("%s, only the sink: %v %v", m.Name, res, g)
			}
			none := NewProbRow([]float64{-inf}, []float64{nan}, 1)
			if res, g := m.Attend(none, c), m.Range(none, c, Slack{}); res.Out[0] != 0 || res.LSE != -inf || g.Out[0] != 0 {
				t.Errorf("%s, nothing: %v %v", m.Name, res, g)
			}
		}
	}
}
