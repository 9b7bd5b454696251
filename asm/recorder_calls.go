// Written by make kernels from contract.go; a test keeps it true.

package asm

// intercept puts recorders in the place of kernels. The struct of a call has the layout of its
// arguments on the stack.
func (recorder *Recorder) intercept() {
	{
		kernel := recorder.kernel("QKI8")
		recorder.QKI8 = func(s []int32, q []int8, k []byte, m, n, d4 int, next []byte) {
			record(recorder, kernel, &struct {
				s        []int32
				q        []int8
				k        []byte
				m, n, d4 int
				next     []byte
			}{s, q, k, m, n, d4, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKI4")
		recorder.QKI4 = func(s []int32, q []int8, k, mult []byte, m, n, d4 int, next []byte) {
			record(recorder, kernel, &struct {
				s        []int32
				q        []int8
				k, mult  []byte
				m, n, d4 int
				next     []byte
			}{s, q, k, mult, m, n, d4, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKF32")
		recorder.QKF32 = func(s []float32, q, k []float32, m, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				s       []float32
				q, k    []float32
				m, n, d int
				next    []byte
			}{s, q, k, m, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKF16")
		recorder.QKF16 = func(s, q []float32, k []byte, m, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				s, q    []float32
				k       []byte
				m, n, d int
				next    []byte
			}{s, q, k, m, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKBF16")
		recorder.QKBF16 = func(s, q []float32, k []byte, m, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				s, q    []float32
				k       []byte
				m, n, d int
				next    []byte
			}{s, q, k, m, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKPairBF16")
		recorder.QKPairBF16 = func(y []float32, q []uint16, k []byte, a, b []float32, m, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				y       []float32
				q       []uint16
				k       []byte
				a, b    []float32
				m, n, d int
				next    []byte
			}{y, q, k, a, b, m, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKPairFP8")
		recorder.QKPairFP8 = func(y []float32, q []uint16, k []byte, scale []float32, table *FP8Table, a, b []float32, m, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				y       []float32
				q       []uint16
				k       []byte
				scale   []float32
				table   *FP8Table
				a, b    []float32
				m, n, d int
				next    []byte
			}{y, q, k, scale, table, a, b, m, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DotF32")
		recorder.DotF32 = func(s, q, x, a, b []float32, m, d int) {
			record(recorder, kernel, &struct {
				s, q, x, a, b []float32
				m, d          int
			}{s, q, x, a, b, m, d}, 0)
		}
	}
	{
		kernel := recorder.kernel("ScaleI8")
		recorder.ScaleI8 = func(y []float32, s []int32, sk, a, b []float32, m, n int) {
			record(recorder, kernel, &struct {
				y        []float32
				s        []int32
				sk, a, b []float32
				m, n     int
			}{y, s, sk, a, b, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKScaleI8")
		recorder.QKScaleI8 = func(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
			record(recorder, kernel, &struct {
				y        []float32
				q        []int8
				k        []byte
				sk, a, b []float32
				m, n, d4 int
				next     []byte
			}{y, q, k, sk, a, b, m, n, d4, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKScaleI4")
		recorder.QKScaleI4 = func(y []float32, q []int8, k, mult []byte, sk, a, b []float32, m, n, d4 int, next []byte) {
			record(recorder, kernel, &struct {
				y        []float32
				q        []int8
				k, mult  []byte
				sk, a, b []float32
				m, n, d4 int
				next     []byte
			}{y, q, k, mult, sk, a, b, m, n, d4, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("QKScaleN4")
		recorder.QKScaleN4 = func(y []float32, q []int8, k, mult []byte, book *ScaledBook, sk, a, b []float32, m, n, d4 int, next []byte) {
			record(recorder, kernel, &struct {
				y        []float32
				q        []int8
				k, mult  []byte
				book     *ScaledBook
				sk, a, b []float32
				m, n, d4 int
				next     []byte
			}{y, q, k, mult, book, sk, a, b, m, n, d4, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("ScaleF32")
		recorder.ScaleF32 = func(y []float32, a, b []float32, m, n int) {
			record(recorder, kernel, &struct {
				y    []float32
				a, b []float32
				m, n int
			}{y, a, b, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("SoftmaxF32")
		recorder.SoftmaxF32 = func(y []float32, st []Stat, m, n int) {
			record(recorder, kernel, &struct {
				y    []float32
				st   []Stat
				m, n int
			}{y, st, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("SoftmaxU8")
		recorder.SoftmaxU8 = func(p []byte, y, sv []float32, st []Stat, top float32, m, n int) {
			record(recorder, kernel, &struct {
				p     []byte
				y, sv []float32
				st    []Stat
				top   float32
				m, n  int
			}{p, y, sv, st, top, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("SoftmaxU16")
		recorder.SoftmaxU16 = func(hi, lo []byte, y, sv []float32, st []Stat, m, n int) {
			record(recorder, kernel, &struct {
				hi, lo []byte
				y, sv  []float32
				st     []Stat
				m, n   int
			}{hi, lo, y, sv, st, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("SoftmaxLogF32")
		recorder.SoftmaxLogF32 = func(y []float32, st []Stat, code LogCode, m, n int) {
			record(recorder, kernel, &struct {
				y    []float32
				st   []Stat
				code LogCode
				m, n int
			}{y, st, code, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("SoftmaxLogU8")
		recorder.SoftmaxLogU8 = func(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int) {
			record(recorder, kernel, &struct {
				p     []byte
				y, sv []float32
				st    []Stat
				code  LogCode
				top   float32
				m, n  int
			}{p, y, sv, st, code, top, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVU8I8")
		recorder.PVU8I8 = func(o []int32, p, v []byte, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o        []int32
				p, v     []byte
				m, n, dv int
				next     []byte
			}{o, p, v, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVF32")
		recorder.PVF32 = func(o []float32, p, v []float32, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o        []float32
				p, v     []float32
				m, n, dv int
				next     []byte
			}{o, p, v, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVF16")
		recorder.PVF16 = func(o, p []float32, v []byte, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o, p     []float32
				v        []byte
				m, n, dv int
				next     []byte
			}{o, p, v, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVBF16")
		recorder.PVBF16 = func(o, p []float32, v []byte, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o, p     []float32
				v        []byte
				m, n, dv int
				next     []byte
			}{o, p, v, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("Advance")
		recorder.Advance = func(m, l, w []float32, st []Stat, f []Fold, rows int) (poisoned bool) {
			record(recorder, kernel, &struct {
				m, l, w []float32
				st      []Stat
				f       []Fold
				rows    int
			}{m, l, w, st, f, rows}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("AdvanceU8")
		recorder.AdvanceU8 = func(r *RowStates, p []byte, y, sv []float32, top float32, m, n int) (poisoned bool) {
			record(recorder, kernel, &struct {
				r     *RowStates
				p     []byte
				y, sv []float32
				top   float32
				m, n  int
			}{r, p, y, sv, top, m, n}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("AdvanceLogU8")
		recorder.AdvanceLogU8 = func(r *RowStates, p []byte, y, sv []float32, code LogCode, top float32, m, n int) (poisoned bool) {
			record(recorder, kernel, &struct {
				r     *RowStates
				p     []byte
				y, sv []float32
				code  LogCode
				top   float32
				m, n  int
			}{r, p, y, sv, code, top, m, n}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("AdvanceBF16")
		recorder.AdvanceBF16 = func(r *RowStates, p []uint16, y, sv []float32, m, n int) (poisoned bool) {
			record(recorder, kernel, &struct {
				r     *RowStates
				p     []uint16
				y, sv []float32
				m, n  int
			}{r, p, y, sv, m, n}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("QKAdvanceI8")
		recorder.QKAdvanceI8 = func(r *RowStates, p []byte, y, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool) {
			record(recorder, kernel, &struct {
				r        *RowStates
				p        []byte
				y, sv    []float32
				top      float32
				q        []int8
				k        []byte
				sk, a, b []float32
				d4       int
				next     []byte
			}{r, p, y, sv, top, q, k, sk, a, b, d4, next}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("QKAdvanceLogI8")
		recorder.QKAdvanceLogI8 = func(r *RowStates, p []byte, y, sv []float32, code *LogCode, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool) {
			record(recorder, kernel, &struct {
				r        *RowStates
				p        []byte
				y, sv    []float32
				code     *LogCode
				top      float32
				q        []int8
				k        []byte
				sk, a, b []float32
				d4       int
				next     []byte
			}{r, p, y, sv, code, top, q, k, sk, a, b, d4, next}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("QKAdvanceI4")
		recorder.QKAdvanceI4 = func(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, a, b []float32, d4 int, next []byte) (poisoned bool) {
			record(recorder, kernel, &struct {
				r    *RowStates
				p    []byte
				y    []float32
				sv   []byte
				top  float32
				q    []int8
				k    []byte
				a, b []float32
				d4   int
				next []byte
			}{r, p, y, sv, top, q, k, a, b, d4, next}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("QKAdvanceN4")
		recorder.QKAdvanceN4 = func(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, book *ScaledBook, a, b []float32, d4 int, next []byte) (poisoned bool) {
			record(recorder, kernel, &struct {
				r    *RowStates
				p    []byte
				y    []float32
				sv   []byte
				top  float32
				q    []int8
				k    []byte
				book *ScaledBook
				a, b []float32
				d4   int
				next []byte
			}{r, p, y, sv, top, q, k, book, a, b, d4, next}, 1)
			return false
		}
	}
	{
		kernel := recorder.kernel("Certify")
		recorder.Certify = func(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64) {
			record(recorder, kernel, &struct {
				t       *CertifyTile
				tile    *TileRecord
				r, m, n int
			}{t, tile, r, m, n}, 8)
			return
		}
	}
	{
		kernel := recorder.kernel("AdvanceCertifyU8")
		recorder.AdvanceCertifyU8 = func(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32) (left uint64) {
			record(recorder, kernel, &struct {
				r    *RowStates
				t    *CertifyTile
				tile *TileRecord
				p    []byte
				sv   []float32
				top  float32
			}{r, t, tile, p, sv, top}, 8)
			return
		}
	}
	{
		kernel := recorder.kernel("QKAdvanceCertifyI8")
		recorder.QKAdvanceCertifyI8 = func(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64) {
			record(recorder, kernel, &struct {
				r        *RowStates
				t        *CertifyTile
				tile     *TileRecord
				p        []byte
				sv       []float32
				top      float32
				q        []int8
				k        []byte
				sk, a, b []float32
				d4       int
				next     []byte
			}{r, t, tile, p, sv, top, q, k, sk, a, b, d4, next}, 8)
			return
		}
	}
	{
		kernel := recorder.kernel("FoldI8")
		recorder.FoldI8 = func(o []float32, a []int32, mu []float32, f []Fold, m, dv int) {
			record(recorder, kernel, &struct {
				o     []float32
				a     []int32
				mu    []float32
				f     []Fold
				m, dv int
			}{o, a, mu, f, m, dv}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVFoldI8")
		recorder.PVFoldI8 = func(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o        []float32
				acc      []int32
				p, v     []byte
				mu       []float32
				f        []Fold
				m, n, dv int
				next     []byte
			}{o, acc, p, v, mu, f, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVFoldI4")
		recorder.PVFoldI4 = func(o []float32, p, v, mult []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o          []float32
				p, v, mult []byte
				mu         []float32
				f          []Fold
				m, n, dv   int
				next       []byte
			}{o, p, v, mult, mu, f, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVFoldN4")
		recorder.PVFoldN4 = func(o []float32, p, v, mult []byte, book *ScaledBook, mu []float32, f []Fold, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o          []float32
				p, v, mult []byte
				book       *ScaledBook
				mu         []float32
				f          []Fold
				m, n, dv   int
				next       []byte
			}{o, p, v, mult, book, mu, f, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVFoldB4")
		recorder.PVFoldB4 = func(o []float32, p, v []byte, ratio []int16, levels *[16]int8, mu []float32, f []Fold, m, n, dv, block int, next []byte) {
			record(recorder, kernel, &struct {
				o               []float32
				p, v            []byte
				ratio           []int16
				levels          *[16]int8
				mu              []float32
				f               []Fold
				m, n, dv, block int
				next            []byte
			}{o, p, v, ratio, levels, mu, f, m, n, dv, block, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("FoldF32")
		recorder.FoldF32 = func(o, a, mu []float32, f []Fold, m, dv int) {
			record(recorder, kernel, &struct {
				o, a, mu []float32
				f        []Fold
				m, dv    int
			}{o, a, mu, f, m, dv}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVPairBF16")
		recorder.PVPairBF16 = func(o []float32, p []uint16, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o        []float32
				p        []uint16
				v        []byte
				mu       []float32
				f        []Fold
				m, n, dv int
				next     []byte
			}{o, p, v, mu, f, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("PVPairFP8")
		recorder.PVPairFP8 = func(o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, m, n, dv int, next []byte) {
			record(recorder, kernel, &struct {
				o        []float32
				p        []uint16
				v        []byte
				table    *FP8Table
				mu       []float32
				f        []Fold
				m, n, dv int
				next     []byte
			}{o, p, v, table, mu, f, m, n, dv, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("FinishF32")
		recorder.FinishF32 = func(out, o []float32, l float32) {
			record(recorder, kernel, &struct {
				out, o []float32
				l      float32
			}{out, o, l}, 0)
		}
	}
	{
		kernel := recorder.kernel("Exp2F32")
		recorder.Exp2F32 = func(x []float32) {
			record(recorder, kernel, &struct {
				x []float32
			}{x}, 0)
		}
	}
	{
		kernel := recorder.kernel("RoundBF16")
		recorder.RoundBF16 = func(x []float32) {
			record(recorder, kernel, &struct {
				x []float32
			}{x}, 0)
		}
	}
	{
		kernel := recorder.kernel("PackBF16")
		recorder.PackBF16 = func(dst []uint16, y, sv []float32, m, n int) {
			record(recorder, kernel, &struct {
				dst   []uint16
				y, sv []float32
				m, n  int
			}{dst, y, sv, m, n}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncI8")
		recorder.EncI8 = func(dst []int8, x []float32, scale float32) {
			record(recorder, kernel, &struct {
				dst   []int8
				x     []float32
				scale float32
			}{dst, x, scale}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncI8K")
		recorder.EncI8K = func(dst []byte, x []float32, scale float32) {
			record(recorder, kernel, &struct {
				dst   []byte
				x     []float32
				scale float32
			}{dst, x, scale}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncI8V")
		recorder.EncI8V = func(dst []byte, x []float32, scale float32) {
			record(recorder, kernel, &struct {
				dst   []byte
				x     []float32
				scale float32
			}{dst, x, scale}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncI4K")
		recorder.EncI4K = func(dst, mult []byte, x []float32, scale float32, high bool) {
			record(recorder, kernel, &struct {
				dst, mult []byte
				x         []float32
				scale     float32
				high      bool
			}{dst, mult, x, scale, high}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncI4V")
		recorder.EncI4V = func(dst, mult []byte, x []float32, scale float32, high bool) {
			record(recorder, kernel, &struct {
				dst, mult []byte
				x         []float32
				scale     float32
				high      bool
			}{dst, mult, x, scale, high}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncN4K")
		recorder.EncN4K = func(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
			record(recorder, kernel, &struct {
				dst, mult []byte
				x         []float32
				book      *ScaledBook
				scale     float32
				high      bool
			}{dst, mult, x, book, scale, high}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncN4V")
		recorder.EncN4V = func(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
			record(recorder, kernel, &struct {
				dst, mult []byte
				x         []float32
				book      *ScaledBook
				scale     float32
				high      bool
			}{dst, mult, x, book, scale, high}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncF16")
		recorder.EncF16 = func(dst []byte, x []float32, stride int) {
			record(recorder, kernel, &struct {
				dst    []byte
				x      []float32
				stride int
			}{dst, x, stride}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncBF16K")
		recorder.EncBF16K = func(dst []byte, x []float32) {
			record(recorder, kernel, &struct {
				dst []byte
				x   []float32
			}{dst, x}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncBF16V")
		recorder.EncBF16V = func(dst []byte, x []float32) {
			record(recorder, kernel, &struct {
				dst []byte
				x   []float32
			}{dst, x}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncE4M3")
		recorder.EncE4M3 = func(dst []byte, x []float32, scale float32, stride int) {
			record(recorder, kernel, &struct {
				dst    []byte
				x      []float32
				scale  float32
				stride int
			}{dst, x, scale, stride}, 0)
		}
	}
	{
		kernel := recorder.kernel("EncE5M2")
		recorder.EncE5M2 = func(dst []byte, x []float32, scale float32, stride int) {
			record(recorder, kernel, &struct {
				dst    []byte
				x      []float32
				scale  float32
				stride int
			}{dst, x, scale, stride}, 0)
		}
	}
	{
		kernel := recorder.kernel("Enc4K")
		recorder.Enc4K = func(dst []byte, x []float32, limits *[15]float32, scale float32, high bool) {
			record(recorder, kernel, &struct {
				dst    []byte
				x      []float32
				limits *[15]float32
				scale  float32
				high   bool
			}{dst, x, limits, scale, high}, 0)
		}
	}
	{
		kernel := recorder.kernel("Enc4V")
		recorder.Enc4V = func(dst []byte, x []float32, limits *[15]float32, scale float32, high bool) {
			record(recorder, kernel, &struct {
				dst    []byte
				x      []float32
				limits *[15]float32
				scale  float32
				high   bool
			}{dst, x, limits, scale, high}, 0)
		}
	}
	{
		kernel := recorder.kernel("Hadamard")
		recorder.Hadamard = func(x []float32) {
			record(recorder, kernel, &struct {
				x []float32
			}{x}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecI8K")
		recorder.DecI8K = func(dst []float32, k []byte, scale []float32, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst   []float32
				k     []byte
				scale []float32
				n, d  int
				next  []byte
			}{dst, k, scale, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecI8V")
		recorder.DecI8V = func(dst []float32, v []byte, scale []float32, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst   []float32
				v     []byte
				scale []float32
				n, d  int
				next  []byte
			}{dst, v, scale, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecE4M3K")
		recorder.DecE4M3K = func(dst []float32, k []byte, scale []float32, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst   []float32
				k     []byte
				scale []float32
				n, d  int
				next  []byte
			}{dst, k, scale, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecE4M3V")
		recorder.DecE4M3V = func(dst []float32, v []byte, scale []float32, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst   []float32
				v     []byte
				scale []float32
				n, d  int
				next  []byte
			}{dst, v, scale, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecE5M2K")
		recorder.DecE5M2K = func(dst []float32, k []byte, scale []float32, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst   []float32
				k     []byte
				scale []float32
				n, d  int
				next  []byte
			}{dst, k, scale, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecE5M2V")
		recorder.DecE5M2V = func(dst []float32, v []byte, scale []float32, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst   []float32
				v     []byte
				scale []float32
				n, d  int
				next  []byte
			}{dst, v, scale, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("Fetch")
		recorder.Fetch = func(p []byte) {
			record(recorder, kernel, &struct {
				p []byte
			}{p}, 0)
		}
	}
	{
		kernel := recorder.kernel("Dec16")
		recorder.Dec16 = func(dst []float32, src, next []byte) {
			record(recorder, kernel, &struct {
				dst       []float32
				src, next []byte
			}{dst, src, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecBF16K")
		recorder.DecBF16K = func(dst []float32, k []byte, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst  []float32
				k    []byte
				n, d int
				next []byte
			}{dst, k, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("DecBF16V")
		recorder.DecBF16V = func(dst []float32, v []byte, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst  []float32
				v    []byte
				n, d int
				next []byte
			}{dst, v, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("ExpI4K")
		recorder.ExpI4K = func(dst, k, mult []byte, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst, k, mult []byte
				n, d         int
				next         []byte
			}{dst, k, mult, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("ExpI4V")
		recorder.ExpI4V = func(dst, v, mult []byte, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst, v, mult []byte
				n, d         int
				next         []byte
			}{dst, v, mult, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("ExpN4K")
		recorder.ExpN4K = func(dst, k, mult []byte, book *ScaledBook, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst, k, mult []byte
				book         *ScaledBook
				n, d         int
				next         []byte
			}{dst, k, mult, book, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("ExpN4V")
		recorder.ExpN4V = func(dst, v, mult []byte, book *ScaledBook, n, d int, next []byte) {
			record(recorder, kernel, &struct {
				dst, v, mult []byte
				book         *ScaledBook
				n, d         int
				next         []byte
			}{dst, v, mult, book, n, d, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("SplitScales")
		recorder.SplitScales = func(scale []float32, ratio []int16, src []byte, size, n, blocks int) {
			record(recorder, kernel, &struct {
				scale           []float32
				ratio           []int16
				src             []byte
				size, n, blocks int
			}{scale, ratio, src, size, n, blocks}, 0)
		}
	}
	{
		kernel := recorder.kernel("ExpB4K")
		recorder.ExpB4K = func(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte) {
			record(recorder, kernel, &struct {
				dst, k      []byte
				ratio       []int16
				levels      *[16]int8
				n, d, block int
				next        []byte
			}{dst, k, ratio, levels, n, d, block, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("ExpB4V")
		recorder.ExpB4V = func(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte) {
			record(recorder, kernel, &struct {
				dst, v      []byte
				ratio       []int16
				levels      *[16]int8
				n, d, block int
				next        []byte
			}{dst, v, ratio, levels, n, d, block, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("Dec4K")
		recorder.Dec4K = func(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte) {
			record(recorder, kernel, &struct {
				dst         []float32
				k           []byte
				lut         *[16]float32
				scale       []float32
				n, d, block int
				next        []byte
			}{dst, k, lut, scale, n, d, block, next}, 0)
		}
	}
	{
		kernel := recorder.kernel("Dec4V")
		recorder.Dec4V = func(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte) {
			record(recorder, kernel, &struct {
				dst         []float32
				v           []byte
				lut         *[16]float32
				scale       []float32
				n, d, block int
				next        []byte
			}{dst, v, lut, scale, n, d, block, next}, 0)
		}
	}
}
