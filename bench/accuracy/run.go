package accuracy

import (
	"context"
	"sync"

	"github.com/qattn/qattn/bench/emulate"
)

// Skip says why a system has no row for a family.
type Skip struct {
	System, Family string
	Err            error
}

// Run measures every system on every family with some goroutines and returns the rows
// in the order of the families, then of the systems. progress is called after every
// head, from one goroutine at a time.
func Run(ctx context.Context, systems []emulate.System, families []Family, workers int, progress func(done, total int, what string)) ([]Row, []Skip, error) {
	type job struct{ family, head int }
	var (
		jobs  = make(chan job)
		cells = make([][][]cell, len(families)) // [family][head][system]
		total int
		done  int
		mu    sync.Mutex
		wg    sync.WaitGroup
	)
	for f, fam := range families {
		cells[f] = make([][]cell, fam.Heads)
		total += fam.Heads
	}
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				fam := families[j.family]
				c := measure(ctx, systems, fam.Head(j.head))
				mu.Lock()
				cells[j.family][j.head] = c
				done++
				progress(done, total, fam.Name)
				mu.Unlock()
			}
		})
	}
	for f, fam := range families {
		for h := range fam.Heads {
			jobs <- job{f, h}
		}
	}
	close(jobs)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	rows, skips := collect(systems, families, cells)
	return rows, skips, nil
}

// cell is a system on one head.
type cell struct {
	sums
	err error
}

func measure(ctx context.Context, systems []emulate.System, h *emulate.Head) []cell {
	cells := make([]cell, len(systems))
	want, _ := emulate.Exact().Attend(h)
	for i, s := range systems {
		if ctx.Err() != nil {
			break
		}
		got, err := s.Attend(h)
		if err != nil {
			cells[i].err = err
			continue
		}
		cells[i].sums = sum(got, want, h.DV)
	}
	return cells
}

// collect adds up heads. A system that fails on one head of a family is skipped there.
func collect(systems []emulate.System, families []Family, cells [][][]cell) (rows []Row, skips []Skip) {
	for f, fam := range families {
	system:
		for s, sys := range systems {
			var all sums
			for _, head := range cells[f] {
				if err := head[s].err; err != nil {
					skips = append(skips, Skip{sys.Name(), fam.Name, err})
					continue system
				}
				all.add(head[s].sums)
			}
			rows = append(rows, all.row(sys.Name(), fam.Name))
		}
	}
	return rows, skips
}
