package attention_test

import (
	"context"
	"fmt"
	"log"

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
