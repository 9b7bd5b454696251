package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

// hasty is the least effort that still fills every number.
var hasty = effort{passes: 1, slice: 0, limits: roof.Options{MaxBytes: 256 << 10, Samples: 1, Sample: 10 * time.Microsecond}}

func quiet() *progress { return &progress{w: io.Discard} }

func TestPairs(t *testing.T) {
	for _, s := range []shape{
		{"", 1, 1, 8, 1, 7, true}, {"", 1, 1, 8, 5, 5, true}, {"", 1, 1, 8, 3, 9, true}, {"", 1, 1, 8, 4, 6, false},
	} {
		want := 0
		for i := range s.q {
			for j := range s.n {
				if !s.causal || j <= s.n-s.q+i {
					want++
				}
			}
		}
		if s.pairs() != want {
			t.Errorf("%+v: %d pairs, want %d", s, s.pairs(), want)
		}
	}
	if got := prefillShape(8, 2048).ops(); math.Abs(got-8.594e9) > 1e6 {
		t.Errorf("prefill of 2048 tokens is %.4g operations, want 8.594e9", got)
	}
}

// A whole run on tiny shapes: every row is complete and right.
func TestRunSubjects(t *testing.T) {
	var list []subject
	limits := map[string]float64{"f32": 2e-6, "int8": 0.05, "int8/nf4": 0.5}
	tiny := []shape{{"decode", 8, 2, 32, 1, 200, true}, {"prefill", 4, 4, 32, 40, 40, true}, {"encoder", 3, 3, 16, 20, 20, false}}
	for _, s := range tiny {
		for _, threads := range []int{1, 2} {
			list = append(list, newAttend(s, "f32", "f32", threads), newAttend(s, "int8", "int8", threads), newAttend(s, "int8", "nf4", threads))
		}
	}
	list = append(list, newAttend(tiny[0], "int8", "int8", 1).onTier("generic"), newAttend(tiny[0], "int8", "int8", 1<<20),
		&appendTokens{format: "int8"}, &appendTokens{format: "int8", rotate: true, bulk: true}, bestExp2())
	m, err := runSubjects(context.Background(), unique(list), hasty, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if want := len(list) - len(m.missing); len(m.rows) != want {
		t.Errorf("%d rows, want %d", len(m.rows), want)
	}
	if why := m.missing[fmt.Sprintf("decode/8x2/d32/q1/n200/int8/t%d", 1<<20)]; why == "" {
		t.Error("a million threads were available")
	}
	for _, r := range m.rows {
		if !(r.MinUS > 0) || !(r.MedianUS >= r.MinUS) || r.Tier == "" {
			t.Errorf("%s: min %v, median %v, tier %q", r.Name(), r.MinUS, r.MedianUS, r.Tier)
		}
		if !isAttention(r) {
			continue
		}
		if !(float64(r.RelL2) <= limits[r.Codec()]) || !(r.MaxAbs > 0) {
			t.Errorf("%s: relative error %v, largest %v", r.Name(), r.RelL2, r.MaxAbs)
		}
		if !(r.RoofFraction > 0) || r.Roof == "" || !(r.KVGBps > 0) || !(r.GOps > 0) {
			t.Errorf("%s: limit %q, fraction %v, %v GB/s, %v Gop/s", r.Name(), r.Roof, r.RoofFraction, r.KVGBps, r.GOps)
		}
	}
	if r := m.byName["decode/8x2/d32/q1/n200/int8/t1/generic"]; r.Tier != "generic" {
		t.Errorf("tier %q, want generic", r.Tier)
	}
	var b bytes.Buffer
	m.print(&b)
	for _, want := range []string{"encoder/3x3/d16/q20/n20/int8/nf4/t1", "int8+rot", "not run: decode/8x2/d32/q1/n200/int8/t1048576: needs 1048576 CPUs"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &b)
		}
	}
}

// A row names its subject, so that results can be found again.
func TestNames(t *testing.T) {
	b := newBench()
	defer b.close()
	for _, a := range []*attend{newAttend(shape{"decode", 4, 2, 16, 1, 70, true}, "int8", "int4", 1), newAttend(shape{"encoder", 2, 2, 16, 9, 9, false}, "f16", "f16", 1)} {
		if err := a.prepare(b); err != nil {
			t.Fatal(err)
		}
		if a.name() != a.row.Name() {
			t.Errorf("subject %s has rows of %s", a.name(), a.row.Name())
		}
	}
}

// The reference sees what attention sees: a wrong mask or head would show here.
func TestDeviation(t *testing.T) {
	p := newProblem(shape{"prefill", 4, 2, 8, 12, 20, true})
	out := make([]float32, p.q*p.heads*p.d)
	for _, e := range p.want() {
		for c, v := range e.out {
			out[(e.row*p.heads+e.head)*p.d+c] = float32(v)
		}
	}
	if rel, abs := p.deviation(out); rel > 1e-7 || abs > 1e-6 {
		t.Errorf("the answer itself deviates by %g, %g", rel, abs)
	}
	heads, rows := map[int]bool{}, map[int]bool{}
	for _, e := range p.want() {
		heads[e.head], rows[e.row] = true, true
	}
	if len(heads) != p.heads || len(rows) < 3 {
		t.Errorf("checked heads %v, rows %v", heads, rows)
	}
	for i := range out {
		out[i] *= 1.5
	}
	if rel, _ := p.deviation(out); math.Abs(rel-0.5) > 1e-6 {
		t.Errorf("1.5 times the answer deviates by %g, want 0.5", rel)
	}
}

func TestBound(t *testing.T) {
	l := &roof.Limits{Caches: roof.Caches{L1: 1 << 10, L2: 1 << 20, L3: 8 << 20},
		Reads: []roof.Read{{Rate: roof.Rate{Threads: 1, Best: 1e9}, Bytes: 1 << 20}},
		Peaks: []roof.Peak{{Rate: roof.Rate{Threads: 1, Best: 4e9}, Class: roof.FMAYmm}, {Rate: roof.Rate{Threads: 1, Best: 8e9}, Class: roof.DotZmm}}}
	for _, c := range []struct {
		w    work
		name string
		sec  float64
	}{
		{work{2e6, 1e6, 1e6, roof.FMAYmm, roof.FMAYmm}, "l3", 2e-3},
		{work{1e6, 8e6, 8e6, roof.DotZmm, roof.DotZmm}, "vpdpbusd-zmm", 2e-3},
		{work{1e6, 8e6, 8e6, roof.DotZmm, roof.FMAYmm}, "vpdpbusd-zmm+fma-ymm", 3e-3},
		{work{20e6, 1e12, 1e12, "", ""}, "dram", 20e-3}, // pure Go has no peak
	} {
		name, sec := c.w.bound(l, 1)
		if name != c.name || math.Abs(sec-c.sec) > 1e-12 {
			t.Errorf("%+v: %s %g s, want %s %g s", c.w, name, sec, c.name, c.sec)
		}
	}
	if name, sec := (work{1, 1, 1, "", ""}).bound(l, 2); name != "" || !math.IsNaN(sec) {
		t.Errorf("without limits: %q %v", name, sec)
	}
}

func TestClassOf(t *testing.T) {
	for name, want := range map[string]roof.Class{
		"qkScaleI8_vnni": roof.DotZmm, "pvFoldI8_vnni": roof.DotZmm, "qkI8_avxvnni": roof.DotYmm, "pvU8I8_avx2": roof.MaddYmm,
		"qkF32_avx2": roof.FMAYmm, "pvF16_avx2": roof.FMAYmm, "qkF32_avx512": roof.FMAZmm, "qkPairBF16_bf16": roof.BF16Zmm,
		"qkI8_generic": "", "pvF32_neon": "",
	} {
		if got := classOf(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// Every product in the table of this machine, and no pure Go, has a class.
	for _, e := range asm.All() {
		if isProduct(e) && runtime.GOARCH == "amd64" && (classOf(e.Name) == "") != (e.Needs == asm.Generic) {
			t.Errorf("%s: class %q", e.Name, classOf(e.Name))
		}
	}
}

// Every kernel of the table can be measured, at the typical and at the largest sizes.
func TestWorkloads(t *testing.T) {
	for _, s := range append(tableKernels(), longestKernels()...) {
		k, ok := s.(*kernel)
		if !ok {
			continue
		}
		if err := k.prepare(nil); err != nil {
			t.Errorf("%s: %v", k.name(), err)
			continue
		}
		if k.call(); !(k.ops > 0) {
			t.Errorf("%s does %v operations", k.name(), k.ops)
		}
	}
}

func TestTargets(t *testing.T) {
	l := &roof.Limits{Caches: roof.Caches{L1: 32 << 10, L2: 1 << 20, L3: 32 << 20}}
	for _, n := range []int{1, 2} {
		rate := roof.Rate{Threads: n, Best: 40e9 * float64(n)}
		l.Reads = append(l.Reads, roof.Read{Rate: rate, Bytes: 1 << 20})
		for _, c := range roof.Classes() {
			l.Peaks = append(l.Peaks, roof.Peak{Rate: roof.Rate{Threads: n, Best: 200e9 * float64(n)}, Class: c})
		}
	}
	r := record.New("decode")
	r.Threads, r.MinUS, r.KVGBps, r.GOps = 1, 100, 10, 50
	other := r
	other.MinUS, other.GOps = 50, 5
	a := newAttend(gemmaShape, "int8", "int8", 1)
	for name, c := range map[string]struct {
		got, want float64
	}{
		"read":  {readFraction([]record.Row{r}, l), 0.25},
		"l3":    {ofL3(1, "", a).value([]record.Row{r}, l), 0.25},
		"time":  {timeRatio([]record.Row{r, other}, l), 2},
		"speed": {speedup([]record.Row{r, other}, l), 2},
		"rate":  {rateRatio([]record.Row{r, other}, l), 10},
		"peak":  {peakFraction(roof.FMAYmm)([]record.Row{r}, l), 0.25},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if b := storedBytes(r); b != 1_000_000 {
		t.Errorf("%d stored bytes, want 1000000", b)
	}
	l.Caches.L2, l.Caches.L3 = 1<<18, 1<<19
	if note := ofL3(1, "", a).note([]record.Row{r}, l); !strings.Contains(note, "which L3 does not hold") {
		t.Errorf("note %q", note)
	}
	if !atLeast(2, "", nil).met(2) || atLeast(2, "", nil).met(1.99) || !atMost(2, "", nil).met(2) || atMost(2, "", nil).met(2.01) || atLeast(2, "", nil).met(math.NaN()) {
		t.Error("met is wrong at the edge")
	}
}

// With a row for every subject each target has a verdict, and with none no target is
// printed.
func TestJudge(t *testing.T) {
	rows := map[string]record.Row{}
	for _, s := range targetSubjects() {
		r := record.New("x")
		r.Threads, r.MinUS, r.KVGBps, r.GOps = 1, 1, 1, 1
		rows[s.name()] = r
	}
	l := &roof.Limits{Reads: []roof.Read{{Rate: roof.Rate{Threads: 1, Best: 1e9}, Bytes: 1}}, Caches: roof.Caches{L3: 1 << 20}}
	for _, c := range roof.Classes() {
		l.Peaks = append(l.Peaks, roof.Peak{Rate: roof.Rate{Threads: 1, Best: 1e9}, Class: c})
	}
	got := judge(targets(), rows, nil, l)
	if len(got) != len(targets()) || len(got) < 25 {
		t.Fatalf("%d outcomes of %d targets", len(got), len(targets()))
	}
	for _, o := range got {
		if math.IsNaN(o.got) && floatClass(asm.Available()) != "" {
			t.Errorf("%s: %s", o.what, o.why)
		}
	}
	var b bytes.Buffer
	printOutcomes(&b, judge(targets(), nil, nil, l))
	if b.String() != "0 of 0 targets met\n" {
		t.Errorf("nothing measured prints %s", &b)
	}
	b.Reset()
	s := targets()[0].of[0].name()
	printOutcomes(&b, judge(targets()[:1], nil, map[string]string{s: "no such CPU"}, l))
	if !strings.Contains(b.String(), "not available") || !strings.Contains(b.String(), "no such CPU") {
		t.Errorf("a missing subject prints %s", &b)
	}
}

// The full table holds every case of the target table but those on a forced tier.
func TestSubjects(t *testing.T) {
	all := map[string]bool{}
	for _, s := range allSubjects([]int{1, 2}) {
		if all[s.name()] {
			t.Errorf("%s twice", s.name())
		}
		all[s.name()] = true
	}
	for _, s := range targetSubjects() {
		if a, ok := s.(*attend); !all[s.name()] && !(ok && a.tier != "") {
			t.Errorf("%s is a target and not in the table", s.name())
		}
	}
	if got := matching(targetSubjects(), regexp.MustCompile("^append/")); len(got) != 2 {
		t.Errorf("%d subjects match, want 2", len(got))
	}
}

func TestBelow(t *testing.T) {
	row := func(op string, q int, us record.Number) record.Row {
		r := record.New("asm " + op)
		r.Q, r.N, r.D, r.MinUS, r.MedianUS, r.Tier = q, 64, 128, us, us, "avx2"
		return r
	}
	m := &measurement{rows: []record.Row{row("qkI8_generic", 4, 9), row("qkI8_generic", 16, 30), row("qkI8_avx2", 16, 10), row("qkI8_vnni", 16, 60)}}
	if b, ok := m.below(m.rows[3]); !ok || b.Op != "asm qkI8_avx2" {
		t.Errorf("below vnni: %v %v", b.Op, ok)
	}
	if b, ok := m.below(m.rows[2]); !ok || b.MinUS != 30 {
		t.Errorf("below avx2: %v %v", b, ok)
	}
	if _, ok := m.below(m.rows[0]); ok {
		t.Error("something lies below the lowest tier")
	}
	if got := withLongest(nil, m); len(got) != 0 {
		t.Errorf("kernels at typical sizes give a longest call: %+v", got)
	}
	for i := range m.rows {
		m.rows[i].D = 512
	}
	list := withLongest(nil, m)
	if len(list) != 1 || list[0].value(nil, nil) != 60 || list[0].met(60) {
		t.Errorf("longest call: %+v", list)
	}
	if got := withLongest(nil, &measurement{}); len(got) != 0 {
		t.Errorf("no kernels, %d targets", len(got))
	}
}

func TestExp2Result(t *testing.T) {
	r := bestExp2().result([]measure.Sample{{3e-6, 5e-6}, {1e-6, 1e-6}}, nil)
	if math.Abs(float64(r.MinUS)-2) > 1e-9 || math.Abs(float64(r.MedianUS)-3) > 1e-9 || math.Abs(float64(r.GOps)-exp2Elems/2000.0) > 1e-9 {
		t.Errorf("min %v, median %v, %v Gelem/s", r.MinUS, r.MedianUS, r.GOps)
	}
}

func TestNormals(t *testing.T) {
	const n = 1 << 16
	x := normals(3, n)
	var sum, sum2 float64
	for _, v := range x {
		sum += float64(v)
		sum2 += float64(v) * float64(v)
	}
	if mean, dev := sum/n, math.Sqrt(sum2/n); math.Abs(mean) > 0.02 || math.Abs(dev-1) > 0.02 {
		t.Errorf("mean %v, deviation %v", mean, dev)
	}
	if !slices.Equal(x[:100], normals(3, 100)) {
		t.Error("a longer row starts with other numbers")
	}
	if slices.Equal(x[:100], normals(4, 100)) {
		t.Error("two seeds give one row")
	}
}

func TestThreadList(t *testing.T) {
	var l threadList
	if err := l.Set("1,1"); err != nil || l.String() != "1" {
		t.Errorf("%v %v", l, err)
	}
	for _, bad := range []string{"0", "x", "", "1,", "1000000"} {
		if err := new(threadList).Set(bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestMachine(t *testing.T) {
	f := cpuFields([]byte("processor\t: 0\nmodel name\t: X (tm) 9\nmodel\t: 1\n\nprocessor\t: 1\nmodel\t: 2\n"))
	if f["model name"] != "X (tm) 9" || f["model"] != "1" {
		t.Errorf("%v", f)
	}
	if got := fileName("AMD EPYC (tm), family 23, model 1 "); got != "amd-epyc-tm-family-23-model-1" {
		t.Error(got)
	}
	if s := thisMachine().String(); !strings.Contains(s, runtime.GOARCH) || !strings.Contains(s, asm.Available().String()) {
		t.Error(s)
	}
}

func TestRemaining(t *testing.T) {
	if got := remaining(10*time.Second, 1, 4); got != "30s" {
		t.Error(got)
	}
	if got := remaining(0, 0, 4); got != "?" {
		t.Error(got)
	}
}

func TestDispatch(t *testing.T) {
	if err := dispatch(context.Background(), []string{"no such"}); err == nil {
		t.Error("an unknown command ran")
	}
	for _, name := range []string{"roof", "kernels", "peers", "plot"} {
		if !slices.ContainsFunc(commands, func(c command) bool { return c.name == name }) {
			t.Errorf("%s is not registered", name)
		}
	}
}

// someRows are results of a machine that does not exist, enough for every chart.
func someRows() (rows []record.Row) {
	l := &roof.Limits{Caches: roof.Caches{L1: 1 << 15, L2: 1 << 20, L3: 1 << 25}}
	for _, size := range []int{1 << 19, 1 << 23, 1 << 28} {
		l.Reads = append(l.Reads, roof.Read{Rate: roof.Rate{Threads: 1, Best: 1e19 / float64(size)}, Bytes: size})
	}
	l.Peaks = []roof.Peak{{Rate: roof.Rate{Threads: 1, Best: 120e9}, Class: roof.FMAYmm}}
	rows = limitRows(l)
	for _, s := range shapes {
		for i, f := range formats {
			for threads := 1; threads <= 2; threads++ {
				r := record.New(s.op)
				r.K, r.V, r.Heads, r.KVHeads, r.D, r.Q, r.N, r.Threads, r.Tier = f, f, s.heads, s.kvHeads, s.d, s.q, s.n, threads, "avx2"
				r.MinUS = record.Number(s.ops() / float64(i+1) / 1e4)
				r.GOps, r.KVGBps = record.Number(10*(i+1)), record.Number(i+1)
				rows = append(rows, r)
			}
		}
		r := record.New(s.op)
		r.K, r.V, r.Heads, r.KVHeads, r.D, r.Q, r.N, r.Threads, r.Tier = "q8_0", "q8_0", s.heads, s.kvHeads, s.d, s.q, s.n, 1, "other library 1.0"
		r.MinUS = record.Number(s.ops() / 1e3)
		rows = append(rows, r)
	}
	return rows
}

func TestPlot(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "some-cpu.jsonl")
	if err := saveRows(file, someRows()); err != nil {
		t.Fatal(err)
	}
	if err := runPlot(context.Background(), []string{"-dir", filepath.Join(dir, "plots"), file}); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"roofline.svg":        {"fma-ymm 120 Gop/s", "dram 37 GB/s", "useful operations per stored byte", "some-cpu", ">int4<"},
		"decode.svg":          {"time of a call, µs", ">65536<", ">int8<"},
		"decode-formats.svg":  {"time of a call, ms", "2 threads", ">e5m2<"},
		"prefill-formats.svg": {"useful operations, Gop/s", "1 thread"},
		"peers.svg":           {">other q8_0<", "their time / ours", ">n=65536<"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, "plots", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !bytes.Contains(b, []byte(want)) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
	if err := runPlot(context.Background(), []string{filepath.Join(dir, "none.jsonl")}); err == nil {
		t.Error("a missing file plotted")
	}
}

func TestBest(t *testing.T) {
	r := record.New("decode")
	r.Heads, r.MinUS, r.Tier = 1, 20, "avx2"
	fast, other := r, r
	fast.MinUS, fast.Tier, other.N = 10, "vnni", 5
	if got := best([]record.Row{r, other, fast, r}); len(got) != 2 || got[0].Tier != "vnni" || got[1].N != 5 {
		t.Errorf("kept %+v", got)
	}
}

// The committed results can be read and drawn.
func TestCommittedResults(t *testing.T) {
	files, err := filepath.Glob("results/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results are committed: %v", err)
	}
	for _, name := range files {
		if rows, err := readRows(name); err != nil || len(rows) == 0 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

func TestPrintPeers(t *testing.T) {
	var b bytes.Buffer
	printPeers(&b, someRows())
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 1+len(shapes) {
		t.Fatalf("%d lines for %d shapes:\n%s", len(lines), len(shapes), &b)
	}
	// Ours of eight bits is the fourth format: 10 times 4 of their time.
	if f := strings.Fields(lines[1]); f[len(f)-1] != "40.00" {
		t.Errorf("ratio %s, want 40.00", f[len(f)-1])
	}
	for format, want := range map[string]string{"q8_0": "int8", "q4_0": "int4", "f16": "f16"} {
		if got := sameBits(format); got != want {
			t.Errorf("%s is as long as %s, want %s", format, got, want)
		}
	}
}

func TestPythonPeers(t *testing.T) {
	s := shape{"decode", 8, 2, 32, 1, 100, true}
	rows, notes, err := pythonPeers(context.Background(), filepath.Join(t.TempDir(), "none"), []shape{s}, []int{1}, hasty)
	if err != nil || len(rows) != 0 || len(notes) != 1 {
		t.Errorf("without an interpreter: %v %v %v", rows, notes, err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("the rest needs a shell script as interpreter")
	}
	// An interpreter that answers with the protocol of peers.py.
	line, err := json.Marshal(map[string]any{"lib": "lib 1", "format": "int8", "threads": 2, "us": []float64{30, 10, 20}, "rel_l2": 0.5,
		"shape": pythonShape{s.op, s.heads, s.kvHeads, s.d, s.q, s.n, s.causal}})
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "python")
	text := fmt.Sprintf("#!/bin/sh\necho '%s'\necho '{\"lib\":\"other\",\"skip\":\"not there\"}'\n", line)
	if err := os.WriteFile(script, []byte(text), 0o777); err != nil {
		t.Fatal(err)
	}
	rows, notes, err = pythonPeers(context.Background(), script, []shape{s}, []int{1}, hasty)
	if err != nil || len(rows) != 1 || len(notes) != 1 || notes[0] != "other: not there" {
		t.Fatalf("%v %v %v", rows, notes, err)
	}
	r := rows[0]
	if r.MinUS != 10 || r.MedianUS != 20 || r.Tier != "lib 1" || !r.Foreign() || r.Name() != s.String()+"/int8/t2" {
		t.Errorf("%+v", r)
	}
	if want := s.ops() / 10e-6 / 1e9; math.Abs(float64(r.GOps)-want) > 1e-9 {
		t.Errorf("%v Gop/s, want %v", r.GOps, want)
	}
}
