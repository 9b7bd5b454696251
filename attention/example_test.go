package attention_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// ramp fills n floats with a repeatable pattern in [−1, 1].
func ramp(n, seed int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((i*37+seed*11)%101)/50 - 1
	}
	return x
}

// One call on float slices.
func ExampleDense() {
	cfg := attention.Config{QHeads: 4, KVHeads: 2, DK: 64, DV: 64, Causal: true,
		K: attention.Codec{Format: quant.Int8}, V: attention.Codec{Format: quant.Int4}}
	const tokens = 10
	out := make([]float32, tokens*4*64)
	err := attention.Dense(context.Background(), cfg, out, ramp(tokens*4*64, 1), ramp(tokens*2*64, 2), ramp(tokens*2*64, 3))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.2f %.2f\n", out[0], out[len(out)-1])
	// Output: -0.37 0.32
}

// A growing cache: append a token, attend, as a decoder does.
func ExampleCache() {
	plan, err := attention.NewPlan(attention.Config{QHeads: 4, KVHeads: 2, DK: 64, DV: 64, Causal: true,
		K: attention.Codec{Format: quant.Int8, Rotate: true, Center: true}, V: attention.Codec{Format: quant.Int8, Center: true}, SinkTokens: 4})
	if err != nil {
		log.Fatal(err)
	}
	cache := plan.NewCache()
	out := make([]float32, 4*64)
	for t := range 100 {
		if err := cache.Append(ramp(2*64, t), ramp(2*64, t+1)); err != nil {
			log.Fatal(err)
		}
		if err := cache.Attend(context.Background(), out, ramp(4*64, t)); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(cache.Len(), "tokens,", len(cache.Table()), "pages")
	// Output: 100 tokens, 3 pages
}

// A runtime with its own pages: two sequences share a prefix page, lengths differ, and
// a pool of two workers runs the units.
func ExamplePlan_Run() {
	pool := attention.NewPool(2)
	defer pool.Close()
	plan, err := attention.NewPlan(attention.Config{QHeads: 2, KVHeads: 1, DK: 32, DV: 32, Causal: true,
		K: attention.Codec{Format: quant.E4M3}, V: attention.Codec{Format: quant.E4M3}}, attention.WithRunner(pool))
	if err != nil {
		log.Fatal(err)
	}
	layout := plan.Layout()
	pages := attention.Pages{Arena: attention.AlignedBytes(3 * layout.PageBytes)}
	first, second := []int32{0, 1}, []int32{0, 2} // page 0 is shared

	row := func(n, seed int) attention.Rows { return attention.Rows{F32: ramp(n*32, seed)} }
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	check(plan.Append(pages, first, 0, 64, row(64, 1), row(64, 2)))
	check(plan.Append(pages, first, 64, 20, row(20, 3), row(20, 4)))
	check(plan.Append(pages, second, 64, 1, row(1, 5), row(1, 6)))

	var sched attention.Schedule
	check(plan.Reschedule(&sched, &attention.Batch{
		QStart: []int32{0, 1, 2}, KVLen: []int32{84, 65}, Table: []int32{0, 1, 0, 2}, TabStart: []int32{0, 2, 4}}))
	out, lse := make([]float32, 2*2*32), make([]float32, 2*2)
	check(plan.Run(context.Background(), &sched, pages, &attention.IO{Q: row(4, 7), Out: out, LSE: lse,
		Workspace: attention.AlignedBytes(sched.WorkspaceBytes())}))
	fmt.Printf("%.2f\n", lse)
	// Output: [4.85 4.83 4.55 4.61]
}

// Certificates: what quantization may have done to every row. A runtime that owns its pages owns the
// records beside them too.
func ExampleConfig_certify() {
	const tokens, d = 200, 64
	plan, err := attention.NewPlan(attention.Config{QHeads: 1, KVHeads: 1, DK: d, DV: d, Certify: true,
		K: attention.Codec{Format: quant.Int8}, V: attention.Codec{Format: quant.Int4}})
	if err != nil {
		log.Fatal(err)
	}
	layout := plan.Layout()
	table := []int32{0, 1, 2, 3}
	pages := attention.Pages{
		Arena:   attention.AlignedBytes(len(table) * layout.PageBytes),
		Records: make([]byte, len(table)*layout.RecordBytes),
	}
	k, v, q := ramp(tokens*d, 1), ramp(tokens*d, 2), ramp(d, 3)
	if err := plan.Append(pages, table, 0, tokens, attention.Rows{F32: k}, attention.Rows{F32: v}); err != nil {
		log.Fatal(err)
	}
	var sched attention.Schedule
	if err := plan.Reschedule(&sched, &attention.Batch{QStart: []int32{0, 1}, KVLen: []int32{tokens}, Table: table, TabStart: []int32{0, 4}}); err != nil {
		log.Fatal(err)
	}
	io := attention.IO{Q: attention.Rows{F32: q}, Out: make([]float32, d), ErrEst: make([]float32, 1), ErrBound: make([]float32, 1),
		Workspace: attention.AlignedBytes(sched.WorkspaceBytes())}
	if err := plan.Run(context.Background(), &sched, pages, &io); err != nil {
		log.Fatal(err)
	}

	exact := make([]float32, d)
	if err := attention.Dense(context.Background(), attention.Config{QHeads: 1, KVHeads: 1, DK: d, DV: d}, exact, q, k, v); err != nil {
		log.Fatal(err)
	}
	squares, worst := 0.0, 0.0
	for c, x := range exact {
		e := math.Abs(float64(io.Out[c] - x))
		squares, worst = squares+e*e, max(worst, e)
	}
	fmt.Printf("root mean square error %.4f, estimate %.4f\n", math.Sqrt(squares/d), io.ErrEst[0])
	fmt.Printf("worst %.4f, bound %.4f\n", worst, io.ErrBound[0])
	// Output:
	// root mean square error 0.0033, estimate 0.0048
	// worst 0.0116, bound 0.1600
}

// Attention over a prefix and over a suffix, joined by their LSE.
func ExampleMerge() {
	outA, lseA := []float32{1, 2}, []float32{0}
	outB, lseB := []float32{3, 6}, []float32{0}
	if err := attention.Merge(outA, lseA, outB, lseB, 2); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%v %.4f\n", outA, lseA[0])
	// Output: [2 4] 0.6931
}

// Which kernels will run, and what the storage costs.
func ExamplePlan_Explain() {
	plan, err := attention.NewPlan(attention.Config{QHeads: 8, KVHeads: 8, DK: 128, DV: 128,
		K: attention.Codec{Format: quant.Int8}, V: attention.Codec{Format: quant.NF4}}, attention.WithTier("generic"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plan.Explain())
	// Output:
	// tier generic: scores qkScaleI8_generic, softmax advanceU8_generic, values pvFoldI8_generic; 8.19 bits per key element, 4.31 per value element
	//   note: values in nf4 are read as int8 codes, rounded
	//   note: pure-Go kernels: this build or machine has no assembly for them, or the tier is forced
}
