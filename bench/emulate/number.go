package emulate

import "math"

// float describes a binary floating-point format by what rounding needs to know.
type float struct {
	bits int     // stored fraction bits
	min  int     // exponent of the smallest normal number
	max  float64 // largest finite value
}

var (
	half = float{10, -14, 65504}
	e4m3 = float{3, -6, 448}
)

// step returns the distance of neighbours at |x|.
func (f float) step(x float64) float64 {
	e := int(math.Float64bits(x)>>52&0x7ff) - 1023
	return math.Float64frombits(uint64(max(e, f.min)-f.bits+1023) << 52)
}

// round is round to nearest even, saturating.
func (f float) round(x float64) float64 {
	s := f.step(x)
	return math.Max(-f.max, math.Min(f.max, math.RoundToEven(x/s)*s))
}

// trunc rounds toward zero, saturating.
func (f float) trunc(x float64) float64 {
	s := f.step(x)
	return math.Max(-f.max, math.Min(f.max, math.Trunc(x/s)*s))
}

// overflow rounds like round, but what lies beyond the largest number becomes infinite.
func (f float) overflow(x float64) float64 {
	s := f.step(x)
	y := math.RoundToEven(x/s) * s
	if math.Abs(y) > f.max {
		return math.Inf(int(math.Copysign(1, y)))
	}
	return y
}

// clamp limits x to [lo, hi].
func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }

// halfAway rounds to nearest, ties away from zero, by the way of adding a half and truncating.
func halfAway(x float64) float64 { return math.Trunc(x + math.Copysign(0.5, x)) }

func absMax(x []float32) float64 {
	var m float64
	for _, v := range x {
		m = math.Max(m, math.Abs(float64(v)))
	}
	return m
}

// minMax returns the smallest and largest element.
func minMax(x []float32) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range x {
		lo, hi = math.Min(lo, float64(v)), math.Max(hi, float64(v))
	}
	return lo, hi
}

// columnAbsMax returns the largest magnitude of each of d columns.
func columnAbsMax(x []float32, d int) []float64 {
	m := make([]float64, d)
	for i, v := range x {
		m[i%d] = math.Max(m[i%d], math.Abs(float64(v)))
	}
	return m
}

// columnMean returns the mean of each of d columns.
func columnMean(x []float32, d int) []float64 {
	m := make([]float64, d)
	for i, v := range x {
		m[i%d] += float64(v)
	}
	for c := range m {
		m[c] *= float64(d) / float64(len(x))
	}
	return m
}

// hadamard multiplies x by the orthonormal Sylvester matrix of its length, a power of
// two.
func hadamard(x []float32) {
	norm := 1 / math.Sqrt(float64(len(x)))
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	for n := 1; n < len(y); n *= 2 {
		for i := 0; i < len(y); i += 2 * n {
			for j := i; j < i+n; j++ {
				y[j], y[j+n] = y[j]+y[j+n], y[j]-y[j+n]
			}
		}
	}
	for i, v := range y {
		x[i] = float32(v * norm)
	}
}

// hadamardBlocks transforms every run of n elements of a copy of x.
func hadamardBlocks(x []float32, n int) []float32 {
	y := append([]float32(nil), x...)
	for i := 0; i < len(y); i += n {
		hadamard(y[i : i+n])
	}
	return y
}
