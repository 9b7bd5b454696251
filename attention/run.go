package attention

import (
	"context"
	"math"
	"runtime"
	"runtime/pprof"
	"unsafe"

	"github.com/qattn/qattn/quant"
)

// IO is the memory of one Run. Out, LSE, ErrEst, ErrBound and Workspace must not overlap each other,
// Q, the pages and their records, the mask or the bias.
type IO struct {
	Q   Rows      // [rows][QHeads][DK]
	Out []float32 // [rows][QHeads][DV]
	LSE []float32 // optional [rows][QHeads]: natural log of the softmax denominator, −Inf for an empty row
	// ErrEst and ErrBound, optional [rows][QHeads], receive what quantization may have done
	// to a row of Out: an estimate of the root mean square error over its channels, and a
	// bound of every channel's that holds always and is usually far above. Both are NaN for
	// a row that saw a token that is not finite. They need Config.Certify.
	ErrEst, ErrBound []float32
	Workspace        []byte // at least Schedule.WorkspaceBytes(), 64-byte aligned; contents need not survive
}

// Run computes attention for every query row of the schedule over the stored tokens.
// It allocates nothing, and starts no goroutine of its own: the plan's Runner spreads
// the units. A row's bits depend on its query, its visible tokens and its position
// only, not on the other rows, the batch, the page ids or the workers.
//
// A row that sees no token gives 0 and LSE −Inf (with a sink logit: 0 and the logit).
// A NaN reaches exactly the rows that see it. ctx is polled once per unit; after
// cancellation, or when the Runner breaks its contract (ErrRunner), Out is
// unspecified. Any other error is found before the first write.
func (p *Plan) Run(ctx context.Context, s *Schedule, pg Pages, io *IO) error {
	if p == nil || ctx == nil || s == nil || io == nil {
		return fieldErr(ErrShape, "Run", "nil plan, context, schedule or IO")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.busy.CompareAndSwap(false, true) {
		return fieldErr(ErrShape, "Schedule", "another Run is using it")
	}
	defer s.busy.Store(false)
	if err := s.checkRun(p, &pg, io); err != nil {
		return err
	}
	s.begin(ctx, pg, io)
	defer s.release()
	if err := s.phase(attend, len(s.units)); err != nil {
		return err
	}
	return s.phase(combine, len(s.merges))
}

// begin keeps the caller's memory and deals the workspace out to the workers.
func (s *Schedule) begin(ctx context.Context, pg Pages, io *IO) {
	s.run.ctx, s.run.pages, s.run.io = ctx, pg, *io
	mem := carver{base: unsafe.Pointer(unsafe.SliceData(io.Workspace))}
	for i := range s.workers {
		s.workers[i].tileMemory = &s.tiles[i]
		s.workers[i].carve(&s.plan.scratch, &mem)
	}
	for i := range s.tapes {
		s.tapes[i].rows, s.tapes[i].refused = 0, 0
	}
	s.run.stop.Store(false)
}

// release forgets the caller's memory.
func (s *Schedule) release() {
	s.run.ctx, s.run.pages, s.run.io = nil, Pages{}, IO{}
	clear(s.workers)
	clear(s.tiles)
	for i, n := range s.dealt {
		clear(s.heads[i*s.plan.heads:][:n])
	}
	clear(s.dealt)
}

// phase hands units to the runner and checks that it did them all.
func (s *Schedule) phase(ph phase, units int) error {
	if units == 0 {
		return nil
	}
	r := &s.run
	r.phase = ph
	r.done.Store(0)
	r.broken.Store(false)
	if r.round++; r.round == 0 {
		clear(r.taken)
		r.round = 1
	}
	clear(r.working) // a unit that panicked has left its worker
	done := s.dispatch(units)
	switch {
	case r.broken.Load():
		return fieldErr(ErrRunner, "Runner.Run", "called Do twice for a unit, at once for a worker, or out of range")
	case done != int64(units):
		return fieldErr(ErrRunner, "Runner.Run", "returned after %d of %d units", done, units)
	case s.run.stop.Load():
		return s.run.ctx.Err()
	}
	return nil
}

// dispatch lets the runner do the units and returns how many it had done when it
// returned. Nobody uses the caller's memory afterwards, whatever the runner does.
func (s *Schedule) dispatch(units int) (done int64) {
	r := &s.run
	r.open.Store(true)
	defer func() {
		r.open.Store(false)
		for r.inside.Load() != 0 { // the runner returned, or panicked, too early
			runtime.Gosched()
		}
	}()
	s.plan.opt.runner.Run(units, s)
	return r.done.Load()
}

// checkInput checks what a schedule reads, and its workspace.
func (s *Schedule) checkInput(p *Plan, pg *Pages, io *IO) error {
	if s.plan != p {
		return fieldErr(ErrShape, "Schedule", "not made by this plan: call Reschedule")
	}
	have, err := pg.count(p.geo.pageBytes)
	if err != nil {
		return err
	}
	if int(s.maxPage) >= have {
		return fieldErr(ErrPageTable, "Pages.Arena", "the table uses page %d, the arena holds pages 0..%d", s.maxPage, have-1)
	}
	if err := io.Q.check("IO.Q", s.rows, p.cfg.QHeads, p.cfg.DK); err != nil {
		return err
	}
	need := s.WorkspaceBytes()
	if len(io.Workspace) < need {
		return fieldErr(ErrWorkspace, "IO.Workspace", "%d bytes, want at least %d", len(io.Workspace), need)
	}
	if uintptr(unsafe.Pointer(unsafe.SliceData(io.Workspace)))&63 != 0 {
		return fieldErr(ErrWorkspace, "IO.Workspace", "not aligned to 64 bytes; AlignedBytes allocates aligned memory")
	}
	return nil
}

func (s *Schedule) checkRun(p *Plan, pg *Pages, io *IO) error {
	if err := s.checkInput(p, pg, io); err != nil {
		return err
	}
	if err := p.checkRecords(pg, s.maxPage); err != nil {
		return err
	}
	heads, ok1 := mulFits(s.rows, p.cfg.QHeads)
	outs, ok2 := mulFits(heads, p.cfg.DV)
	if !ok1 || !ok2 || len(io.Out) < outs {
		return fieldErr(ErrShape, "IO.Out", "length %d, want at least %d·%d·%d", len(io.Out), s.rows, p.cfg.QHeads, p.cfg.DV)
	}
	if io.LSE != nil && len(io.LSE) < heads {
		return fieldErr(ErrShape, "IO.LSE", "length %d, want at least %d", len(io.LSE), heads)
	}
	for _, c := range io.certificates() {
		if c.values != nil && !p.cfg.Certify {
			return fieldErr(ErrUnsupported, c.field, "the plan has no certificates: set Config.Certify")
		}
		if c.values != nil && len(c.values) < heads {
			return fieldErr(ErrShape, c.field, "length %d, want at least %d", len(c.values), heads)
		}
	}
	return s.checkOverlap(pg, io, outs, heads, s.WorkspaceBytes())
}

// checkOverlap rejects outputs that share memory with anything else.
func (s *Schedule) checkOverlap(pg *Pages, io *IO, outs, heads, work int) error {
	written := [...]struct {
		field string
		b     []byte
	}{{"IO.Out", bytesOf(io.Out[:outs])}, {"IO.LSE", nil}, {"IO.Workspace", io.Workspace[:work]}, {"IO.ErrEst", nil}, {"IO.ErrBound", nil}}
	stored := s.plan.memory(pg)
	var bias, mask []byte
	if s.bias != nil {
		bias = bytesOf(s.bias.Values)
	}
	if s.mask != nil {
		mask = s.mask.Bits
	}
	if io.LSE != nil {
		written[1].b = bytesOf(io.LSE[:heads])
	}
	for i, c := range io.certificates() {
		if c.values != nil {
			written[3+i].b = bytesOf(c.values[:heads])
		}
	}
	for i, w := range written {
		if io.Q.overlaps(w.b) {
			return fieldErr(ErrShape, w.field, "overlaps IO.Q")
		}
		for _, m := range stored {
			if overlap(w.b, m.b) {
				return fieldErr(ErrShape, w.field, "overlaps %s", m.field)
			}
		}
		if overlap(w.b, bias) || overlap(w.b, mask) {
			return fieldErr(ErrShape, w.field, "overlaps the schedule's mask or bias")
		}
		for _, v := range written[:i] {
			if overlap(w.b, v.b) {
				return fieldErr(ErrShape, w.field, "overlaps %s", v.field)
			}
		}
	}
	return nil
}

// Do implements Task for the plan's Runner; it is not for other callers.
func (s *Schedule) Do(index, id int) {
	s.run.inside.Add(1)
	defer s.run.inside.Add(-1)
	if !s.run.open.Load() {
		s.run.broken.Store(true)
		return
	}
	units := len(s.units)
	if s.run.phase == combine {
		units = len(s.merges)
	}
	if id < 0 || id >= len(s.workers) || index < 0 || index >= units ||
		s.run.taken[index].Swap(s.run.round) == s.run.round || !s.run.working[id].CompareAndSwap(false, true) {
		s.run.broken.Store(true)
		return
	}
	s.do(index, id)
	s.run.working[id].Store(false)
	s.run.done.Add(1)
}

// do runs a unit on a worker that is free.
func (s *Schedule) do(index, id int) {
	if s.run.stop.Load() || s.run.ctx.Err() != nil {
		s.run.stop.Store(true)
		return
	}
	p := s.plan
	if p.labels != nil {
		p.labels.set(s.run.phase, s.rows > len(s.seqs))
		defer pprof.SetGoroutineLabels(s.run.ctx)
	}
	if s.run.phase == combine {
		p.combineUnit(s, &s.workers[id], &s.merges[index])
		return
	}
	p.attendUnit(s, id, &s.units[index])
}

// attendUnit walks the splits of a unit and leaves outputs or partial states.
func (p *Plan) attendUnit(s *Schedule, id int, u *unit) {
	rows := int(u.toks) * p.group
	heads := s.heads[id*p.heads:][:u.heads]
	s.dealt[id] = max(s.dealt[id], len(heads))
	for i := range heads {
		w := &heads[i]
		s.workers[id].deal(w, i*rows)
		b := p.newBlock(s, w, u, int(u.head)+i)
		b.first, b.heads = &heads[0].block, len(heads)
		if i > 0 {
			heads[i-1].block.after = b
		}
		w.split.reset(rows)
	}
	if s.tapes != nil {
		heads[0].block.use(&s.tapes[id])
	}
	if u.slot >= 0 {
		for k := range int(u.split1 - u.split0) {
			heads[0].block.walk(splitRange(int(u.split0) + k))
			for i := range heads {
				if p.cfg.Certify {
					heads[i].block.closeCertificates(&heads[i].split)
				}
				part := s.partial(int(u.slot)+i*int(u.stride)+k*rows, rows)
				part.copy(&heads[i].split, rows)
				heads[i].split.reset(rows)
			}
		}
		return
	}
	for split := u.split0; split < u.split1; split++ {
		heads[0].block.walk(splitRange(int(split)))
		if u.split1 == u.split0+1 {
			break
		}
		for i := range heads {
			w := &heads[i]
			if split == u.split0 {
				w.total.copy(&w.split, rows)
			} else {
				w.total.merge(w, p.ks, &w.split, rows)
			}
			w.split.reset(rows)
		}
	}
	for i := range heads {
		w := &heads[i]
		st := &w.total
		if u.split1 <= u.split0+1 {
			st = &w.split
		}
		if p.cfg.Certify {
			w.block.closeCertificates(st)
		}
		p.finish(s, w, u, int(u.head)+i, st)
	}
}

// combineUnit folds the partial states of a block in index order, into the first.
func (p *Plan) combineUnit(s *Schedule, w *worker, m *merge) {
	rows := int(m.toks) * p.group
	total := s.partial(int(m.slot), rows)
	for i := 1; i < int(m.parts); i++ {
		part := s.partial(int(m.slot)+i*rows, rows)
		total.merge(w, p.ks, &part, rows)
	}
	p.finish(s, w, &m.unit, int(m.head), &total)
}

// finish adds the sink logits to the states of a head's block, divides, rotates values back and
// stores the rows. A zero comes out as +0, whatever was merged on the way.
func (p *Plan) finish(s *Schedule, w *worker, u *unit, head int, st *state) {
	q, rows := &s.seqs[u.seq], int(u.toks)*p.group
	if p.cfg.SinkLogits != nil {
		p.addSinks(w, st, head, rows)
	}
	spread := 1.0 // of an error over channels by the rotation back
	if p.cfg.V.Rotate {
		spread = math.Sqrt(float64(p.cfg.DV))
	}
	for r := range rows {
		h := head*p.group + r%p.group
		at := (q.row0+int(u.tok0)+r/p.group)*p.cfg.QHeads + h
		out := s.run.io.Out[at*p.cfg.DV : (at+1)*p.cfg.DV]
		empty := st.m[r] == negInf || st.l[r] == 0
		if empty {
			clear(out)
		} else {
			p.ks.FinishF32(out, st.row(r), st.l[r])
			if p.cfg.V.Rotate {
				quant.Hadamard(p.ks, out)
			}
		}
		if lse := s.run.io.LSE; lse != nil {
			lse[at] = negInf
			if !empty {
				lse[at] = float32((float64(st.m[r]) + math.Log2(float64(st.l[r]))) * ln2)
			}
		}
		if p.cfg.Certify {
			estimate, bound := float32(0), float32(0)
			if st.l[r] != 0 { // an empty row is exact
				estimate, bound = st.cert.finish(r, st.l[r], spread)
			}
			if s.run.io.ErrEst != nil {
				s.run.io.ErrEst[at] = estimate
			}
			if s.run.io.ErrBound != nil {
				s.run.io.ErrBound[at] = bound
			}
		}
	}
}

// addSinks adds to every row the logit of its head: a key whose value is 0.
func (p *Plan) addSinks(w *worker, st *state, head, rows int) {
	sinks := &w.split
	if st == sinks {
		sinks = &w.total
	}
	sinks.reset(rows)
	for r := range rows {
		sinks.m[r], sinks.l[r] = float32(p.cfg.SinkLogits[head*p.group+r%p.group]*log2e), 1
	}
	st.merge(w, p.ks, sinks, rows)
}
