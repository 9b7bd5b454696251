package attention

import (
	"math/bits"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// chooseValues returns the stage that sums the values of a tile under the weights of the
// logits in w.y and adds them to the state of the split.
func (p *Plan) chooseValues() stage {
	switch {
	case p.inPlaceFold != nil:
		return (*block).valuesStored
	case p.intV != nil:
		return (*block).valuesI8
	case p.pairV:
		return (*block).valuesPair
	case p.roundV != nil:
		return (*block).valuesBF16
	}
	return (*block).valuesF32
}

// bad tells which of tokens [0, n) hold a value that is not finite.
func bad(block []byte, n int) uint64 { return bitmap(block) & (1<<n - 1) }

// centre returns the vector that was subtracted from the tile's values, nil for none.
func (b *block) centre(block []byte) []float32 {
	p, mu := b.p, b.w.muV[:b.p.cfg.DV]
	mean := p.meanV.head(b.head)
	switch {
	case p.cfg.V.Center:
		quant.LoadCenter(p.ks, mu, block[p.geo.v.centre:])
		for c, x := range mean {
			mu[c] += x
		}
		return mu
	case mean != nil:
		return mean
	}
	return nil
}

// valuesI8 quantizes the weights and sums int8 values, plane by plane. Rows that see a
// token without a finite value become NaN.
func (b *block) valuesI8(block, next []byte, n int) {
	p, w := b.p, b.w
	codes, scale := p.intV.ExpandI8(p.ks, &w.tmpV, block[p.geo.v.tile:], next, quant.Values, p.cfg.DV, n)
	b.weights(block, scale, n)
	mu := b.centre(block)
	switch {
	case p.prob.planes == 2:
		b.sumI8(w.p8lo, codes, next, mu, n)
		b.addI8(w.p8, codes, n)
	case b.rows > p.strip:
		b.sumI8(w.p8, codes, next, mu, n)
	default:
		p.ks.PVFoldI8(w.split.o, w.acc8, w.p8, codes, mu, w.fold, b.rows, n, p.cfg.DV, next)
	}
}

// valuesStored is valuesI8 for values that kernels read as they are stored.
func (b *block) valuesStored(block, next []byte, n int) {
	p, w := b.p, b.w
	if b.rows > p.foldRows {
		b.valuesI8(block, next, n)
		return
	}
	tile := block[p.geo.v.tile:]
	b.weights(block, p.inPlaceFold.ScalesI8(p.ks, &w.tmpV, tile, n, p.cfg.DV), n)
	p.inPlaceFold.FoldI8(p.ks, w.split.o, w.p8, &w.tmpV, tile, b.centre(block), w.fold, next, b.rows, n, p.cfg.DV)
}

// weights quantizes the weights over values with the given scales and moves every row's
// state past the tile.
func (b *block) weights(block []byte, scale []float32, n int) {
	p, w := b.p, b.w
	if bad := bad(block, n); bad != 0 {
		b.poisonRows(scale, bad, n)
	}
	if p.cfg.Certify && p.prob.top > 0 && b.full && n == Tile && b.rows == aheadRows {
		tile := b.whole(b.base / Tile)
		if left := p.ks.AdvanceCertifyU8(&w.states, &w.certT, tile, w.p8, scale, p.prob.top); left != 0 {
			b.leftRows(left, tile)
		}
		return
	}
	if p.prob.codes(b, scale, n) {
		w.split.poisonVoid(w.stat[:b.rows])
	}
	if p.cfg.Certify {
		b.certifyTile(n) // while the weights are in the cache
	}
}

// sumI8 adds the integer weighted sums of all rows to their states.
func (b *block) sumI8(p8, codes, next []byte, mu []float32, n int) {
	w, dv := b.w, b.p.cfg.DV
	for r := 0; r < b.rows; r += b.p.strip {
		b.p.ks.PVFoldI8(w.split.o[r*dv:], w.acc8, p8[r*Tile:], codes, mu, w.fold[r:], b.strip(r), n, dv, next)
		next = codes // fetched once
	}
}

// addI8 sums the plane of high bytes on top of the low one.
func (b *block) addI8(p8, codes []byte, n int) {
	for r := range b.rows {
		if f := &b.w.fold[r]; f.Alpha >= 0 {
			*f = asm.Fold{Alpha: 1, Beta: 256 * f.Beta}
		}
	}
	b.sumI8(p8, codes, codes, nil, n)
}

// poisonRows turns rows that see a token of bad into NaN rows by way of their logits, and
// blanks those tokens.
func (b *block) poisonRows(scale []float32, bad uint64, n int) {
	for t := range n {
		if bad>>t&1 != 0 {
			scale[t] = 0
		}
	}
	for r := range b.rows {
		y := b.w.y[r*Tile:][:n]
		for j := range y {
			if bad>>j&1 != 0 && y[j] != negInf {
				y[j] = nan
			}
		}
	}
}

// valuesF32 sums float32 values: tiles as they are stored where kernels read them, else
// expanded.
func (b *block) valuesF32(block, next []byte, n int) {
	p, w := b.p, b.w
	tile, mu, bad := block[p.geo.v.tile:], b.centre(block), bad(block, n)
	if p.inPlaceV != nil && b.rows <= p.rowsV {
		b.valuesInPlace(tile, next, mu, bad, n)
	} else {
		p.cfg.V.Format.ExpandF32(p.ks, w.vf, &w.tmpV, tile, next, quant.Values, p.cfg.DV, n)
		b.valuesExpanded(p.prob.weigh, mu, bad, n)
	}
	if p.cfg.Certify {
		b.certifyTile(n)
	}
}

// valuesExpanded sums the float32 values in w.vf. Tokens in bad hold a value that is not
// finite, which must reach the rows that see them and no other.
func (b *block) valuesExpanded(weigh func(b *block, n int), mu []float32, bad uint64, n int) {
	w, dv := b.w, b.p.cfg.DV
	if bad != 0 {
		b.noteSeen(bad, n)
	}
	weigh(b, n)
	if bad != 0 {
		b.sumSeen(bad, n, func(t int) []float32 { return w.vf[t*dv:][:dv] })
		for t := range n {
			if bad>>t&1 != 0 {
				clear(w.vf[t*dv : (t+1)*dv])
			}
		}
	}
	b.advance()
	fetched := bytesOf(w.vf)
	b.sumOthers(mu, bad, n, func(acc []float32, r, m, n int) { b.p.ks.PVF32(acc, w.y[r*Tile:], w.vf, m, n, dv, fetched) })
}

// valuesInPlace sums values that kernels read as they are stored. Tokens in bad are
// summed apart and blanked in a copy.
func (b *block) valuesInPlace(tile, next []byte, mu []float32, bad uint64, n int) {
	p, w, dv := b.p, b.w, b.p.cfg.DV
	if bad != 0 {
		b.noteSeen(bad, n)
	}
	p.prob.weigh(b, n)
	if bad != 0 {
		b.sumSeen(bad, n, func(t int) []float32 {
			p.cfg.V.Format.Decode(w.row[:dv], tile, quant.Values, dv, t)
			return w.row[:dv]
		})
		tile = b.blanked(tile, bad)
	}
	b.advance()
	b.sumOthers(mu, bad, n, func(acc []float32, r, m, n int) {
		p.inPlaceV.SumF32(p.ks, acc, w.y[r*Tile:], tile, next, m, n, dv)
		next = tile
	})
}

// valuesPair sums values by kernels that multiply bfloat16, under weights that are rounded to
// it with the scales of their tokens folded in, tokens in bad as valuesInPlace.
func (b *block) valuesPair(block, next []byte, n int) {
	p, w, dv := b.p, b.w, b.p.cfg.DV
	tile, mu, bad := block[p.geo.v.tile:], b.centre(block), bad(block, n)
	if bad == 0 {
		if p.ks.AdvanceBF16(&w.states, w.p16, w.y, p.roundV.Scales(&w.tmpV, tile, n), b.rows, n) {
			w.split.poisonVoid(w.stat[:b.rows])
		}
	} else {
		tile = b.weighSeen(tile, bad, n)
		p.ks.PackBF16(w.p16, w.y, p.roundV.Scales(&w.tmpV, tile, n), b.rows, n)
		b.advance()
	}
	for r := 0; r < b.rows; {
		m := b.unseen(r, bad)
		if m > 0 {
			p.roundV.FoldPair(p.ks, w.split.o[r*dv:], w.p16[r*Tile:], tile, mu, w.fold[r:], next, m, b.lastSeen(r, m, n), dv)
			next = tile
		} else {
			m = 1
			p.ks.FoldF32(w.split.o[r*dv:], w.acc[r*dv:], mu, w.fold[r:], m, dv)
		}
		r += m
	}
	if p.cfg.Certify {
		b.certifyTile(n)
	}
}

// valuesBF16 is valuesPair by kernels that multiply float32.
func (b *block) valuesBF16(block, next []byte, n int) {
	p, w, dv := b.p, b.w, b.p.cfg.DV
	tile, mu, bad := block[p.geo.v.tile:], b.centre(block), bad(block, n)
	if bad == 0 {
		weighExp(b, n)
	} else {
		tile = b.weighSeen(tile, bad, n)
	}
	b.advance()
	if p.cfg.Certify {
		b.certifyTile(n) // before scales and rounding change the weights
	}
	if scale := p.roundV.Scales(&w.tmpV, tile, n); scale != nil {
		for r := range b.rows {
			y := w.y[r*Tile:][:n]
			for j, s := range scale[:n] {
				y[j] *= s
			}
		}
	}
	p.ks.RoundBF16(w.y[:b.rows*Tile])
	p.roundV.ExpandCodes(p.ks, w.vf, &w.tmpV, tile, next, dv, n)
	b.sumOthers(mu, bad, n, func(acc []float32, r, m, n int) { p.ks.PVF32(acc, w.y[r*Tile:], w.vf, m, n, dv, bytesOf(w.vf)) })
}

// weighSeen makes the weights of a tile with tokens in bad, and sums the rows that see one of
// those. It returns the tile without the tokens.
func (b *block) weighSeen(tile []byte, bad uint64, n int) []byte {
	p, w, dv := b.p, b.w, b.p.cfg.DV
	b.noteSeen(bad, n)
	weighExp(b, n)
	b.roundSeen(p.roundV.Scales(&w.tmpV, tile, n), n)
	b.sumSeen(bad, n, func(t int) []float32 {
		p.cfg.V.Format.Decode(w.row[:dv], tile, quant.Values, dv, t)
		return w.row[:dv]
	})
	return b.blanked(tile, bad)
}

// roundSeen rounds the weights of rows that see a token without a finite value as those of
// the other rows are, for values with their scales.
func (b *block) roundSeen(scale []float32, n int) {
	for r := range b.rows {
		if b.w.seen[r] == 0 {
			continue
		}
		y := b.w.y[r*Tile:][:n]
		if scale == nil {
			b.p.ks.RoundBF16(y)
			continue
		}
		for j, s := range scale[:n] {
			if s != 0 {
				y[j] *= s
			}
		}
		b.p.ks.RoundBF16(y)
		for j, s := range scale[:n] {
			if s != 0 {
				y[j] /= s
			}
		}
	}
}

// blanked returns a copy of a tile of values in which the tokens of bad are zeros.
func (b *block) blanked(tile []byte, bad uint64) []byte {
	p, dv := b.p, b.p.cfg.DV
	copy(b.w.tileV, tile)
	zero := b.w.row[:dv]
	clear(zero)
	for ; bad != 0; bad &= bad - 1 {
		p.cfg.V.Format.Quantize(p.ks, b.w.tileV, quant.Values, dv, bits.TrailingZeros64(bad), zero)
	}
	return b.w.tileV
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

// sumSeen sums the rows that see a token of bad, token by token, without the tokens of
// bad they do not see. value returns a token's values.
func (b *block) sumSeen(bad uint64, n int, value func(t int) []float32) {
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
			for c, x := range value(t) {
				acc[c] += float32(weight * x)
			}
		}
	}
}

// sumOthers adds the sums of the values to the states, which are past the tile: those that
// sumSeen left in w.acc, and for strips of the other rows those of sum, while they are in
// the nearest cache.
func (b *block) sumOthers(mu []float32, bad uint64, n int, sum func(acc []float32, r, m, n int)) {
	w, dv := b.w, b.p.cfg.DV
	for r := 0; r < b.rows; {
		m := b.unseen(r, bad)
		acc := w.acc
		if bad != 0 {
			acc = w.acc[r*dv:]
		}
		if m > 0 {
			sum(acc, r, m, b.lastSeen(r, m, n))
		} else {
			m = 1
		}
		b.p.ks.FoldF32(w.split.o[r*dv:], acc, mu, w.fold[r:], m, dv)
		r += m
	}
}

// unseen is the number of rows from r on, a strip at most, that see no token of bad.
func (b *block) unseen(r int, bad uint64) (m int) {
	if bad == 0 {
		return b.strip(r)
	}
	for r+m < b.rows && m < b.p.strip && b.w.seen[r+m] == 0 {
		m++
	}
	return m
}

// lastSeen is the end, at least 1, of the tokens of [0, n) that index limits leave visible
// to one of m rows. Behind it their weights are 0.
func (b *block) lastSeen(r, m, n int) int {
	if b.full {
		return n
	}
	last := 1
	for _, v := range b.w.vis[r:][:m] {
		last = max(last, v.hi)
	}
	return last
}

// advance moves every row's m and l past the tile and sets the factors of its fold.
func (b *block) advance() { b.w.split.advance(b.w, b.p.ks, b.rows) }
