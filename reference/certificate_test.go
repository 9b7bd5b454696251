package reference

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// intRow is a quantized row: value = scale·code, or for int4 in groups of channels scale·mult·nibble with code = mult·nibble.
type intRow struct {
	hat           []float64
	scale         float64
	maxErr, varOf float64
}

// quantizeRow quantizes to int8, or to int4 with a multiplier 1..18 for every group of 4 channels.
func quantizeRow(x []float64, bits int) intRow {
	q := intRow{hat: make([]float64, len(x))}
	if bits == 8 {
		codes, s := Int8Row(x)
		for c, k := range codes {
			q.hat[c] = s * float64(k)
		}
		q.scale, q.maxErr, q.varOf = s, StepInt8(s), s*s/12
		return q
	}
	const group = 4
	q.scale = AbsMax(x) / (18 * 7)
	for g := 0; g < len(x); g += group {
		part := x[g:min(g+group, len(x))]
		mult := 1.0
		if q.scale > 0 {
			mult = math.Max(1, math.Ceil(AbsMax(part)/(7*q.scale)-1e-12))
		}
		step := q.scale * mult
		for c, v := range part {
			q.hat[g+c] = step * float64(Int4(v, step))
		}
		q.maxErr = math.Max(q.maxErr, StepInt4(q.scale, mult))
		q.varOf += step * step / 12 * float64(len(part)) / float64(len(x))
	}
	return q
}

// certCase is one cache: exact rows, and what an integer cache keeps of them.
type certCase struct {
	d, dv, n, bits     int
	k, v               [][]float64
	kHat               [][]float64 // without centre
	kCentre            [][]float64 // per tile
	row                *ProbRow    // values; Y is filled per query
	keys               []CertKey
	tiles              []CertTile
	rangeV, rangeVSink []float64
}

var certFamilies = []string{"gauss", "outlier channels", "sink token", "flat", "heavy tails"}

func newCertCase(rng *rand.Rand, family, bits int) *certCase {
	z := &certCase{d: 8, dv: 4, n: 1 + rng.IntN(1+rng.IntN(128)), bits: bits}
	shift := [2][]float64{random(rng, z.d), random(rng, z.dv)}
	z.row = NewProbRow(make([]float64, z.n), nil, z.dv)
	for j := range z.n {
		k, v := random(rng, z.d), random(rng, z.dv)
		switch certFamilies[family] {
		case "outlier channels":
			k[3] *= 20
			v[1] *= 10
		case "sink token":
			if j == 0 {
				scaleRow(k, 3)
				scaleRow(v, 0.01)
			}
		case "flat":
			scaleRow(k, 0.01)
		case "heavy tails":
			for i := range k {
				k[i] *= math.Exp(rng.NormFloat64())
			}
			scaleRow(v, math.Exp(2*rng.NormFloat64()))
		}
		for c := range k {
			k[c] += shift[0][c]
		}
		for c := range v {
			v[c] += shift[1][c]
		}
		z.k, z.v = append(z.k, k), append(z.v, v)
	}
	for first := 0; first < z.n; first += Tokens {
		end := min(first+Tokens, z.n)
		z.quantizeTile(first, end)
	}
	z.rangeV, z.rangeVSink = make([]float64, z.dv), make([]float64, z.dv)
	for c := range z.dv {
		lo, hi := inf, -inf
		for _, v := range z.v {
			lo, hi = math.Min(lo, v[c]), math.Max(hi, v[c])
		}
		z.rangeV[c], z.rangeVSink[c] = hi-lo, math.Max(hi, 0)-math.Min(lo, 0)
	}
	return z
}

func mean(rows [][]float64) []float64 {
	m := make([]float64, len(rows[0]))
	for _, x := range rows {
		for c := range m {
			m[c] += x[c] / float64(len(rows))
		}
	}
	return m
}

func minus(x, y []float64) []float64 {
	z := make([]float64, len(x))
	for c := range z {
		z[c] = x[c] - y[c]
	}
	return z
}

func (z *certCase) quantizeTile(first, end int) {
	kc, vc := mean(z.k[first:end]), mean(z.v[first:end])
	z.kCentre = append(z.kCentre, kc)
	z.row.Centre = append(z.row.Centre, vc...)
	tile := CertTile{Codes: make([]float64, z.dv)}
	for j := first; j < end; j++ {
		kr, vr := minus(z.k[j], kc), minus(z.v[j], vc)
		k, v := quantizeRow(kr, z.bits), quantizeRow(vr, z.bits)
		z.kHat = append(z.kHat, k.hat)
		z.row.V, z.row.VScale = append(z.row.V, v.hat...), append(z.row.VScale, v.scale)
		z.keys = append(z.keys, CertKey{KNorm: norm(k.hat), KErr: distance(kr, k.hat), VScale: v.scale, VErr: v.maxErr, VVar: v.varOf})
		for c, x := range v.hat {
			tile.Var += x * x / float64((end-first)*z.dv)
			if v.scale > 0 {
				tile.Codes[c] += math.Abs(x / v.scale)
				tile.CodeVar += x / v.scale * x / v.scale / float64((end-first)*z.dv)
			}
		}
	}
	z.tiles = append(z.tiles, tile)
}

func dot(x, y []float64) float64 {
	s := 0.0
	for c := range x {
		s += x[c] * y[c]
	}
	return s
}

// query answers one query exactly and by integers, and certifies the difference.
func (z *certCase) query(rng *rand.Rand, m ProbMode, levels int) (exact, got []float64, cert Certificate) {
	q := random(rng, z.d)
	scaleRow(q, math.Exp2(4*rng.Float64()-1))
	qHat := quantizeRow(q, 8).hat
	scale := 1 / math.Sqrt(float64(z.d))
	s, sHat := make([]float64, z.n), make([]float64, z.n)
	row := *z.row
	row.Y = make([]float64, z.n)
	for j := range z.n {
		s[j] = scale * dot(q, z.k[j])
		sHat[j] = scale * (dot(qHat, z.kHat[j]) + dot(q, z.kCentre[j/Tokens]))
		row.Y[j] = sHat[j] * math.Log2E
	}
	sink, rangeV := -inf, z.rangeV
	if rng.IntN(4) == 0 {
		sink, rangeV = rng.NormFloat64(), z.rangeVSink
	}
	row.Sink = sink * math.Log2E
	exact = make([]float64, z.dv)
	p, _ := SoftmaxSink(s, nil, sink)
	for j := range z.n {
		for c := range exact {
			exact[c] += p[j] * z.v[j][c]
		}
	}
	pHat, _ := SoftmaxSink(sHat, nil, sink)
	query := CertQuery{Norm: norm(q), Err: distance(q, qHat), Scale: scale, D: z.d, Levels: levels}
	return exact, m.Attend(&row).Out, Certify(query, pHat, z.keys, z.tiles, rangeV)
}

// The bound holds for every row of many; the estimate is right to a small factor for the typical one.
func TestCertificate(t *testing.T) {
	rng := rand.New(rand.NewPCG(71, 72))
	caches, queries := 84, 240
	if testing.Short() {
		caches, queries = 14, 100
	}
	rows, violations := 0, 0
	for family, name := range certFamilies {
		for _, bits := range []int{8, 4} {
			var ratio, refined, slack []float64
			for i := range caches {
				z := newCertCase(rng, family, bits)
				m, levels := ProbUint(8, MassExact), 255
				switch i % 4 {
				case 2:
					m, levels = ProbUint(4, MassExact), 15
				case 3:
					m, levels = ProbUint(16, MassExact), 65535
				}
				for range queries {
					exact, got, cert := z.query(rng, m, levels)
					square := 0.0
					tightest := inf
					for c := range exact {
						e := math.Abs(got[c] - exact[c])
						square += e * e / float64(z.dv)
						if e > cert.Bound[c]+1e-12*(1+math.Abs(exact[c])) {
							violations++
							t.Errorf("%s, int%d, n %d: off by %v, bound %v", name, bits, z.n, e, cert.Bound[c])
						}
						if cert.Bound[c] > 1e-9 {
							tightest = math.Min(tightest, cert.Bound[c]/e)
						}
					}
					rows++
					if square > 1e-20 && z.n > 1 {
						ratio, refined = append(ratio, cert.Estimate/math.Sqrt(square)), append(refined, cert.Refined/math.Sqrt(square))
						slack = append(slack, tightest)
					}
				}
			}
			slices.Sort(ratio)
			slices.Sort(refined)
			slices.Sort(slack)
			at := func(x []float64, f float64) float64 { return x[int(f*float64(len(x)-1))] }
			t.Logf("%-16s int%d  E/actual p5 %.2f median %.2f p95 %.2f  R/actual p5 %.2f median %.2f p95 %.2f  bound/actual least %.1f median %.1f",
				name, bits, at(ratio, .05), at(ratio, .5), at(ratio, .95), at(refined, .05), at(refined, .5), at(refined, .95), slack[0], at(slack, .5))
			if med := at(refined, .5); med < 0.7 || med > 2 {
				t.Errorf("%s, int%d: the median of R/actual is %v", name, bits, med)
			}
			if slack[0] > 30 {
				t.Errorf("%s, int%d: the bound is never approached: %v", name, bits, slack[0])
			}
		}
	}
	t.Logf("%d rows, %d violations", rows, violations)
	if !testing.Short() && rows < 200_000 {
		t.Errorf("only %d rows", rows)
	}
}

// Certify takes norms and sums where the parts of bounds.go take vectors: the same bound.
func TestCertificateParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(73, 74))
	for range 50 {
		z := newCertCase(rng, 0, 8)
		q := random(rng, z.d)
		qHat := quantizeRow(q, 8).hat
		query := CertQuery{Norm: norm(q), Err: distance(q, qHat), Scale: -0.3, D: z.d, Levels: 255}
		p, _ := Softmax(random(rng, z.n), nil)
		cert := Certify(query, p, z.keys, z.tiles, z.rangeV)
		delta, tile := 0.0, make([]int, z.n)
		for j := range z.n {
			k := minus(z.k[j], z.kCentre[j/Tokens])
			delta, tile[j] = math.Max(delta, LogitShift(-0.3, q, qHat, k, z.kHat[j])), j/Tokens
		}
		closeTo(t, "delta", cert.Delta, delta)
		for c := range z.dv {
			v, codes := make([]float64, z.n), make([]float64, z.n)
			for j := range z.n {
				v[j] = z.v[j][c]
				if z.row.VScale[j] > 0 {
					codes[j] = z.row.V[j*z.dv+c] / z.row.VScale[j]
				}
			}
			closeTo(t, "bound", cert.Bound[c], Int8OutBound(delta, v, z.row.VScale, codes, p, tile))
			closeTo(t, "sum of parts", cert.Logits[c]+cert.Values[c]+cert.Weights[c], cert.Bound[c])
		}
		// Inputs that are rounded up, as a cache would store them, never lower the bound; hidden keys do not change anything.
		up := slices.Clone(z.keys)
		for j := range up {
			up[j].KNorm *= 1 + rng.Float64()/1000
			up[j].KErr *= 1 + rng.Float64()/1000
		}
		query.Err *= 1.001
		higher := Certify(query, append(p, 0), append(up, CertKey{}), append(z.tiles, CertTile{Codes: make([]float64, z.dv)}), z.rangeV)
		for c := range z.dv {
			if higher.Bound[c] < cert.Bound[c] {
				t.Errorf("bound %v falls to %v", cert.Bound[c], higher.Bound[c])
			}
		}
	}
}

// Two keys by hand: p = ¼, ¾, scale 2, d = 4, all errors ½ or ¼.
func TestCertificateByHand(t *testing.T) {
	q := CertQuery{Norm: 3, Err: 0.5, Scale: 2, D: 4, Levels: 15}
	keys := []CertKey{{KNorm: 2, KErr: 0.25, VScale: 0.5, VErr: 0.25, VVar: 0.02}, {KNorm: 1, KErr: 0.5, VScale: 0.1, VErr: 0.05, VVar: 0.001}}
	tiles := []CertTile{{Var: 0.36, CodeVar: 9, Codes: []float64{30}}}
	z := Certify(q, []float64{0.25, 0.75}, keys, tiles, []float64{4})
	closeTo(t, "delta", z.Delta, 2*(3*0.5+0.5*1))
	closeTo(t, "logits", z.Logits[0], 4*math.Tanh(2))
	closeTo(t, "values", z.Values[0], 0.25*0.25+0.75*0.05)
	closeTo(t, "weights", z.Weights[0], 0.125/30*30)
	step, a0, a1 := 0.125/15, 4*(0.0625*9+0.25*4)/4, 4*(0.25*9+0.25*1)/4
	closeTo(t, "estimate", z.Estimate, math.Sqrt(0.0625*(a0*0.36+0.02)+0.5625*(a1*0.36+0.001)+step*step/12*0.36*(1/0.25+1/0.01)))
	v0, v1 := 0.25*9, 0.01*9
	spread := 0.0625*v0 + 0.5625*v1
	closeTo(t, "refined", z.Refined, math.Sqrt(0.0625*(a0*(0.5*v0+spread)+0.02)+0.5625*(a1*(-0.5*v1+spread)+0.001)+2*step*step/12*9))
	q.Levels = 0
	closeTo(t, "unrounded weights", Certify(q, []float64{0.25, 0.75}, keys, tiles, []float64{4}).Weights[0], 0)
}
