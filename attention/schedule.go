package attention

import (
	"context"
	"sync/atomic"
)

// Schedule turns one step's Batch into independent units of work. Make one per
// goroutine that runs attention, Reschedule it once per step, and use it for every
// layer of the plan; after it has grown to the largest step it allocates nothing.
// A Schedule serves one Run at a time.
type Schedule struct {
	plan    *Plan
	busy    atomic.Bool
	seqs    []sequence
	table   []int32
	units   []unit
	merges  []merge
	maxPage int32
	rows    int  // query rows of the batch
	distant bool // the keys and values of the batch are more than caches hold
	slots   int  // partial states
	mask    *Mask
	bias    *Bias
	workers []worker // one per worker of the runner, pointing into the workspace during Run
	tiles   []tileMemory
	heads   []worker // p.heads per worker: its rows, dealt out to the KV heads of a unit
	dealt   []int    // heads in use per worker
	tapes   []tape   // one per worker, where kernel calls can be repeated
	known   map[*Plan][]tape

	run runState
}

type sequence struct {
	row0   int // first query row in the batch
	qLen   int
	kvLen  int
	offset int // position of the first query row
	table  span
}

// unit computes a block of query rows of some KV heads over splits [split0, split1).
// With slot ≥ 0 the unit leaves the partial states of its splits there, one slot per row, those
// of the next head stride slots behind.
type unit struct {
	seq            int32
	head, heads    int32 // the first of them, and their number
	stride         int32
	tok0, toks     int32 // query tokens within the sequence
	split0, split1 int32
	slot           int32
}

// merge folds the partial states of a block, parts·rows slots from slot on.
type merge struct {
	unit
	parts int32
}

// runState is what units read during Run.
type runState struct {
	ctx   context.Context
	pages Pages
	io    IO
	phase phase
	done  atomic.Int64
	stop  atomic.Bool

	// Checks on the runner. A call of Do counts as inside while open.
	open    atomic.Bool
	inside  atomic.Int64
	broken  atomic.Bool     // out of range, twice, or two at a time under one worker
	round   uint32          // number of the phase, never 0
	taken   []atomic.Uint32 // per unit, the last round that did it
	working []atomic.Bool   // per worker
}

type phase uint8

const (
	attend phase = iota
	combine
)

// maxSlots bounds the partial states of a schedule, whatever the sequence lengths.
const maxSlots = 1 << 15

// maxUnits bounds the units of a schedule before they are split, and with them its
// memory: 4 million query rows of 64 heads.
const maxUnits = 1 << 22

// cacheBytes is what the caches of common CPUs hold for one thread. It decides about
// prefetching, not about results.
const cacheBytes = 16 << 20

// manyUnits is a number of units that keeps any machine busy.
const manyUnits = 512

// nearHeads is the number of KV heads whose states share the first cache with what is read.
// From memory, tiles come fastest in the order of their addresses, which hardware prefetchers
// follow: all heads of a page; from nearer caches it matters less than those states do.
const nearHeads = 2

const (
	// unitsPerWorker is a number of units that lets workers finish together, fewUnits one that
	// leaves some of them waiting for long.
	unitsPerWorker = 4
	fewUnits       = 2
)

// Reschedule validates b completely and rebuilds s in place for plan p. On error s is
// unchanged. The slices of b are copied, apart from Mask and Bias. The units depend on
// shapes and the number of workers only.
func (p *Plan) Reschedule(s *Schedule, b *Batch) error {
	if p == nil || s == nil || b == nil {
		return fieldErr(ErrShape, "Reschedule", "nil plan, schedule or batch")
	}
	maxPage, err := b.check(p)
	if err != nil {
		return err
	}
	if !s.busy.CompareAndSwap(false, true) {
		return fieldErr(ErrShape, "Schedule", "a Run is using it")
	}
	defer s.busy.Store(false)
	if s.plan != p {
		s.tapes = s.tapesOf(p)
	}
	s.plan, s.maxPage, s.mask, s.bias = p, maxPage, b.Mask, b.Bias
	s.seqs, s.units, s.merges, s.slots, s.rows = s.seqs[:0], s.units[:0], s.merges[:0], 0, 0
	s.table = append(s.table[:0], b.Table...)
	if n := p.opt.workers; len(s.workers) != n {
		s.workers, s.tiles, s.dealt = make([]worker, n), make([]tileMemory, n), make([]int, n)
		s.run.working = make([]atomic.Bool, n)
	}
	if n := p.opt.workers * p.heads; len(s.heads) != n {
		s.heads = make([]worker, n)
	}
	for i, kvLen := range b.KVLen {
		q := sequence{row0: int(b.QStart[i]), qLen: int(b.QStart[i+1] - b.QStart[i]), kvLen: int(kvLen),
			table: span{int(b.TabStart[i]), int(b.TabStart[i+1])}}
		q.offset = q.kvLen - q.qLen
		if b.QOffset != nil {
			q.offset = int(b.QOffset[i])
		}
		s.seqs = append(s.seqs, q)
		s.rows += q.qLen
	}
	tokens := 0
	for i := range s.seqs {
		tokens += s.seqs[i].kvLen
	}
	s.distant = tokens/Tile > cacheBytes/p.geo.pageBytes
	most := p.heads
	if !s.distant {
		most = min(most, nearHeads)
	}
	// Splits of their own pay where there are few other units, or heads had better stay together.
	// A mode that looks at a whole row first would do so once for every split.
	blocks := p.blocks(s.seqs)
	few := blocks <= manyUnits/p.cfg.KVHeads && (s.distant || blocks*((p.cfg.KVHeads+most-1)/most) < fewUnits*p.opt.workers)
	distribute := p.opt.workers > 1 && few && p.prob.prepare == nil && p.slotsWanted(s.seqs) <= maxSlots
	heads, splits := p.unitSize(s.seqs, distribute, most)
	for i := range s.seqs {
		s.addUnits(i, distribute, heads, splits)
	}
	if n := max(len(s.units), len(s.merges)); n > len(s.run.taken) {
		s.run.taken = make([]atomic.Uint32, max(n, 2*len(s.run.taken)))
	}
	return nil
}

// blocks counts the blocks of query rows. Whether splits are distributed changes no bit of the
// result.
func (p *Plan) blocks(seqs []sequence) (n int) {
	for i := range seqs {
		n += (seqs[i].qLen + p.tokens - 1) / p.tokens
	}
	return n
}

// slotsWanted counts the partial states if every split became a unit of its own.
func (p *Plan) slotsWanted(seqs []sequence) int {
	slots := 0
	for i := range seqs {
		q := &seqs[i]
		for tok := 0; tok < q.qLen && slots <= maxSlots; tok += p.tokens {
			toks := min(p.tokens, q.qLen-tok)
			first, last := splitsIn(p.blockSpan(q, tok, toks))
			if last-first > 1 {
				slots += (last - first) * toks * p.cfg.QHeads
			}
		}
	}
	return slots
}

// blockSpan is the union of the keys visible to a block of query tokens.
func (p *Plan) blockSpan(q *sequence, tok, toks int) span {
	u := span{maxInt, 0}
	for i := range toks {
		v := p.cfg.visible(q.offset+tok+i, q.kvLen)
		if v.lo < v.hi {
			u.lo, u.hi = min(u.lo, v.lo), max(u.hi, v.hi)
		}
	}
	if u.hi == 0 {
		return span{}
	}
	return u
}

// unitSize is the number of KV heads, at most most, that units of one token compute, tile by
// tile, and the number of splits of units that leave partial states: as many as leave enough
// units for the workers.
func (p *Plan) unitSize(seqs []sequence, distribute bool, most int) (heads, splits int) {
	units := 0 // of all heads and a split each
	for i := range seqs {
		q := &seqs[i]
		n := (q.qLen + p.tokens - 1) / p.tokens
		if distribute {
			first, last := splitsIn(p.blockSpan(q, 0, min(p.tokens, q.qLen)))
			n *= max(1, last-first)
		}
		units += n
	}
	heads = most
	enough := unitsPerWorker * p.opt.workers
	for p.opt.workers > 1 && heads > 1 && units*((p.cfg.KVHeads+heads-1)/heads) < enough {
		heads = (heads + 1) / 2
	}
	return heads, max(1, units*((p.cfg.KVHeads+heads-1)/heads)/enough)
}

// addUnits lists the blocks of a sequence, last rows first: under a causal mask they
// are the longest, and long units should start early.
func (s *Schedule) addUnits(seq int, distribute bool, heads, splits int) {
	p, q := s.plan, &s.seqs[seq]
	blocks := (q.qLen + p.tokens - 1) / p.tokens
	for b := blocks - 1; b >= 0; b-- {
		tok := b * p.tokens
		toks := min(p.tokens, q.qLen-tok)
		first, last := splitsIn(p.blockSpan(q, tok, toks))
		step := max(1, min(heads, p.rows/(toks*p.group)))
		for h := 0; h < p.cfg.KVHeads; h += step {
			u := unit{seq: int32(seq), head: int32(h), heads: int32(min(step, p.cfg.KVHeads-h)), tok0: int32(tok), toks: int32(toks),
				split0: int32(first), split1: int32(last), slot: -1}
			if !distribute || last-first < 2 {
				s.units = append(s.units, u)
				continue
			}
			rows := toks * p.group
			u.stride = int32((last - first) * rows)
			for i := range int(u.heads) {
				m := merge{unit: u, parts: int32(last - first)}
				m.head, m.heads, m.slot = int32(h+i), 1, int32(s.slots)+int32(i)*u.stride
				s.merges = append(s.merges, m)
			}
			for i := first; i < last; i += splits {
				u.split0, u.split1, u.slot = int32(i), int32(min(i+splits, last)), int32(s.slots+(i-first)*rows)
				s.units = append(s.units, u)
			}
			s.slots += int(u.heads) * int(u.stride)
		}
	}
}

// WorkspaceBytes is the exact size of the workspace Run needs for this schedule.
func (s *Schedule) WorkspaceBytes() int {
	if s.plan == nil {
		return 0
	}
	return s.plan.workspaceBytes(s.slots)
}

// MaxWorkspaceBytes bounds WorkspaceBytes over every batch: it depends on the plan
// and on the number of workers, not on lengths.
func (p *Plan) MaxWorkspaceBytes() int { return p.workspaceBytes(maxSlots) }

func (p *Plan) workspaceBytes(slots int) int {
	return p.opt.workers*p.scratch.bytes + slots*4*p.slotFloats()
}
