package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/internal/arena"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

func init() {
	register(command{"kernels", "attention, append and micro-kernels against the limits", runKernels})
}

func runKernels(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("kernels", flag.ContinueOnError)
	quick := f.Bool("quick", false, "only what the target table needs")
	asJSON := f.Bool("json", false, "print rows as JSON, one per line; tables go to standard error")
	save := f.Bool("save", false, "write rows to results/<cpu>.jsonl, for plot")
	pick := f.String("run", "", "only cases whose name matches `REGEXP`")
	threads := threadList(allThreads())
	f.Var(&threads, "threads", "numbers of threads; -quick has its own")
	f.BoolVar(&arena.Huge, "huge", true, "use huge pages")
	if err := f.Parse(args); err != nil {
		return err
	}
	match, err := regexp.Compile(*pick)
	if err != nil {
		return err
	}
	tables := io.Writer(os.Stdout)
	if *asJSON {
		tables = os.Stderr
	}
	host := thisMachine()
	fmt.Fprintln(tables, host)

	list := targetSubjects()
	if !*quick {
		list = unique(append(allSubjects(threads), list...))
	}
	list = matching(list, match)
	m, err := runSubjects(ctx, list, thorough, newProgress())
	if err != nil {
		return err
	}
	rows := append(limitRows(m.limits), m.rows...)
	if *save {
		if err := saveRows(kernelsFile(host), rows); err != nil {
			return err
		}
	}
	if *asJSON {
		if err := record.Write(os.Stdout, rows...); err != nil {
			return err
		}
	}
	m.print(tables)
	return nil
}

// The formats of the full table, and pairs that spend more bits on keys.
var (
	formats = []string{"f32", "f16", "bf16", "int8", "int4", "nf4", "nf4-dq", "e4m3", "e5m2"}
	mixed   = [][2]string{{"int8", "int4"}, {"int8", "nf4-dq"}}
)

// weights are the representations measured over int8 keys and values.
var weights = []attention.PMode{attention.PF32, attention.PU8, attention.PU16, attention.PU4,
	attention.PLog2Bits3, attention.PLog2Bits4, attention.PLogSqrt2Bits4}

// shapes are those of the full table.
var shapes = []shape{
	decodeShape(512), decodeShape(4096), decodeShape(16384), decodeShape(65536), gemmaShape,
	prefillShape(8, 512), prefillShape(8, 2048), prefillShape(32, 512), encoderShape,
}

// allSubjects is the full table.
func allSubjects(threads []int) (list []subject) {
	for _, s := range shapes {
		for _, n := range threads {
			for _, f := range formats {
				list = append(list, newAttend(s, f, f, n))
			}
			for _, m := range mixed {
				list = append(list, newAttend(s, m[0], m[1], n))
			}
		}
	}
	for _, s := range []shape{decodeShape(4096), prefillShape(8, 2048)} {
		for _, p := range weights {
			list = append(list, newAttend(s, "int8", "int8", 1).withWeights(p))
		}
	}
	for _, s := range []shape{decodeShape(512), decodeShape(4096), prefillShape(8, 512), prefillShape(8, 2048)} {
		list = append(list, newAttend(s, "bf16", "bf16", 1).inBF16())
	}
	for _, f := range formats {
		for _, rotate := range []bool{false, true} {
			list = append(list, &appendTokens{format: f, rotate: rotate}, &appendTokens{format: f, rotate: rotate, bulk: true})
		}
	}
	list = append(list, bestExp2())
	return append(append(list, tableKernels()...), longestKernels()...)
}

// targetSubjects is what the target table needs.
func targetSubjects() (list []subject) {
	for _, t := range targets() {
		list = append(list, t.of...)
	}
	return unique(list)
}

// unique keeps the first subject of each name.
func unique(list []subject) (kept []subject) {
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s.name()] {
			seen[s.name()] = true
			kept = append(kept, s)
		}
	}
	return kept
}

func matching(list []subject, match *regexp.Regexp) (kept []subject) {
	for _, s := range list {
		if match.MatchString(s.name()) {
			kept = append(kept, s)
		}
	}
	return kept
}

// measurement is everything one run of the command found.
type measurement struct {
	limits  *roof.Limits
	rows    []record.Row
	byName  map[string]record.Row
	missing map[string]string // why a subject has no row
}

// effort says how long a measurement may take: passes visits of slice per case.
type effort struct {
	passes int
	slice  time.Duration
	limit  time.Duration // of one case that is long
	limits roof.Options
}

var thorough = effort{passes: 7, slice: 40 * time.Millisecond, limit: 3 * time.Second}

// runSubjects measures the limits, then the subjects round robin.
func runSubjects(ctx context.Context, list []subject, e effort, p *progress) (*measurement, error) {
	m := &measurement{byName: map[string]record.Row{}, missing: map[string]string{}}
	var err error
	e.limits.Threads, e.limits.Progress = threadsOf(list), p.report
	if m.limits, err = roof.Measure(ctx, e.limits); err != nil {
		return nil, err
	}
	b := newBench()
	defer b.close()
	ready, err := m.prepare(ctx, b, list, p)
	if err != nil {
		return nil, err
	}
	var cases []measure.Case
	for _, s := range ready {
		cases = append(cases, s.cases()...)
	}
	runtime.GC()
	p.restart()
	samples, err := measure.Interleave(ctx, cases, measure.Options{Passes: e.passes, Slice: e.slice, Limit: e.limit, Progress: p.report})
	if err != nil {
		return nil, err
	}
	p.report(1, 1, "measured; comparing with float64")
	for _, s := range ready {
		n := len(s.cases())
		row := s.result(samples[:n], m.limits)
		samples = samples[n:]
		m.rows = append(m.rows, row)
		m.byName[s.name()] = row
	}
	return m, nil
}

// prepare readies the subjects this machine can run.
func (m *measurement) prepare(ctx context.Context, b *bench, list []subject, p *progress) (ready []subject, err error) {
	p.restart()
	for i, s := range list {
		p.report(i, len(list), "preparing "+s.name())
		err := s.prepare(b)
		var why unavailable
		switch {
		case errors.As(err, &why):
			m.missing[s.name()] = why.Error()
		case err != nil:
			return nil, fmt.Errorf("%s: %w", s.name(), err)
		default:
			ready = append(ready, s)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	p.report(len(list), len(list), "prepared")
	return ready, nil
}

// threadsOf lists the numbers of threads the limits are needed for.
func threadsOf(list []subject) []int {
	t := threadList{1}
	for _, s := range list {
		if a, ok := s.(*attend); ok && a.threads <= runtime.GOMAXPROCS(0) {
			t = append(t, a.threads)
		}
	}
	_ = t.Set(t.String()) // sorts and drops duplicates
	return t
}

// print prints every table that has rows.
func (m *measurement) print(w io.Writer) {
	printLimits(w, m.limits)
	fmt.Fprintln(w)
	m.printAttention(w)
	m.printAppend(w)
	m.printKernels(w)
	for name, why := range m.missing {
		fmt.Fprintf(w, "not run: %s: %s\n", name, why)
	}
	printOutcomes(w, judge(withLongest(targets(), m), m.byName, m.missing, m.limits))
}

func (m *measurement) printAttention(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "attention\ttier\tmin µs\tmedian µs\tKV GB/s\tGop/s\tlimit\tof it\trel L2\tmax abs\t\n"
	for _, r := range m.rows {
		if r.Q == 0 || isKernelRow(r) {
			continue
		}
		fmt.Fprint(t, head)
		head = ""
		fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f\t%.2f\t%.1f\t%s\t%.2f\t%.1e\t%.1e\t\n", r.Name(), r.Tier,
			r.MinUS, r.MedianUS, r.KVGBps, r.GOps, r.Roof, r.RoofFraction, r.RelL2, r.MaxAbs)
	}
	t.Flush()
	fmt.Fprintln(w)
}

func (m *measurement) printAppend(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "append, 8 heads K and V\ttokens\tmin µs\tmedian µs\tfloat32 GB/s\t\n"
	for _, r := range m.rows {
		if !strings.HasPrefix(r.Op, "append") {
			continue
		}
		fmt.Fprint(t, head)
		head = ""
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t\n", r.K, r.N, r.MinUS, r.MedianUS, r.KVGBps)
	}
	t.Flush()
	fmt.Fprintln(w)
}

// printKernels prints the kernel table: each row beside the row of the tier below.
func (m *measurement) printKernels(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "kernel\tm\tn\td\tµs a call\tGop/s\ttimes tier below\t\n"
	for _, r := range m.rows {
		if !isKernelRow(r) {
			continue
		}
		fmt.Fprint(t, head)
		head = ""
		gain := "-"
		if below, ok := m.below(r); ok {
			gain = fmt.Sprintf("%.2f", below.MinUS/r.MinUS)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.3f\t%.2f\t%s\t\n", kernelName(r), r.Q, r.N, r.D, r.MinUS, r.GOps, gain)
	}
	t.Flush()
	fmt.Fprintln(w)
}

func isKernelRow(r record.Row) bool  { return strings.HasPrefix(r.Op, "asm ") }
func kernelName(r record.Row) string { return strings.TrimPrefix(r.Op, "asm ") }
func kernelStem(r record.Row) string { s, _, _ := strings.Cut(kernelName(r), "_"); return s }

// below finds the row of the same family and sizes that comes before r in the table.
func (m *measurement) below(r record.Row) (found record.Row, ok bool) {
	for _, other := range m.rows {
		if !isKernelRow(other) || kernelStem(other) != kernelStem(r) || other.Q != r.Q || other.D != r.D || other.N != r.N {
			continue
		}
		if other.Op == r.Op {
			break
		}
		found, ok = other, true
	}
	return found, ok
}

// maxCall is the longest a call into assembly may take, in µs: it delays the garbage
// collector, which has to stop every goroutine.
const maxCall = 50

// withLongest adds the target of the longest call when kernels were measured at their
// largest sizes.
func withLongest(list []target, m *measurement) []target {
	longest := record.New("")
	for _, r := range m.rows {
		if isKernelRow(r) && r.Tier != "generic" && (r.D >= longDim || r.Q >= longRows) && !(longest.MedianUS >= r.MedianUS) {
			longest = r
		}
	}
	if math.IsNaN(float64(longest.MedianUS)) {
		return list
	}
	what := fmt.Sprintf("longest call into assembly, µs: %s m=%d d=%d", kernelName(longest), longest.Q, longest.D)
	return append(list, atMost(maxCall, what, func([]record.Row, *roof.Limits) float64 { return float64(longest.MedianUS) }))
}
