package reference

import (
	"fmt"
	"math"
)

// ProbF32 is no rounding: w_j = e_j, M_t = the largest logit of the tile. All codes are 0. The result is that of [Attend].
func ProbF32() ProbMode {
	return ProbMode{
		Name:   "f32",
		ref:    refTile,
		codes:  func(t *probTile, _ Slack) (lo, hi []int) { return make([]int, len(t.y)), make([]int, len(t.y)) },
		weight: func(t *probTile, j, _ int) float64 { return math.Exp2(t.y[j] - t.ref) },
	}
}

// ProbUint rounds weights to b-bit integers, b = 4, 8, 16, against the largest of the tile. With L = 2^b − 1 and M_t the largest logit of the tile:
//
//	u_j = e_j·VScale[j],  U = max_{j in t} u_j,  c_j = ⌊u_j·L/U + ½⌋,  w_j = c_j·U/(L·VScale[j])
//
// so that Σ w_j·V[j] = U/L·Σ c_j·code_j is one integer sum per tile and channel. The rounding error of a key is at most U/(2L) times its integer
// code. A tile whose scales are all zero has U = 0 and codes 0.
//
// MassCodes does not fold the scales: u_j = e_j, w_j = c_j·U/L, and the denominator is U/L·Σ c_j.
//
// INT-FlashAttention (Chen et al. 2024, arXiv 2409.16997) rounds against the running maximum instead, which loses what follows an attention sink.
func ProbUint(bits int, mass Mass) ProbMode {
	levels := float64(int(1)<<bits - 1)
	scale := func(t *probTile, j int) float64 {
		if mass == MassCodes {
			return 1
		}
		return t.scale[j]
	}
	top := func(t *probTile) float64 {
		if mass == MassCodes {
			return 1
		}
		return t.u
	}
	return ProbMode{
		Name: codesName(fmt.Sprintf("u%d", bits), mass),
		Mass: mass,
		ref:  refTile,
		codes: func(t *probTile, s Slack) (lo, hi []int) {
			lo, hi = make([]int, len(t.y)), make([]int, len(t.y))
			u := top(t)
			f := math.Exp2(2 * s.Logit) // the key and the key of U may move apart
			for j := range t.y {
				if t.hidden(j) || u == 0 {
					continue
				}
				x := math.Exp2(t.y[j]-t.ref) * scale(t, j) * levels / u
				lo[j] = int(math.Floor((x/f + 0.5) * (1 - s.Rel)))
				hi[j] = int(math.Min(levels, math.Floor((x*f+0.5)*(1+s.Rel))))
			}
			return lo, hi
		},
		weight: func(t *probTile, j, code int) float64 {
			if code == 0 {
				return 0
			}
			return float64(code) * top(t) / (levels * scale(t, j))
		},
	}
}

// Planes splits a 16-bit code into two 8-bit ones, code = 256·hi + lo: Σ code·v = 256·Σ hi·v + Σ lo·v with two 8-bit dot products.
func Planes(code int) (hi, lo uint8) { return uint8(code >> 8), uint8(code) }

func codesName(name string, mass Mass) string {
	if mass == MassCodes {
		return name + "-codes"
	}
	return name
}
