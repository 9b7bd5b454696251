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
	plan      *attention.Plan
	layers    []attention.Pages
	table     []int32
	sched     attention.Schedule
	workspace []byte
	pos, n    int // the step under way
}

// NewCache allocates pages for the given number of tokens. plan is made from the
// AttentionConfig of c.
func NewCache(c Config, plan *attention.Plan, tokens int) *Cache {
	lay := plan.Layout()
	a := &Cache{model: c, plan: plan, table: make([]int32, lay.TablePages(tokens))}
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

// Begin schedules attention of n new tokens over everything before them; the schedule
// serves all layers.
func (a *Cache) Begin(pos, n int) error {
	a.pos, a.n = pos, n
	err := a.plan.Reschedule(&a.sched, &attention.Batch{
		QStart: []int32{0, int32(n)}, KVLen: []int32{int32(pos + n)},
		Table: a.table, TabStart: []int32{0, int32(len(a.table))},
	})
	if err == nil && a.sched.WorkspaceBytes() > len(a.workspace) {
		a.workspace = attention.AlignedBytes(a.sched.WorkspaceBytes())
	}
	return err
}

// Attend quantizes the step's keys and values into the pages of a layer, then runs
// attention from the pages.
func (a *Cache) Attend(ctx context.Context, layer int, qkv, out []float32) error {
	q, k, wide := a.model.Dim, a.model.KVDim(), a.model.qkvDim()
	rows := func(from int) attention.Rows {
		return attention.Rows{F32: qkv[from:], TokenStride: wide, HeadStride: a.model.HeadDim()}
	}
	pages := a.layers[layer]
	if err := a.plan.Append(pages, a.table, a.pos, a.n, rows(q), rows(q+k)); err != nil {
		return err
	}
	return a.plan.Run(ctx, &a.sched, pages, &attention.IO{Q: rows(0), Out: out, Workspace: a.workspace})
}
