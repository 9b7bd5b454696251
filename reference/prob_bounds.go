package reference

import "math"

// Slack says how far the arithmetic of a kernel may be from the real numbers of a definition.
type Slack struct {
	// Logit bounds the error of every base-2 logit and of the sink, independent from key to key.
	Logit float64
	// Rel bounds the relative error of every weight on its way to the rounding: 2^x, products and quotients of scales, the ½.
	Rel float64
}

// Slack32 is the slack of a float32 kernel whose row has S = max |scale|·Σ|q·k| ([Result.MaxAbs]), in the sense of [Tolerance32]:
//
//	Logit = 4·2⁻²⁴·log₂e·S,  Rel = 8·2⁻²⁴
//
// Bias and ALiBi of large magnitude add to S.
func Slack32(s float64) Slack { return Slack{Logit: 4 * 0x1p-24 * math.Log2E * s, Rel: 8 * 0x1p-24} }

// factor is the largest quotient of a weight and the exact one.
func (s Slack) factor() float64 { return math.Exp2(s.Logit) * (1 + s.Rel) }

// ProbRange says what a kernel may answer to a row instead of the [ProbResult].
type ProbRange struct {
	// Lo and Hi bound the code of each key, at the Ref of its tile. A key is within the slack of a rounding boundary when they differ.
	Lo, Hi []int
	// Uncertain counts those keys.
	Uncertain int
	// RefLo and RefHi bound the reference exponent of each tile. Where references are integers a kernel may have the next one: Lo and Hi are
	// then those of [ProbMode.CodesAt].
	RefLo, RefHi []float64
	// Out bounds the change of each channel, LSE that of LSE. They hold in exact arithmetic on the changed codes and weights: the rounding
	// of sums in a kernel comes on top ([Tolerance32]).
	Out []float64
	LSE float64
}

// Range returns what uncertain logits and weights can do to [ProbMode.Attend]. With exact o = N/L and primes for the changed row, from N' − o·L':
//
//	MassExact  |o'−o| ≤ (Σ_j |w'_j−w_j|·|V_j| + Σ_j |e'_j−e_j|·|Centre−o| + |z'−z|·|o|) / L'
//	MassCodes  |o'−o| ≤ (Σ_j |w'_j−w_j|·|V_j+Centre−o| + |z'−z|·|o|) / L'
//
// where z is the weight of the sink. e' and z' are within 2^±Logit·(1+Rel) of e and z; w' runs through the codes of Lo..Hi and, where M_t is an
// integer, through its values. The bound is rigorous. With MassCodes it is also at most the width of the hull of the visible values.
func (m ProbMode) Range(r *ProbRow, s Slack) ProbRange {
	res := m.Attend(r)
	g := newProbRange(r, m.zero)
	if r.undefined() {
		return g
	}
	g.Lo, g.Hi = m.CodesAt(r, nil, s)
	var width widths
	f := s.factor()
	for i, t := range m.tiles(r, s) {
		g.RefLo, g.RefHi = append(g.RefLo, t.refLo), append(g.RefHi, t.refHi)
		if math.IsInf(t.ref, -1) {
			continue
		}
		wLo, wHi := m.weightRange(&t, s)
		unit, mu := math.Exp2(t.ref-res.M), r.centre(i)
		for j := range t.y {
			if t.hidden(j) {
				continue
			}
			at := t.first + j
			w := m.weight(&t, j, res.Codes[at])
			dw, e := unit*math.Max(wHi[j]-w, w-wLo[j]), unit*m.mass(&t, j, w)
			if m.Mass == MassCodes {
				width.add(unit*wLo[j], unit*wHi[j])
			} else {
				width.scale(e, f)
			}
			for c, v := range r.stored(at) {
				if m.Mass == MassCodes {
					g.Out[c] += dw * math.Abs(v+mu[c]-res.Out[c])
				} else {
					g.Out[c] += dw*math.Abs(v) + e*(f-1)*math.Abs(mu[c]-res.Out[c])
				}
			}
		}
	}
	if !math.IsInf(r.Sink, -1) {
		z := math.Exp2(r.Sink - res.M)
		width.scale(z, f)
		for c, o := range res.Out {
			g.Out[c] += z * (f - 1) * math.Abs(o)
		}
	}
	if width.hi == 0 {
		return g
	}
	g.LSE = math.Max(math.Log(width.hi/res.L), math.Log(res.L/width.lo))
	for c := range g.Out {
		g.Out[c] /= width.lo
		if lo, hi := r.hull(c); m.Mass == MassCodes {
			g.Out[c] = math.Min(g.Out[c], hi-lo)
		}
	}
	g.count()
	return g
}

// CodesAt returns the least and the largest code of each key when the logits are uncertain and the references are known: refs holds one exponent
// per tile for a mode with integer references, and is nil for the exact ones.
func (m ProbMode) CodesAt(r *ProbRow, refs []float64, s Slack) (lo, hi []int) {
	g := newProbRange(r, m.zero)
	if r.undefined() {
		return g.Lo, g.Hi
	}
	for i, t := range m.tiles(r, s) {
		if math.IsInf(t.ref, -1) {
			continue
		}
		if refs != nil && m.integer {
			t.ref = refs[i]
		}
		a, b := m.codes(&t, s)
		for j := range t.y {
			if !t.hidden(j) {
				g.Lo[t.first+j], g.Hi[t.first+j] = a[j], b[j]
			}
		}
	}
	return g.Lo, g.Hi
}

func newProbRange(r *ProbRow, zero int) ProbRange {
	g := ProbRange{Out: make([]float64, r.DV)}
	for range r.Y {
		g.Lo, g.Hi = append(g.Lo, zero), append(g.Hi, zero)
	}
	return g
}

func (g *ProbRange) count() {
	for j := range g.Lo {
		if g.Lo[j] != g.Hi[j] {
			g.Uncertain++
		}
	}
}

// widths is an interval of a sum of weights.
type widths struct{ lo, hi float64 }

func (w *widths) add(lo, hi float64) { w.lo, w.hi = w.lo+lo, w.hi+hi }
func (w *widths) scale(x, f float64) { w.add(x/f, x*f) }

// weightRange returns the least and the largest w_j of a tile with a visible key, relative to 2^M_t of the exact logits.
func (m ProbMode) weightRange(t *probTile, s Slack) (lo, hi []float64) {
	lo, hi = make([]float64, len(t.y)), make([]float64, len(t.y))
	f, refs := s.factor(), []float64{t.ref}
	if m.integer {
		f, refs = 1, nil
		for ref := t.refLo; ref <= t.refHi; ref++ {
			refs = append(refs, ref)
		}
	}
	for n, ref := range refs {
		u := *t
		u.ref = ref
		cLo, cHi := m.codes(&u, s)
		unit := math.Exp2(ref - t.ref)
		for j := range t.y {
			if t.hidden(j) {
				continue
			}
			a, b := unit*m.weight(&u, j, cLo[j]), unit*m.weight(&u, j, cHi[j])
			a, b = math.Min(a, b)/f, math.Max(a, b)*f
			if n > 0 {
				a, b = math.Min(a, lo[j]), math.Max(b, hi[j])
			}
			lo[j], hi[j] = a, b
		}
	}
	return lo, hi
}
