package calib

import (
	"math"

	"github.com/qattn/qattn/fp8"
)

// CScale is the FP8-CSCALE policy of Perez et al. (arXiv 2309.17224): one power of two
// 2^−b for all tensors, found by a sweep. This sweep needs no model: it takes the b in
// −31..31 with the least sum over tensors of
//
//	mean squared rounding error of E4M3 or E5M2 / mean square of the tensor
//
// on the tensors' histograms. Empty and all-zero tensors do not count. Floating point
// has a wide range of equally good scales: ties go to the smallest |b|, then to b > 0.
// The Histogram field of Percentile and MSE serves as well.
func CScale(t FP8Type, tensors ...*Histogram) FP8 {
	var cost [2*fp8.MaxBias + 1]float64
	for _, h := range tensors {
		bins := h.bins()
		var power float64
		for _, b := range bins {
			power += float64(b.n * b.meanSquare(0))
		}
		if power == 0 {
			continue
		}
		for i := range cost {
			cost[i] += t.squaredError(bins, i-fp8.MaxBias) / power
		}
	}
	best := 0
	for b := 1; b <= fp8.MaxBias; b++ {
		for _, c := range []int{b, -b} {
			if cost[c+fp8.MaxBias] < cost[best+fp8.MaxBias] {
				best = c
			}
		}
	}
	return FP8{t, PolicyCScale, fp8.ConstantScale(best)}
}

// squaredError is the squared error of x ↦ fp8(x·2^b)·2^−b over bins. The edges where
// rounding switches codes are edges of bins, so the code is constant within a bin.
func (t FP8Type) squaredError(bins []bin, b int) float64 {
	var sum float64
	for _, c := range bins {
		mid := math.Ldexp(c.lo/2+c.hi/2, b)
		var q float64
		if t == E5M2 {
			q = float64(fp8.E5M2FromFloat64(mid).Float32())
		} else {
			q = float64(fp8.E4M3FromFloat64(mid).Float32())
		}
		sum += float64(c.n * c.meanSquare(math.Ldexp(q, -b)))
	}
	return sum
}

// meanSquare is the mean of (x−at)² over the bin.
func (b bin) meanSquare(at float64) float64 {
	d, w := b.lo/2+b.hi/2-at, b.hi-b.lo
	return float64(d*d) + w*w/12
}
