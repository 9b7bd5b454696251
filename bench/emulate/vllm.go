package emulate

// vllm is vLLM's CPU attention over an FP8 cache.
type vllm struct {
	format float
	scale  float64
}

// VLLMCPU is the CPU backend of vLLM with kv-cache-dtype fp8_e4m3
// (csrc/cpu/cpu_attn_fp8.hpp of vllm-project/vllm): keys and values are encoded by
// cutting the float32 fraction after three bits, toward zero, with a scale per tensor
// that is 1 unless calibrated. Queries, weights and sums are float32 (bfloat16 on AMX
// machines, not modelled).
func VLLMCPU() System { return &vllm{e4m3, 1} }

func (s *vllm) Name() string { return "vLLM CPU e4m3" }

func (s *vllm) Attend(h *Head) (Result, error) {
	k, v := s.roundTrip(h.K), s.roundTrip(h.V)
	return flash{tile: 64}.attend(h, v, floatScores(h, h.Q, k, h.Scale)), nil
}

func (s *vllm) roundTrip(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(s.format.trunc(float64(v)/s.scale) * s.scale)
	}
	return y
}
