package emulate

import "math"

// intFlash is INT-FlashAttention.
type intFlash struct {
	levels  float64 // largest code of Q, K and V
	pLevels float64 // largest code of the weights
	scale   float   // format of the scales of Q and K
}

// INTFlashAttention is INT-FlashAttention (Chen et al. 2024, arXiv 2409.16997;
// flash_atten_full_int8.py of INT-FlashAttention2024/INT-FlashAttention): int8 queries
// and keys with a binary16 scale per token, int8 values with one scale per head,
//
//	P = trunc(half(127·half(p)) + 0.5), p = exp(s − m)
//
// against the running maximum, and the unrounded weights in the denominator. Uncertain:
// the quantizers are the caller's, here round to nearest even with max|x|/127; the tile
// is autotuned between 32 and 256, here 64. The kernel returns no LSE; this is the one
// its denominator implies.
func INTFlashAttention() System { return &intFlash{127, 127, half} }

func (s *intFlash) Name() string { return "INT-FlashAttention" }

func (s *intFlash) Attend(h *Head) (Result, error) {
	q, k := s.perToken(h.Q, h.DK), s.perToken(h.K, h.DK)
	v, vScale := perTensor(h.V, s.levels, s.levels)
	f := flash{tile: 64, round: func(p []float64) {
		for j, x := range p {
			p[j] = math.Trunc(s.scale.round(s.scale.round(s.scale.round(x)*s.pLevels) + 0.5))
		}
	}}
	r := f.attend(h, v, q.scores(h, k))
	for i := range r.Out {
		r.Out[i] *= vScale / s.pLevels
	}
	return r, nil
}

func (s *intFlash) perToken(x []float32, d int) scaled {
	e := scaled{make([]float32, len(x)), make([]float64, len(x)/d)}
	for i := range e.scale {
		e.scale[i] = s.scale.round(absMax(row(x, i, d)) / s.levels)
		if e.scale[i] == 0 {
			continue
		}
		for c, v := range row(x, i, d) {
			e.code[i*d+c] = float32(clamp(math.RoundToEven(float64(v)/e.scale[i]), -s.levels, s.levels))
		}
	}
	return e
}

// perTensor quantizes a tensor to codes in [−levels−1, levels] or, with limit = levels,
// in [−levels, levels] with one scale max|x|/levels.
func perTensor(x []float32, levels, limit float64) (code []float32, scale float64) {
	code = make([]float32, len(x))
	scale = absMax(x) / levels
	if scale == 0 {
		return code, 0
	}
	for i, v := range x {
		code[i] = float32(clamp(math.RoundToEven(float64(v)/scale), -limit, levels))
	}
	return code, scale
}
