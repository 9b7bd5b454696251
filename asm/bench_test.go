package asm

import (
	"bytes"
	"testing"
)

// BenchmarkKernel runs every row at m = 4 query rows, n = 64 tokens, d = 128. Gop/s
// counts the arithmetic of the contract (two per multiply-add), B/s the operands.
// Kernels that work in place include the copy that restores their input.
func BenchmarkKernel(b *testing.B) {
	for _, e := range All() {
		b.Run(e.Name, func(b *testing.B) {
			if !e.Available(have) {
				b.Skipf("needs %v, have %v", e.Needs, have)
			}
			tr := drivers[e.Family()].trial(newGen(1, gauss), 4, 64, 128)
			args := make([][]byte, len(tr.ops))
			var inPlace []int
			for i, o := range tr.ops {
				args[i] = bytes.Clone(o.init)
				if o.out && !bytes.Equal(o.init, bytes.Repeat([]byte{0xa5}, len(o.init))) {
					inPlace = append(inPlace, i)
				}
			}
			size := 0
			for _, a := range args {
				size += len(a)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, i := range inPlace {
					copy(args[i], tr.ops[i].init)
				}
				tr.call(e.Func, args)
			}
			b.ReportMetric(tr.work*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gop/s")
		})
	}
}
