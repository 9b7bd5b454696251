package emulate

import "math/rand/v2"

// fa3 is FlashAttention-3 on FP8 tensors.
type fa3 struct {
	format float
	rotate bool
}

// FlashAttention3 is the FP8 forward pass of FlashAttention-3 (Shah et al. 2024, arXiv
// 2407.08608; hopper/softmax.h and tile_size.h of Dao-AILab/flash-attention): Q, K and
// V in e4m3 with one scale max|x|/448 per head, keys visited from the last tile to the
// first,
//
//	P = e4m3(2^(s − m + 8)), in (0, 256]
//
// and the unrounded weights in the denominator. With rotate, queries and keys go
// through the paper's incoherent processing, a random diagonal of signs and a Hadamard
// matrix; the kernel leaves both that and the quantization to the caller, so neither
// the scales nor the signs are fixed by its source. The paper's variant with one scale
// per block is not modelled.
func FlashAttention3(rotate bool) System { return &fa3{e4m3, rotate} }

func (s *fa3) Name() string {
	if s.rotate {
		return "FlashAttention-3 FP8 + Hadamard"
	}
	return "FlashAttention-3 FP8"
}

// fa3Offset makes the largest weight 2^8.
const fa3Offset = 256

func (s *fa3) Attend(h *Head) (Result, error) {
	q, k := h.Q, h.K
	if s.rotate {
		if h.DK&(h.DK-1) != 0 {
			return Result{}, shapeError(s, "head dimension %d is not a power of two", h.DK)
		}
		q, k = s.incoherent(q, h.DK), s.incoherent(k, h.DK)
	}
	qc, qs := s.encode(q)
	kc, ks := s.encode(k)
	vc, vs := s.encode(h.V)
	f := flash{tile: fa3Tile(h.DK), reverse: true, round: func(p []float64) {
		for j, x := range p {
			p[j] = s.format.round(x * fa3Offset)
		}
	}}
	r := f.attend(h, vc, floatScores(h, qc, kc, h.Scale*qs*ks))
	for i := range r.Out {
		r.Out[i] *= vs / fa3Offset
	}
	return r, nil
}

// encode quantizes a tensor with one scale.
func (s *fa3) encode(x []float32) (code []float32, scale float64) {
	code = make([]float32, len(x))
	scale = absMax(x) / s.format.max
	if scale == 0 {
		return code, 0
	}
	for i, v := range x {
		code[i] = float32(s.format.round(float64(v) / scale))
	}
	return code, scale
}

// incoherent flips the same random channels of every row and applies the Hadamard
// matrix.
func (s *fa3) incoherent(x []float32, d int) []float32 {
	r := rand.New(rand.NewPCG(3, 0))
	sign := make([]float32, d)
	for c := range sign {
		sign[c] = float32(1 - 2*r.IntN(2))
	}
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v * sign[i%d]
	}
	return hadamardBlocks(y, d)
}

// fa3Tile is the number of keys per tile that the Hopper kernel chooses for 8-bit
// tensors without paging.
func fa3Tile(d int) int {
	switch {
	case d <= 64:
		return 160
	case d <= 96:
		return 128
	case d <= 128:
		return 224
	case d <= 192:
		return 160
	default:
		return 128
	}
}
