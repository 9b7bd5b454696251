package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"

	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
)

//go:embed peers.py
var peersScript string

// pythonJob is what peers.py is asked for.
type pythonJob struct {
	Shapes  []pythonShape `json:"shapes"`
	Threads []int         `json:"threads"`
	Passes  int           `json:"passes"`
	Slice   float64       `json:"slice_s"`
}

type pythonShape struct {
	Op      string `json:"op"`
	Heads   int    `json:"heads"`
	KVHeads int    `json:"kv_heads"`
	D       int    `json:"d"`
	Q       int    `json:"q"`
	N       int    `json:"n"`
	Causal  bool   `json:"causal"`
}

// pythonLine is what peers.py prints.
type pythonLine struct {
	Lib     string         `json:"lib"`
	Skip    string         `json:"skip"`
	Format  string         `json:"format"`
	Shape   pythonShape    `json:"shape"`
	Threads int            `json:"threads"`
	US      measure.Sample `json:"us"`
	RelL2   record.Number  `json:"rel_l2"`
}

// pythonPeers runs the libraries the Python interpreter can import.
func pythonPeers(ctx context.Context, python string, shapes []shape, threads []int, e effort) (rows []record.Row, notes []string, err error) {
	job := pythonJob{Threads: threads, Passes: e.passes, Slice: e.slice.Seconds()}
	for _, s := range shapes {
		job.Shapes = append(job.Shapes, pythonShape{s.op, s.heads, s.kvHeads, s.d, s.q, s.n, s.causal})
	}
	arg, err := json.Marshal(job)
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, python, "-c", peersScript, string(arg))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, []string{fmt.Sprintf("%s: %v: no Python libraries were measured", python, err)}, nil
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var l pythonLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return rows, notes, fmt.Errorf("peers.py: %w", err)
		}
		if l.Skip != "" {
			notes = append(notes, l.Lib+": "+l.Skip)
			continue
		}
		rows = append(rows, l.row())
	}
	if err := cmd.Wait(); err != nil {
		notes = append(notes, fmt.Sprintf("peers.py ended early: %v", err))
	}
	return rows, notes, lines.Err()
}

// row turns a line into a row. Bytes of the other library's cache are not known here.
func (l pythonLine) row() record.Row {
	p := l.Shape
	s := shape{p.Op, p.Heads, p.KVHeads, p.D, p.Q, p.N, p.Causal}
	r := record.New(s.op)
	r.K, r.V, r.P = l.Format, l.Format, "f32"
	r.Heads, r.KVHeads, r.D, r.Q, r.N, r.Threads, r.Tier = s.heads, s.kvHeads, s.d, s.q, s.n, l.Threads, l.Lib
	r.MinUS, r.MedianUS = record.Number(l.US.Min()), record.Number(l.US.Median())
	r.GOps = record.Number(s.ops()/1e3) / r.MinUS
	r.RelL2 = l.RelL2
	return r
}
