package reference

import (
	"math"
	"math/bits"
)

// Hadamard returns the orthonormal Hadamard transform of x. The length is split into its binary powers, largest first (80 = 64 + 16); each part of
// length n is multiplied by H_n/√n with the Sylvester matrix
//
//	H_n[i][j] = (−1)^popcount(i AND j)
//
// The transform is symmetric and its own inverse. It keeps the Euclidean norm and dot products.
func Hadamard(x []float64) []float64 {
	y := make([]float64, len(x))
	for at := 0; at < len(x); {
		n := 1 << (bits.Len(uint(len(x)-at)) - 1)
		for i := range n {
			for j := range n {
				if bits.OnesCount(uint(i&j))%2 == 0 {
					y[at+i] += x[at+j]
				} else {
					y[at+i] -= x[at+j]
				}
			}
			y[at+i] /= math.Sqrt(float64(n))
		}
		at += n
	}
	return y
}
