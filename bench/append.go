package main

import (
	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
	"github.com/qattn/qattn/quant"
)

// appendTokens stores keys and values of 8 heads of 128 channels: token by token over
// one page, as decoding does, or 512 tokens in a call, as prefill does.
type appendTokens struct {
	format string
	rotate bool
	bulk   bool

	run func() error
	ops int // calls of Append per run
}

const (
	appendHeads = 8
	appendDim   = 128
	bulkTokens  = 512
)

func (a *appendTokens) tokens() int {
	if a.bulk {
		return bulkTokens
	}
	return 1
}

func (a *appendTokens) codec() string {
	if a.rotate {
		return a.format + "+rot"
	}
	return a.format
}

func (a *appendTokens) name() string {
	if a.bulk {
		return "append bulk/" + a.codec()
	}
	return "append/" + a.codec()
}

func (a *appendTokens) prepare(*bench) error {
	f, err := quant.Lookup(a.format)
	if err != nil {
		return err
	}
	codec := attention.Codec{Format: f, Rotate: a.rotate}
	plan, err := attention.NewPlan(attention.Config{QHeads: appendHeads, KVHeads: appendHeads, DK: appendDim, DV: appendDim, K: codec, V: codec})
	if err != nil {
		return err
	}
	n := a.tokens()
	a.ops = attention.Tile / min(n, attention.Tile)
	total := max(n, attention.Tile)
	stride := appendHeads * appendDim
	k, v := normals(4, total*stride), normals(5, total*stride)
	pages := attention.Pages{Arena: attention.AlignedBytes(plan.Layout().Bytes(total))}
	table := make([]int32, plan.Layout().TablePages(total))
	for i := range table {
		table[i] = int32(i)
	}
	a.run = func() error {
		for i := range a.ops {
			at := i * n * stride
			err := plan.Append(pages, table, i*n, n, attention.Rows{F32: k[at:][:n*stride]}, attention.Rows{F32: v[at:][:n*stride]})
			if err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

func (a *appendTokens) cases() []measure.Case {
	return []measure.Case{{Name: a.name(), Run: a.run, Ops: a.ops}}
}

func (a *appendTokens) result(s []measure.Sample, l *roof.Limits) record.Row {
	r := record.New("append")
	if a.bulk {
		r.Op = "append bulk"
	}
	r.K, r.V = a.codec(), a.codec()
	r.Heads, r.KVHeads, r.D, r.N, r.Threads = appendHeads, appendHeads, appendDim, a.tokens(), 1
	r.Tier = asm.Available().String()
	r.MinUS, r.MedianUS = record.Number(s[0].Min()*1e6), record.Number(s[0].Median()*1e6)
	bytes := 2 * 4 * a.tokens() * appendHeads * appendDim
	r.KVGBps = record.Number(float64(bytes) / s[0].Min() / 1e9)
	if a.bulk {
		r.Roof, r.RoofFraction = l.Caches.Level(bytes, 1), r.KVGBps/record.Number(l.ReadRate(bytes, 1)/1e9)
	}
	return r
}
