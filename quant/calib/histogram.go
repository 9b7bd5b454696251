package calib

import (
	"math"
	"slices"
)

// octaveBits: a histogram has 2^octaveBits bins from each power of two to the next.
const octaveBits = 7

// Histogram counts finite values in bins of equal relative width: 128 bins from each
// power of two to the next, for either sign. Bins never move, so counts are exact under
// any order and merge, and one outlier takes no resolution from the rest. Memory grows
// with the range: 1 KiB per octave in use. The zero value is ready.
//
// Estimates treat values as spread evenly over their bin.
type Histogram struct {
	extent
	fine uint             // further bits per octave
	page [2][255][]uint64 // by sign and exponent field of the float32 pattern
}

// Observe counts the finite elements of x.
func (h *Histogram) Observe(x []float32) {
	for _, v := range x {
		b := math.Float32bits(v)
		sign, exp := b>>31, b>>23&255
		if exp == 255 {
			continue
		}
		h.at(sign, exp)[b&(1<<23-1)>>h.shift()]++
		h.add(v)
	}
}

// Merge adds the counts of o.
func (h *Histogram) Merge(o *Histogram) error {
	if h.fine != o.fine {
		return mergeErr(h, o)
	}
	for sign := range o.page {
		for exp, from := range o.page[sign] {
			if from == nil {
				continue
			}
			to := h.at(uint32(sign), uint32(exp))
			for i, n := range from {
				to[i] += n
			}
		}
	}
	h.extent.merge(o.extent)
	return nil
}

// shift turns mantissas into bins.
func (h *Histogram) shift() uint { return 23 - octaveBits - h.fine }

// at returns the bins of an octave.
func (h *Histogram) at(sign, exp uint32) []uint64 {
	p := &h.page[sign][exp]
	if *p == nil {
		*p = make([]uint64, 1<<(23-h.shift()))
	}
	return *p
}

// bin is an occupied bin, cut at the range of the data.
type bin struct {
	lo, hi float64
	n      float64
}

// bins returns the occupied bins in ascending order.
func (h *Histogram) bins() []bin {
	var out []bin
	for exp := 254; exp >= 0; exp-- {
		for i := len(h.page[1][exp]) - 1; i >= 0; i-- {
			lo, hi := h.edges(exp, i)
			out = h.appendBin(out, -hi, -lo, h.page[1][exp][i])
		}
	}
	for exp := range h.page[0] {
		for i, n := range h.page[0][exp] {
			lo, hi := h.edges(exp, i)
			out = h.appendBin(out, lo, hi, n)
		}
	}
	return out
}

func (h *Histogram) appendBin(out []bin, lo, hi float64, n uint64) []bin {
	if n == 0 {
		return out
	}
	return append(out, bin{max(lo, float64(h.lo)), min(hi, float64(h.hi)), float64(n)})
}

// edges returns the bounds of a bin of magnitudes.
func (h *Histogram) edges(exp, i int) (lo, hi float64) {
	at := uint64(exp)<<23 | uint64(i)<<h.shift()
	edge := func(at uint64) float64 {
		if at == 255<<23 {
			return 0x1p128
		}
		return float64(math.Float32frombits(uint32(at)))
	}
	return edge(at), edge(at + 1<<h.shift())
}

// abs returns the histogram of magnitudes.
func (h *Histogram) abs() *Histogram {
	a := &Histogram{fine: h.fine, extent: extent{h.n, 0, h.amax()}}
	for sign := range h.page {
		for exp, from := range h.page[sign] {
			for i, n := range from {
				a.at(0, uint32(exp))[i] += n
			}
		}
	}
	return a
}

// Quantile returns the upper edge of the bin that holds the ⌈p·n⌉-th smallest element,
// 0 < p ≤ 1: never below that element, and off by less than one part in 128 (by
// 2⁻¹³³ for subnormal elements). 0 before the first element.
func (h *Histogram) Quantile(p float64) float32 { return float32(quantile(h.bins(), p*float64(h.n))) }

// lowQuantile is the mirror image: −Quantile(p) of the negated data.
func (h *Histogram) lowQuantile(p float64) float32 {
	bins := h.bins()
	slices.Reverse(bins)
	for i, b := range bins {
		bins[i].lo, bins[i].hi = -b.hi, -b.lo
	}
	return -float32(quantile(bins, p*float64(h.n)))
}

// quantile returns the upper edge of the bin with the ⌈rank⌉-th element.
func quantile(bins []bin, rank float64) float64 {
	for i, b := range bins {
		if rank -= b.n; rank <= 0 || i == len(bins)-1 {
			return b.hi
		}
	}
	return 0
}

// MSE estimates the mean squared error of quantizing the data with u.
func (h *Histogram) MSE(u Uniform) float64 {
	return u.squaredError(h.bins(), math.Inf(1)) / float64(h.n)
}

// squaredError sums the squared error over bins: in units of the step, ∫(t−q(t))² over
// a bin, divided by its width. It gives up, with +Inf, once the sum exceeds limit.
func (u Uniform) squaredError(bins []bin, limit float64) float64 {
	qmin, qmax := u.Codes()
	lo, hi, s := float64(qmin-u.Zero), float64(qmax-u.Zero), float64(u.Scale)
	limit /= s * s
	var sum float64
	for _, b := range bins {
		if sum > limit {
			return math.Inf(1)
		}
		a, c := b.lo/s, b.hi/s
		if width := c - a; width > 0 {
			sum += b.n * (errorIntegral(c, lo, hi) - errorIntegral(a, lo, hi)) / width
			continue
		}
		d := a - min(max(math.RoundToEven(a), lo), hi)
		sum += float64(b.n * d * d)
	}
	return sum * s * s
}

// errorIntegral is ∫₀ᵘ (t − clip(RNE(t), lo, hi))² dt for integers lo ≤ 0 ≤ hi: 1/12
// per whole step, a cube within a step, and a cube beyond the ends.
func errorIntegral(u, lo, hi float64) float64 {
	k := min(max(math.RoundToEven(u), lo), hi)
	d := u - k
	return k/12 + d*d*d/3
}
