// Package roof measures the limits of the machine it runs on: how fast threads can
// read memory of a given size, and how many operations a second each kind of vector
// arithmetic can do. Kernels are judged against these numbers, measured by the same
// process on the same memory.
package roof

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/qattn/qattn/bench/internal/arena"
	"github.com/qattn/qattn/bench/internal/measure"
)

// Class names a kind of arithmetic that has a peak.
type Class string

// The classes, by instruction and register width.
const (
	FMAYmm  Class = "fma-ymm"       // float32 multiply-add
	FMAZmm  Class = "fma-zmm"       //
	MaddYmm Class = "vpmaddwd-ymm"  // int16 pairs, with the VPADDD that sums them
	DotYmm  Class = "vpdpbusd-ymm"  // uint8 × int8, VEX form
	DotZmm  Class = "vpdpbusd-zmm"  // uint8 × int8, EVEX form
	BF16Zmm Class = "vdpbf16ps-zmm" // bfloat16 pairs
)

// Classes lists every class.
func Classes() []Class { return []Class{FMAYmm, FMAZmm, MaddYmm, DotYmm, DotZmm, BF16Zmm} }

// A reader reads n bytes at p, a positive multiple of granule.
type reader struct {
	name string
	read func(p *byte, n int)
}

// A peak does ops operations per iteration.
type peak struct {
	class Class
	ops   float64
	run   func(iters int)
}

// Assembly cannot be preempted: one call does this much, some microseconds.
const (
	chunkBytes = 64 << 10
	chunkIters = 1000
	granule    = 512
)

// Rate is a measured limit per second: bytes of a read, operations of a peak.
type Rate struct {
	Threads      int
	Best, Median float64
}

// Read is the rate of reading Bytes bytes again and again, spread over the threads.
type Read struct {
	Rate
	Bytes int
	Loop  string // the fastest of the loops tried
}

// Peak is the rate of an arithmetic class.
type Peak struct {
	Rate
	Class Class
}

// Limits is what a machine can do.
type Limits struct {
	Caches Caches
	Reads  []Read // by threads, then by bytes
	Peaks  []Peak
}

// Options says how much to measure.
type Options struct {
	Threads  []int         // numbers of threads
	MaxBytes int           // largest working set; 0 chooses one far larger than the last cache
	Samples  int           // per number; 0 means 15
	Sample   time.Duration // least length of a sample; short ones slip through between other processes. 0 means 2 ms
	Progress func(done, total int, what string)
}

// Measure measures the limits. It keeps every CPU in use busy for some seconds.
func Measure(ctx context.Context, o Options) (*Limits, error) {
	l := &Limits{Caches: readCaches()}
	if o.MaxBytes == 0 {
		o.MaxBytes = min(max(256<<20, 4*l.Caches.L3), 1<<30)
	}
	if o.Samples == 0 {
		o.Samples = 15
	}
	if o.Sample == 0 {
		o.Sample = 2 * time.Millisecond
	}
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
	mem, free := arena.Alloc(o.MaxBytes)
	defer free()
	arena.Touch(mem)
	var probes []*probe
	for _, n := range o.Threads {
		t := newTeam(n)
		defer t.close()
		probes = append(probes, probesOf(t, mem)...)
	}
	total := len(probes) * o.Samples
	for i := range total { // round robin: a disturbance hits a sample of some, not all of one
		p := probes[i%len(probes)]
		o.Progress(i, total, p.what)
		p.sample(o.Sample)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	o.Progress(total, total, "limits measured")
	for _, p := range probes {
		p.report(l)
	}
	return l, nil
}

// probe measures one limit on the threads of one team.
type probe struct {
	what    string
	team    *team
	run     func(worker, repeats int)
	work    float64 // bytes or operations of one repetition on all threads
	repeats int     // of a sample, chosen by the first
	rates   measure.Sample

	report func(l *Limits)
}

// probesOf lists everything to measure with one number of threads.
func probesOf(t *team, mem []byte) (list []*probe) {
	for _, p := range peaks() {
		list = append(list, peakProbe(t, p))
	}
	rs := readers()
	if len(rs) == 0 {
		rs = []reader{{"Go", readWords}}
	}
	for _, size := range ladder(len(mem)) {
		for _, r := range rs {
			list = append(list, readProbe(t, r, mem[:size]))
		}
	}
	return list
}

// peakProbe runs an arithmetic loop on every thread.
func peakProbe(t *team, p peak) *probe {
	pr := &probe{what: string(p.class), team: t, work: p.ops * chunkIters * float64(len(t.workers))}
	pr.run = func(_, repeats int) {
		for range repeats {
			p.run(chunkIters)
		}
	}
	pr.report = func(l *Limits) { l.Peaks = append(l.Peaks, Peak{pr.rate(), p.class}) }
	return pr
}

// readProbe gives each thread a part of mem to read with one loop. Of several loops the
// fastest counts.
func readProbe(t *team, r reader, mem []byte) *probe {
	n := len(t.workers)
	part := len(mem) / n / granule * granule
	pr := &probe{what: "read", team: t, work: float64(part) * float64(n)}
	pr.run = func(w, repeats int) {
		for range repeats {
			sweep(r, mem[w*part:][:part])
		}
	}
	pr.report = func(l *Limits) { l.addRead(Read{pr.rate(), len(mem), r.name}) }
	return pr
}

// addRead adds a read, or replaces that of a slower loop on the same memory.
func (l *Limits) addRead(r Read) {
	i := slices.IndexFunc(l.Reads, func(o Read) bool { return o.Bytes == r.Bytes && o.Threads == r.Threads })
	switch {
	case i < 0:
		l.Reads = append(l.Reads, r)
	case r.Best > l.Reads[i].Best:
		l.Reads[i] = r
	}
}

// sample measures the rate once, over about the given time or longer.
func (p *probe) sample(least time.Duration) {
	once := func(w int) { p.run(w, p.repeats) }
	if p.repeats == 0 {
		for p.repeats = 1; p.team.run(once) < least && p.repeats < 1<<20; {
			p.repeats *= 2
		}
	}
	p.rates = append(p.rates, p.work*float64(p.repeats)/p.team.run(once).Seconds())
}

// rate sums up the samples.
func (p *probe) rate() Rate { return Rate{len(p.team.workers), slices.Max(p.rates), p.rates.Median()} }

// ladder lists working sets from 128 KiB up to limit, doubling.
func ladder(limit int) (sizes []int) {
	for size := 128 << 10; size <= limit; size *= 2 {
		sizes = append(sizes, size)
	}
	return sizes
}

// sweep reads b once, in calls short enough to stay preemptible between them.
func sweep(r reader, b []byte) {
	for len(b) > 0 {
		n := min(len(b), chunkBytes)
		r.read(&b[0], n)
		b = b[n:]
	}
}

// ReadRate is the best rate at which threads read a working set, interpolated between
// the measured sizes; NaN when this number of threads was not measured.
func (l *Limits) ReadRate(bytes, threads int) float64 {
	var rs []Read
	for _, r := range l.Reads {
		if r.Threads == threads {
			rs = append(rs, r)
		}
	}
	if len(rs) == 0 {
		return math.NaN()
	}
	i, _ := slices.BinarySearchFunc(rs, bytes, func(r Read, b int) int { return r.Bytes - b })
	switch {
	case i == 0:
		return rs[0].Best
	case i == len(rs):
		return rs[i-1].Best
	}
	lo, hi := rs[i-1], rs[i]
	at := math.Log2(float64(bytes)/float64(lo.Bytes)) / math.Log2(float64(hi.Bytes)/float64(lo.Bytes))
	return lo.Best + at*(hi.Best-lo.Best)
}

// L3Rate is the read rate of a working set well inside the last cache and well outside
// the caches before it; NaN without such a cache.
func (l *Limits) L3Rate(threads int) float64 {
	if l.Caches.L3 == 0 {
		return math.NaN()
	}
	inner := 2 * l.Caches.L2 * threads
	return l.ReadRate(int(math.Sqrt(float64(inner)*float64(l.Caches.L3))), threads)
}

// DRAMRate is the read rate of the largest working set measured.
func (l *Limits) DRAMRate(threads int) float64 { return l.ReadRate(math.MaxInt, threads) }

// Peak is the best rate of a class; NaN when the CPU lacks it or this number of threads
// was not measured.
func (l *Limits) Peak(c Class, threads int) float64 {
	for _, p := range l.Peaks {
		if p.Class == c && p.Threads == threads {
			return p.Best
		}
	}
	return math.NaN()
}
