package main

import (
	"runtime"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

// subject is something kernels measures. Subjects of equal name are the same.
type subject interface {
	name() string
	prepare(b *bench) error // an unavailable error means: not on this machine
	cases() []measure.Case
	result(s []measure.Sample, l *roof.Limits) record.Row // of the samples of cases
}

// unavailable says why a subject cannot run on this machine.
type unavailable string

func (u unavailable) Error() string { return string(u) }

// bench holds what subjects share: inputs, stored pages, runners.
type bench struct {
	cpus     int
	problems map[shape]*problem
	stores   map[storeKey]*store
	pools    map[int]*attention.Pool
}

type storeKey struct {
	shape
	k, v string
}

func newBench() *bench {
	return &bench{cpus: runtime.GOMAXPROCS(0), problems: map[shape]*problem{}, stores: map[storeKey]*store{}, pools: map[int]*attention.Pool{}}
}

// close frees the pages and stops the pools.
func (b *bench) close() {
	for _, s := range b.stores {
		s.free()
	}
	for _, p := range b.pools {
		p.Close()
	}
}

// runner returns a runner of n workers.
func (b *bench) runner(n int) attention.Runner {
	if n == 1 {
		return attention.Serial
	}
	if b.pools[n] == nil {
		b.pools[n] = attention.NewPool(n)
	}
	return b.pools[n]
}

// problem returns the inputs of a shape.
func (b *bench) problem(s shape) *problem {
	if b.problems[s] == nil {
		b.problems[s] = newProblem(s)
	}
	return b.problems[s]
}

// store returns the pages of a problem in a pair of formats.
func (b *bench) store(p *problem, k, v string, cfg attention.Config) (*store, error) {
	key := storeKey{p.shape, k, v}
	if b.stores[key] == nil {
		s, err := fill(p, cfg)
		if err != nil {
			return nil, err
		}
		b.stores[key] = s
	}
	return b.stores[key], nil
}
