package emulate

import "math"

// intAttention is IntAttention with its table-driven softmax.
type intAttention struct {
	levels float64 // largest code of Q, K and V
	bins   int     // table entries
	cut    float64 // distance from the maximum, in nats, from which weights are 0
	out    float64 // code of a weight of 1
}

// IntAttention is the accuracy model of IntAttention (Zhong et al. 2025, arXiv
// 2511.21513; ArtifactEvaluation/pysimulation/IntAttention.py of
// WanliZhong/IntAttention): int8 Q, K and V with one scale each, integer logits x, and
// IndexSoftmax with 32 table entries:
//
//	t      = trunc(6.6/(sq·sk·scale))
//	index  = trunc(min(max x − x, t)·31/t)
//	e      = round(255·exp(−6.6·index/31)), e = 0 at index 31
//	P      = round(255·e/Σe)
//
// A weight below 1/510 of the row is 0. The NEON kernel of the same artifact differs
// (16-bit row sums, 8-bit reciprocals) and is not modelled. There is no LSE; this is
// the one Σe implies.
func IntAttention() System { return &intAttention{127, 32, 6.6, 255} }

func (s *intAttention) Name() string { return "IntAttention" }

func (s *intAttention) Attend(h *Head) (Result, error) {
	q, qs := perTensor(h.Q, s.levels, s.levels+1)
	k, ks := perTensor(h.K, s.levels, s.levels+1)
	v, vs := perTensor(h.V, s.levels, s.levels+1)
	unit := qs * ks * h.Scale // nats per unit of an integer logit
	table := s.table()
	r := softmaxRows(h, v, floatScores(h, q, k, 1), func(x []float64) float64 {
		return s.indexSoftmax(x, table, unit)
	})
	for i := range r.Out {
		r.Out[i] *= vs / s.out
	}
	return r, nil
}

func (s *intAttention) table() []float64 {
	t := make([]float64, s.bins)
	for i := range s.bins - 1 {
		t[i] = math.RoundToEven(s.out * math.Exp(-s.cut*float64(i)/float64(s.bins-1)))
	}
	return t
}

// indexSoftmax replaces integer logits by codes of the weights.
func (s *intAttention) indexSoftmax(x, table []float64, unit float64) (lse float64) {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = math.Max(top, v)
	}
	t := math.Trunc(s.cut / unit)
	for j, v := range x {
		index := 0.0
		if t > 0 {
			index = math.Trunc(math.Min(top-v, t) * float64(s.bins-1) / t)
		}
		x[j] = table[int(index)]
		sum += x[j]
	}
	for j, e := range x {
		x[j] = math.RoundToEven(s.out * e / sum)
	}
	return top*unit + math.Log(sum/s.out)
}
