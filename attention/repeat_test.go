package attention

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// TestRepeat compares tiles whose kernel calls are repeated by assembly with the same tiles
// by way of Go, bit for bit, for pairs of formats and modes; with a token that is not
// finite in the midst, and a query that is not.
func TestRepeat(t *testing.T) {
	if asm.Select(asm.Available()).Recorder() == nil {
		t.Skip("this tier repeats no calls")
	}
	const n, heads, kvHeads, d = 1500, 4, 2, 64
	formats := quant.Formats()
	for i, fk := range formats {
		for j, fv := range formats {
			modes := []PMode{PAuto}
			if i == j {
				modes = PModes()
			}
			for _, mode := range modes {
				t.Run(fmt.Sprintf("%s/%s/%s", fk, fv, mode), func(t *testing.T) {
					repeatCase(t, Config{QHeads: heads, KVHeads: kvHeads, DK: d, DV: d, Causal: true, P: mode,
						K: Codec{Format: fk, Rotate: j%2 == 0, Center: (i+j)%4 == 1}, V: Codec{Format: fv, Center: i%3 == 0}}, n, 1+(i+j)%3)
				})
			}
		}
	}
	mean := gauss(9, kvHeads*d)
	for name, c := range map[string]Config{
		"mean":    {K: Codec{Format: quant.Int8, Mean: mean}, V: Codec{Format: quant.Int8, Mean: mean}},
		"centre":  {K: Codec{Format: quant.Int8, Rotate: true, Center: true}, V: Codec{Format: quant.Int8, Rotate: true, Center: true}, SinkTokens: 4},
		"window":  {K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int4}, Causal: true, Window: SlidingWindow(700, 0)},
		"sinks":   {K: Codec{Format: quant.Int4}, V: Codec{Format: quant.Int8}, SinkTokens: 3},
		"centred": {K: Codec{Format: quant.Int8, Center: true}, V: Codec{Format: quant.Int8, Center: true}, QHeads: 4, KVHeads: 1},

		"ahead":       {K: Codec{Format: quant.Int4, Center: true}, V: Codec{Format: quant.NF4Double, Center: true}, DK: 128, DV: 64, QHeads: 8, KVHeads: 2, SinkTokens: 2},
		"ahead u4":    {K: Codec{Format: quant.NF4Double}, V: Codec{Format: quant.Int4}, DK: 128, DV: 256, QHeads: 8, KVHeads: 2, P: PU4, Causal: true},
		"ahead alone": {K: Codec{Format: quant.NF4Double, Center: true}, V: Codec{Format: quant.NF4Double}, DK: 128, DV: 128, QHeads: 4, KVHeads: 1},
		"ahead means": {K: Codec{Format: quant.Int4, Mean: gauss(8, 256)}, V: Codec{Format: quant.Int4, Mean: gauss(7, 256)}, DK: 128, DV: 128, QHeads: 8, KVHeads: 2},

		"certified":         {K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int8, Center: true}, Certify: true},
		"certified u4":      {K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int4}, P: PU4, Certify: true, Causal: true},
		"certified nf4-dq":  {K: Codec{Format: quant.Int4}, V: Codec{Format: quant.NF4Double}, Certify: true, SinkTokens: 5},
		"certified nf4":     {K: Codec{Format: quant.NF4}, V: Codec{Format: quant.NF4Block32, Center: true}, Certify: true},
		"certified float32": {K: Codec{Format: quant.F16}, V: Codec{Format: quant.F32}, Certify: true},
	} {
		if c.DK == 0 {
			c.DK, c.DV = d, d
		}
		if c.QHeads == 0 {
			c.QHeads, c.KVHeads = heads, kvHeads
		}
		t.Run(name, func(t *testing.T) {
			for _, rows := range []int{1, 2, 17} { // of queries: a kernel's four rows, fewer, more than a result has room for
				repeatCase(t, c, n, rows)
			}
		})
	}
}

func repeatCase(t *testing.T, c Config, n, rows int) {
	p, err := NewPlan(c)
	require.NoError(t, err)
	for _, fault := range []string{"", "token", "query", "size"} {
		k, v, q := gauss(1, n*c.KVHeads*c.DK), gauss(2, n*c.KVHeads*c.DV), gauss(3, rows*c.QHeads*c.DK)
		switch fault {
		case "token":
			v[600*c.KVHeads*c.DV+3] = nan
		case "query":
			q[1] = nan
		case "size": // what keys lose is unbounded, and times nothing it is nothing
			k[700*c.KVHeads*c.DK+3] = 1e30
			clear(q[:c.DK])
			clear(q[len(q)-c.DK:])
		}
		cache := p.NewCache()
		require.NoError(t, cache.Append(k, v))
		var outs, lses, certificates [2][]float32
		for i := range outs {
			var s Schedule
			require.NoError(t, p.Reschedule(&s, &Batch{QStart: []int32{0, int32(rows)}, KVLen: []int32{int32(n)}, Table: cache.Table(), TabStart: []int32{0, int32(len(cache.Table()))}}))
			if i == 1 {
				s.tapes = nil
			}
			outs[i], lses[i] = make([]float32, rows*c.QHeads*c.DV), make([]float32, rows*c.QHeads)
			io := &IO{Q: Rows{F32: q}, Out: outs[i], LSE: lses[i], Workspace: AlignedBytes(s.WorkspaceBytes())}
			if c.Certify {
				certificates[i] = make([]float32, 2*rows*c.QHeads)
				io.ErrEst, io.ErrBound = certificates[i][:rows*c.QHeads], certificates[i][rows*c.QHeads:]
			}
			require.NoError(t, p.Run(t.Context(), &s, cache.Pages(), io))
			if i == 0 && s.tapes != nil && fault == "" && rows < 17 && p.ks.Tier&asm.VNNI != 0 { // below, some kernels are two
				require.NotZero(t, s.tapes[0].rows, "the calls were not recorded")
			}
		}
		for _, pair := range [][2][]float32{{outs[0], outs[1]}, {lses[0], lses[1]}, {certificates[0], certificates[1]}} {
			for j, x := range pair[0] {
				if y := pair[1][j]; math.Float32bits(x) != math.Float32bits(y) && (x == x || y == y) {
					t.Fatalf("fault %q: element %d is %v, without repetition %v", fault, j, x, y)
				}
			}
		}
	}
}

// TestRepeatable names the plans whose kernel calls are repeated on CPUs with AVX-512 BF16.
func TestRepeatable(t *testing.T) {
	for _, f := range quant.Formats() {
		p, err := NewPlan(Config{QHeads: 4, KVHeads: 2, DK: 64, DV: 64, K: Codec{Format: f}, V: Codec{Format: f}})
		require.NoError(t, err)
		if p.ks.Recorder() == nil || p.ks.Tier&asm.BF16 == 0 {
			t.Skip("this tier repeats no calls, or only those of other formats")
		}
		want := f != quant.Int8ScaleF32 && f != quant.NF4ScaleF32 && f != quant.NF4Block32ScaleF32
		require.Equal(t, want, p.tapes() != nil, "%s", f)
	}
}
