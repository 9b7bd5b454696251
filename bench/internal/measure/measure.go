// Package measure times cases against each other: round robin, so that a machine that
// slows down or speeds up meanwhile hits all of them alike.
package measure

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// Sample holds measurements of one case: times, in seconds, unless said otherwise.
type Sample []float64

// Min returns the smallest time: what the machine can do when nothing disturbs it. NaN
// when there is none.
func (s Sample) Min() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	return slices.Min(s)
}

// Median returns the median, the mean of the middle two for an even number; NaN when
// there is none.
func (s Sample) Median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	i := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[i]
	}
	return (sorted[i-1] + sorted[i]) / 2
}

func (s Sample) total() (sum float64) {
	for _, t := range s {
		sum += t
	}
	return sum
}

// Case is something to time.
type Case struct {
	Name   string
	Before func() error // optional; runs before every Run and is not timed
	Run    func() error
	Ops    int // operations one Run does; times are per operation. 0 means 1
}

// once runs c and returns the seconds Run took.
func (c Case) once() (float64, error) {
	if c.Before != nil {
		if err := c.Before(); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	err := c.Run()
	return time.Since(start).Seconds(), err
}

// Options bounds the effort.
type Options struct {
	Passes   int           // visits per case
	Slice    time.Duration // timed work per visit, at least one Run
	Limit    time.Duration // a case that has run three times and this long is done; 0 means no limit
	Progress func(done, total int, name string)
}

// Interleave visits the cases in turn, Passes times, and returns one sample per case,
// in order. A visit starts with one Run that is not timed, which brings the case's
// memory back into the caches; a Run longer than half a slice needs none.
func Interleave(ctx context.Context, cases []Case, o Options) ([]Sample, error) {
	samples := make([]Sample, len(cases))
	total := o.Passes * len(cases)
	for pass := range o.Passes {
		for i, c := range cases {
			if o.Progress != nil {
				o.Progress(pass*len(cases)+i, total, c.Name)
			}
			if o.Limit > 0 && len(samples[i]) >= 3 && samples[i].total()*float64(max(c.Ops, 1)) >= o.Limit.Seconds() {
				continue
			}
			if err := visit(ctx, c, &samples[i], o.Slice); err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
		}
	}
	return samples, nil
}

// visit runs c for about one slice.
func visit(ctx context.Context, c Case, s *Sample, slice time.Duration) error {
	ops := float64(max(c.Ops, 1))
	if len(*s) == 0 || s.Min()*ops < slice.Seconds()/2 {
		if _, err := c.once(); err != nil {
			return err
		}
	}
	for begin := time.Now(); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		sec, err := c.once()
		if err != nil {
			return err
		}
		*s = append(*s, sec/ops)
		if time.Since(begin) >= slice {
			return nil
		}
	}
}
