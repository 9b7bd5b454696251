package fuzz

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// wantField fails unless err is a FieldError of the kind that names the field.
func wantField(t *testing.T, err, kind error, field string) {
	t.Helper()
	var f *attention.FieldError
	require.ErrorAs(t, err, &f)
	require.ErrorIs(t, err, kind)
	require.True(t, strings.HasPrefix(f.Field, field), "field is %s, want %s: %v", f.Field, field, err)
}

// target is a small instance that hostile calls start from.
func target(t *testing.T, change ...func(*Case)) *Instance {
	t.Helper()
	c := Case{Heads: 4, KVHeads: 2, DK: 16, DV: 24, QLen: 3, KVLen: 150, K: Store{Format: "int8", Rotate: true, Center: true}, V: Store{Format: "int4", Rotate: false, Center: true},
		SinkTokens: 4, Causal: true, PageSeed: 1, Seed: 1}
	for _, f := range change {
		f(&c)
	}
	in, err := c.Build(0xFF)
	require.NoError(t, err)
	return in
}

// io returns valid memory for Run.
func (in *Instance) io() *attention.IO {
	io := &attention.IO{Q: attention.Rows{F32: in.Q}, Out: in.poisoned(in.QLen * in.Heads * in.DV), LSE: in.poisoned(in.QLen * in.Heads),
		Workspace: attention.AlignedBytes(in.Sched.WorkspaceBytes())}
	if in.Certify {
		io.ErrEst, io.ErrBound = in.poisoned(in.QLen*in.Heads), in.poisoned(in.QLen*in.Heads)
	}
	return io
}

const (
	big   = math.MaxInt
	small = math.MinInt
)

func TestHostileConfig(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	ok := attention.Config{QHeads: 4, KVHeads: 2, DK: 16, DV: 16}
	for _, x := range []struct {
		field string
		kind  error
		set   func(*attention.Config)
	}{
		{"Config.QHeads", attention.ErrConfig, func(c *attention.Config) { c.QHeads = 0 }},
		{"Config.QHeads", attention.ErrConfig, func(c *attention.Config) { c.QHeads = small }},
		{"Config.QHeads", attention.ErrConfig, func(c *attention.Config) { c.QHeads = big }},
		{"Config.QHeads", attention.ErrConfig, func(c *attention.Config) { c.QHeads, c.KVHeads = 1<<16+1, 1 }},
		{"Config.KVHeads", attention.ErrConfig, func(c *attention.Config) { c.KVHeads = -1 }},
		{"Config.KVHeads", attention.ErrConfig, func(c *attention.Config) { c.KVHeads = 3 }},
		{"Config.KVHeads", attention.ErrConfig, func(c *attention.Config) { c.KVHeads = 8 }},
		{"Config.DK", attention.ErrConfig, func(c *attention.Config) { c.DK = 0 }},
		{"Config.DK", attention.ErrConfig, func(c *attention.Config) { c.DK = attention.MaxDim + 1 }},
		{"Config.DV", attention.ErrConfig, func(c *attention.Config) { c.DV = big }},
		{"Config.DV", attention.ErrConfig, func(c *attention.Config) { c.DV = small }},
		{"Config.KVHeads", attention.ErrConfig, func(c *attention.Config) { c.QHeads, c.KVHeads, c.DK, c.DV = 1<<16, 1<<16, 1024, 1024 }},
		{"Config.Scale", attention.ErrConfig, func(c *attention.Config) { c.Scale = nan }},
		{"Config.Scale", attention.ErrConfig, func(c *attention.Config) { c.Scale = -inf }},
		{"Config.Scale", attention.ErrConfig, func(c *attention.Config) { c.Scale = math.MaxFloat32 }}, // times log2(e): infinite
		{"Config.Softcap", attention.ErrConfig, func(c *attention.Config) { c.Softcap = nan }},
		{"Config.Softcap", attention.ErrConfig, func(c *attention.Config) { c.Softcap = inf }},
		{"Config.Softcap", attention.ErrConfig, func(c *attention.Config) { c.Softcap = -1 }},
		{"Config.ALiBi", attention.ErrConfig, func(c *attention.Config) { c.ALiBi = []float32{} }},
		{"Config.ALiBi", attention.ErrConfig, func(c *attention.Config) { c.ALiBi = make([]float32, 5) }},
		{"Config.ALiBi", attention.ErrConfig, func(c *attention.Config) { c.ALiBi = []float32{0, 0, nan, 0} }},
		{"Config.SinkLogits", attention.ErrConfig, func(c *attention.Config) { c.SinkLogits = make([]float32, 3) }},
		{"Config.SinkTokens", attention.ErrConfig, func(c *attention.Config) { c.SinkTokens = -1 }},
		{"Config.SinkTokens", attention.ErrConfig, func(c *attention.Config) { c.SinkTokens = attention.Tile + 1 }},
		{"Config.SinkTokens", attention.ErrUnsupported, func(c *attention.Config) {
			c.QHeads, c.KVHeads, c.SinkTokens, c.K.Format, c.V.Format = 1, 1, 64, quant.Int4, quant.Int4
		}},
		{"Config.NonFinite", attention.ErrConfig, func(c *attention.Config) { c.NonFinite = 7 }},
		{"Config.Window", attention.ErrConfig, func(c *attention.Config) { c.Window.Left = 5 }},
		{"Config.Q", attention.ErrConfig, func(c *attention.Config) { c.Q = 200 }},
		{"Config.P", attention.ErrConfig, func(c *attention.Config) { c.P = 200 }},
		{"Config.Q", attention.ErrUnsupported, func(c *attention.Config) { c.Q = attention.QInt8 }},
		{"Config.P", attention.ErrConfig, func(c *attention.Config) { c.P = 200 }},
		{"Config.Correction.Mode", attention.ErrUnsupported, func(c *attention.Config) { c.Correction.Mode = attention.CorrectDynamic }},
		{"Config.Correction.Mode", attention.ErrConfig, func(c *attention.Config) { c.P, c.Correction.Mode = attention.PStaticU8, 99 }},
		{"Config.Correction.Beta", attention.ErrConfig, func(c *attention.Config) {
			c.P, c.Correction.Mode = attention.PStaticU8, attention.CorrectStatic
		}},
		{"Config.Correction.Mode", attention.ErrUnsupported, func(c *attention.Config) {
			c.P, c.Correction.Mode, c.V.Center = attention.PStaticU8, attention.CorrectExact, false
		}},
		{"Config.P", attention.ErrConfig, func(c *attention.Config) { c.P = attention.PMode(len(attention.PModes()) + 1) }},
		{"Config.Correction.Mode", attention.ErrUnsupported, func(c *attention.Config) { c.P, c.Correction.Mode = attention.PLog2Bits4, attention.CorrectRenormalise }},
		{"Config.Correction.Mode", attention.ErrUnsupported, func(c *attention.Config) {
			c.P, c.Correction = attention.PIntExp, attention.Correction{Mode: attention.CorrectStatic, Beta: Beta}
		}},
		{"Config.Correction.Mode", attention.ErrConfig, func(c *attention.Config) { c.Correction.Mode = 255 }},
		{"Config.Correction.Beta", attention.ErrConfig, func(c *attention.Config) { c.Correction.Beta = Beta }},
		{"Config.Correction.Beta", attention.ErrConfig, func(c *attention.Config) {
			c.P, c.Correction = attention.PStaticU4, attention.Correction{Mode: attention.CorrectDynamic, Beta: Beta}
		}},
		{"Config.K.Mean", attention.ErrConfig, func(c *attention.Config) { c.K.Mean = []float32{1} }},
		{"Config.V.Mean", attention.ErrConfig, func(c *attention.Config) { c.V.Mean = []float32{} }},
		{"Config.V.Mean", attention.ErrConfig, func(c *attention.Config) { c.V.Mean = make([]float32, 2*16+1) }},
		{"Config.K.Mean", attention.ErrConfig, func(c *attention.Config) { c.K.Mean = make([]float32, 4*16) }}, // of query heads
		{"Config.K.Mean", attention.ErrConfig, func(c *attention.Config) { c.K.Mean = make([]float32, 2*16); c.K.Mean[31] = nan }},
		{"Config.V.Mean", attention.ErrConfig, func(c *attention.Config) { c.V.Mean = make([]float32, 2*16); c.V.Mean[0] = -inf }},
		{"Config.K.Mean", attention.ErrConfig, func(c *attention.Config) {
			c.K.Rotate, c.K.Mean = true, make([]float32, 2*16)
			for i := range c.K.Mean {
				c.K.Mean[i] = math.MaxFloat32 // four times that, rotated
			}
		}},
		{"Config.K.OwnCenter", attention.ErrConfig, func(c *attention.Config) { c.K.OwnCenter = true }},
		{"Config.V.OwnCenter", attention.ErrConfig, func(c *attention.Config) { c.V.OwnCenter = true }},
		{"Config.Certify", attention.ErrUnsupported, func(c *attention.Config) { c.Certify, c.P = true, attention.PU8 }}, // of float32 values
		{"Config.Certify", attention.ErrUnsupported, func(c *attention.Config) { c.Certify, c.P, c.V.Format = true, attention.PLog2Bits4, quant.Int8 }},
		{"Config.Certify", attention.ErrUnsupported, func(c *attention.Config) { c.Certify, c.P, c.V.Format = true, attention.PE4M3, quant.Int8 }},
		{"Config.Certify", attention.ErrUnsupported, func(c *attention.Config) { c.Certify, c.P, c.V.Format = true, attention.PStaticU8, quant.Int4 }},
		{"Config.Certify", attention.ErrUnsupported, func(c *attention.Config) { c.Certify, c.P = true, attention.PIntExp }},
		{"Config.K.Format", attention.ErrConfig, func(c *attention.Config) { c.K.Format = quant.E4M3Static(nan) }},
		{"Config.K.Format", attention.ErrConfig, func(c *attention.Config) { c.K.Format = quant.E4M3Static(-1) }},
		{"Config.V.Format", attention.ErrConfig, func(c *attention.Config) { c.V.Format = quant.E5M2Static(inf) }},
		{"Config.V.Format", attention.ErrConfig, func(c *attention.Config) { c.V.Format = sized{quant.Int8, big} }},
		{"Config.K.Format", attention.ErrConfig, func(c *attention.Config) { c.K.Format = sized{quant.Int8, small} }},
		{"Config.K.Format", attention.ErrConfig, func(c *attention.Config) { c.K.Format = sized{quant.Int8, 65} }},
	} {
		c := ok
		x.set(&c)
		p, err := attention.NewPlan(c)
		wantField(t, err, x.kind, x.field)
		require.Nil(t, p)
	}
}

// sized is a foreign format with a size of its own.
type sized struct {
	quant.Format
	bytes int
}

func (s sized) TileBytes(quant.Side, int) int { return s.bytes }

// workers is a runner that lies about its number of workers.
type workers struct{ n []int }

func (w *workers) Workers() int {
	n := w.n[0]
	if len(w.n) > 1 {
		w.n = w.n[1:]
	}
	return n
}

func (w *workers) Run(units int, t attention.Task) {
	for i := range units {
		t.Do(i, w.n[len(w.n)-1]-1)
	}
}

// TestMeansAreCopied: neither the caller's slices nor those of Plan.Config reach a plan.
func TestMeansAreCopied(t *testing.T) {
	mean := []float32{1, 2, 3, 4}
	p, err := attention.NewPlan(attention.Config{QHeads: 1, KVHeads: 1, DK: 4, DV: 4, K: attention.Codec{Mean: mean, Rotate: true}, V: attention.Codec{Mean: mean}})
	require.NoError(t, err)
	id := p.Layout().ID
	mean[0] = 99
	c := p.Config()
	require.Equal(t, []float32{1, 2, 3, 4}, c.K.Mean, "not what was given")
	c.K.Mean[1], c.V.Mean[1] = 99, 99
	require.Equal(t, []float32{1, 2, 3, 4}, p.Config().K.Mean)
	require.Equal(t, []float32{1, 2, 3, 4}, p.Config().V.Mean)
	again, err := attention.NewPlan(p.Config())
	require.NoError(t, err)
	require.Equal(t, id, again.Layout().ID)
}

// TestLayoutIDs: whatever changes the meaning of the bytes changes the ID.
func TestLayoutIDs(t *testing.T) {
	base := Case{Heads: 2, KVHeads: 2, DK: 16, DV: 16, K: Store{Format: "int8", Center: true}, V: Store{Format: "int8", Center: true}}
	seen := map[[16]byte]string{}
	for _, change := range []func(c *Case){
		func(*Case) {}, func(c *Case) { c.Certify = true }, func(c *Case) { c.K.Mean = 1 }, func(c *Case) { c.V.Mean = 1 },
		func(c *Case) { c.K.Mean, c.V.Mean = 1, 1 }, func(c *Case) { c.K.Mean = 2 }, func(c *Case) { c.K.Mean, c.Seed = 1, 2 },
		func(c *Case) { c.Certify, c.K.Mean = true, 1 }, func(c *Case) { c.K.Rotate = true }, func(c *Case) { c.V.Center = false },
		func(c *Case) { c.SinkTokens = 4 }, func(c *Case) { c.V.Format = "int8-s32" }, func(c *Case) { c.DV = 17 },
	} {
		c := base
		change(&c)
		p, err := attention.NewPlan(c.Config())
		require.NoError(t, err, "%v", c)
		require.Empty(t, seen[p.Layout().ID], "%v has the ID of this", c)
		seen[p.Layout().ID] = c.String()
	}
	// what only runs differently shares pages
	for _, change := range []func(c *Case){func(c *Case) { c.P = attention.PLog2Bits4 }, func(c *Case) { c.Q = attention.QF32 }, func(c *Case) { c.K.Own = true },
		func(c *Case) { c.P, c.Correction = attention.PStaticU8, attention.CorrectExact }} {
		c := base
		change(&c)
		p, err := attention.NewPlan(c.Config())
		require.NoError(t, err)
		require.Equal(t, base.String(), seen[p.Layout().ID], "%v", c)
	}
}

func TestHostileOptions(t *testing.T) {
	cfg := attention.Config{QHeads: 1, KVHeads: 1, DK: 8, DV: 8}
	for _, x := range []struct {
		field string
		kind  error
		opt   attention.Option
	}{
		{"Option", attention.ErrConfig, nil},
		{"WithTier", attention.ErrConfig, attention.WithTier("")},
		{"WithTier", attention.ErrConfig, attention.WithTier(strings.Repeat("x", 1<<16))},
		{"WithRunner", attention.ErrConfig, attention.WithRunner(nil)},
		{"WithRunner", attention.ErrConfig, attention.WithRunner(&workers{[]int{0}})},
		{"WithRunner", attention.ErrConfig, attention.WithRunner(&workers{[]int{small}})},
		{"WithRunner", attention.ErrConfig, attention.WithRunner(&workers{[]int{big}})},
		{"WithRunner", attention.ErrConfig, attention.WithRunner(&workers{[]int{big >> 12}})},
		{"WithRequire", attention.ErrUnsupported, attention.WithRequire(attention.IntegerPV)},
		{"WithRequire", attention.ErrUnsupported, attention.WithRequire(99)},
	} {
		p, err := attention.NewPlan(cfg, x.opt)
		wantField(t, err, x.kind, x.field)
		require.Nil(t, p)
	}
	// integers over int8 values: where the mode has them
	for _, p := range attention.PModes() {
		c := cfg
		c.P, c.V.Format = p, quant.Int8
		_, err := attention.NewPlan(c, attention.WithRequire(attention.IntegerPV))
		if integer(p) {
			require.NoError(t, err, "%s", p)
		} else {
			wantField(t, err, attention.ErrUnsupported, "WithRequire")
		}
	}
}

func TestHostileAppend(t *testing.T) {
	in := target(t)
	n := 10
	k, v := make([]float32, n*in.KVHeads*in.DK), make([]float32, n*in.KVHeads*in.DV)
	table := in.Table[:in.Plan.Layout().TablePages(in.KVLen+n)]
	lay := in.Plan.Layout()
	rows := func(x []float32) attention.Rows { return attention.Rows{F32: x} }
	bad := func(id int32, at int) []int32 {
		x := append([]int32(nil), table...)
		x[at] = id
		return x
	}
	have := int32(len(in.Arena) / lay.PageBytes)
	for name, x := range map[string]struct {
		field string
		kind  error
		call  func() error
	}{
		"negative position": {"pos", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, -1, n, rows(k), rows(v)) }},
		"negative count":    {"pos", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, -1, rows(k), rows(v)) }},
		"sum overflows":     {"pos", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, big, big, rows(k), rows(v)) }},
		"minimal":           {"pos", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, small, rows(k), rows(v)) }},
		"no keys":           {"k", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, n, attention.Rows{}, rows(v)) }},
		"no values":         {"v", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, n, rows(k), attention.Rows{}) }},
		"empty keys":        {"k", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, n, rows([]float32{}), rows(v)) }},
		"short keys":        {"k", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, n, rows(k[1:]), rows(v)) }},
		"short values":      {"v", attention.ErrShape, func() error { return in.Plan.Append(in.Pages, table, 0, n, rows(k), rows(v[:len(v)-1])) }},
		"two types": {"k", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, attention.Rows{F32: k, F16: []uint16{1}}, rows(v))
		}},
		"negative stride": {"k", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, attention.Rows{F32: k, TokenStride: -1}, rows(v))
		}},
		"minimal stride": {"v", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, rows(k), attention.Rows{F32: v, HeadStride: small})
		}},
		"huge token stride": {"k", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, attention.Rows{F32: k, TokenStride: big}, rows(v))
		}},
		"huge head stride": {"k", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, attention.Rows{F32: k, HeadStride: big/2 + 1}, rows(v))
		}},
		"huge strides": {"k", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, attention.Rows{F32: k, TokenStride: big, HeadStride: big}, rows(v))
		}},
		"nil table":   {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, nil, 0, n, rows(k), rows(v)) }},
		"short table": {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, table[:2], 140, n, rows(k), rows(v)) }},
		"page -1":     {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, bad(-1, 0), 0, n, rows(k), rows(v)) }},
		"page min":    {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, bad(math.MinInt32, 1), 0, n, rows(k), rows(v)) }},
		"page n":      {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, bad(have, 1), 0, n, rows(k), rows(v)) }},
		"page n+1":    {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, bad(have+1, 1), 0, n, rows(k), rows(v)) }},
		"page max":    {"table", attention.ErrPageTable, func() error { return in.Plan.Append(in.Pages, bad(math.MaxInt32, 1), 0, n, rows(k), rows(v)) }},
		"nil arena":   {"table", attention.ErrPageTable, func() error { return in.Plan.Append(attention.Pages{}, table, 0, n, rows(k), rows(v)) }},
		"short arena": {"table", attention.ErrPageTable, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena[:lay.PageBytes-1]}, table, 0, n, rows(k), rows(v))
		}},
		"negative offset": {"Pages.Offset", attention.ErrShape, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena, Offset: -1}, table, 0, n, rows(k), rows(v))
		}},
		"minimal offset": {"Pages.Offset", attention.ErrShape, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena, Offset: small}, table, 0, n, rows(k), rows(v))
		}},
		"huge offset": {"table", attention.ErrPageTable, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena, Offset: big}, table, 0, n, rows(k), rows(v))
		}},
		"small stride": {"Pages.Stride", attention.ErrShape, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena, Stride: 64}, table, 0, n, rows(k), rows(v))
		}},
		"negative stride of pages": {"Pages.Stride", attention.ErrShape, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena, Stride: -lay.PageBytes}, table, 0, n, rows(k), rows(v))
		}},
		"huge stride of pages": {"table", attention.ErrPageTable, func() error {
			return in.Plan.Append(attention.Pages{Arena: in.Arena, Stride: big}, table, 0, n, rows(k), rows(v))
		}},
		"keys in the arena": {"k", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, rows(floats(in.Arena)), rows(v))
		}},
		"values in the arena": {"v", attention.ErrShape, func() error {
			return in.Plan.Append(in.Pages, table, 0, n, rows(k), rows(floats(in.Arena[len(in.Arena)-4096:])))
		}},
		"truncate negative": {"n", attention.ErrShape, func() error { return in.Plan.Truncate(in.Pages, table, -1) }},
		"truncate huge":     {"n", attention.ErrShape, func() error { return in.Plan.Truncate(in.Pages, table, big) }},
		"truncate beyond":   {"table", attention.ErrPageTable, func() error { return in.Plan.Truncate(in.Pages, table, 1<<30) }},
		"copy to":           {"to", attention.ErrPageTable, func() error { return in.Plan.CopyPage(in.Pages, in.Pages, have, 0) }},
		"copy to negative":  {"to", attention.ErrPageTable, func() error { return in.Plan.CopyPage(in.Pages, in.Pages, math.MinInt32, 0) }},
		"copy from":         {"from", attention.ErrPageTable, func() error { return in.Plan.CopyPage(in.Pages, in.Pages, 0, math.MaxInt32) }},
		"read at":           {"pos", attention.ErrShape, func() error { return in.Plan.ReadKV(in.Pages, table, big, 1, rows(k), rows(v)) }},
		"read beyond":       {"table", attention.ErrPageTable, func() error { return in.Plan.ReadKV(in.Pages, table, 0, 1000, rows(k), rows(v)) }},
		"read short":        {"k", attention.ErrShape, func() error { return in.Plan.ReadKV(in.Pages, table, 0, n, rows(k[1:]), rows(v)) }},
		"read to 16 bits": {"v", attention.ErrShape, func() error {
			return in.Plan.ReadKV(in.Pages, table, 0, n, rows(k), attention.Rows{BF16: make([]uint16, len(v))})
		}},
		"read into the arena": {"k", attention.ErrShape, func() error {
			return in.Plan.ReadKV(in.Pages, table, 0, n, rows(floats(in.Arena)), rows(v))
		}},
		"read both into one": {"v", attention.ErrShape, func() error { return in.Plan.ReadKV(in.Pages, table, 0, n, rows(v), rows(v)) }},
		"save nowhere":       {"w", attention.ErrShape, func() error { _, err := in.Plan.SaveKV(nil, in.Pages, table, n); return err }},
		"save too much":      {"table", attention.ErrPageTable, func() error { _, err := in.Plan.SaveKV(&bytes.Buffer{}, in.Pages, table, 1000); return err }},
		"load nothing":       {"r", attention.ErrShape, func() error { _, err := in.Plan.LoadKV(nil, in.Pages, table); return err }},
		"load empty":         {"r", attention.ErrLayout, func() error { _, err := in.Plan.LoadKV(&bytes.Buffer{}, in.Pages, table); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			before, kb, vb := copied(in.Pages), append([]float32(nil), k...), append([]float32(nil), v...)
			wantField(t, x.call(), x.kind, x.field)
			require.True(t, before.in(in.Pages), "the arena changed")
			require.Equal(t, kb, k)
			require.Equal(t, vb, v)
		})
	}
}

// TestHostileRecords: calls that read or write the records of a certified plan want those of
// every page they use, apart from all else; the others do without.
func TestHostileRecords(t *testing.T) {
	in := target(t, func(c *Case) { c.Certify = true })
	ctx, lay, n := t.Context(), in.Plan.Layout(), 10
	k, v := make([]float32, n*in.KVHeads*in.DK), make([]float32, n*in.KVHeads*in.DV)
	rows := func(x []float32) attention.Rows { return attention.Rows{F32: x} }
	table := in.Table[:lay.TablePages(in.KVLen)]
	var saved bytes.Buffer
	_, err := in.Plan.SaveKV(&saved, in.Pages, table, in.KVLen)
	require.NoError(t, err)
	last := int(slices.Max(table))
	with := func(records []byte) attention.Pages {
		pg := in.Pages
		pg.Records = records
		return pg
	}
	calls := map[string]func(pg attention.Pages) error{
		"append":    func(pg attention.Pages) error { return in.Plan.Append(pg, table, in.KVLen-n, n, rows(k), rows(v)) },
		"run":       func(pg attention.Pages) error { return in.Plan.Run(ctx, in.Sched, pg, in.io()) },
		"copy to":   func(pg attention.Pages) error { return in.Plan.CopyPage(pg, in.Pages, int32(last), 0) },
		"copy from": func(pg attention.Pages) error { return in.Plan.CopyPage(in.Pages, pg, 0, int32(last)) },
		"save": func(pg attention.Pages) error {
			_, err := in.Plan.SaveKV(&bytes.Buffer{}, pg, table, in.KVLen)
			return err
		},
		"load": func(pg attention.Pages) error {
			_, err := in.Plan.LoadKV(bytes.NewReader(saved.Bytes()), pg, table)
			return err
		},
	}
	in.Pages.Records = in.Pages.Records[:(last+1)*lay.RecordBytes] // of the pages in use
	refused := func(name string, kind error, field string, call func() error) {
		t.Run(name, func(t *testing.T) {
			before := copied(in.Pages)
			wantField(t, call(), kind, field)
			require.True(t, before.in(in.Pages), "pages or records changed")
		})
	}
	for name, call := range calls {
		for what, x := range map[string]struct {
			records []byte
			kind    error
		}{
			"none":       {nil, attention.ErrPageTable},
			"empty":      {[]byte{}, attention.ErrPageTable},
			"one less":   {in.Pages.Records[:last*lay.RecordBytes], attention.ErrPageTable},
			"short":      {in.Pages.Records[:len(in.Pages.Records)-1], attention.ErrPageTable},
			"the arena":  {in.Arena, attention.ErrShape},
			"in arena":   {in.Arena[64:], attention.ErrShape},
			"over arena": {in.Arena[len(in.Arena)-len(in.Pages.Records)-1:], attention.ErrShape},
		} {
			if x.kind == attention.ErrShape {
				require.GreaterOrEqual(t, len(x.records), len(in.Pages.Records))
			}
			refused(name+"/"+what, x.kind, "Pages.Records", func() error { return call(with(x.records)) })
		}
	}
	other := target(t, func(c *Case) { c.Certify, c.Seed = true, 2 })
	refused("records in the other arena", attention.ErrShape, "Pages.Records", func() error {
		return in.Plan.CopyPage(in.Pages, attention.Pages{Arena: other.Arena, Records: in.Arena}, 0, 0)
	})
	refused("arena in the other records", attention.ErrShape, "Pages.Records", func() error {
		return in.Plan.CopyPage(attention.Pages{Arena: other.Arena, Records: in.Arena}, in.Pages, 0, 0)
	})

	records := floats(in.Pages.Records)
	refused("keys in records", attention.ErrShape, "k", func() error { return in.Plan.Append(in.Pages, table, 0, n, rows(records), rows(v)) })
	refused("values in records", attention.ErrShape, "v", func() error {
		return in.Plan.Append(in.Pages, table, 0, n, rows(k), rows(records[len(records)-len(v):]))
	})
	refused("read keys into records", attention.ErrShape, "k", func() error { return in.Plan.ReadKV(in.Pages, table, 0, n, rows(records), rows(v)) })
	refused("read values into records", attention.ErrShape, "v", func() error { return in.Plan.ReadKV(in.Pages, table, 0, n, rows(k), rows(records)) })
	for field, set := range map[string]func(io *attention.IO){
		"IO.Out":      func(io *attention.IO) { io.Out = records },
		"IO.LSE":      func(io *attention.IO) { io.LSE = records[len(records)-len(io.LSE):] },
		"IO.ErrEst":   func(io *attention.IO) { io.ErrEst = records },
		"IO.ErrBound": func(io *attention.IO) { io.ErrBound = records[5:] },
	} {
		refused(field+" in records", attention.ErrShape, field, func() error {
			io := in.io()
			set(io)
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		})
	}
	see := func(int, int, []float32) {}
	large := in.io()
	large.Workspace = attention.AlignedBytes(max(len(large.Workspace), len(in.Pages.Records)))
	refused("workspace in records", attention.ErrShape, "IO.Workspace", func() error { return in.Plan.Run(ctx, in.Sched, with(large.Workspace), large) })
	refused("observer's workspace in records", attention.ErrShape, "IO.Workspace", func() error {
		return in.Plan.ObserveProbabilities(ctx, in.Sched, with(large.Workspace), large, see)
	})

	// what needs no records
	bare := with(nil)
	require.NoError(t, in.Plan.Truncate(bare, table, in.KVLen))
	require.NoError(t, in.Plan.ReadKV(bare, table, 0, n, rows(k), rows(v)))
	require.NoError(t, in.Plan.ObserveProbabilities(ctx, in.Sched, bare, in.io(), see))
	require.NoError(t, in.Plan.Append(bare, nil, 0, 0, attention.Rows{}, attention.Rows{}))
	for name, call := range calls {
		require.NoError(t, call(in.Pages), name)
	}

	// plans without certificates do not look
	plain := target(t)
	pg := plain.Pages
	pg.Records = plain.Arena
	io := plain.io()
	require.NoError(t, plain.Plan.Append(pg, plain.Table, 0, n, rows(k), rows(v)))
	require.NoError(t, plain.Plan.Run(ctx, plain.Sched, pg, io))
	require.NoError(t, plain.Plan.CopyPage(pg, pg, 0, 1))
	pg.Records = attention.AlignedBytes(len(io.Workspace))
	io.Workspace = pg.Records
	require.NoError(t, plain.Plan.Run(ctx, plain.Sched, pg, io))
}

func TestHostileReject(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), negInf, -negInf} {
		cfg := target(t).Config()
		cfg.NonFinite = attention.Reject
		p, err := attention.NewPlan(cfg)
		require.NoError(t, err)
		arena := fill(make([]byte, 4*p.Layout().PageBytes), 0xAA)
		before := bytes.Clone(arena)
		k, v := make([]float32, 70*2*16), make([]float32, 70*2*24)
		k[len(k)-1] = bad
		table := []int32{0, 1, 2}
		wantField(t, p.Append(attention.Pages{Arena: arena}, table, 0, 70, attention.Rows{F32: k}, attention.Rows{F32: v}), attention.ErrNonFinite, "k")
		k[len(k)-1], v[5] = 0, bad
		wantField(t, p.Append(attention.Pages{Arena: arena}, table, 0, 70, attention.Rows{F32: k}, attention.Rows{F32: v}), attention.ErrNonFinite, "v")
		require.True(t, bytes.Equal(before, arena))
	}
}

func TestHostileBatch(t *testing.T) {
	in := target(t)
	const huge = math.MaxInt32
	for name, x := range map[string]struct {
		field string
		kind  error
		set   func(*attention.Batch)
	}{
		"no rows":           {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = nil }},
		"short starts":      {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = []int32{0} }},
		"long starts":       {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = []int32{0, 1, 2} }},
		"first row":         {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = []int32{1, 3} }},
		"decreasing rows":   {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = []int32{0, -1} }},
		"too many rows":     {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = []int32{0, huge} }},
		"a billion rows":    {"Batch.QStart", attention.ErrShape, func(b *attention.Batch) { b.QStart = []int32{0, 1 << 30} }},
		"no tables":         {"Batch.TabStart", attention.ErrShape, func(b *attention.Batch) { b.TabStart = nil }},
		"table start":       {"Batch.TabStart", attention.ErrShape, func(b *attention.Batch) { b.TabStart = []int32{-1, 4} }},
		"table end":         {"Batch.TabStart", attention.ErrShape, func(b *attention.Batch) { b.TabStart = []int32{0, huge} }},
		"decreasing tables": {"Batch.TabStart", attention.ErrShape, func(b *attention.Batch) { b.TabStart = []int32{0, math.MinInt32} }},
		"short table":       {"Batch.TabStart", attention.ErrPageTable, func(b *attention.Batch) { b.TabStart = []int32{0, 1} }},
		"negative length":   {"Batch.KVLen", attention.ErrShape, func(b *attention.Batch) { b.KVLen = []int32{-1} }},
		"huge length":       {"Batch.KVLen", attention.ErrShape, func(b *attention.Batch) { b.KVLen = []int32{huge} }},
		"long length":       {"Batch.TabStart", attention.ErrPageTable, func(b *attention.Batch) { b.KVLen = []int32{1 << 30} }},
		"negative page":     {"Batch.Table", attention.ErrPageTable, func(b *attention.Batch) { b.Table = []int32{0, 1, -1, 2, 3, 3} }},
		"offsets":           {"Batch.QOffset", attention.ErrShape, func(b *attention.Batch) { b.QOffset = []int32{} }},
		"huge offset":       {"Batch.QOffset", attention.ErrShape, func(b *attention.Batch) { b.QOffset = []int32{huge} }},
		"last row":          {"Batch.QOffset", attention.ErrShape, func(b *attention.Batch) { b.QOffset = []int32{1 << 30} }},
		"minimal offset":    {"Batch.QOffset", attention.ErrShape, func(b *attention.Batch) { b.QOffset = []int32{math.MinInt32} }},
		"mask starts":       {"Batch.Mask.Start", attention.ErrShape, func(b *attention.Batch) { b.Mask = &attention.Mask{Bits: make([]byte, 100)} }},
		"mask start": {"Batch.Mask.Start", attention.ErrShape, func(b *attention.Batch) {
			b.Mask = &attention.Mask{Bits: make([]byte, 100), Start: []int64{0, -1, 0}, HeadStride: 0}
		}},
		"mask end": {"Batch.Mask.Start", attention.ErrShape, func(b *attention.Batch) {
			b.Mask = &attention.Mask{Bits: make([]byte, 100), Start: []int64{0, 800 - 149, 0}, HeadStride: 0}
		}},
		"mask maximal start": {"Batch.Mask.Start", attention.ErrShape, func(b *attention.Batch) {
			b.Mask = &attention.Mask{Bits: make([]byte, 100), Start: []int64{0, math.MaxInt64, 0}, HeadStride: 0}
		}},
		"mask stride": {"Batch.Mask.HeadStride", attention.ErrShape, func(b *attention.Batch) {
			b.Mask = &attention.Mask{Bits: make([]byte, 100), Start: []int64{0, 0, 0}, HeadStride: -1}
		}},
		"mask maximal stride": {"Batch.Mask.HeadStride", attention.ErrShape, func(b *attention.Batch) {
			b.Mask = &attention.Mask{Bits: make([]byte, 100), Start: []int64{0, 0, 0}, HeadStride: math.MaxInt64}
		}},
		"mask heads": {"Batch.Mask.Start", attention.ErrShape, func(b *attention.Batch) {
			b.Mask = &attention.Mask{Bits: make([]byte, 100), Start: []int64{0, 0, 0}, HeadStride: 300}
		}},
		"bias start": {"Batch.Bias.Start", attention.ErrShape, func(b *attention.Batch) {
			b.Bias = &attention.Bias{Values: make([]float32, 150), Start: []int64{0, 1, 0}, HeadStride: 0}
		}},
		"bias stride": {"Batch.Bias.HeadStride", attention.ErrShape, func(b *attention.Batch) {
			b.Bias = &attention.Bias{Values: make([]float32, 150), Start: []int64{0, 0, 0}, HeadStride: math.MinInt64}
		}},
		"bias heads": {"Batch.Bias.Start", attention.ErrShape, func(b *attention.Batch) {
			b.Bias = &attention.Bias{Values: make([]float32, 4*150-1), Start: []int64{0, 0, 0}, HeadStride: 150}
		}},
		"no bias": {"Batch.Bias.Start", attention.ErrShape, func(b *attention.Batch) { b.Bias = &attention.Bias{Start: []int64{0, 0, 0}} }},
	} {
		t.Run(name, func(t *testing.T) {
			b := in.Batch
			x.set(&b)
			want, err := in.Run()
			require.NoError(t, err)
			wantField(t, in.Plan.Reschedule(in.Sched, &b), x.kind, x.field)
			got, err := in.Run()
			require.NoError(t, err, "a failed Reschedule must leave the schedule usable")
			require.NoError(t, want.Same(got))
		})
	}
	wantField(t, in.Plan.Reschedule(nil, &in.Batch), attention.ErrShape, "Reschedule")
	wantField(t, in.Plan.Reschedule(in.Sched, nil), attention.ErrShape, "Reschedule")
}

func TestHostileRun(t *testing.T) {
	in := target(t, func(c *Case) { c.Bias, c.Mask, c.Certify, c.K.Mean = HoleBias, RandomMask, true, 1 })
	other := target(t, func(c *Case) { c.Causal = false })
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	ctx := t.Context()
	lay := in.Plan.Layout()
	for name, x := range map[string]struct {
		field string
		kind  error
		call  func(io *attention.IO) error
	}{
		"canceled":     {"", context.Canceled, func(io *attention.IO) error { return in.Plan.Run(canceled, in.Sched, in.Pages, io) }},
		"no context":   {"Run", attention.ErrShape, func(io *attention.IO) error { return in.Plan.Run(nil, in.Sched, in.Pages, io) }}, //nolint
		"no schedule":  {"Run", attention.ErrShape, func(io *attention.IO) error { return in.Plan.Run(ctx, nil, in.Pages, io) }},
		"no io":        {"Run", attention.ErrShape, func(io *attention.IO) error { return in.Plan.Run(ctx, in.Sched, in.Pages, nil) }},
		"new schedule": {"Schedule", attention.ErrShape, func(io *attention.IO) error { return in.Plan.Run(ctx, new(attention.Schedule), in.Pages, io) }},
		"foreign plan": {"Schedule", attention.ErrShape, func(io *attention.IO) error { return other.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"no arena":     {"Pages.Arena", attention.ErrPageTable, func(io *attention.IO) error { return in.Plan.Run(ctx, in.Sched, attention.Pages{}, io) }},
		"short arena": {"Pages.Arena", attention.ErrPageTable, func(io *attention.IO) error {
			return in.Plan.Run(ctx, in.Sched, attention.Pages{Arena: in.Arena[:len(in.Arena)-2*lay.PageBytes-1], Records: in.Pages.Records}, io)
		}},
		"offset": {"Pages.Offset", attention.ErrShape, func(io *attention.IO) error {
			return in.Plan.Run(ctx, in.Sched, attention.Pages{Arena: in.Arena, Offset: -1}, io)
		}},
		"stride": {"Pages.Stride", attention.ErrShape, func(io *attention.IO) error {
			return in.Plan.Run(ctx, in.Sched, attention.Pages{Arena: in.Arena, Stride: 1}, io)
		}},
		"no queries":    {"IO.Q", attention.ErrShape, func(io *attention.IO) error { io.Q = attention.Rows{}; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"short queries": {"IO.Q", attention.ErrShape, func(io *attention.IO) error { io.Q.F32 = io.Q.F32[1:]; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"no out":        {"IO.Out", attention.ErrShape, func(io *attention.IO) error { io.Out = nil; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"short out": {"IO.Out", attention.ErrShape, func(io *attention.IO) error {
			io.Out = io.Out[:in.QLen*in.Heads*in.DV-1]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"short lse":    {"IO.LSE", attention.ErrShape, func(io *attention.IO) error { io.LSE = io.LSE[:11]; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"no workspace": {"IO.Workspace", attention.ErrWorkspace, func(io *attention.IO) error { io.Workspace = nil; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"short workspace": {"IO.Workspace", attention.ErrWorkspace, func(io *attention.IO) error {
			io.Workspace = io.Workspace[:len(io.Workspace)-1]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"misaligned workspace": {"IO.Workspace", attention.ErrWorkspace, func(io *attention.IO) error {
			io.Workspace = attention.AlignedBytes(len(io.Workspace) + 32)[32:]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"out is q": {"IO.Out", attention.ErrShape, func(io *attention.IO) error { io.Q.F32 = io.Out; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"out in arena": {"IO.Out", attention.ErrShape, func(io *attention.IO) error {
			io.Out = floats(in.Arena)
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"lse in arena": {"IO.LSE", attention.ErrShape, func(io *attention.IO) error {
			io.LSE = floats(in.Arena)
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"lse in out": {"IO.LSE", attention.ErrShape, func(io *attention.IO) error { io.LSE = io.Out[5:]; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"workspace in arena": {"IO.Workspace", attention.ErrShape, func(io *attention.IO) error {
			arena := attention.AlignedBytes(len(in.Arena) + len(io.Workspace))
			io.Workspace = arena[len(arena)-len(io.Workspace)&^63:]
			if len(io.Workspace) < in.Sched.WorkspaceBytes() {
				io.Workspace = arena
			}
			return in.Plan.Run(ctx, in.Sched, attention.Pages{Arena: arena, Records: in.Pages.Records}, io)
		}},
		"out is the bias": {"IO.Out", attention.ErrShape, func(io *attention.IO) error {
			io.Out = in.Batch.Bias.Values
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"lse is the bias": {"IO.LSE", attention.ErrShape, func(io *attention.IO) error {
			io.LSE = in.Batch.Bias.Values[20:]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"empty estimate": {"IO.ErrEst", attention.ErrShape, func(io *attention.IO) error { io.ErrEst = []float32{}; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"short estimate": {"IO.ErrEst", attention.ErrShape, func(io *attention.IO) error {
			io.ErrEst = io.ErrEst[:11]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"empty bound": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error {
			io.ErrBound = io.ErrBound[:0]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"short bound": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error {
			io.ErrBound = io.ErrBound[1:12]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"estimate in out":   {"IO.ErrEst", attention.ErrShape, func(io *attention.IO) error { io.ErrEst = io.Out[3:]; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"estimate is lse":   {"IO.ErrEst", attention.ErrShape, func(io *attention.IO) error { io.ErrEst = io.LSE; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"bound is estimate": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error { io.ErrBound = io.ErrEst; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"bound meets estimate": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error {
			both := in.poisoned(100)
			io.ErrEst, io.ErrBound = both, both[11:]
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"bound is q": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error { io.ErrBound = io.Q.F32; return in.Plan.Run(ctx, in.Sched, in.Pages, io) }},
		"estimate in arena": {"IO.ErrEst", attention.ErrShape, func(io *attention.IO) error {
			io.ErrEst = floats(in.Arena)
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"bound in workspace": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error {
			io.ErrBound = floats(io.Workspace)
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"estimate is the bias": {"IO.ErrEst", attention.ErrShape, func(io *attention.IO) error {
			io.ErrEst = in.Batch.Bias.Values
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"bound is the mask": {"IO.ErrBound", attention.ErrShape, func(io *attention.IO) error {
			io.ErrBound = floats(in.Batch.Mask.Bits)
			return in.Plan.Run(ctx, in.Sched, in.Pages, io)
		}},
		"estimate without certificates": {"IO.ErrEst", attention.ErrUnsupported, func(io *attention.IO) error {
			io.Workspace = attention.AlignedBytes(other.Sched.WorkspaceBytes())
			return other.Plan.Run(ctx, other.Sched, other.Pages, io)
		}},
		"bound without certificates": {"IO.ErrBound", attention.ErrUnsupported, func(io *attention.IO) error {
			io.ErrEst, io.Workspace = nil, attention.AlignedBytes(other.Sched.WorkspaceBytes())
			return other.Plan.Run(ctx, other.Sched, other.Pages, io)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			io := in.io()
			held := [][]float32{io.Out, io.LSE, io.ErrEst, io.ErrBound}
			outputs := slices.Concat(held...)
			before, bias := copied(in.Pages), append([]float32(nil), in.Batch.Bias.Values...)
			err := x.call(io)
			if x.field == "" {
				require.ErrorIs(t, err, x.kind)
			} else {
				wantField(t, err, x.kind, x.field)
			}
			require.True(t, before.in(in.Pages), "the arena changed")
			require.Equal(t, bias, in.Batch.Bias.Values)
			require.True(t, sameBits(outputs, slices.Concat(held...)), "an output changed")
		})
	}
	var none *attention.Plan
	wantField(t, none.Run(ctx, in.Sched, in.Pages, in.io()), attention.ErrShape, "Run")
}

func TestHostileObserve(t *testing.T) {
	in := target(t, func(c *Case) { c.P, c.Correction, c.V.Mean = attention.PStaticU8, attention.CorrectDynamic, 1 })
	other := target(t)
	ctx := t.Context()
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	calls := 0
	see := func(int, int, []float32) { calls++ }
	for name, x := range map[string]struct {
		field string
		kind  error
		call  func(io *attention.IO) error
	}{
		"canceled": {"", context.Canceled, func(io *attention.IO) error {
			return in.Plan.ObserveProbabilities(canceled, in.Sched, in.Pages, io, see)
		}},
		"no context":  {"ObserveProbabilities", attention.ErrShape, func(io *attention.IO) error { return in.Plan.ObserveProbabilities(nil, in.Sched, in.Pages, io, see) }}, //nolint
		"no schedule": {"ObserveProbabilities", attention.ErrShape, func(io *attention.IO) error { return in.Plan.ObserveProbabilities(ctx, nil, in.Pages, io, see) }},
		"no io":       {"ObserveProbabilities", attention.ErrShape, func(io *attention.IO) error { return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, nil, see) }},
		"no function": {"ObserveProbabilities", attention.ErrShape, func(io *attention.IO) error { return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, nil) }},
		"new schedule": {"Schedule", attention.ErrShape, func(io *attention.IO) error {
			return in.Plan.ObserveProbabilities(ctx, new(attention.Schedule), in.Pages, io, see)
		}},
		"foreign plan": {"Schedule", attention.ErrShape, func(io *attention.IO) error { return other.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see) }},
		"no arena": {"Pages.Arena", attention.ErrPageTable, func(io *attention.IO) error {
			return in.Plan.ObserveProbabilities(ctx, in.Sched, attention.Pages{}, io, see)
		}},
		"offset": {"Pages.Offset", attention.ErrShape, func(io *attention.IO) error {
			return in.Plan.ObserveProbabilities(ctx, in.Sched, attention.Pages{Arena: in.Arena, Offset: small}, io, see)
		}},
		"no queries": {"IO.Q", attention.ErrShape, func(io *attention.IO) error {
			io.Q = attention.Rows{}
			return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see)
		}},
		"short queries": {"IO.Q", attention.ErrShape, func(io *attention.IO) error {
			io.Q.F32 = io.Q.F32[1:]
			return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see)
		}},
		"no workspace": {"IO.Workspace", attention.ErrWorkspace, func(io *attention.IO) error {
			io.Workspace = nil
			return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see)
		}},
		"short workspace": {"IO.Workspace", attention.ErrWorkspace, func(io *attention.IO) error {
			io.Workspace = io.Workspace[:in.Sched.WorkspaceBytes()-1]
			return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see)
		}},
		"misaligned workspace": {"IO.Workspace", attention.ErrWorkspace, func(io *attention.IO) error {
			io.Workspace = attention.AlignedBytes(len(io.Workspace) + 4)[4:]
			return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see)
		}},
		"workspace is the queries": {"IO.Workspace", attention.ErrShape, func(io *attention.IO) error {
			io.Q.F32 = floats(io.Workspace)[:len(io.Q.F32)]
			return in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see)
		}},
		"workspace in arena": {"IO.Workspace", attention.ErrShape, func(io *attention.IO) error {
			arena := attention.AlignedBytes(len(in.Arena) + len(io.Workspace))
			io.Workspace = arena[:len(io.Workspace)]
			return in.Plan.ObserveProbabilities(ctx, in.Sched, attention.Pages{Arena: arena}, io, see)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			io := in.io()
			calls = 0
			arena := bytes.Clone(in.Arena)
			err := x.call(io)
			if x.field == "" {
				require.ErrorIs(t, err, x.kind)
			} else {
				wantField(t, err, x.kind, x.field)
			}
			require.Zero(t, calls)
			require.True(t, bytes.Equal(arena, in.Arena), "the arena changed")
		})
	}
	var none *attention.Plan
	wantField(t, none.ObserveProbabilities(ctx, in.Sched, in.Pages, in.io(), see), attention.ErrShape, "ObserveProbabilities")

	// outputs stay as they are, and may be missing; the schedule is busy meanwhile
	io := in.io()
	var inner, again, third error
	require.NoError(t, in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, func(row, head int, p []float32) {
		if row+head == 0 {
			inner = in.Plan.Run(ctx, in.Sched, in.Pages, in.io())
			again = in.Plan.Reschedule(in.Sched, &in.Batch)
			third = in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, in.io(), see)
		}
		clear(p)
	}))
	for _, err := range []error{inner, again, third} {
		wantField(t, err, attention.ErrShape, "Schedule")
	}
	for _, v := range slices.Concat(io.Out, io.LSE) {
		require.Equal(t, in.poison32(), math.Float32bits(v), "an output changed")
	}
	io.Out, io.LSE = nil, nil
	require.NoError(t, in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, see))

	// a panic of the caller's function leaves the schedule usable, and so does cancelling
	require.PanicsWithValue(t, "enough", func() {
		_ = in.Plan.ObserveProbabilities(ctx, in.Sched, in.Pages, io, func(int, int, []float32) { panic("enough") })
	})
	stop, cancel := context.WithCancel(ctx)
	require.ErrorIs(t, in.Plan.ObserveProbabilities(stop, in.Sched, in.Pages, io, func(int, int, []float32) { cancel() }), context.Canceled)
	out, err := in.Run()
	require.NoError(t, err)
	_, err = in.Check(out)
	require.NoError(t, err)
}

// TestBetaOnce: the static correction is asked once for every row that sees a key, with
// the number of keys the row sees.
func TestBetaOnce(t *testing.T) {
	in := target(t, func(c *Case) { c.P, c.QLen, c.Mask = attention.PStaticU8, 5, RandomMask })
	cfg := in.Config()
	asked := map[[2]int]int{}
	cfg.Correction = attention.Correction{Mode: attention.CorrectStatic, Beta: func(h, n int) float64 {
		require.True(t, h >= 0 && h < cfg.QHeads && n >= 1 && n <= in.KVLen, "asked for head %d, %d keys", h, n)
		asked[[2]int{h, n}]++
		return 0
	}}
	p, err := attention.NewPlan(cfg)
	require.NoError(t, err)
	for _, offset := range []int{in.KVLen - in.QLen, -2} { // rows 0 and 1 of the second see nothing
		b := in.Batch
		b.QOffset = []int32{int32(offset)}
		var s attention.Schedule
		require.NoError(t, p.Reschedule(&s, &b))
		clear(asked)
		io := in.io()
		io.Workspace = attention.AlignedBytes(s.WorkspaceBytes())
		require.NoError(t, p.Run(t.Context(), &s, in.Pages, io))
		want := map[[2]int]int{}
		for i := range in.QLen {
			n := 0
			for j := 0; j <= offset+i; j++ {
				bit := b.Mask.Start[i] + int64(j)
				n += int(b.Mask.Bits[bit/8] >> (bit % 8) & 1)
			}
			for h := range in.Heads {
				if n > 0 {
					want[[2]int{h, n}]++
				}
			}
		}
		require.Equal(t, want, asked)
	}
}

// runner is a Runner made of a function.
type runner struct {
	n   int
	run func(units int, t attention.Task)
}

func (r *runner) Workers() int                    { return r.n }
func (r *runner) Run(units int, t attention.Task) { r.run(units, t) }

func TestHostileRunner(t *testing.T) {
	each := func(units int, t attention.Task) {
		for i := range units {
			t.Do(i, 0)
		}
	}
	for name, run := range map[string]func(units int, t attention.Task){
		"never":         func(int, attention.Task) {},
		"one missing":   func(units int, t attention.Task) { each(units-1, t) },
		"one too many":  func(units int, t attention.Task) { each(units+1, t) },
		"twice":         func(units int, t attention.Task) { each(units, t); each(units, t) },
		"same unit":     func(units int, t attention.Task) { each(units-1, t); t.Do(0, 0) },
		"negative unit": func(units int, t attention.Task) { each(units, t); t.Do(-1, 0) },
		"minimal unit":  func(units int, t attention.Task) { each(units, t); t.Do(small, 0) },
		"maximal unit":  func(units int, t attention.Task) { each(units, t); t.Do(big, 0) },
		"worker 2":      func(units int, t attention.Task) { each(units, t); t.Do(0, 2) },
		"worker -1":     func(units int, t attention.Task) { each(units, t); t.Do(0, -1) },
		"worker max":    func(units int, t attention.Task) { each(units, t); t.Do(0, big) },
		"too early": func(units int, t attention.Task) {
			for i := range units {
				go func() { time.Sleep(time.Millisecond); t.Do(i, i%2) }()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &runner{2, run}
			in := target(t)
			p, err := attention.NewPlan(in.Config(), attention.WithRunner(r))
			require.NoError(t, err)
			var s attention.Schedule
			require.NoError(t, p.Reschedule(&s, &in.Batch))
			io := in.io()
			io.Workspace = attention.AlignedBytes(s.WorkspaceBytes())
			wantField(t, p.Run(t.Context(), &s, in.Pages, io), attention.ErrRunner, "Runner.Run")
			time.Sleep(3 * time.Millisecond)
			// the schedule is usable afterwards
			r.run = each
			io = in.io()
			io.Workspace = attention.AlignedBytes(s.WorkspaceBytes())
			require.NoError(t, p.Run(t.Context(), &s, in.Pages, io))
			want, err := in.Run()
			require.NoError(t, err)
			require.Equal(t, want.Out, io.Out[:len(want.Out)])
		})
	}
}

// TestHostileSharedWorker: two goroutines that use one worker number at a time get an
// error, not each other's memory.
func TestHostileSharedWorker(t *testing.T) {
	in := target(t, func(c *Case) { c.QLen, c.KVLen = 200, 300 })
	caught := 0
	for range 20 {
		r := &runner{1, func(units int, t attention.Task) {
			var wg sync.WaitGroup
			for g := range 2 {
				wg.Go(func() {
					for i := g; i < units; i += 2 {
						t.Do(i, 0)
					}
				})
			}
			wg.Wait()
		}}
		p, err := attention.NewPlan(in.Config(), attention.WithRunner(r))
		require.NoError(t, err)
		var s attention.Schedule
		require.NoError(t, p.Reschedule(&s, &in.Batch))
		io := in.io()
		io.Workspace = attention.AlignedBytes(s.WorkspaceBytes())
		if err := p.Run(t.Context(), &s, in.Pages, io); err != nil {
			wantField(t, err, attention.ErrRunner, "Runner.Run")
			caught++
			continue
		}
		want, err := in.Run()
		require.NoError(t, err)
		require.Equal(t, want.Out, io.Out[:len(want.Out)])
	}
	t.Logf("caught %d of 20 runs; the others happened not to overlap", caught)
}

// TestHostileWorkers: the number of workers is what it was when the plan was made.
func TestHostileWorkers(t *testing.T) {
	for _, counts := range [][]int{{1, 1, 1, 1, 1, 5}, {1, 1, 5}, {1, 5}, {5, 5, 1}, {5, 1}, {1, 1, 1, 0}, {2, -1}, {1, 1, 1, 1, 1, 1, big}} {
		in := target(t)
		p, err := attention.NewPlan(in.Config(), attention.WithRunner(&workers{counts}))
		require.NoError(t, err)
		var s attention.Schedule
		require.NoError(t, p.Reschedule(&s, &in.Batch))
		n := s.WorkspaceBytes()
		require.LessOrEqual(t, n, p.MaxWorkspaceBytes())
		io := in.io()
		guarded := attention.AlignedBytes(n + 1<<16)
		fill(guarded[n:], 0xEE)
		io.Workspace = guarded[:n:n]
		if err := p.Run(t.Context(), &s, in.Pages, io); err != nil {
			wantField(t, err, attention.ErrRunner, "Runner.Run")
		}
		for _, x := range guarded[n:] {
			require.EqualValues(t, 0xEE, x, "wrote behind the workspace")
		}
	}
}

// TestHostileReentry: a runner that calls back into the schedule it is running.
func TestHostileReentry(t *testing.T) {
	in := target(t)
	var p *attention.Plan
	var s attention.Schedule
	var inner, again error
	r := &runner{1, nil}
	r.run = func(units int, task attention.Task) {
		inner = p.Run(context.Background(), &s, in.Pages, in.io())
		again = p.Reschedule(&s, &in.Batch)
		for i := range units {
			task.Do(i, 0)
		}
	}
	p, err := attention.NewPlan(in.Config(), attention.WithRunner(r))
	require.NoError(t, err)
	require.NoError(t, p.Reschedule(&s, &in.Batch))
	io := in.io()
	io.Workspace = attention.AlignedBytes(s.WorkspaceBytes())
	require.NoError(t, p.Run(t.Context(), &s, in.Pages, io))
	wantField(t, inner, attention.ErrShape, "Schedule")
	wantField(t, again, attention.ErrShape, "Schedule")
	s.Do(0, 0) // outside a Run: nothing
}

// TestCancelAtEveryUnit: a context canceled at unit i stops the run with its error, and
// the next run is unaffected.
func TestCancelAtEveryUnit(t *testing.T) {
	in := target(t, func(c *Case) { c.QLen = 60 })
	want, err := in.Run()
	require.NoError(t, err)
	for at := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		r := &runner{1, func(units int, t attention.Task) {
			for i := range units {
				if i == at {
					cancel()
				}
				t.Do(i, 0)
			}
		}}
		p, err := attention.NewPlan(in.Config(), attention.WithRunner(r))
		require.NoError(t, err)
		var s attention.Schedule
		require.NoError(t, p.Reschedule(&s, &in.Batch))
		io := in.io()
		io.Workspace = attention.AlignedBytes(s.WorkspaceBytes())
		err = p.Run(ctx, &s, in.Pages, io)
		if err != nil {
			require.True(t, errors.Is(err, context.Canceled), "%v", err)
		}
		cancel()
		require.NoError(t, p.Run(t.Context(), &s, in.Pages, io))
		require.Equal(t, want.Out, io.Out[:len(want.Out)])
	}
}

func TestHostileMerge(t *testing.T) {
	f := func(n int) []float32 { return make([]float32, n) }
	shared := f(40)
	for name, x := range map[string]struct {
		field string
		call  func() error
	}{
		"dv 0":        {"dv", func() error { return attention.Merge(f(4), f(2), f(4), f(2), 0) }},
		"dv negative": {"dv", func() error { return attention.Merge(f(4), f(2), f(4), f(2), small) }},
		"dv huge":     {"dv", func() error { return attention.Merge(f(4), f(2), f(4), f(2), big) }},
		"lse":         {"lseB", func() error { return attention.Merge(f(4), f(2), f(4), f(1), 2) }},
		"out a":       {"outA", func() error { return attention.Merge(f(3), f(2), f(4), f(2), 2) }},
		"out a long":  {"outA", func() error { return attention.Merge(f(5), f(2), f(4), f(2), 2) }},
		"out b":       {"outB", func() error { return attention.Merge(f(4), f(2), nil, f(2), 2) }},
		"a is b":      {"outB", func() error { return attention.Merge(shared[:4], f(2), shared[:4], f(2), 2) }},
		"a touches b": {"outB", func() error { return attention.Merge(shared[:4], f(2), shared[3:7], f(2), 2) }},
		"lse a is b":  {"outB", func() error { return attention.Merge(f(4), shared[:2], f(4), shared[1:3], 2) }},
		"lse in out":  {"lseA", func() error { return attention.Merge(shared[:4], shared[3:5], f(4), f(2), 2) }},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range shared {
				shared[i] = 7
			}
			wantField(t, x.call(), attention.ErrShape, x.field)
			for _, v := range shared {
				require.EqualValues(t, 7, v)
			}
		})
	}
	require.NoError(t, attention.Merge(nil, nil, nil, nil, 1))
}

func TestHostileCache(t *testing.T) {
	p := target(t).Plan
	c := p.NewCache()
	f := func(n int) []float32 { return make([]float32, n) }
	wantField(t, c.Append(f(33), f(48)), attention.ErrShape, "k")
	wantField(t, c.Append(f(32), f(47)), attention.ErrShape, "v")
	require.NoError(t, c.Append(nil, nil))
	wantField(t, c.Truncate(1), attention.ErrShape, "n")
	wantField(t, c.Truncate(small), attention.ErrShape, "n")
	wantField(t, c.Attend(t.Context(), nil, f(64)), attention.ErrShape, "IO.Out")
	wantField(t, c.Attend(t.Context(), f(96), f(63)), attention.ErrShape, "q")
	require.NoError(t, c.Attend(t.Context(), f(96), f(64)))
	require.NoError(t, c.Attend(t.Context(), nil, nil))
	wantField(t, attention.Dense(t.Context(), attention.Config{}, nil, nil, nil, nil), attention.ErrConfig, "Config.QHeads")
}
