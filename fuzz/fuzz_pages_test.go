package fuzz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// hostilePlans are small plans of different geometry.
func hostilePlans(f *testing.F) (plans []*attention.Plan) {
	for _, c := range []attention.Config{
		{QHeads: 1, KVHeads: 1, DK: 4, DV: 3},
		{QHeads: 4, KVHeads: 2, DK: 16, DV: 8, Causal: true, K: attention.Codec{Format: quant.Int8, Rotate: true, Center: true},
			V: attention.Codec{Format: quant.Int4, Center: true}, SinkTokens: 4},
		{QHeads: 3, KVHeads: 3, DK: 33, DV: 7, K: attention.Codec{Format: quant.NF4, Center: true}, V: attention.Codec{Format: quant.Int8ScaleF32, Rotate: true},
			Window: attention.SlidingWindow(70, 3)},
		{QHeads: 2, KVHeads: 1, DK: 8, DV: 16, Softcap: 20, K: attention.Codec{Format: quant.E5M2}, V: attention.Codec{Format: quant.BF16}, SinkTokens: 32,
			NonFinite: attention.Reject},
		{QHeads: 2, KVHeads: 2, DK: 5, DV: 5, K: attention.Codec{Format: quant.Int4, Center: true}, V: attention.Codec{Format: quant.F16, Center: true}, ALiBi: []float32{1, 0.5}},
		{QHeads: 2, KVHeads: 1, DK: 6, DV: 9, Certify: true, K: attention.Codec{Format: quant.Int8, Rotate: true, Mean: []float32{1, 2, 3, 4, 5, 6}},
			V: attention.Codec{Format: quant.Int4, Rotate: true, Center: true, OwnCenter: true}, P: attention.PU16, SinkTokens: 2, SinkLogits: []float32{0, 1}},
		{QHeads: 2, KVHeads: 2, DK: 4, DV: 4, Certify: true, K: attention.Codec{Format: quant.E4M3}, V: attention.Codec{Format: quant.BF16, Center: true}, Causal: true},
		{QHeads: 2, KVHeads: 1, DK: 8, DV: 8, K: attention.Codec{Format: quant.Int8}, V: attention.Codec{Format: quant.Int8}, P: attention.PLogSqrt2Bits4, Softcap: 5},
		{QHeads: 1, KVHeads: 1, DK: 8, DV: 8, K: attention.Codec{Format: quant.BF16}, V: attention.Codec{Format: quant.E5M2}, P: attention.PE4M3},
		{QHeads: 1, KVHeads: 1, DK: 8, DV: 8, K: attention.Codec{Format: quant.F16}, V: attention.Codec{Format: quant.F16, Center: true}, P: attention.PIntExp, SinkTokens: 1},
		{QHeads: 2, KVHeads: 2, DK: 8, DV: 8, K: attention.Codec{Format: quant.Int4}, V: attention.Codec{Format: quant.Int8, Mean: make([]float32, 16)}, P: attention.PStaticU8,
			Correction: attention.Correction{Mode: attention.CorrectRenormalise}, SinkTokens: 3, Causal: true},
	} {
		p, err := attention.NewPlan(c)
		if err != nil {
			f.Fatal(err)
		}
		plans = append(plans, p)
	}
	return plans
}

// FuzzPages hands garbage to everything that takes pages: tables, offsets, strides,
// positions, batches, damaged streams, and pages of arbitrary bytes. Nothing panics, and
// whatever fails has written nothing.
func FuzzPages(f *testing.F) {
	plans := hostilePlans(f)
	for i := range uint8(66) {
		f.Add(i%11, i, int64(0), int64(0), int64(i)*7, int64(100), uint64(i), []byte{i, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0})
	}
	f.Add(uint8(1), uint8(0), int64(-1), int64(1)<<62, int64(1)<<40, int64(-5), uint64(9), []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0x80})
	f.Fuzz(func(t *testing.T, plan, op uint8, offset, stride, pos, n int64, seed uint64, raw []byte) {
		p := plans[int(plan)%len(plans)]
		h := &hostile{t: t, p: p, cfg: p.Config(), pos: int(pos), n: int(n)}
		r := rand.NewPCG(seed, 1)
		size := p.Layout().PageBytes
		all := 4 * p.Layout().RecordBytes
		h.pages = attention.Pages{Arena: make([]byte, 4*size+int(seed%67)), Records: make([]byte, all), Offset: int(offset), Stride: int(stride)}
		for _, b := range [][]byte{h.pages.Arena, h.pages.Records} {
			for i := 0; i+8 <= len(b); i += 8 {
				binary.LittleEndian.PutUint64(b[i:], r.Uint64())
			}
		}
		h.records = h.pages.Records
		if seed%5 == 0 { // too few, or none
			n := int(seed / 5 % uint64(all+1))
			h.pages.Records = h.records[:n:n]
		}
		for ; len(raw) >= 4 && len(h.table) < 64; raw = raw[4:] {
			h.table = append(h.table, int32(binary.LittleEndian.Uint32(raw)))
		}
		h.k, h.v = normal(rand.New(r), 150*h.cfg.KVHeads*h.cfg.DK), normal(rand.New(r), 150*h.cfg.KVHeads*h.cfg.DV)
		h.before = copied(h.pages)
		switch op % 6 {
		case 0:
			h.store()
		case 1, 2:
			h.attend(seed)
		case 3, 4:
			h.load(seed, raw)
		case 5:
			h.check(p.CopyPage(h.pages, attention.Pages{Arena: h.pages.Arena, Records: h.records, Offset: int(stride), Stride: int(offset)}, int32(pos), int32(n)))
		}
	})
}

type hostile struct {
	t       *testing.T
	p       *attention.Plan
	cfg     attention.Config
	pages   attention.Pages
	records []byte // of all pages
	table   []int32
	pos, n  int
	k, v    []float32
	before  stored
}

// check accepts success, or a FieldError that left pages and records alone.
func (h *hostile) check(err error) bool {
	h.t.Helper()
	if err == nil {
		return true
	}
	var field *attention.FieldError
	if !errors.As(err, &field) {
		h.t.Fatalf("error %v is not a FieldError", err)
	}
	if !h.before.in(h.pages) {
		h.t.Fatalf("the call failed with %v and wrote to the arena or to records", err)
	}
	return false
}

func (h *hostile) store() {
	k, v := attention.Rows{F32: h.k}, attention.Rows{F32: h.v}
	h.check(h.p.Truncate(h.pages, h.table, h.n))
	ok := h.check(h.p.ReadKV(h.pages, h.table, h.pos, h.n, k, v))
	if ok && !h.before.in(h.pages) {
		h.t.Fatal("ReadKV wrote to the arena")
	}
	if h.check(h.p.Append(h.pages, h.table, h.pos, h.n, k, v)) && h.n > 0 && !h.checkAfter(h.p.ReadKV(h.pages, h.table, h.pos, h.n, k, v)) {
		h.t.Fatal("appended tokens cannot be read")
	}
}

// checkAfter is check after a call that may have changed the arena.
func (h *hostile) checkAfter(err error) bool {
	h.before = copied(h.pages)
	return h.check(err)
}

// attend schedules a batch of garbage and runs it over pages of garbage.
func (h *hostile) attend(seed uint64) {
	var s attention.Schedule
	r := rand.New(rand.NewPCG(seed, 2))
	word := func(limit int) int32 {
		switch r.IntN(20) {
		case 0:
			return int32(r.Uint32())
		case 1:
			return int32(r.IntN(40)) - 20
		default:
			return int32(r.IntN(limit))
		}
	}
	seqs := r.IntN(4)
	b := attention.Batch{Table: h.table, QStart: []int32{0}, TabStart: []int32{0}}
	for range seqs {
		rows := word(9)
		if rows > 1<<16 && rows < 1<<30 {
			rows &= 1<<16 - 1 // millions of rows are legal, and take their time
		}
		b.QStart = append(b.QStart, b.QStart[len(b.QStart)-1]+rows)
		b.TabStart = append(b.TabStart, b.TabStart[len(b.TabStart)-1]+word(4))
		b.KVLen = append(b.KVLen, word(130))
	}
	if r.IntN(2) == 0 {
		for range seqs {
			b.QOffset = append(b.QOffset, word(200))
		}
	}
	rows := max(0, min(64, int(b.QStart[len(b.QStart)-1])))
	if r.IntN(3) == 0 {
		b.Mask = &attention.Mask{Bits: make([]byte, r.IntN(1000)), HeadStride: int64(word(200))}
		for range rows {
			b.Mask.Start = append(b.Mask.Start, int64(word(3000)))
		}
	}
	if r.IntN(3) == 0 {
		b.Bias = &attention.Bias{Values: make([]float32, r.IntN(4000)), HeadStride: int64(word(200))}
		for range rows {
			b.Bias.Start = append(b.Bias.Start, int64(word(1000)))
		}
	}
	if !h.check(h.p.Reschedule(&s, &b)) {
		return
	}
	io := &attention.IO{Q: attention.Rows{F32: normal(r, 64*h.cfg.QHeads*h.cfg.DK)}, Out: make([]float32, 64*h.cfg.QHeads*h.cfg.DV),
		LSE: make([]float32, 64*h.cfg.QHeads), Workspace: attention.AlignedBytes(s.WorkspaceBytes())}
	if h.cfg.Certify {
		io.ErrEst, io.ErrBound = make([]float32, 64*h.cfg.QHeads), make([]float32, 64*h.cfg.QHeads)
	}
	if h.check(h.p.Run(h.t.Context(), &s, h.pages, io)) {
		h.check(h.p.ObserveProbabilities(h.t.Context(), &s, h.pages, io, func(row, head int, p []float32) {
			if row < 0 || row >= rows || head < 0 || head >= h.cfg.QHeads {
				h.t.Fatalf("shows query %d of %d, head %d", row, rows, head)
			}
		}))
	}
	if !h.before.in(h.pages) {
		h.t.Fatal("Run wrote to the arena or to records")
	}
}

// load saves pages of garbage, damages the stream and loads it again.
func (h *hostile) load(seed uint64, raw []byte) {
	have := []int32{3, 1, 0, 2}
	all := attention.Pages{Arena: h.pages.Arena, Records: h.records}
	lay := h.p.Layout()
	n := int(seed % uint64((4-lay.SinkPages)*lay.Tile+1))
	var stream bytes.Buffer
	if _, err := h.p.SaveKV(&stream, all, have, n); err != nil {
		h.t.Fatalf("SaveKV of %d tokens: %v", n, err)
	}
	b := stream.Bytes()
	clean := bytes.Clone(b)
	for i := 0; i+2 < len(raw); i += 3 {
		b[(int(raw[i])|int(raw[i+1])<<8)%min(len(b), 300)] ^= raw[i+2]
	}
	if h.pos&1 != 0 {
		b[(h.pos>>8&maxInt)%len(b)] ^= byte(h.pos >> 1)
	}
	if h.pos&2 != 0 { // a checksum that fits the damage
		binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
	}
	if h.pos&4 != 0 {
		b = b[:(h.n&maxInt)%(len(b)+1)]
	}
	table := have
	if h.pos&8 != 0 {
		table = h.table
	}
	r := &stingy{b: b, step: 1 + h.n&1023}
	to := h.pages
	if h.pos&16 == 0 {
		to = all
	}
	got, err := h.p.LoadKV(r, to, table)
	if !h.check(err) {
		return
	}
	if bytes.Equal(b, clean) && got != n {
		h.t.Fatalf("loaded %d tokens, saved %d", got, n)
	}
	// what was accepted can be used
	h.pages, h.table = to, table
	k, v := make([]float32, got*h.cfg.KVHeads*h.cfg.DK), make([]float32, got*h.cfg.KVHeads*h.cfg.DV)
	if !h.checkAfter(h.p.ReadKV(to, table, 0, got, attention.Rows{F32: k}, attention.Rows{F32: v})) && got > 0 {
		h.t.Fatal("loaded tokens cannot be read")
	}
	var s attention.Schedule
	if !h.check(h.p.Reschedule(&s, &attention.Batch{QStart: []int32{0, 2}, KVLen: []int32{int32(got)}, Table: table, TabStart: []int32{0, int32(len(table))}})) {
		h.t.Fatal("loaded tokens cannot be scheduled")
	}
	io := &attention.IO{Q: attention.Rows{F32: make([]float32, 2*h.cfg.QHeads*h.cfg.DK)}, Out: make([]float32, 2*h.cfg.QHeads*h.cfg.DV),
		Workspace: attention.AlignedBytes(s.WorkspaceBytes())}
	if !h.check(h.p.Run(h.t.Context(), &s, to, io)) {
		h.t.Fatal("loaded tokens cannot be attended to")
	}
}

const maxInt = int(^uint(0) >> 1)

// stingy is a reader of a few bytes at a time.
type stingy struct {
	b    []byte
	step int
}

func (s *stingy) Read(p []byte) (int, error) {
	r := bytes.NewReader(s.b)
	n, err := r.Read(p[:min(len(p), s.step)])
	s.b = s.b[n:]
	return n, err
}
