package emulate

import (
	"fmt"
	"math"
)

// kivi is KIVI: asymmetric keys per channel and values per token.
type kivi struct {
	bits, group, residual int
	half                  float
}

// KIVI is KIVI (Liu et al. 2024, arXiv 2402.02750; quant/new_pack.py and
// models/llama_kivi.py of jy-yuan/KIVI) with 2 or 4 bits, groups of 32 and a residual
// of 128 tokens, in the state that a prompt of NK tokens leaves behind:
//
//	code = round(clamp((x − min)/s, 0, 2^bits − 1)), s = (max − min)/(2^bits − 1)
//
// keys in groups of 32 tokens per channel for the first ⌊NK/128⌋·128 tokens, values in
// groups of 32 channels per token for all but the last 128; the rest stays binary16.
// Scales and minima are binary16. Scores are rounded to binary16 before and after the
// division by √d, the softmax is float32 and its result binary16, as are the two
// partial outputs and their sum. There is no LSE; this is the one of the softmax.
func KIVI(bits int) System { return &kivi{bits, 32, 128, half} }

func (s *kivi) Name() string { return fmt.Sprintf("KIVI-%d", s.bits) }

func (s *kivi) Attend(h *Head) (Result, error) {
	if h.DV%min(s.group, h.DV) != 0 {
		return Result{}, shapeError(s, "value dimension %d is not a multiple of %d", h.DV, s.group)
	}
	q, k, v := s.roundHalf(h.Q), s.roundHalf(h.K), s.roundHalf(h.V)
	oldK := h.NK / s.residual * s.residual
	oldV := max(0, h.NK-s.residual)
	s.perChannel(k[:oldK*h.DK], h.DK)
	for i := 0; i < oldV*h.DV; i += min(s.group, h.DV) {
		s.roundGroup(v[i:i+min(s.group, h.DV)], 1)
	}
	score := func(i int, x []float64) {
		qi := row(q, i, h.DK)
		for j := range x {
			x[j] = s.half.overflow(s.half.overflow(dot(qi, row(k, j, h.DK))) * h.Scale)
		}
	}
	r := h.newResult()
	logits, recent := make([]float64, h.NK), make([]float64, h.DV)
	for i := range h.NQ {
		p := logits[:h.sees(i)]
		if len(p) == 0 {
			r.LSE[i] = math.Inf(-1)
			continue
		}
		score(i, p)
		r.LSE[i] = softmax(p)
		for j := range p {
			p[j] = s.half.round(p[j])
		}
		out, cut := r.Out[i*h.DV:(i+1)*h.DV], min(oldV, len(p))
		clear(recent)
		addWeighted(out, p[:cut], v)
		addWeighted(recent, p[cut:], v[cut*h.DV:])
		for c := range out {
			out[c] = s.half.round(s.half.round(out[c]) + s.half.round(recent[c]))
		}
	}
	return r, nil
}

func (s *kivi) roundHalf(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(s.half.overflow(float64(v)))
	}
	return y
}

// perChannel replaces keys by their dequantized form.
func (s *kivi) perChannel(k []float32, d int) {
	for t := 0; t < len(k); t += s.group * d {
		for c := range d {
			s.roundGroup(k[t+c:t+s.group*d], d)
		}
	}
}

// roundGroup quantizes x[0], x[stride], … in place.
func (s *kivi) roundGroup(x []float32, stride int) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := 0; i < len(x); i += stride {
		lo, hi = math.Min(lo, float64(x[i])), math.Max(hi, float64(x[i]))
	}
	levels := math.Exp2(float64(s.bits)) - 1
	scale, zero := s.half.round((hi-lo)/levels), s.half.round(lo)
	if scale == 0 {
		return
	}
	for i := 0; i < len(x); i += stride {
		code := math.RoundToEven(clamp((float64(x[i])-zero)/scale, 0, levels))
		x[i] = float32(code*scale + zero)
	}
}
