package main

import (
	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
)

// exp2 times the library's 2^x kernel on a row that stays in L1. The kernel works in
// place, so every call needs its input copied back first. The copy is timed as a case
// of its own and subtracted.
type exp2 struct {
	ks       *asm.Set
	src, row []float32
}

const (
	exp2Elems = 1024
	exp2Calls = 64 // per timed operation
)

func newExp2() *exp2 {
	e := &exp2{ks: asm.Select(asm.Available()), src: make([]float32, exp2Elems), row: make([]float32, exp2Elems)}
	for i := range e.src {
		e.src[i] = -float32(i%31) * 0.37
	}
	return e
}

// cases are the kernel with the copy, and the copy alone.
func (e *exp2) cases() []measure.Case {
	return []measure.Case{
		{Name: "exp2", Ops: exp2Calls, Run: func() error {
			for range exp2Calls {
				copy(e.row, e.src)
				e.ks.Exp2F32(e.row)
			}
			return nil
		}},
		{Name: "exp2, copy", Ops: exp2Calls, Run: func() error {
			for range exp2Calls {
				copy(e.row, e.src)
			}
			return nil
		}},
	}
}

// result makes a row of the samples of cases.
func (e *exp2) result(s []measure.Sample) record.Row {
	r := record.New("exp2")
	r.N, r.Threads, r.Tier = exp2Elems, 1, e.ks.Used("Exp2F32").String()
	r.MinUS = record.Number((s[0].Min() - s[1].Min()) * 1e6)
	r.MedianUS = record.Number((s[0].Median() - s[1].Median()) * 1e6)
	r.GOps = exp2Elems / r.MinUS / 1e3
	return r
}
