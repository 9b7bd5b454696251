package reference

import (
	"fmt"
	"math"
)

// ProbRow is one query row whose scores are known: what a probability mode starts from. With the reference exponent of a mode left open,
//
//	out_c = Σ_j P_j·(V[j][c] + Centre[j/64][c]),  P_j = 2^Y[j] / (Σ_j 2^Y[j] + 2^Sink)
type ProbRow struct {
	// Y holds the logits in base 2, y_j = s_j·log₂e. −Inf hides a key: its value and scale are never read.
	Y []float64
	// DV is the number of value channels.
	DV int
	// V is [len(Y)][DV]: the stored values without the centre.
	V []float64
	// VScale is the scale of each value row, V[j][c] = VScale[j]·integer code, or empty (all 1). Never negative. Integer weights fold it in.
	VScale []float64
	// Centre is [⌈len(Y)/64⌉][DV], the vector subtracted from the values of a tile, or empty (zero).
	Centre []float64
	// Sink is a logit in base 2 whose weight only enters the denominator; −Inf is none. Note that 0 is a sink; [NewProbRow] sets −Inf.
	Sink float64
	// Splits holds token indices, multiples of 64, at which a running maximum starts anew. The parts are merged, so modes that take
	// their reference from the tile alone do not see them.
	Splits []int
}

// NewProbRow returns a row without scales, centre, sink, or splits.
func NewProbRow(y, v []float64, dv int) *ProbRow {
	return &ProbRow{Y: y, V: v, DV: dv, Sink: math.Inf(-1)}
}

// ProbRow returns query row i of head h: the scores of [Problem.Row] in base 2, the values of its kv head, its sink.
func (p *Problem) ProbRow(i, h int) *ProbRow {
	y, _ := p.Row(i, h)
	var v []float64
	for j := range y {
		y[j] *= math.Log2E
		v = append(v, p.V[(j*p.KVHeads+p.kvHead(h))*p.DV:][:p.DV]...)
	}
	r := NewProbRow(y, v, p.DV)
	if len(p.SinkLogits) > 0 {
		r.Sink = p.SinkLogits[h] * math.Log2E
	}
	return r
}

// ScaleCodes returns the values scale[j]·codes[j][c] of rows of dv integers.
func ScaleCodes(codes []int8, scale []float64, dv int) []float64 {
	v := make([]float64, len(codes))
	for i, c := range codes {
		v[i] = scale[i/dv] * float64(c)
	}
	return v
}

// hidden reports whether key j takes no part.
func (r *ProbRow) hidden(j int) bool { return math.IsInf(r.Y[j], -1) }

// visible counts the keys that take part.
func (r *ProbRow) visible() int {
	n := 0
	for j := range r.Y {
		if !r.hidden(j) {
			n++
		}
	}
	return n
}

func (r *ProbRow) tileCount() int { return ceil(len(r.Y), Tokens) }

func (r *ProbRow) scale(j int) float64 {
	if len(r.VScale) == 0 {
		return 1
	}
	return r.VScale[j]
}

func (r *ProbRow) stored(j int) []float64 { return r.V[j*r.DV:][:r.DV] }

func (r *ProbRow) centre(tile int) []float64 {
	if len(r.Centre) == 0 {
		return make([]float64, r.DV)
	}
	return r.Centre[tile*r.DV:][:r.DV]
}

// value is V plus centre of key j.
func (r *ProbRow) value(j int) []float64 {
	v := append([]float64(nil), r.stored(j)...)
	for c, mu := range r.centre(j / Tokens) {
		v[c] += mu
	}
	return v
}

// top is the largest logit, sink included.
func (r *ProbRow) top() float64 {
	top := r.Sink
	for _, y := range r.Y {
		top = math.Max(top, y)
	}
	return top
}

// exactLSE is the natural logarithm of the exact denominator.
func (r *ProbRow) exactLSE() float64 {
	if math.IsInf(r.top(), -1) {
		return math.Inf(-1)
	}
	_, _, sum := expWeights(r, Slack{})
	return math.Ln2 * (r.top() + math.Log2(sum.lo))
}

// mean is the mean value of the visible keys.
func (r *ProbRow) mean() []float64 {
	mu, n := make([]float64, r.DV), float64(r.visible())
	for j := range r.Y {
		if r.hidden(j) {
			continue
		}
		for c, v := range r.value(j) {
			mu[c] += v / n
		}
	}
	return mu
}

// hull returns the least and the largest visible value of channel c; with a sink the hull contains 0.
func (r *ProbRow) hull(c int) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	if !math.IsInf(r.Sink, -1) {
		lo, hi = 0, 0
	}
	for j := range r.Y {
		if !r.hidden(j) {
			v := r.value(j)[c]
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	return lo, hi
}

// undefined reports whether a visible logit, a visible scale or the sink is NaN or too large: the whole row is NaN then.
func (r *ProbRow) undefined() bool {
	bad := math.IsNaN(r.Sink) || math.IsInf(r.Sink, 1)
	for j, y := range r.Y {
		if !r.hidden(j) {
			s := r.scale(j)
			bad = bad || math.IsNaN(y) || math.IsInf(y, 1) || math.IsNaN(s) || math.IsInf(s, 0)
		}
	}
	return bad
}

func (r *ProbRow) check() {
	need := func(name string, have, want int) {
		if have != want {
			panic(fmt.Sprintf("reference: ProbRow.%s has %d elements, want %d", name, have, want))
		}
	}
	need("V", len(r.V), len(r.Y)*r.DV)
	if len(r.VScale) > 0 {
		need("VScale", len(r.VScale), len(r.Y))
	}
	if len(r.Centre) > 0 {
		need("Centre", len(r.Centre), r.tileCount()*r.DV)
	}
	for _, s := range r.Splits {
		if s%Tokens != 0 {
			panic(fmt.Sprintf("reference: ProbRow.Splits contains %d, no multiple of %d", s, Tokens))
		}
	}
}
