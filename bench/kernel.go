package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

// kernel is one row of the kernel table on m query rows, n tokens and d channels.
type kernel struct {
	entry   asm.Entry
	m, n, d int

	call func()
	ops  float64
}

// kernelCalls is the number of calls per timed operation.
const kernelCalls = 16

// newKernel drops the sizes a family does not have.
func newKernel(e asm.Entry, m, n, d int) *kernel {
	family := e.Family()
	has := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(family, p) })
	}
	switch {
	case has("QKAdvance"): // of four rows and whole tiles
		m, n = 4, asm.Tile
	case isProduct(e):
	case has("Softmax", "Scale", "Certify", "Pack", "AdvanceU8", "AdvanceBF16", "AdvanceLog"):
		d = 0
	case has("AdvanceCertify"):
		m, d = 4, 0
	case has("Advance"):
		n, d = 0, 1
	case has("Fold", "Dot"):
		n = 0
	case has("Dec", "ExpI4", "ExpN4", "ExpB4", "SplitScales"):
		m = 0
	default:
		m, n = 0, 0
	}
	return &kernel{entry: e, m: m, n: n, d: d}
}

// rowStates are the states of m rows.
func rowStates(m int) *asm.RowStates {
	return &asm.RowStates{M: make([]float32, m), L: fillF32(m, 1), W: make([]float32, 2*m), Stat: make([]asm.Stat, m), Fold: make([]asm.Fold, m)}
}

// certifyTile is a tile of those rows with weights y.
func certifyTile(r *asm.RowStates, y []float32) *asm.CertifyTile {
	m := len(r.M)
	return &asm.CertifyTile{Rows: make([]float32, 8*m), M: m, Y: y, St: r.Stat, F: r.Fold, Spread: 1}
}

// tableKernels lists the available rows of the table at typical sizes, in the order of
// the table: a strip of prefill and, where there are rows, the query rows of one token.
func tableKernels() (list []subject) {
	for _, e := range asm.All() {
		if !e.Available(asm.Available()) {
			continue
		}
		if f, ok := e.Func.(asm.Exp2F32Func); ok {
			list = append(list, &exp2{"asm " + e.Name, e.Needs, f})
			continue
		}
		many := newKernel(e, 16, asm.Tile, 128)
		list = append(list, many)
		if few := newKernel(e, 4, asm.Tile, 128); few.m > 0 && few.m < many.m {
			list = append(list, few)
		}
	}
	return list
}

// longDim is the number of channels from which attention shortens its calls, longRows
// the number of rows of a whole block.
const (
	longDim  = 512
	longRows = 64
)

// longestKernels lists the largest calls attention makes: 16 query rows of 512 channels
// or 8 of 1024, 64 rows in kernels that take a whole row block.
func longestKernels() (list []subject) {
	for _, e := range asm.All() {
		if e.Needs == asm.Generic || !e.Available(asm.Available()) {
			continue
		}
		switch _, isExp2 := e.Func.(asm.Exp2F32Func); {
		case isExp2: // attention does not call it
		case isProduct(e):
			list = append(list, newKernel(e, 16, asm.Tile, longDim), newKernel(e, 8, asm.Tile, 2*longDim))
		default:
			n := asm.Tile
			if strings.HasPrefix(e.Family(), "DecE") {
				n /= 2 // quant expands FP8 tiles in two calls
			}
			if k := newKernel(e, longRows, n, 2*longDim); k.m == 0 || k.m == longRows { // others are in the table
				list = append(list, k)
			}
		}
	}
	return list
}

// isProduct reports whether a kernel does the multiply-adds of attention.
func isProduct(e asm.Entry) bool {
	return strings.HasPrefix(e.Family(), "QK") || strings.HasPrefix(e.Family(), "PV")
}

func (k *kernel) name() string { return fmt.Sprintf("asm %s m%d n%d d%d", k.entry.Name, k.m, k.n, k.d) }

func (k *kernel) prepare(*bench) error {
	if k.call, k.ops = workload(k.entry.Func, k.m, k.n, k.d); k.call == nil {
		return unavailable("bench has no operands for family " + k.entry.Family())
	}
	return nil
}

func (k *kernel) cases() []measure.Case {
	return []measure.Case{{Name: k.name(), Ops: kernelCalls, Run: func() error {
		for range kernelCalls {
			k.call()
		}
		return nil
	}}}
}

func (k *kernel) result(s []measure.Sample, l *roof.Limits) record.Row {
	r := record.New("asm " + k.entry.Name)
	r.D, r.Q, r.N, r.Threads, r.Tier = k.d, k.m, k.n, 1, k.entry.Needs.String()
	r.MinUS, r.MedianUS = record.Number(s[0].Min()*1e6), record.Number(s[0].Median()*1e6)
	r.GOps = record.Number(k.ops / s[0].Min() / 1e9)
	if isProduct(k.entry) {
		class := classOf(k.entry.Name)
		r.Roof, r.RoofFraction = string(class), r.GOps/record.Number(l.Peak(class, 1)/1e9)
	}
	return r
}

// workload returns one call of a kernel on operands of its own, and the operations of
// its contract: two per multiply-add of the products, elements elsewhere. Calls can be
// repeated: what works in place stays in its domain. The tile to come is the tile
// itself. nil for a family it does not know.
func workload(f any, m, n, d int) (call func(), ops float64) {
	if call := productWorkload(f, m, n, d); call != nil {
		return call, 2 * float64(m*n*d)
	}
	if call := softmaxWorkload(f, m, n); call != nil {
		return call, float64(m * n)
	}
	if call := foldWorkload(f, m, d); call != nil {
		return call, float64(m * d)
	}
	if call := rowWorkload(f, d); call != nil {
		return call, float64(d)
	}
	return expandWorkload(f, n, d), float64(n * d)
}

// productWorkload knows the kernels of QKᵀ and PV.
func productWorkload(f any, m, n, d int) func() {
	var (
		d4      = (d + 3) / 4
		ints    = make([]int32, m*max(d, asm.Tile))
		floats  = make([]float32, m*max(d, asm.Tile))
		queries = normals(6, m*d)
		weights = fillF32(m*asm.Tile, 0.3)
		tile    = normals(7, asm.Tile*d)
		stored  = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(tile))), 4*len(tile))
	)
	switch f := f.(type) {
	case asm.QKI8Func:
		q, k := codesI8(m*4*d4), codes(asm.Tile*4*d4)
		return func() { f(ints, q, k, m, n, d4, k) }
	case asm.QKScaleI4Func:
		q, k, mult := codesI8(m*4*d4), codes(asm.Tile*2*d4), codes((d+31)/32*asm.Tile)
		factors := fillF32(max(m, asm.Tile), 0.3)
		return func() { f(floats, q, k, mult, factors, factors, factors, m, n, d4, k) }
	case asm.QKScaleN4Func:
		q, k, mult := codesI8(m*4*d4), codes(asm.Tile*2*d4), codes((d+31)/32*asm.Tile)
		factors := fillF32(max(m, asm.Tile), 0.3)
		return func() { f(floats, q, k, mult, book, factors, factors, factors, m, n, d4, k) }
	case asm.QKScaleI8Func:
		q, k, scales := codesI8(m*4*d4), codes(asm.Tile*4*d4), fillF32(max(m, asm.Tile), 0.01)
		return func() { f(floats, q, k, scales, scales, scales, m, n, d4, k) }
	case asm.QKAdvanceI8Func:
		q, k, scales, p := codesI8(m*4*d4), codes(asm.Tile*4*d4), fillF32(asm.Tile, 0.01), make([]byte, m*asm.Tile)
		r := rowStates(m)
		return func() { f(r, p, floats, scales, 255, q, k, scales, scales, scales, d4, k) }
	case asm.QKAdvanceLogI8Func:
		q, k, scales, p := codesI8(m*4*d4), codes(asm.Tile*4*d4), fillF32(asm.Tile, 0.01), make([]byte, m*asm.Tile)
		r, code := rowStates(m), &asm.LogCode{Step: 2, Zero: 15, Last: 14}
		return func() { f(r, p, floats, scales, code, 128, q, k, scales, scales, scales, d4, k) }
	case asm.QKAdvanceCertifyI8Func:
		q, k, scales, p := codesI8(m*4*d4), codes(asm.Tile*4*d4), fillF32(asm.Tile, 0.01), make([]byte, m*asm.Tile)
		r := rowStates(m)
		tile, record := certifyTile(r, floats), new(asm.TileRecord)
		return func() { f(r, tile, record, p, scales, 255, q, k, scales, scales, scales, d4, k) }
	case asm.QKAdvanceI4Func:
		return advanceStored(m, d4, func(r *asm.RowStates, p []byte, q []int8, k []byte, scales []float32) {
			f(r, p, floats, k, 255, q, k, scales, scales, d4, k)
		})
	case asm.QKAdvanceN4Func:
		return advanceStored(m, d4, func(r *asm.RowStates, p []byte, q []int8, k []byte, scales []float32) {
			f(r, p, floats, k, 255, q, k, book, scales, scales, d4, k)
		})
	case asm.QKI4Func:
		q, k, mult := codesI8(m*4*d4), codes(asm.Tile*2*d4), codes((d+31)/32*asm.Tile)
		return func() { f(ints, q, k, mult, m, n, d4, k) }
	case asm.QKF32Func:
		return func() { f(floats, queries, tile, m, n, d, stored) }
	case asm.QKF16Func:
		k := halves(asm.Tile * d)
		return func() { f(floats, queries, k, m, n, d, k) }
	case asm.QKBF16Func:
		k := bfloats(asm.Tile * ((d + 1) &^ 1))
		return func() { f(floats, queries, k, m, n, d, k) }
	case asm.QKPairBF16Func:
		q, k, factors := brainQueries(m, d4), bfloats(asm.Tile*((d+1)&^1)), fillF32(m, 0.3)
		return func() { f(floats, q, k, factors, factors, m, n, d, k) }
	case asm.QKPairFP8Func:
		q, k, factors, table := brainQueries(m, d4), codes(asm.Tile*4*d4), fillF32(max(m, asm.Tile), 0.1), &asm.FP8Table{}
		return func() { f(floats, q, k, factors, table, factors, factors, m, n, d, k) }
	case asm.PVU8I8Func:
		p, v := codes(m*asm.Tile), codes(asm.Tile*d)
		return func() { f(ints, p, v, m, n, d, v) }
	case asm.PVFoldI8Func:
		p, v, fold := codes(m*asm.Tile), codes(asm.Tile*d), folds(m)
		return func() { f(floats, ints, p, v, nil, fold, m, n, d, v) }
	case asm.PVFoldI4Func:
		p, v, mult, fold := codes(m*asm.Tile), codes(asm.Tile*d/2), codes((d+31)/32*asm.Tile), folds(m)
		return func() { f(floats, p, v, mult, nil, fold, m, n, d, v) }
	case asm.PVFoldN4Func:
		p, v, mult, fold := codes(m*asm.Tile), codes(asm.Tile*d/2), codes((d+31)/32*asm.Tile), folds(m)
		return func() { f(floats, p, v, mult, book, nil, fold, m, n, d, v) }
	case asm.PVFoldB4Func:
		p, v, ratio, fold := codes(m*asm.Tile), codes(asm.Tile*d/2), make([]int16, (d+63)/64*asm.Tile), folds(m)
		levels := (*[16]int8)(codesI8(16))
		return func() { f(floats, p, v, ratio, levels, nil, fold, m, n, d, 64, v) }
	case asm.PVF32Func:
		return func() { f(floats, weights, tile, m, n, d, stored) }
	case asm.PVF16Func:
		v := halves(asm.Tile * d)
		return func() { f(floats, weights, v, m, n, d, v) }
	case asm.PVBF16Func:
		v := bfloats(asm.Tile * d)
		return func() { f(floats, weights, v, m, n, d, v) }
	case asm.PVPairBF16Func:
		p, v, fold := brainWeights(m), bfloats(asm.Tile*d), folds(m)
		return func() { f(floats, p, v, nil, fold, m, n, d, v) }
	case asm.PVPairFP8Func:
		p, v, table, fold := brainWeights(m), codes(asm.Tile*d), &asm.FP8Table{}, folds(m)
		return func() { f(floats, p, v, table, nil, fold, m, n, d, v) }
	}
	return nil
}

// advanceStored hands out the operands of a softmax among the products of stored nibbles.
func advanceStored(m, d4 int, call func(r *asm.RowStates, p []byte, q []int8, k []byte, scales []float32)) func() {
	q, scales, p, mult := codesI8(m*4*d4), fillF32(asm.Tile, 1e-5), make([]byte, m*asm.Tile), codes(d4/8*asm.Tile)
	for i := range mult {
		mult[i] &= 15
	}
	k, r := slices.Concat(halves(asm.Tile), mult, codes(asm.Tile*2*d4)), rowStates(m)
	r.W = make([]float32, 192)
	return func() { call(r, p, q, k, scales) }
}

// brainQueries returns bfloat16 queries.
func brainQueries(m, d4 int) []uint16 { return toBF16(normals(6, m*4*d4)) }

// brainWeights returns bfloat16 weights.
func brainWeights(m int) []uint16 { return toBF16(fillF32(m*asm.Tile, 0.3)) }

// softmaxWorkload knows the kernels between the products. Softmax works in place, and
// weights are logits too.
func softmaxWorkload(f any, m, n int) func() {
	var (
		rows   = m * asm.Tile
		y      = normals(8, rows)
		stat   = make([]asm.Stat, m)
		scales = fillF32(asm.Tile, 0.1)
		hi, lo = make([]byte, rows), make([]byte, rows)
		one    = fillF32(m, 1)
		zero   = make([]float32, m)
		code   = asm.LogCode{Step: 2, Zero: 15, Last: 14}
	)
	switch f := f.(type) {
	case asm.ScaleI8Func:
		scores := make([]int32, rows)
		return func() { f(y, scores, scales, one, zero, m, n) }
	case asm.ScaleF32Func:
		return func() { f(y, one, zero, m, n) }
	case asm.CertifyFunc:
		r := rowStates(m)
		for i := range r.Stat {
			r.Stat[i].L = 1
		}
		tile, record := certifyTile(r, y), new(asm.TileRecord)
		return func() { f(tile, record, 0, m, n) }
	case asm.PackBF16Func:
		packed := make([]uint16, rows)
		return func() { f(packed, y, scales, m, n) }
	case asm.SoftmaxF32Func:
		return func() { f(y, stat, m, n) }
	case asm.SoftmaxU8Func:
		return func() { f(hi, y, scales, stat, 255, m, n) }
	case asm.AdvanceU8Func:
		r := rowStates(m)
		return func() { f(r, hi, y, scales, 255, m, n) }
	case asm.AdvanceBF16Func:
		r := rowStates(m)
		packed := make([]uint16, rows)
		return func() { f(r, packed, y, scales, m, n) }
	case asm.AdvanceCertifyU8Func:
		r := rowStates(m)
		tile, record := certifyTile(r, y), new(asm.TileRecord)
		return func() { f(r, tile, record, hi, scales, 255) }
	case asm.AdvanceLogU8Func:
		r := rowStates(m)
		return func() { f(r, hi, y, scales, code, 128, m, n) }
	case asm.SoftmaxU16Func:
		return func() { f(hi, lo, y, scales, stat, m, n) }
	case asm.SoftmaxLogF32Func:
		return func() { f(y, stat, code, m, n) }
	case asm.SoftmaxLogU8Func:
		return func() { f(hi, y, scales, stat, code, 128, m, n) }
	}
	return nil
}

// foldWorkload knows the kernels of whole query rows. With α = ½ the states stay bounded.
func foldWorkload(f any, m, d int) func() {
	var (
		o    = make([]float32, m*d)
		ints = make([]int32, m*d)
		x    = normals(9, m*d)
		fold = folds(m)
	)
	switch f := f.(type) {
	case asm.AdvanceFunc:
		stat, w := make([]asm.Stat, m), make([]float32, 2*m)
		return func() { f(x, o, w, stat, fold, m) }
	case asm.DotF32Func:
		vector, sums, factors := normals(10, d), make([]float32, m), fillF32(m, 0.3)
		return func() { f(sums, x, vector, factors, factors, m, d) }
	case asm.FoldI8Func:
		return func() { f(o, ints, nil, fold, m, d) }
	case asm.FoldF32Func:
		return func() { f(o, x, nil, fold, m, d) }
	}
	return nil
}

func folds(m int) []asm.Fold {
	fold := make([]asm.Fold, m)
	for i := range fold {
		fold[i] = asm.Fold{Alpha: 0.5, Beta: 1}
	}
	return fold
}

// rowWorkload knows the kernels of one row. The Hadamard transform is its own inverse.
func rowWorkload(f any, d int) func() {
	var (
		x     = normals(9, d)
		o     = make([]float32, d)
		bytes = make([]byte, 64*((d+1)/2))
		mult  = make([]byte, asm.Tile*((d+31)/32))
	)
	switch f := f.(type) {
	case asm.FinishF32Func:
		return func() { f(o, x, 3) }
	case asm.FetchFunc: // d lines
		lines := make([]byte, 64*d)
		return func() { f(lines) }
	case asm.RoundBF16Func:
		return func() { f(x) }
	case asm.AbsMaxFunc:
		return func() { f(x) }
	case asm.SumSquaresFunc:
		return func() { f(x) }
	case asm.EncI8Func:
		dst := make([]int8, d)
		return func() { f(dst, x, 0.03) }
	case asm.EncErrI8Func:
		dst := make([]int8, (d+3)&^3)
		return func() { f(dst, x, 0.03) }
	case asm.EncI8KFunc:
		return func() { f(bytes, x, 0.03) }
	case asm.EncI8VFunc:
		return func() { f(bytes, x, 0.03) }
	case asm.EncF16Func:
		return func() { f(bytes, x, 2) }
	case asm.EncBF16KFunc:
		return func() { f(bytes, x) }
	case asm.EncBF16VFunc:
		return func() { f(bytes, x) }
	case asm.EncE4M3Func:
		return func() { f(bytes, x, 0.01, 4) }
	case asm.EncE5M2Func:
		return func() { f(bytes, x, 0.01, 4) }
	case asm.Enc4KFunc:
		return func() { f(bytes, x, &limits, 3, false) }
	case asm.Enc4VFunc:
		return func() { f(bytes, x, &limits, 3, false) }
	case asm.EncI4KFunc:
		return func() { f(bytes, mult, x, 0.02, false) }
	case asm.EncI4VFunc:
		return func() { f(bytes, mult, x, 0.02, false) }
	case asm.EncN4KFunc:
		return func() { f(bytes, mult, x, book, 0.02, false) }
	case asm.EncN4VFunc:
		return func() { f(bytes, mult, x, book, 0.02, false) }
	case asm.HadamardFunc:
		return func() { f(x) }
	}
	return nil
}

// expandWorkload knows the kernels that expand a stored tile. Codes are finite.
func expandWorkload(f any, n, d int) func() {
	var (
		elems  = asm.Tile * 4 * ((d + 3) / 4)
		dst    = make([]float32, elems)
		out    = make([]byte, elems)
		src    = codesIn(elems, 0, 0x77)
		half   = halves(elems)
		bfloat = bfloats(elems)
		mult   = codesIn((d+31)/32*asm.Tile, 1, 15)
		scale  = fillF32((d+31)/32*asm.Tile, 0.1)
		lut    = (*[16]float32)(normals(11, 16))
		levels = (*[16]int8)(codesI8(16))
		ratio  = make([]int16, (d+31)/32*asm.Tile)
		top    = make([]float32, asm.Tile)
	)
	switch f := f.(type) {
	case asm.DecI8KFunc:
		return func() { f(dst, src, scale, n, d, src) }
	case asm.DecI8VFunc:
		return func() { f(dst, src, scale, n, d, src) }
	case asm.DecE4M3KFunc:
		return func() { f(dst, src, scale, n, d, src) }
	case asm.DecE4M3VFunc:
		return func() { f(dst, src, scale, n, d, src) }
	case asm.DecE5M2KFunc:
		return func() { f(dst, src, scale, n, d, src) }
	case asm.DecE5M2VFunc:
		return func() { f(dst, src, scale, n, d, src) }
	case asm.Dec16Func:
		return func() { f(dst[:n*d], half, half) }
	case asm.DecBF16KFunc:
		return func() { f(dst, bfloat, n, d, bfloat) }
	case asm.DecBF16VFunc:
		return func() { f(dst, bfloat, n, d, bfloat) }
	case asm.ExpI4KFunc:
		return func() { f(out, src, mult, n, d, src) }
	case asm.ExpI4VFunc:
		return func() { f(out, src, mult, n, d, src) }
	case asm.ExpN4KFunc:
		return func() { f(out, src, mult, book, n, d, src) }
	case asm.ExpN4VFunc:
		return func() { f(out, src, mult, book, n, d, src) }
	case asm.SplitScalesFunc:
		return func() { f(top, ratio, half, 2, n, (d+63)/64) }
	case asm.ExpB4KFunc:
		return func() { f(out, src, ratio, levels, n, d, 64, src) }
	case asm.ExpB4VFunc:
		return func() { f(out, src, ratio, levels, n, d, 64, src) }
	case asm.Dec4KFunc:
		return func() { f(dst, src, lut, scale, n, d, 64, src) }
	case asm.Dec4VFunc:
		return func() { f(dst, src, lut, scale, n, d, 64, src) }
	}
	return nil
}

func fillF32(n int, x float32) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = x
	}
	return s
}

// codes returns n bytes of every value.
func codes(n int) []byte { return codesIn(n, 0, math.MaxUint8) }

// codesIn returns n bytes in lo..hi.
func codesIn(n, lo, hi int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(lo + int(splitMix(uint64(i))%uint64(hi-lo+1)))
	}
	return b
}

// codesI8 returns n codes in −127..127.
func codesI8(n int) []int8 {
	c := make([]int8, n)
	for i, b := range codesIn(n, 1, 255) {
		c[i] = int8(int(b) - 128)
	}
	return c
}

// halves and bfloats return n numbers in 1..2 as binary16 and as bfloat16.
func halves(n int) []byte {
	b := make([]byte, 2*n)
	for i := range n {
		binary.LittleEndian.PutUint16(b[2*i:], 0x3c00|uint16(splitMix(uint64(i))&0x3ff))
	}
	return b
}

func bfloats(n int) []byte {
	b := make([]byte, 2*n)
	for i := range n {
		binary.LittleEndian.PutUint16(b[2*i:], 0x3f80|uint16(splitMix(uint64(i))&0x7f))
	}
	return b
}

// book is a code book of 4 bits.
var book = asm.NewScaledBook(&[16]int8{-127, -88, -67, -50, -36, -23, -12, 0, 10, 20, 31, 43, 56, 71, 92, 127})

// limits are decision thresholds of a 4-bit code.
var limits = [15]float32{-0.85, -0.61, -0.46, -0.34, -0.23, -0.14, -0.05, 0.04, 0.12, 0.2, 0.29, 0.39, 0.5, 0.64, 0.86}
