package chart

import (
	"math"
	"slices"
	"strconv"
)

// Axis is the scale of one direction. Values on a logarithmic axis are positive.
type Axis struct {
	Label string // quantity and unit
	Log   bool
	Base  int                        // 2 or 10: where ticks of a logarithmic axis sit; 0 means 10
	Tick  func(value float64) string // nil prints the shortest number
}

// span is the range of values an axis shows.
type span struct{ lo, hi float64 }

// cover returns a span with some room around the values that the axis can show, and
// false when there is none.
func (a Axis) cover(values []float64) (span, bool) {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool {
		return math.IsNaN(v) || math.IsInf(v, 0) || a.Log && v <= 0
	})
	if len(values) == 0 {
		return span{}, false
	}
	s := span{slices.Min(values), slices.Max(values)}
	if a.Log {
		room := math.Max(math.Pow(s.hi/s.lo, 0.05), 1.1)
		return span{s.lo / room, s.hi * room}, true
	}
	s.lo = math.Min(s.lo, 0) // lengths of bars compare only from zero
	if s.hi == s.lo {
		s.hi = s.lo + 1
	}
	return span{s.lo, s.hi + 0.05*(s.hi-s.lo)}, true
}

// at maps a value to 0..1.
func (a Axis) at(s span, v float64) float64 {
	if a.Log {
		return math.Log(v/s.lo) / math.Log(s.hi/s.lo)
	}
	return (v - s.lo) / (s.hi - s.lo)
}

// ticks lists round values inside a span, about want of them.
func (a Axis) ticks(s span, want int) []float64 {
	switch {
	case !a.Log:
		return linearTicks(s, want)
	case a.Base == 2:
		return powers(s, 2, want)
	}
	decades := math.Log10(s.hi / s.lo)
	if decades >= 3 {
		return powers(s, 10, want)
	}
	var ticks []float64
	for _, p := range powers(span{s.lo / 10, s.hi}, 10, 100) {
		for _, m := range []float64{1, 2, 5} {
			if v := m * p; v >= s.lo && v <= s.hi {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

// powers lists powers of base in a span, every second or third when there are many.
func powers(s span, base float64, want int) (ticks []float64) {
	first := math.Ceil(math.Log(s.lo)/math.Log(base) - 1e-9)
	last := math.Floor(math.Log(s.hi)/math.Log(base) + 1e-9)
	step := math.Max(1, math.Ceil((last-first+1)/float64(want)))
	for e := first; e <= last; e += step {
		ticks = append(ticks, math.Pow(base, e))
	}
	return ticks
}

// linearTicks steps by 1, 2 or 5 times a power of ten.
func linearTicks(s span, want int) (ticks []float64) {
	raw := (s.hi - s.lo) / float64(want)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= raw {
			step = m * unit
			break
		}
	}
	for i := math.Ceil(s.lo / step); i*step <= s.hi; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

func (a Axis) tick(v float64) string {
	if a.Tick != nil {
		return a.Tick(v)
	}
	if math.Abs(v) < 1e9 {
		v = math.Round(v*1e6) / 1e6
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
