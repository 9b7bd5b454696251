package attention

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

func gauss(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// codecs pairs every format with plain, rotated, centred and protected storage.
func codecs() []Config {
	var cs []Config
	for _, f := range quant.Formats() {
		cs = append(cs,
			Config{K: Codec{Format: f}, V: Codec{Format: f}},
			Config{K: Codec{Format: f, Rotate: true, Center: true}, V: Codec{Format: f, Rotate: true, Center: true}, SinkTokens: 5},
			Config{K: Codec{Format: f}, V: Codec{Format: f, Center: true}, Certify: true})
	}
	return cs
}

func label(c Config) string {
	s := c.K.Format.String()
	if c.K.Rotate {
		s += "+rotate+center+sinks"
	}
	if c.Certify {
		s += "+certify"
	}
	return s
}

// stored returns the pages in use and their records.
func (c *Cache) stored() []byte {
	n := len(c.table)
	return slices.Concat(c.arena[:n*c.plan.layout.PageBytes], c.records[:n*c.plan.layout.RecordBytes])
}

// fill returns a cache of n tokens appended in chunks of the given sizes, in turn.
func fill(t *testing.T, p *Plan, k, v []float32, n int, chunks ...int) *Cache {
	t.Helper()
	c := p.NewCache()
	ks, vs := p.cfg.KVHeads*p.cfg.DK, p.cfg.KVHeads*p.cfg.DV
	for i, pos := 0, 0; pos < n; i++ {
		m := min(chunks[i%len(chunks)], n-pos)
		require.NoError(t, c.Append(k[pos*ks:(pos+m)*ks], v[pos*vs:(pos+m)*vs]))
		pos += m
	}
	return c
}

func TestChunkInvariance(t *testing.T) {
	const n = 150
	for _, cfg := range codecs() {
		t.Run(label(cfg), func(t *testing.T) {
			cfg.QHeads, cfg.KVHeads, cfg.DK, cfg.DV = 4, 2, 20, 36
			p, err := NewPlan(cfg)
			require.NoError(t, err)
			k, v := gauss(1, n*2*20), gauss(2, n*2*36)
			want := fill(t, p, k, v, n, n)
			for _, chunks := range [][]int{{1}, {64}, {3, 61, 7}, {127, 1}} {
				got := fill(t, p, k, v, n, chunks...)
				require.Equal(t, want.Bytes(), got.Bytes())
				require.Len(t, got.stored(), got.Bytes())
				require.True(t, bytes.Equal(want.stored(), got.stored()), "chunks %v", chunks)
			}
		})
	}
}

func TestTruncateThenAppend(t *testing.T) {
	const n = 140
	for _, cfg := range codecs() {
		t.Run(label(cfg), func(t *testing.T) {
			cfg.QHeads, cfg.KVHeads, cfg.DK, cfg.DV = 1, 1, 33, 17
			p, err := NewPlan(cfg)
			require.NoError(t, err)
			k, v := gauss(3, n*33), gauss(4, n*17)
			want := fill(t, p, k, v, n, n)
			got := fill(t, p, gauss(5, n*33), gauss(6, n*17), n, n)
			for _, keep := range []int{0, 3, 64, 70, 128} {
				require.NoError(t, got.Truncate(0))
				require.NoError(t, got.Append(k[:keep*33], v[:keep*17]))
				require.NoError(t, got.Append(gauss(7, (n-keep)*33), gauss(8, (n-keep)*17)))
				require.NoError(t, got.Truncate(keep))
				require.NoError(t, got.Append(k[keep*33:], v[keep*17:]))
				a, b := make([]float32, 17), make([]float32, 17)
				q := gauss(9, 33)
				require.NoError(t, want.Attend(t.Context(), a, q))
				require.NoError(t, got.Attend(t.Context(), b, q))
				require.Equal(t, a, b, "keep %d", keep)
			}
		})
	}
}

// TestPrefixProperty: decoding token t gives the bits of row t of a prefill, over
// several splits, whether or not they are distributed.
func TestPrefixProperty(t *testing.T) {
	const n = 2300
	for _, cfg := range []Config{
		{K: Codec{Format: quant.Int8, Rotate: true, Center: true}, V: Codec{Format: quant.Int4, Center: true}, SinkTokens: 4},
		{K: Codec{Format: quant.F32}, V: Codec{Format: quant.E4M3}},
	} {
		cfg.QHeads, cfg.KVHeads, cfg.DK, cfg.DV, cfg.Causal = 4, 2, 16, 24, true
		p, err := NewPlan(cfg)
		require.NoError(t, err)
		k, v, q := gauss(1, n*2*16), gauss(2, n*2*24), gauss(3, n*4*16)
		c := fill(t, p, k, v, n, 500)
		all := make([]float32, n*4*24)
		require.NoError(t, c.Attend(t.Context(), all, q))
		for _, tok := range []int{0, 1, 63, 64, 1023, 1024, 2047, 2048, n - 1} {
			require.NoError(t, c.Truncate(tok+1))
			one := make([]float32, 4*24)
			require.NoError(t, c.Attend(t.Context(), one, q[tok*4*16:(tok+1)*4*16]))
			require.Equal(t, all[tok*4*24:(tok+1)*4*24], one, "token %d", tok)
			rest := fill(t, p, k, v, n, n)
			c = rest
		}
	}
}

func TestWorkersAndBatchDoNotChangeBits(t *testing.T) {
	const n = 1500
	cfg := Config{QHeads: 6, KVHeads: 2, DK: 40, DV: 24, Causal: true,
		K: Codec{Format: quant.Int8, Center: true}, V: Codec{Format: quant.NF4}}
	k, v, q := gauss(1, n*2*40), gauss(2, n*2*24), gauss(3, 3*6*40)
	var want []float32
	for _, workers := range []int{1, 2, 3, 7, 16} {
		pool := NewPool(workers)
		p, err := NewPlan(cfg, WithRunner(pool))
		require.NoError(t, err)
		c := fill(t, p, k, v, n, 100)
		out := make([]float32, 3*6*24)
		require.NoError(t, c.Attend(t.Context(), out, q))
		if want == nil {
			want = out
		}
		require.Equal(t, want, out, "%d workers", workers)

		// the same sequence as the second of three in a batch
		short := int32(100)
		b := Batch{QStart: []int32{0, 5, 8, 9}, KVLen: []int32{short, n, 0}, Table: append(append([]int32(nil), c.Table()...), c.Table()...),
			TabStart: []int32{0, int32(len(c.Table())), 2 * int32(len(c.Table())), 2 * int32(len(c.Table()))}}
		var s Schedule
		require.NoError(t, p.Reschedule(&s, &b))
		all := make([]float32, 9*6*24)
		qs := append(append(gauss(4, 5*6*40), q...), gauss(5, 6*40)...)
		require.NoError(t, p.Run(t.Context(), &s, c.Pages(), &IO{Q: Rows{F32: qs}, Out: all, Workspace: AlignedBytes(s.WorkspaceBytes())}))
		require.Equal(t, want, all[5*6*24:8*6*24])
		for _, x := range all[8*6*24:] {
			require.Zero(t, x)
		}
		pool.Close()
	}
}

func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 1300
	pool := NewPool(2)
	defer pool.Close()
	for _, cfg := range codecs() {
		cfg.QHeads, cfg.KVHeads, cfg.DK, cfg.DV, cfg.Causal = 4, 2, 32, 32, true
		p, err := NewPlan(cfg, WithRunner(pool), WithLabels())
		require.NoError(t, err)
		second, err := NewPlan(cfg, WithRunner(pool)) // a schedule may serve several
		require.NoError(t, err)
		k, v, q := gauss(1, n*2*32), gauss(2, n*2*32), gauss(3, 4*32)
		c := fill(t, p, k, v, n, n)
		b := Batch{QStart: []int32{0, 1}, KVLen: []int32{n}, Table: c.Table(), TabStart: []int32{0, int32(len(c.Table()))}}
		var s Schedule
		require.NoError(t, p.Reschedule(&s, &b))
		io := IO{Q: Rows{F32: q}, Out: make([]float32, 4*32), LSE: make([]float32, 4), Workspace: AlignedBytes(s.WorkspaceBytes())}
		other, lse := make([]float32, 4*32), make([]float32, 4)
		ctx, pages := t.Context(), c.Pages()
		for name, f := range map[string]func(){
			"Append":     func() { must(p.Append(pages, c.table, n-70, 70, Rows{F32: k[:70*64]}, Rows{F32: v[:70*64]})) },
			"Reschedule": func() { must(p.Reschedule(&s, &b)) },
			"Run":        func() { must(p.Run(ctx, &s, pages, &io)) },
			"both plans": func() { must(second.Reschedule(&s, &b)); must(p.Reschedule(&s, &b)); must(p.Run(ctx, &s, pages, &io)) },
			"Merge":      func() { must(Merge(other, lse, io.Out, io.LSE, 32)) },
			"Truncate":   func() { must(p.Truncate(pages, c.table, 5)) },
		} {
			require.Zero(t, testing.AllocsPerRun(5, f), "%s %s", label(cfg), name)
		}
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// TestWorkspaceIsBounded: no memory proportional to lengths, neither q·kv nor kv.
func TestWorkspaceIsBounded(t *testing.T) {
	p, err := NewPlan(Config{QHeads: 32, KVHeads: 8, DK: 128, DV: 128, Causal: true, K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int8}})
	require.NoError(t, err)
	bound := p.MaxWorkspaceBytes()
	require.Less(t, bound, 32<<20)
	for _, shape := range [][2]int32{{1, 64}, {1, 4096}, {1, 1 << 20}, {1, 1 << 28}, {16, 1 << 20}, {4096, 4096}, {1 << 16, 1 << 20}} {
		table := make([]int32, p.Layout().TablePages(int(shape[1])))
		var s Schedule
		require.NoError(t, p.Reschedule(&s, &Batch{QStart: []int32{0, shape[0]}, KVLen: []int32{shape[1]}, Table: table, TabStart: []int32{0, int32(len(table))}}))
		require.LessOrEqual(t, s.WorkspaceBytes(), bound, "%v", shape)
	}
}

func TestCancellation(t *testing.T) {
	const n = 8192
	p, err := NewPlan(Config{QHeads: 8, KVHeads: 8, DK: 64, DV: 64})
	require.NoError(t, err)
	c := fill(t, p, gauss(1, n*8*64), gauss(2, n*8*64), n, n)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*time.Millisecond, cancel)
	q := gauss(3, 256*8*64)
	require.ErrorIs(t, c.Attend(ctx, make([]float32, 256*8*64), q), context.Canceled)
	out := []float32{1: 0, 256*8*64 - 1: 0}
	out[0] = 42
	require.ErrorIs(t, c.Attend(ctx, out, q), context.Canceled)
	require.Equal(t, float32(42), out[0], "nothing is written once cancelled")
}

func TestSaveLoad(t *testing.T) {
	const n = 200
	for _, cfg := range codecs() {
		cfg.QHeads, cfg.KVHeads, cfg.DK, cfg.DV = 2, 2, 24, 24
		p, err := NewPlan(cfg)
		require.NoError(t, err)
		c := fill(t, p, gauss(1, n*2*24), gauss(2, n*2*24), n, 50)
		var file bytes.Buffer
		_, err = p.SaveKV(&file, c.Pages(), c.Table(), n)
		require.NoError(t, err)
		pages := len(c.Table())
		pg := Pages{Arena: AlignedBytes(pages * p.Layout().PageBytes), Records: make([]byte, pages*p.Layout().RecordBytes)}
		got, err := p.LoadKV(bytes.NewReader(file.Bytes()), pg, c.Table())
		require.NoError(t, err)
		require.Equal(t, n, got)
		require.True(t, bytes.Equal(slices.Concat(pg.Arena, pg.Records), c.stored()))

		cfg.SinkTokens++
		other, err := NewPlan(cfg)
		require.NoError(t, err)
		before := slices.Concat(pg.Arena, pg.Records)
		_, err = other.LoadKV(bytes.NewReader(file.Bytes()), pg, c.Table())
		require.ErrorIs(t, err, ErrLayout)
		damaged := bytes.Clone(file.Bytes())
		damaged[len(damaged)/2] ^= 1
		_, err = p.LoadKV(bytes.NewReader(damaged), pg, c.Table())
		require.ErrorIs(t, err, ErrLayout)
		_, err = p.LoadKV(bytes.NewReader(file.Bytes()[:file.Len()-9]), pg, c.Table())
		require.ErrorIs(t, err, ErrLayout)
		require.True(t, bytes.Equal(before, slices.Concat(pg.Arena, pg.Records)), "a failed load writes nothing")
	}
}

func TestConcurrentRuns(t *testing.T) {
	const n = 300
	p, err := NewPlan(Config{QHeads: 4, KVHeads: 2, DK: 32, DV: 32, K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int8}})
	require.NoError(t, err)
	c := fill(t, p, gauss(1, n*2*32), gauss(2, n*2*32), n, n)
	q := gauss(3, 4*32)
	want := make([]float32, 4*32)
	require.NoError(t, c.Attend(t.Context(), want, q))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			b := Batch{QStart: []int32{0, 1}, KVLen: []int32{n}, Table: c.Table(), TabStart: []int32{0, int32(len(c.Table()))}}
			var s Schedule
			must(p.Reschedule(&s, &b))
			out := make([]float32, 4*32)
			io := IO{Q: Rows{F32: q}, Out: out, Workspace: AlignedBytes(s.WorkspaceBytes())}
			for range 20 {
				must(p.Run(context.Background(), &s, c.Pages(), &io))
			}
			for i := range out {
				if out[i] != want[i] {
					t.Errorf("element %d differs", i)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Tiles of 16 bits are expanded for more rows than a kernel call has, except where that
// would be slower.
func TestExplainInPlace(t *testing.T) {
	cfg := Config{QHeads: 8, KVHeads: 8, DK: 64, DV: 64, K: Codec{Format: quant.F16}, V: Codec{Format: quant.BF16}, P: PBF16}
	p, err := NewPlan(cfg, WithTier("generic"))
	require.NoError(t, err)
	e := p.Explain().String()
	require.Contains(t, e, "keys are expanded from f16 to float32, tile by tile, where more than 16 query rows share them")
	require.Contains(t, e, "values are expanded from bf16 to float32, tile by tile, where more than 16 query rows share them")
	require.Contains(t, e, "bf16 weights are summed in float32")

	p, err = NewPlan(cfg)
	require.NoError(t, err)
	e = p.Explain().String()
	if p.ks.Used("QKF16", "PVBF16")&asm.AVX512 != 0 {
		require.NotContains(t, e, "expanded")
	}
	if p.ks.MultipliesBF16() {
		require.Contains(t, e, "softmax advanceBF16_bf16, values pvPairBF16_bf16")
		require.NotContains(t, e, "expanded")
		require.NotContains(t, e, "summed in float32")
	}
}

func TestExplainAndRequire(t *testing.T) {
	cfg := Config{QHeads: 8, KVHeads: 8, DK: 128, DV: 128, K: Codec{Format: quant.Int8, Center: true}, V: Codec{Format: quant.F16}}
	p, err := NewPlan(cfg, WithTier("generic"), WithRequire(IntegerQK))
	require.NoError(t, err)
	e := p.Explain()
	require.Equal(t, "generic", e.Tier)
	require.Equal(t, "qkScaleI8_generic", e.QK)
	require.Equal(t, "pvF16_generic", e.PV)
	require.InDelta(t, 8+0.125+0.25+0.0625, e.BitsK, 1e-9)

	var fe *FieldError
	_, err = NewPlan(cfg, WithRequire(IntegerPV))
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorAs(t, err, &fe)
	require.Equal(t, "WithRequire", fe.Field)
	_, err = NewPlan(cfg, WithTier("generic"), WithRequire(Vectorized))
	require.ErrorIs(t, err, ErrUnsupported)

	cfg.V.Format = quant.NF4
	p, err = NewPlan(cfg, WithRequire(IntegerPV))
	require.NoError(t, err)
	require.Contains(t, p.Explain().String(), "values in nf4 are read as int8 codes")
	require.NotContains(t, p.Explain().String(), "keys in")
	cfg.P, cfg.V.Format = PU8, quant.E4M3
	p, err = NewPlan(cfg)
	require.NoError(t, err)
	require.Contains(t, p.Explain().String(), "values are expanded from e4m3")
	require.Contains(t, p.Explain().String(), "u8 weights are rounded in Go, then summed in float32")
	_, err = NewPlan(cfg, WithRequire(IntegerPV))
	require.ErrorIs(t, err, ErrUnsupported)
	cfg.P = PMode(len(probabilities))
	_, err = NewPlan(cfg)
	require.ErrorIs(t, err, ErrConfig)
	require.ErrorAs(t, err, &fe)
	require.Equal(t, "Config.P", fe.Field)
}

func TestSplits(t *testing.T) {
	next := 0
	for i := range 16 * 8 {
		s := splitRange(i)
		require.Equal(t, next, s.lo)
		require.Zero(t, s.lo%Tile)
		require.Equal(t, i, splitOf(s.lo))
		require.Equal(t, i, splitOf(s.hi-1))
		next = s.hi
	}
	require.Less(t, splitOf(maxTokens-1), 300)
}
