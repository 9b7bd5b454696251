package reference

import (
	"fmt"
	"math"
)

// Problem is one attention call in float64. All arrays are dense and row-major.
//
// For query row i of head h, with position p = i + Offset and kv head g = h / (QHeads/KVHeads):
//
//	s_j = Scale · Σ_c Q[i][h][c]·K[j][g][c]
//	s_j = Softcap · tanh(s_j / Softcap)            if Softcap > 0
//	s_j = s_j − ALiBi[h]·|p − j|                   if ALiBi is given
//	s_j = s_j + Bias[h][i][j]                      if Bias is given
//	P_j = exp(s_j) / (Σ_visible exp(s) + exp(SinkLogits[h]))
//	out = Σ_visible P_j·V[j][g]
//
// See [Problem.Sees] for visibility. A key that is not visible takes part in nothing, whatever its bytes are.
type Problem struct {
	// QHeads is a multiple of KVHeads. DK and DV are the dimensions of keys and values.
	QHeads, KVHeads, DK, DV int
	// QLen and KVLen count query rows and keys. K and V may hold more rows; they are never read.
	QLen, KVLen int
	// Scale multiplies q·k; 0 means 1/√DK. It may be negative.
	Scale float64
	// Softcap bounds the scaled score when positive.
	Softcap float64
	// Causal hides the keys j > p.
	Causal bool
	// Offset is the position of query row 0 relative to key 0; it may be negative.
	Offset int
	// WindowLeft and WindowRight bound p−j and j−p; negative means unlimited. Note that 0 is a window; [NewProblem] sets −1.
	WindowLeft, WindowRight int
	// WindowSinks keeps the first keys visible when the left window has passed them (StreamingLLM).
	WindowSinks int
	// ALiBi is the slope per query head, or empty.
	ALiBi []float64
	// Bias is added to the scores; −Inf means not visible. Strides as for Visible.
	Bias []float64
	// BiasStride gives the distance of heads, rows and keys in Bias; 0 broadcasts. All zero means dense [QHeads][QLen][KVLen].
	BiasStride [3]int
	// Visible is a boolean mask, true = takes part, or empty.
	Visible []bool
	// VisibleStride gives the distance of heads, rows and keys in Visible; 0 broadcasts. All zero means dense [QHeads][QLen][KVLen].
	VisibleStride [3]int
	// SinkLogits adds exp(logit) to the denominator of a query head, or is empty. It is not scaled, capped or masked.
	SinkLogits []float64
	// Q is [QLen][QHeads][DK], K is [KVLen][KVHeads][DK], V is [KVLen][KVHeads][DV].
	Q, K, V []float64
}

// NewProblem returns a problem of the given shape without mask, window, or data.
func NewProblem(qHeads, kvHeads, dk, dv, qLen, kvLen int) *Problem {
	return &Problem{QHeads: qHeads, KVHeads: kvHeads, DK: dk, DV: dv, QLen: qLen, KVLen: kvLen, WindowLeft: -1, WindowRight: -1}
}

// Result is the answer to a [Problem].
type Result struct {
	// Out is [QLen][QHeads][DV]. A row without visible keys is +0.
	Out []float64
	// LSE is [QLen][QHeads]: the natural logarithm of the denominator. −Inf for a row without visible keys, or its sink logit if there is one.
	LSE []float64
	// Abs is [QLen][QHeads][DV]: A = Σ_j P_j·|V_j|, the magnitude that rounding errors of Out are proportional to.
	Abs []float64
	// MaxAbs is [QLen][QHeads]: S = max over visible j of |Scale|·Σ_c |q_c·k_jc|, the magnitude that rounding errors of the scores are
	// proportional to.
	MaxAbs []float64
}

// Attend answers p from the definition.
//
// Special values: a visible key whose score is −Inf has weight 0, as if masked. A visible NaN or +Inf score, or a sink logit of NaN or +Inf, makes
// Out and LSE of the row NaN. A NaN or infinite element of a visible value (with a score above −Inf) reaches its own channel as float arithmetic
// says: 0·Inf = NaN, P·Inf = Inf. Softcap maps infinite scores to ±Softcap.
func Attend(p *Problem) Result {
	p.check()
	r := Result{
		Out: make([]float64, p.QLen*p.QHeads*p.DV), LSE: make([]float64, p.QLen*p.QHeads),
		Abs: make([]float64, p.QLen*p.QHeads*p.DV), MaxAbs: make([]float64, p.QLen*p.QHeads),
	}
	for i := range p.QLen {
		for h := range p.QHeads {
			row := i*p.QHeads + h
			logits, visible := p.Row(i, h)
			weights, lse := p.normalize(h, logits, visible)
			r.LSE[row] = lse
			r.MaxAbs[row] = p.maxAbs(i, h, visible)
			out, abs := r.Out[row*p.DV:][:p.DV], r.Abs[row*p.DV:][:p.DV]
			if math.IsNaN(lse) {
				for c := range out {
					out[c], abs[c] = math.NaN(), math.NaN()
				}
				continue
			}
			for j, w := range weights {
				if !visible[j] || math.IsInf(logits[j], -1) {
					continue
				}
				v := p.V[(j*p.KVHeads+p.kvHead(h))*p.DV:][:p.DV]
				for c := range out {
					out[c] += w * v[c]
					abs[c] += w * math.Abs(v[c])
				}
			}
		}
	}
	return r
}

// Row returns the KVLen scores of query row i of head h after bias, and which of them are visible; the others are −Inf.
func (p *Problem) Row(i, h int) (logits []float64, visible []bool) {
	logits, visible = make([]float64, p.KVLen), make([]bool, p.KVLen)
	for j := range logits {
		logits[j] = math.Inf(-1)
		if visible[j] = p.Sees(i, h, j); visible[j] {
			logits[j] = p.score(i, h, j)
		}
	}
	return logits, visible
}

// Weights returns the probabilities P_j of query row i of head h; with a sink they sum to less than 1.
func (p *Problem) Weights(i, h int) []float64 {
	logits, visible := p.Row(i, h)
	w, _ := p.normalize(h, logits, visible)
	return w
}

// normalize is the softmax of one row, with the sink of its head.
func (p *Problem) normalize(h int, logits []float64, visible []bool) (weights []float64, lse float64) {
	if len(p.SinkLogits) == 0 {
		return Softmax(logits, visible)
	}
	return SoftmaxSink(logits, visible, p.SinkLogits[h])
}

// score is s_j before masking.
func (p *Problem) score(i, h, j int) float64 {
	q, k := p.row(i, h, j)
	s := 0.0
	for c := range q {
		s += q[c] * k[c]
	}
	s *= p.scale()
	if p.Softcap > 0 {
		s = p.Softcap * math.Tanh(s/p.Softcap)
	}
	if len(p.ALiBi) > 0 {
		s -= p.ALiBi[h] * math.Abs(float64(i+p.Offset-j))
	}
	if len(p.Bias) > 0 {
		s += p.Bias[index(p.BiasStride, p.QLen, p.KVLen, h, i, j)]
	}
	return s
}

// maxAbs is S of one row.
func (p *Problem) maxAbs(i, h int, visible []bool) float64 {
	m := 0.0
	for j := range p.KVLen {
		if !visible[j] {
			continue
		}
		q, k := p.row(i, h, j)
		s := 0.0
		for c := range q {
			s += math.Abs(q[c] * k[c])
		}
		m = max(m, s*math.Abs(p.scale()))
	}
	return m
}

// row returns the query and key vectors of one score.
func (p *Problem) row(i, h, j int) (q, k []float64) {
	return p.Q[(i*p.QHeads+h)*p.DK:][:p.DK], p.K[(j*p.KVHeads+p.kvHead(h))*p.DK:][:p.DK]
}

func (p *Problem) kvHead(h int) int { return h / (p.QHeads / p.KVHeads) }

func (p *Problem) scale() float64 {
	if p.Scale == 0 {
		return 1 / math.Sqrt(float64(p.DK))
	}
	return p.Scale
}

// index locates element [h][i][j] of a mask; zero strides mean a dense array.
func index(stride [3]int, rows, keys, h, i, j int) int {
	if stride == [3]int{} {
		stride = [3]int{rows * keys, keys, 1}
	}
	return h*stride[0] + i*stride[1] + j*stride[2]
}

func (p *Problem) check() {
	if p.KVHeads <= 0 || p.QHeads%p.KVHeads != 0 {
		panic(fmt.Sprintf("reference: %d kv heads do not divide %d query heads", p.KVHeads, p.QHeads))
	}
	need := func(name string, have, want int) {
		if have < want {
			panic(fmt.Sprintf("reference: %s has %d elements, want %d", name, have, want))
		}
	}
	need("Q", len(p.Q), p.QLen*p.QHeads*p.DK)
	need("K", len(p.K), p.KVLen*p.KVHeads*p.DK)
	need("V", len(p.V), p.KVLen*p.KVHeads*p.DV)
	if len(p.ALiBi) > 0 {
		need("ALiBi", len(p.ALiBi), p.QHeads)
	}
	if len(p.SinkLogits) > 0 {
		need("SinkLogits", len(p.SinkLogits), p.QHeads)
	}
	if p.QLen*p.KVLen == 0 {
		return
	}
	if len(p.Bias) > 0 {
		need("Bias", len(p.Bias), 1+index(p.BiasStride, p.QLen, p.KVLen, p.QHeads-1, p.QLen-1, p.KVLen-1))
	}
	if len(p.Visible) > 0 {
		need("Visible", len(p.Visible), 1+index(p.VisibleStride, p.QLen, p.KVLen, p.QHeads-1, p.QLen-1, p.KVLen-1))
	}
}
