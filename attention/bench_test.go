package attention

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/qattn/qattn/quant"
)

// benchRun times Run over n stored tokens for q query rows.
func benchRun(b *testing.B, f quant.Format, qHeads, kvHeads, d, q, n int) {
	p, err := NewPlan(Config{QHeads: qHeads, KVHeads: kvHeads, DK: d, DV: d, Causal: true, K: Codec{Format: f}, V: Codec{Format: f}})
	if err != nil {
		b.Fatal(err)
	}
	c := p.NewCache()
	if err := c.Append(gauss(1, n*kvHeads*d), gauss(2, n*kvHeads*d)); err != nil {
		b.Fatal(err)
	}
	queries, out := gauss(3, q*qHeads*d), make([]float32, q*qHeads*d)
	b.SetBytes(int64(c.Bytes()))
	for b.Loop() {
		if err := c.Attend(b.Context(), out, queries); err != nil {
			b.Fatal(err)
		}
	}
	pairs := 0
	for i := range q {
		pairs += n - q + i + 1
	}
	b.ReportMetric(4*float64(pairs*qHeads*d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
}

func BenchmarkDecode(b *testing.B) {
	for _, f := range benchFormats() {
		b.Run(fmt.Sprintf("fmt=%s/heads=32x8/d=128/n=1024", f), func(b *testing.B) { benchRun(b, f, 32, 8, 128, 1, 1024) })
	}
}

// BenchmarkPages times decoding from memory with the pages of a sequence in order and not: units
// read pages from front to back, and prefetchers start anew on each that does not follow.
func BenchmarkPages(b *testing.B) {
	const n, heads, kvHeads, d = 65536, 32, 8, 128
	for _, f := range []quant.Format{quant.Int8, quant.Int4} {
		p, err := NewPlan(Config{QHeads: heads, KVHeads: kvHeads, DK: d, DV: d, K: Codec{Format: f}, V: Codec{Format: f}})
		must(err)
		c := p.NewCache()
		must(c.Append(gauss(1, n*kvHeads*d), gauss(2, n*kvHeads*d)))
		io := &IO{Q: Rows{F32: gauss(3, heads*d)}, Out: make([]float32, heads*d)}
		table := slices.Clone(c.Table())
		for _, order := range []string{"first to last", "shuffled"} {
			b.Run(fmt.Sprintf("fmt=%s/pages=%s", f, order), func(b *testing.B) {
				if order == "shuffled" {
					rand.New(rand.NewPCG(1, 2)).Shuffle(len(table), func(i, j int) { table[i], table[j] = table[j], table[i] })
				}
				var s Schedule
				must(p.Reschedule(&s, &Batch{QStart: []int32{0, 1}, KVLen: []int32{n}, Table: table, TabStart: []int32{0, int32(len(table))}}))
				io.Workspace = AlignedBytes(s.WorkspaceBytes())
				b.SetBytes(int64(c.Bytes()))
				for b.Loop() {
					must(p.Run(b.Context(), &s, c.Pages(), io))
				}
			})
		}
	}
}

// BenchmarkCertify times decoding and prefill without and with certificates. The two take turns,
// so that a drift of the machine hits both; the cost is the median of the turns. They read the same
// pages, which differ in nothing that a plan without certificates looks at: where memory lies
// moves a run by more than certificates do.
func BenchmarkCertify(b *testing.B) {
	for _, c := range []struct {
		format    quant.Format
		center    bool
		q, n      int
		causal    bool
		heads, kv int
	}{
		{quant.Int8, false, 1, 1024, false, 32, 8},
		{quant.Int8, false, 1, 4096, false, 32, 8},
		{quant.Int8, true, 1, 4096, false, 32, 8},
		{quant.Int4, false, 1, 4096, false, 32, 8},
		{quant.NF4, false, 1, 4096, false, 32, 8},
		{quant.E4M3, false, 1, 4096, false, 32, 8},
		{quant.Int8, false, 1, 65536, false, 32, 8},
		{quant.Int8, true, 1, 65536, false, 32, 8},
		{quant.Int8, false, 512, 512, true, 8, 2},
		{quant.Int8, false, 2048, 2048, true, 8, 2},
		{quant.E4M3, false, 2048, 2048, true, 8, 2},
		{quant.Int8, false, 2048, 2048, false, 8, 2},
	} {
		name := fmt.Sprintf("fmt=%s/center=%t/heads=%dx%d/d=128/q=%d/n=%d/causal=%t", c.format, c.center, c.heads, c.kv, c.q, c.n, c.causal)
		b.Run(name, func(b *testing.B) {
			codec := Codec{Format: c.format, Center: c.center}
			benchCertify(b, Config{QHeads: c.heads, KVHeads: c.kv, DK: 128, DV: 128, K: codec, V: codec, Causal: c.causal}, c.q, c.n)
		})
	}
}

func benchCertify(b *testing.B, cfg Config, rows, n int) {
	k, v, q := gauss(1, n*cfg.KVHeads*cfg.DK), gauss(2, n*cfg.KVHeads*cfg.DV), gauss(3, rows*cfg.QHeads*cfg.DK)
	var runs [2]func() error
	var c *Cache
	for i, certify := range []bool{true, false} {
		cfg.Certify = certify
		p, err := NewPlan(cfg)
		must(err)
		if certify {
			c = p.NewCache()
			must(c.Append(k, v))
		}
		var s Schedule
		must(p.Reschedule(&s, &Batch{QStart: []int32{0, int32(rows)}, KVLen: []int32{int32(n)}, Table: c.Table(), TabStart: []int32{0, int32(len(c.Table()))}}))
		io := &IO{Q: Rows{F32: q}, Out: make([]float32, rows*cfg.QHeads*cfg.DV), Workspace: AlignedBytes(s.WorkspaceBytes())}
		if certify {
			io.ErrEst, io.ErrBound = make([]float32, rows*cfg.QHeads), make([]float32, rows*cfg.QHeads)
		}
		runs[i] = func() error { return p.Run(b.Context(), &s, c.Pages(), io) }
	}
	var ratios []float64
	for b.Loop() {
		var took [2]time.Duration
		for i, run := range runs {
			start := time.Now()
			must(run())
			took[i] = time.Since(start)
		}
		ratios = append(ratios, float64(took[0])/float64(took[1]))
	}
	slices.Sort(ratios)
	b.ReportMetric(100*(ratios[len(ratios)/2]-1), "%cost")
}

func BenchmarkPrefill(b *testing.B) {
	for _, f := range benchFormats() {
		b.Run(fmt.Sprintf("fmt=%s/heads=4x4/d=64/n=256", f), func(b *testing.B) { benchRun(b, f, 4, 4, 64, 256, 256) })
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, f := range benchFormats() {
		b.Run(fmt.Sprintf("fmt=%s/heads=8/d=128", f), func(b *testing.B) {
			p, err := NewPlan(Config{QHeads: 8, KVHeads: 8, DK: 128, DV: 128, K: Codec{Format: f}, V: Codec{Format: f}})
			if err != nil {
				b.Fatal(err)
			}
			pages, table := Pages{Arena: AlignedBytes(p.Layout().PageBytes)}, []int32{0}
			k, v := Rows{F32: gauss(1, 8*128)}, Rows{F32: gauss(2, 8*128)}
			b.SetBytes(2 * 4 * 8 * 128)
			for i := 0; b.Loop(); i++ {
				if err := p.Append(pages, table, i%Tile, 1, k, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchFormats() []quant.Format {
	return []quant.Format{quant.F32, quant.F16, quant.BF16, quant.Int8, quant.E4M3, quant.E5M2, quant.NF4, quant.NF4Double, quant.Int4}
}
