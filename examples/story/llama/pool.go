package llama

import (
	"sync"
	"sync/atomic"
)

// pool runs independent units of work on a fixed number of goroutines, the caller
// among them.
type pool struct{ workers int }

// run calls f for every unit from 0 to units−1 and returns when all are done.
func (p *pool) run(units int, f func(unit int)) {
	workers := min(p.workers, units)
	if workers <= 1 {
		for u := range units {
			f(u)
		}
		return
	}
	var next atomic.Int32
	work := func() {
		for {
			u := int(next.Add(1)) - 1
			if u >= units {
				return
			}
			f(u)
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
