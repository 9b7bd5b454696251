package reference

import "math"

// ALiBiSlopes returns the slopes of n heads for a maximum bias (8 in the paper: Press, Smith, Lewis, "Train Short, Test Long", 2022).
// With n' = the largest power of two ≤ n:
//
//	slope_h = 2^(−maxBias·(h+1)/n')                 h < n'
//	slope_h = 2^(−maxBias·(2(h−n')+1)/(2n'))        h ≥ n'
//
// maxBias = 0 gives slopes of 1; a caller that means "no ALiBi" passes no slopes.
func ALiBiSlopes(n int, maxBias float64) []float64 {
	pow := 1
	for 2*pow <= n {
		pow *= 2
	}
	slopes := make([]float64, n)
	for h := range slopes {
		if h < pow {
			slopes[h] = math.Exp2(-maxBias * float64(h+1) / float64(pow))
		} else {
			slopes[h] = math.Exp2(-maxBias * float64(2*(h-pow)+1) / float64(2*pow))
		}
	}
	return slopes
}
