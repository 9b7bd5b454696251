package reference

import (
	"math"
	"slices"
)

// probTile is one tile of a row.
type probTile struct {
	first    int       // its first key
	y, scale []float64 // logits and value scales of its keys
	ref      float64   // M_t
	u        float64   // U
	// refLo and refHi are the least and the largest M_t that uncertain logits can give.
	refLo, refHi float64
}

func (t *probTile) hidden(j int) bool { return math.IsInf(t.y[j], -1) }

// top computes U.
func (t *probTile) top() float64 {
	u := 0.0
	for j := range t.y {
		if !t.hidden(j) {
			u = math.Max(u, math.Exp2(t.y[j]-t.ref)*t.scale[j])
		}
	}
	return u
}

// tiles cuts a row and finds the references.
func (m ProbMode) tiles(r *ProbRow, s Slack) []probTile {
	var tiles []probTile
	none := math.Inf(-1)
	run, runLo, runHi := none, none, none
	for first := 0; first < len(r.Y); first += Tokens {
		if slices.Contains(r.Splits, first) {
			run, runLo, runHi = none, none, none
		}
		t := probTile{first: first, y: r.Y[first:min(first+Tokens, len(r.Y))], ref: none, refLo: none, refHi: none}
		for j := range t.y {
			t.scale = append(t.scale, r.scale(first+j))
		}
		if top := slices.Max(t.y); !math.IsInf(top, -1) {
			t.ref, t.refLo, t.refHi = m.ref(run, top), m.ref(runLo, top-s.Logit), m.ref(runHi, top+s.Logit)
			t.u = t.top()
			run, runLo, runHi = math.Max(run, t.ref), math.Max(runLo, t.refLo), math.Max(runHi, t.refHi)
		}
		tiles = append(tiles, t)
	}
	return tiles
}

// The references: of the tile alone, of the tiles so far, and of the tiles so far rounded up to a whole octave.
func refTile(_, top float64) float64          { return top }
func refRunning(running, top float64) float64 { return math.Max(running, top) }
func refOctave(running, top float64) float64  { return math.Max(running, math.Ceil(top)) }

// binState is (m, l, o) in base 2.
type binState struct {
	m, l float64
	o    []float64
}

// add merges l and o relative to 2^m; a nil o counts as zero, m = −Inf as nothing.
func (s *binState) add(m, l float64, o []float64) {
	if math.IsInf(m, -1) {
		return
	}
	top := math.Max(s.m, m)
	a, b := math.Exp2(s.m-top), math.Exp2(m-top)
	s.m, s.l = top, a*s.l+b*l
	for c := range s.o {
		s.o[c] *= a
		if o != nil {
			s.o[c] += b * o[c]
		}
	}
}

func (s *binState) finish() (out []float64, lse float64) {
	out = make([]float64, len(s.o))
	if math.IsInf(s.m, -1) {
		return out, s.m
	}
	for c := range out {
		out[c] = s.o[c] / s.l
	}
	return out, math.Ln2 * (s.m + math.Log2(s.l))
}

func nans(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = math.NaN()
	}
	return x
}
