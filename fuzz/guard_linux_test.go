package fuzz

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// guarded is memory between two pages that fault on any access.
type guarded struct{ m []byte }

func newGuarded(t *testing.T, n int) *guarded {
	t.Helper()
	page := os.Getpagesize()
	body := max(1, (n+page-1)/page) * page
	m, err := syscall.Mmap(-1, 0, body+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	require.NoError(t, syscall.Mprotect(m[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(m[page+body:], syscall.PROT_NONE))
	t.Cleanup(func() { _ = syscall.Munmap(m) })
	return &guarded{m}
}

// at returns n bytes at the start or at the end of the memory.
func (g *guarded) at(end bool, n int) []byte {
	page := os.Getpagesize()
	if !end {
		return g.m[page:][:n:n]
	}
	hi := len(g.m) - page
	return g.m[hi-n : hi : hi]
}

func (g *guarded) protect(t *testing.T, prot int) {
	t.Helper()
	page := os.Getpagesize()
	require.NoError(t, syscall.Mprotect(g.m[page:len(g.m)-page], prot))
}

// TestGuardPages appends and attends with every buffer of its exact size against a page
// that faults, before or behind, and with arena, records and queries read-only while Run
// works. A byte too far kills the test.
func TestGuardPages(t *testing.T) {
	formats, modes := quant.Formats(), attention.PModes()
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for seed := range uint64(rounds * len(formats)) {
		c := FromSeed(seed + 900)
		f := formats[int(seed)%len(formats)]
		c.K.Format, c.V.Format, c.Q, c.P = f.String(), f.String(), attention.QAuto, modes[int(seed)%len(modes)]
		c.PageGap, c.PageOffset, c.Data, c.Mask, c.Bias, c.Tier = 0, 0, Gauss, NoMask, NoBias, ""
		c.SinkTokens = min(c.SinkTokens, 4)
		c.Correction = corrections(c.P)[int(seed)/2%len(corrections(c.P))]
		c.V.Center = c.V.Center || c.Correction == attention.CorrectExact
		c.Certify = c.certifiable()
		c.K.Own, c.V.Own = false, false // appended at once here, in chunks by Build
		if c.DK < 4 || c.DV < 4 {
			c.SinkTokens = 0
		}
		for _, end := range []bool{false, true} {
			p, err := attention.NewPlan(c.Config())
			require.NoError(t, err, "%v", c)
			lay := p.Layout()
			pages := lay.TablePages(c.KVLen)
			q, k, v := c.Tensors()
			put := func(x []float32) ([]float32, *guarded) {
				g := newGuarded(t, 4*len(x))
				y := floats(g.at(end, 4*len(x)))
				copy(y, x)
				return y, g
			}
			gq, qg := put(q)
			gk, kg := put(k)
			gv, vg := put(v)
			kg.protect(t, syscall.PROT_READ)
			vg.protect(t, syscall.PROT_READ)
			qg.protect(t, syscall.PROT_READ)
			ag, rg := newGuarded(t, pages*lay.PageBytes), newGuarded(t, pages*lay.RecordBytes)
			arena := attention.Pages{Arena: ag.at(end, pages*lay.PageBytes), Records: rg.at(end, pages*lay.RecordBytes)}
			table := make([]int32, pages)
			for i := range table {
				table[i] = int32(pages - 1 - i)
			}
			if c.KVLen > 0 {
				require.NoError(t, p.Append(arena, table, 0, c.KVLen, attention.Rows{F32: gk}, attention.Rows{F32: gv}), "%v", c)
			}
			ag.protect(t, syscall.PROT_READ)
			rg.protect(t, syscall.PROT_READ)
			b := attention.Batch{QStart: []int32{0, int32(c.QLen)}, KVLen: []int32{int32(c.KVLen)}, Table: table, TabStart: []int32{0, int32(pages)}}
			var s attention.Schedule
			require.NoError(t, p.Reschedule(&s, &b))
			og, lg, wg := newGuarded(t, 4*c.QLen*c.Heads*c.DV), newGuarded(t, 4*c.QLen*c.Heads), newGuarded(t, s.WorkspaceBytes())
			io := &attention.IO{Q: attention.Rows{F32: gq}, Out: floats(og.at(end, 4*c.QLen*c.Heads*c.DV)), LSE: floats(lg.at(end, 4*c.QLen*c.Heads)),
				Workspace: wg.at(end, s.WorkspaceBytes())}
			if c.Certify {
				io.ErrEst, io.ErrBound = floats(newGuarded(t, 4*c.QLen*c.Heads).at(end, 4*c.QLen*c.Heads)), floats(newGuarded(t, 4*c.QLen*c.Heads).at(end, 4*c.QLen*c.Heads))
			}
			fill(io.Workspace, 0xFF)
			require.NoError(t, p.Run(t.Context(), &s, arena, io), "%v", c)
			require.NoError(t, p.ObserveProbabilities(t.Context(), &s, arena, io, func(int, int, []float32) {}), "%v", c)

			plain := c
			plain.Offset = nil
			in, err := plain.Build(0)
			require.NoError(t, err, "%v", c)
			want, err := in.Run()
			require.NoError(t, err)
			require.NoError(t, want.Same(Output{Out: io.Out, LSE: io.LSE, ErrEst: io.ErrEst, ErrBound: io.ErrBound}), "%v", c)
		}
	}
}

// TestUnalignedMemory: buffers at every distance from a cache line give the same bits.
func TestUnalignedMemory(t *testing.T) {
	for _, f := range []string{"int8", "int4", "nf4", "nf4-dq", "e4m3", "bf16", "f32"} {
		c := Case{Heads: 4, KVHeads: 2, DK: 37, DV: 50, QLen: 3, KVLen: 90, K: Store{Format: f, Rotate: false, Center: true}, V: Store{Format: f, Rotate: false, Center: true}, Causal: true, Seed: 2}
		in, err := c.Build(0xFF)
		require.NoError(t, err)
		want, err := in.Run()
		require.NoError(t, err)
		for off := range 64 {
			if testing.Short() && off%9 != 1 {
				continue
			}
			c.PageOffset, c.PageGap = off, 64+off%3
			moved, err := c.Build(0xFF)
			require.NoError(t, err)
			q := make([]float32, len(moved.Q)+off%16)[off%16:]
			copy(q, moved.Q)
			got, err := moved.RunRows(attention.Rows{F32: q})
			require.NoError(t, err)
			require.NoError(t, want.Same(got), "%s at offset %d", f, off)
		}
	}
}
