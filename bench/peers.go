package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/qattn/qattn/bench/internal/arena"
	"github.com/qattn/qattn/bench/internal/record"
)

func init() {
	register(command{"peers", "other libraries on the same shapes, beside our times", runPeers})
}

func runPeers(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	quick := f.Bool("quick", false, "three shapes instead of all")
	asJSON := f.Bool("json", false, "print rows as JSON, one per line; the table goes to standard error")
	save := f.Bool("save", false, "write rows to results/<cpu>.peers.jsonl, for plot")
	python := f.String("python", "python3", "`INTERPRETER` that may have onnxruntime and onnx, or torch")
	threads := threadList(allThreads())
	f.Var(&threads, "threads", "numbers of threads")
	f.BoolVar(&arena.Huge, "huge", true, "use huge pages for our pages")
	if err := f.Parse(args); err != nil {
		return err
	}
	table := io.Writer(os.Stdout)
	if *asJSON {
		table = os.Stderr
	}
	host := thisMachine()
	fmt.Fprintln(table, host)

	list, e := shapes, thorough
	if *quick {
		e.passes = 3
		list = []shape{decodeShape(4096), decodeShape(65536), prefillShape(8, 512)}
	}
	rows, notes, err := measurePeers(ctx, list, threads, *python, e)
	if err != nil {
		return err
	}
	if *save {
		if err := saveRows(peersFile(host), rows); err != nil {
			return err
		}
	}
	if *asJSON {
		if err := record.Write(os.Stdout, rows...); err != nil {
			return err
		}
	}
	printPeers(table, rows)
	for _, n := range notes {
		fmt.Fprintln(table, "note:", n)
	}
	return nil
}

// measurePeers times ggml, where it is compiled in, round robin with our kernels, and
// then the Python libraries in a process of their own. Notes say what is missing. One
// number of threads after the other: the last one asked for holds for all of ggml.
func measurePeers(ctx context.Context, list []shape, threads []int, python string, e effort) (rows []record.Row, notes []string, err error) {
	for _, n := range threads {
		var subjects []subject
		for _, s := range list {
			for _, f := range []string{"f32", "f16", "bf16", "int8", "int4"} {
				subjects = append(subjects, newAttend(s, f, f, n))
			}
		}
		ggml, err := ggmlPeers(list, n)
		if err != nil && len(rows) == 0 {
			notes = append(notes, err.Error())
		}
		m, err := runSubjects(ctx, append(subjects, ggml...), e, newProgress())
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, m.rows...)
	}
	others, more, err := pythonPeers(ctx, python, list, threads, e)
	return append(rows, others...), append(notes, more...), err
}

// printPeers prints one line per row of another library, with our time for as many
// bits.
func printPeers(w io.Writer, rows []record.Row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "library\tcase\tmin µs\tmedian µs\trel L2\tour format\tour min µs\tour rel L2\ttheir time / ours\t\n"
	for _, r := range rows {
		ours, ok := ourRow(rows, r)
		if !r.Foreign() || !ok {
			continue
		}
		fmt.Fprint(t, head)
		head = ""
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%.1e\t%s\t%.0f\t%.1e\t%.2f\t\n", r.Tier, r.Name(), r.MinUS, r.MedianUS, r.RelL2,
			ours.K, ours.MinUS, ours.RelL2, r.MinUS/ours.MinUS)
	}
	t.Flush()
}

// ourRow finds our row of the same call over a format of as many bits: the last, since a
// file of peers, with rows measured beside them, follows the file of kernels.
func ourRow(rows []record.Row, r record.Row) (record.Row, bool) {
	want := r
	want.K, want.V = sameBits(r.K), sameBits(r.V)
	for _, o := range slices.Backward(rows) {
		if isOurs(o) && o.Name() == want.Name() {
			return o, true
		}
	}
	return record.Row{}, false
}

// sameBits names our format of as many bits as a format of any library.
func sameBits(format string) string {
	switch format {
	case "q8_0":
		return "int8"
	case "q4_0":
		return "int4"
	}
	return format
}
