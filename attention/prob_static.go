package attention

import (
	"math"
)

// static is the mode of normalised probabilities rounded to 1/top, to nearest even. The
// weights it leaves are (code/top + correction)·l, with l the denominator of the whole row,
// so that states merge as in the other modes.
func static(name string, top float32) *probability {
	return &probability{
		name:    name,
		prepare: func(b *block) { b.prepareStatic(float64(top)) },
		weigh:   func(b *block, n int) { b.weighStatic(n, float64(top)) },
	}
}

// rowTotal is what the first passes of a static mode find out about a row.
type rowTotal struct {
	m, l           float64 // base-2 maximum and denominator, sink logit included
	mass           float64 // of the keys: 1, less the share of the sink logit
	codes          float64 // sum of the codes
	n              float64 // visible keys
	factor, offset float64 // on codes, and added to the product: the corrected probability
}

// prepareStatic walks all tiles of the block: once for the denominators, and once more for
// the sum of the codes where the correction needs it.
func (b *block) prepareStatic(top float64) {
	totals := b.w.totals[:b.rows]
	for r := range totals {
		totals[r] = rowTotal{m: math.Inf(-1)}
	}
	b.eachTile((*block).countRow)
	for r := range totals {
		totals[r].sink(b.p.cfg.SinkLogits, b.queryHead(r))
	}
	if mode := b.p.cfg.Correction.Mode; mode == CorrectDynamic || mode == CorrectRenormalise {
		b.top = top
		b.eachTile((*block).countCodes)
	}
	for r := range totals {
		b.p.cfg.Correction.correct(b.queryHead(r), &totals[r], top)
	}
}

// eachTile shows every tile's logits to visit.
func (b *block) eachTile(visit func(b *block, n int)) {
	b.visit = visit
	for i := 0; splitRange(i).lo < b.q.kvLen; i++ {
		b.walk(splitRange(i))
	}
	b.visit = nil
}

// add merges a state without values.
func (w *rowTotal) add(m, l float64) {
	if math.IsInf(m, -1) {
		return
	}
	top := math.Max(w.m, m)
	w.l = w.l*math.Exp2(w.m-top) + l*math.Exp2(m-top)
	w.m = top
}

func (b *block) countRow(n int) {
	for r := range b.rows {
		for _, y := range b.w.y[r*Tile:][:n] {
			b.w.totals[r].see(y)
		}
	}
}

func (b *block) countCodes(n int) {
	for r := range b.rows {
		w := &b.w.totals[r]
		for _, y := range b.w.y[r*Tile:][:n] {
			w.codes += w.code(y, b.top)
		}
	}
}

// see counts a logit in; −Inf is not visible.
func (w *rowTotal) see(y float32) {
	if y != negInf {
		w.add(float64(y), 1)
		w.n++
	}
}

// sink counts a head's sink logit in.
func (w *rowTotal) sink(logits []float32, head int) {
	w.mass = 1
	if logits == nil || w.n == 0 {
		return
	}
	m, l := w.m, w.l
	w.add(float64(float32(logits[head]*log2e)), 1)
	w.mass = l * math.Exp2(m-w.m) / w.l
}

// probability is the probability of a logit.
func (w *rowTotal) probability(y float32) float64 {
	if y == negInf || w.l == 0 {
		return 0
	}
	return math.Exp2(float64(y)-w.m) / w.l
}

// code rounds the probability of a logit to top steps.
func (w *rowTotal) code(y float32, top float64) float64 {
	return math.RoundToEven(top * w.probability(y))
}

// weighStatic replaces logits by corrected weights against the row's maximum.
func (b *block) weighStatic(n int, top float64) {
	for r := range b.rows {
		y, st, w := b.w.y[r*Tile:][:n], &b.w.stat[r], &b.w.totals[r]
		*st = stat{M: negInf, Beta: 1}
		if math.IsNaN(w.m) || math.IsNaN(w.l) || math.IsInf(w.m, 1) {
			st.M, st.L = nan, nan
			for j := range y {
				y[j] = nan
			}
			continue
		}
		for j, x := range y {
			if x == negInf {
				y[j] = 0
				continue
			}
			st.M = float32(w.m)
			st.L += float32(math.Exp2(float64(x) - w.m))
			y[j] = float32((float64(w.code(x, top)*w.factor) + w.offset) * w.l)
		}
	}
}
