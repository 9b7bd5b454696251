package attention

import (
	"unsafe"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// AlignedBytes allocates n zero bytes at an address that is a multiple of 64.
func AlignedBytes(n int) []byte {
	b := make([]byte, n+63)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & 63
	return b[skip : skip+n : skip+n]
}

// scratchLayout is the size of one worker's memory, fixed by the plan: none of it
// depends on sequence lengths.
type scratchLayout struct {
	rows, dk, dk4, dv int // dk4: DK rounded up to 4
	scaleK, scaleV    int
	planes            int // of quantized weights
	tileV             int // bytes of a tile of values that is read in place, else 0
	paired            int // rows of queries in bfloat16, else 0
	rounded           int // rows of those that are multiplied as float32, else 0
	packed            int // rows of weights in bfloat16, else 0
	certified         int // rows of a certified plan, else 0
	totals            int // rows of a mode that looks ahead, else 0
	ahead             int // floats for weights that come with scores, else 0
	bytes             int
}

func newScratchLayout(p *Plan) (scratchLayout, error) {
	l := scratchLayout{rows: p.rows, dk: p.cfg.DK, dk4: (p.cfg.DK + 3) &^ 3, dv: p.cfg.DV,
		scaleK: quant.ScratchScales(p.cfg.DK), scaleV: quant.ScratchScales(p.cfg.DV)}
	l.planes = p.prob.planes
	if p.inPlaceV != nil || p.roundV != nil {
		l.tileV = p.geo.v.size - p.geo.v.tile
	}
	if p.cfg.Q == QBF16 || p.pairK != nil {
		l.paired = p.rows
	}
	if p.cfg.Q == QBF16 && p.pairK == nil {
		l.rounded = p.rows
	}
	if p.pairV {
		l.packed = p.rows
	}
	if p.cfg.Certify {
		l.certified = p.rows
	}
	if p.prob.prepare != nil {
		l.totals = p.rows
	}
	if p.storedAhead != nil {
		l.ahead = aheadScratch
	}
	var c carver
	w := worker{tileMemory: &tileMemory{}}
	w.carve(&l, &c)
	l.bytes = c.off
	all, ok := mulFits(p.opt.workers, l.bytes)
	if !ok || all > maxInt-maxSlots*4*p.slotFloats() {
		return l, fieldErr(ErrConfig, "WithRunner", "the workspace of %d workers would overflow", p.opt.workers)
	}
	return l, nil
}

// worker is the memory of one worker, carved from the workspace for each unit, or what one KV
// head of a unit has of it.
type worker struct {
	*tileMemory
	block     block
	q         []float32 // [rows][dk] rotated queries
	q8        []int8    // [rows][dk4]
	q16       []uint16  // [rows][dk4] queries in bfloat16
	paired    []bool    // [rows] whose scores use them
	qr        []float32 // [rows][dk] the same as float32, where no kernel multiplies bfloat16
	a, b      []float32 // [rows] factor and offset that turn scores into logits
	plain     []float32 // [rows] factor of float32 scores
	zero      []float32 // [rows] no offset
	mean      []float32 // [rows] what the mean of the keys adds to a logit
	rowErrors rowErrors // of a certified plan
	certT     asm.CertifyTile
	part      asm.TileRecord // of tokens at the front of a tile
	totals    []rowTotal     // [rows] in modes that look ahead
	split     state          // of the split being computed
	total     state          // of the splits before it
	states    asm.RowStates  // of split
}

// tileMemory is for the tile at hand, of whichever head.
type tileMemory struct {
	y      []float32 // [rows][Tile] logits, then weights
	p8     []byte    // [rows][Tile] quantized weights, or their high bytes
	p8lo   []byte    // [rows][Tile] low bytes, in modes of two planes
	p16    []uint16  // [rows][Tile] weights in bfloat16
	stat   []stat    // [rows]
	vis    []span    // [rows] visible keys of the tile, relative to it
	seen   []uint64  // [rows] visible tokens whose value is not finite
	acc    []float32 // [rows][dv]
	acc8   []int32   // [strip][dv]
	kf, vf []float32 // expanded tiles
	tileV  []byte    // copy of a tile whose values are read in place
	muK    []float32
	muV    []float32
	row    []float32 // [max(dk, dv)]
	tmpK   quant.Scratch
	tmpV   quant.Scratch
	exps   []float32
	ahead  []float32  // for asm.RowStates.W
	fold   []asm.Fold // [rows]
}

// deal makes v the worker of rows from row on.
func (w *worker) deal(v *worker, row int) {
	dk := len(w.muK)
	dk4 := (dk + 3) &^ 3
	v.tileMemory = w.tileMemory
	v.q, v.q8, v.a, v.b = w.q[row*dk:], w.q8[row*dk4:], w.a[row:], w.b[row:]
	v.plain, v.zero, v.mean = w.plain[row:], w.zero[row:], w.mean[row:]
	v.q16, v.paired, v.qr = from(w.q16, row*dk4), from(w.paired, row), from(w.qr, row*dk)
	v.rowErrors.all, v.totals = from(w.rowErrors.all, rowErrorNumbers*row), from(w.totals, row)
	v.split, v.total = w.split.from(row), w.total.from(row)
}

// from is x without its first n elements, nil for nil.
func from[T any](x []T, n int) []T {
	if x == nil {
		return nil
	}
	return x[n:]
}

// carver hands out consecutive pieces of memory, each 64-byte aligned. With a nil
// base it only measures.
type carver struct {
	base unsafe.Pointer
	off  int
}

func carve[T any](c *carver, n int) []T {
	var zero T
	at := c.off
	c.off += (n*int(unsafe.Sizeof(zero)) + 63) &^ 63
	if c.base == nil || n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Add(c.base, at)), n)
}

func (w *worker) carve(l *scratchLayout, c *carver) {
	w.q = carve[float32](c, l.rows*l.dk)
	w.q8 = carve[int8](c, l.rows*l.dk4)
	w.q16 = carve[uint16](c, l.paired*l.dk4)
	w.paired = carve[bool](c, l.paired)
	w.qr = carve[float32](c, l.rounded*l.dk)
	w.a = carve[float32](c, l.rows)
	w.b = carve[float32](c, l.rows)
	w.plain = carve[float32](c, l.rows)
	w.zero = carve[float32](c, l.rows)
	w.mean = carve[float32](c, l.rows)
	w.y = carve[float32](c, l.rows*Tile)
	w.p8 = carve[byte](c, l.rows*Tile)
	if l.planes == 2 {
		w.p8lo = carve[byte](c, l.rows*Tile)
	}
	w.p16 = carve[uint16](c, l.packed*Tile)
	w.stat = carve[stat](c, l.rows)
	w.vis = carve[span](c, l.rows)
	w.seen = carve[uint64](c, l.rows)
	w.acc = carve[float32](c, l.rows*l.dv)
	w.acc8 = carve[int32](c, min(l.rows, strip)*l.dv)
	w.kf = carve[float32](c, Tile*l.dk)
	w.vf = carve[float32](c, Tile*l.dv)
	w.tileV = carve[byte](c, l.tileV)
	w.totals = carve[rowTotal](c, l.totals)
	w.muK = carve[float32](c, l.dk)
	w.muV = carve[float32](c, l.dv)
	w.row = carve[float32](c, max(l.dk, l.dv))
	w.tmpK = quant.Scratch{Scale: carve[float32](c, l.scaleK), Ratio: carve[int16](c, l.scaleK), Codes: carve[byte](c, quant.ScratchCodes(l.dk))}
	w.tmpV = quant.Scratch{Scale: carve[float32](c, l.scaleV), Ratio: carve[int16](c, l.scaleV), Codes: carve[byte](c, quant.ScratchCodes(l.dv))}
	w.split.carve(l, c)
	w.total.carve(l, c)
	w.fold = carve[asm.Fold](c, l.rows)
	w.exps = carve[float32](c, 2*l.rows)
	// last, so that certificates leave the addresses of the others, and their conflicts in
	// caches, as they are
	w.rowErrors.all = carve[float32](c, rowErrorNumbers*l.certified)
	w.split.cert.carve(l.certified, c)
	w.total.cert.carve(l.certified, c)
	w.ahead = carve[float32](c, l.ahead)
}
