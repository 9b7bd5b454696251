package asm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTrials runs random small trials of every row, without guard pages but by the
// hundred million: QATTN_TRIALS says how many kernel executions. It is the volume part
// of fuzzing; FuzzKernel is the guided one.
func TestTrials(t *testing.T) {
	total := int64(20_000)
	if s := os.Getenv("QATTN_TRIALS"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		total = n
	}
	var names []string
	rows := map[string][]Entry{}
	for name := range drivers {
		names = append(names, name)
		rows[name] = family(name)
	}
	slices.Sort(names)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, tier %v", seed, have)
	var done, wrong atomic.Int64
	var wg sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(worker)))
			for done.Load() < total && wrong.Load() < 20 {
				name := names[r.IntN(len(names))]
				m, n, d := 1+r.IntN(3), 1+r.IntN(9), 1+r.IntN(9)
				if r.IntN(16) == 0 {
					m, n, d = 1+r.IntN(17), 1+r.IntN(Tile), 1+r.IntN(150)
				}
				if drivers[name].uses == "p" {
					d = 1 << r.IntN(8)
				}
				g := newGen(r.Uint64(), kind(r.IntN(int(numKinds))))
				tr := drivers[name].trial(g, m, n, d)
				for _, msg := range tr.try(rows[name]) {
					wrong.Add(1)
					t.Error(msg)
				}
				done.Add(int64(len(rows[name])))
			}
		})
	}
	finished := make(chan struct{})
	go func() {
		start := time.Now()
		for {
			select {
			case <-finished:
				return
			case <-time.After(10 * time.Second):
				n := done.Load()
				fmt.Printf("trials: %d of %d executions, %.0f s left\n", n, total, time.Since(start).Seconds()*float64(total-n)/float64(n))
			}
		}
	}()
	wg.Wait()
	close(finished)
	t.Logf("%d kernel executions", done.Load())
}

// try calls every entry on plain memory and says what is wrong.
func (tr *trial) try(entries []Entry) (wrong []string) {
	var spec [][]byte
	for i, e := range entries {
		args := make([][]byte, len(tr.ops))
		for j := range tr.ops {
			args[j] = bytes.Clone(tr.ops[j].init)
		}
		tr.call(e.Func, args)
		fail := func(format string, a ...any) {
			wrong = append(wrong, fmt.Sprintf("%s: %s: ", e.Name, tr.shape)+fmt.Sprintf(format, a...))
		}
		for j := range tr.ops {
			o := &tr.ops[j]
			switch {
			case !o.out:
				if !bytes.Equal(args[j], o.init) {
					fail("input %d modified", j)
				}
			case o.verify(args[j]) != "":
				fail("operand %d: %s", j, o.verify(args[j]))
			case e.Exact && i > 0:
				if msg := o.compare(args[j], spec[j]); msg != "" {
					fail("operand %d differs from generic: %s", j, msg)
				}
			}
		}
		if tr.check != nil && len(wrong) == 0 {
			if err := tr.check(args); err != nil {
				fail("%v", err)
			}
		}
		if i == 0 {
			spec = args
		}
	}
	return wrong
}
