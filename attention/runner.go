package attention

import (
	"sync"
	"sync/atomic"
)

// Task is a set of independent units of work. Do(unit, worker) runs one of them;
// worker numbers the memory it may use, so two calls with the same worker must not
// overlap.
type Task interface{ Do(unit, worker int) }

// Runner spreads units over workers. Run returns when Do has been called once for
// every unit in 0..units−1, in any order, with worker in 0..Workers()−1. Workers is
// constant. The results do not depend on the order or on the number of workers.
//
// The library starts no goroutine of its own: bring your runtime's pool behind this
// interface, or use NewPool.
type Runner interface {
	Workers() int
	Run(units int, t Task)
}

// maxWorkers bounds the memory a schedule keeps per worker.
const maxWorkers = 1 << 16

// Serial runs every unit on the calling goroutine.
var Serial Runner = serial{}

type serial struct{}

func (serial) Workers() int { return 1 }

func (serial) Run(units int, t Task) {
	for i := range units {
		t.Do(i, 0)
	}
}

// Pool is a Runner of persistent goroutines. Calls of Run queue up behind each other.
// The calling goroutine works as worker 0.
type Pool struct {
	mu    sync.Mutex
	start []chan struct{}
	wg    sync.WaitGroup
	next  atomic.Int64
	units int
	task  Task
	done  bool // closed
}

// NewPool starts n−1 goroutines, which with the caller of Run make n workers. n < 1
// counts as 1. Close releases them.
func NewPool(n int) *Pool {
	p := &Pool{}
	for w := 1; w < n; w++ {
		c := make(chan struct{}, 1)
		p.start = append(p.start, c)
		go func() {
			for range c {
				p.work(w)
				p.wg.Done()
			}
		}()
	}
	return p
}

// Workers returns the number of workers.
func (p *Pool) Workers() int { return len(p.start) + 1 }

// Run implements Runner without allocating. After Close the caller does every unit. A
// task must not call Run of the pool it runs on.
func (p *Pool) Run(units int, t Task) {
	p.mu.Lock()
	defer func() { // also when a task panics on this goroutine
		p.wg.Wait()
		p.task = nil
		p.mu.Unlock()
	}()
	p.units, p.task = units, t
	p.next.Store(0)
	helpers := min(len(p.start), units-1)
	if p.done {
		helpers = 0
	}
	for i := range helpers {
		p.wg.Add(1)
		p.start[i] <- struct{}{}
	}
	p.work(0)
}

func (p *Pool) work(worker int) {
	for {
		i := int(p.next.Add(1) - 1)
		if i >= p.units {
			return
		}
		p.task.Do(i, worker)
	}
}

// Close waits for a Run under way and stops the goroutines.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return
	}
	p.done = true
	for _, c := range p.start {
		close(c)
	}
}
