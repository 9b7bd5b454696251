package attention

import (
	"fmt"
	"testing"

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
	return []quant.Format{quant.F32, quant.F16, quant.BF16, quant.Int8, quant.E4M3, quant.E5M2, quant.NF4, quant.Int4}
}
