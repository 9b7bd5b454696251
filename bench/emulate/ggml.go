package emulate

import "math"

// Block is a ggml block format: it quantizes a run of 32 elements and returns them
// dequantized.
type Block struct {
	name  string
	round func(dst, x []float32)
}

// The block formats of a KV cache. Both keep one binary16 scale per 32 elements;
// codes are computed with the unrounded scale (ggml/src/ggml-quants.c and the x86
// and Arm paths of quantize_row_q8_0).
var (
	// Q80 has codes −127..127: d = max|x|/127, round to nearest even.
	Q80 = Block{"q8_0", func(dst, x []float32) { roundQ80(dst, x, 127, half) }}
	// Q40 has codes 0..15: d = x_max/−8 with x_max the element of largest magnitude and
	// its sign, code = min(15, trunc(x/d + 8.5)), value = d·(code − 8).
	Q40 = Block{"q4_0", func(dst, x []float32) { roundQ40(dst, x, 8, half) }}
)

func roundQ80(dst, x []float32, levels float64, scale float) {
	d := absMax(x) / levels
	stored := scale.overflow(d)
	for i, v := range x {
		if d > 0 {
			dst[i] = float32(math.RoundToEven(float64(v)/d) * stored)
		} else {
			dst[i] = 0
		}
	}
}

func roundQ40(dst, x []float32, levels float64, scale float) {
	var top float64
	for _, v := range x {
		if math.Abs(float64(v)) > math.Abs(top) {
			top = float64(v)
		}
	}
	d := top / -levels
	stored := scale.overflow(d)
	for i, v := range x {
		if d != 0 {
			code := math.Min(2*levels-1, math.Trunc(float64(v)/d+levels+0.5))
			dst[i] = float32((code - levels) * stored)
		} else {
			dst[i] = 0
		}
	}
}

// blockSize is QK8_0 = QK4_0.
const blockSize = 32

// ggml is the CPU flash attention of ggml over a cache in a block format.
type ggml struct {
	kv, q  Block
	rotate bool
}

// GGML is the CPU backend of ggml (ggml_compute_forward_flash_attn_ext in
// ggml/src/ggml-cpu/ops.cpp) with keys and values in a block format: the query is
// quantized to q8_0, scores are integer block products, weights and the accumulator
// are float32 and every value row is expanded to float32. With rotate the rows go
// through the Hadamard rotation that llama.cpp switches on for quantized caches
// (src/llama-kv-cache.cpp, pull request 21038): blocks of the largest power of two that
// divides the key dimension and blocks of 64 for values, both only for multiples of 64.
func GGML(b Block, rotate bool) System { return &ggml{b, Q80, rotate} }

func (s *ggml) Name() string {
	if s.rotate {
		return "ggml " + s.kv.name + " + Hadamard"
	}
	return "ggml " + s.kv.name
}

func (s *ggml) Attend(h *Head) (Result, error) {
	if h.DK%blockSize != 0 || h.DV%blockSize != 0 {
		return Result{}, shapeError(s, "head dimensions %d and %d are not multiples of %d", h.DK, h.DV, blockSize)
	}
	q, k, v := h.Q, h.K, h.V
	if s.rotate {
		if h.DK%64 != 0 || h.DV%64 != 0 {
			return Result{}, shapeError(s, "head dimensions %d and %d are not multiples of 64", h.DK, h.DV)
		}
		n := h.DK & -h.DK
		q, k, v = hadamardBlocks(q, n), hadamardBlocks(k, n), hadamardBlocks(v, 64)
	}
	q, k, v = s.q.roundTrip(q), s.kv.roundTrip(k), s.kv.roundTrip(v)
	r := flash{tile: 1}.attend(h, v, floatScores(h, q, k, h.Scale))
	if s.rotate {
		for i := 0; i < len(r.Out); i += 64 {
			unrotate(r.Out[i : i+64])
		}
	}
	return r, nil
}

// roundTrip quantizes x in blocks and returns it dequantized.
func (b Block) roundTrip(x []float32) []float32 {
	y := make([]float32, len(x))
	for i := 0; i < len(x); i += blockSize {
		b.round(y[i:i+blockSize], x[i:i+blockSize])
	}
	return y
}

// unrotate applies the Hadamard matrix, its own inverse, to an output block.
func unrotate(x []float64) {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	hadamard(y)
	for i, v := range y {
		x[i] = float64(v)
	}
}

// ggmlF16 is the CPU flash attention of ggml over a binary16 cache.
type ggmlF16 struct{}

// GGMLF16 is the CPU backend of ggml with keys and values in binary16, one row of
// queries at a time: the accumulator of the values is binary16 too and is rounded
// after every key (ggml_vec_mad_f16, ggml_vec_scale_f16), so long flat rows stagnate.
// Threads that split the keys of a decode step divide the effect; here there is one.
func GGMLF16() System { return ggmlF16{} }

func (ggmlF16) Name() string { return "ggml f16" }

func (ggmlF16) Attend(h *Head) (Result, error) {
	q, k, v := roundHalf(h.Q), roundHalf(h.K), roundHalf(h.V)
	f := flash{tile: 1,
		accumulate: func(acc, p []float64, v []float32) {
			for c, x := range v {
				acc[c] = half.overflow(acc[c] + p[0]*float64(x))
			}
		},
		rescale: func(acc []float64, by float64) {
			for c := range acc {
				acc[c] = half.overflow(acc[c] * by)
			}
		}}
	return f.attend(h, v, floatScores(h, q, k, h.Scale)), nil
}

func roundHalf(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(half.overflow(float64(v)))
	}
	return y
}
