package attention

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
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
//
// Waking a sleeping thread takes as long as a short Run. Goroutines that wait, for the
// next Run or for the end of this one, therefore look for it for a while, giving way to
// other goroutines, before they sleep: a pool keeps its CPUs busy 50 µs longer than its work.
type Pool struct {
	mu      sync.Mutex
	helpers []*helper
	next    atomic.Int64
	busy    atomic.Int32 // helpers that have not finished this Run
	caller  waiter
	units   int
	task    Task
	done    bool // closed
}

// helper is one goroutine of a pool.
type helper struct {
	waiter
	order atomic.Uint32
	_     [64]byte // others spin on the next one
}

// What a helper is to do next.
const (
	wait uint32 = iota
	work
	stop
)

// waiter is a goroutine that waits for a condition others make true.
type waiter struct {
	asleep atomic.Bool
	wake   chan struct{}
}

func newWaiter() waiter { return waiter{wake: make(chan struct{}, 1)} }

const (
	patience = 50 * time.Microsecond // of a waiter
	looks    = 64                    // between looks at the clock
)

// until returns once the condition holds.
func (w *waiter) until(holds func() bool) {
	var start time.Time
	for i := 1; !holds(); i++ {
		if i%looks != 0 {
			continue
		}
		runtime.Gosched()
		switch {
		case start.IsZero():
			start = time.Now()
		case time.Since(start) > patience:
			w.asleep.Store(true)
			if holds() && w.asleep.CompareAndSwap(true, false) {
				return // nobody has seen it asleep
			}
			<-w.wake
		}
	}
}

// rouse wakes the waiter if it sleeps; to be called after the condition has become true.
func (w *waiter) rouse() {
	if w.asleep.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

// NewPool starts n−1 goroutines, which with the caller of Run make n workers. n < 1
// counts as 1. Close releases them.
func NewPool(n int) *Pool {
	p := &Pool{caller: newWaiter()}
	for worker := 1; worker < n; worker++ {
		h := &helper{waiter: newWaiter()}
		p.helpers = append(p.helpers, h)
		go p.serve(h, worker)
	}
	return p
}

// serve follows a helper's orders.
func (p *Pool) serve(h *helper, worker int) {
	for {
		h.until(func() bool { return h.order.Load() != wait })
		if h.order.Swap(wait) == stop {
			return
		}
		p.work(worker)
		if p.busy.Add(-1) == 0 {
			p.caller.rouse()
		}
	}
}

// send gives a helper its order.
func (h *helper) send(order uint32) {
	h.order.Store(order)
	h.rouse()
}

// Workers returns the number of workers.
func (p *Pool) Workers() int { return len(p.helpers) + 1 }

// Run implements Runner without allocating. After Close the caller does every unit. A
// task must not call Run of the pool it runs on.
func (p *Pool) Run(units int, t Task) {
	p.mu.Lock()
	defer func() { // also when a task panics on this goroutine
		p.caller.until(func() bool { return p.busy.Load() == 0 })
		p.task = nil
		p.mu.Unlock()
	}()
	p.units, p.task = units, t
	p.next.Store(0)
	n := max(0, min(len(p.helpers), units-1))
	if p.done {
		n = 0
	}
	p.busy.Store(int32(n))
	for _, h := range p.helpers[:n] {
		h.send(work)
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
	for _, h := range p.helpers {
		h.send(stop)
	}
}
