package attention

import (
	"runtime/debug"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/quant"
)

// TestRepeatFault takes memory away from a page in the midst of those that are repeated: the
// fault of a kernel must remain a panic, also behind assembly that called it.
func TestRepeatFault(t *testing.T) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	const n, d = 1000, 256
	p, err := NewPlan(Config{QHeads: 2, KVHeads: 1, DK: d, DV: d, K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int8}})
	require.NoError(t, err)
	pages := p.layout.TablePages(n)
	arena := fencedBytes(t, pages*p.layout.PageBytes, syscall.Getpagesize())
	table := make([]int32, pages)
	for i := range table {
		table[i] = int32(i)
	}
	pg := Pages{Arena: arena}
	require.NoError(t, p.Append(pg, table, 0, n, Rows{F32: gauss(1, n*d)}, Rows{F32: gauss(2, n*d)}))
	var s Schedule
	require.NoError(t, p.Reschedule(&s, &Batch{QStart: []int32{0, 1}, KVLen: []int32{n}, Table: table, TabStart: []int32{0, int32(pages)}}))
	io := &IO{Q: Rows{F32: gauss(3, 2*d)}, Out: make([]float32, 2*d), Workspace: AlignedBytes(s.WorkspaceBytes())}
	require.NoError(t, p.Run(t.Context(), &s, pg, io))
	want := append([]float32(nil), io.Out...)
	page := syscall.Getpagesize()
	values := (7*p.layout.PageBytes + p.layout.PageBytes*3/4) / page * page
	require.NoError(t, syscall.Mprotect(arena[values:values+page], syscall.PROT_NONE))
	require.Panics(t, func() { _ = p.Run(t.Context(), &s, pg, io) })
	require.NoError(t, syscall.Mprotect(arena[values:values+page], syscall.PROT_READ|syscall.PROT_WRITE))
	require.NoError(t, p.Run(t.Context(), &s, pg, io))
	require.Equal(t, want, io.Out)
}
