package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// TestRepeatTrials compares random batches with what one worker makes of them, head by head
// and without repetition, and several workers without it. QATTN_TRIALS says how many.
func TestRepeatTrials(t *testing.T) {
	total := 200
	if testing.Short() || asm.Available() == asm.Generic { // slow kernels
		total = 15
	}
	if s := os.Getenv("QATTN_TRIALS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		total = n
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("QATTN_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("seed %d", seed)
	var pools []*Pool
	for n := range 5 {
		pools = append(pools, NewPool(n+1))
		defer pools[n].Close()
	}
	repeated := 0
	for i := range total {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			workers, any := WithRunner(pools[r.IntN(len(pools))]), r.IntN(8) == 0
			p, err := NewPlan(repeatConfig(r), workers)
			for err != nil || !any && p.tapes() == nil && p.ks.Recorder() != nil {
				p, err = NewPlan(repeatConfig(r), workers)
			}
			if repeatTrial(t, r, p) {
				repeated++
			}
		})
		if t.Failed() {
			break
		}
	}
	t.Logf("calls were repeated in %d of %d trials", repeated, total)
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// repeatConfig draws a configuration, which need not be valid.
func repeatConfig(r *rand.Rand) (c Config) {
	c.KVHeads = pick(r, 1, 2, 3, 4, 1+r.IntN(9))
	c.QHeads = c.KVHeads * pick(r, 1, 2, 3, 4, 4, 4, 5, 8, 16)
	size := func() int { return pick(r, 64, 64, 128, 256, 8*(1+r.IntN(20)), 8+r.IntN(120)) }
	c.DK, c.DV = size(), size()
	formats := quant.Formats()
	codec := func(d int) Codec {
		k := Codec{Format: pick(r, formats...), Rotate: r.IntN(4) == 0, Center: r.IntN(4) == 0}
		if r.IntN(4) == 0 {
			k.Format = quant.Int8
		}
		k.OwnCenter = k.Center && r.IntN(2) == 0
		if r.IntN(4) == 0 {
			k.Mean = gauss(r.Uint64(), c.KVHeads*d)
		}
		return k
	}
	c.K, c.V = codec(c.DK), codec(c.DV)
	c.Q = pick(r, QAuto, QAuto, QF32, QBF16)
	c.P = pick(r, append(PModes(), PAuto, PAuto, PU8, PF32)...)
	c.Causal = r.IntN(2) == 0
	if r.IntN(4) == 0 {
		c.Window = SlidingWindow(r.IntN(1500), r.IntN(200))
	}
	if r.IntN(4) == 0 {
		c.SinkTokens = 1 + r.IntN(Tile)
	}
	if r.IntN(4) == 0 {
		c.SinkLogits = gauss(r.Uint64(), c.QHeads)
		c.SinkLogits[0] = pick[float32](r, negInf, 0, 80)
	}
	c.Certify = r.IntN(4) == 0
	c.Scale = pick[float32](r, 0, 0, 0, 1, 40, -1, 1e4, 1e-30)
	return c
}

// repeatTrial runs a random batch of a plan and reports whether calls have been repeated.
func repeatTrial(t *testing.T, r *rand.Rand, p *Plan) bool {
	c := p.Config()
	b := &Batch{QStart: []int32{0}, TabStart: []int32{0}}
	longest := pick(r, 400, 900, 2500)
	for range 1 + r.IntN(3) {
		n, rows := 1+longest-r.IntN(longest)*r.IntN(longest)/longest, pick(r, 1, 1, 1, 2, 3, 4)
		b.QStart = append(b.QStart, b.QStart[len(b.KVLen)]+int32(rows))
		b.KVLen = append(b.KVLen, int32(n))
		b.TabStart = append(b.TabStart, b.TabStart[len(b.TabStart)-1]+int32(p.layout.TablePages(n)))
	}
	pages := int(b.TabStart[len(b.TabStart)-1])
	for _, page := range r.Perm(pages + 3)[:pages] {
		b.Table = append(b.Table, int32(page))
	}
	pg := Pages{Offset: 64 * r.IntN(3)}
	stride := p.layout.PageBytes
	if r.IntN(2) == 0 {
		stride += 64 * r.IntN(4)
		pg.Stride = stride
	}
	most := 0
	for _, page := range b.Table {
		most = max(most, int(page))
	}
	pg.Arena = fencedBytes(t, pg.Offset+most*stride+p.layout.PageBytes, 1)
	pg.Records = fencedBytes(t, (most+1)*p.layout.RecordBytes, 1)
	for i, n := range b.KVLen {
		k, v := gauss(r.Uint64(), int(n)*c.KVHeads*c.DK), gauss(r.Uint64(), int(n)*c.KVHeads*c.DV)
		for range r.IntN(3) {
			if r.IntN(2) == 0 {
				k[r.IntN(len(k))] = float32(pick(r, math.NaN(), math.Inf(1), math.Inf(-1), 1e30, -1e30))
			} else {
				v[r.IntN(len(v))] = float32(pick(r, math.NaN(), math.Inf(1), math.Inf(-1), 1e30, 1e-40))
			}
		}
		if r.IntN(8) == 0 { // nothing to weigh in some heads of a tile
			clear(v[:len(v)/2])
		}
		table := b.Table[b.TabStart[i]:b.TabStart[i+1]]
		at := 0
		for at < int(n) {
			m := min(int(n)-at, 1+r.IntN(int(n)))
			require.NoError(t, p.Append(pg, table, at, m, Rows{F32: k[at*c.KVHeads*c.DK : (at+m)*c.KVHeads*c.DK]}, Rows{F32: v[at*c.KVHeads*c.DV : (at+m)*c.KVHeads*c.DV]}))
			at += m
		}
	}
	rows := int(b.QStart[len(b.KVLen)])
	q := gauss(r.Uint64(), rows*c.QHeads*c.DK)
	if r.IntN(3) == 0 { // some rows multiply as bfloat16
		for i := range q {
			if r.IntN(3) != 0 || i/c.DK%2 == 0 {
				q[i] = math.Float32frombits(math.Float32bits(q[i]) &^ 0xffff)
			}
		}
	}
	for range r.IntN(3) {
		q[r.IntN(len(q))] = float32(pick(r, math.NaN(), math.Inf(1), 1e30, -1e20, 1e-40))
	}
	if r.IntN(4) == 0 {
		clear(q[:c.DK])
	}
	single := *p
	single.opt.runner, single.opt.workers, single.heads = Serial, 1, 1
	scratch, err := newScratchLayout(&single)
	require.NoError(t, err)
	single.scratch = scratch
	var want [4][]float32
	repeated := false
	for i, p := range []*Plan{&single, p, p} {
		var s Schedule
		require.NoError(t, p.Reschedule(&s, b))
		if i < 2 {
			s.tapes = nil
		}
		io := &IO{Q: Rows{F32: q}, Out: make([]float32, rows*c.QHeads*c.DV), LSE: make([]float32, rows*c.QHeads), Workspace: fencedBytes(t, s.WorkspaceBytes(), 64)}
		if r.IntN(2) == 0 {
			for j := range io.Workspace {
				io.Workspace[j] = 0xff
			}
		}
		if c.Certify {
			io.ErrEst, io.ErrBound = make([]float32, rows*c.QHeads), make([]float32, rows*c.QHeads)
		}
		require.NoError(t, p.Run(t.Context(), &s, pg, io))
		for j := range s.tapes {
			repeated = repeated || s.tapes[j].rows != 0
		}
		for j, got := range [4][]float32{io.Out, io.LSE, io.ErrEst, io.ErrBound} {
			if i == 0 {
				want[j] = got
			}
			for e, x := range got {
				if y := want[j][e]; math.Float32bits(x) != math.Float32bits(y) && (x == x || y == y) {
					t.Fatalf("run %d, %s: element %d is %v, want %v; %d workers, rows %v, tokens %v, stride %d of %d\n%s", i, [...]string{"Out", "LSE", "ErrEst", "ErrBound"}[j],
						e, x, y, p.opt.workers, b.QStart, b.KVLen, stride, p.layout.PageBytes, fmt.Sprintf("%+v", c))
				}
			}
		}
	}
	return repeated
}
