package fuzz

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// propFormats are the pairs of formats that properties range over.
var propFormats = []struct{ k, v string }{{"f32", "f32"}, {"int8", "int8"}, {"int4", "int4"}, {"e4m3", "e4m3"}, {"nf4", "nf4"}, {"int8", "nf4"}, {"f16", "int4"}, {"bf16", "int8-s32"}, {"nf4-dq", "nf4-dq"}}

// propCases is a case per pair of formats, plain and with every codec step.
func propCases(t *testing.T, f func(t *testing.T, c Case)) {
	for i, p := range propFormats {
		if testing.Short() && i > 2 {
			return
		}
		for _, dressed := range []bool{false, true} {
			c := Case{Heads: 6, KVHeads: 2, DK: 40, DV: 24, QLen: 5, KVLen: 200, K: Store{Format: p.k}, V: Store{Format: p.v}, Causal: true,
				PageSeed: 3, Chunk: 70, Seed: uint64(100 + i)}
			name := p.k + "/" + p.v
			if dressed {
				c.K, c.V, c.SinkTokens, c.Sinks, c.ALiBi = Store{Format: p.k, Rotate: true, Center: true}, Store{Format: p.v, Rotate: true, Center: true}, 4, true, true
				name += "/dressed"
			}
			t.Run(name, func(t *testing.T) { f(t, c) })
		}
	}
}

// propModes is propCases and a case per mode of weights and correction, over integer and
// other values in turn, with means and, where the mode has them, certificates.
func propModes(t *testing.T, f func(t *testing.T, c Case)) {
	propCases(t, f)
	n := 0
	for _, p := range attention.PModes() {
		for _, correction := range corrections(p) {
			n++
			if testing.Short() && n%6 != 0 {
				continue
			}
			c := Case{Heads: 6, KVHeads: 2, DK: 20, DV: 12, QLen: 5, KVLen: 200, P: p, Correction: correction, Causal: true, PageSeed: 3, Chunk: 70, Seed: uint64(200 + n),
				K: Store{Format: []string{"int8", "f32", "int4"}[n%3], Rotate: n%2 == 0, Center: n%4 < 2, Mean: 0.5},
				V: Store{Format: []string{"int8", "f16", "int4", "e4m3"}[n%4], Rotate: n%3 == 0, Center: n%2 == 0 || correction == attention.CorrectExact, Mean: 3}}
			if n%3 == 1 {
				c.SinkTokens, c.Sinks = 4, true
			}
			c.Certify = c.certifiable()
			t.Run(p.String()+"/"+correction.String(), func(t *testing.T) { f(t, c) })
		}
	}
}

// run builds and runs a case with other data.
func run(t *testing.T, c Case, q, k, v []float32) Output {
	t.Helper()
	out, _ := runInstance(t, c, q, k, v)
	return out
}

func runInstance(t *testing.T, c Case, q, k, v []float32) (Output, *Instance) {
	t.Helper()
	in, err := c.Build(0xFF)
	require.NoError(t, err, "%v", c)
	in.Q, in.K, in.V = q, k, v
	require.NoError(t, in.Append(k, v))
	out, err := in.Run()
	require.NoError(t, err, "%v", c)
	return out, in
}

// checked is run followed by the oracle.
func checked(t *testing.T, c Case, q, k, v []float32) Output {
	t.Helper()
	out, in := runInstance(t, c, q, k, v)
	_, err := in.Check(out)
	require.NoError(t, err, "%v", c)
	return out
}

// rows are query rows [from, from+n).
func (o Output) rows(c *Case, from, n int) Output {
	part := func(x []float32, d int) []float32 {
		if x == nil {
			return nil
		}
		return x[from*d : (from+n)*d]
	}
	return Output{part(o.Out, c.Heads*c.DV), part(o.LSE, c.Heads), part(o.ErrEst, c.Heads), part(o.ErrBound, c.Heads)}
}

func same(t *testing.T, a, b Output) {
	t.Helper()
	require.NoError(t, a.Same(b))
}

// near compares two outputs whose errors are bounded by tolerances of their own: both are
// within their oracle's bound of the exact results over what they store, so what is left
// is the budget for the difference of the stored values.
func near(t *testing.T, a, b []float32, tol float64) {
	t.Helper()
	require.Len(t, b, len(a))
	for i := range a {
		if d := math.Abs(float64(a[i]) - float64(b[i])); !(d <= tol) {
			t.Fatalf("element %d is %v and %v, want within %v", i, a[i], b[i], tol)
		}
	}
}

// gather returns rows of d elements in another order.
func gather(x []float32, d int, order []int) (y []float32) {
	for _, i := range order {
		y = append(y, x[i*d:(i+1)*d]...)
	}
	return y
}

// budget is the largest output change that quantization explains when the stored values
// are recomputed from moved inputs, for gaussian data: rough steps per format, two sides.
func budget(c Case) float64 {
	step := func(name string) float64 {
		switch name {
		case "f32":
			return 1e-5
		case "f16":
			return 5e-3
		case "bf16", "int8", "int8-s32":
			return 0.08
		}
		return 1
	}
	return step(c.K.Format) + step(c.V.Format)
}

// Property 1: the order of keys does not matter, to tolerance.
func TestPropKeyOrder(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		c.Causal, c.ALiBi, c.SinkTokens = false, false, 0
		q, k, v := c.Tensors()
		order := rand.New(rand.NewPCG(c.Seed, 1)).Perm(c.KVLen)
		a := run(t, c, q, k, v)
		b := run(t, c, q, gather(k, c.KVHeads*c.DK, order), gather(v, c.KVHeads*c.DV, order))
		tol := 2e-5
		if c.K.Center || c.V.Center {
			tol = budget(c) // other tiles, other means
		} else if c.P != attention.PF32 {
			tol += 0.01 // weights round against other tile maxima
		}
		near(t, a.Out, b.Out, tol)
		near(t, a.LSE, b.LSE, tol)
	})
}

// Property 2: a constant added to all keys of a head moves LSE by scale·q·c and not the
// output, to budget.
func TestPropKeyShift(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		moved := append([]float32(nil), k...)
		for i := range moved {
			moved[i] += float32(i%c.DK%3) - 1
		}
		c.Sinks = false
		a, b := run(t, c, q, k, v), checked(t, c, q, moved, v)
		near(t, a.Out, b.Out, budget(c))
		for r := range a.LSE {
			dot := 0.0
			for ch, x := range q[r*c.DK:][:c.DK] {
				dot += float64(x) * float64(ch%3-1) / math.Sqrt(float64(c.DK))
			}
			require.InDelta(t, float64(a.LSE[r])+dot, b.LSE[r], budget(c)+1e-4)
		}
	})
}

// Property 3: one rotation of queries and keys changes nothing, to budget; Codec.Rotate
// is that rotation.
func TestPropRotation(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		a := run(t, c, q, k, v)
		c.K.Rotate = !c.K.Rotate
		near(t, a.Out, run(t, c, q, k, v).Out, budget(c))
	})
}

// Property 4: the output is linear in values that are stored exactly.
func TestPropValueLinear(t *testing.T) {
	c := Case{Heads: 6, KVHeads: 2, DK: 40, DV: 24, QLen: 5, KVLen: 200, V: Store{Format: "f32"}, Causal: true, Seed: 4}
	for _, f := range []string{"f32", "int8", "int4", "e4m3", "nf4", "nf4-dq"} {
		t.Run(f, func(t *testing.T) {
			c.K = Store{Format: f}
			q, k, v := c.Tensors()
			w := normal(rand.New(rand.NewPCG(9, 9)), len(v))
			sum := make([]float32, len(v))
			for i := range v {
				sum[i] = 2*v[i] - 0.5*w[i]
			}
			a, b, s := run(t, c, q, k, v), run(t, c, q, k, w), run(t, c, q, k, sum)
			for i := range a.Out {
				require.InDelta(t, 2*a.Out[i]-0.5*b.Out[i], s.Out[i], 1e-5)
			}
		})
	}
}

// Property 5: values times 2^n give outputs times 2^n, bit for bit: scales and centres are
// powers apart, weights do not move.
func TestPropValueScale(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		if c.Certify {
			c.SinkTokens = 0 // their errors have the absolute part of binary16
		}
		a := run(t, c, q, k, v)
		c.V.Mean *= 8
		b := checked(t, c, q, k, scaled(v, 8))
		a.Out, a.ErrEst, a.ErrBound = scaled(a.Out, 8), scaled(a.ErrEst, 8), scaled(a.ErrBound, 8)
		same(t, a, b)
	})
}

// Property 6: queries times 2 with keys times ½ give the same bits.
func TestPropQueryScale(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		if c.Certify {
			c.SinkTokens = 0
		}
		want := run(t, c, q, k, v)
		for _, f := range []float32{2, 0.25} {
			d := c
			d.K.Mean /= f
			same(t, want, run(t, d, scaled(q, f), scaled(k, 1/f), v))
		}
	})
}

// Property 7: a cache twice over gives the same output and LSE + ln 2.
func TestPropDuplicate(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		c.Causal, c.ALiBi, c.Sinks, c.SinkTokens, c.K.Center, c.V.Center = false, false, false, 0, false, false
		q, k, v := c.Tensors()
		a := run(t, c, q, k, v)
		c.KVLen *= 2
		b := run(t, c, q, append(append([]float32(nil), k...), k...), append(append([]float32(nil), v...), v...))
		near(t, a.Out, b.Out, 0.02)
		for r := range a.LSE {
			require.InDelta(t, float64(a.LSE[r])+math.Ln2, b.LSE[r], 2e-6*(1+math.Abs(float64(a.LSE[r]))))
		}
	})
}

// Property 8: a key with a bias of −Inf, or a mask bit of 0, behind the sequence changes
// no bit, whatever it holds.
func TestPropHiddenKey(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		offset := c.KVLen - c.QLen
		c.Offset, c.Causal = &offset, false
		c.Certify = false // hidden tokens of a tile count in its records
		q, k, v := c.Tensors()
		a := run(t, c, q, k, v)
		for _, bad := range []float32{0, 1e30, float32(math.NaN()), negInf} {
			for _, byMask := range []bool{false, true} {
				more := c
				more.KVLen += 3
				in, err := more.Build(0xFF)
				require.NoError(t, err)
				k2, v2 := append([]float32(nil), k...), append([]float32(nil), v...)
				for range 3 * c.KVHeads * c.DK {
					k2 = append(k2, bad)
				}
				for range 3 * c.KVHeads * c.DV {
					v2 = append(v2, bad)
				}
				in.Q = q
				require.NoError(t, in.Append(k2, v2))
				start := make([]int64, c.QLen)
				if byMask {
					bits := fill(make([]byte, (more.KVLen+7)/8), 0xFF)
					for j := c.KVLen; j < more.KVLen; j++ {
						bits[j/8] &^= 1 << (j % 8)
					}
					in.Batch.Mask = &attention.Mask{Bits: bits, Start: start}
				} else {
					in.Batch.Bias = &attention.Bias{Values: make([]float32, more.KVLen), Start: start}
					for j := c.KVLen; j < more.KVLen; j++ {
						in.Batch.Bias.Values[j] = negInf
					}
				}
				require.NoError(t, in.Plan.Reschedule(in.Sched, &in.Batch))
				b, err := in.Run()
				require.NoError(t, err)
				same(t, a, b)
			}
		}
	})
}

// Property 9a: decoding token t gives the bits of row t of the prefill.
func TestPropPrefix(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		c.QLen = c.KVLen
		q, k, v := c.Tensors()
		all, in := runInstance(t, c, q, k, v)
		for _, tok := range []int{0, 4, 63, 64, 127, 199} {
			b := in.Batch
			b.QStart, b.KVLen = []int32{0, 1}, []int32{int32(tok + 1)}
			require.NoError(t, in.Plan.Reschedule(in.Sched, &b))
			one := &Instance{Case: c, Plan: in.Plan, Arena: in.Arena, Pages: in.Pages, Sched: in.Sched, poison: 0xEE}
			one.QLen = 1
			one.Q = q[tok*c.Heads*c.DK:][:c.Heads*c.DK]
			got, err := one.Run()
			require.NoError(t, err)
			same(t, all.rows(&c, tok, 1), got)
		}
	})
}

// Property 9b: batch, workers, chunks, page ids: no bit changes.
func TestPropInvariance(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		want := run(t, c, q, k, v)
		for i, change := range []func(*Case){
			func(c *Case) { c.Chunk = 1 }, func(c *Case) { c.Chunk = 0 }, func(c *Case) { c.Chunk = 64 },
			func(c *Case) { c.PageSeed = 0 }, func(c *Case) { c.PageSeed, c.PageGap, c.PageOffset = 77, 1, 63 },
			func(c *Case) { c.Workers = 2 }, func(c *Case) { c.Workers = 7 },
		} {
			d := c
			change(&d)
			require.NoError(t, want.Same(run(t, d, q, k, v)), "change %d", i)
		}
	})
}

// TestPropBatch: a row of a random batch has the bits it has alone. Sequences share
// pages.
func TestPropBatch(t *testing.T) {
	pool := attention.NewPool(3)
	defer pool.Close()
	modes := attention.PModes()
	for seed := range uint64(2 * len(modes)) {
		if testing.Short() && seed%5 != 0 {
			continue
		}
		r := rand.New(rand.NewPCG(seed, 5))
		p := propFormats[int(seed)%len(propFormats)]
		c := Case{Heads: 4, KVHeads: 2, DK: 20, DV: 12, QLen: 7, KVLen: 1400, K: Store{Format: p.k, Rotate: seed%2 == 0, Center: seed%3 == 0}, V: Store{Format: p.v, Rotate: seed%3 == 1, Center: seed%2 == 1},
			SinkTokens: int(seed % 3), Causal: true, PageSeed: seed, Seed: seed, P: modes[int(seed)%len(modes)]}
		c.K.Mean, c.V.Mean = float32(seed%2), float32(seed%3)
		if all := corrections(c.P); len(all) > 1 {
			c.Correction = all[int(seed)%(len(all)-1)] // the last needs a centre
		}
		c.Certify = c.certifiable()
		in, err := c.Build(0xFF)
		require.NoError(t, err)
		plan, err := attention.NewPlan(in.Config(), attention.WithRunner(pool))
		require.NoError(t, err)
		b := attention.Batch{QStart: []int32{0}, TabStart: []int32{0}}
		need := in.Plan.Layout().TablePages(c.KVLen)
		for range 1 + r.IntN(4) {
			b.QStart = append(b.QStart, b.QStart[len(b.QStart)-1]+int32(r.IntN(9)))
			b.KVLen = append(b.KVLen, int32(r.IntN(c.KVLen+1)))
			b.Table = append(b.Table, in.Table[:need]...)
			b.TabStart = append(b.TabStart, int32(len(b.Table)))
		}
		rows := int(b.QStart[len(b.QStart)-1])
		q := normal(r, rows*c.Heads*c.DK)
		attend := func(b *attention.Batch, q []float32) Output {
			var s attention.Schedule
			require.NoError(t, plan.Reschedule(&s, b))
			n := int(b.QStart[len(b.QStart)-1])
			o := Output{Out: make([]float32, n*c.Heads*c.DV), LSE: make([]float32, n*c.Heads)}
			if c.Certify {
				o.ErrEst, o.ErrBound = make([]float32, n*c.Heads), make([]float32, n*c.Heads)
			}
			require.NoError(t, plan.Run(t.Context(), &s, in.Pages, &attention.IO{Q: attention.Rows{F32: q}, Out: o.Out, LSE: o.LSE, ErrEst: o.ErrEst, ErrBound: o.ErrBound,
				Workspace: attention.AlignedBytes(s.WorkspaceBytes())}))
			return o
		}
		all := attend(&b, q)
		for s, n := range b.KVLen {
			lo, hi := int(b.QStart[s]), int(b.QStart[s+1])
			for row := lo; row < hi; row++ {
				alone := attention.Batch{QStart: []int32{0, 1}, KVLen: []int32{n}, Table: in.Table, TabStart: []int32{0, int32(len(in.Table))},
					QOffset: []int32{n - int32(hi-row)}}
				got := attend(&alone, q[row*c.Heads*c.DK:][:c.Heads*c.DK])
				same(t, all.rows(&c, row, 1), got)
			}
		}
	}
}

// Property 10: GQA is MHA with repeated keys and values, bit for bit.
func TestPropGQA(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		if c.SinkTokens > 0 || c.K.Center {
			c.PageSeed = 9
		}
		c.K.Mean, c.V.Mean = 0, 0 // which are per KV head
		q, k, v := c.Tensors()
		want := run(t, c, q, k, v)
		mha := c
		mha.KVHeads = c.Heads
		repeat := func(x []float32, d int) (y []float32) {
			for t := range c.KVLen {
				for h := range c.Heads {
					y = append(y, x[(t*c.KVHeads+h/(c.Heads/c.KVHeads))*d:][:d]...)
				}
			}
			return y
		}
		same(t, want, run(t, mha, q, repeat(k, c.DK), repeat(v, c.DV)))
	})
}

// Property 11: merging parts equals the whole, in either order and association.
func TestPropMerge(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		c.Sinks, c.SinkTokens, c.Causal = false, 0, false
		q, k, v := c.Tensors()
		whole, in := runInstance(t, c, q, k, v)
		part := func(lo, hi int) Output {
			b := in.Batch
			b.Bias = &attention.Bias{Values: make([]float32, c.KVLen), Start: make([]int64, c.QLen)}
			for j := range c.KVLen {
				if j < lo || j >= hi {
					b.Bias.Values[j] = negInf
				}
			}
			require.NoError(t, in.Plan.Reschedule(in.Sched, &b))
			o, err := in.Run()
			require.NoError(t, err)
			return o
		}
		clone := func(o Output) Output {
			return Output{Out: append([]float32(nil), o.Out...), LSE: append([]float32(nil), o.LSE...)}
		}
		merge := func(a, b Output) Output {
			a = clone(a)
			require.NoError(t, attention.Merge(a.Out, a.LSE, b.Out, b.LSE, c.DV))
			return a
		}
		x, y, z, none := part(0, 70), part(70, 71), part(71, c.KVLen), part(0, 0)
		left, right := merge(merge(x, y), z), merge(x, merge(y, z))
		near(t, left.Out, right.Out, 1e-6)
		near(t, left.LSE, right.LSE, 1e-6)
		same(t, merge(x, y), merge(y, x))
		same(t, x, merge(x, none))
		same(t, x, merge(none, x))
		tol := 1e-5
		switch in.Plan.Config().P { // weights round against the maximum of the visible part of a tile
		case attention.PF32:
		case attention.PBF16: // by 2⁻⁹ each, in the whole and in its parts
			tol = 0x1p-8
		default:
			tol = 0.02
		}
		near(t, whole.Out, left.Out, tol)
		near(t, whole.LSE, left.LSE, 1e-5)
	})
}

// Property 12: a window of kv_len is no window, bit for bit.
func TestPropWindow(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		want := run(t, c, q, k, v)
		for _, w := range []attention.Window{attention.SlidingWindow(c.KVLen, c.KVLen), attention.SlidingWindow(-1, 0), attention.SlidingWindow(-1, -1),
			attention.SlidingWindow(math.MaxInt, math.MaxInt), attention.SlidingWindow(math.MinInt, math.MaxInt)} {
			c.Window = w
			same(t, want, run(t, c, q, k, v))
		}
	})
}

// Property 13: outputs lie between the least and the greatest value of their channel, as
// stored and read by kernels, widened by the rounding of the weights.
func TestPropConvex(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		c.Sinks, c.V.Rotate = false, false
		for _, data := range []Family{Gauss, VMean, Constant, MaxFirst, MaxLast, Flat, SawTooth} {
			c.Data = data
			q, k, v := c.Tensors()
			out, in := runInstance(t, c, q, k, v)
			stored := in.newExact().prob.V
			n := c.KVHeads * c.DV
			for ch := range n {
				lo, hi := math.Inf(1), math.Inf(-1)
				for j := range c.KVLen {
					x := stored[j*n+ch]
					lo, hi = min(lo, x), max(hi, x)
				}
				slack := (math.Abs(lo) + math.Abs(hi) + hi - lo) * 3e-6
				switch in.Plan.Config().P {
				case attention.PU8:
					slack += (math.Abs(lo) + math.Abs(hi)) / 255 * 2
				case attention.PBF16: // scales are rounded with the weights
					slack += (math.Abs(lo) + math.Abs(hi)) * 0x1p-9
				}
				h, cc := ch/c.DV, ch%c.DV
				for r := range c.QLen {
					for g := range c.Heads / c.KVHeads {
						x := float64(out.Out[(r*c.Heads+h*c.Heads/c.KVHeads+g)*c.DV+cc])
						require.True(t, x >= lo-slack && x <= hi+slack, "family %d, channel %d: %v is outside [%v, %v]", data, ch, x, lo, hi)
					}
				}
			}
		}
	})
}

// Property 14: more keys, more LSE.
func TestPropLSEMonotone(t *testing.T) {
	propCases(t, func(t *testing.T, c Case) {
		c.Causal, c.ALiBi = false, false
		q, k, v := c.Tensors()
		_, in := runInstance(t, c, q, k, v)
		var last []float32
		for n := 0; n <= c.KVLen; n += 13 {
			b := in.Batch
			b.KVLen = []int32{int32(n)}
			require.NoError(t, in.Plan.Reschedule(in.Sched, &b))
			o, err := in.Run()
			require.NoError(t, err)
			for r := range last {
				require.GreaterOrEqual(t, float64(o.LSE[r]), float64(last[r])-2e-6*math.Abs(float64(last[r])))
			}
			last = append([]float32(nil), o.LSE...)
		}
	})
}

// Property 15 is FuzzFormatRow; here over whole caches: storing what ReadKV returns gives
// the same values again where no centre moves and the format's scale reproduces itself.
func TestPropStoreTwice(t *testing.T) {
	for _, f := range quant.Formats() {
		if f == quant.Int4 || f == quant.NF4Double {
			continue // multipliers may shrink once more, see FuzzFormatRow
		}
		t.Run(f.String(), func(t *testing.T) {
			c := Case{Heads: 2, KVHeads: 2, DK: 33, DV: 48, QLen: 1, KVLen: 100, K: Store{Format: f.String()}, V: Store{Format: f.String()}, SinkTokens: 1, Seed: 8}
			in, err := c.Build(0xFF)
			require.NoError(t, err)
			read := func() (k, v []float32) {
				k, v = make([]float32, len(in.K)), make([]float32, len(in.V))
				require.NoError(t, in.Plan.ReadKV(in.Pages, in.Table, 0, c.KVLen, attention.Rows{F32: k}, attention.Rows{F32: v}))
				return k, v
			}
			k, v := read()
			require.NoError(t, in.Append(k, v))
			k2, v2 := read()
			near(t, k, k2, 1e-6)
			near(t, v, v2, 1e-6)
		})
	}
}

// Property 16: tokens appended, dropped and appended again leave the bytes and bits of a
// straight history.
func TestPropTruncate(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		want, straight := runInstance(t, c, q, k, v)
		for _, keep := range []int{0, 1, 5, 63, 64, 100, 128, 199} {
			in, err := c.Build(0xFF)
			require.NoError(t, err)
			junk := normal(rand.New(rand.NewPCG(1, 2)), max(len(k), len(v)))
			junk[7] = float32(math.NaN())
			sk, sv := c.KVHeads*c.DK, c.KVHeads*c.DV
			app := func(from, to int, k, v []float32) {
				require.NoError(t, in.Plan.Append(in.Pages, in.Table, from, to-from, attention.Rows{F32: k[from*sk:]}, attention.Rows{F32: v[from*sv:]}))
			}
			app(0, c.KVLen, k, v)
			require.NoError(t, in.Plan.Truncate(in.Pages, in.Table, keep))
			app(keep, c.KVLen, junk, junk)
			require.NoError(t, in.Plan.Truncate(in.Pages, in.Table, keep))
			app(keep, c.KVLen, k, v)
			got, err := in.Run()
			require.NoError(t, err)
			same(t, want, got)
			for i, b := range in.Table[:in.Plan.Layout().TablePages(c.KVLen)] {
				other := straight.Table[i]
				if !bytes.Equal(in.Page(b), straight.Page(other)) || !bytes.Equal(in.Records(b), straight.Records(other)) {
					// tokens behind KVLen may differ; nothing else
					require.Equal(t, in.Plan.Layout().TablePages(c.KVLen)-1, i, "page %d", i)
				}
			}
		}
	})
}

// Property 17: a saved cache loads into other pages and other plans of the layout.
func TestPropSaveLoad(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		want, in := runInstance(t, c, q, k, v)
		var b bytes.Buffer
		n, err := in.Plan.SaveKV(&b, in.Pages, in.Table, c.KVLen)
		require.NoError(t, err)
		require.EqualValues(t, b.Len(), n)
		saved := bytes.Clone(b.Bytes())
		other := c
		other.PageSeed, other.PageGap = 1234, 64
		to, err := other.Build(0x55)
		require.NoError(t, err)
		to.Q = q
		got, err := to.Plan.LoadKV(&b, to.Pages, to.Table)
		require.NoError(t, err)
		require.Equal(t, c.KVLen, got)
		o, err := to.Run()
		require.NoError(t, err)
		same(t, want, o)
		b.Reset()
		_, err = to.Plan.SaveKV(&b, to.Pages, to.Table, c.KVLen)
		require.NoError(t, err)
		require.True(t, bytes.Equal(saved, b.Bytes()))
		for i, change := range []func(c *Case){
			func(c *Case) { c.K.Rotate = !c.K.Rotate }, func(c *Case) { c.K.Mean += 0.25 }, func(c *Case) { c.V.Mean = 2 - c.V.Mean },
			func(c *Case) { c.P, c.Correction, c.Certify = attention.PF32, attention.CorrectNone, !c.Certify },
		} {
			wrong := c
			change(&wrong)
			w, err := wrong.Build(0x55)
			require.NoError(t, err)
			before := copied(w.Pages)
			_, err = w.Plan.LoadKV(bytes.NewReader(saved), w.Pages, w.Table)
			wantField(t, err, attention.ErrLayout, "Layout.ID")
			require.True(t, before.in(w.Pages), "change %d", i)
		}
	})
}

// TestPropCopyPage: a sequence whose pages are copied to other numbers of another view, with
// their records, gives the same bits, and goes on alone.
func TestPropCopyPage(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		q, k, v := c.Tensors()
		want, in := runInstance(t, c, q, k, v)
		other := c
		other.PageSeed, other.PageGap = 77, 192
		to, err := other.Build(0xFF)
		require.NoError(t, err)
		to.Q = q
		fill(to.Arena, to.poison)
		fill(to.Pages.Records, to.poison)
		pages := in.Plan.Layout().TablePages(c.KVLen)
		for i, b := range in.Table[:pages] {
			require.NoError(t, in.Plan.CopyPage(to.Pages, in.Pages, to.Table[i], b))
		}
		require.NoError(t, to.checkUntouched())
		before := copied(in.Pages)
		got, err := to.Run()
		require.NoError(t, err)
		same(t, want, got)
		require.NoError(t, to.Append(k, v))
		require.True(t, before.in(in.Pages))
		got, err = to.Run()
		require.NoError(t, err)
		same(t, want, got)
	})
}

// TestPropNaNRows: a NaN or an infinity reaches the rows that see it; all others keep
// their bits.
func TestPropNaNRows(t *testing.T) {
	propModes(t, func(t *testing.T, c Case) {
		c.QLen = 12
		q, k, v := c.Tensors()
		want := run(t, c, q, k, v)
		for n, x := range []float32{float32(math.NaN()), negInf, -negInf} {
			bad := []int{194, 192, 199}[n] // in the last tile, so that no later centre depends on it
			for side := range 3 {
				q2, k2, v2 := append([]float32(nil), q...), append([]float32(nil), k...), append([]float32(nil), v...)
				dirty := func(row, head int) bool { return row+c.KVLen-c.QLen >= bad && head/(c.Heads/c.KVHeads) == 1 }
				switch side {
				case 0:
					q2[(7*c.Heads+2)*c.DK+5] = x
					dirty = func(row, head int) bool { return row == 7 && head == 2 }
				case 1:
					k2[(bad*c.KVHeads+1)*c.DK+3] = x
				case 2:
					v2[(bad*c.KVHeads+1)*c.DV+3] = x
				}
				got := run(t, c, q2, k2, v2)
				if !testing.Short() && n*3+side == int(c.Seed)%9 {
					checked(t, c, q2, k2, v2)
				}
				for row := range c.QLen {
					for h := range c.Heads {
						at := row*c.Heads + h
						a, b := want.Out[at*c.DV:][:c.DV], got.Out[at*c.DV:][:c.DV]
						if !dirty(row, h) {
							require.True(t, sameBits(a, b) && sameBits(want.LSE[at:at+1], got.LSE[at:at+1]), "%v on side %d changes row %d, head %d", x, side, row, h)
							if c.Certify {
								require.True(t, sameBits(want.ErrEst[at:at+1], got.ErrEst[at:at+1]) && sameBits(want.ErrBound[at:at+1], got.ErrBound[at:at+1]),
									"%v on side %d changes the certificate of row %d, head %d", x, side, row, h)
							}
						} else if x != x && side < 2 {
							require.True(t, b[0] != b[0] && got.LSE[at] != got.LSE[at], "row %d, head %d sees a NaN and is %v", row, h, b[0])
						}
					}
				}
			}
		}
	})
}

// TestPromise holds plain float32 plans to 4·2⁻²⁴·A·(4+S), over every format and every
// family whose sums have terms of both signs. Where all products of a long sum agree in
// sign, their roundings can add up to d/2·2⁻²⁴·S: those families keep the bound of the
// oracle, and are reported.
func TestPromise(t *testing.T) {
	coherent := map[Family]bool{Increasing: true, SawTooth: true, Spread: true, Low: true}
	worst := map[bool]float64{}
	for f := range NumFamilies {
		for i, format := range quant.Formats() {
			if testing.Short() && i%5 != int(f)%5 {
				continue
			}
			c := Case{Heads: 2, KVHeads: 1, DK: 64 + 64*(i%2), DV: 40, QLen: 3, KVLen: 150, K: Store{Format: format.String()}, V: Store{Format: format.String()},
				Q: attention.QF32, P: attention.PF32, Data: f, Seed: uint64(f)<<8 | uint64(i)}
			in, err := c.Build(0xFF)
			require.NoError(t, err)
			out, err := in.Run()
			require.NoError(t, err)
			m, err := in.Check(out)
			require.NoError(t, err, "%v", c)
			worst[coherent[f]] = max(worst[coherent[f]], m.Float32)
			if !coherent[f] {
				require.LessOrEqual(t, m.Float32, 1.0, "%v", c)
			}
		}
	}
	t.Logf("worst error %.2f of 4·2⁻²⁴·A·(4+S); %.2f with coherent sums", worst[false], worst[true])
}

// TestSplits holds sequences of several splits to the oracle: as units of their own, one
// after another in modes that look ahead, behind a window that leaves the first ones out, and
// beside a sink logit.
func TestSplits(t *testing.T) {
	for i, p := range []attention.PMode{attention.PF32, attention.PU8, attention.PStaticU8} {
		for j, window := range []attention.Window{{}, attention.SlidingWindow(1200, 0)} {
			c := Case{Heads: 4, KVHeads: 2, DK: 16, DV: 8, QLen: 3, KVLen: 2500, K: Store{Format: "int8"}, V: Store{Format: "int8"}, P: p,
				Causal: true, Window: window, Sinks: j == 1, Certify: p == attention.PU8, Seed: uint64(10*i + j)}
			in, err := c.Build(0xFF)
			require.NoError(t, err)
			out, err := in.Run()
			require.NoError(t, err)
			_, err = in.Check(out)
			require.NoError(t, err, "%v", c)
		}
	}
}

// TestPropTiers: integer plans give the same bits on every tier, and the stored bytes are
// the same in every format.
func TestPropTiers(t *testing.T) {
	for i, f := range quant.Formats() {
		c := Case{Heads: 4, KVHeads: 2, DK: 30 + i, DV: 70 - i, QLen: 9, KVLen: 150, K: Store{Format: f.String(), Rotate: true, Center: true}, V: Store{Format: f.String(), Rotate: true, Center: true}, Causal: true, Seed: uint64(i)}
		c.Certify = true
		var want Output
		var first *stored
		for _, tier := range asm.TierNames() {
			if set, _ := asm.ParseTier(tier); set&^asm.Available() != 0 {
				continue
			}
			c.Tier = tier
			in, err := c.Build(0xFF)
			require.NoError(t, err)
			out, err := in.Run()
			require.NoError(t, err)
			_, err = in.Check(out)
			require.NoError(t, err, "%v", c)
			if first == nil {
				kept := copied(in.Pages)
				first, want = &kept, out
			}
			require.True(t, first.in(in.Pages), "%s on %s stores other bytes", f, tier)
			if _, ok := f.(quant.Int8Format); ok {
				require.NoError(t, want.Same(out), "%s on %s", f, tier)
			}
		}
	}
}

// TestFarPositions: positions and window widths at the ends of their ranges.
func TestFarPositions(t *testing.T) {
	in := target(t, func(c *Case) { c.Causal, c.SinkTokens = false, 0 })
	want, err := in.Run()
	require.NoError(t, err)
	for _, offset := range []int{1<<30 - 3, 1<<30 - 60, 0, -1 << 30} {
		for _, w := range []attention.Window{attention.SlidingWindow(math.MaxInt, math.MaxInt), attention.SlidingWindow(math.MaxInt, -1), attention.SlidingWindow(-1, math.MaxInt)} {
			c := in.Case
			c.Window, c.Offset = w, &offset
			far, err := c.Build(0xFF)
			require.NoError(t, err)
			got, err := far.Run()
			require.NoError(t, err)
			require.NoError(t, want.Same(got), "offset %d, window %v", offset, w)
		}
	}
}

// TestPropAllocs: once memory is there, nothing allocates, in any mode.
func TestPropAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops pooled memory")
	}
	propModes(t, func(t *testing.T, c Case) {
		in, err := c.Build(0xFF)
		require.NoError(t, err)
		io := in.io()
		rows := func(x []float32, d int) attention.Rows { return attention.Rows{F32: x[130*c.KVHeads*d:]} }
		for name, call := range map[string]func() error{
			"Append":     func() error { return in.Plan.Append(in.Pages, in.Table, 130, 70, rows(in.K, c.DK), rows(in.V, c.DV)) },
			"Reschedule": func() error { return in.Plan.Reschedule(in.Sched, &in.Batch) },
			"Run":        func() error { return in.Plan.Run(t.Context(), in.Sched, in.Pages, io) },
		} {
			require.NoError(t, call())
			ctx := t.Context()
			if name == "Run" {
				call = func() error { return in.Plan.Run(ctx, in.Sched, in.Pages, io) }
			}
			require.Zero(t, testing.AllocsPerRun(3, func() { err = errors.Join(err, call()) }), name)
			require.NoError(t, err)
		}
	})
}
