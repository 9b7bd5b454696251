package reference

import "math"

// ProbMode is a way to round the unnormalised weights of online softmax, one tile of 64 keys after the other:
//
//	M_t  reference exponent of tile t, a function of its logits and of the tiles before it
//	e_j  = 2^(y_j − M_t)                 exact weight
//	c_j  = code of key j                 integer
//	w_j  = weight(c_j)                   what multiplies V[j], relative to 2^M_t
//	m_t  = Σ_{j in t} e_j  or  Σ w_j     mass, by the mode's Mass
//
// and with the state (m, l, o) = (−Inf, 0, 0), per tile,
//
//	m' = max(m, M_t), α = 2^(m−m'), β = 2^(M_t−m')
//	l = α·l + β·m_t,  o = α·o + β·(Σ w_j·V[j] + m_t·Centre[t])
//
// At the end the sink adds 2^(Sink−m) to l, out = o/l, LSE = ln 2·(m + log₂ l). Tiles without a visible key are skipped. A row without any
// gives +0 and LSE −Inf (or its sink). The centre takes the mass that the denominator takes, so that a constant V comes out exact.
type ProbMode struct {
	// Name is the element type, then a gain, then "-codes" when the mass is not the exact one and could be.
	Name string
	// Mass is what the denominator sums.
	Mass Mass

	// zero is the code of weight 0.
	zero int
	// ref is M_t, of the largest M before it (−Inf at a split) and the largest logit of the tile.
	ref func(running, top float64) float64
	// integer tells that M_t is an integer: an uncertain logit then moves it by whole octaves or not at all.
	integer bool
	// codes gives the least and the largest code of each key when logits and weights are uncertain by s and M_t is not; hidden keys are
	// the caller's.
	codes func(t *probTile, s Slack) (lo, hi []int)
	// weight is w_j of a code, relative to 2^M_t.
	weight func(t *probTile, j, code int) float64
}

// Mass tells which weights a denominator sums.
type Mass int

// The two denominators. From the exact weights the row is right for centred values and right in LSE; from the codes the rounding errors of
// numerator and denominator cancel for values of equal size.
const (
	MassExact Mass = iota
	MassCodes
)

// ProbModes lists every mode in its usual parameters.
var ProbModes = []ProbMode{
	ProbF32(),
	ProbUint(4, MassExact), ProbUint(8, MassExact), ProbUint(16, MassExact), ProbUint(4, MassCodes), ProbUint(8, MassCodes), ProbUint(16, MassCodes),
	ProbE4M3(256, MassExact), ProbE4M3(256, MassCodes), ProbE4M3(448, MassExact), ProbE4M3(448, MassCodes),
	ProbE5M2(256, MassExact), ProbE5M2(256, MassCodes),
	ProbBF16(MassExact), ProbBF16(MassCodes),
	ProbLog2(2), ProbLog2(3), ProbLog2(4), ProbLog2(5), ProbLogSqrt2(4), ProbLogSqrt2(5),
	ProbLogInt(4, 8), ProbLogInt(5, 6),
}

// PerTile returns the mode with M_t taken from the logits of tile t alone: what a kernel computes that sees one tile at a time. States of two tiles
// then meet by 2^(M−M'), a whole power of two where M_t is an integer.
func (m ProbMode) PerTile() ProbMode {
	ref := m.ref
	m.ref = func(_, top float64) float64 { return ref(math.Inf(-1), top) }
	return m
}

// AtMaximum returns the mode with M_t = the largest logit of tile t, where m rounds it up to an integer: that key has the code 0, and codes err
// less, but tiles do not meet by whole powers of two.
func (m ProbMode) AtMaximum() ProbMode {
	codes := m.codes
	m.ref, m.integer = refTile, false
	m.codes = func(t *probTile, s Slack) (lo, hi []int) {
		s.Logit *= 2 // the key and the maximum may move apart
		return codes(t, s)
	}
	return m
}

// ProbModeByName returns the mode of a name in [ProbModes] and whether there is one.
func ProbModeByName(name string) (ProbMode, bool) {
	for _, m := range ProbModes {
		if m.Name == name {
			return m, true
		}
	}
	return ProbMode{}, false
}

// ProbResult is the answer of a mode to a [ProbRow].
type ProbResult struct {
	// Out is [DV], and LSE the natural logarithm of the denominator that Out was divided by, sink included.
	Out []float64
	LSE float64
	// Codes holds the code of each key; a hidden key has the code of zero.
	Codes []int
	// Weights and Centres are the normalised factors of the dequantized row: Out = Σ_j Weights[j]·V[j] + Σ_t Centres[t]·Centre[t].
	Weights, Centres []float64
	// Tiles describes the tiles of an online mode.
	Tiles []ProbTile
	// M and L are the final state of an online mode: the denominator is L·2^M.
	M, L float64
}

// ProbTile is what an online mode decides once per tile.
type ProbTile struct {
	// Ref is M_t; −Inf for a tile without a visible key.
	Ref float64
	// Top is U = max 2^(y_j − Ref)·VScale[j] of the visible keys, see [ProbUint].
	Top float64
	// Mass is m_t, relative to 2^Ref.
	Mass float64
}

// Attend answers r. Logits, sinks or scales that are NaN, and logits or scales of +Inf, make Out and LSE NaN and leave every code zero.
func (m ProbMode) Attend(r *ProbRow) ProbResult {
	r.check()
	res := ProbResult{Weights: make([]float64, len(r.Y)), Centres: make([]float64, r.tileCount())}
	for range r.Y {
		res.Codes = append(res.Codes, m.zero)
	}
	if r.undefined() {
		res.Out, res.LSE, res.M, res.L = nans(r.DV), math.NaN(), math.NaN(), math.NaN()
		return res
	}
	tiles := m.tiles(r, Slack{})
	state := binState{m: math.Inf(-1), o: make([]float64, r.DV)}
	for i := range tiles {
		t := &tiles[i]
		out := ProbTile{Ref: t.ref, Top: t.u}
		if !math.IsInf(t.ref, -1) {
			codes, _ := m.codes(t, Slack{})
			o := make([]float64, r.DV)
			for j := range t.y {
				if t.hidden(j) {
					continue
				}
				w := m.weight(t, j, codes[j])
				res.Codes[t.first+j], res.Weights[t.first+j] = codes[j], w
				out.Mass += m.mass(t, j, w)
				for c, v := range r.stored(t.first + j) {
					o[c] += w * v
				}
			}
			for c, mu := range r.centre(i) {
				o[c] += out.Mass * mu
			}
			state.add(t.ref, out.Mass, o)
		}
		res.Tiles = append(res.Tiles, out)
	}
	state.add(r.Sink, 1, nil)
	res.M, res.L = state.m, state.l
	res.Out, res.LSE = state.finish()
	for i, t := range res.Tiles {
		if math.IsInf(t.Ref, -1) {
			continue
		}
		f := math.Exp2(t.Ref-state.m) / state.l
		res.Centres[i] = f * t.Mass
		for j := range tiles[i].y {
			res.Weights[tiles[i].first+j] *= f
		}
	}
	return res
}

// mass is the share of key j in m_t.
func (m ProbMode) mass(t *probTile, j int, w float64) float64 {
	if m.Mass == MassCodes {
		return w
	}
	return math.Exp2(t.y[j] - t.ref)
}
