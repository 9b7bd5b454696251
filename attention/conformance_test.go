package attention

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/fuzz/cases"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// runCase computes one external case with the given formats. Tokens behind KVLen are
// stored too: they must not be read.
func runCase(t *testing.T, a *cases.Attention, k, v quant.Format) (out, lse []float32) {
	t.Helper()
	cfg := Config{QHeads: a.QHeads, KVHeads: a.KVHeads, DK: a.DK, DV: a.DV, K: Codec{Format: k}, V: Codec{Format: v},
		Q: QF32, P: PF32, Scale: float32(a.Scale), Softcap: float32(a.Softcap), Causal: a.Causal, ALiBi: a.ALiBi, SinkLogits: a.SinkLogits}
	if len(a.ALiBi) == 0 {
		cfg.ALiBi = nil
	}
	if len(a.SinkLogits) == 0 {
		cfg.SinkLogits = nil
	}
	if a.WindowLeft >= 0 || a.WindowRight >= 0 {
		cfg.Window = SlidingWindow(a.WindowLeft, a.WindowRight)
	}
	p, err := NewPlan(cfg)
	require.NoError(t, err)
	c := p.NewCache()
	require.NoError(t, c.Append(append(append([]float32(nil), a.K...), a.KTail...), append(append([]float32(nil), a.V...), a.VTail...)))
	b := Batch{QStart: []int32{0, int32(a.QLen)}, KVLen: []int32{int32(a.KVLen)}, Table: c.Table(),
		TabStart: []int32{0, int32(len(c.Table()))}, QOffset: []int32{int32(a.Offset)}}
	if len(a.Bias) > 0 {
		m := &Bias{Values: a.Bias, HeadStride: int64(a.QLen * a.KVLen)}
		for i := range a.QLen {
			m.Start = append(m.Start, int64(i*a.KVLen))
		}
		b.Bias = m
	}
	var s Schedule
	require.NoError(t, p.Reschedule(&s, &b))
	out = make([]float32, a.QLen*a.QHeads*a.DV)
	lse = make([]float32, a.QLen*a.QHeads)
	require.NoError(t, p.Run(context.Background(), &s, c.Pages(),
		&IO{Q: Rows{F32: a.Q}, Out: out, LSE: lse, Workspace: AlignedBytes(s.WorkspaceBytes())}))
	return out, lse
}

// problem restates a case for the float64 reference.
func problem(a *cases.Attention) *reference.Problem {
	p := reference.NewProblem(a.QHeads, a.KVHeads, a.DK, a.DV, a.QLen, a.KVLen)
	p.Scale, p.Softcap, p.Causal, p.Offset = a.Scale, a.Softcap, a.Causal, a.Offset
	p.WindowLeft, p.WindowRight = a.WindowLeft, a.WindowRight
	widen := func(x []float32) []float64 {
		if len(x) == 0 {
			return nil
		}
		y := make([]float64, len(x))
		for i, v := range x {
			y[i] = float64(v)
		}
		return y
	}
	p.Q, p.K, p.V = widen(a.Q), widen(a.K), widen(a.V)
	p.ALiBi, p.SinkLogits = widen(a.ALiBi), widen(a.SinkLogits)
	if len(a.Bias) > 0 {
		p.Bias = widen(a.Bias)
	}
	return p
}

func TestONNXAttention(t *testing.T) {
	files := append(cases.Files(t, "conformance", "open", "onnx", "attention", "*.json"),
		cases.Files(t, "conformance", "open", "onnx", "attention25_window", "*.json")...)
	passed := 0
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if reason, ok := cases.OutOfScope[name]; ok {
			t.Logf("out of scope: %s: %s", name, reason)
			continue
		}
		t.Run(name, func(t *testing.T) {
			c, err := cases.LoadOnnx(path)
			require.NoError(t, err)
			batch, err := c.Attention()
			require.NoError(t, err)
			for _, a := range batch {
				out, _ := runCase(t, &a, quant.F32, quant.F32)
				rtol := 1e-6
				if a.OutType != "float32" {
					rtol = 0x1p-10 // the expected values are rounded to binary16
				}
				for i, want := range a.WantOut {
					if !a.Wanted(i/(a.QHeads*a.DV), i/a.DV%a.QHeads) {
						continue
					}
					if d := math.Abs(float64(out[i]) - float64(want)); !(d <= rtol*math.Abs(float64(want))+1e-7) {
						t.Fatalf("%s: element %d is %v, want %v", a.Name, i, out[i], want)
					}
				}
			}
			passed++
		})
	}
	t.Logf("%d of %d cases", passed, len(files))
}

func TestGrid(t *testing.T) {
	files := cases.Files(t, "conformance", "open", "grid", "*.json")
	worst, passed := 0.0, 0
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			c, err := cases.LoadGrid(path)
			require.NoError(t, err)
			batch, err := c.Attention()
			require.NoError(t, err)
			for _, a := range batch {
				out, lse := runCase(t, &a, quant.F32, quant.F32)
				ref := reference.Attend(problem(&a))
				for i, want := range a.WantOut {
					row, h := i/(a.QHeads*a.DV), i/a.DV%a.QHeads
					if !a.Wanted(row, h) {
						continue
					}
					got := float64(out[i])
					if math.IsNaN(float64(want)) {
						require.True(t, math.IsNaN(got), "%s: element %d is %v, want NaN", a.Name, i, got)
						continue
					}
					tol := reference.Tolerance32(ref.Abs[i], ref.MaxAbs[i/a.DV])
					d := math.Abs(got - float64(want))
					if !(d <= tol) {
						t.Fatalf("%s: element %d is %v, want %v ± %v", a.Name, i, got, want, tol)
					}
					worst = max(worst, d/tol)
				}
				for r, want := range a.WantLSE {
					if !a.Wanted(r/a.QHeads, r%a.QHeads) || math.IsNaN(float64(want)) {
						continue
					}
					if math.IsInf(float64(want), 0) {
						require.Equal(t, want, lse[r], "%s: lse %d", a.Name, r)
						continue
					}
					tol := reference.ToleranceLSE32(float64(want), ref.MaxAbs[r])
					require.InDelta(t, want, lse[r], tol, "%s: lse %d", a.Name, r)
				}
			}
			passed++
		})
	}
	t.Logf("%d of %d cases, worst error %.2f of the tolerance", passed, len(files), worst)
}
