package attention_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/fuzz"
	"github.com/qattn/qattn/fuzz/cases"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// preset is a way to store keys and values whose error is budgeted.
type preset struct {
	name  string
	k, v  attention.Codec
	sinks int
	// budgets of the relative L1 error of the output, in the order of accuracyFamilies:
	// about 1.4 times the error measured when they were set
	budget [3]float64
}

var accuracyFamilies = []fuzz.Family{fuzz.Gauss, fuzz.Outliers, fuzz.LLM}

func presets() []preset {
	plain := func(f quant.Format, gauss, outliers, llm float64) preset {
		return preset{f.String(), attention.Codec{Format: f}, attention.Codec{Format: f}, 0, [3]float64{gauss, outliers, llm}}
	}
	full := func(f quant.Format) attention.Codec { return attention.Codec{Format: f, Rotate: true, Center: true} }
	return []preset{
		plain(quant.F32, 1e-5, 1e-5, 1e-5),
		plain(quant.F16, 5e-4, 7e-4, .0012),
		plain(quant.BF16, .004, .005, .009),
		plain(quant.Int8, .02, .045, .055),
		{"int8 rotated, centred, 4 sinks", full(quant.Int8), full(quant.Int8), 4, [3]float64{.02, .025, .037}},
		plain(quant.E4M3, .055, .055, .085),
		plain(quant.E5M2, .11, .12, .20),
		plain(quant.NF4, .20, .37, .62),
		plain(quant.NF4Double, .155, .28, .66),
		plain(quant.Int4, .155, .28, .66),
		{"int8 keys, int4 values, rotated, centred, 4 sinks", full(quant.Int8), full(quant.Int4), 4, [3]float64{.12, .12, .13}},
		{"int4 rotated, centred, 4 sinks", full(quant.Int4), full(quant.Int4), 4, [3]float64{.17, .21, .34}},
	}
}

// relL1 is Σ|got−want| / Σ|want|.
func relL1(got []float32, want []float64) float64 {
	var d, s float64
	for i, w := range want {
		d += math.Abs(float64(got[i]) - w)
		s += math.Abs(w)
	}
	return d / s
}

// attend stores k and v with a preset and returns the attention outputs.
func attend(t *testing.T, p preset, a *cases.Attention) ([]float32, attention.Explanation) {
	plan, err := attention.NewPlan(attention.Config{QHeads: a.QHeads, KVHeads: a.KVHeads, DK: a.DK, DV: a.DV, Scale: float32(a.Scale),
		Causal: a.Causal, K: p.k, V: p.v, SinkTokens: p.sinks})
	require.NoError(t, err)
	c := plan.NewCache()
	require.NoError(t, c.Append(a.K, a.V))
	out := make([]float32, a.QLen*a.QHeads*a.DV)
	require.NoError(t, c.Attend(context.Background(), out, a.Q))
	return out, plan.Explain()
}

// synthetic draws a decode problem and its float64 answer over the unquantized inputs.
func synthetic(f fuzz.Family, kvLen int) (*cases.Attention, []float64) {
	c := fuzz.Case{Heads: 8, KVHeads: 2, DK: 128, DV: 128, QLen: 2, KVLen: kvLen, Data: f, Seed: 7}
	a := &cases.Attention{QHeads: 8, KVHeads: 2, DK: 128, DV: 128, QLen: 2, KVLen: kvLen, Scale: 1 / math.Sqrt(128), Offset: kvLen - 2, WindowLeft: -1, WindowRight: -1}
	a.Q, a.K, a.V = c.Tensors()
	p := reference.NewProblem(8, 2, 128, 128, 2, kvLen)
	for _, s := range []struct {
		dst *[]float64
		src []float32
	}{{&p.Q, a.Q}, {&p.K, a.K}, {&p.V, a.V}} {
		for _, x := range s.src {
			*s.dst = append(*s.dst, float64(x))
		}
	}
	return a, reference.Attend(p).Out
}

// TestAccuracyBudgets holds every preset to a budget against float64 attention over
// the unquantized inputs. With -v it prints the table of the README.
func TestAccuracyBudgets(t *testing.T) {
	const kvLen = 1024
	measured := map[string]float64{}
	var b strings.Builder
	fmt.Fprintln(&b, "| storage | bits K / V | Gaussian | outliers | outlier channels |")
	for _, p := range presets() {
		fmt.Fprintf(&b, "| %s |", p.name)
		for i, f := range accuracyFamilies {
			a, want := synthetic(f, kvLen)
			out, e := attend(t, p, a)
			if i == 0 {
				fmt.Fprintf(&b, " %.2f / %.2f |", e.BitsK, e.BitsV)
			}
			got := relL1(out, want)
			measured[p.name] = got // of the last family, outlier channels
			if got > p.budget[i] {
				t.Errorf("%s on %v: relative L1 error %.4g, budget %.4g", p.name, f, got, p.budget[i])
			}
			fmt.Fprintf(&b, " %.2g |", got)
		}
		fmt.Fprintln(&b)
	}
	t.Log("\n" + b.String())
	require.Less(t, measured["int8 rotated, centred, 4 sinks"], measured["int8"])
	require.Less(t, measured["int4 rotated, centred, 4 sinks"], .7*measured["int4"])
}

// TestRealDumps does the same on queries, keys and values of real and realistic
// models, whose float64 answers come with them.
func TestRealDumps(t *testing.T) {
	for _, file := range cases.Files(t, "data", "qkv", "*.safetensors") {
		d, err := cases.LoadDump(file)
		require.NoError(t, err)
		layers, err := d.Layers()
		require.NoError(t, err)
		for _, l := range layers {
			t.Run(l.Name, func(t *testing.T) {
				for _, b := range []struct {
					f      quant.Format
					budget float64
				}{{quant.F32, 1e-4}, {quant.F16, .05}, {quant.Int8, .30}} {
					codec := attention.Codec{Format: b.f}
					out, _ := attend(t, preset{k: codec, v: codec}, &l.Attention)
					require.Less(t, relL1(out, l.Out), b.budget, "%s", b.f)
				}
			})
		}
	}
}
