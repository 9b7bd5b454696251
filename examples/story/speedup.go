package main

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/examples/story/llama"
)

// speedup times attention of one decoded token over n stored tokens with the kernels of
// plan and with the pure-Go ones, alternately, and returns the ratio of the best times.
func speedup(ctx context.Context, m *llama.Model, plan *attention.Plan, n int) (float64, error) {
	generic, err := attention.NewPlan(plan.Config(), attention.WithTier("generic"))
	if err != nil {
		return 0, err
	}
	fast, err := attention.NewPlan(plan.Config())
	if err != nil {
		return 0, err
	}
	r := rand.New(rand.NewPCG(1, 2))
	normal := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x
	}
	k, v, q := normal(n*m.KVDim()), normal(n*m.KVDim()), normal(m.Dim)
	out := make([]float32, m.Dim)
	best := [2]float64{math.Inf(1), math.Inf(1)}
	var caches [2]*attention.Cache
	for i, p := range []*attention.Plan{fast, generic} {
		caches[i] = p.NewCache()
		if err := caches[i].Append(k, v); err != nil {
			return 0, err
		}
	}
	for range 20 {
		for i, c := range caches {
			start := time.Now()
			if err := c.Attend(ctx, out, q); err != nil {
				return 0, err
			}
			best[i] = min(best[i], time.Since(start).Seconds())
		}
	}
	return best[1] / best[0], nil
}
