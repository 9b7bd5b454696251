package emulate

import "math"

// sage is SageAttention2 with 8-bit queries and keys.
type sage struct {
	name   string
	levels float64 // largest code of Q and K
	p, v   float   // formats of the weights and of the values
	vMax   float64 // largest magnitude of the values after scaling
	narrow bool    // accumulate a tile in binary16
}

// SageAttention2 is the 8-bit kernel for sm89 of SageAttention2 (Zhang et al. 2024,
// arXiv 2411.10958; sageattention/core.py, triton/quant_per_thread.py and
// csrc/qattn/attn_utils.cuh of thu-ml/SageAttention):
//
//	K'  = K − mean over tokens
//	q   = trunc(x/s ± 0.5), s = max|x|/127 + 1e-7 over the group
//	Q groups: rows ≡ t mod 8 of 32 rows;  K groups: tokens {2t, 2t+1} mod 8 of 64
//	P   = e4m3(2^(s − m + 8.807)), in (0, 448)
//	V   = e4m3(v/s), s = max|v|/448 per channel over all tokens
//
// in tiles of 64 keys. The denominator sums the unrounded weights, and
// LSE gets back scale·q·mean. Uncertain: the FP8 tensor core accumulates with about 13
// fraction bits inside a tile; here it is exact.
func SageAttention2() System {
	return &sage{name: "SageAttention2 8+8", levels: 127, p: e4m3, v: e4m3, vMax: 448}
}

// SageAttention2PP is SageAttention2++ (Zhang et al. 2025, arXiv 2505.21136): as
// SageAttention2 with values scaled to max|v|/2.25, so that the tensor core can
// accumulate two steps of 32 keys in binary16 before they are added to float32.
// Uncertain: how the hardware rounds inside a step; here a step is exact and rounded
// once.
func SageAttention2PP() System {
	return &sage{name: "SageAttention2++ 8+8", levels: 127, p: e4m3, v: e4m3, vMax: 2.25, narrow: true}
}

func (s *sage) Name() string { return s.name }

// sageOffset makes the largest weight 2^8.807 ≈ 447.98.
const sageOffset = 8.807

func (s *sage) Attend(h *Head) (Result, error) {
	mean := columnMean(h.K, h.DK)
	smooth := make([]float32, len(h.K))
	for i, x := range h.K {
		smooth[i] = float32(float64(x) - mean[i%h.DK])
	}
	q := s.encode(h.Q, h.DK, func(i int) int { return i/32*8 + i%8 })
	k := s.encode(smooth, h.DK, func(j int) int { return j/64*4 + j%8/2 })
	v, vScale := s.values(h)

	top := math.Exp2(sageOffset)
	f := flash{tile: 64, round: func(p []float64) {
		for j, x := range p {
			p[j] = s.p.round(x * top)
		}
	}}
	if s.narrow {
		f.accumulate = accumulateHalf
	}
	r := f.attend(h, v, q.scores(h, k))
	for i := range r.Out {
		r.Out[i] *= vScale[i%h.DV] / top
	}
	for i := range r.LSE {
		for c, m := range mean {
			r.LSE[i] += h.Scale * float64(h.Q[i*h.DK+c]) * m
		}
	}
	return r, nil
}

// encode quantizes rows with one scale per group of rows.
func (s *sage) encode(x []float32, d int, group func(i int) int) scaled {
	n := len(x) / d
	top := map[int]float64{}
	for i := range n {
		top[group(i)] = max(top[group(i)], absMax(row(x, i, d)))
	}
	e := scaled{make([]float32, len(x)), make([]float64, n)}
	for i := range n {
		e.scale[i] = top[group(i)]/s.levels + 1e-7
		for c, v := range row(x, i, d) {
			e.code[i*d+c] = float32(halfAway(float64(v) / e.scale[i]))
		}
	}
	return e
}

// values quantizes V per channel.
func (s *sage) values(h *Head) (code []float32, scale []float64) {
	scale = columnAbsMax(h.V, h.DV)
	for c := range scale {
		scale[c] /= s.vMax
	}
	code = make([]float32, len(h.V))
	for i, x := range h.V {
		if f := scale[i%h.DV]; f > 0 {
			code[i] = float32(s.v.round(float64(x) / f))
		}
	}
	return code, scale
}

// accumulateHalf adds a tile in steps of 32 keys with a binary16 accumulator that
// starts at zero.
func accumulateHalf(acc, p []float64, v []float32) {
	tile, step := make([]float64, len(acc)), make([]float64, len(acc))
	for lo := 0; lo < len(p); lo += 32 {
		hi := min(lo+32, len(p))
		clear(step)
		addWeighted(step, p[lo:hi], v[lo*len(acc):hi*len(acc)])
		for c := range tile {
			tile[c] = half.overflow(tile[c] + step[c])
		}
	}
	for c := range acc {
		acc[c] += tile[c]
	}
}
