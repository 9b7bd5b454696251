package attention

import (
	"slices"
	"unsafe"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// Tiles that every row sees in full differ in their addresses only. Where a plan does
// nothing to such a tile but call kernels, a worker records the calls once and has them
// repeated by assembly: same kernels, same arguments, same bits, without Go between them.
//
// Where a kernel computes the scores of one tile among the softmax of the one before, the
// repeated tiles overlap by half: the calls are those of the weights and values of a tile and
// of the scores of the next; the first scores and the last values are Go's.

// tape holds the kernel calls of a worker's tiles.
type tape struct {
	recorder *asm.Recorder
	plan     *Plan // the schedule's, with the recorder in place of the kernels
	ahead    *Plan // the same, with weights that come with the scores of the next tile; nil if they do not
	rows     int   // of the blocks whose calls are recorded, 0 for none
	heads    int   // of their units
	refused  int   // a number of rows whose calls cannot be recorded
	paired   bool  // their queries multiply as bfloat16
}

// aheadRows is the number of rows, those of a token's query heads as a rule, of kernels that compute
// scores ahead or make weights and certificates.
const aheadRows = 4

const (
	// repeatFrom is a number of tiles that repays a recording.
	repeatFrom = 6

	// repeatTiles, repeatWork and repeatBytes bound what one assembly call does, in tiles, in
	// channels of rows and in what it reads: it cannot be preempted.
	repeatTiles = 32
	repeatWork  = 32 << 10
	repeatBytes = 512 << 10
)

// onlyCalls reports whether tiles that all rows see are nothing but kernel calls.
func (p *Plan) onlyCalls() bool {
	c := &p.cfg
	if p.shaped || p.prob.prepare != nil || p.prob.planes > 1 || c.V.Center && c.V.Mean != nil {
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
		if p.storedAhead != nil {
			ahead := plan
			ahead.values = (*block).valuesAhead
			all[i].ahead = &ahead
		} else if weigh := p.scoresAhead(); weigh != nil {
			ahead := plan
			ahead.cfg.Certify = false // the kernel does
			ahead.prob = &probability{planes: 1, codes: func(b *block, scale []float32, n int) bool { return b.advanceAhead(weigh, scale) }}
			all[i].ahead = &ahead
		}
	}
	return all
}

// tapesOf returns the tapes of a plan, and keeps those of a few: a schedule may change between
// plans without allocating.
func (s *Schedule) tapesOf(p *Plan) []tape {
	const most = 8
	if t, ok := s.known[p]; ok {
		return t
	}
	if s.known == nil || len(s.known) == most {
		s.known = map[*Plan][]tape{}
	}
	t := p.tapes()
	s.known[p] = t
	return t
}

// An ahead makes the weights of the tile at hand over values with given scales, moves the states
// of the split past it and leaves the logits of the next tile, where there are aheadRows rows.
type ahead struct {
	family string // of the kernel
	call   func(b *block, scale []float32, s *nextScores) (left uint64)
}

// nextScores are the operands of the next tile's scores.
type nextScores struct {
	q           []int8
	codes       []byte
	scale, a, b []float32
	d4          int
	next        []byte // to be fetched
}

// scoresAhead returns what the plan's weights come with, nil unless that is assembly and fits.
func (p *Plan) scoresAhead() *ahead {
	if p.group > aheadRows || p.intK == nil || p.inPlaceI8 != nil || p.intV == nil || p.cfg.DK%64 != 0 {
		return nil
	}
	weigh := p.prob.ahead
	if p.cfg.Certify {
		weigh = p.prob.certifiedAhead
	}
	if weigh == nil || !assembly(p.ks.Name(weigh.family)) {
		return nil
	}
	return weigh
}

// aheadFamily names the family of kernels that weigh a tile among the scores of the next, "" for
// none.
func (p *Plan) aheadFamily() string {
	switch weigh := p.scoresAhead(); {
	case p.storedAhead != nil:
		return p.storedAhead.AheadFamily()
	case weigh != nil:
		return weigh.family
	}
	return ""
}

// aheadScratch is what the kernels of quant.AheadInt8Format want of asm.RowStates.W, aheadDim the
// number of channels at which they are faster than two kernels: behind 128 channels there is no softmax
// left to go among their products, which run 32 tokens at a time.
const aheadScratch, aheadDim = 192, 128

// chooseAhead returns the format of the keys where kernels compute scores among the softmax of
// the tile before, with keys and the scales of values as they are stored.
func (p *Plan) chooseAhead() quant.AheadInt8Format {
	k, ok := p.inPlaceI8.(quant.AheadInt8Format)
	_, alike := p.inPlaceFold.(quant.AheadInt8Format)
	if !ok || !alike || p.cfg.Certify || p.prob.family != "AdvanceU8" || p.cfg.DK != aheadDim || !assembly(p.ks.Name(k.AheadFamily())) {
		return nil
	}
	return k
}

// use repeats the calls of a unit's tiles, unless some of its rows multiply as bfloat16 and
// others do not: then calls differ from head to head.
func (b *block) use(t *tape) {
	paired := len(b.w.paired) > 0 && b.w.paired[0]
	if b.p.pairK != nil {
		for h := b; h != nil; h = h.after {
			if slices.Contains(h.w.paired[:b.rows], !paired) {
				return
			}
		}
	}
	if b.tape = t; t.paired != paired || b.p.cfg.V.Mean != nil { // means belong to a head
		t.rows, t.paired = 0, paired
	}
}

// behind is the block of the next tile in the order of addresses, that of the next head or of
// the first one, and the number of its tile.
func (b *block) behind(tile int) (*block, int) {
	if b.after != nil {
		return b.after, tile
	}
	return b.first, tile + 1
}

// advanceAhead weighs the tile at hand, over values with the given scales, and computes the
// scores of the next. In a recording nothing is left to do.
func (b *block) advanceAhead(weigh *ahead, scale []float32) (left bool) {
	p, w := b.p, b.w
	next, tile := b.behind(b.base / Tile)
	keys, values := next.stored(tile)
	if p.cfg.K.Center {
		b.offsetsAhead(next, keys)
	}
	wanted := values
	if b.wholeAhead() {
		third, last := next.behind(tile)
		wanted, _ = third.stored(last)
	}
	codes, scaleK := p.intK.ExpandI8(p.ks, &w.tmpK, keys[p.geo.k.tile:], wanted, quant.Keys, p.cfg.DK, Tile)
	return weigh.call(b, scale, &nextScores{next.w.q8, codes, scaleK, next.w.a, next.w.b, p.scratch.dk4 / 4, wanted}) != 0
}

// valuesAhead sums the values of the tile at hand, with weights that come with the scores of the
// next, all read as they are stored.
func (b *block) valuesAhead(block, next []byte, n int) {
	p, w := b.p, b.w
	h, tile := b.behind(b.base / Tile)
	keys, wanted := h.stored(tile)
	if b.wholeAhead() {
		third, last := h.behind(tile)
		wanted, next = third.stored(last)
	}
	if p.cfg.K.Center {
		b.offsetsAhead(h, keys)
	}
	values := block[p.geo.v.tile:]
	p.storedAhead.AdvanceScores(p.ks, &w.states, w.p8, w.y, p.inPlaceFold.(quant.AheadInt8Format).ScalesF16(values), p.prob.top,
		h.w.q8, keys[p.geo.k.tile:], h.w.a, h.w.b, wanted, p.cfg.DK)
	p.inPlaceFold.FoldI8(p.ks, w.split.o, w.p8, &w.tmpV, values, b.centre(block), w.fold, next, b.rows, n, p.cfg.DV)
}

// offsetsAhead is offsets of the next block.
func (b *block) offsetsAhead(next *block, keys []byte) {
	plan := next.p // that of the recording as well, where a unit has one head
	next.p = b.p
	next.offsets(keys)
	next.p = plan
}

// repeat does the tiles of a unit that can be repeated, head by head from the first head of the
// tile at base on, below end, and returns their number; it may be 0.
func (b *block) repeat(base, end int) (done int) {
	p, t := b.p, b.tape
	if t == nil || b.bias || b.visit != nil || base < b.all.lo || base == 0 && p.cfg.SinkTokens > 0 || p.cfg.Certify && b.rows > certifiedRows {

		return 0
	}
	tiles := min((min(end, b.all.hi)-base)/Tile, (b.q.kvLen-1)/Tile-base/Tile) // the last one of a sequence has none behind it
	// small tiles that come from memory leave L1 before their turn where they are fetched so far ahead
	ahead := t.ahead != nil && b.rows == aheadRows && (p.storedAhead == nil || !b.s.distant)
	if tiles < 1 || t.refused == b.rows || (t.rows != b.rows || t.heads != b.heads) && (tiles < repeatFrom || !b.record(base, ahead)) {
		return 0
	}
	if !ahead {
		return b.play(base, tiles*b.heads)
	}
	keys, values := b.stored(base / Tile)
	if bitmap(keys)|bitmap(values) != 0 {
		return 0
	}
	b.full = true
	if p.cfg.K.Center {
		b.offsets(keys)
	}
	p.scores(b, keys, values, Tile)
	done = b.play(base, tiles*b.heads-1)
	last, tile := b, base/Tile+done/b.heads
	for range done % b.heads {
		last = last.after
	}
	last.full, last.base = true, tile*Tile
	_, values = last.stored(tile)
	next, tile := last.behind(tile)
	keys, _ = next.stored(tile)
	p.values(last, values, keys, Tile)
	return done + 1
}

// play repeats the recorded calls on n tiles from base on.
func (b *block) play(base, n int) (done int) {
	p, r := b.p, b.tape.recorder
	pg := &b.s.run.pages
	c := asm.Course{
		Arena:  pg.Arena[pg.Offset+headerBytes+b.head*p.geo.headBytes:],
		Stride: pg.Stride, Bytes: p.geo.headBytes, Second: p.geo.k.size, Heads: b.heads,
		Table: b.table[p.geo.sinkPages+base/Tile:],
		Early: p.geo.headBytes <= 2*smallTile, // larger ones do not gain
	}
	if c.Stride == 0 {
		c.Stride = p.geo.pageBytes
	}
	most := max(1, min(repeatTiles, repeatWork/(b.rows*(p.cfg.DK+p.cfg.DV)), repeatBytes/p.geo.headBytes))
	for done < n {
		step := min(n-done, most)
		r.Play(&c, done/b.heads, done%b.heads, step)
		for {
			d, stopped, family := r.Continue()
			if stopped == 0 {
				done += d
				if d < step { // a token that is not finite
					return done
				}
				break
			}
			h := b
			for range (done + d) % b.heads {
				h = h.after
			}
			h.repeatLeft(family, stopped, base/Tile+(done+d)/b.heads)
		}
	}
	return done
}

// repeatLeft does what a kernel of the family leaves to Go on the tile.
func (b *block) repeatLeft(family string, result uint64, tile int) {
	switch family {
	case "Certify":
		b.certifyLeft(result, b.whole(tile), 0, Tile)
	case "AdvanceCertifyU8", "QKAdvanceCertifyI8":
		b.leftRows(result, b.whole(tile))
	default:
		b.w.split.poisonVoid(b.w.stat[:b.rows])
	}
}

// record records the calls of the tile at base, which all rows see.
func (b *block) record(base int, ahead bool) bool {
	p, t, w := b.p, b.tape, b.w
	here := base / Tile
	keys, values := b.stored(here)
	if bitmap(keys)|bitmap(values) != 0 {
		return false
	}
	both := func(b *block, tile int) []byte {
		at := headerBytes + b.head*p.geo.headBytes
		return p.tilePage(&b.s.run.pages, b.table, tile)[at : at+p.geo.headBytes]
	}
	next, tile := b.behind(here)
	third, last := next.behind(tile)
	switch {
	case !ahead:
		t.recorder.Start(both(b, here), both(next, tile))
	case last*Tile < b.q.kvLen:
		t.recorder.Start(both(b, here), both(next, tile), both(third, last))
	default:
		return false
	}
	dk4 := p.scratch.dk4
	r, n, h := t.recorder, b.rows, b.heads
	asm.Rows(r, w.q, n*p.cfg.DK, h)
	asm.Rows(r, w.q8, n*dk4, h)
	asm.Rows(r, w.q16, n*dk4, h)
	asm.Rows(r, w.qr, n*p.cfg.DK, h)
	asm.Rows(r, w.a, n, h)
	asm.Rows(r, w.b, n, h)
	asm.Rows(r, w.plain, n, h)
	asm.Rows(r, w.mean, n, h)
	asm.Rows(r, w.split.m, n, h)
	asm.Rows(r, w.split.l, n, h)
	asm.Rows(r, w.split.o, n*p.cfg.DV, h)
	asm.Rows(r, p.meanV.head(b.head), p.cfg.DV, h)
	asm.Rows(r, unsafe.Slice(w, 1), 1, h)
	b.full, b.base = true, base
	if ahead {
		b.p = t.ahead
		wanted, after := third.stored(last)
		if b.wholeAhead() {
			wanted = after
		}
		b.p.values(b, values, wanted, Tile)
	} else {
		b.p = t.plan
		b.tile(base, 0, Tile)
	}
	b.p = p
	if !r.Stop() {
		t.rows, t.refused = 0, b.rows
		return false
	}
	t.rows, t.heads = b.rows, b.heads
	return true
}
