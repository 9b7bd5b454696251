package reference

import "math"

// Range returns what uncertain logits can do to [StaticMode.Attend]; references are absent. With d_j = largest |p̂'_j − p̂_j|, P the exact mass,
// which only a sink makes uncertain, and o the exact output:
//
//	CorrectNone, CorrectStatic   Σ d_j·|v_j|
//	CorrectDynamic               Σ d_j·|v_j − mean| + |P'−P|·|mean|
//	CorrectRenormalise           P'·Σ d_j·|v_j − o/P| / Σ p̂' + |P'−P|·|o/P|, at most the width of the hull of the visible values
//	CorrectCentred               Σ d_j·|V[j]| + Σ_t |P'_t−P_t|·|Centre[t]|
func (m StaticMode) Range(r *ProbRow, c Correction, s Slack) ProbRange {
	res := m.Attend(r, c)
	g := newProbRange(r, m.zero)
	if r.undefined() || math.IsInf(r.top(), -1) {
		return g
	}
	codes, p := m.quantize(r)
	lo, hi, sum := m.weights(r, s)
	d := make([]float64, len(r.Y))
	var quantized widths
	mass := 0.0
	for j := range r.Y {
		if r.hidden(j) {
			continue
		}
		a, b := m.code(lo[j], sum.hi), m.code(hi[j], sum.lo)
		pLo, pHi, pj := m.value(a), m.value(b), m.value(codes[j])
		g.Lo[j], g.Hi[j] = min(a, b), max(a, b)
		d[j] = math.Max(pHi-pj, pj-pLo)
		quantized.add(pLo, pHi)
		mass += p[j]
	}
	g.LSE = 2 * math.Log(s.factor())
	f := s.factor() * s.factor()
	dMass := (f - 1) * math.Min(mass, math.Max(0, 1-mass))
	mean := r.mean()
	for ch := range g.Out {
		switch {
		case c.Kind == CorrectDynamic, c.Kind == CorrectCentred && len(r.Centre) == 0:
			g.Out[ch] = m.spread(r, d, ch, mean[ch]) + dMass*math.Abs(mean[ch])
		case c.Kind == CorrectRenormalise:
			g.Out[ch] = m.renormalised(r, d, ch, res.Out[ch], mass, dMass, quantized)
		case c.Kind == CorrectCentred:
			for j, dj := range d {
				if r.hidden(j) {
					continue
				}
				g.Out[ch] += dj*math.Abs(r.V[j*r.DV+ch]) + p[j]*(f-1)*math.Abs(r.centre(j / Tokens)[ch])
			}
		default:
			g.Out[ch] = m.spread(r, d, ch, 0)
		}
	}
	g.count()
	return g
}

// spread is Σ d_j·|v_j − at| in channel c.
func (m StaticMode) spread(r *ProbRow, d []float64, c int, at float64) float64 {
	sum := 0.0
	for j := range r.Y {
		if !r.hidden(j) {
			sum += d[j] * math.Abs(r.value(j)[c]-at)
		}
	}
	return sum
}

func (m StaticMode) renormalised(r *ProbRow, d []float64, c int, out, mass, dMass float64, quantized widths) float64 {
	if mass == 0 {
		return 0
	}
	o := out / mass
	lo, hi := r.hull(c)
	bound := hi - lo
	if quantized.lo > 0 {
		bound = math.Min(bound, m.spread(r, d, c, o)/quantized.lo)
	} else if quantized.hi == 0 {
		bound = 0 // the mean either way
	}
	return (mass+dMass)*bound + dMass*math.Abs(o)
}
