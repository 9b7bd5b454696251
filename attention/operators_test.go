package attention_test

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/fp8"
	"github.com/qattn/qattn/fuzz/cases"
	"github.com/qattn/qattn/quant"
)

// softmaxRow reads the probabilities of a row out of the attention operator: keys are
// the logits, the query is 1 and the values are unit vectors.
func softmaxRow(t *testing.T, x []float32) (p []float32, lse float32) {
	n := len(x)
	unit := make([]float32, n*n)
	for i := range n {
		unit[i*n+i] = 1
	}
	plan, err := attention.NewPlan(attention.Config{QHeads: 1, KVHeads: 1, DK: 1, DV: n, Scale: 1})
	require.NoError(t, err)
	pages := attention.Pages{Arena: attention.AlignedBytes(plan.Layout().TablePages(n) * plan.Layout().PageBytes)}
	table := make([]int32, plan.Layout().TablePages(n))
	for i := range table {
		table[i] = int32(i)
	}
	require.NoError(t, plan.Append(pages, table, 0, n, attention.Rows{F32: x}, attention.Rows{F32: unit}))
	var s attention.Schedule
	require.NoError(t, plan.Reschedule(&s, &attention.Batch{QStart: []int32{0, 1}, KVLen: []int32{int32(n)}, Table: table,
		TabStart: []int32{0, int32(len(table))}}))
	p, l := make([]float32, n), make([]float32, 1)
	require.NoError(t, plan.Run(context.Background(), &s, pages, &attention.IO{Q: attention.Rows{F32: []float32{1}}, Out: p, LSE: l,
		Workspace: attention.AlignedBytes(s.WorkspaceBytes())}))
	return p, l[0]
}

func TestONNXSoftmax(t *testing.T) {
	files := cases.Files(t, "conformance", "open", "onnx", "softmax", "*.json")
	for _, path := range files {
		c, err := cases.LoadOnnx(path)
		require.NoError(t, err)
		t.Run(c.Name, func(t *testing.T) {
			axis, err := c.Int("axis", -1)
			require.NoError(t, err)
			x, err := c.Input(0).Float32s()
			require.NoError(t, err)
			want, err := c.Output(0).Float32s()
			require.NoError(t, err)
			shape := c.Input(0).Shape
			if axis < 0 {
				axis += len(shape)
			}
			stride := 1
			for _, s := range shape[axis+1:] {
				stride *= s
			}
			for start := range x {
				if start/stride%shape[axis] != 0 {
					continue
				}
				row := make([]float32, shape[axis])
				for i := range row {
					row[i] = x[start+i*stride]
				}
				p, lse := softmaxRow(t, row)
				for i, got := range p {
					w := want[start+i*stride]
					if c.Op == "LogSoftmax" {
						require.InDelta(t, w, row[i]-lse, 1e-6*(1+math.Abs(float64(w)+float64(lse))), "element %d", i)
						continue
					}
					require.InDelta(t, w, got, 1e-6*float64(w)+1e-7, "element %d", i)
				}
			}
		})
	}
}

// narrow converts x to the named type and back with the library's encoders; ok is
// false for types it does not store.
func narrow(x float32, dtype string, saturate bool) (y float64, ok bool) {
	o := fp8.NonSaturating
	if saturate {
		o = fp8.Saturate
	}
	switch dtype {
	case "float8e4m3fn":
		return fp8.FromFloat32[fp8.E4M3](x, o).Float64(), true
	case "float8e5m2":
		return fp8.FromFloat32[fp8.E5M2](x, o).Float64(), true
	case "float8e4m3fnuz":
		return fp8.FromFloat32[fp8.E4M3FNUZ](x, o).Float64(), true
	case "float8e5m2fnuz":
		return fp8.FromFloat32[fp8.E5M2FNUZ](x, o).Float64(), true
	case "float16", "bfloat16":
		f := quant.F16
		if dtype == "bfloat16" {
			f = quant.BF16
		}
		tile := make([]byte, f.TileBytes(quant.Values, 1))
		f.Quantize(asm.Select(asm.Generic), tile, quant.Values, 1, 0, []float32{x})
		var v [1]float32
		f.Decode(v[:], tile, quant.Values, 1, 0)
		return float64(v[0]), true
	}
	return 0, false
}

// TestONNXConversions checks Cast, QuantizeLinear and DequantizeLinear of every type
// the library stores, element by element.
func TestONNXConversions(t *testing.T) {
	files := append(cases.Files(t, "conformance", "open", "onnx", "cast", "*.json"),
		cases.Files(t, "conformance", "open", "onnx", "quantize", "*.json")...)
	checked := 0
	for _, path := range files {
		c, err := cases.LoadOnnx(path)
		require.NoError(t, err)
		if reason, out := cases.OutOfScope[c.Name]; out {
			t.Logf("out of scope: %s: %s", c.Name, reason)
			continue
		}
		x, err := c.Input(0).Floats()
		require.NoError(t, err)
		want, err := c.Output(0).Floats()
		require.NoError(t, err)
		saturate, err := c.Int("saturate", 1)
		require.NoError(t, err)
		scale := 1.0
		if s := c.Input(1); s != nil {
			v, err := s.Floats()
			require.NoError(t, err)
			scale = v[0]
		}
		checked++
		for i, v := range x {
			var got float64
			switch {
			case c.Op == "DequantizeLinear":
				got = float64(float32(v * scale)) // v is what the loader's own decoder read
			case c.Op == "QuantizeLinear":
				got, _ = narrow(float32(v/scale), c.Output(0).DType, true)
			default:
				var ok bool
				if got, ok = narrow(float32(v), c.Output(0).DType, saturate != 0); !ok {
					got = v // a widening cast
				}
			}
			if c.Output(0).DType == "float16" && math.Abs(v) >= 65520 && !math.IsInf(v, 0) {
				continue // F16 saturates where ONNX overflows to infinity
			}
			if math.IsNaN(want[i]) {
				require.True(t, math.IsNaN(got), "%s: element %d is %v, want NaN", c.Name, i, got)
				continue
			}
			require.Equal(t, want[i], got, "%s: element %d of %v", c.Name, i, v)
		}
	}
	t.Logf("%d of %d cases; the others are out of scope", checked, len(files))
}
