package reference

import "math"

// TopK keeps the k largest values of a sequence with their indices, in order: larger value first, then smaller index. NaN is never kept.
type TopK struct {
	// K is the capacity.
	K int
	// Values and Indices are sorted by the rule above; they are shorter than K until K values have been seen.
	Values  []float64
	Indices []int
}

// Insert offers value x with its index. Inserting in any order gives the same list.
func (t *TopK) Insert(x float64, index int) {
	if math.IsNaN(x) {
		return
	}
	at := len(t.Values)
	for at > 0 && (x > t.Values[at-1] || x == t.Values[at-1] && index < t.Indices[at-1]) {
		at--
	}
	if at >= t.K {
		return
	}
	t.Values = append(t.Values[:at], append([]float64{x}, t.Values[at:]...)...)
	t.Indices = append(t.Indices[:at], append([]int{index}, t.Indices[at:]...)...)
	if len(t.Values) > t.K {
		t.Values, t.Indices = t.Values[:t.K], t.Indices[:t.K]
	}
}

// Merge inserts every element of u.
func (t *TopK) Merge(u TopK) {
	for i, x := range u.Values {
		t.Insert(x, u.Indices[i])
	}
}

// FusedTopK returns the k largest softmax probabilities of the visible elements with their indices, and the LSE of the whole row: one pass over x
// with state (m, d, u[k], p[k]); at the end prob_i = exp(u_i − m)/d. Fewer than k visible elements give a shorter list.
func FusedTopK(x []float64, visible []bool, k int) (probs []float64, indices []int, lse float64) {
	s, top := NewState(0), TopK{K: k}
	for j, xj := range x {
		if visible == nil || visible[j] {
			s.Add(xj, nil)
			top.Insert(xj, j)
		}
	}
	for _, u := range top.Values {
		probs = append(probs, weight(u, s.M)/s.D)
	}
	return probs, top.Indices, s.LSE()
}
