package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomRow returns a row of n keys: logits of a random spread, some hidden, int8 values under random scales with a centre, and sometimes a sink.
// Whatever is hidden is NaN.
func randomRow(rng *rand.Rand, n, dv int) *ProbRow {
	spread := math.Exp2(4*rng.Float64() - 1)
	y, scale := random(rng, n), make([]float64, n)
	codes := make([]int8, n*dv)
	for j := range y {
		y[j] *= spread
		scale[j] = math.Exp2(rng.NormFloat64()) / 64
		if rng.IntN(6) == 0 {
			y[j] = -inf
		}
	}
	for i := range codes {
		codes[i] = int8(rng.IntN(255) - 127)
	}
	r := NewProbRow(y, ScaleCodes(codes, scale, dv), dv)
	r.VScale, r.Centre = scale, random(rng, r.tileCount()*dv)
	if rng.IntN(2) == 0 {
		r.Sink = spread * rng.NormFloat64()
	}
	for j := range y {
		if r.hidden(j) {
			r.VScale[j] = nan
			copy(r.V[j*dv:][:dv], nans(dv))
		}
	}
	return r
}

// plain returns the same row with unit scales and no centre: values are what they are.
func (r *ProbRow) plain() *ProbRow {
	q := *r
	q.V, q.VScale, q.Centre = nil, nil, nil
	for j := range r.Y {
		q.V = append(q.V, r.value(j)...)
	}
	return &q
}

// dequantized is Σ Weights·V + Σ Centres·Centre.
func dequantized(r *ProbRow, res ProbResult) []float64 {
	out := make([]float64, r.DV)
	for c := range out {
		for j := range r.Y {
			if !r.hidden(j) {
				out[c] += res.Weights[j] * r.V[j*r.DV+c]
			}
		}
		for t := range res.Centres {
			out[c] += res.Centres[t] * r.centre(t)[c]
		}
	}
	return out
}

// roughly compares to 1e-11 of the magnitude of the row's values.
func roughly(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for c := range want {
		if !(math.Abs(got[c]-want[c]) <= 1e-11*(1+math.Abs(want[c]))) {
			t.Fatalf("%s: channel %d = %v, want %v", what, c, got[c], want[c])
		}
	}
}

func eachMode(t *testing.T, rows int, f func(t *testing.T, rng *rand.Rand, m ProbMode)) {
	for _, m := range ProbModes {
		t.Run(m.Name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(21, uint64(len(m.Name))))
			for range rows {
				f(t, rng, m)
			}
		})
	}
}

// Weights, centres and out are one row; in the exact mode it is Attend's.
func TestProbRowIsItsWeights(t *testing.T) {
	eachMode(t, 30, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		r := randomRow(rng, 1+rng.IntN(200), 3)
		res := m.Attend(r)
		if r.visible() == 0 {
			return
		}
		roughly(t, "out", dequantized(r, res), res.Out)
		closeTo(t, "lse of the state", math.Ln2*(res.M+math.Log2(res.L)), res.LSE)
		for j := range r.Y {
			if r.hidden(j) && (res.Codes[j] != m.zero || res.Weights[j] != 0) {
				t.Fatalf("hidden key %d has code %d, weight %v", j, res.Codes[j], res.Weights[j])
			}
		}
	})
}

func TestProbExactModeIsAttend(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	for range 40 {
		p := randomProblem(rng, 4, 2, 5, 3, 4, 1+rng.IntN(200))
		p.Causal, p.Offset, p.Softcap = true, p.KVLen-5, 3
		p.WindowLeft = rng.IntN(100) - 1
		if rng.IntN(2) == 0 {
			p.SinkLogits = random(rng, 4)
		}
		want := Attend(p)
		for i := range p.QLen {
			for h := range p.QHeads {
				res := ProbF32().Attend(p.ProbRow(i, h))
				row := i*p.QHeads + h
				roughly(t, "out", res.Out, want.Out[row*p.DV:][:p.DV])
				roughly(t, "lse", []float64{1 / res.LSE}, []float64{1 / want.LSE[row]})
			}
		}
	}
}

func TestProbEdgeRows(t *testing.T) {
	check := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-14*math.Abs(want)) && got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	for _, m := range ProbModes {
		for _, v := range []struct {
			name     string
			y        []float64
			sink     float64
			out, lse float64
		}{
			{"no key", nil, -inf, 0, -inf},
			{"no visible key", []float64{-inf, -inf}, -inf, 0, -inf},
			{"only the sink", []float64{-inf}, 3, 0, 3 * math.Ln2},
			{"NaN logit", []float64{0, nan}, -inf, nan, nan},
			{"+Inf logit", []float64{0, inf}, -inf, nan, nan},
			{"NaN sink", []float64{0}, nan, nan, nan},
			{"+Inf sink", []float64{0}, inf, nan, nan},
			{"one key", []float64{-7}, -inf, 5, -7 * math.Ln2},
			{"one key among hidden ones", []float64{-inf, 700, -inf}, -inf, 5, 700 * math.Ln2},
			{"one key and an equal sink", []float64{4}, 4, 2.5, 5 * math.Ln2},
			{"two equal keys", []float64{-3, -3}, -inf, 5, -2 * math.Ln2},
		} {
			r := NewProbRow(v.y, make([]float64, len(v.y)), 1)
			for j := range r.V {
				r.V[j] = 5
			}
			r.Sink = v.sink
			res := m.Attend(r)
			check(m.Name+", "+v.name+": out", res.Out[0], v.out)
			check(m.Name+", "+v.name+": lse", res.LSE, v.lse)
			if g := m.Range(r, Slack{Logit: 1e-6}); len(g.Lo) != len(v.y) || g.Out[0] < 0 {
				t.Errorf("%s, %s: range %v", m.Name, v.name, g)
			}
		}
	}
	// A NaN scale spoils the row, an infinite value its channel only.
	r := NewProbRow([]float64{0, 0}, []float64{1, inf, 1, 2}, 2)
	r.VScale = []float64{1, 1}
	if res := ProbUint(8, MassExact).Attend(r); res.Out[0] != 1 || !math.IsInf(res.Out[1], 1) {
		t.Errorf("infinite value: %v", res.Out)
	}
	r.VScale[1] = nan
	if res := ProbUint(8, MassExact).Attend(r); !math.IsNaN(res.Out[0]) || res.Codes[0] != 0 {
		t.Errorf("NaN scale: %v", res)
	}
}

// A constant value comes out as it is: always when the codes are the mass, with a centre when the mass is exact, and without a centre times Σw/Σe.
func TestProbConstantValues(t *testing.T) {
	eachMode(t, 20, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		r := randomRow(rng, 1+rng.IntN(200), 1)
		if r.Sink = -inf; r.visible() == 0 {
			return
		}
		r.VScale = nil
		for j := range r.V {
			r.V[j] = 0
		}
		for i := range r.Centre {
			r.Centre[i] = 3.7
		}
		roughly(t, "centre", m.Attend(r).Out, []float64{3.7})
		r.Centre = nil
		for j := range r.V {
			r.V[j] = 3.7
		}
		res := m.Attend(r)
		want := 3.7
		if m.Mass == MassExact {
			want = 0
			for _, w := range res.Weights {
				want += w * 3.7
			}
			if m.Name != "f32" && len(r.Y) > 3 && r.visible() > 3 && want == 3.7 {
				t.Errorf("no bias at all in %s", m.Name)
			}
		}
		roughly(t, "value", res.Out, []float64{want})
	})
}

// A constant added to all logits changes LSE only: any constant, or a whole number of octaves where references are integers.
func TestProbShift(t *testing.T) {
	eachMode(t, 20, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		r := randomRow(rng, 1+rng.IntN(200), 2)
		shift := float64(rng.IntN(99) - 50)
		if !m.integer {
			shift += 0.375
		}
		for j := range r.Y {
			r.Y[j] = math.Round(r.Y[j]*0x1p20) / 0x1p20 // so that adding is exact
		}
		r.Sink = math.Round(r.Sink*0x1p20) / 0x1p20
		a := m.Attend(r)
		for j := range r.Y {
			r.Y[j] += shift
		}
		r.Sink += shift
		b := m.Attend(r)
		for j := range a.Codes {
			if a.Codes[j] != b.Codes[j] {
				t.Fatalf("code %d: %d, shifted by %v %d", j, a.Codes[j], shift, b.Codes[j])
			}
		}
		roughly(t, "out", b.Out, a.Out)
		if !math.IsInf(a.LSE, -1) {
			roughly(t, "lse", []float64{b.LSE}, []float64{a.LSE + shift*math.Ln2})
		}
	})
}

// The order of keys within a tile is of no account; codes move with their keys.
func TestProbPermutation(t *testing.T) {
	eachMode(t, 20, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		r := randomRow(rng, 64+rng.IntN(100), 2)
		q := *r
		q.Y, q.V, q.VScale = nil, nil, nil
		var from []int
		for first := 0; first < len(r.Y); first += Tokens {
			for _, j := range rng.Perm(min(Tokens, len(r.Y)-first)) {
				from = append(from, first+j)
			}
		}
		for _, j := range from {
			q.Y, q.V, q.VScale = append(q.Y, r.Y[j]), append(q.V, r.stored(j)...), append(q.VScale, r.VScale[j])
		}
		a, b := m.Attend(r), m.Attend(&q)
		roughly(t, "out", b.Out, a.Out)
		for i, j := range from {
			if b.Codes[i] != a.Codes[j] {
				t.Fatalf("code %d became %d", a.Codes[j], b.Codes[i])
			}
		}
	})
}

// A row cut at a split is the merge of its parts, in every mode; references of a tile alone do not notice the cut.
func TestProbSplits(t *testing.T) {
	eachMode(t, 20, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		r := randomRow(rng, 129+rng.IntN(100), 2)
		whole := m.Attend(r)
		cut := 64 * (1 + rng.IntN(2))
		r.Splits = []int{cut}
		a, b := *r, *r
		a.Y, a.V, a.VScale, a.Centre, a.Splits = r.Y[:cut], r.V[:2*cut], r.VScale[:cut], r.Centre[:cut/64*2], nil
		b.Y, b.V, b.VScale, b.Centre, b.Splits = r.Y[cut:], r.V[2*cut:], r.VScale[cut:], r.Centre[cut/64*2:], nil
		b.Sink = -inf
		ra, rb, res := m.Attend(&a), m.Attend(&b), m.Attend(r)
		out, lse := Merge(ra.Out, ra.LSE, rb.Out, rb.LSE)
		roughly(t, "out", res.Out, out)
		roughly(t, "lse", []float64{1 / res.LSE}, []float64{1 / lse})
		for j, c := range append(ra.Codes, rb.Codes...) {
			if c != res.Codes[j] {
				t.Fatalf("code %d = %d, alone %d", j, res.Codes[j], c)
			}
		}
		if m.Name == "f32" || m.Name[0] == 'u' {
			roughly(t, "uncut", res.Out, whole.Out)
		}
	})
}

// The maximum of a later split is not the running one.
func TestProbSplitsRestartTheMaximum(t *testing.T) {
	y := make([]float64, 128)
	y[0] = 40
	r := NewProbRow(y, make([]float64, 128), 1)
	for _, m := range []ProbMode{ProbE4M3(256, MassExact), ProbLog2(4), ProbLogInt(4, 8)} {
		r.Splits = nil
		if res := m.Attend(r); res.Codes[64] != m.zero || res.Tiles[1].Ref != 40 {
			t.Errorf("%s: code %d, reference %v behind a sink", m.Name, res.Codes[64], res.Tiles[1].Ref)
		}
		r.Splits = []int{64}
		if res := m.Attend(r); res.Codes[64] == m.zero || res.Tiles[1].Ref != 0 {
			t.Errorf("%s: code %d, reference %v behind a split", m.Name, res.Codes[64], res.Tiles[1].Ref)
		}
	}
}

// Tile by tile, the mode is that of every tile alone, merged.
func TestProbPerTile(t *testing.T) {
	eachMode(t, 20, func(t *testing.T, rng *rand.Rand, m ProbMode) {
		r := randomRow(rng, 1+rng.IntN(200), 3)
		res := m.PerTile().Attend(r)
		out, lse := make([]float64, r.DV), math.Ln2*r.Sink
		for first := 0; first < len(r.Y); first += Tokens {
			end := min(first+Tokens, len(r.Y))
			one := *r
			one.Y, one.V, one.VScale, one.Sink = r.Y[first:end], r.V[first*r.DV:end*r.DV], r.VScale[first:end], -inf
			one.Centre = r.centre(first / Tokens)
			tile := m.Attend(&one)
			if got := res.Tiles[first/Tokens].Ref; got != tile.Tiles[0].Ref {
				t.Fatalf("tile %d has reference %v, alone %v", first/Tokens, got, tile.Tiles[0].Ref)
			}
			out, lse = Merge(out, lse, tile.Out, tile.LSE)
		}
		roughly(t, "out", res.Out, out)
		if !math.IsInf(lse, -1) {
			roughly(t, "lse", []float64{res.LSE}, []float64{lse})
		}
	})
}

// With its own maximum a logarithmic mode gives the largest weight of every tile exactly, and does not depend on where zero is.
func TestProbAtMaximum(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for range 50 {
		r := randomRow(rng, 1+rng.IntN(200), 1)
		for _, m := range []ProbMode{ProbLog2(3), ProbLog2(5), ProbLogSqrt2(4)} {
			m = m.AtMaximum()
			res := m.Attend(r)
			shifted := *r
			shifted.Y, shifted.Sink = nil, r.Sink+0.3
			for _, y := range r.Y {
				shifted.Y = append(shifted.Y, y+0.3)
			}
			if moved := m.Attend(&shifted); r.visible() > 0 {
				roughly(t, "out of moved logits", moved.Out, res.Out)
				roughly(t, "lse of moved logits", []float64{moved.LSE}, []float64{res.LSE + 0.3*math.Ln2})
			}
			tilesOf(r, func(tile int, keys []int) {
				for _, j := range keys {
					if r.Y[j] == res.Tiles[tile].Ref && res.Codes[j] != 0 {
						t.Fatalf("%s: the largest weight of a tile has code %d", m.Name, res.Codes[j])
					}
				}
			})
			g := m.Range(r, Slack{Logit: 0.01})
			for trial := range 4 {
				for j, y := range r.Y {
					shifted.Y[j] = y + 0.02*rng.Float64() - 0.01
				}
				shifted.Sink = r.Sink
				moved := m.Attend(&shifted)
				for j := range r.Y {
					if moved.Codes[j] < g.Lo[j] || moved.Codes[j] > g.Hi[j] {
						t.Fatalf("%s, trial %d: code %d is outside %d..%d", m.Name, trial, moved.Codes[j], g.Lo[j], g.Hi[j])
					}
				}
				if d := math.Abs(moved.Out[0] - res.Out[0]); !(d <= g.Out[0]+1e-12) {
					t.Fatalf("%s: out moves by %v, bound %v", m.Name, d, g.Out[0])
				}
			}
		}
	}
}

func TestProbMisusePanics(t *testing.T) {
	for name, edit := range map[string]func(*ProbRow){
		"values":  func(r *ProbRow) { r.V = r.V[1:] },
		"scales":  func(r *ProbRow) { r.VScale = r.VScale[1:] },
		"centres": func(r *ProbRow) { r.Centre = append(r.Centre, 0) },
		"splits":  func(r *ProbRow) { r.Splits = []int{63} },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			r := randomRow(rand.New(rand.NewPCG(5, 6)), 70, 2)
			edit(r)
			ProbF32().Attend(r)
		}()
	}
	seen := map[string]bool{}
	for _, m := range ProbModes {
		if got, ok := ProbModeByName(m.Name); !ok || got.Name != m.Name || seen[m.Name] {
			t.Errorf("mode %q is not found by its name, or twice", m.Name)
		}
		seen[m.Name] = true
	}
	if _, ok := ProbModeByName("u7"); ok {
		t.Error("found a mode that does not exist")
	}
}
