package roof

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// team is a number of goroutines, each on an operating system thread of its own.
type team struct {
	workers []worker
	ready   atomic.Int64
	wg      sync.WaitGroup
}

type worker struct {
	work       chan func(worker int)
	start, end time.Time
}

func newTeam(n int) *team {
	t := &team{workers: make([]worker, n)}
	for i := range t.workers {
		w := &t.workers[i]
		w.work = make(chan func(int))
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			for f := range w.work {
				t.ready.Add(1)
				for t.ready.Load() < int64(n) { // start together
					runtime.Gosched()
				}
				w.start = time.Now()
				f(i)
				w.end = time.Now()
				t.wg.Done()
			}
		}()
	}
	return t
}

// run runs f once on every worker and returns the time from the first start to the
// last end.
func (t *team) run(f func(worker int)) time.Duration {
	t.ready.Store(0)
	t.wg.Add(len(t.workers))
	for i := range t.workers {
		t.workers[i].work <- f
	}
	t.wg.Wait()
	first, last := t.workers[0].start, t.workers[0].end
	for _, w := range t.workers[1:] {
		if w.start.Before(first) {
			first = w.start
		}
		if w.end.After(last) {
			last = w.end
		}
	}
	return last.Sub(first)
}

func (t *team) close() {
	for i := range t.workers {
		close(t.workers[i].work)
	}
}

// sink keeps the compiler from dropping readWords.
var sink atomic.Uint64

// readWords is the reader of machines without one in assembly.
func readWords(p *byte, n int) {
	b := unsafe.Slice(p, n)
	var s [4]uint64
	for ; len(b) >= 32; b = b[32:] {
		s[0] |= binary.LittleEndian.Uint64(b)
		s[1] |= binary.LittleEndian.Uint64(b[8:])
		s[2] |= binary.LittleEndian.Uint64(b[16:])
		s[3] |= binary.LittleEndian.Uint64(b[24:])
	}
	sink.Store(s[0] | s[1] | s[2] | s[3])
}
