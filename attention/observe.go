package attention

import (
	"context"
	"math"
)

// ObserveProbabilities computes the probabilities of every row of a schedule and shows
// them to see, one row at a time: row is the query row of the batch, head the query head.
// p[j] is the probability of stored key j, sink logits in the denominator, zero where the
// key is hidden; p is see's until it returns.
//
// It is for calibration: observers of package quant/calib take such rows. It runs in
// the caller's goroutine, in the arithmetic of the plan up to the logits and in float64
// from there, allocates a block of up to max(64, heads of a group) rows of the longest
// sequence, and writes nothing of io but its workspace. io.Out may be nil.
func (p *Plan) ObserveProbabilities(ctx context.Context, s *Schedule, pg Pages, io *IO, see func(row, head int, p []float32)) error {
	if p == nil || ctx == nil || s == nil || io == nil || see == nil {
		return fieldErr(ErrShape, "ObserveProbabilities", "nil plan, context, schedule, IO or function")
	}
	if !s.busy.CompareAndSwap(false, true) {
		return fieldErr(ErrShape, "Schedule", "another Run is using it")
	}
	defer s.busy.Store(false)
	if err := s.checkInput(p, &pg, io); err != nil {
		return err
	}
	if io.Q.overlaps(io.Workspace) {
		return fieldErr(ErrShape, "IO.Workspace", "overlaps IO.Q")
	}
	for _, m := range p.memory(&pg) {
		if overlap(io.Workspace, m.b) {
			return fieldErr(ErrShape, "IO.Workspace", "overlaps %s", m.field)
		}
	}
	s.begin(ctx, pg, io)
	defer s.release()
	longest := 0
	for _, q := range s.seqs {
		longest = max(longest, q.kvLen)
	}
	o := observer{see: see, logits: make([]float32, p.rows*longest)}
	for i := range s.seqs {
		for head := range p.cfg.KVHeads {
			for tok := 0; tok < s.seqs[i].qLen; tok += p.tokens {
				if err := ctx.Err(); err != nil {
					return err
				}
				u := unit{seq: int32(i), head: int32(head), tok0: int32(tok), toks: int32(min(p.tokens, s.seqs[i].qLen-tok))}
				o.show(p.newBlock(s, &s.workers[0], &u, head))
			}
		}
	}
	return nil
}

// observer shows the rows of one block after the other.
type observer struct {
	see    func(row, head int, p []float32)
	logits []float32 // [rows][kvLen]
}

func (o *observer) show(b *block) {
	n := b.q.kvLen
	logits := o.logits[:b.rows*n]
	for i := range logits {
		logits[i] = negInf
	}
	b.eachTile(func(b *block, tokens int) {
		for r := range b.rows {
			for j, y := range b.w.y[r*Tile:][:tokens] {
				if y != negInf {
					logits[r*n+b.base+j] = y
				}
			}
		}
	})
	for r := range b.rows {
		row := rowTotal{m: math.Inf(-1)}
		p := logits[r*n : (r+1)*n]
		for _, y := range p {
			row.see(y)
		}
		row.sink(b.p.cfg.SinkLogits, b.queryHead(r))
		for j, y := range p {
			p[j] = float32(row.probability(y))
		}
		o.see(b.q.row0+b.tok0+r/b.p.group, b.queryHead(r), p)
	}
}
