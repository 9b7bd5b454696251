package attention

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// A certified plan keeps, with every stored token, what quantization did to its tile so
// far, and every row of queries sums that up on its way through the tiles. The rigorous
// part: if scores move by at most δ, probabilities move by at most 2·tanh(δ/2) in total, so
//
//	|Δout| ≤ tanh(δ/2)·2·max|v| + Σ p̂·max|v−v̂| + Σ_tiles (half a weight step)·Σ|v̂ code|
//	δ = |scale|·(‖q‖·max‖k−k̂‖ + ‖q−q̂‖·max‖k̂‖)
//
// with sums and maxima over the tokens the row sees (tokens hidden behind a window but in
// the same tile count as seen). The estimate adds variances instead:
//
//	E² = Σ p̂²·(scale²·(‖q‖²·‖k−k̂‖² + ‖q−q̂‖²·‖k̂‖²)/DK·σ² + ε²) + Σ_tiles (weight step)²/12·Σ (σ/s)²
//
// with σ² the mean square of the values without their centre, ε² that of v−v̂ and s² that of
// the value scales. Weights in bfloat16 have no step: what rounding moves them by counts in
// max|v−v̂| and ε². Values that share a mean and are stored without a centre make σ² too
// large, and the estimate with it. Rounding of float32 arithmetic comes on top of both.

// record is what a certified tile knows of a side after a token: maxima and mean squares over its
// finite tokens up to that one. Maxima are rounded up to bfloat16, means to nearest.
type record struct {
	maxError, maxSize float32 // keys: ‖k−k̂‖, ‖k̂‖; values: max|v−v̂|, max|v|
	error2, size2     float32 // mean squares; keys: ‖k−k̂‖², ‖k̂‖²; values, per channel: (v−v̂)², v̂² without centre
	scale2            float32 // mean square of the scales of values that have one, else 0
	maxStored         float32 // of values: max|v̂| without centre
}

const (
	recordBytes      = 12
	certificateBytes = Tile * recordBytes
	wholeRecord      = 16 // offset of what kernels read of whole tiles, an asm.TileRecord, in a tile header
)

// records is the size of a side's records.
func (p *Plan) records() int {
	if p.cfg.Certify {
		return certificateBytes
	}
	return 0
}

func (r record) put(b []byte) {
	binary.LittleEndian.PutUint64(b, uint64(roundUp16(r.maxError))|uint64(roundUp16(r.maxSize))<<16|uint64(roundNear16(r.error2))<<32|uint64(roundNear16(r.size2))<<48)
	binary.LittleEndian.PutUint32(b[8:], roundNear16(r.scale2)|roundUp16(r.maxStored)<<16)
}

func getRecord(b []byte) record {
	x, y := binary.LittleEndian.Uint64(b), uint64(binary.LittleEndian.Uint32(b[8:]))
	return record{wide16(x), wide16(x >> 16), wide16(x >> 32), wide16(x >> 48), wide16(y), wide16(y >> 16)}
}

// Rounding to bfloat16 moves a weight by a 256th of it at most, and by this part of its square in the
// mean over a binade.
const (
	bf16Step  = 0x1p-8
	bf16Step2 = 0x1p-14 / 24
)

// join sets what kernels need of keys and values of n tokens, whose weights are rounded to bfloat16 or
// not.
func join(tile *asm.TileRecord, k, v record, n int, bf16 bool) {
	worst, variance, step := v.maxError, v.error2, float32(0)
	switch {
	case bf16:
		worst += float32(bf16Step * v.maxStored)
		variance += float32(bf16Step2 * v.size2)
	case v.scale2 > 0:
		if step = v.size2 / v.scale2; !(step < 127*127) { // both may be beyond float32
			step = 127 * 127
		}
		step *= float32(n) / 12
	}
	for i, x := range [...]float32{k.maxError, k.maxSize, v.maxSize, worst, times(k.error2, v.size2), times(k.size2, v.size2), variance, step} {
		tile.Put(i, x)
	}
}

// whole returns what kernels read of a tile of which a row sees all. Its line is read anyway: the header of
// the values has it or, for weights in bfloat16, that of the keys.
func (b *block) whole(tile int) *asm.TileRecord {
	keys, values := b.stored(tile)
	if b.p.cfg.P == PBF16 {
		values = keys
	}
	return (*asm.TileRecord)(values[wholeRecord:])
}

// wide16 is the bfloat16 in the low bits of x.
func wide16(x uint64) float32 { return math.Float32frombits(uint32(x) << 16) }

// roundUp16 is the smallest bfloat16 ≥ x ≥ 0.
func roundUp16(x float32) uint32 { return (math.Float32bits(x) + 0xffff) >> 16 }

// roundNear16 is the bfloat16 nearest to x ≥ 0.
func roundNear16(x float32) uint32 { return (math.Float32bits(x) + 0x8000) >> 16 }

// certify writes the record of token t of a tile of head h whose first token is first, after row x,
// rotated and without mean and centre, has been stored there. biggest is the largest
// magnitude of the row with mean and centre. A token that is not finite changes nothing:
// the rows that see it have no certificate.
func (p *Plan) certify(buf *rowBuffer, s *side, page, records []byte, h, first, t int, x []float32, biggest float32) {
	block := p.geo.block(page, s, h)
	var r record
	if t > first {
		r = getRecord(p.geo.record(records, s, h, t-1))
	}
	bad := bitmap(block)
	if bad>>t&1 == 0 {
		stored := buf.prev[:s.d]
		s.codec.Format.Decode(stored, block[s.tile:], s.Side, s.d, t)
		row := deviation(s.Side, x, stored, biggest)
		if f, ok := s.codec.Format.(quant.RoundedInt8Format); ok { // plans of either arithmetic may read the page
			f.DecodeI8(stored, block[s.tile:], s.Side, s.d, t)
			row = row.larger(deviation(s.Side, x, stored, biggest))
		}
		if s.Side == quant.Values {
			scale := buf.valueScale(p.ks, s, block[s.tile:], t)
			row.scale2 = float32(scale * scale)
		}
		n := t - first - bits.OnesCount64(bad&(1<<t-1))
		r = r.with(row, n)
	}
	r.put(p.geo.record(records, s, h, t))
	if t == Tile-1 && s.Side == quant.Values { // rows that see all of the tile read it where they read the header anyway
		k, v := getRecord(p.geo.record(records, &p.geo.k, h, t)), getRecord(p.geo.record(records, s, h, t))
		join((*asm.TileRecord)(block[wholeRecord:]), k, v, Tile-first, false)
		join((*asm.TileRecord)(p.geo.block(page, &p.geo.k, h)[wholeRecord:]), k, v, Tile-first, true)
	}
}

// deviation is the record of one row.
func deviation(side quant.Side, x, stored []float32, biggest float32) record {
	var e2, s2, top, most float64
	for c, v := range stored {
		v := float64(v)
		e := float64(x[c]) - v
		e2 += e * e
		s2 += v * v
		top, most = max(top, math.Abs(e)), max(most, math.Abs(v))
	}
	if side == quant.Keys {
		return record{maxError: float32(math.Sqrt(e2)), maxSize: float32(math.Sqrt(s2)), error2: float32(e2), size2: float32(s2)}
	}
	d := float64(len(x))
	return record{maxError: float32(top), maxSize: biggest, error2: float32(e2 / d), size2: float32(s2 / d), maxStored: float32(most)}
}

// larger has the larger of each number.
func (r record) larger(x record) record {
	return record{max(r.maxError, x.maxError), max(r.maxSize, x.maxSize), max(r.error2, x.error2), max(r.size2, x.size2), max(r.scale2, x.scale2),
		max(r.maxStored, x.maxStored)}
}

// with adds a row to the record of n rows.
func (r record) with(x record, n int) record {
	return record{max(r.maxError, x.maxError), max(r.maxSize, x.maxSize), mean(r.error2, x.error2, n), mean(r.size2, x.size2, n), mean(r.scale2, x.scale2, n),
		max(r.maxStored, x.maxStored)}
}

// mean is the mean of n numbers whose mean was m, and x. A square that has left the range
// of float32 is unbounded, and what it enters stays so.
func mean(m, x float32, n int) float32 {
	if m > math.MaxFloat32 || x > math.MaxFloat32 {
		return float32(math.Inf(1))
	}
	k := 1 / float32(n+1)
	return m + (x-m)*k
}

// certificates is what quantization may have done to the rows of a state, [rows] each, empty in plans
// without. Rows that saw a token that is not finite have NaN in squares, and in the end in all.
type certificates struct {
	squares []float32 // Σ weight²·variance, weights relative to the maximum
	sum     []float32 // Σ weight·bound
	shiftK  []float32 // most a logit moved by errors of keys; like those below 0 until closeCertificates
	shiftQ  []float32 // by errors of the query
	biggest []float32 // max|v|
}

// from is what is known of rows from n on.
func (c *certificates) from(n int) certificates {
	if c.squares == nil {
		return certificates{}
	}
	return certificates{c.squares[n:], c.sum[n:], c.shiftK[n:], c.shiftQ[n:], c.biggest[n:]}
}

func (c *certificates) carve(rows int, from *carver) {
	c.squares, c.sum = carve[float32](from, rows), carve[float32](from, rows)
	c.shiftK, c.shiftQ = carve[float32](from, rows), carve[float32](from, rows)
	c.biggest = carve[float32](from, rows)
}

// clear and copy go row by row: rows are few as a rule, and a call for each slice takes longer.
func (c *certificates) clear(rows int) {
	for i := range rows {
		c.squares[i], c.sum[i], c.shiftK[i], c.shiftQ[i], c.biggest[i] = 0, 0, 0, 0, 0
	}
}

func (c *certificates) copy(from *certificates, rows int) {
	for i := range rows {
		c.squares[i], c.sum[i], c.shiftK[i], c.shiftQ[i], c.biggest[i] = from.squares[i], from.sum[i], from.shiftK[i], from.shiftQ[i], from.biggest[i]
	}
}

// add adds those of another state to the first rows, given the factors of the weights on both sides, as
// asm.AdvanceFunc leaves them. Rows whose Alpha is negative have nothing to add.
func (c *certificates) add(other *certificates, fold []asm.Fold, factors []float32) {
	n := len(fold)
	squares, sum, squares2, sum2 := c.squares[:n], c.sum[:n], other.squares[:n], other.sum[:n]
	for i := range fold {
		if fold[i].Alpha < 0 {
			continue
		}
		f, f2 := factors[2*i], factors[2*i+1]
		x := float32(float32(f*f)*squares[i]) + float32(float32(f2*f2)*squares2[i])
		y := float32(f*sum[i]) + float32(f2*sum2[i])
		if all := x + y; all != all { // from a NaN or from 0·Inf
			x = times(float32(f*f), squares[i]) + times(float32(f2*f2), squares2[i])
			y = times(f, sum[i]) + times(f2, sum2[i])
		}
		squares[i], sum[i] = x, y
		raise(&c.shiftK[i], other.shiftK[i]) // a NaN comes with one in the sums
		raise(&c.shiftQ[i], other.shiftQ[i])
		raise(&c.biggest[i], other.biggest[i])
	}
}

// raise makes *x at least y.
func raise(x *float32, y float32) {
	if y > *x {
		*x = y
	}
}

// rowErrors is what certificates want to know of the rows of a block.
type rowErrors struct {
	all       []float32 // memory of the block and those behind it, rowErrorNumbers a row
	norm, err []float32 // [rows] ‖q‖ and ‖q−q̂‖, times |scale|
}

const rowErrorNumbers = 10

// shareRows deals the memory of a block out: what kernels touch at every tile of a head is side by side,
// in few lines, since by the next tile of the head L1 has lost it.
func (w *worker) shareRows(rows int) {
	e, t, c := &w.rowErrors, &w.certT, &w.split.cert
	t.Rows, t.M = e.all[:8*rows], rows
	c.squares, c.sum = t.Squares(), t.Sum()
	e.norm, e.err = e.all[8*rows:][:rows], e.all[9*rows:][:rows]
}

// closeCertificates finishes those of a state with what the rows have seen: sums are there, maxima
// become what they mean, and start anew.
func (b *block) closeCertificates(s *state) {
	e, c, n := &b.w.rowErrors, &s.cert, b.rows
	most, norm, err := b.w.certT.Most(), e.norm[:n], e.err[:n]
	sum, shiftK, shiftQ, biggest := c.sum[:n], c.shiftK[:n], c.shiftQ[:n], c.biggest[:n]
	for i, x := range c.squares[:n] {
		if x != x {
			sum[i], shiftK[i], shiftQ[i], biggest[i] = nan, nan, nan, nan
			continue
		}
		shiftK[i], shiftQ[i], biggest[i] = times(norm[i], most[4*i]), times(err[i], most[4*i+1]), most[4*i+2]
	}
	clear(most)
}

// times is a product in which nothing times an unbounded error is nothing; NaN stays.
func times(x, y float32) float32 {
	if x == 0 && y == y || y == 0 && x == x {
		return 0
	}
	return float32(x * y)
}

// encodeCertified quantizes row r of the queries and notes its norms.
func (b *block) encodeCertified(r int, codes []int8, row []float32, step float32) {
	n2, e2 := b.p.ks.EncErrI8(codes, row, step)
	if !inRange(n2) {
		b.certifyQuery(r, row, codes, step, nil)
		return
	}
	b.noteNorms(r, float64(n2), float64(e2))
}

// inRange reports that a sum of squares is far from the limits of float32.
func inRange(n2 float32) bool { return n2 > 0x1p-80 && n2 < 0x1p100 }

// certifyQuery notes the norms of row r and of what its codes or its bfloat16 numbers, nil for
// float32, lose.
func (b *block) certifyQuery(r int, row []float32, codes []int8, step float32, packed []uint16) {
	if sum := b.p.ks.SumSquares(row); codes == nil && inRange(sum) {
		e2 := float32(0)
		if packed != nil {
			e2 = b.lostToBF16(row)
		}
		b.noteNorms(r, float64(sum), float64(e2))
		return
	}
	var n2, e2 float64
	for c, x := range row {
		e := 0.0
		switch {
		case codes != nil:
			e = float64(x) - float64(codes[c])*float64(step)
		case packed != nil:
			e = float64(x) - float64(math.Float32frombits(uint32(packed[c])<<16))
		}
		n2 += float64(x) * float64(x)
		e2 += e * e
	}
	b.noteNorms(r, n2, e2)
}

// lostToBF16 returns the sum of squares of what a row loses as bfloat16, by kernels.
func (b *block) lostToBF16(row []float32) float32 {
	ks, rounded, lost := b.p.ks, b.w.row[:len(row)], b.w.muK[:len(row)]
	copy(rounded, row)
	ks.RoundBF16(rounded)
	copy(lost, row)
	b.w.fold[0] = asm.Fold{Alpha: 1, Beta: -1}
	ks.FoldF32(lost, rounded, nil, b.w.fold, 1, len(row))
	return ks.SumSquares(lost)
}

// noteNorms notes ‖q‖² and ‖q−q̂‖² of row r.
func (b *block) noteNorms(r int, n2, e2 float64) {
	e, scale, scale2 := &b.w.rowErrors, b.p.certScale, b.p.certScale2
	e.norm[r], e.err[r] = float32(scale*math.Sqrt(n2)), float32(scale*math.Sqrt(e2))
	b.w.certT.Norm2()[r], b.w.certT.Err2()[r] = float32(scale2*n2), float32(scale2*e2)
}

// voidCertificates turns the certificates of rows that see a token of bad into NaN, before
// the weights replace the logits.
func (b *block) voidCertificates(bad uint64, n int) {
	for r := range b.rows {
		for j, y := range b.w.y[r*Tile:][:n] {
			if bad>>j&1 != 0 && y != negInf {
				b.w.split.cert.squares[r] = nan
			}
		}
	}
}

// beginCertificates tells the kernel where the rows of the block are.
func (b *block) beginCertificates() {
	w, t := b.w, &b.w.certT
	t.Y, t.St, t.F, t.Step, t.Spread = w.y, w.stat, w.fold, 0, 0
	clear(t.Most())
	b.certifySteps(Tile)
}

// certifySteps sets what steps of integer weights on tokens below hi of a tile add: half of
// Σ|v̂ code|, and the variance of its record.
func (b *block) certifySteps(hi int) {
	if t := &b.w.certT; b.p.intV != nil {
		t.Step, t.Spread = 0.5*127*float32(hi), 1
	}
}

// seeTile reads what certificates need of the tile at hand, before the weights replace the
// logits.
func (b *block) seeTile(kb, vb []byte, lo, n int) {
	b.lo = lo
	if bad := (bitmap(kb) | bitmap(vb)) & (1<<n - 1); bad != 0 {
		b.voidCertificates(bad, n)
	}
}

// certifyTile adds the tokens below n of the tile at hand to the certificates of all rows, after
// advance, while w.y holds the weights. Most rows see all of a tile: for them what is in its header
// will do. Those that see it up to the same token, all of them but on a causal diagonal, share a call.
func (b *block) certifyTile(n int) {
	if b.full && n == Tile {
		b.certifyRows(b.whole(b.base/Tile), 0, b.rows, n)
		return
	}
	p, tile := b.p, &b.w.part
	records := p.tileRecords(&b.s.run.pages, b.table, b.base/Tile)
	for r := 0; r < b.rows; {
		hi, m := b.alike(r, n)
		if hi > 0 {
			b.certifySteps(hi)
			k, v := p.geo.record(records, &p.geo.k, b.head, hi-1), p.geo.record(records, &p.geo.v, b.head, hi-1)
			join(tile, getRecord(k), getRecord(v), hi-b.lo, p.cfg.P == PBF16)
			b.certifyRows(tile, r, m, hi)
		}
		r += m
	}
	b.certifySteps(Tile)
}

// alike counts the rows from r that see the tile up to the same token.
func (b *block) alike(r, n int) (hi, m int) {
	if b.full {
		return n, b.rows - r
	}
	hi, m = b.w.vis[r].hi, 1
	for r+m < b.rows && b.w.vis[r+m].hi == hi {
		m++
	}
	return hi, m
}

// end is the end of the tokens row r sees of a tile of which some row sees the first n.
func (b *block) end(r, n int) int {
	if b.full {
		return n
	}
	return b.w.vis[r].hi
}

// certifiedRows is the largest number of rows of a call of Certify. Tiles of more are not repeated: a
// replay does not tell which of two calls left something to do.
const certifiedRows = 64

// certifyRows adds the tokens of a tile below hi to the certificates of m rows from r.
func (b *block) certifyRows(tile *asm.TileRecord, r, m, hi int) {
	for ; m > 0; r, m = r+certifiedRows, m-certifiedRows {
		undefined := b.p.ks.Certify(&b.w.certT, tile, r, min(m, certifiedRows), hi)
		b.certifyLeft(undefined, tile, r, hi)
	}
}

// certifyLeft certifies the rows from r on that the Certify kernel did not.
func (b *block) certifyLeft(undefined uint64, tile *asm.TileRecord, r, hi int) {
	for ; undefined != 0; undefined &= undefined - 1 {
		i := r + bits.TrailingZeros64(undefined)
		b.certifyRow(i, tile, asm.FusedSquares(b.w.y[i*Tile:][:hi]))
	}
}

// leftRows does what AdvanceCertifyU8 and QKAdvanceCertifyI8 leave to Go. The weights may be gone, but for
// their squares.
func (b *block) leftRows(left uint64, tile *asm.TileRecord) {
	if left>>aheadRows != 0 {
		b.w.split.poisonVoid(b.w.stat[:aheadRows])
	}
	for r := range aheadRows {
		if left>>r&1 != 0 {
			b.certifyRow(r, tile, b.w.exps[r])
		}
	}
}

// certifyRow is the Certify kernel for one row, given Σ weight². It may have infinite errors: those that
// count for nothing must not make it NaN.
func (b *block) certifyRow(r int, tile *asm.TileRecord, weights2 float32) {
	w, t, f := b.w, &b.w.certT, &b.w.fold[r]
	if f.Alpha < 0 {
		return
	}
	g := f.Gamma / w.stat[r].L
	variance := times(t.Norm2()[r], tile.At(4)) + times(t.Err2()[r], tile.At(5)) + tile.At(6)
	added := times(float32(g*g), times(weights2, variance)) + times(f.Beta, times(f.Beta, times(t.Spread, tile.At(7))))
	squares, sum, most := &t.Squares()[r], &t.Sum()[r], t.Most()[4*r:][:4]
	*squares = times(float32(f.Alpha*f.Alpha), *squares) + added
	*sum = times(f.Alpha, *sum) + times(f.Gamma, tile.At(3)) + times(f.Beta, t.Step)
	for i := range most {
		most[i] = max(most[i], tile.At(i))
	}
}

// certifySinks is certifyTile for the n binary16 tokens at the front, whose errors follow
// from their values: half a unit in the last of 11 bits, or of the smallest subnormal.
// Tokens in bad are not finite and left out.
func (b *block) certifySinks(bad uint64, n int) {
	p := b.p
	_, kRows := p.sinkRows(&p.geo.k, &b.s.run.pages, b.table, b.head)
	_, vRows := p.sinkRows(&p.geo.v, &b.s.run.pages, b.table, b.head)
	t := &b.w.certT
	t.Step, t.Spread = 0, 0
	var k, v record
	done, counted := 0, 0
	for r := range b.rows {
		hi := b.end(r, n)
		if hi < done {
			k, v, done, counted = record{}, record{}, 0, 0
		}
		for ; done < hi; done++ {
			if bad>>done&1 != 0 {
				continue
			}
			k = k.with(b.sinkDeviation(quant.Keys, kRows, p.cfg.DK, done), counted)
			v = v.with(b.sinkDeviation(quant.Values, vRows, p.cfg.DV, done), counted)
			counted++
		}
		if hi > 0 {
			join(&b.w.part, k, v, hi, false)
			b.certifyRow(r, &b.w.part, b.p.ks.SumSquares(b.w.y[r*Tile:][:hi]))
		}
	}
	b.certifySteps(Tile)
}

func (b *block) sinkDeviation(side quant.Side, rows []byte, d, t int) record {
	const ulp, tiny, limit = 0x1p-11, 0x1p-25, 65504
	row := b.w.row[:d]
	quant.GetF16(b.p.ks, row, rows[2*t*d:])
	size := math.Sqrt(float64(b.p.ks.SumSquares(row)))
	top := float64(b.p.ks.AbsMax(row))
	worst := top*ulp + tiny
	total := size*ulp + tiny*math.Sqrt(float64(d))
	if top >= limit { // may have been any larger value
		worst, total, top = math.Inf(1), math.Inf(1), math.Inf(1)
	}
	mean := size * size * ulp * ulp / 3
	if side == quant.Keys {
		return record{maxError: float32(total), maxSize: float32(size), error2: float32(mean), size2: float32(size * size)}
	}
	return record{maxError: float32(worst), maxSize: float32(top + worst), error2: float32(mean / float64(d)), size2: float32(size * size / float64(d))}
}

// finish turns a row's sums into the two numbers reported: l is its denominator, and the bound of a
// channel spread times that before values are rotated back.
func (c *certificates) finish(i int, l float32, spread float64) (estimate, bound float32) {
	share := 1 / float64(l)
	worst := float64(c.sum[i]) * share
	if shift := float64(c.shiftK[i]) + float64(c.shiftQ[i]); shift != 0 {
		worst += tanhBound(shift/2) * 2 * float64(c.biggest[i])
	}
	return float32(math.Sqrt(float64(c.squares[i])) * share), float32(worst * spread)
}

// tanhBound is at least tanh(x), by a fiftieth at most, x ≥ 0: a convergent of its continued
// fraction, x/(1 + x²/(3 + x²/5)), which takes a quarter of the time.
func tanhBound(x float64) float64 {
	if x >= 4 {
		return 1
	}
	return min(1, x*(15+x*x)/(15+6*x*x))
}

type certificateOutput struct {
	field  string
	values []float32
}

// certificates lists the optional outputs of a certified plan.
func (io *IO) certificates() [2]certificateOutput {
	return [2]certificateOutput{{"IO.ErrEst", io.ErrEst}, {"IO.ErrBound", io.ErrBound}}
}
