package emulate

import "fmt"

// Head is one attention head. Query row i sits at position i + NK − NQ.
type Head struct {
	NQ, NK, DK, DV int
	Q, K           []float32 // [NQ][DK], [NK][DK]
	V              []float32 // [NK][DV]
	Scale          float64   // factor on q·k
	Causal         bool      // key j is hidden unless j ≤ position
}

// Result holds the attention output [NQ][DV] and, per row, the natural logarithm of
// the softmax denominator the system divided by. A row that sees no key is 0 and −Inf.
type Result struct {
	Out, LSE []float64
}

// System is one way to compute attention.
type System interface {
	Name() string
	// Attend fails when the system does not take heads of this shape.
	Attend(h *Head) (Result, error)
}

// Systems returns every emulated system with its published parameters.
func Systems() []System {
	return []System{
		SageAttention2(), SageAttention2PP(),
		FlashAttention3(false), FlashAttention3(true),
		INTFlashAttention(), IntAttention(),
		TorchAO(), ONNXRuntime(false), ONNXRuntime(true), VLLMCPU(),
		GGMLF16(), GGML(Q80, false), GGML(Q80, true), GGML(Q40, false), GGML(Q40, true),
		KIVI(4), KIVI(2),
	}
}

// sees returns how many keys, from the first on, row i sees.
func (h *Head) sees(i int) int {
	if !h.Causal {
		return h.NK
	}
	return max(0, min(h.NK, i+h.NK-h.NQ+1))
}

func (h *Head) newResult() Result {
	return Result{make([]float64, h.NQ*h.DV), make([]float64, h.NQ)}
}

// row returns row i of a matrix with d columns.
func row(x []float32, i, d int) []float32 { return x[i*d : (i+1)*d : (i+1)*d] }

// dot is exact for integer codes and accurate to float64 otherwise.
func dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	c := 0
	for ; c+4 <= len(a); c += 4 {
		s0 += float64(a[c]) * float64(b[c])
		s1 += float64(a[c+1]) * float64(b[c+1])
		s2 += float64(a[c+2]) * float64(b[c+2])
		s3 += float64(a[c+3]) * float64(b[c+3])
	}
	for ; c < len(a); c++ {
		s0 += float64(a[c]) * float64(b[c])
	}
	return s0 + s1 + s2 + s3
}

// shapeError says that a system has no kernel for the head.
func shapeError(s System, format string, args ...any) error {
	return fmt.Errorf("%s: %s", s.Name(), fmt.Sprintf(format, args...))
}
