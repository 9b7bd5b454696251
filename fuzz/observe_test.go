package fuzz

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
)

// observe compares the probabilities a plan shows with the exact ones: every row once, in
// the plan's own arithmetic up to the logits.
func (in *Instance) observe() error {
	x := in.newExact()
	work := fill(attention.AlignedBytes(in.Sched.WorkspaceBytes()+2*margin), in.poison)
	need := in.Sched.WorkspaceBytes()
	seen := make([]bool, in.QLen*in.Heads)
	var bad error
	err := in.Plan.ObserveProbabilities(context.Background(), in.Sched, in.Pages, &attention.IO{Q: attention.Rows{F32: in.Q}, Workspace: work[:need:need]},
		func(row, head int, p []float32) {
			at := row*in.Heads + head
			if bad != nil {
				return
			}
			if row < 0 || row >= in.QLen || head < 0 || head >= in.Heads || seen[at] {
				bad = fmt.Errorf("query %d, head %d is shown out of range or twice", row, head)
				return
			}
			seen[at] = true
			if err := x.row(row, head).checkProbabilities(p); err != nil {
				bad = fmt.Errorf("query %d, head %d: %w", row, head, err)
			}
		})
	if err != nil {
		return fmt.Errorf("ObserveProbabilities: %w", err)
	}
	for at, ok := range seen {
		if bad == nil && !ok {
			bad = fmt.Errorf("query %d, head %d was not shown", at/in.Heads, at%in.Heads)
		}
	}
	if bad == nil && !only(work[need:], in.poison) {
		bad = fmt.Errorf("ObserveProbabilities wrote behind its workspace")
	}
	return bad
}

// checkProbabilities holds a row to the softmax of its exact logits: each may be off by
// what the logits are.
func (r *exactRow) checkProbabilities(p []float32) error {
	if len(p) != r.in.KVLen {
		return fmt.Errorf("%d probabilities of %d keys", len(p), r.in.KVLen)
	}
	for j, v := range r.sees {
		if math.Float32bits(p[j]) != 0 && (!v || math.IsInf(r.logits[j], -1)) {
			return fmt.Errorf("hidden key %d has probability %v", j, p[j])
		}
	}
	if !allFinite(r.q) || !r.finiteKeys() || len(r.keys) == 0 {
		return nil
	}
	r.shifts()
	if r.top > outOfRange || r.norm > outOfRange {
		return nil
	}
	plain := *r.exact
	plain.cfg.P, plain.intV = attention.PF32, false
	r.exact = &plain
	r.weigh()
	for i, j := range r.keys {
		x := float64(p[j])
		lo, hi := r.e[i].lo/r.mass.hi*(1-4*u)-0x1p-148, min(1, r.e[i].hi/r.mass.lo*(1+4*u)+0x1p-148)
		if x < lo || x > hi || !(x >= 0 && x <= 1) { // lo and hi are NaN where logits are uncertain beyond all range
			return fmt.Errorf("key %d has probability %v, exact %v, between %v and %v", j, x, r.e[i].at/r.mass.at, lo, hi)
		}
	}
	return nil
}

func TestObserve(t *testing.T) {
	n := uint64(150)
	if testing.Short() {
		n = 30
	}
	for seed := range n {
		c := FromSeed(seed + 5000)
		c.Workers = 0
		in, err := c.Build(0xFF)
		require.NoError(t, err, "%v", c)
		require.NoError(t, in.observe(), "%v", c)
	}
}
