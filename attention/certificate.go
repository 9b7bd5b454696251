package attention

import (
	"encoding/binary"
	"math"
	"math/bits"

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
)

func (r record) put(b []byte) {
	for i, x := range [...]uint32{
		roundUp16(r.maxError), roundUp16(r.maxSize), roundNear16(r.error2), roundNear16(r.size2),
	} {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(x))
	}
}

func getRecord(b []byte) record {
	x := binary.LittleEndian.Uint64(b)
	part := func(i int) float32 { return math.Float32frombits(uint32(x>>(16*i)) << 16) }
	return record{part(0), part(1), part(2), part(3)}
}

// roundUp16 is the smallest bfloat16 ≥ x ≥ 0.
func roundUp16(x float32) uint32 { return (math.Float32bits(x) + 0xffff) >> 16 }

// roundNear16 is the bfloat16 nearest to x ≥ 0.
func roundNear16(x float32) uint32 { return (math.Float32bits(x) + 0x8000) >> 16 }

// certify writes the record of token t of a tile whose first token is first, after row x,
// rotated and without mean and centre, has been stored there. biggest is the largest
// magnitude of the row with mean and centre. A token that is not finite changes nothing:
// the rows that see it have no certificate.
func (p *Plan) certify(buf *rowBuffer, s *side, block []byte, first, t int, x []float32, biggest float32) {
	records := block[s.certificate:][:certificateBytes]
	var r record
	if t > first {
		r = getRecord(records[(t-1)*recordBytes:])
	}
	bad := bitmap(block)
	if bad>>t&1 == 0 {
		stored := buf.prev[:s.d]
		s.codec.Format.Decode(stored, block[s.tile:], s.Side, s.d, t)
		n := t - first - bits.OnesCount64(bad&(1<<t-1))
		r = r.with(deviation(s.Side, x, stored, biggest), n)
	}
	r.put(records[t*recordBytes:])
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

// with adds a row to the record of n rows.
func (r record) with(x record, n int) record {
	k := 1 / float32(n+1)
	return record{max(r.maxError, x.maxError), max(r.maxSize, x.maxSize),
		r.error2 + (x.error2-r.error2)*k, r.size2 + (x.size2-r.size2)*k}
}

// certificate is a row's sums on the way: weights relative to the running maximum.
type certificate struct {
	squares float32 // Σ weight²·variance
	sum     float32 // Σ weight·bound
	shift   float32 // δ
	biggest float32 // max|v|
}

// merge adds b, weights scaled by fa and fb.
func (a *certificate) merge(b certificate, fa, fb float32) {
	m := certificate{fa*fa*a.squares + fb*fb*b.squares, fa*a.sum + fb*b.sum, max(a.shift, b.shift), max(a.biggest, b.biggest)}
	if m.squares != m.squares || m.sum != m.sum {
		m.squares = times(fa*fa, a.squares) + times(fb*fb, b.squares)
		m.sum = times(fa, a.sum) + times(fb, b.sum)
	}
	*a = m
}

// times is a product in which nothing times an unbounded error is nothing; NaN stays.
func times(x, y float32) float32 {
	if x == 0 && y == y {
		return 0
	}
	return x * y
}

// certQuery is what certificates need of a query row.
type certQuery struct {
	norm, err   float32 // ‖q‖, ‖q−q̂‖, both times |scale|
	norm2, err2 float32 // their squares over DK
}

// certifyQuery notes the norms of row r and of what its codes, nil for float32, lose.
// Codes are padded with zeros to a multiple of four.
func (b *block) certifyQuery(r int, row []float32, codes []int8, step float32) {
	n2, e2 := b.queryError2(row, codes, step)
	if !(n2 > 0x1p-80 && n2 < 0x1p100) { // squares may have left the range of float32
		n2, e2 = 0, 0
		for c, x := range row {
			n2 += float64(x) * float64(x)
			if codes != nil {
				e := float64(x) - float64(codes[c])*float64(step)
				e2 += e * e
			}
		}
	}
	scale, d := math.Abs(float64(b.p.cfg.Scale)), float64(len(row))
	b.w.certQ[r] = certQuery{float32(scale * math.Sqrt(n2)), float32(scale * math.Sqrt(e2)),
		float32(scale * scale * n2 / d), float32(scale * scale * e2 / d)}
}

// queryError2 is ‖q‖² and ‖q−q̂‖² in float32.
func (b *block) queryError2(row []float32, codes []int8, step float32) (n2, e2 float64) {
	if codes == nil {
		return float64(b.p.ks.SumSquares(row)), 0
	}
	size2, err2 := b.p.ks.ErrI8(row, codes, step)
	return float64(size2), float64(err2)
}

// voidCertificates turns the certificates of rows that see a token of bad into NaN, before
// the weights replace the logits.
func (b *block) voidCertificates(bad uint64, n int) {
	if bad &= 1<<n - 1; bad == 0 {
		return
	}
	for r := range b.rows {
		for j, y := range b.w.y[r*Tile:][:n] {
			if bad>>j&1 != 0 && y != negInf {
				b.w.split.cert[r] = certificate{nan, nan, nan, nan}
			}
		}
	}
}

// certifyTile adds tokens [lo, n) of a tile to the certificates of all rows, after advance.
// kb and vb are its blocks.
func (b *block) certifyTile(kb, vb []byte, lo int) {
	p, w := b.p, b.w
	var k, v record
	var codes2 float32
	last := -1
	for r := range b.rows {
		hi := w.vis[r].hi
		if hi == 0 || w.fold[r].Alpha < 0 {
			continue
		}
		if hi != last { // the same for all rows but in the tile of a causal diagonal
			last = hi
			k = getRecord(kb[p.geo.k.certificate+(hi-1)*recordBytes:])
			v = getRecord(vb[p.geo.v.certificate+(hi-1)*recordBytes:])
			codes2 = 0
			if s2 := p.ks.SumSquares(b.scaleV[:min(hi, len(b.scaleV))]); s2 > 0 {
				codes2 = float32((hi-lo)*(hi-lo)) * v.size2 / (12 * s2)
			}
		}
		b.certifyRow(r, hi, k, v, codes2)
	}
}

// certifyRow adds hi tokens to the certificate of row r. codes2 is Σ code²/12 over the
// integer values of a channel.
func (b *block) certifyRow(r, hi int, k, v record, codes2 float32) {
	w, st, q := b.w, &b.w.stat[r], &b.w.certQ[r]
	weights2 := b.p.ks.SumSquares(w.y[r*Tile:][:hi])
	step := float32(0)
	if b.scaleV != nil {
		step = st.Beta
	}
	c := certificate{
		squares: weights2*((q.norm2*k.error2+q.err2*k.size2)*v.size2+v.error2) + step*step*codes2,
		sum:     st.L*v.maxError + 0.5*step*127*float32(hi),
		shift:   q.norm*k.maxError + q.err*k.maxSize,
		biggest: v.maxSize,
	}
	if c.squares != c.squares || c.sum != c.sum || c.shift != c.shift { // 0 · Inf
		c.squares = times(weights2, times(times(q.norm2, k.error2)+times(q.err2, k.size2), v.size2)+v.error2) + times(step*step, codes2)
		c.sum = times(st.L, v.maxError) + 0.5*step*127*float32(hi)
		c.shift = times(q.norm, k.maxError) + times(q.err, k.maxSize)
	}
	w.split.cert[r].merge(c, w.exps[2*r], w.exps[2*r+1])
}

// certifySinks is certifyTile for the binary16 tokens at the front, whose errors follow
// from their values: half a unit in the last of 11 bits, or of the smallest subnormal.
// Tokens in bad are not finite and left out.
func (b *block) certifySinks(bad uint64) {
	p := b.p
	_, kRows := p.sinkRows(&p.geo.k, &b.s.run.pages, b.table, b.head)
	_, vRows := p.sinkRows(&p.geo.v, &b.s.run.pages, b.table, b.head)
	b.scaleV = nil
	var k, v record
	done, counted := 0, 0
	for r := range b.rows {
		hi := b.w.vis[r].hi
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
		if hi > 0 && b.w.fold[r].Alpha >= 0 {
			b.certifyRow(r, hi, k, v, 0)
		}
	}
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

// finish turns a row's sums into the two numbers reported: l is its denominator and dv
// its channels; rotating values back can gather the errors of all channels in one.
func (a *certificate) finish(l float32, dv int, rotated bool) (estimate, bound float32) {
	estimate = float32(math.Sqrt(float64(a.squares)) / float64(l))
	worst := float64(a.sum) / float64(l)
	if a.shift != 0 {
		worst += math.Tanh(float64(a.shift)/2) * 2 * float64(a.biggest)
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
		estimate, bound = a.finish(l, c.DV, c.V.Rotate)
	}
	if io.ErrEst != nil {
		io.ErrEst[at] = estimate
	}
	if io.ErrBound != nil {
		io.ErrBound[at] = bound
	}
}
