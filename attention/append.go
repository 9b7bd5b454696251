package attention

import (
	"sync"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// Append stores tokens [pos, pos+n) of a sequence whose first pos tokens are already
// stored. k is [n][KVHeads][DK], v is [n][KVHeads][DV]; table lists the pages of the
// sequence from its start (Layout.TablePages(pos+n) entries at least).
//
// Appends are final and independent of chunking: any split of a sequence into
// appends gives the same bytes, unless Codec.OwnCenter is set. A call that fails has written nothing. Calls on
// sequences that share no written page may run concurrently, also with Run on pages
// that no call writes; a page being appended to must not be read meanwhile. Pages
// need no initialisation. No allocation.
func (p *Plan) Append(pg Pages, table []int32, pos, n int, k, v Rows) error {
	if err := p.checkAppend(&pg, table, pos, n, &k, &v); err != nil {
		return err
	}
	buf := rowBuffers.Get().(*rowBuffer)
	defer rowBuffers.Put(buf)
	for h := range p.cfg.KVHeads {
		p.appendSide(buf, &p.geo.k, &pg, table, pos, n, h, &k)
		p.appendSide(buf, &p.geo.v, &pg, table, pos, n, h, &v)
	}
	return nil
}

func (p *Plan) checkAppend(pg *Pages, table []int32, pos, n int, k, v *Rows) error {
	if pos < 0 || n < 0 || pos > maxTokens-n {
		return fieldErr(ErrShape, "pos", "tokens %d..%d+%d are outside 0..%d", pos, pos, n, maxTokens)
	}
	if err := k.check("k", n, p.cfg.KVHeads, p.cfg.DK); err != nil {
		return err
	}
	if err := v.check("v", n, p.cfg.KVHeads, p.cfg.DV); err != nil {
		return err
	}
	if n == 0 {
		return nil
	}
	last, err := p.checkTable(pg, table, pos+n)
	if err != nil {
		return err
	}
	if err := p.checkRecords(pg, last); err != nil {
		return err
	}
	for _, m := range p.memory(pg) {
		if k.overlaps(m.b) {
			return fieldErr(ErrShape, "k", "overlaps %s", m.field)
		}
		if v.overlaps(m.b) {
			return fieldErr(ErrShape, "v", "overlaps %s", m.field)
		}
	}
	if p.cfg.NonFinite != Reject {
		return nil
	}
	if err := p.rejectNonFinite("k", n, &p.geo.k, k); err != nil {
		return err
	}
	return p.rejectNonFinite("v", n, &p.geo.v, v)
}

// maxTokens bounds positions so that they and their differences fit int32.
const maxTokens = 1 << 30

// rejectNonFinite finds the first row of a side that holds a NaN or an infinity, or
// that the rotation overflows.
func (p *Plan) rejectNonFinite(field string, n int, s *side, r *Rows) error {
	buf := rowBuffers.Get().(*rowBuffer)
	defer rowBuffers.Put(buf)
	for t := range n {
		for h := range p.cfg.KVHeads {
			x := r.row(buf.in[:], t, h, p.cfg.KVHeads, s.d)
			if s.codec.Rotate {
				copy(buf.row[:s.d], x)
				x = buf.row[:s.d]
				quant.Hadamard(p.ks, x)
			}
			if !finite(p.ks.AbsMax(p.withoutMean(buf, s, h, x))) {
				return fieldErr(ErrNonFinite, field, "token %d, head %d has a NaN or an infinity, or overflows when rotated or freed of its mean", t, h)
			}
		}
	}
	return nil
}

// rowBuffer holds the rows in flight. Rows passed to kernels escape, so the buffers
// live in a pool.
type rowBuffer struct {
	in, row, mu, prev, prevMu [MaxDim]float32
	sum                       [MaxDim]float64

	tile    []float32 // a whole tile, where one is centred
	scratch *quant.Scratch
}

// valueScale returns the scale of token t of a stored tile of values, 0 if its format has none.
func (b *rowBuffer) valueScale(ks *asm.Set, s *side, tile []byte, t int) float32 {
	f, ok := s.codec.Format.(quant.Int8Format)
	if !ok {
		return 0
	}
	b.reserve(s.d)
	if f, ok := f.(quant.FoldInt8Format); ok {
		return f.ScalesI8(ks, b.scratch, tile, t+1, s.d)[t]
	}
	_, scale := f.ExpandI8(ks, b.scratch, tile, tile, quant.Values, s.d, t+1)
	return scale[t]
}

// reserve makes room for a tile of rows of d channels.
func (b *rowBuffer) reserve(d int) {
	if len(b.tile) < Tile*d {
		b.tile, b.scratch = make([]float32, Tile*d), quant.NewScratch(d)
	}
}

// expand returns the rows of a stored tile in the float32 layout of its side.
func (b *rowBuffer) expand(ks *asm.Set, s *side, tile []byte) []float32 {
	b.reserve(s.d)
	s.codec.Format.ExpandF32(ks, b.tile, b.scratch, tile, tile, s.Side, s.d, Tile)
	return b.tile
}

var rowBuffers = sync.Pool{New: func() any { return new(rowBuffer) }}

// appendSide stores the rows of one head and side.
func (p *Plan) appendSide(buf *rowBuffer, s *side, pg *Pages, table []int32, pos, n, h int, src *Rows) {
	mu := buf.mu[:s.d]
	muTile := -1
	for i := range n {
		t := pos + i
		if t < p.cfg.SinkTokens {
			p.appendSink(s, pg, table, t, h, p.rotated(buf, s, i, h, src))
			continue
		}
		tile := t / Tile
		page := p.tilePage(pg, table, tile)
		block := p.geo.block(page, s, h)
		if t%Tile == p.firstToken(tile) {
			p.openTile(buf, s, pg, table, page, tile, h)
			if s.codec.OwnCenter && (tile+1)*Tile <= pos+n {
				p.centreOwn(buf, s, block, i, (tile+1)*Tile-pos, h, src)
			}
		}
		x := p.rotated(buf, s, i, h, src)
		var biggest float32
		if p.cfg.Certify && s.Side == quant.Values {
			biggest = p.ks.AbsMax(x)
		}
		x = p.withoutMean(buf, s, h, x)
		if s.codec.Center {
			if muTile != tile {
				quant.LoadCenter(p.ks, mu, block[s.centre:])
				muTile = tile
			}
			subtract(buf.row[:s.d], x, mu)
			x = buf.row[:s.d]
		}
		ok := s.codec.Format.Quantize(p.ks, block[s.tile:], s.Side, s.d, t%Tile, x)
		setBit(block, t%Tile, !ok)
		if p.cfg.Certify {
			p.certify(buf, s, page, p.tileRecords(pg, table, tile), h, p.firstToken(tile), t%Tile, x, biggest)
		}
	}
}

// rotated returns row i of head h, rotated where the codec says so. It may lie in buf.
func (p *Plan) rotated(buf *rowBuffer, s *side, i, h int, src *Rows) []float32 {
	x := src.row(buf.in[:], i, h, p.cfg.KVHeads, s.d)
	if s.codec.Rotate {
		row := buf.row[:s.d]
		copy(row, x)
		quant.Hadamard(p.ks, row)
		return row
	}
	return x
}

// withoutMean returns a rotated row without the calibrated mean of its head.
func (p *Plan) withoutMean(buf *rowBuffer, s *side, h int, x []float32) []float32 {
	if mean := p.mean(s).head(h); mean != nil {
		subtract(buf.row[:s.d], x, mean)
		return buf.row[:s.d]
	}
	return x
}

// centreOwn replaces the centre of a tile by the mean of rows [from, to), which are all of
// its rows. Rows that are not finite are left out.
func (p *Plan) centreOwn(buf *rowBuffer, s *side, block []byte, from, to, h int, src *Rows) {
	sum, n := buf.sum[:s.d], 0
	clear(sum)
	for i := from; i < to; i++ {
		x := p.withoutMean(buf, s, h, p.rotated(buf, s, i, h, src))
		if !finite(p.ks.AbsMax(x)) {
			continue
		}
		for c, v := range x {
			sum[c] += float64(v)
		}
		n++
	}
	quant.PutCenter(block[s.centre:], sum, n)
}

// subtract leaves x − mu in dst, which may be x.
func subtract(dst, x, mu []float32) {
	for c, v := range x {
		dst[c] = v - mu[c]
	}
}

// tilePage returns the page of tile number i of a sequence.
func (p *Plan) tilePage(pg *Pages, table []int32, i int) []byte {
	return pg.page(table[p.geo.sinkPages+i], p.geo.pageBytes)
}

// tileRecords returns the records of that page.
func (p *Plan) tileRecords(pg *Pages, table []int32, i int) []byte {
	return pg.records(table[p.geo.sinkPages+i], p.geo.recordBytes)
}

// firstToken is the first token a tile stores: sink tokens live elsewhere.
func (p *Plan) firstToken(tile int) int {
	if tile == 0 {
		return p.cfg.SinkTokens
	}
	return 0
}

// openTile writes the headers of a tile, zeros for the tokens that are stored as sinks
// instead, and its centre, the mean of the previous tile's stored rows. Rows that are not finite are left out: they must reach only
// the queries that see them.
func (p *Plan) openTile(buf *rowBuffer, s *side, pg *Pages, table []int32, page []byte, tile, h int) {
	clear(page[:headerBytes])
	copy(page, p.layout.ID[:])
	block := p.geo.block(page, s, h)
	clear(block[:headerBytes])
	zero := buf.prev[:s.d]
	clear(zero)
	for t := range p.firstToken(tile) { // kernels read whole tiles, and a stray byte may not mean anything to them
		s.codec.Format.Quantize(p.ks, block[s.tile:], s.Side, s.d, t, zero)
	}
	if !s.codec.Center {
		return
	}
	sum, n := buf.sum[:s.d], 0
	clear(sum)
	if tile > 0 {
		prev := p.geo.block(p.tilePage(pg, table, tile-1), s, h)
		mu := buf.prevMu[:s.d]
		quant.LoadCenter(p.ks, mu, prev[s.centre:])
		rows := buf.expand(p.ks, s, prev[s.tile:])
		bad := bitmap(prev)
		for t := p.firstToken(tile - 1); t < Tile; t++ {
			if bad>>t&1 != 0 {
				continue
			}
			at, step := t*s.d, 1
			if s.Side == quant.Keys { // tokens in lanes
				at, step = t/16*s.d*16+t%16, 16
			}
			for c := range sum {
				sum[c] += float64(rows[at+c*step]) + float64(mu[c])
			}
			n++
		}
	}
	quant.PutCenter(block[s.centre:], sum, n)
}

// appendSink stores one of the first tokens in binary16.
func (p *Plan) appendSink(s *side, pg *Pages, table []int32, t, h int, x []float32) {
	i, off := p.geo.sinkBlock(s, h)
	page := pg.page(table[i], p.geo.pageBytes)
	block := page[off : off+s.sink]
	if t == 0 {
		clear(page[:headerBytes])
		copy(page, p.layout.ID[:])
		clear(block[:headerBytes])
	}
	quant.PutF16(block[headerBytes+2*t*s.d:], x)
	setBit(block, t, !finite(p.ks.AbsMax(x)))
}

// sinkRows returns the bitmap and the binary16 rows of one head's sink tokens.
func (p *Plan) sinkRows(s *side, pg *Pages, table []int32, h int) (bad uint64, rows []byte) {
	i, off := p.geo.sinkBlock(s, h)
	block := pg.page(table[i], p.geo.pageBytes)[off : off+s.sink]
	return bitmap(block), block[headerBytes:]
}

// readRow reconstructs the stored row of token t: decoded, centre added, rotation undone.
func (p *Plan) readRow(buf *rowBuffer, dst []float32, s *side, pg *Pages, table []int32, t, h int) {
	if t < p.cfg.SinkTokens {
		_, rows := p.sinkRows(s, pg, table, h)
		quant.GetF16(p.ks, dst, rows[2*t*s.d:])
	} else {
		block := p.geo.block(p.tilePage(pg, table, t/Tile), s, h)
		s.codec.Format.Decode(dst, block[s.tile:], s.Side, s.d, t%Tile)
		if s.codec.Center {
			mu := buf.mu[:s.d]
			quant.LoadCenter(p.ks, mu, block[s.centre:])
			for c := range dst {
				dst[c] += mu[c]
			}
		}
		for c, x := range p.mean(s).head(h) {
			dst[c] += x
		}
	}
	if s.codec.Rotate {
		quant.Hadamard(p.ks, dst)
	}
}
