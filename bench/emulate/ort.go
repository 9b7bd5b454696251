package emulate

import "math"

// ort is ONNX Runtime's GroupQueryAttention with an int8 cache.
type ort struct {
	levels     float64 // largest code; the smallest is one less than its negative
	perChannel bool
}

// ONNXRuntime is the CPU GroupQueryAttention of ONNX Runtime with an int8 cache
// (onnxruntime/core/mlas/lib/qkv_quant.cpp): keys and values are RNE codes in
// −128..127 with static scales, one per tensor or one per channel; queries, weights
// and sums are float32. The scales are inputs of the operator, here max|x|/127.
func ONNXRuntime(perChannel bool) System { return &ort{127, perChannel} }

func (s *ort) Name() string {
	if s.perChannel {
		return "ONNX Runtime int8 per channel"
	}
	return "ONNX Runtime int8 per tensor"
}

func (s *ort) Attend(h *Head) (Result, error) {
	k, v := s.roundTrip(h.K, h.DK), s.roundTrip(h.V, h.DV)
	return flash{tile: 64}.attend(h, v, floatScores(h, h.Q, k, h.Scale)), nil
}

// roundTrip returns the dequantized tensor.
func (s *ort) roundTrip(x []float32, d int) []float32 {
	scale := columnAbsMax(x, d)
	if !s.perChannel {
		top := absMax(x)
		for c := range scale {
			scale[c] = top
		}
	}
	y := make([]float32, len(x))
	for i, v := range x {
		if f := scale[i%d] / s.levels; f > 0 {
			y[i] = float32(clamp(math.RoundToEven(float64(v)/f), -s.levels-1, s.levels) * f)
		}
	}
	return y
}
