package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

// target is a number the library promises to reach, and how it follows from
// measurements.
type target struct {
	what  string
	want  float64
	most  bool // want is the most allowed, not the least
	of    []subject
	note  func(r []record.Row, l *roof.Limits) string  // optional: what a reader might not expect
	value func(r []record.Row, l *roof.Limits) float64 // of the rows of the subjects; NaN without the limit
}

func (t target) met(value float64) bool {
	if t.most {
		return value <= t.want
	}
	return value >= t.want
}

// targets is the table. Fractions are of limits measured in the same process.
func targets() []target {
	const long, cached = 65536, 4096
	decode := func(n int, format string, threads int) *attend {
		return newAttend(decodeShape(n), format, format, threads)
	}
	prefill := func(format string, threads int) *attend {
		return newAttend(prefillShape(8, 2048), format, format, threads)
	}
	token, bulk := &appendTokens{format: "int8"}, &appendTokens{format: "int8", bulk: true}
	tokenRot, bulkRot := &appendTokens{format: "int8", rotate: true}, &appendTokens{format: "int8", rotate: true, bulk: true}
	avx2 := func() *attend { return prefill("int8", 1).onTier("avx2") }
	generic := newAttend(prefillShape(8, 256), "int8", "int8", 1).onTier("generic")

	list := []target{
		atLeast(0.80, "decode n=65536 int8, of the read rate", readFraction, decode(long, "int8", 1)),
		ofL3(0.50, "decode n=4096 int8, of the L3 read rate", decode(cached, "int8", 1)),
	}
	for _, f := range []string{"int4", "nf4-dq", "nf4"} {
		list = append(list,
			atMost(0.65, "decode n=65536 "+f+", time of int8's", timeRatio, decode(long, f, 1), decode(long, "int8", 1)),
			atMost(1.15, "decode n=4096 "+f+", time of int8's", timeRatio, decode(cached, f, 1), decode(cached, "int8", 1)))
	}
	weights := func(p attention.PMode) *attend { return decode(cached, "int8", 1).withWeights(p) }
	list = append(list,
		atMost(1, "decode n=4096 int8, u8 weights, time of f32's", timeRatio, weights(attention.PU8), weights(attention.PF32)),
		atMost(1, "decode n=4096 int8, log2-4 weights, time of u8's", timeRatio, weights(attention.PLog2Bits4), weights(attention.PU8)))
	for _, f := range []string{"e4m3", "e5m2"} {
		list = append(list, atMost(1.15, "decode n=65536 "+f+", time of int8's", timeRatio, decode(long, f, 1), decode(long, "int8", 1)))
	}
	for _, f := range []string{"f16", "bf16"} {
		list = append(list, atLeast(0.80, "decode n=65536 "+f+", of the read rate", readFraction, decode(long, f, 1)))
	}
	list = append(list,
		atLeast(0.80, "decode n=65536 int8, 2 threads, of their read rate", readFraction, decode(long, "int8", 2)),
		atLeast(1.80, "decode n=4096 int8, 2 threads, speed of 1", speedup, decode(cached, "int8", 1), decode(cached, "int8", 2)),
		atLeast(0.45, "prefill n=2048 int8, of the "+cmp.Or(string(integerClass(asm.Available())), "integer")+" peak", integerFraction, prefill("int8", 1)),
		atLeast(1.85, "prefill n=2048 int8, 2 threads, speed of 1", speedup, prefill("int8", 1), prefill("int8", 2)))
	for _, p := range []struct {
		format string
		want   float64
	}{{"f32", 0.60}, {"f16", 0.55}, {"e4m3", 0.55}, {"e5m2", 0.55}} {
		list = append(list, atLeast(p.want, "prefill n=2048 "+p.format+", of the FMA peak", floatFraction, prefill(p.format, 1)))
	}
	if asm.Available()&asm.BF16 != 0 {
		list = append(list, atLeast(1, "prefill n=2048 bf16, queries and weights too, of the FMA peak", floatFraction, prefill("bf16", 1).inBF16()))
	}
	for _, f := range []string{"int4", "nf4-dq", "nf4"} {
		list = append(list, atMost(1.15, "prefill n=2048 "+f+", time of int8's", timeRatio, prefill(f, 1), prefill("int8", 1)))
	}
	return append(list,
		atLeast(0.55, "encoder 12 heads D=64 n=128 f32, of the FMA peak", floatFraction, newAttend(encoderShape, "f32", "f32", 1)),
		ofL3(0.50, "decode D=256 4/1 heads n=4096 int8, of the L3 read rate", newAttend(gemmaShape, "int8", "int8", 1)),
		atLeast(0.80, "prefill n=2048 int8 on tier avx2, of the ymm FMA peak", peakFraction(roof.FMAYmm), avx2()),
		atLeast(8, "prefill int8 on tier avx2, rate of pure Go's", rateRatio, avx2(), generic),
		atMost(3, "append of one token, 8 heads int8, µs", func(r []record.Row, _ *roof.Limits) float64 { return float64(r[0].MinUS) }, token),
		atMost(2, "append of one token with Hadamard, time of plain", timeRatio, tokenRot, token),
		atLeast(3, "append in bulk int8, GB/s of float32", func(r []record.Row, _ *roof.Limits) float64 { return float64(r[0].KVGBps) }, bulk),
		atMost(2, "append in bulk with Hadamard, time of plain", timeRatio, bulkRot, bulk),
		atLeast(10, "2^x in L1, Gelem/s", func(r []record.Row, _ *roof.Limits) float64 { return float64(r[0].GOps) }, bestExp2()))
}

func atLeast(want float64, what string, value func([]record.Row, *roof.Limits) float64, of ...subject) target {
	return target{what: what, want: want, of: of, value: value}
}

func atMost(want float64, what string, value func([]record.Row, *roof.Limits) float64, of ...subject) target {
	return target{what: what, want: want, most: true, of: of, value: value}
}

// storedBytes is the working set of a row.
func storedBytes(r record.Row) int { return int(math.Round(float64(r.KVGBps * r.MinUS * 1e3))) }

// readFraction is the rate of stored bytes over the rate at which memory of that size
// can be read.
func readFraction(r []record.Row, l *roof.Limits) float64 {
	return float64(r[0].KVGBps) * 1e9 / l.ReadRate(storedBytes(r[0]), r[0].Threads)
}

// ofL3 is the target of a working set meant for the last cache: a fraction of the read
// rate there, unless the cache of this machine is too small to hold it.
func ofL3(want float64, what string, of *attend) target {
	tooLarge := func(r []record.Row, l *roof.Limits) bool {
		return l.Caches.L3 == 0 || l.Caches.Level(storedBytes(r[0]), r[0].Threads) == "dram"
	}
	t := atLeast(want, what, func(r []record.Row, l *roof.Limits) float64 {
		if tooLarge(r, l) {
			return readFraction(r, l)
		}
		return float64(r[0].KVGBps) * 1e9 / l.L3Rate(r[0].Threads)
	}, of)
	t.note = func(r []record.Row, l *roof.Limits) string {
		if tooLarge(r, l) {
			return "of the read rate of " + size(storedBytes(r[0])) + ", which L3 does not hold"
		}
		return ""
	}
	return t
}

func timeRatio(r []record.Row, _ *roof.Limits) float64 { return float64(r[0].MinUS / r[1].MinUS) }
func speedup(r []record.Row, _ *roof.Limits) float64   { return float64(r[0].MinUS / r[1].MinUS) }
func rateRatio(r []record.Row, _ *roof.Limits) float64 { return float64(r[0].GOps / r[1].GOps) }

// peakFraction is the rate of useful operations over a peak.
func peakFraction(c roof.Class) func([]record.Row, *roof.Limits) float64 {
	return func(r []record.Row, l *roof.Limits) float64 {
		return float64(r[0].GOps) * 1e9 / l.Peak(c, r[0].Threads)
	}
}

func integerFraction(r []record.Row, l *roof.Limits) float64 {
	return peakFraction(integerClass(asm.Available()))(r, l)
}

func floatFraction(r []record.Row, l *roof.Limits) float64 {
	return peakFraction(floatClass(asm.Available()))(r, l)
}

// outcome is a target held against measurements.
type outcome struct {
	target
	got float64
	why string // about the number, or why there is none
}

// judge holds targets against rows by subject name. missing says why a subject has no
// row.
func judge(list []target, rows map[string]record.Row, missing map[string]string, l *roof.Limits) []outcome {
	outcomes := make([]outcome, len(list))
	for i, t := range list {
		o := outcome{target: t, got: math.NaN()}
		var of []record.Row
		for _, s := range t.of {
			if r, ok := rows[s.name()]; ok {
				of = append(of, r)
			} else if o.why == "" {
				o.why = missing[s.name()]
			}
		}
		if len(of) == len(t.of) {
			o.got = t.value(of, l)
			switch {
			case math.IsNaN(o.got):
				o.why = "this machine or tier has no such limit"
			case t.note != nil:
				o.why = t.note(of, l)
			}
		}
		outcomes[i] = o
	}
	return outcomes
}

// printOutcomes prints the table and how many targets are met. Targets whose subjects
// nobody asked for are left out.
func printOutcomes(w io.Writer, list []outcome) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := "target\twant\tmeasured\t\t\n"
	met, judged := 0, 0
	for _, o := range list {
		if math.IsNaN(o.got) && o.why == "" {
			continue
		}
		fmt.Fprint(t, head)
		head = ""
		sign, got, verdict := "≥", fmt.Sprintf("%.3g", o.got), "miss"
		if o.most {
			sign = "≤"
		}
		switch {
		case math.IsNaN(o.got):
			got, verdict = "not available", ""
		case o.met(o.got):
			verdict = "pass"
			met++
			judged++
		default:
			judged++
		}
		fmt.Fprintf(t, "%s\t%s %.3g\t%s\t%s\t%s\n", o.what, sign, o.want, got, verdict, o.why)
	}
	t.Flush()
	fmt.Fprintf(w, "%d of %d targets met\n", met, judged)
}
