package attention

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// A certified plan keeps, with every stored token, four numbers about what quantization
// did to its tile so far, and every row of queries sums them up on its way through the
// tiles. The rigorous part: if scores move by at most δ, probabilities move by at most
// 2·tanh(δ/2) in total, so
//
//	|Δout| ≤ tanh(δ/2)·2·max|v| + Σ p̂·max|v−v̂| + Σ_tiles (half a weight step)·Σ|v̂ code|
//	δ = |scale|·(‖q‖·max‖k−k̂‖ + ‖q−q̂‖·max‖k̂‖)
//
// with sums and maxima over the tokens the row sees (tokens hidden behind a window but in
// the same tile count as seen). The estimate adds variances instead:
//
//	E² = Σ p̂²·(scale²·(‖q‖²·‖k−k̂‖² + ‖q−q̂‖²·‖k̂‖²)/DK·σ² + ε²) + Σ_tiles (weight step)²/12·Σ (σ/s)²
//
// with σ² the mean square of the values without their centre, ε² that of v−v̂ and s the
// value scale. Values that share a mean and are stored without a centre make σ² too large,
// and the estimate with it. Rounding of float32 arithmetic comes on top of both.

// record is what a certified tile knows after a token: maxima and mean squares over its
// finite tokens up to that one. Maxima are rounded up to bfloat16, means to nearest.
type record struct {
	maxError, maxSize float32 // keys: ‖k−k̂‖, ‖k̂‖; values: max|v−v̂|, max|v|
	error2, size2     float32 // mean squares; keys: ‖k−k̂‖², ‖k̂‖²; values, per channel: (v−v̂)², v̂² without centre
}

const (
	recordBytes      = 8
	certificateBytes = Tile * recordBytes
	fullRecord       = 8 // offset of a copy of the last token's record in a tile header
)

// records is the size of a side's records.
func (p *Plan) records() int {
	if p.cfg.Certify {
		return certificateBytes
	}
	return 0
}

func (r record) put(b []byte) { binary.LittleEndian.PutUint64(b, r.pack()) }

func (r record) pack() uint64 {
	return uint64(roundUp16(r.maxError)) | uint64(roundUp16(r.maxSize))<<16 | uint64(roundNear16(r.error2))<<32 | uint64(roundNear16(r.size2))<<48
}

func getRecord(b []byte) record {
	x := binary.LittleEndian.Uint64(b)
	return record{wide16(x), wide16(x >> 16), wide16(x >> 32), wide16(x >> 48)}
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
		n := t - first - bits.OnesCount64(bad&(1<<t-1))
		r = r.with(row, n)
	}
	r.put(p.geo.record(records, s, h, t))
	if t == Tile-1 { // rows that see all of the tile read it where they read the header anyway
		r.put(block[fullRecord:])
	}
}

// deviation is the record of one row.
func deviation(side quant.Side, x, stored []float32, biggest float32) record {
	var e2, s2, top float64
	for c, v := range stored {
		e := float64(x[c]) - float64(v)
		e2 += e * e
		s2 += float64(v) * float64(v)
		top = max(top, math.Abs(e))
	}
	if side == quant.Keys {
		return record{float32(math.Sqrt(e2)), float32(math.Sqrt(s2)), float32(e2), float32(s2)}
	}
	d := float64(len(x))
	return record{float32(top), biggest, float32(e2 / d), float32(s2 / d)}
}

// larger has the larger of each number.
func (r record) larger(x record) record {
	return record{max(r.maxError, x.maxError), max(r.maxSize, x.maxSize), max(r.error2, x.error2), max(r.size2, x.size2)}
}

// with adds a row to the record of n rows.
func (r record) with(x record, n int) record {
	return record{max(r.maxError, x.maxError), max(r.maxSize, x.maxSize), mean(r.error2, x.error2, n), mean(r.size2, x.size2, n)}
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

// certificate is a row's sums on the way.
type certificate = asm.Certificate

// void is the certificate of a row that saw a token that is not finite.
var void = certificate{Squares: nan, Sum: nan, Shift: nan, Biggest: nan}

// addCertificate adds b to a, weights scaled by fb and fa.
func addCertificate(a, b *certificate, fa, fb float32) {
	squares := float32(float32(fa*fa)*a.Squares) + float32(float32(fb*fb)*b.Squares)
	sum := float32(fa*a.Sum) + float32(fb*b.Sum)
	if squares+sum != squares+sum { // from a NaN or from 0·Inf
		squares = times(float32(fa*fa), a.Squares) + times(float32(fb*fb), b.Squares)
		sum = times(fa, a.Sum) + times(fb, b.Sum)
	}
	a.Squares, a.Sum = squares, sum
	if b.Shift > a.Shift { // a NaN comes with one in the sums
		a.Shift = b.Shift
	}
	if b.Biggest > a.Biggest {
		a.Biggest = b.Biggest
	}
}

// times is a product in which nothing times an unbounded error is nothing; NaN stays.
func times(x, y float32) float32 {
	if x == 0 && y == y {
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
	var n2, e2 float64
	if codes == nil {
		if sum := b.p.ks.SumSquares(row); inRange(sum) {
			n2 = float64(sum)
		}
	}
	if n2 == 0 {
		for c, x := range row {
			n2 += float64(x) * float64(x)
			if codes != nil {
				e := float64(x) - float64(codes[c])*float64(step)
				e2 += e * e
			}
		}
	}
	for c, x := range packed {
		if c < len(row) {
			e := float64(row[c]) - float64(math.Float32frombits(uint32(x)<<16))
			e2 += e * e
		}
	}
	b.noteNorms(r, n2, e2)
}

// noteNorms notes ‖q‖² and ‖q−q̂‖² of row r.
func (b *block) noteNorms(r int, n2, e2 float64) {
	scale, scale2 := b.p.certScale, b.p.certScale2
	b.w.certQ[r] = asm.QueryError{Norm: float32(scale * math.Sqrt(n2)), Err: float32(scale * math.Sqrt(e2)), Norm2: float32(scale2 * n2), Err2: float32(scale2 * e2)}
}

// voidCertificates turns the certificates of rows that see a token of bad into NaN, before
// the weights replace the logits.
func (b *block) voidCertificates(bad uint64, n int) {
	for r := range b.rows {
		for j, y := range b.w.y[r*Tile:][:n] {
			if bad>>j&1 != 0 && y != negInf {
				b.w.split.cert[r] = void
			}
		}
	}
}

// beginCertificates tells the kernel where the rows of the block are.
func (b *block) beginCertificates() {
	w := b.w
	w.certT = asm.CertifyTile{C: w.split.cert, Y: w.y, St: w.stat, F: w.fold, Q: w.certQ}
	b.certifySteps(0, Tile)
}

// certifySteps sets what steps of integer weights on tokens [lo, hi) of a tile add: half of
// Σ|v̂ code|, and with ValSize2 a twelfth of Σ (v̂ code)² over the tokens of a channel.
func (b *block) certifySteps(lo, hi int) {
	if t := &b.w.certT; b.p.intV != nil {
		t.Step, t.Spread = 0.5*127*float32(hi), float32((hi-lo)*(hi-lo))*(1./12)
	}
}

// seeTile reads what certificates need of the tile at hand, before the weights replace the
// logits.
func (b *block) seeTile(kb, vb []byte, lo, n int) {
	b.lo, b.keys = lo, kb
	if bad := (bitmap(kb) | bitmap(vb)) & (1<<n - 1); bad != 0 {
		b.voidCertificates(bad, n)
	}
}

// certifyTile adds the tokens below n of the tile at hand, whose values are in block and have
// the given scales, to the certificates of all rows, after advance. Most rows see all of a
// tile: for them the records in its headers will do.
func (b *block) certifyTile(block []byte, sv []float32, n int) {
	if b.full && n == Tile {
		b.certifyRows((*[8]byte)(b.keys[fullRecord:]), (*[8]byte)(block[fullRecord:]), sv, 0, b.rows, n)
		return
	}
	b.certifyPart(sv, n)
}

// fourRows is the number of rows, those of a token's query heads as a rule, for which a kernel
// makes weights and certificates.
const fourRows = 4

// weighCertified is weights and certifyTile in one, for four rows that see all of a whole tile.
func (b *block) weighCertified(block []byte, scale []float32) {
	p, w := b.p, b.w
	keys, values := (*[8]byte)(b.keys[fullRecord:]), (*[8]byte)(block[fullRecord:])
	left := p.ks.AdvanceCertifyU8(&w.states, &w.certT, keys, values, w.p8, w.y, scale, p.prob.top)
	if left != 0 {
		b.leftRows(left, keys, values, scale)
	}
}

// leftRows does what AdvanceCertifyU8 leaves to Go.
func (b *block) leftRows(left uint64, keys, values *[8]byte, scale []float32) {
	b.leftVoid(left)
	b.certifyLeft(left&(1<<fourRows-1), keys, values, scale, 0, Tile)
}

// leftAhead does what QKAdvanceCertifyI8 leaves to Go: its weights are gone, but for their squares.
func (b *block) leftAhead(left uint64, keys, values *[8]byte, scale []float32) {
	b.leftVoid(left)
	for r := range fourRows {
		if left>>r&1 != 0 {
			b.certifyRow(r, Tile, getRecord(keys[:]), getRecord(values[:]), scale, b.w.exps[r])
		}
	}
}

func (b *block) leftVoid(left uint64) {
	if left>>fourRows != 0 {
		b.w.split.poisonVoid(b.w.stat[:fourRows])
	}
}

// records returns those of the whole tile at hand.
func (b *block) records() (keys, values *[8]byte) {
	kb, vb := b.stored(b.base / Tile)
	return (*[8]byte)(kb[fullRecord:]), (*[8]byte)(vb[fullRecord:])
}

// certifyPart is certifyTile for rows that may see different parts of a tile. Those that see it
// up to the same token, all of them but on a causal diagonal, share a call.
func (b *block) certifyPart(sv []float32, n int) {
	p := b.p
	records := p.tileRecords(&b.s.run.pages, b.table, b.base/Tile)
	for r := 0; r < b.rows; {
		hi, m := b.alike(r, n)
		if hi > 0 {
			b.certifySteps(b.lo, hi)
			k, v := p.geo.record(records, &p.geo.k, b.head, hi-1), p.geo.record(records, &p.geo.v, b.head, hi-1)
			b.certifyRows((*[8]byte)(k), (*[8]byte)(v), sv, r, m, hi)
		}
		r += m
	}
	b.certifySteps(0, Tile)
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

// certifyRows adds the tokens of a tile below hi to the certificates of m rows from r.
func (b *block) certifyRows(keys, values *[8]byte, sv []float32, r, m, hi int) {
	const most = 64 // rows of a call
	for ; m > 0; r, m = r+most, m-most {
		undefined := b.p.ks.Certify(&b.w.certT, keys, values, sv, r, min(m, most), hi)
		b.certifyLeft(undefined, keys, values, sv, r, hi)
	}
}

// certifyLeft certifies the rows from r on that the Certify kernel did not.
func (b *block) certifyLeft(undefined uint64, keys, values *[8]byte, sv []float32, r, hi int) {
	for ; undefined != 0; undefined &= undefined - 1 {
		i := r + bits.TrailingZeros64(undefined)
		b.certifyRow(i, hi, getRecord(keys[:]), getRecord(values[:]), sv, b.squares(i, hi))
	}
}

// squares is Σ weight² of row r below hi.
func (b *block) squares(r, hi int) float32 { return b.p.ks.SumSquares(b.w.y[r*Tile:][:hi]) }

// certifyRow is the Certify kernel for one row, given Σ weight². It may have infinite errors: those that
// count for nothing must not make it NaN.
func (b *block) certifyRow(r, hi int, k, v record, sv []float32, weights2 float32) {
	w, t, f, q := b.w, &b.w.certT, &b.w.fold[r], &b.w.certQ[r]
	if f.Alpha < 0 {
		return
	}
	g := f.Gamma / w.stat[r].L
	step2 := float32(0)
	if len(sv) > 0 {
		if s := b.p.ks.SumSquares(sv[:hi]); s > 0 {
			step2 = float32(t.Spread*v.size2) / s
		}
	}
	tile := certificate{
		Squares: times(float32(g*g), times(weights2, times(times(q.Norm2, k.error2)+times(q.Err2, k.size2), v.size2)+v.error2)) + times(f.Beta, times(f.Beta, step2)),
		Sum:     times(f.Gamma, v.maxError) + times(f.Beta, t.Step),
		Shift:   times(q.Norm, k.maxError) + times(q.Err, k.maxSize),
		Biggest: v.maxSize,
	}
	addCertificate(&w.split.cert[r], &tile, f.Alpha, 1)
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
			b.certifyRow(r, hi, k, v, nil, b.squares(r, hi))
		}
	}
	b.certifySteps(0, Tile)
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
		return record{float32(total), float32(size), float32(mean), float32(size * size)}
	}
	return record{float32(worst), float32(top + worst), float32(mean / float64(d)), float32(size * size / float64(d))}
}

// finishCertificate turns a row's sums into the two numbers reported: l is its denominator
// and dv its channels; rotating values back can gather the errors of all channels in one.
func finishCertificate(a certificate, l float32, dv int, rotated bool) (estimate, bound float32) {
	estimate = float32(math.Sqrt(float64(a.Squares)) / float64(l))
	worst := float64(a.Sum) / float64(l)
	if a.Shift != 0 {
		worst += math.Tanh(float64(a.Shift)/2) * 2 * float64(a.Biggest)
	}
	if rotated {
		worst *= math.Sqrt(float64(dv))
	}
	return estimate, float32(worst)
}

type certificateOutput struct {
	field  string
	values []float32
}

// certificates lists the optional outputs of a certified plan.
func (io *IO) certificates() [2]certificateOutput {
	return [2]certificateOutput{{"IO.ErrEst", io.ErrEst}, {"IO.ErrBound", io.ErrBound}}
}

// certify stores the certificate of a row with denominator l.
func (io *IO) certify(at int, a certificate, l float32, c *Config) {
	estimate, bound := float32(0), float32(0)
	if l != 0 { // an empty row is exact
		estimate, bound = finishCertificate(a, l, c.DV, c.V.Rotate)
	}
	if io.ErrEst != nil {
		io.ErrEst[at] = estimate
	}
	if io.ErrBound != nil {
		io.ErrBound[at] = bound
	}
}
