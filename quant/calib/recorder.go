package calib

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Hook is the way from attention calls to calibration: whoever runs attention calls
// Observe with rows, one row per call or several at once, of the tensors it has. x is
// only valid during the call. Calls may come from several goroutines.
type Hook interface {
	Observe(site Site, x []float32)
}

// HookFunc makes a function a Hook.
type HookFunc func(site Site, x []float32)

// Observe calls f.
func (f HookFunc) Observe(site Site, x []float32) { f(site, x) }

// Recorder is a Hook with one Observer per site. Observe is safe for concurrent use,
// and what is recorded does not depend on the order of calls. The other methods must
// not run beside it.
type Recorder struct {
	axes  Axes
	pick  func(Site) Observer
	mu    sync.Mutex // guards sites
	sites map[Site]*cell
}

type cell struct {
	sync.Mutex
	Observer // nil for sites that are not recorded
}

// NewRecorder returns a recorder that keeps the given axes apart. pick makes the
// observer of a pooled site when data first arrives there, under a lock; nil leaves the
// site out.
func NewRecorder(axes Axes, pick func(Site) Observer) *Recorder {
	return &Recorder{axes: axes, pick: pick, sites: map[Site]*cell{}}
}

// Observe implements Hook.
func (r *Recorder) Observe(site Site, x []float32) {
	c := r.cell(r.axes.Pool(site))
	if c.Observer == nil {
		return
	}
	c.Lock()
	defer c.Unlock()
	c.Observer.Observe(x)
}

func (r *Recorder) cell(pooled Site) *cell {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.sites[pooled]
	if c == nil {
		c = &cell{Observer: r.pick(pooled)}
		r.sites[pooled] = c
	}
	return c
}

// Merge takes in what o has recorded. o has the same axes and kinds of observers.
func (r *Recorder) Merge(o *Recorder) error {
	if r.axes != o.axes || r == o {
		return mergeErr(r, o)
	}
	for _, s := range o.Sites() {
		c := r.cell(s)
		if c.Observer == nil {
			return fmt.Errorf("calib: %s is not recorded here", s)
		}
		if err := c.Observer.Merge(o.Observer(s)); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// Sites returns the pooled sites that have observers, ordered by tensor, layer, head
// and step.
func (r *Recorder) Sites() []Site {
	sites := slices.SortedFunc(maps.Keys(r.sites), compareSites)
	return slices.DeleteFunc(sites, func(s Site) bool { return r.sites[s].Observer == nil })
}

// Observer returns the observer that site is pooled into, or nil.
func (r *Recorder) Observer(site Site) Observer {
	if c := r.sites[r.axes.Pool(site)]; c != nil {
		return c.Observer
	}
	return nil
}

// Uniform returns the quantizer of every site. An error names the site.
func (r *Recorder) Uniform() (map[Site]Uniform, error) {
	out := map[Site]Uniform{}
	for _, s := range r.Sites() {
		u, err := r.sites[s].Quantizer()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s, err)
		}
		out[s] = u
	}
	return out, nil
}

// FP8 returns a scale for every site from its largest magnitude; policy is Amax or
// AbsMax.
func (r *Recorder) FP8(t FP8Type, policy func(FP8Type, float32) FP8) map[Site]FP8 {
	out := map[Site]FP8{}
	for _, s := range r.Sites() {
		lo, hi := r.sites[s].Range()
		out[s] = policy(t, max(-lo, hi))
	}
	return out
}
