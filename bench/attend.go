package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/internal/arena"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
	"github.com/qattn/qattn/quant"
)

// attend is attention of one shape over one pair of formats.
type attend struct {
	shape
	k, v    string // formats
	threads int
	tier    string // CPU tier to lower the plan to, "" for none
	weights attention.PMode
	brain   bool // queries come as bfloat16

	p    *problem
	work work
	run  func() error
	out  []float32
	row  record.Row // everything known before the measurement
}

func newAttend(s shape, k, v string, threads int) *attend {
	return &attend{shape: s, k: k, v: v, threads: threads}
}

// onTier lowers the CPU tier.
func (a *attend) onTier(tier string) *attend {
	a.tier = tier
	return a
}

// withWeights chooses the representation of the softmax weights.
func (a *attend) withWeights(p attention.PMode) *attend {
	a.weights = p
	return a
}

// inBF16 hands in queries as bfloat16, and makes the weights that.
func (a *attend) inBF16() *attend {
	a.brain = true
	return a.withWeights(attention.PBF16)
}

func (a *attend) name() string {
	codec := a.k
	if a.v != a.k {
		codec += "/" + a.v
	}
	name := fmt.Sprintf("%s/%s/t%d", a.shape, codec, a.threads)
	if a.tier != "" {
		name += "/" + a.tier
	}
	if a.weights != attention.PAuto {
		name += "/p=" + a.weights.String()
	}
	if a.brain {
		name += "/q=bf16"
	}
	return name
}

// prepare stores the inputs and plans the call.
func (a *attend) prepare(b *bench) error {
	if a.threads > b.cpus {
		return unavailable(fmt.Sprintf("needs %d CPUs", a.threads))
	}
	cfg, err := a.config()
	if err != nil {
		return err
	}
	opts := []attention.Option{attention.WithRunner(b.runner(a.threads))}
	if a.tier != "" {
		opts = append(opts, attention.WithTier(a.tier))
	}
	plan, err := attention.NewPlan(cfg, opts...)
	if errors.Is(err, attention.ErrUnsupported) {
		return unavailable(err.Error())
	} else if err != nil {
		return err
	}
	a.p = b.problem(a.shape)
	st, err := b.store(a.p, a.k, a.v, cfg)
	if err != nil {
		return err
	}

	e := plan.Explain()
	half := a.ops() / 2
	a.work = work{bytes: plan.Layout().Bytes(a.n), qk: half, pv: half, qkBy: classOf(e.QK), pvBy: classOf(e.PV)}
	if a.brain {
		a.work.qkBy = a.work.pvBy
	}
	a.row = record.New(a.op)
	a.row.K, a.row.V, a.row.P = a.k, a.v, plan.Config().P.String()
	a.row.Heads, a.row.KVHeads, a.row.D, a.row.Q, a.row.N, a.row.Threads = a.heads, a.kvHeads, a.d, a.q, a.n, a.threads
	a.row.Tier = e.Tier
	return a.plan(plan, st)
}

func (a *attend) config() (attention.Config, error) {
	cfg := attention.Config{QHeads: a.heads, KVHeads: a.kvHeads, DK: a.d, DV: a.d, Causal: a.causal, P: a.weights}
	var err error
	if cfg.K.Format, err = quant.Lookup(a.k); err != nil {
		return cfg, err
	}
	cfg.V.Format, err = quant.Lookup(a.v)
	return cfg, err
}

// plan makes the schedule once: a layer pays for Run only, the step pays for the rest.
func (a *attend) plan(plan *attention.Plan, st *store) error {
	sched := new(attention.Schedule)
	err := plan.Reschedule(sched, &attention.Batch{QStart: []int32{0, int32(a.q)}, KVLen: []int32{int32(a.n)},
		Table: st.table, TabStart: []int32{0, int32(len(st.table))}})
	if err != nil {
		return err
	}
	a.out = make([]float32, a.q*a.heads*a.d)
	queries := attention.Rows{F32: a.p.queries}
	if a.brain {
		queries = attention.Rows{BF16: toBF16(a.p.queries)}
	}
	io := &attention.IO{Q: queries, Out: a.out, Workspace: attention.AlignedBytes(sched.WorkspaceBytes())}
	a.run = func() error { return plan.Run(context.Background(), sched, st.pages, io) }
	return nil
}

// toBF16 rounds to bfloat16.
func toBF16(x []float32) []uint16 {
	packed := make([]uint16, len(x))
	for i, v := range x {
		b := math.Float32bits(v)
		packed[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
	}
	return packed
}

func (a *attend) cases() []measure.Case { return []measure.Case{{Name: a.name(), Run: a.run}} }

func (a *attend) result(s []measure.Sample, l *roof.Limits) record.Row {
	r := a.row
	sec := s[0].Min()
	r.MinUS, r.MedianUS = record.Number(sec*1e6), record.Number(s[0].Median()*1e6)
	r.KVGBps = record.Number(float64(a.work.bytes) / sec / 1e9)
	r.GOps = record.Number(a.ops() / sec / 1e9)
	name, bound := a.work.bound(l, a.threads)
	r.Roof, r.RoofFraction = name, record.Number(bound/sec)
	rel, abs := a.p.deviation(a.out)
	r.RelL2, r.MaxAbs = record.Number(rel), record.Number(abs)
	return r
}

// store is the quantized pages of a problem.
type store struct {
	pages attention.Pages
	table []int32
	free  func()
}

// fill appends the problem's tokens, several pages at a time on all CPUs: formats
// without centring store each page on its own.
func fill(p *problem, cfg attention.Config) (*store, error) {
	plan, err := attention.NewPlan(cfg)
	if err != nil {
		return nil, err
	}
	st := &store{}
	st.pages.Arena, st.free = arena.Alloc(plan.Layout().Bytes(p.n))
	for i := range plan.Layout().TablePages(p.n) {
		st.table = append(st.table, int32(i))
	}
	var mu sync.Mutex
	stride := p.kvHeads * p.d
	spread(p.n, 4*attention.Tile, func(lo, hi int) {
		e := plan.Append(st.pages, st.table, lo, hi-lo,
			attention.Rows{F32: p.keys[lo*stride : hi*stride]}, attention.Rows{F32: p.values[lo*stride : hi*stride]})
		mu.Lock()
		err = errors.Join(err, e)
		mu.Unlock()
	})
	return st, err
}
