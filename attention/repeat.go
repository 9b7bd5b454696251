package attention

import (
	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// Tiles that every row sees in full differ in their addresses only. Where a plan does
// nothing to such a tile but call kernels, a worker records the calls once and has them
// repeated by assembly: same kernels, same arguments, same bits, without Go between them.

// tape holds the kernel calls of a worker's tiles.
type tape struct {
	recorder *asm.Recorder
	plan     *Plan // the schedule's, with the recorder in place of the kernels
	rows     int   // of the blocks whose calls are recorded, 0 for none
}

const (
	// repeatFrom is a number of tiles that repays a recording.
	repeatFrom = 4

	// repeatTiles and repeatWork bound what one assembly call does, in tiles and in
	// channels of rows: it cannot be preempted.
	repeatTiles = 16
	repeatWork  = 32 << 10

	resultRows = 32 // a recorder sees the results of so many rows
)

// onlyCalls reports whether tiles that all rows see are nothing but kernel calls.
func (p *Plan) onlyCalls() bool {
	c := &p.cfg
	if c.K.Center || p.shaped || p.prob.prepare != nil || p.prob.planes > 1 || c.V.Center && c.V.Mean != nil {
		return false
	}
	for _, f := range []quant.Format{c.K.Format, c.V.Format} {
		if k, ok := f.(quant.KernelFormat); !ok || !k.OnlyKernels() {
			return false
		}
	}
	switch {
	case p.intV != nil:
		return true
	case p.roundV != nil:
		return p.pairV
	}
	return c.P == PF32 || p.prob.floatFamily == "SoftmaxLogF32"
}

// tapes returns a tape for each worker of the plan, nil if its calls cannot be repeated.
func (p *Plan) tapes() []tape {
	if !p.onlyCalls() {
		return nil
	}
	all := make([]tape, p.opt.workers)
	for i := range all {
		r := p.ks.Recorder()
		if r == nil {
			return nil
		}
		plan := *p
		plan.ks = &r.Set
		all[i] = tape{recorder: r, plan: &plan}
	}
	return all
}

// repeat does the tiles from base on that can be repeated, below end, and returns their
// number; it may be 0.
func (b *block) repeat(base, end int) (done int) {
	p, t := b.p, b.tape
	if t == nil || b.bias || b.visit != nil || base < b.all.lo || p.cfg.Certify && b.rows > resultRows {
		return 0
	}
	tiles := (min(end, b.all.hi, b.q.kvLen-1) - base) / Tile // the last one of a sequence has none behind it
	if base == 0 && p.cfg.SinkTokens > 0 || tiles < 1 {
		return 0
	}
	if t.rows != b.rows && (tiles < repeatFrom || !b.record(base)) {
		return 0
	}
	pg := &b.s.run.pages
	stride := pg.Stride
	if stride == 0 {
		stride = p.geo.pageBytes
	}
	table := b.table[p.geo.sinkPages+base/Tile:]
	most := max(1, min(repeatTiles, repeatWork/(b.rows*(p.cfg.DK+p.cfg.DV))))
	for done < tiles {
		n := min(tiles-done, most)
		t.recorder.Play(pg.Arena[pg.Offset+headerBytes+b.head*p.geo.headBytes:], stride, p.geo.k.size, table[done:done+n+1])
		for {
			d, stopped, family := t.recorder.Continue()
			if stopped == 0 {
				done += d
				n -= d
				break
			}
			b.repeatLeft(family, stopped, base/Tile+done+d)
		}
		if n > 0 { // a token that is not finite
			break
		}
	}
	return done
}

// repeatLeft does what a kernel of the family leaves to Go on the tile.
func (b *block) repeatLeft(family string, result uint64, tile int) {
	if family != "Certify" && family != "AdvanceCertifyU8" {
		b.w.split.poisonVoid(b.w.stat[:b.rows])
		return
	}
	kb, vb := b.stored(tile)
	keys, values, sv := (*[8]byte)(kb[fullRecord:]), (*[8]byte)(vb[fullRecord:]), b.scales(vb)
	if family == "Certify" {
		b.certifyLeft(result, keys, values, sv, 0, Tile)
		return
	}
	b.leftRows(result, keys, values, sv)
}

// scales returns the value scales that the weights of a whole tile have been quantized over.
func (b *block) scales(block []byte) (sv []float32) {
	p, tile := b.p, block[b.p.geo.v.tile:]
	switch {
	case p.inPlaceFold != nil:
		return p.inPlaceFold.ScalesI8(p.ks, &b.w.tmpV, tile, Tile)
	case p.intV != nil:
		_, sv = p.intV.ExpandI8(p.ks, &b.w.tmpV, tile, tile, quant.Values, p.cfg.DV, Tile)
	}
	return sv
}

// record records the calls of the tile at base, which all rows see.
func (b *block) record(base int) bool {
	p, t := b.p, b.tape
	tile := base / Tile
	keys, values := b.stored(tile)
	if bitmap(keys)|bitmap(values) != 0 {
		return false
	}
	at := headerBytes + b.head*p.geo.headBytes
	here, next := p.tilePage(&b.s.run.pages, b.table, tile), p.tilePage(&b.s.run.pages, b.table, tile+1)
	t.recorder.Start(here[at:at+p.geo.headBytes], next[at:at+p.geo.headBytes])
	b.full, b.p = true, t.plan
	b.tile(base, 0, Tile)
	b.p = p
	if !t.recorder.Stop() {
		b.tape, t.rows = nil, 0
		return false
	}
	t.rows = b.rows
	return true
}
