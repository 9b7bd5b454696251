package reference

import "math"

// Merge combines two normalized partial results over disjoint sets of keys:
//
//	lse = log(exp(lseA) + exp(lseB)), out = exp(lseA − lse)·a + exp(lseB − lse)·b
//
// A side with LSE −Inf is the identity: its output is ignored, whatever it holds. Both −Inf give +0 and −Inf. NaN or +Inf on either side makes the
// result NaN. Commutative, and associative up to rounding. A sink belongs to exactly one of the parts.
func Merge(a []float64, lseA float64, b []float64, lseB float64) (out []float64, lse float64) {
	out = make([]float64, len(a))
	m := math.Max(lseA, lseB)
	if math.IsInf(m, -1) {
		return out, m
	}
	wa, wb := weight(lseA, m), weight(lseB, m)
	lse = m + math.Log(wa+wb)
	for c := range out {
		if !math.IsInf(lseA, -1) {
			out[c] += wa / (wa + wb) * a[c]
		}
		if !math.IsInf(lseB, -1) {
			out[c] += wb / (wa + wb) * b[c]
		}
	}
	return out, lse
}
