package reference

import "math"

// AbsMax returns max |x_c|, 0 for an empty row.
func AbsMax(x []float64) float64 {
	m := 0.0
	for _, v := range x {
		m = math.Max(m, math.Abs(v))
	}
	return m
}

// Int8 is the symmetric 8-bit code of x at a scale: x/scale rounded to nearest, ties to even, limited to −127..127. A scale of 0 gives 0.
func Int8(x, scale float64) int8 { return int8(roundTo(x, scale, 127)) }

// Int4 is the symmetric 4-bit code of x at a step: x/step rounded to nearest, ties to even, limited to −7..7. A step of 0 gives 0.
func Int4(x, step float64) int8 { return int8(roundTo(x, step, 7)) }

func roundTo(x, step, limit float64) float64 {
	if step == 0 {
		return 0
	}
	return math.Max(-limit, math.Min(limit, math.RoundToEven(x/step)))
}

// Int8Row quantizes a row with scale max|x|/127 and returns codes and scale. A zero row has scale 0.
func Int8Row(x []float64) (codes []int8, scale float64) {
	scale = AbsMax(x) / 127
	codes = make([]int8, len(x))
	for c, v := range x {
		codes[c] = Int8(v, scale)
	}
	return codes, scale
}

// RoundBF16 rounds to bfloat16, to nearest, ties to even; finite magnitudes that would round to infinity saturate.
func RoundBF16(x float64) float64 {
	if x-x != 0 || x == 0 {
		return x
	}
	unit := 2 * StepFloat(x, 1, 7, -126)
	return math.Max(-0x1.fep127, math.Min(0x1.fep127, math.RoundToEven(x/unit)*unit))
}

// P8 is the unsigned 8-bit code of a probability x in [0, 1]: 255·x rounded to nearest, ties up.
func P8(x float64) uint8 { return uint8(math.Floor(255*x + 0.5)) }

// NearestCode returns the code below n whose value is nearest to x; ties go to the even code, values beyond the range to the largest. Codes of
// infinity and NaN are never chosen, and a zero keeps its sign where the format has two. NaN gives 0. It searches all codes.
func NearestCode(x float64, n int, decode func(byte) float64) byte {
	limit := 0.0
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	for c := range n {
		if v := decode(byte(c)); finite(v) {
			limit = math.Max(limit, math.Abs(v))
		}
	}
	x = math.Max(-limit, math.Min(limit, x)) // so that x − v is exact enough to tell neighbours apart
	best, dist := 0, math.Inf(1)
	for c := range n {
		v := decode(byte(c))
		if !finite(v) {
			continue
		}
		d := math.Abs(x - v)
		if d < dist || d == dist && c%2 == 0 && math.Signbit(v) == math.Signbit(x) {
			best, dist = c, d
		}
	}
	return byte(best)
}

// NearestNF4 returns the NF4 code of x in [−1, 1]: the nearest value, midpoints to the lower code. The published thresholds are midpoints
// rounded to binary32, so the code may differ from theirs within 2⁻²⁴ of a midpoint.
func NearestNF4(x float64) byte {
	best := byte(0)
	for c := byte(1); c < 16; c++ {
		if math.Abs(x-NF4(c)) < math.Abs(x-NF4(best)) {
			best = c
		}
	}
	return best
}
