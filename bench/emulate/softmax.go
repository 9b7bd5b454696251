package emulate

import "math"

// flash is the loop of FlashAttention (Dao 2023, arXiv 2307.08691) over tiles of keys
// with a running maximum m: weights p = exp(s − m) are at most 1, the denominator sums
// them as they are, their rounded form meets the values.
type flash struct {
	tile    int  // keys per step
	reverse bool // last tile first
	// round rounds the weights of a tile; nil keeps them.
	round func(p []float64)
	// accumulate adds Σ p·v of one tile, v being [len(p)][len(acc)]; nil adds exactly.
	accumulate func(acc, p []float64, v []float32)
	// rescale multiplies the accumulators by exp(m_old − m_new); nil multiplies exactly.
	rescale func(acc []float64, by float64)
}

// attend runs the loop over every row. score fills s with the logits of row i over its
// first len(s) keys; v holds the dequantized values up to the factors that finish
// applies to each output row.
func (f flash) attend(h *Head, v []float32, score func(i int, s []float64)) Result {
	r := h.newResult()
	logits := make([]float64, h.NK)
	for i := range h.NQ {
		s := logits[:h.sees(i)]
		score(i, s)
		r.LSE[i] = f.row(r.Out[i*h.DV:(i+1)*h.DV], s, v)
	}
	return r
}

// row consumes the logits of one row.
func (f flash) row(acc, s []float64, v []float32) (lse float64) {
	m, l, dv := math.Inf(-1), 0.0, len(acc)
	tiles := (len(s) + f.tile - 1) / f.tile
	for t := range tiles {
		if f.reverse {
			t = tiles - 1 - t
		}
		lo, hi := t*f.tile, min((t+1)*f.tile, len(s))
		p := s[lo:hi]
		mt := m
		for _, x := range p {
			mt = math.Max(mt, x)
		}
		if mt > m {
			alpha := math.Exp(m - mt)
			m, l = mt, l*alpha
			if f.rescale != nil {
				f.rescale(acc, alpha)
			} else {
				for c := range acc {
					acc[c] *= alpha
				}
			}
		}
		for j, x := range p {
			p[j] = math.Exp(x - m)
			l += p[j]
		}
		if f.round != nil {
			f.round(p)
		}
		if f.accumulate != nil {
			f.accumulate(acc, p, v[lo*dv:hi*dv])
		} else {
			addWeighted(acc, p, v[lo*dv:hi*dv])
		}
	}
	if l == 0 {
		return math.Inf(-1)
	}
	for c := range acc {
		acc[c] /= l
	}
	return m + math.Log(l)
}

// addWeighted adds Σ_j p_j·v_j to acc.
func addWeighted(acc, p []float64, v []float32) {
	for j, w := range p {
		if w == 0 {
			continue
		}
		for c, x := range v[j*len(acc) : (j+1)*len(acc)] {
			acc[c] += w * float64(x)
		}
	}
}

// softmaxRows is the other kind of system: all logits of a row first, then weights,
// then values. weigh turns logits into the final weights and returns the logarithm of
// the denominator.
func softmaxRows(h *Head, v []float32, score func(i int, s []float64), weigh func(s []float64) (lse float64)) Result {
	r := h.newResult()
	logits := make([]float64, h.NK)
	for i := range h.NQ {
		s := logits[:h.sees(i)]
		if len(s) == 0 {
			r.LSE[i] = math.Inf(-1)
			continue
		}
		score(i, s)
		r.LSE[i] = weigh(s)
		addWeighted(r.Out[i*h.DV:(i+1)*h.DV], s, v)
	}
	return r
}

// floatScores returns the score function of plain (dequantized) queries and keys.
func floatScores(h *Head, q, k []float32, factor float64) func(i int, s []float64) {
	return func(i int, s []float64) {
		qi := row(q, i, h.DK)
		for j := range s {
			s[j] = factor * dot(qi, row(k, j, h.DK))
		}
	}
}

// scaled holds integer codes with one scale per row.
type scaled struct {
	code  []float32
	scale []float64
}

// scores returns the score function of integer codes: an exact integer dot product
// times both scales.
func (q scaled) scores(h *Head, k scaled) func(i int, s []float64) {
	return func(i int, s []float64) {
		qi, f := row(q.code, i, h.DK), h.Scale*q.scale[i]
		for j := range s {
			s[j] = f * k.scale[j] * dot(qi, row(k.code, j, h.DK))
		}
	}
}

// exact is attention in float64.
type exact struct{}

// Exact is attention in float64 without any rounding.
func Exact() System { return exact{} }

func (exact) Name() string { return "exact" }

func (exact) Attend(h *Head) (Result, error) {
	return flash{tile: max(1, h.NK)}.attend(h, h.V, floatScores(h, h.Q, h.K, h.Scale)), nil
}
