package attention

import (
	"iter"
	"math"

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
	head  int // KV head
	tok0  int
	rows  int
	bias  bool // mask or bias present
}

// newBlock loads, rotates and quantizes the queries of a unit.
func (p *Plan) newBlock(s *Schedule, w *worker, u *unit) block {
	q := &s.seqs[u.seq]
	b := block{p: p, s: s, w: w, q: q, table: s.table[q.table.lo:q.table.hi], head: int(u.head),
		tok0: int(u.tok0), rows: int(u.toks) * p.group, bias: s.mask != nil || s.bias != nil}
	dk, dk4 := p.cfg.DK, p.scratch.dk4
	for r := range b.rows {
		row := w.q[r*dk : (r+1)*dk]
		copy(row, s.run.io.Q.row(row, q.row0+b.tok0+r/p.group, b.queryHead(r), p.cfg.QHeads, dk))
		if p.cfg.K.Rotate {
			quant.Hadamard(p.ks, row)
		}
		w.sq[r] = 1
		if p.intK == nil {
			continue
		}
		codes := w.q8[r*dk4 : (r+1)*dk4]
		clear(codes)
		amax := p.ks.AbsMax(row)
		scale := amax / 127
		if scale == 0 && amax > 0 {
			scale = math.SmallestNonzeroFloat32
		}
		if scale > 0 {
			p.ks.EncI8(codes[:dk], row, scale)
		}
		w.sq[r] = scale
	}
	return b
}

func (b *block) queryHead(r int) int { return b.head*b.p.group + r%b.p.group }

// position is the position of row r in its sequence.
func (b *block) position(r int) int { return b.q.offset + b.tok0 + r/b.p.group }

// attend adds the tokens of one split to the split state, tile by tile.
func (b *block) attend(split span) {
	hi := min(split.hi, b.q.kvLen)
	for base := split.lo; base < hi; base += Tile {
		lo, n := 0, min(Tile, hi-base)
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
}

// limit computes every row's visible keys among tokens [lo, n) of the tile at base and
// returns the end of their union, 0 when no row sees one.
func (b *block) limit(base, lo, n int) (last int) {
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

// tile runs tokens [lo, n) of the native tile at base: scores, logits, softmax,
// weighted sum, state.
func (b *block) tile(base, lo, n int) {
	p, w := b.p, b.w
	page := p.tilePage(&b.s.run.pages, b.table, base/Tile)
	kb := p.geo.block(page, &p.geo.k, b.head)
	vb := p.geo.block(page, &p.geo.v, b.head)
	if base+Tile < b.q.kvLen {
		page = p.tilePage(&b.s.run.pages, b.table, base/Tile+1)
	}
	nextK := p.geo.block(page, &p.geo.k, b.head)[p.geo.k.tile:]
	nextV := p.geo.block(page, &p.geo.v, b.head)[p.geo.v.tile:]

	b.factors(kb)
	if p.intK != nil {
		codes, scale := p.intK.ExpandI8(p.ks, &w.tmpK, kb[p.geo.k.tile:], nextK, quant.Keys, p.cfg.DK, n)
		for r, m := range b.strips() {
			p.ks.QKI8(w.s[r*Tile:], w.q8[r*p.scratch.dk4:], codes, m, n, p.scratch.dk4/4, nextK)
			nextK = codes
		}
		p.ks.ScaleI8(w.y, w.s, scale, w.a, w.b, b.rows, n)
	} else {
		p.cfg.K.Format.ExpandF32(p.ks, w.kf, &w.tmpK, kb[p.geo.k.tile:], nextK, quant.Keys, p.cfg.DK, n)
		b.scoresF32(n)
		p.ks.ScaleF32(w.y, w.a, w.b, b.rows, n)
	}
	b.shape(base, n)

	var mu []float32
	if p.cfg.V.Center {
		mu = w.muV[:p.cfg.DV]
		quant.LoadCenter(p.ks, mu, vb[p.geo.v.centre:])
	}
	bad := bitmap(vb) & (1<<n - 1)
	if p.intV != nil {
		b.valuesI8(vb[p.geo.v.tile:], nextV, mu, bad, lo, n)
		return
	}
	p.cfg.V.Format.ExpandF32(p.ks, w.vf, &w.tmpV, vb[p.geo.v.tile:], nextV, quant.Values, p.cfg.DV, n)
	clear(w.vf[:lo*p.cfg.DV])
	b.valuesF32(mu, bad, n)
}

// sinkTile runs the binary16 tokens at the front of the sequence, in float32.
func (b *block) sinkTile() {
	p, w := b.p, b.w
	n := min(p.cfg.SinkTokens, b.q.kvLen)
	dk, dv := p.cfg.DK, p.cfg.DV
	_, rows := p.sinkRows(&p.geo.k, &b.s.run.pages, b.table, b.head)
	for t := range n {
		quant.GetF16(p.ks, w.row[:dk], rows[2*t*dk:])
		for c, x := range w.row[:dk] {
			w.kf[(t/16*dk+c)*16+t%16] = x
		}
	}
	b.factors(nil)
	b.scoresF32(n)
	p.ks.ScaleF32(w.y, w.a, w.b, b.rows, n)
	b.shape(0, n)
	bad, rows := p.sinkRows(&p.geo.v, &b.s.run.pages, b.table, b.head)
	quant.GetF16(p.ks, w.vf[:n*dv], rows)
	b.valuesF32(nil, bad&(1<<n-1), n)
}

// strip is the largest number of rows of one kernel call at up to 512 channels, half
// of it beyond: assembly cannot be preempted, so a call must stay short.
const strip = 16

// strips yields the first row and the number of rows of each kernel call.
func (b *block) strips() iter.Seq2[int, int] {
	step := strip
	if max(b.p.cfg.DK, b.p.cfg.DV) > 512 {
		step = strip / 2
	}
	return func(yield func(r, m int) bool) {
		for r := 0; r < b.rows; r += step {
			if !yield(r, min(step, b.rows-r)) {
				return
			}
		}
	}
}

// scoresF32 runs the float32 scores against the expanded keys.
func (b *block) scoresF32(n int) {
	w, dk := b.w, b.p.cfg.DK
	for r, m := range b.strips() {
		b.p.ks.QKF32(w.y[r*Tile:], w.q[r*dk:], w.kf, m, n, dk)
	}
}

// factors sets, per row, the factor on the scores and the offset the key centre adds.
// kb is nil for sink tokens, which have neither scale nor centre.
func (b *block) factors(kb []byte) {
	p, w := b.p, b.w
	scale := p.scale
	if p.shaped || b.bias {
		scale = p.cfg.Scale
	}
	for r := range b.rows {
		w.a[r], w.b[r] = scale, 0
		if kb != nil && p.intK != nil {
			w.a[r] = w.sq[r] * scale
		}
	}
	if kb == nil || !p.cfg.K.Center {
		return
	}
	mu := w.muK[:p.cfg.DK]
	quant.LoadCenter(p.ks, mu, kb[p.geo.k.centre:])
	for r := range b.rows {
		var dot float64
		for c, x := range w.q[r*len(mu):][:len(mu)] {
			dot += float64(x) * float64(mu[c])
		}
		w.b[r] = float32(dot) * scale
	}
}

// shape turns scores into base-2 logits: softcap, ALiBi and bias in natural units
// where the plan has them, then −Inf for every key a row must not see.
func (b *block) shape(base, n int) {
	p, w := b.p, b.w
	for r := range b.rows {
		y, v := w.y[r*Tile:][:n], w.vis[r]
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
		for j := range live {
			live[j] *= log2e
		}
	}
}

// applyBias adds the caller's bias to the logits of keys first, first+1, … and hides
// the keys the caller's mask or an infinite negative bias hides.
func (b *block) applyBias(live []float32, r, h, first int) {
	row := b.q.row0 + b.tok0 + r/b.p.group
	if m := b.s.bias; m != nil {
		at := m.Start[row] + int64(h)*m.HeadStride + int64(first)
		for j, x := range m.Values[at : at+int64(len(live))] {
			if x == negInf {
				live[j] = negInf
			} else {
				live[j] += x
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

// valuesI8 quantizes the weights against the tile maximum and sums int8 values.
// Tokens in bad hold no finite value: rows that see one become NaN.
func (b *block) valuesI8(tile, next []byte, mu []float32, bad uint64, lo, n int) {
	p, w := b.p, b.w
	dv := p.cfg.DV
	codes, scale := p.intV.ExpandI8(p.ks, &w.tmpV, tile, next, quant.Values, dv, n)
	clear(scale[:lo])
	if bad != 0 {
		for t := range n {
			if bad>>t&1 != 0 {
				scale[t] = 0
			}
		}
		b.poisonRows(bad, n)
	}
	p.ks.SoftmaxU8(w.p8, w.y, scale, w.stat, 255, b.rows, n)
	for r, m := range b.strips() {
		p.ks.PVU8I8(w.acc8[r*dv:], w.p8[r*Tile:], codes, m, n, dv, next)
		next = codes
	}
	for r := range b.rows {
		if m, alpha, g, ok := b.advance(r); ok {
			p.ks.FoldI8(w.split.row(r), w.acc8[r*dv:(r+1)*dv], mu, alpha, float32(g*w.stat[r].Beta), float32(g*w.stat[r].L))
			w.split.m[r] = m
		}
	}
}

// poisonRows turns rows that see a token of bad into NaN rows by way of their logits.
func (b *block) poisonRows(bad uint64, n int) {
	for r := range b.rows {
		y := b.w.y[r*Tile:][:n]
		for j := range y {
			if bad>>j&1 != 0 && y[j] != negInf {
				y[j] = nan
			}
		}
	}
}

// valuesF32 sums the float32 values in w.vf. Tokens in bad hold a value that is not
// finite, which must reach the rows that see them and no other.
func (b *block) valuesF32(mu []float32, bad uint64, n int) {
	p, w := b.p, b.w
	dv := p.cfg.DV
	if bad == 0 {
		p.ks.SoftmaxF32(w.y, w.stat, b.rows, n)
		for r, m := range b.strips() {
			p.ks.PVF32(w.acc[r*dv:], w.y[r*Tile:], w.vf, m, n, dv)
		}
	} else {
		b.noteSeen(bad, n)
		p.ks.SoftmaxF32(w.y, w.stat, b.rows, n)
		b.sumApart(bad, n)
	}
	for r := range b.rows {
		if m, alpha, g, ok := b.advance(r); ok {
			p.ks.FoldF32(w.split.row(r), w.acc[r*dv:(r+1)*dv], mu, alpha, g, float32(g*w.stat[r].L))
			w.split.m[r] = m
		}
	}
}

// noteSeen records which tokens of bad each row sees, before the weights replace the
// logits.
func (b *block) noteSeen(bad uint64, n int) {
	for r := range b.rows {
		b.w.seen[r] = 0
		for j, y := range b.w.y[r*Tile:][:n] {
			if bad>>j&1 != 0 && y != negInf {
				b.w.seen[r] |= 1 << j
			}
		}
	}
}

// sumApart is the weighted sum of a tile with values that are not finite: rows that
// see one are summed token by token without the others, the rest without any.
func (b *block) sumApart(bad uint64, n int) {
	w, dv := b.w, b.p.cfg.DV
	for r := range b.rows {
		if w.seen[r] == 0 {
			continue
		}
		acc := w.acc[r*dv : (r+1)*dv]
		clear(acc)
		for t, weight := range w.y[r*Tile:][:n] {
			if (bad&^w.seen[r])>>t&1 != 0 {
				continue
			}
			for c, x := range w.vf[t*dv:][:dv] {
				acc[c] += float32(weight * x)
			}
		}
	}
	for t := range n {
		if bad>>t&1 != 0 {
			clear(w.vf[t*dv : (t+1)*dv])
		}
	}
	for r := range b.rows {
		if w.seen[r] == 0 {
			b.p.ks.PVF32(w.acc[r*dv:(r+1)*dv], w.y[r*Tile:], w.vf, 1, n, dv)
		}
	}
}

// advance moves row r's m and l past the tile and returns the factors of the fold; ok
// is false when the row has nothing to fold.
func (b *block) advance(r int) (m, alpha, g float32, ok bool) {
	st, sp := &b.w.stat[r], &b.w.split
	switch {
	case st.M == negInf || sp.m[r] != sp.m[r]:
		return 0, 0, 0, false
	case st.M != st.M:
		sp.poison(r)
		return 0, 0, 0, false
	}
	m, alpha, g = weights(b.p.ks, sp.m[r], st.M, b.w.exps)
	sp.l[r] = float32(alpha*sp.l[r]) + float32(g*st.L)
	return m, alpha, g, true
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
