package llama

import (
	"context"

	"github.com/qattn/qattn/attention"
)

// AttentionConfig describes the attention of the model's layers, all of one class,
// with keys and values stored by the given codecs.
func (c Config) AttentionConfig(k, v attention.Codec, p attention.PMode) attention.Config {
	return attention.Config{
		QHeads: c.Heads, KVHeads: c.KVHeads, DK: c.HeadDim(), DV: c.HeadDim(),
		K: k, V: v, P: p, Causal: true,
	}
}

// Cache is the KV cache of one sequence in qattn pages. The layers interleave in one
// arena: page b of layer i is page b·Layers + i of the arena, so all layers share a
// page table.
type Cache struct {
	model     Config
	plans     []*attention.Plan // one for all layers, or one each
	scheds    []attention.Schedule
	layers    []attention.Pages
	table     []int32
	workspace []byte
	pos, n    int // the step under way
	see       Probabilities
}

// Probabilities gets the softmax of one query row of a layer, hidden keys left out.
type Probabilities func(layer, head int, p []float32)

// NewCache allocates pages for the given number of tokens. The plans are made from the
// AttentionConfig of c: one for all layers, or one for each where they differ in more
// than storage.
func NewCache(c Config, tokens int, plans ...*attention.Plan) *Cache {
	lay := plans[0].Layout()
	a := &Cache{model: c, plans: plans, scheds: make([]attention.Schedule, len(plans)), table: make([]int32, lay.TablePages(tokens))}
	for i := range a.table {
		a.table[i] = int32(i)
	}
	arena := attention.AlignedBytes(len(a.table) * c.Layers * lay.PageBytes)
	for i := range c.Layers {
		a.layers = append(a.layers, attention.Pages{
			Arena: arena, Offset: i * lay.PageBytes, Stride: c.Layers * lay.PageBytes,
		})
	}
	return a
}

// Values reconstructs the stored values of a layer's first n tokens, [n][KVHeads][HeadDim].
func (a *Cache) Values(layer, n int) ([]float32, error) {
	v := make([]float32, n*a.model.KVDim())
	plan := a.plans[layer%len(a.plans)]
	return v, plan.ReadKV(a.layers[layer], a.table, 0, n, attention.Rows{}, attention.Rows{F32: v})
}

// Begin schedules attention of n new tokens over everything before them; the schedule
// serves all layers.
func (a *Cache) Begin(pos, n int) error {
	a.pos, a.n = pos, n
	batch := &attention.Batch{
		QStart: []int32{0, int32(n)}, KVLen: []int32{int32(pos + n)},
		Table: a.table, TabStart: []int32{0, int32(len(a.table))},
	}
	for i, plan := range a.plans {
		if err := plan.Reschedule(&a.scheds[i], batch); err != nil {
			return err
		}
		if need := a.scheds[i].WorkspaceBytes(); need > len(a.workspace) {
			a.workspace = attention.AlignedBytes(need)
		}
	}
	return nil
}

// Observe shows the probabilities of every later step to see, for calibration.
func (a *Cache) Observe(see Probabilities) { a.see = see }

// Attend quantizes the step's keys and values into the pages of a layer, then runs
// attention from the pages.
func (a *Cache) Attend(ctx context.Context, layer int, qkv, out []float32) error {
	q, k, wide := a.model.Dim, a.model.KVDim(), a.model.qkvDim()
	rows := func(from int) attention.Rows {
		return attention.Rows{F32: qkv[from:], TokenStride: wide, HeadStride: a.model.HeadDim()}
	}
	at := layer % len(a.plans)
	plan, sched, pages := a.plans[at], &a.scheds[at], a.layers[layer]
	if err := plan.Append(pages, a.table, a.pos, a.n, rows(q), rows(q+k)); err != nil {
		return err
	}
	io := attention.IO{Q: rows(0), Out: out, Workspace: a.workspace}
	if a.see != nil {
		err := plan.ObserveProbabilities(ctx, sched, pages, &io, func(row, head int, p []float32) {
			a.see(layer, head, p[:a.pos+row+1])
		})
		if err != nil {
			return err
		}
	}
	return plan.Run(ctx, sched, pages, &io)
}
