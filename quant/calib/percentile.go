package calib

import (
	"math"
	"slices"
)

// RepQPercentiles are the candidates of RepQ-ViT (arXiv 2212.08254), best by squared
// error.
var RepQPercentiles = []float64{0.999, 0.9999, 0.99999}

// Percentile is the observer that cuts tails: the range reaches from the (1−p)- to the
// p-quantile, for symmetric grids to the p-quantile of |x|. With several p it keeps the
// one whose quantizer has the least mean squared error. Quantiles come from a
// Histogram: at least the fraction p of the data is within the range on either side,
// which is too wide by less than one part in 128.
type Percentile struct {
	grid Grid
	p    []float64
	*Histogram
}

// NewPercentile returns an observer for grid g and fractions p, each in (0, 1].
func NewPercentile(g Grid, p ...float64) *Percentile {
	return &Percentile{g, slices.Clone(p), new(Histogram)}
}

// Merge implements Observer.
func (p *Percentile) Merge(o Observer) error {
	q, ok := o.(*Percentile)
	if !ok || p.grid != q.grid || !slices.Equal(p.p, q.p) {
		return mergeErr(p, o)
	}
	return p.Histogram.Merge(q.Histogram)
}

// Quantizer implements Observer.
func (p *Percentile) Quantizer() (Uniform, error) {
	if err := p.ready(p.grid); err != nil {
		return Uniform{}, err
	}
	if len(p.p) == 0 {
		return Uniform{}, fieldErr("p", "no percentile given")
	}
	var best Uniform
	least := math.Inf(1)
	for _, f := range p.p {
		if !(f > 0 && f <= 1) {
			return Uniform{}, fieldErr("p", "%v is outside (0, 1]", f)
		}
		u := p.fit(f)
		if e := p.MSE(u); e < least {
			best, least = u, e
		}
	}
	return best, nil
}

func (p *Percentile) fit(f float64) Uniform {
	if p.grid.Symmetric {
		return p.grid.Fit(0, p.abs().Quantile(f))
	}
	return p.grid.Fit(p.lowQuantile(f), p.Quantile(f))
}
