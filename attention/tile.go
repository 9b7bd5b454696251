package attention

import (
	"math"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// block is a group of query rows of one KV head on its way through the tiles: rows
// r = token·group + head in group.
type block struct {
	p     *Plan
	s     *Schedule
	w     *worker
	q     *sequence
	table []int32
	head  int    // KV head
	first *block // of the unit
	after *block // of the next head of the unit, nil behind the last
	tok0  int
	rows  int
	heads int  // of the unit
	bias  bool // mask or bias present

	all   span                  // tokens every row sees
	base  int                   // of the tile at hand
	lo    int                   // its first token that is not a sink
	full  bool                  // every row sees all of it
	tape  *tape                 // for tiles that are, nil if their kernel calls cannot be repeated
	visit func(b *block, n int) // where set, gets the logits of every tile in place of the values
	top   float64               // largest code of a static mode, for visit
}

// newBlock fetches, rotates and quantizes the queries of one head of a unit.
func (p *Plan) newBlock(s *Schedule, w *worker, u *unit, head int) *block {
	q := &s.seqs[u.seq]
	b := &w.block // modes call through function values, which would move it to the heap
	*b = block{p: p, s: s, w: w, q: q, table: s.table[q.table.lo:q.table.hi], head: head,
		tok0: int(u.tok0), rows: int(u.toks) * p.group, bias: s.mask != nil || s.bias != nil}
	// both ends of a span rise with the position
	first, last := p.cfg.visible(b.position(0), q.kvLen), p.cfg.visible(b.position(b.rows-1), q.kvLen)
	b.first, b.heads = b, 1
	b.all = span{last.lo, min(first.hi, last.hi)}
	if p.cfg.Certify {
		w.shareRows(b.rows)
	}
	scale := p.scale
	if p.shaped {
		scale = p.cfg.Scale
	}
	for r := range b.rows { // one after another, so that their cache misses overlap
		row := w.q[r*p.cfg.DK : (r+1)*p.cfg.DK]
		copy(row, s.run.io.Q.row(row, q.row0+b.tok0+r/p.group, b.queryHead(r), p.cfg.QHeads, p.cfg.DK))
	}
	for r := range b.rows {
		b.prepareQuery(r, scale)
	}
	if p.intK != nil {
		for r := range b.rows { // likewise: a row's largest number is a chain of its own
			b.encodeQuery(r, scale)
		}
	}
	b.begin()
	if p.prob.prepare != nil {
		p.prob.prepare(b)
	}
	return b
}

// prepareQuery rotates the query of row r, and sets the factors that turn its scores into
// logits: plain for float32 scores, a and b for those of the plan. For int8 queries a is the
// largest magnitude, until encodeQuery.
func (b *block) prepareQuery(r int, scale float32) {
	p, w := b.p, b.w
	dk := p.cfg.DK
	row := w.q[r*dk : (r+1)*dk]
	if p.cfg.K.Rotate {
		quant.Hadamard(p.ks, row)
	}
	w.plain[r], w.zero[r], w.mean[r] = scale, 0, 0
	if mean := p.meanK.head(b.head); mean != nil {
		w.mean[r] = float32(dot(row, mean)) * scale
	}
	w.a[r], w.b[r] = scale, w.mean[r]
	if p.intK != nil {
		w.a[r] = p.ks.AbsMax(row)
		return
	}
	var packed []uint16
	if w.q16 != nil {
		packed = b.packQuery(r, row)
	}
	if p.cfg.Q != QBF16 {
		packed = nil // nothing is lost
	}
	if p.cfg.Certify {
		b.certifyQuery(r, row, nil, 0, packed)
	}
	if p.pairK != nil && p.pairK.Coarse() && w.paired[r] {
		b.shrinkQuery(r, row)
	}
}

// encodeQuery quantizes the query of row r.
func (b *block) encodeQuery(r int, scale float32) {
	p, w := b.p, b.w
	dk, dk4 := p.cfg.DK, p.scratch.dk4
	row, codes := w.q[r*dk:(r+1)*dk], w.q8[r*dk4:(r+1)*dk4]
	amax := w.a[r]
	s := amax / 127
	if s == 0 && amax > 0 {
		s = math.SmallestNonzeroFloat32
	}
	w.a[r] = s * scale
	switch {
	case !(s > 0):
		clear(codes)
		if p.cfg.Certify {
			b.certifyQuery(r, row, codes, s, nil)
		}
	case p.cfg.Certify:
		b.encodeCertified(r, codes, row, s)
	default:
		clear(codes[dk:])
		p.ks.EncI8(codes[:dk], row, s)
	}
}

// shrinkQuery packs a large query again, times a power of two that its factor takes back:
// products with codes are summed before the scales of the tokens apply, and must not overflow
// where scaled ones do not.
func (b *block) shrinkQuery(r int, row []float32) {
	const large, down = 0x1p80, 0x1p-40
	factor := b.w.a[r] / down
	if amax := b.p.ks.AbsMax(row); amax < large || !finite(amax) || !finite(factor) {
		return
	}
	small := b.w.row[:len(row)]
	for c, x := range row {
		small[c] = x * down
	}
	b.packQuery(r, small)
	b.w.paired[r] = true
	b.w.a[r] = factor
}

// packQuery rounds the query of row r to bfloat16, for kernels that multiply it or, where
// there are none, as float32, and notes whether the scores of the row are to use it.
func (b *block) packQuery(r int, row []float32) []uint16 {
	w, dk, dk4 := b.w, b.p.cfg.DK, b.p.scratch.dk4
	packed := w.q16[r*dk4 : (r+1)*dk4]
	clear(packed[dk&^1:])
	whole := dk / Tile
	if whole > 0 {
		b.p.ks.PackBF16(packed, row, nil, whole, Tile)
	}
	if dk%Tile > 0 {
		b.p.ks.PackBF16(packed[whole*Tile:], row[whole*Tile:], nil, 1, dk%Tile)
	}
	if b.p.cfg.Q == QBF16 {
		w.paired[r] = true
		if b.p.pairK == nil {
			rounded := w.qr[r*dk : (r+1)*dk]
			for c := range rounded {
				rounded[c] = math.Float32frombits(uint32(packed[c]) << 16)
			}
		}
		return packed
	}
	low := uint32(0)
	for _, x := range row {
		low |= math.Float32bits(x)
	}
	w.paired[r] = low&0xffff == 0
	return packed
}

func (b *block) queryHead(r int) int { return b.head*b.p.group + r%b.p.group }

// position is the position of row r in its sequence.
func (b *block) position(r int) int { return b.q.offset + b.tok0 + r/b.p.group }

// walk adds the tokens of one split to the split states of a block and those after it, tile by
// tile.
func (b *block) walk(split span) {
	lo, hi := b.reach()
	hi = min(split.hi, hi)
	for base := max(split.lo, lo); base < hi; base += Tile {
		done := b.repeat(base, hi)
		if base += done / b.heads * Tile; base >= hi {
			break
		}
		done %= b.heads
		for h := b; h != nil; h = h.after {
			if done--; done < 0 {
				h.tokens(base)
			}
		}
	}
}

// begin tells kernels where the rows of the block are.
func (b *block) begin() {
	w := b.w
	w.states = asm.RowStates{M: w.split.m, L: w.split.l, W: w.exps, Stat: w.stat, Fold: w.fold}
	if len(w.ahead) > 0 {
		w.states.W = w.ahead
	}
	if b.p.cfg.Certify {
		b.beginCertificates()
	}
}

// tokens adds the visible tokens of the tile at base.
func (b *block) tokens(base int) {
	lo, n := 0, min(Tile, b.q.kvLen-base)
	if base == 0 && b.p.cfg.SinkTokens > 0 {
		lo = min(b.p.cfg.SinkTokens, n)
		if b.limit(0, 0, lo) > 0 {
			b.sinkTile()
		}
	}
	if last := b.limit(base, lo, n); last > 0 {
		b.tile(base, lo, last)
	}
}

// reach is the range of tokens index limits leave visible to some row, from the start of
// a tile.
func (b *block) reach() (lo, hi int) {
	first, last := b.p.cfg.limits(b.position(0), b.q.kvLen), b.p.cfg.limits(b.position(b.rows-1), b.q.kvLen)
	return int(max(first.lo, 0)) / Tile * Tile, int(max(last.hi, 0))
}

// limit computes every row's visible keys among tokens [lo, n) of the tile at base and
// returns the end of their union, 0 when no row sees one.
func (b *block) limit(base, lo, n int) (last int) {
	b.full = lo == 0 && b.all.lo <= base && b.all.hi >= base+n
	if b.full {
		return n
	}
	for r := range b.rows {
		v := b.p.cfg.visible(b.position(r), b.q.kvLen)
		v.lo, v.hi = max(v.lo-base, lo), min(v.hi-base, n)
		if v.hi <= v.lo {
			v = span{}
		}
		b.w.vis[r] = v
		last = max(last, v.hi)
	}
	return last
}

// tile runs tokens [lo, n) of the native tile at base: scores, logits, weights, weighted
// sum, state.
func (b *block) tile(base, lo, n int) {
	p := b.p
	b.base = base
	kb, vb := b.stored(base / Tile)
	nextK, nextV := kb, vb // nothing to fetch behind the last tile
	if next, tile := b.behind(base / Tile); tile*Tile < b.q.kvLen {
		nextK, nextV = next.stored(tile)
	}
	// Memory is fetched in the order of its addresses, half a tile ahead: the values during
	// the scores, the keys of the next tile during the sums. Tiles that go by faster than
	// memory answers are fetched a whole tile ahead; from caches that would be too early, L1 has no
	// room for three.
	first, second := vb, nextK
	if b.wholeAhead() {
		first, second = nextK, nextV
	}
	if p.cfg.K.Center {
		b.offsets(kb)
	}
	p.scores(b, kb, first, n)
	if !b.full || p.shaped || b.bias {
		b.shape(base, n)
	}
	if b.visit != nil {
		b.visit(b, n)
		return
	}
	if b.s.distant && !p.wholeAhead && p.intK != nil && b.rows <= strip { // others take longer than memory does
		p.ks.Fetch(vb)
	}
	if p.cfg.Certify {
		b.seeTile(kb, vb, lo, n)
	}
	p.values(b, vb, second, n)
}

// wholeAhead reports whether tiles are fetched a whole tile ahead.
func (b *block) wholeAhead() bool { return b.p.wholeAhead && b.s.distant }

// stored returns the blocks of a tile.
func (b *block) stored(tile int) (keys, values []byte) {
	return b.p.geo.blocks(b.p.tilePage(&b.s.run.pages, b.table, tile), b.head)
}

// A stage is one half of what is done to tokens [0, n) of a tile, given a side's block and
// the block that is wanted next. Every layer between the tile loop and the kernels costs
// a decoding step more than a kernel's call, so a plan chooses its two stages once.
type stage func(b *block, block, next []byte, n int)

// chooseScores returns the stage that leaves the scaled scores in w.y.
func (p *Plan) chooseScores() stage {
	switch {
	case p.inPlaceI8 != nil:
		return (*block).scoresInPlaceI8
	case p.intK != nil:
		return (*block).scoresI8
	case p.pairK != nil:
		return (*block).scoresPair
	}
	return (*block).scoresF32
}

// scoresPair leaves scaled scores in w.y: of rows in bfloat16 by kernels that multiply that, of
// others in float32. A row's own query decides, so its bits do not depend on the others.
func (b *block) scoresPair(block, next []byte, n int) {
	p, w, dk, dk4 := b.p, b.w, b.p.cfg.DK, b.p.scratch.dk4
	tile := block[p.geo.k.tile:]
	scale := p.pairK.Scales(&w.tmpK, tile, n)
	if p.cfg.Q == QBF16 && b.rows <= p.strip { // all of them
		p.pairK.ScoresPair(p.ks, w.y, w.q16, tile, scale, w.a, w.b, next, b.rows, n, dk)
		return
	}
	left := b.rows
	b.runs(w.paired, true, func(r, m int) {
		p.pairK.ScoresPair(p.ks, w.y[r*Tile:], w.q16[r*dk4:], tile, scale, w.a[r:], w.b[r:], next, m, n, dk)
		next = tile // fetched once
		left -= m
	})
	switch {
	case left == 0:
	case left <= p.rowsK:
		b.runs(w.paired, false, func(r, m int) {
			p.inPlaceK.ScoresF32(p.ks, w.y[r*Tile:], w.q[r*dk:], tile, next, m, n, dk)
			p.ks.ScaleF32(w.y[r*Tile:], w.a[r:], w.b[r:], m, n)
			next = tile
		})
	default:
		p.cfg.K.Format.ExpandF32(p.ks, w.kf, &w.tmpK, tile, next, quant.Keys, dk, n)
		b.runs(w.paired, false, func(r, m int) {
			p.ks.QKF32(w.y[r*Tile:], w.q[r*dk:], w.kf, m, n, dk, bytesOf(w.kf))
			p.ks.ScaleF32(w.y[r*Tile:], w.a[r:], w.b[r:], m, n)
		})
	}
}

// runs calls do for rows whose flag is want, as many at a time as follow each other and a
// kernel call may have.
func (b *block) runs(flags []bool, want bool, do func(r, m int)) {
	for r := 0; r < b.rows; {
		m := 0
		for r+m < b.rows && m < b.p.strip && flags[r+m] == want {
			m++
		}
		if m == 0 {
			r++
			continue
		}
		do(r, m)
		r += m
	}
}

// scoresI8 multiplies codes that are int8 or become so.
func (b *block) scoresI8(block, next []byte, n int) {
	p, w, dk4 := b.p, b.w, b.p.scratch.dk4
	codes, scale := p.intK.ExpandI8(p.ks, &w.tmpK, block[p.geo.k.tile:], next, quant.Keys, p.cfg.DK, n)
	if b.rows <= p.strip {
		p.ks.QKScaleI8(w.y, w.q8, codes, scale, w.a, w.b, b.rows, n, dk4/4, next)
		return
	}
	for r := 0; r < b.rows; r += p.strip {
		p.ks.QKScaleI8(w.y[r*Tile:], w.q8[r*dk4:], codes, scale, w.a[r:], w.b[r:], b.strip(r), n, dk4/4, next)
		next = codes // fetched once
	}
}

// scoresInPlaceI8 multiplies integer codes as they are stored.
func (b *block) scoresInPlaceI8(block, next []byte, n int) {
	p, w, dk4 := b.p, b.w, b.p.scratch.dk4
	if b.rows > p.rowsI8 {
		b.scoresI8(block, next, n)
		return
	}
	tile := block[p.geo.k.tile:]
	scale := p.inPlaceI8.ScalesI8(p.ks, &w.tmpK, tile, n, p.cfg.DK)
	for r := 0; r < b.rows; r += p.strip {
		p.inPlaceI8.ScaledScoresI8(p.ks, w.y[r*Tile:], w.q8[r*dk4:], tile, scale, w.a[r:], w.b[r:], next, b.strip(r), n, p.cfg.DK)
		next = tile // fetched once
	}
}

// sinkTile runs the binary16 tokens at the front of the sequence, in float32.
func (b *block) sinkTile() {
	p, w := b.p, b.w
	b.base = 0
	n := min(p.cfg.SinkTokens, b.q.kvLen)
	dk, dv := p.cfg.DK, p.cfg.DV
	badK, rows := p.sinkRows(&p.geo.k, &b.s.run.pages, b.table, b.head)
	for t := range n {
		quant.GetF16(p.ks, w.row[:dk], rows[2*t*dk:])
		for c, x := range w.row[:dk] {
			w.kf[(t/16*dk+c)*16+t%16] = x
		}
	}
	b.scoresExpanded(w.q, n)
	p.ks.ScaleF32(w.y, w.plain, w.zero, b.rows, n)
	b.shape(0, n)
	if b.visit != nil {
		b.visit(b, n)
		return
	}
	bad, rows := p.sinkRows(&p.geo.v, &b.s.run.pages, b.table, b.head)
	quant.GetF16(p.ks, w.vf[:n*dv], rows)
	if p.cfg.Certify {
		b.voidCertificates((badK|bad)&(1<<n-1), n)
	}
	weigh := weighExp // like their values, the weights of sink tokens are not quantized
	if p.prob.prepare != nil {
		weigh = p.prob.weigh // unless they are shares of the whole row
	}
	b.valuesExpanded(weigh, nil, bad&(1<<n-1), n)
	if p.cfg.Certify {
		b.certifySinks(badK|bad, n)
	}
}

// strip is the number of rows of the kernel call that starts at row r.
func (b *block) strip(r int) int { return min(b.p.strip, b.rows-r) }

// scoresF32 multiplies float32: tiles as they are stored where kernels read them, else
// expanded.
func (b *block) scoresF32(block, next []byte, n int) {
	p, w, dk := b.p, b.w, b.p.cfg.DK
	tile, q := block[p.geo.k.tile:], w.q
	if w.qr != nil {
		q = w.qr
	}
	if p.inPlaceK != nil && b.rows <= p.rowsK {
		for r := 0; r < b.rows; r += p.strip {
			p.inPlaceK.ScoresF32(p.ks, w.y[r*Tile:], q[r*dk:], tile, next, b.strip(r), n, dk)
			next = tile
		}
	} else {
		p.cfg.K.Format.ExpandF32(p.ks, w.kf, &w.tmpK, tile, next, quant.Keys, dk, n)
		b.scoresExpanded(q, n)
	}
	p.ks.ScaleF32(w.y, w.a, w.b, b.rows, n)
}

// scoresExpanded runs the float32 scores of queries q against the expanded keys.
func (b *block) scoresExpanded(q []float32, n int) {
	w, dk := b.w, b.p.cfg.DK
	fetched := bytesOf(w.kf)
	for r := 0; r < b.rows; r += b.p.strip {
		b.p.ks.QKF32(w.y[r*Tile:], q[r*dk:], w.kf, b.strip(r), n, dk, fetched)
	}
}

// offsets sets, per row, what the key centre of a tile adds to its logits.
func (b *block) offsets(block []byte) {
	p, w := b.p, b.w
	mu := w.muK[:p.cfg.DK]
	quant.LoadCenter(p.ks, mu, block[p.geo.k.centre:])
	p.ks.DotF32(w.b, w.q, mu, w.plain, w.mean, b.rows, len(mu))
}

// dot sums in float64.
func dot(x, y []float32) (s float64) {
	for i, v := range x {
		s += float64(v) * float64(y[i])
	}
	return s
}

// shape turns scores into base-2 logits: −Inf for every key a row must not see, softcap
// and ALiBi in natural units where the plan has them, the caller's bias and mask. A batch
// with a mask or a bias of zeros has the bits of one without.
func (b *block) shape(base, n int) {
	p, w := b.p, b.w
	for r := range b.rows {
		y, v := w.y[r*Tile:][:n], span{0, n}
		if !b.full {
			v = w.vis[r]
		}
		for j := range y[:v.lo] {
			y[j] = negInf
		}
		for j := v.hi; j < n; j++ {
			y[j] = negInf
		}
		if !p.shaped && !b.bias {
			continue
		}
		live := y[v.lo:v.hi]
		if c := p.cfg.Softcap; c > 0 {
			for j, x := range live {
				live[j] = c * float32(math.Tanh(float64(x/c)))
			}
		}
		h := b.queryHead(r)
		if p.cfg.ALiBi != nil {
			slope := p.cfg.ALiBi[h]
			at := base + v.lo - b.position(r)
			for j := range live {
				live[j] -= float32(slope * float32(abs(at+j)))
			}
		}
		if b.bias {
			b.applyBias(live, r, h, base+v.lo)
		}
		if p.shaped {
			for j := range live {
				live[j] *= log2e
			}
		}
	}
}

// applyBias adds the caller's bias to the logits of keys first, first+1, … and hides
// the keys the caller's mask or an infinite negative bias hides.
func (b *block) applyBias(live []float32, r, h, first int) {
	row := b.q.row0 + b.tok0 + r/b.p.group
	unit := float32(log2e)
	if b.p.shaped {
		unit = 1 // natural units, converted below
	}
	if m := b.s.bias; m != nil {
		at := m.Start[row] + int64(h)*m.HeadStride + int64(first)
		for j, x := range m.Values[at : at+int64(len(live))] {
			if x == negInf {
				live[j] = negInf
			} else {
				live[j] += float32(x * unit)
			}
		}
	}
	if m := b.s.mask; m != nil {
		at := m.Start[row] + int64(h)*m.HeadStride + int64(first)
		for j := range live {
			bit := at + int64(j)
			if m.Bits[bit>>3]>>(bit&7)&1 == 0 {
				live[j] = negInf
			}
		}
	}
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
