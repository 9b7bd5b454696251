package main

import (
	"math"
	"runtime"
	"sync"
)

// quantiles are the centres of 2^16 equally likely slices of the standard normal
// distribution: drawing one costs a table look-up.
var quantiles = sync.OnceValue(func() []float32 {
	q := make([]float32, 1<<16)
	for i := range q {
		p := (float64(i) + 0.5) / float64(len(q))
		q[i] = float32(math.Sqrt2 * math.Erfinv(2*p-1))
	}
	return q
})

// normals returns n standard normal numbers, a function of the seed alone.
func normals(seed uint64, n int) []float32 {
	x := make([]float32, n)
	spread(n, 1<<20, func(lo, hi int) {
		q := quantiles()
		for i := lo; i < hi; i += 4 {
			bits := splitMix(seed<<40 + uint64(i))
			for j := i; j < min(i+4, hi); j++ {
				x[j] = q[uint16(bits)]
				bits >>= 16
			}
		}
	})
	return x
}

// splitMix hashes a counter (Steele, Lea & Flood 2014, "Fast splittable pseudorandom
// number generators").
func splitMix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// spread calls f for the ranges of step elements that make up [0, n), on all CPUs.
func spread(n, step int, f func(lo, hi int)) {
	limit := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for lo := 0; lo < n; lo += step {
		limit <- struct{}{}
		wg.Go(func() {
			f(lo, min(lo+step, n))
			<-limit
		})
	}
	wg.Wait()
}
