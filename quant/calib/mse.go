package calib

import "math"

// MSE is the observer that searches the clip range with the least mean squared
// quantization error, as OMSE does (Choukroun et al., "Low-bit Quantization of Neural
// Networks for Efficient Inference", arXiv 1902.06822). The error is that of the
// quantizer itself, rounded scale and zero point included, estimated on a Histogram.
//
// Ends of the range are tried at every 1/8 octave from the extremes of the data down by
// 24 octaves, then refined to 1/128 octave. Grids with a zero point search both ends
// together, then each in turn until neither improves, then zero points beside the one
// found under scales around it: with few bits the rounding of the zero point matters.
type MSE struct {
	grid Grid
	*Histogram
}

// NewMSE returns an observer for grid g.
func NewMSE(g Grid) *MSE { return &MSE{g, new(Histogram)} }

// Merge implements Observer.
func (m *MSE) Merge(o Observer) error {
	p, ok := o.(*MSE)
	if !ok || m.grid != p.grid {
		return mergeErr(m, o)
	}
	return m.Histogram.Merge(p.Histogram)
}

// Quantizer implements Observer.
func (m *MSE) Quantizer() (Uniform, error) {
	if err := m.ready(m.grid); err != nil {
		return Uniform{}, err
	}
	bins := m.bins()
	at := func(low, high float64) Uniform { // octaves below the extremes
		return m.grid.Fit(float32(float64(m.lo)*math.Exp2(-low)), float32(float64(m.hi)*math.Exp2(-high)))
	}
	err := func(low, high, limit float64) float64 { return at(low, high).squaredError(bins, limit) }

	low, least := searchOctaves(func(k, limit float64) float64 { return err(k, k, limit) })
	high := low
	for twoEnds := !m.grid.Symmetric && m.lo < 0 && m.hi > 0; twoEnds; {
		before := least
		if k, e := searchOctaves(func(k, limit float64) float64 { return err(low, k, limit) }); e < least {
			high, least = k, e
		}
		if k, e := searchOctaves(func(k, limit float64) float64 { return err(k, high, limit) }); e < least {
			low, least = k, e
		}
		twoEnds = least < before
	}
	return m.nudge(at(low, high), bins), nil
}

// nudge searches zero points within 2 and scales within 1/4 octave of u.
func (m *MSE) nudge(u Uniform, bins []bin) Uniform {
	best, least := u, u.squaredError(bins, math.Inf(1))
	qmin, qmax := u.Codes()
	for z := max(u.Zero-2, qmin); z <= min(u.Zero+2, qmax) && !u.Symmetric; z++ {
		for i := -16; i <= 16; i++ {
			c := Uniform{u.Grid, max(float32(float64(u.Scale)*math.Exp2(float64(i)/64)), math.SmallestNonzeroFloat32), z}
			if e := c.squaredError(bins, least); e < least {
				best, least = c, e
			}
		}
	}
	return best
}

// searchOctaves minimises f over 0 ≤ k ≤ 24. f need not be exact above limit.
func searchOctaves(f func(k, limit float64) float64) (best, least float64) {
	least = f(0, math.Inf(1))
	try := func(k float64) {
		if k < 0 {
			return
		}
		if e := f(k, least); e < least {
			best, least = k, e
		}
	}
	for i := 1; i <= 24*8; i++ {
		try(float64(i) / 8)
	}
	for step := 1.0 / 16; step >= 1.0/128; step /= 2 {
		mid := best
		try(mid - step)
		try(mid + step)
	}
	return best, least
}
