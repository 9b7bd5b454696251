package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/arena"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

func init() {
	register(command{"roof", "limits of this machine: read rates, arithmetic peaks, 2^x", runRoof})
}

func runRoof(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("roof", flag.ContinueOnError)
	asJSON := f.Bool("json", false, "print rows as JSON, one per line")
	threads := threadList(allThreads())
	f.Var(&threads, "threads", "numbers of threads")
	f.BoolVar(&arena.Huge, "huge", true, "use huge pages")
	if err := f.Parse(args); err != nil {
		return err
	}
	p := newProgress()
	l, err := roof.Measure(ctx, roof.Options{Threads: threads, Progress: p.report})
	if err != nil {
		return err
	}
	exp, err := measureExp2(ctx)
	if err != nil {
		return err
	}
	if *asJSON {
		return record.Write(os.Stdout, append(limitRows(l), exp)...)
	}
	fmt.Println(thisMachine())
	printLimits(os.Stdout, l)
	fmt.Printf("2^x in L1, tier %s: %.3g Gelem/s\n", exp.Tier, float64(exp.GOps))
	return nil
}

// threadList is the value of a -threads flag.
type threadList []int

// String implements flag.Value.
func (t *threadList) String() string {
	s := make([]string, len(*t))
	for i, n := range *t {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}

// Set implements flag.Value.
func (t *threadList) Set(s string) error {
	*t = nil
	for field := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 || n > runtime.GOMAXPROCS(0) {
			return fmt.Errorf("%q: want numbers in 1..%d", field, runtime.GOMAXPROCS(0))
		}
		*t = append(*t, n)
	}
	slices.Sort(*t)
	*t = slices.Compact(*t)
	return nil
}

// allThreads is 1, 2, 4 … and the number of CPUs.
func allThreads() (ns []int) {
	for n := 1; n < runtime.GOMAXPROCS(0); n *= 2 {
		ns = append(ns, n)
	}
	return append(ns, runtime.GOMAXPROCS(0))
}

// limitRows turns limits into rows, so that a results file has its own roofs.
func limitRows(l *roof.Limits) (rows []record.Row) {
	for _, p := range l.Peaks {
		r := record.New("peak")
		r.K, r.Threads, r.GOps = string(p.Class), p.Threads, record.Number(p.Best/1e9)
		r.Tier = asm.Available().String()
		rows = append(rows, r)
	}
	for _, read := range l.Reads {
		r := record.New("read")
		r.Roof = l.Caches.Level(read.Bytes, read.Threads)
		r.N, r.Threads, r.KVGBps = read.Bytes, read.Threads, record.Number(read.Best/1e9)
		r.Tier = asm.Available().String()
		rows = append(rows, r)
	}
	return rows
}

// printLimits prints one column per number of threads.
func printLimits(w io.Writer, l *roof.Limits) {
	var threads []int
	for _, r := range l.Reads {
		threads = append(threads, r.Threads)
	}
	slices.Sort(threads)
	threads = slices.Compact(threads)

	source := "as the system tells"
	if !l.Caches.Known {
		source = "assumed"
	}
	fmt.Fprintf(w, "caches  L1 %s, L2 %s, L3 %s, %s\n\n", size(l.Caches.L1), size(l.Caches.L2), size(l.Caches.L3), source)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	defer t.Flush()
	head := func(title string) {
		fmt.Fprint(t, title)
		for _, n := range threads {
			fmt.Fprintf(t, "\t%d thr", n)
		}
		fmt.Fprintln(t, "\t")
	}
	line := func(title string, value func(threads int) float64) {
		fmt.Fprint(t, title)
		for _, n := range threads {
			if v := value(n); math.IsNaN(v) {
				fmt.Fprint(t, "\tnot available")
			} else {
				fmt.Fprintf(t, "\t%.1f", v/1e9)
			}
		}
		fmt.Fprintln(t, "\t")
	}
	head("read, GB/s")
	for _, r := range l.Reads {
		if r.Threads == threads[0] {
			line(size(r.Bytes), func(n int) float64 { return l.ReadRate(r.Bytes, n) })
		}
	}
	head("arithmetic, Gop/s")
	for _, c := range roof.Classes() {
		line(string(c), func(n int) float64 { return l.Peak(c, n) })
	}
}

// size prints bytes in binary units.
func size(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%.4g MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.4g KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}
