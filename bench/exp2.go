package main

import (
	"context"
	"time"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

// exp2 times a 2^x kernel on a row that stays in L1. The kernel works in place, so
// every call needs its input copied back first. The copy is timed as a case of its own
// and subtracted.
type exp2 struct {
	op     string
	tier   asm.Tier
	kernel asm.Exp2F32Func
}

const (
	exp2Elems = 1024
	exp2Calls = 64 // per timed operation
)

// bestExp2 is the kernel the library chooses.
func bestExp2() *exp2 {
	ks := asm.Select(asm.Available())
	return &exp2{"exp2", ks.Used("Exp2F32"), ks.Exp2F32}
}

func (e *exp2) name() string { return e.op }

func (e *exp2) prepare(*bench) error { return nil }

func (e *exp2) cases() []measure.Case {
	src, row := make([]float32, exp2Elems), make([]float32, exp2Elems)
	for i := range src {
		src[i] = -float32(i%31) * 0.37
	}
	return []measure.Case{
		{Name: e.op, Ops: exp2Calls, Run: func() error {
			for range exp2Calls {
				copy(row, src)
				e.kernel(row)
			}
			return nil
		}},
		{Name: e.op + ", copy alone", Ops: exp2Calls, Run: func() error {
			for range exp2Calls {
				copy(row, src)
			}
			return nil
		}},
	}
}

func (e *exp2) result(s []measure.Sample, _ *roof.Limits) record.Row {
	r := record.New(e.op)
	r.N, r.Threads, r.Tier = exp2Elems, 1, e.tier.String()
	r.MinUS = record.Number((s[0].Min() - s[1].Min()) * 1e6)
	r.MedianUS = record.Number((s[0].Median() - s[1].Median()) * 1e6)
	r.GOps = exp2Elems / r.MinUS / 1e3
	return r
}

// measureExp2 measures 2^x on its own.
func measureExp2(ctx context.Context) (record.Row, error) {
	e := bestExp2()
	s, err := measure.Interleave(ctx, e.cases(), measure.Options{Passes: 10, Slice: 2 * time.Millisecond})
	if err != nil {
		return record.Row{}, err
	}
	return e.result(s, nil), nil
}
