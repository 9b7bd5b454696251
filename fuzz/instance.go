package fuzz

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/qattn/qattn/attention"
)

// Instance is a Case in memory: a plan, an arena with the stored tokens, and a
// schedule. Every byte that the library has no business reading holds the poison.
type Instance struct {
	Case
	Plan    *attention.Plan
	Arena   []byte
	Pages   attention.Pages // Records, of exactly the arena's pages, where the case certifies
	Table   []int32         // with invalid entries behind those the sequence needs
	Sched   *attention.Schedule
	Batch   attention.Batch
	Q, K, V []float32

	poison byte
	free   []int32 // pages not in the table
}

// slack is the number of entries behind a sequence's table.
const slack = 2

// Build stores the case and schedules it. Poison fills whatever Append and Run must
// not read: unused pages, gaps, tokens behind KVLen, the workspace.
func (c Case) Build(poison byte) (*Instance, error) {
	in := &Instance{Case: c, poison: poison, Sched: new(attention.Schedule)}
	cfg := c.Config()
	var opts []attention.Option
	if c.Workers > 1 {
		opts = append(opts, attention.WithRunner(NewShuffled(c.Workers, c.Seed)))
	}
	if c.Tier != "" {
		opts = append(opts, attention.WithTier(c.Tier))
	}
	var err error
	if in.Plan, err = attention.NewPlan(cfg, opts...); err != nil {
		return nil, fmt.Errorf("NewPlan: %w", err)
	}
	in.Q, in.K, in.V = c.Tensors()
	in.allocate()
	if err := in.Append(in.K, in.V); err != nil {
		return nil, err
	}
	if err := in.checkUntouched(); err != nil {
		return nil, err
	}
	in.Batch = attention.Batch{
		QStart: []int32{0, int32(c.QLen)}, KVLen: []int32{int32(c.KVLen)},
		Table: in.Table, TabStart: []int32{0, int32(len(in.Table))}, Mask: c.mask(), Bias: c.bias(),
	}
	if c.Offset != nil {
		in.Batch.QOffset = []int32{int32(*c.Offset)}
	}
	if err := in.Plan.Reschedule(in.Sched, &in.Batch); err != nil {
		return nil, fmt.Errorf("Reschedule: %w", err)
	}
	return in, nil
}

// allocate makes an arena and records with two pages more than needed and a random page
// order. Records are as unaligned as the arena.
func (in *Instance) allocate() {
	lay := in.Plan.Layout()
	need := lay.TablePages(in.KVLen)
	stride := lay.PageBytes + in.PageGap
	have := need + 2
	in.Arena = fill(attention.AlignedBytes(in.PageOffset+(have-1)*stride+lay.PageBytes), in.poison)
	in.Pages = attention.Pages{Arena: in.Arena, Offset: in.PageOffset, Stride: stride}
	if in.PageGap == 0 {
		in.Pages.Stride = 0
	}
	if in.Certify {
		in.Pages.Records = fill(attention.AlignedBytes(in.PageOffset + have*lay.RecordBytes)[in.PageOffset:], in.poison)
	}
	order := make([]int32, have)
	for i := range order {
		order[i] = int32(i)
	}
	if in.PageSeed != 0 {
		rand.New(rand.NewPCG(in.PageSeed, 0)).Shuffle(have, func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	in.Table, in.free = append([]int32(nil), order[:need]...), order[need:]
	for i := range slack {
		in.Table = append(in.Table, []int32{math.MaxInt32, -1}[i%2])
	}
}

func fill(b []byte, v byte) []byte {
	if len(b) > 0 {
		b[0] = v
		for n := 1; n < len(b); n *= 2 {
			copy(b[n:], b[:n])
		}
	}
	return b
}

// only reports whether all bytes are v.
func only(b []byte, v byte) bool { return bytes.Count(b, []byte{v}) == len(b) }

// Append stores tokens from the start of the sequence in the case's chunks.
func (in *Instance) Append(k, v []float32) error {
	r := in.rand(streamChunks)
	for pos := 0; pos < in.KVLen; {
		n := in.KVLen - pos
		if in.Chunk > 0 {
			n = min(n, 1+r.IntN(in.Chunk))
		}
		err := in.Plan.Append(in.Pages, in.Table, pos, n,
			attention.Rows{F32: k[pos*in.KVHeads*in.DK:]}, attention.Rows{F32: v[pos*in.KVHeads*in.DV:]})
		if err != nil {
			return fmt.Errorf("Append(%d, %d): %w", pos, n, err)
		}
		pos += n
	}
	return nil
}

// Page returns page b of the arena.
func (in *Instance) Page(b int32) []byte {
	n := in.Plan.Layout().PageBytes
	stride := in.Pages.Stride
	if stride == 0 {
		stride = n
	}
	return in.Arena[in.Pages.Offset+int(b)*stride:][:n]
}

// Records returns those of page b, nil unless the case certifies.
func (in *Instance) Records(b int32) []byte {
	n := in.Plan.Layout().RecordBytes
	if n == 0 {
		return nil
	}
	return in.Pages.Records[int(b)*n:][:n]
}

// checkUntouched reports writes to pages that are not in the table, to gaps, and to records
// of tokens that no tile stores.
func (in *Instance) checkUntouched() error {
	for _, b := range in.free {
		if !only(in.Page(b), in.poison) || !only(in.Records(b), in.poison) {
			return fmt.Errorf("page %d, which is not in the table, or its records were written", b)
		}
	}
	if err := in.checkRecords(); err != nil {
		return err
	}
	if in.PageGap == 0 {
		return nil
	}
	lay := in.Plan.Layout()
	ok := only(in.Arena[:in.PageOffset], in.poison)
	for at := in.PageOffset; at+in.Pages.Stride <= len(in.Arena); at += in.Pages.Stride {
		ok = ok && only(in.Arena[at+lay.PageBytes:at+in.Pages.Stride], in.poison)
	}
	if !ok {
		return fmt.Errorf("the arena was written between pages")
	}
	return nil
}

// checkRecords reports records of sink pages, and on tile pages of sink tokens and of tokens
// behind KVLen.
func (in *Instance) checkRecords() error {
	const token = 2 * 12 // keys, values
	lay := in.Plan.Layout()
	for i, b := range in.Table[:lay.TablePages(in.KVLen)] {
		first := (i - lay.SinkPages) * lay.Tile // of the tile; below 0 on sink pages
		for at := 0; at < len(in.Records(b)); at += token {
			t := first + at/token%lay.Tile
			if (t < in.SinkTokens || t >= in.KVLen) && !only(in.Records(b)[at:][:token], in.poison) {
				return fmt.Errorf("records of token %d were written, on page %d of the table", t, i)
			}
		}
	}
	return nil
}

// stored is a copy of pages and records.
type stored struct{ arena, records []byte }

func copied(pg attention.Pages) stored {
	return stored{bytes.Clone(pg.Arena), bytes.Clone(pg.Records)}
}

// in reports whether a view still holds the copy.
func (s stored) in(pg attention.Pages) bool {
	return bytes.Equal(s.arena, pg.Arena) && bytes.Equal(s.records, pg.Records)
}

// Output is what Run left.
type Output struct {
	Out []float32 // [QLen][Heads][DV]
	LSE []float32 // [QLen][Heads]
	// ErrEst and ErrBound, [QLen][Heads], are those of a certified plan, else nil.
	ErrEst, ErrBound []float32
}

// named lists the parts.
func (o Output) named() []namedFloats {
	return []namedFloats{{"out", o.Out}, {"lse", o.LSE}, {"estimate", o.ErrEst}, {"bound", o.ErrBound}}
}

type namedFloats struct {
	name string
	x    []float32
}

const margin = 16 // poisoned floats around outputs

// Run computes the attention, with poison in and around the outputs and in the
// workspace, and checks that nothing else was written.
func (in *Instance) Run() (Output, error) { return in.RunRows(attention.Rows{F32: in.Q}) }

// RunRows is Run with another view of the queries.
func (in *Instance) RunRows(q attention.Rows) (Output, error) {
	all := Output{Out: in.poisoned(in.QLen * in.Heads * in.DV), LSE: in.poisoned(in.QLen * in.Heads)}
	if in.Certify {
		all.ErrEst, all.ErrBound = in.poisoned(in.QLen*in.Heads), in.poisoned(in.QLen*in.Heads)
	}
	o := Output{inner(all.Out), inner(all.LSE), inner(all.ErrEst), inner(all.ErrBound)}
	work := fill(attention.AlignedBytes(in.Sched.WorkspaceBytes()+2*margin), in.poison)
	need := in.Sched.WorkspaceBytes()
	before := copied(in.Pages)
	err := in.Plan.Run(context.Background(), in.Sched, in.Pages, &attention.IO{
		Q: q, Out: o.Out, LSE: o.LSE, ErrEst: o.ErrEst, ErrBound: o.ErrBound, Workspace: work[:need:need]})
	if err != nil {
		return Output{}, fmt.Errorf("Run: %w", err)
	}
	if !before.in(in.Pages) {
		return Output{}, fmt.Errorf("Run wrote to the arena or to records")
	}
	for _, part := range all.named() {
		for i := range min(margin, len(part.x)) {
			for _, v := range []float32{part.x[i], part.x[len(part.x)-1-i]} {
				if math.Float32bits(v) != in.poison32() {
					return Output{}, fmt.Errorf("Run wrote outside its outputs")
				}
			}
		}
	}
	if !only(work[need:], in.poison) {
		return Output{}, fmt.Errorf("Run wrote behind its workspace")
	}
	return o, nil
}

// inner is x without its margins.
func inner(x []float32) []float32 {
	if x == nil {
		return nil
	}
	return x[margin : len(x)-margin]
}

func (in *Instance) poison32() uint32 {
	return binary.LittleEndian.Uint32([]byte{in.poison, in.poison, in.poison, in.poison})
}

func (in *Instance) poisoned(n int) []float32 {
	x := make([]float32, n+2*margin)
	for i := range x {
		x[i] = math.Float32frombits(in.poison32())
	}
	return x
}

// Same compares outputs bit for bit, NaNs of any payload being equal, and describes the
// first difference.
func (o Output) Same(p Output) error {
	theirs := p.named()
	for k, part := range o.named() {
		other := theirs[k].x
		if len(part.x) != len(other) {
			return fmt.Errorf("%s has %d and %d elements", part.name, len(part.x), len(other))
		}
		for i, a := range part.x {
			if b := other[i]; math.Float32bits(a) != math.Float32bits(b) && (a == a || b == b) {
				return fmt.Errorf("%s[%d] is %v (%08x) and %v (%08x)", part.name, i, a, math.Float32bits(a), b, math.Float32bits(b))
			}
		}
	}
	return nil
}

// Shuffled is a runner that does the units in random order under random worker
// numbers, one at a time.
type Shuffled struct {
	workers int
	rand    *rand.Rand
	order   []int
}

// NewShuffled returns a Shuffled runner of the given number of workers.
func NewShuffled(workers int, seed uint64) *Shuffled {
	return &Shuffled{workers: workers, rand: rand.New(rand.NewPCG(seed, streamUnits))}
}

// Workers implements attention.Runner.
func (s *Shuffled) Workers() int { return s.workers }

// Run implements attention.Runner.
func (s *Shuffled) Run(units int, t attention.Task) {
	s.order = s.order[:0]
	for i := range units {
		s.order = append(s.order, i)
	}
	s.rand.Shuffle(units, func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
	for _, i := range s.order {
		t.Do(i, s.rand.IntN(s.workers))
	}
}
