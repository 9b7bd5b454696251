package fuzz

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/reference"
)

// exact holds the stored tokens and the queries of an instance in the rotated domain.
type exact struct {
	in           *Instance
	cfg          attention.Config
	lay          reference.Layout
	pages        [][]byte
	records      [][]byte           // of the pages, of certified instances
	k, v         []token            // [KVLen·KVHeads]
	queries      []query            // [QLen·Heads]
	prob         *reference.Problem // queries [q̂|q] against keys [r|μ]
	meanK, meanV []float64          // norms of the heads' means
	intV         bool               // weights meet integers
	pairsKeys    bool               // scores may be those of kernels that multiply bfloat16
	pairsValues  bool               // the same for sums
	foldsScales  bool               // weights are rounded to bfloat16 with the scales of FP8 values
	answer       *reference.Result  // over what was appended, of certified instances

}

// token is a stored row: res + mu.
type token struct {
	res, mu      []float64 // residual as kernels read it; centre plus mean
	stored       []float64 // residual as stored, the same unless integer kernels round it
	integers     []float64 // residual as integer kernels read it, nil where that is stored
	off          []float64 // |centre| + |mean|
	norm, muNorm float64
	scale        float64 // of integers and FP8 codes
	lost         float64 // what Append rounds besides the codes, see appendError
}

// query is a query row, and as the scores see it.
type query struct {
	q     []float64 // rotated
	norm  float64
	hat   []float64 // codes times step, bfloat16, or q
	step  float64
	slack []float64 // bounds of what float32 may do to hat; nil for float32 queries
}

// layout is the layout by the reference's own arithmetic.
func (in *Instance) layout() reference.Layout {
	cfg := in.Plan.Config()
	side := func(s Store, d int, mean []float32) reference.SideLayout {
		name, static := s.Format, 0.0
		if k := strings.IndexByte(name, '('); k >= 0 {
			fmt.Sscanf(name[k:], "(%g)", &static)
			name = name[:k]
		}
		f, ok := reference.FormatByName(name)
		if !ok {
			panic("fuzz: the reference does not know " + name)
		}
		return reference.SideLayout{Format: f, D: d, Centred: s.Center, Rotated: s.Rotate, Static: static, Mean: widen(mean)}
	}
	return reference.Layout{KVHeads: in.KVHeads, K: side(in.Case.K, in.DK, cfg.K.Mean), V: side(in.Case.V, in.DV, cfg.V.Mean),
		Sinks: in.SinkTokens, Certified: in.Certify}
}

func (in *Instance) newExact() *exact {
	x := &exact{in: in, cfg: in.Plan.Config(), lay: in.layout()}
	if got, want := in.Plan.Layout().PageBytes, x.lay.PageBytes(); got != want {
		panic(fmt.Sprintf("fuzz: pages have %d bytes, the reference says %d", got, want))
	}
	if got, want := in.Plan.Layout().RecordBytes, x.lay.RecordBytes(); got != want {
		panic(fmt.Sprintf("fuzz: records have %d bytes, the reference says %d", got, want))
	}
	for _, b := range in.Table[:in.Plan.Layout().TablePages(in.KVLen)] {
		x.pages, x.records = append(x.pages, in.Page(b)), append(x.records, in.Records(b))
	}
	x.intV = in.Case.V.integer() && integer(x.cfg.P)
	x.pairsKeys = x.cfg.Q == attention.QBF16 || in.Case.K.Format == "bf16"
	x.foldsScales = x.cfg.P == attention.PBF16 && in.Case.V.fp8()
	x.pairsValues = x.foldsScales || x.cfg.P == attention.PBF16 && in.Case.V.Format == "bf16"
	for h := range in.KVHeads {
		x.meanK = append(x.meanK, norm(x.lay.Mean(h, reference.Keys)))
		x.meanV = append(x.meanV, norm(x.lay.Mean(h, reference.Values)))
	}
	x.k, x.v = x.tokens(reference.Keys), x.tokens(reference.Values)
	for i := range in.QLen * in.Heads {
		x.queries = append(x.queries, x.newQuery(in.Q[i*in.DK:][:in.DK]))
	}
	x.prob = x.problem()
	return x
}

// integer reports whether a mode has an integer form.
func integer(p attention.PMode) bool {
	switch p {
	case attention.PU4, attention.PU8, attention.PU16:
		return true
	}
	return p >= attention.PLog2Bits2 && p <= attention.PLogSqrt2Bits5 || p == attention.PLog2Bits3Wide
}

func (x *exact) side(s reference.Side) (d int, st Store) {
	if s == reference.Keys {
		return x.in.DK, x.in.Case.K
	}
	return x.in.DV, x.in.Case.V
}

// tokens decodes one side.
func (x *exact) tokens(s reference.Side) (all []token) {
	d, st := x.side(s)
	var means [][]float64
	for h := range x.in.KVHeads {
		means = append(means, x.lay.Mean(h, s))
	}
	var centre []float64
	centres := make([][]float64, x.in.KVHeads)
	zero := make([]float64, d)
	for t := range x.in.KVLen {
		for h := range x.in.KVHeads {
			tok := token{mu: zero, off: zero}
			if t < x.in.SinkTokens {
				tok.res = x.lay.StoredToken(x.pages, h, s, t)
				tok.stored = tok.res
			} else {
				page := x.page(t)
				tok.res = x.lay.Residual(page, h, s, t%reference.Tokens)
				tok.stored = tok.res
				scale, integers := x.lay.Integers(page, h, s, t%reference.Tokens)
				if tok.integers = integers; integers != nil && x.integers(s) {
					tok.res = integers
				}
				if t%reference.Tokens == 0 || t == x.in.SinkTokens {
					centres[h] = x.lay.Centre(page, h, s)
				}
				centre = centres[h]
				tok.mu, tok.off = make([]float64, d), make([]float64, d)
				for c, mean := range means[h] {
					tok.mu[c], tok.off[c] = centre[c]+mean, math.Abs(centre[c])+math.Abs(mean)
				}
				if st.fp8() || s == reference.Values && st.integer() {
					if tok.scale = scale; integers == nil {
						tok.scale = x.scale(page, h, s, t%reference.Tokens)
					}
				}
			}
			tok.norm, tok.muNorm = norm(tok.res), norm(tok.off)
			tok.lost = appendError(tok.norm+tok.muNorm, tok.muNorm, norm(means[h]), d, t < x.in.SinkTokens, st.Rotate)
			all = append(all, tok)
		}
	}
	return all
}

// integers reports whether a side meets integer kernels.
func (x *exact) integers(s reference.Side) bool {
	if s == reference.Keys {
		return x.cfg.Q == attention.QInt8
	}
	return x.intV
}

// page is the page of a token that is no sink.
func (x *exact) page(t int) []byte { return x.pages[x.lay.SinkPages()+t/reference.Tokens] }

// record returns that of a token which is not a sink token.
func (x *exact) record(head int, s reference.Side, t int) reference.Record {
	return x.lay.Record(x.records[x.lay.SinkPages()+t/reference.Tokens], head, s, t%reference.Tokens)
}

// scale is the scale stored with token t of a tile, or the static one.
func (x *exact) scale(page []byte, head int, s reference.Side, t int) float64 {
	b, static := x.lay.Storage(page, head, s), x.lay.V.Static
	if s == reference.Keys {
		static = x.lay.K.Static
	}
	_, st := x.side(s)
	if static > 0 {
		return static
	}
	if st.fp8() || st.Format == "int8-s32" {
		return reference.F32(binary.LittleEndian.Uint32(b[4*t:]))
	}
	return reference.F16(binary.LittleEndian.Uint16(b[2*t:]))
}

func (x *exact) newQuery(raw []float32) query {
	q := query{q: widen(raw)}
	if x.in.Case.K.Rotate {
		q.q = reference.Hadamard(q.q)
	}
	q.norm, q.hat = norm(q.q), q.q
	if x.cfg.Q == attention.QInt8 && allFinite(q.q) {
		q.quantize(x.in.Case.K.Rotate)
	}
	if x.cfg.Q == attention.QBF16 && allFinite(q.q) {
		q.round(x.in.Case.K.Rotate)
	}
	return q
}

// quantize replaces hat by int8 codes times max|q|/127. Without rotation the codes are
// those of the kernels, bit for bit; a rotated query is known to rotationError.
func (q *query) quantize(rotated bool) {
	amax, d := reference.AbsMax(q.q), len(q.q)
	q.hat, q.slack = make([]float64, d), make([]float64, d)
	step := float32(amax) / 127
	if step == 0 && amax > 0 {
		step = math.SmallestNonzeroFloat32
	}
	if step == 0 {
		return
	}
	if q.step = float64(step); !rotated {
		for c, x := range q.q {
			code := math.RoundToEven(float64(float32(x) / step))
			q.hat[c] = q.step * max(-127, min(127, code))
		}
		return
	}
	q.step = max(amax/127, math.SmallestNonzeroFloat32)
	err := rotationError(d, q.norm)            // of an element
	stepError := (err/127+0x1p-150)/q.step + u // relative
	code := func(x float64) float64 { return max(-127, min(127, math.RoundToEven(x))) }
	for c, x := range q.q {
		t := x / q.step
		near := 1.01 * (err/q.step + math.Abs(t)*(stepError+u))
		at := code(t)
		q.hat[c] = q.step * at
		q.slack[c] = q.step*(1+stepError)*max(code(t+near)-at, at-code(t-near)) + math.Abs(q.hat[c])*stepError
	}
}

// round replaces hat by bfloat16 numbers, as quantize does by codes.
func (q *query) round(rotated bool) {
	err := 0.0
	if rotated {
		err = rotationError(len(q.q), q.norm)
	}
	q.hat, q.slack = make([]float64, len(q.q)), make([]float64, len(q.q))
	for c, x := range q.q {
		at := reference.RoundBF16(x)
		q.hat[c], q.slack[c] = at, max(reference.RoundBF16(x+err)-at, at-reference.RoundBF16(x-err))
	}
}

// problem states the case for the reference, in the rotated domain.
func (x *exact) problem() *reference.Problem {
	in := x.in
	p := reference.NewProblem(in.Heads, in.KVHeads, 2*in.DK, in.DV, in.QLen, in.KVLen)
	in.constrain(p)
	for _, q := range x.queries {
		p.Q = append(append(p.Q, q.hat...), q.q...)
	}
	zero := make([]float64, in.DK)
	for i := range x.k {
		if k := &x.k[i]; i/in.KVHeads < in.SinkTokens {
			p.K = append(append(p.K, zero...), k.res...)
		} else {
			p.K = append(append(p.K, k.res...), k.mu...)
		}
	}
	for i := range x.v {
		for c, r := range x.v[i].res {
			p.V = append(p.V, r+x.v[i].mu[c])
		}
	}
	return p
}

// constrain sets everything but shapes and data.
func (in *Instance) constrain(p *reference.Problem) {
	cfg := in.Plan.Config()
	p.Scale, p.Softcap, p.Causal, p.Offset = float64(cfg.Scale), float64(in.Softcap), in.Causal, in.FirstPosition()
	if w := in.Window; w.Limited {
		p.WindowLeft, p.WindowRight = min(w.Left, 1<<30), min(w.Right, 1<<30) // keep p ± width in range
	}
	p.ALiBi, p.SinkLogits = widen(cfg.ALiBi), widen(cfg.SinkLogits)
	each := func(start []int64, stride int64, f func(at int64)) {
		for h := range in.Heads {
			for i := range in.QLen {
				for j := range in.KVLen {
					f(start[i] + int64(h)*stride + int64(j))
				}
			}
		}
	}
	if m := in.Batch.Mask; m != nil {
		each(m.Start, m.HeadStride, func(at int64) { p.Visible = append(p.Visible, m.Bits[at/8]>>(at%8)&1 != 0) })
	}
	if m := in.Batch.Bias; m != nil {
		each(m.Start, m.HeadStride, func(at int64) { p.Bias = append(p.Bias, float64(m.Values[at])) })
	}
}

func widen(x []float32) []float64 {
	if x == nil {
		return nil
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
