package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/qattn/qattn/bench/internal/arena"
	"github.com/qattn/qattn/bench/internal/record"
)

func init() {
	register(command{"peers", "other libraries on the same shapes, beside our times", runPeers})
}

// peerSubject is a subject of another library and our format of as many bits.
type peerSubject struct {
	subject
	ours string
}

// peerRow is a row of another library and our format of as many bits.
type peerRow struct {
	record.Row
	ours string
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
	m, peers, notes, err := measurePeers(ctx, list, threads, *python, e)
	if err != nil {
		return err
	}
	rows := m.rows
	for _, p := range peers {
		rows = append(rows, p.Row)
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
	printPeers(table, m, peers)
	for _, n := range notes {
		fmt.Fprintln(table, "note:", n)
	}
	return nil
}

// measurePeers times ggml, where it is compiled in, round robin with our kernels, and
// then the Python libraries in a process of their own.
func measurePeers(ctx context.Context, list []shape, threads []int, python string, e effort) (m *measurement, peers []peerRow, notes []string, err error) {
	var subjects []subject
	for _, s := range list {
		for _, n := range threads {
			for _, f := range []string{"f32", "f16", "bf16", "int8", "int4"} {
				subjects = append(subjects, newAttend(s, f, f, n))
			}
		}
	}
	inProcess, err := ggmlPeers(list, threads)
	if err != nil {
		notes = append(notes, err.Error())
	}
	for _, p := range inProcess {
		subjects = append(subjects, p)
	}
	if m, err = runSubjects(ctx, subjects, e, newProgress()); err != nil {
		return nil, nil, nil, err
	}
	m.rows = nil
	for _, s := range subjects {
		row, ok := m.byName[s.name()]
		if p, isPeer := s.(peerSubject); isPeer && ok {
			peers = append(peers, peerRow{row, p.ours})
		} else if ok {
			m.rows = append(m.rows, row)
		}
	}
	others, more, err := pythonPeers(ctx, python, list, threads, e)
	return m, append(peers, others...), append(notes, more...), err
}

// printPeers prints one line per peer row, with our time for as many bits.
func printPeers(w io.Writer, m *measurement, peers []peerRow) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "library\tcase\tmin µs\tmedian µs\trel L2\tour format\tour min µs\tour rel L2\ttheir time / ours\t\n")
	for _, p := range peers {
		ours, ok := m.byName[p.ourName()]
		if !ok {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%.0f\t%.0f\t%.1e\t%s\t%.0f\t%.1e\t%.2f\t\n", p.Tier, p.Name(), p.MinUS, p.MedianUS, p.RelL2,
			p.ours, ours.MinUS, ours.RelL2, p.MinUS/ours.MinUS)
	}
	t.Flush()
}

// ourName is the name of our subject of the same shape, threads and bits.
func (p peerRow) ourName() string {
	r := p.Row
	r.K, r.V = p.ours, p.ours
	return r.Name()
}
