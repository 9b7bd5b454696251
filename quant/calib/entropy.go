package calib

import "math"

// entropyBins is the number of bins TensorRT searches thresholds in.
const entropyBins = 2048

// Entropy is the observer that picks the clip threshold whose quantized distribution
// diverges least (Kullback-Leibler) from the clipped one, as TensorRT does (S. Migacz,
// "8-bit Inference with TensorRT", GTC 2017). The magnitudes fall into 2048 equal bins
// between 0 and the power of two above their maximum. For every threshold of i bins,
// the reference P is the first i counts with the tail added to the last one; Q pools
// the same counts, tail left out, into as many equal levels as the grid has
// non-negative codes and spreads each level evenly over its non-empty bins. The first
// bin, with the exact zeros, counts as much as the second.
//
// It takes symmetric grids, and unsigned ones for data without negative elements, of up
// to 10 bits. Few bits clip hard: the method was made for 8.
type Entropy struct {
	grid Grid
	hist Histogram // octaves in 1024 bins, so that any 2048 equal bins are unions of them
}

// NewEntropy returns an observer for grid g.
func NewEntropy(g Grid) *Entropy { return &Entropy{g, Histogram{fine: 10 - octaveBits}} }

// Observe implements Observer.
func (e *Entropy) Observe(x []float32) { e.hist.Observe(x) }

// Range implements Observer.
func (e *Entropy) Range() (lo, hi float32) { return e.hist.Range() }

// Merge implements Observer.
func (e *Entropy) Merge(o Observer) error {
	p, ok := o.(*Entropy)
	if !ok || e.grid != p.grid {
		return mergeErr(e, o)
	}
	return e.hist.Merge(&p.hist)
}

// Quantizer implements Observer.
func (e *Entropy) Quantizer() (Uniform, error) {
	if err := e.hist.ready(e.grid); err != nil {
		return Uniform{}, err
	}
	switch {
	case e.grid.Bits > 10:
		return Uniform{}, fieldErr("grid.bits", "%d, entropy calibration takes up to 10", e.grid.Bits)
	case !e.grid.Symmetric && (e.grid.Signed || e.hist.lo < 0):
		return Uniform{}, fieldErr("grid", "entropy calibration takes symmetric grids, or unsigned ones for data that is not negative")
	}
	_, codes := e.grid.Codes()
	amax := e.hist.amax()
	_, exp := math.Frexp(float64(amax))
	width := math.Ldexp(1, exp) / entropyBins
	var counts [entropyBins]float64
	for _, b := range e.hist.abs().bins() {
		counts[int(b.lo/width)] += b.n
	}
	i, _ := leastDivergence(&counts, int(codes)+1)
	return e.grid.Fit(0, float32(min(float64(i)*width, float64(amax)))), nil
}

// leastDivergence returns the number of bins below the best threshold, and the
// divergence there. With sums over
// the bins known, a threshold costs one pass over its levels: inside a level Q is
// constant, so Σ P·log(P/Q) splits into Σ c·log c and a logarithm per level.
func leastDivergence(c *[entropyBins]float64, levels int) (bins int, divergence float64) {
	c[0] = c[1]
	var mass, self, live [entropyBins + 1]float64 // sums of c, c·log c, [c > 0] over bins < i
	for i, n := range c {
		mass[i+1], self[i+1], live[i+1] = mass[i]+n, self[i]+xlogx(n), live[i]
		if n > 0 {
			live[i+1]++
		}
	}
	total := mass[entropyBins]
	best, least := entropyBins, math.Inf(1)
	for i := levels; i <= entropyBins; i++ {
		tail := total - mass[i]
		if tail > 0 && c[i-1] == 0 { // P > 0 where Q = 0
			continue
		}
		kl := self[i-1] + xlogx(c[i-1]+tail)
		for l, a := 0, 0; l < levels; l++ {
			b := ((l+1)*i + levels - 1) / levels // bins a ≤ j < b have ⌊j·levels/i⌋ = l
			if m := mass[b] - mass[a]; m > 0 {
				p := m
				if l == levels-1 {
					p += tail
				}
				kl -= float64(p * math.Log(m/(live[b]-live[a])))
			}
			a = b
		}
		if kl = kl/total + math.Log(mass[i]/total); kl < least {
			best, least = i, kl
		}
	}
	return best, least
}

// xlogx is x·log x, rounded before it is added anywhere.
func xlogx(x float64) float64 {
	if x == 0 {
		return 0
	}
	return float64(x * math.Log(x))
}
