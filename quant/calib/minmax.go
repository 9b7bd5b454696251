package calib

import (
	"fmt"
	"math"
)

// Observer collects what a quantizer of one tensor needs, over any number of calls.
type Observer interface {
	// Observe takes in the finite elements of x and does not keep x.
	Observe(x []float32)
	// Merge takes in what o has observed, exactly as if it had been observed here. o
	// must have the same type and parameters.
	Merge(o Observer) error
	// Range returns the smallest and the largest element, 0 and 0 before the first.
	Range() (lo, hi float32)
	// Quantizer returns the quantizer for what was observed so far, or ErrEmpty.
	Quantizer() (Uniform, error)
}

// MinMax is the observer of the plain range: Fit(min, max). For symmetric grids this
// is absmax scaling.
type MinMax struct {
	grid Grid
	extent
}

// NewMinMax returns an observer for grid g.
func NewMinMax(g Grid) *MinMax { return &MinMax{grid: g} }

// Observe implements Observer.
func (m *MinMax) Observe(x []float32) {
	for _, v := range x {
		if isFinite(v) {
			m.add(v)
		}
	}
}

// Merge implements Observer.
func (m *MinMax) Merge(o Observer) error {
	p, ok := o.(*MinMax)
	if !ok || m.grid != p.grid {
		return mergeErr(m, o)
	}
	m.merge(p.extent)
	return nil
}

// Quantizer implements Observer.
func (m *MinMax) Quantizer() (Uniform, error) {
	if err := m.ready(m.grid); err != nil {
		return Uniform{}, err
	}
	return m.grid.Fit(m.lo, m.hi), nil
}

// extent is the number and the range of the elements seen.
type extent struct {
	n      uint64
	lo, hi float32
}

// Range implements Observer.
func (e *extent) Range() (lo, hi float32) { return e.lo, e.hi }

// Count returns the number of finite elements observed.
func (e *extent) Count() uint64 { return e.n }

func (e *extent) add(v float32) { e.merge(extent{1, v, v}) }

func (e *extent) merge(o extent) {
	switch {
	case o.n == 0:
	case e.n == 0:
		*e = o
	default:
		*e = extent{e.n + o.n, min(e.lo, o.lo), max(e.hi, o.hi)}
	}
}

func (e *extent) amax() float32 { return max(-e.lo, e.hi) }

// ready reports why no quantizer of grid g can be given.
func (e *extent) ready(g Grid) error {
	if err := g.check("grid"); err != nil {
		return err
	}
	if e.n == 0 {
		return ErrEmpty
	}
	return nil
}

func mergeErr(into, from any) error {
	return fmt.Errorf("calib: %T cannot merge %T: other type or parameters", into, from)
}

// isFinite looks at the exponent bits.
func isFinite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }
