package reference

import (
	"fmt"
	"math"
	"sort"
)

// ProbE4M3 rounds weights to the 8-bit float E4M3 against the running maximum M_t = max(M_{t−1}, largest logit of the tile):
//
//	c_j = E4M3(gain·e_j) to nearest, ties to even,  w_j = value(c_j)/gain
//
// The gain lifts small weights out of the subnormal range: 256 in FlashAttention-3 (Shah et al. 2024, arXiv 2407.08608), 448, the largest value,
// in SageAttention2 (Zhang et al. 2024, arXiv 2411.10958). Both divide by the exact mass. Value scales are not folded in.
func ProbE4M3(gain float64, mass Mass) ProbMode { return probFloat("e4m3", E4M3, 0x7f, gain, mass) }

// ProbE5M2 is [ProbE4M3] with the 8-bit float E5M2: two mantissa bits, a wider range.
func ProbE5M2(gain float64, mass Mass) ProbMode { return probFloat("e5m2", E5M2, 0x7c, gain, mass) }

// probFloat rounds to the codes below n of a format, which ascend from 0 to its largest finite value.
func probFloat(name string, decode func(byte) float64, n int, gain float64, mass Mass) ProbMode {
	values := make([]float64, n)
	for c := range values {
		values[c] = decode(byte(c))
	}
	return probValues(codesName(fmt.Sprintf("%s-%g", name, gain), mass), values, gain, mass)
}

// probValues rounds gain·e_j, against the running maximum, to the nearest of ascending values from 0 on.
func probValues(name string, values []float64, gain float64, mass Mass) ProbMode {
	return ProbMode{
		Name: name,
		Mass: mass,
		ref:  refRunning,
		codes: func(t *probTile, s Slack) (lo, hi []int) {
			lo, hi = make([]int, len(t.y)), make([]int, len(t.y))
			f := math.Exp2(2*s.Logit) * (1 + s.Rel) // the key and the maximum may move apart
			for j := range t.y {
				if t.hidden(j) {
					continue
				}
				x := gain * math.Exp2(t.y[j]-t.ref)
				lo[j] = nearest(values, x/f)
				hi[j] = nearest(values, math.Min(x*f, gain*(1+s.Rel)))
			}
			return lo, hi
		},
		weight: func(_ *probTile, _, code int) float64 { return values[code] / gain },
	}
}

// nearest returns the index of the value nearest to x ≥ 0 in an ascending list that starts at 0: ties to the even index, beyond the list the last.
func nearest(values []float64, x float64) int {
	c := sort.SearchFloat64s(values, x)
	if c == len(values) {
		return c - 1
	}
	if c > 0 && (x-values[c-1] < values[c]-x || x-values[c-1] == values[c]-x && c%2 == 1) {
		c--
	}
	return c
}
