package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

// uniformRow returns n equal logits over normal values.
func uniformRow(rng *rand.Rand, n int) *ProbRow {
	y := make([]float64, n)
	for j := range y {
		y[j] = 1.25
	}
	return NewProbRow(y, random(rng, n*2), 2)
}

// A uniform row of n keys has codes RNE(255/n): none but 0 from 510 keys on, where the tie goes to even.
func TestBiasUniformRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(51, 52))
	for n, want := range map[int]int{1: 255, 2: 128, 64: 4, 255: 1, 509: 1, 510: 0, 511: 0, 1000: 0} {
		r, m := uniformRow(rng, n), StaticUint(8)
		res := m.Attend(r, Correction{})
		for _, c := range res.Codes {
			if c != want {
				t.Fatalf("n %d: code %d, want %d", n, c, want)
			}
		}
		sum := float64(n*want) / 255
		closeTo(t, "missing mass", m.missing(r), 1-sum)
		mean := r.mean()
		for c := range mean {
			closeTo(t, "uncorrected", res.Out[c], sum*mean[c])
		}
		// Every correction returns the mean: all keys share the missing mass alike.
		mu := MissingMass(m, []*ProbRow{r})[math.Ilogb(float64(n))]
		for kind := CorrectStatic; kind <= CorrectCentred; kind++ {
			roughly(t, "corrected", m.Attend(r, Correction{kind, mu}).Out, mean)
		}
	}
	if c := StaticUint(4).Attend(uniformRow(rng, 30), Correction{}).Codes[0]; c != 0 {
		t.Errorf("4 bits, 30 keys: code %d", c)
	}
	if c := StaticUint(4).Attend(uniformRow(rng, 29), Correction{}).Codes[0]; c != 1 {
		t.Errorf("4 bits, 29 keys: code %d", c)
	}
	// Uniform rows that half octaves flush altogether, and that octaves do not.
	if c := StaticLogSqrt2(4, 1).Attend(uniformRow(rng, 216), Correction{}).Codes[0]; c != 16 {
		t.Errorf("log-sqrt2, 216 keys: code %d", c)
	}
	if c := StaticLogSqrt2(4, 1).Attend(uniformRow(rng, 215), Correction{}).Codes[0]; c != 15 {
		t.Errorf("log-sqrt2, 215 keys: code %d", c)
	}
	if c := StaticLog2(4).Attend(uniformRow(rng, 1024), Correction{}).Codes[0]; c != 10 {
		t.Errorf("log2, 1024 keys: code %d", c)
	}
}

// [½, ¼, ⅛, 1/16, 1/16]: codes 128 64 32 16 16, one step too much.
func TestBiasGeometricRow(t *testing.T) {
	r := NewProbRow([]float64{-1, -2, -3, -4, -4}, []float64{1, 2, 3, 4, 5}, 1)
	m := StaticUint(8)
	res := m.Attend(r, Correction{Kind: CorrectDynamic})
	for j, want := range []int{128, 64, 32, 16, 16} {
		if res.Codes[j] != want {
			t.Fatalf("codes %v", res.Codes)
		}
		closeTo(t, "weight", res.Weights[j], float64(want)/255-1./1275)
	}
	closeTo(t, "missing mass", m.missing(r), -1./255)
	closeTo(t, "zero point", BiasZeroPoint(m.missing(r)/5, 1./255, 0), 0.2)
	// In octaves the row is exact.
	for _, v := range []struct {
		m   StaticMode
		per float64
	}{{StaticLog2(4), 1}, {StaticLogSqrt2(4, 1), 2}, {StaticLogInt(4, 1./1024), 1}} {
		res := v.m.Attend(r, Correction{})
		for j, want := range []float64{1, 2, 3, 4, 4} {
			if res.Codes[j] != int(v.per*want) || res.Weights[j] != math.Exp2(-want) {
				t.Errorf("%s: codes %v, weights %v", v.m.Name, res.Codes, res.Weights)
				break
			}
		}
	}
}

// The corrections are what their formulas say, for rows with hidden keys, centres and sinks.
func TestCorrections(t *testing.T) {
	rng := rand.New(rand.NewPCG(53, 54))
	for range 60 {
		r := randomRow(rng, 1+rng.IntN(200), 2)
		n := float64(r.visible())
		if n == 0 {
			continue
		}
		exact := ProbF32().Attend(r)
		for _, m := range StaticModes {
			out := map[CorrectionKind][]float64{}
			var codes []int
			for kind := CorrectNone; kind <= CorrectCentred; kind++ {
				res := m.Attend(r, Correction{kind, 0.3})
				roughly(t, "weights", dequantized(r, res), res.Out)
				roughly(t, "lse", []float64{1 / res.LSE}, []float64{1 / exact.LSE})
				out[kind], codes = res.Out, res.Codes
			}
			mass, mean, quantized := 0.0, r.mean(), 0.0
			residual, tiles := make([]float64, 2), make([]float64, 2)
			for j := range r.Y {
				if r.hidden(j) {
					continue
				}
				mass += exact.Weights[j]
				quantized += m.value(codes[j])
				for c := range residual {
					residual[c] += m.value(codes[j]) * r.V[2*j+c]
					tiles[c] += exact.Weights[j] * r.centre(j / Tokens)[c]
				}
			}
			want := map[CorrectionKind][]float64{}
			for c := range residual {
				none := out[CorrectNone][c]
				want[CorrectStatic] = append(want[CorrectStatic], none+0.3*mean[c])
				want[CorrectDynamic] = append(want[CorrectDynamic], none+(mass-quantized)*mean[c])
				want[CorrectRenormalise] = append(want[CorrectRenormalise], none*mass/quantized)
				if quantized == 0 {
					want[CorrectRenormalise][c] = mass * mean[c]
				}
				want[CorrectCentred] = append(want[CorrectCentred], residual[c]+tiles[c])
			}
			for kind, w := range want {
				roughly(t, m.Name, out[kind], w)
			}
			// Without centres, centring is the dynamic correction.
			p := r.plain()
			roughly(t, "no centre", m.Attend(p, Correction{Kind: CorrectCentred}).Out, m.Attend(p, Correction{Kind: CorrectDynamic}).Out)
		}
	}
}

// What centring is for: values near their centre. The quantized weights never meet the centre, so a constant is exact in every mode and the error
// follows the residual alone.
func TestBiasCentredValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(55, 56))
	for range 20 {
		r := randomRow(rng, 100, 1)
		r.Sink, r.VScale = -inf, nil
		for j := range r.V {
			r.V[j] = 0
		}
		r.Centre = []float64{5, 5}
		for _, m := range StaticModes {
			roughly(t, m.Name, m.Attend(r, Correction{Kind: CorrectCentred}).Out, []float64{5})
			// Self-normalising corrections are exact here, too; uncorrected the row is off by its missing mass.
			roughly(t, m.Name, m.Attend(r, Correction{Kind: CorrectRenormalise}).Out, []float64{5})
			roughly(t, m.Name, m.Attend(r, Correction{}).Out, []float64{5 * (1 - m.missing(r))})
		}
	}
}

// The absorbed form: integer sums and a real zero point give the corrected row, for values on an affine grid.
func TestBiasAbsorbed(t *testing.T) {
	rng := rand.New(rand.NewPCG(57, 58))
	for range 60 {
		const dv = 3
		n := 1 + rng.IntN(300)
		sv, zv := rng.ExpFloat64(), float64(rng.IntN(9)-4)
		codes := make([]int8, n*dv)
		v := make([]float64, n*dv)
		for i := range codes {
			codes[i] = int8(rng.IntN(256) - 128)
			v[i] = sv * (float64(codes[i]) - zv)
		}
		r := NewProbRow(random(rng, n), v, dv)
		m := StaticUint(8)
		mu := rng.NormFloat64() / 10
		res := m.Attend(r, Correction{CorrectStatic, mu})
		z := BiasZeroPoint(mu/float64(n), 1./255, 0)
		got := AffinePV(res.Codes, 1./255, z, codes, dv, sv, zv)
		for c := range got {
			if math.Abs(got[c]-res.Out[c]) > 1e-9*sv*128 {
				t.Fatalf("absorbed %v, corrected %v", got, res.Out)
			}
		}
	}
}

// Missing mass and output errors of normal logits, against independent measurements of the same experiment: logits N(0, σ²), values 1 + N(0, 1).
func TestBiasMeasured(t *testing.T) {
	rng := rand.New(rand.NewPCG(59, 60))
	const dv, rows = 16, 60
	draw := func(n int, sigma float64) *ProbRow {
		y, v := random(rng, n), random(rng, n*dv)
		for j := range y {
			y[j] *= sigma * math.Log2E
		}
		for i := range v {
			v[i]++
		}
		return NewProbRow(y, v, dv)
	}
	for _, w := range []struct {
		n                                           int
		sigma                                       float64
		missing, none, static, dynamic, renormalise float64
	}{
		{64, 2, .0115, .0153, .0109, .0075, .0093},
		{256, .5, -.0393, .0472, .0256, .0190, .0184},
		{256, 2, .0649, .0653, .0177, .0122, .0226},
		{1024, 1, .4745, .4746, .0317, .0230, .0609},
		{1024, 2, .2127, .2112, .0266, .0171, .0477},
		{4096, .5, .9999, .9999, .0083, .0082, 1},
	} {
		m := StaticUint(8)
		var calibration []*ProbRow
		for range rows {
			calibration = append(calibration, draw(w.n, w.sigma))
		}
		mu := MissingMass(m, calibration)[math.Ilogb(float64(w.n))]
		if math.Abs(mu-w.missing) > 0.02 {
			t.Errorf("n %d σ %v: missing mass %v, measured elsewhere %v", w.n, w.sigma, mu, w.missing)
		}
		square := map[CorrectionKind]float64{}
		total := 0.0
		for range rows {
			r := draw(w.n, w.sigma)
			exact := ProbF32().Attend(r).Out
			total += norm(exact) * norm(exact)
			for kind := CorrectNone; kind <= CorrectRenormalise; kind++ {
				e := distance(m.Attend(r, Correction{kind, mu}).Out, exact)
				square[kind] += e * e
			}
		}
		for kind, want := range map[CorrectionKind]float64{
			CorrectNone: w.none, CorrectStatic: w.static, CorrectDynamic: w.dynamic, CorrectRenormalise: w.renormalise,
		} {
			// At 4096 keys hardly a code is left: what renormalising does depends on those few, and on the mean when there is none.
			got := math.Sqrt(square[kind] / total)
			if !(got < 1.35*want && got > want/1.35) && !(w.n == 4096 && kind == CorrectRenormalise) {
				t.Errorf("n %d σ %v: correction %d is off by %.4f, measured elsewhere %.4f", w.n, w.sigma, kind, got, want)
			}
		}
	}
}

// The same experiment for unnormalised weights of one tile, where the tile's maximum is the row's.
func TestProbMeasured(t *testing.T) {
	rng := rand.New(rand.NewPCG(61, 62))
	square, total := map[string]float64{}, 0.0
	for range 400 {
		y, v := random(rng, 64), random(rng, 64*16)
		for j := range y {
			y[j] *= 2 * math.Log2E
		}
		for i := range v {
			v[i]++
		}
		r := NewProbRow(y, v, 16)
		exact := ProbF32().Attend(r).Out
		total += norm(exact) * norm(exact)
		for _, m := range ProbModes {
			e := distance(m.Attend(r).Out, exact)
			square[m.Name] += e * e
		}
	}
	for name, want := range map[string]float64{"u8": .0052, "u8-codes": .0037, "e4m3-256-codes": .0046} {
		if got := math.Sqrt(square[name] / total); !(got < 1.2*want && got > want/1.2) {
			t.Errorf("%s is off by %.4f, measured elsewhere %.4f", name, got, want)
		}
	}
	for _, m := range ProbModes {
		t.Logf("%-16s %.2e", m.Name, math.Sqrt(square[m.Name]/total))
	}
}
