package emulate

import "math"

// torchAO is statically quantized attention with normalised 8-bit probabilities.
type torchAO struct {
	levels float64 // largest code; codes start at 0
	p      float64 // code of a probability of 1
}

// TorchAO is the int8 attention of PyTorch AO on CPU (quantized_sdpa.cpp of
// pytorch/ao), whose arithmetic is also that of oneDNN's quantized SDPA pattern: Q, K
// and V in uint8 with scale and zero point per tensor, and weights that are normalised
// first and rounded afterwards on a static grid:
//
//	P = round(255·exp(s − m)/l)
//
// A weight below 1/510 of the row is 0. Q, K and V take the range of the data
// (including 0), P takes [0, 1] with zero point 0. The exponential is exact here, 20
// ulp there, and the output stays unrounded (uint8 there).
func TorchAO() System { return &torchAO{255, 255} }

func (s *torchAO) Name() string { return "torchao/oneDNN u8" }

func (s *torchAO) Attend(h *Head) (Result, error) {
	q, qs := s.affine(h.Q)
	k, ks := s.affine(h.K)
	v, vs := s.affine(h.V)
	r := softmaxRows(h, v, floatScores(h, q, k, h.Scale*qs*ks), func(x []float64) float64 {
		lse := softmax(x)
		for j, p := range x {
			x[j] = math.RoundToEven(p * s.p)
		}
		return lse
	})
	for i := range r.Out {
		r.Out[i] *= vs / s.p
	}
	return r, nil
}

// affine quantizes a tensor to unsigned codes and returns them less the zero point.
func (s *torchAO) affine(x []float32) (code []float32, scale float64) {
	lo, hi := minMax(x)
	lo, hi = math.Min(lo, 0), math.Max(hi, 0)
	code = make([]float32, len(x))
	if scale = (hi - lo) / s.levels; scale == 0 {
		return code, 0
	}
	zero := clamp(math.RoundToEven(-lo/scale), 0, s.levels)
	for i, v := range x {
		code[i] = float32(clamp(math.RoundToEven(float64(v)/scale)+zero, 0, s.levels) - zero)
	}
	return code, scale
}

// softmax replaces logits by probabilities and returns their LSE.
func softmax(x []float64) (lse float64) {
	m, l := math.Inf(-1), 0.0
	for _, v := range x {
		m = math.Max(m, v)
	}
	for j, v := range x {
		x[j] = math.Exp(v - m)
		l += x[j]
	}
	for j := range x {
		x[j] /= l
	}
	return m + math.Log(l)
}
