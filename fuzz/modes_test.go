package fuzz

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// corrections are those a mode takes.
func corrections(p attention.PMode) []attention.CorrectionMode {
	if !(Case{P: p}).static() {
		return []attention.CorrectionMode{attention.CorrectNone}
	}
	return []attention.CorrectionMode{attention.CorrectNone, attention.CorrectStatic, attention.CorrectDynamic, attention.CorrectRenormalise, attention.CorrectExact}
}

// modeCases is every mode over every format of values, plain and with every codec step,
// over families that need several tiles, splits apart.
func modeCases(p attention.PMode) (all []Case) {
	keys := []string{"f32", "int8", "int4", "bf16", "e4m3", "nf4", "nf4-dq"}
	families := []Family{Gauss, SinkKeys, Increasing, Flat, VMean, TwoMaxima, Decreasing, Outliers, ChannelRange, SawTooth, Ties}
	for i, v := range quant.Formats() {
		for j, correction := range corrections(p) {
			for dressed := range 2 {
				n := int(p) + 3*i + 5*j + 7*dressed
				c := Case{Heads: 2, KVHeads: 1, DK: 16, DV: 12, QLen: 2, KVLen: 200, K: Store{Format: keys[n%len(keys)]}, V: Store{Format: v.String()},
					P: p, Correction: correction, Causal: true, Data: families[n%len(families)], Seed: uint64(n)}
				if dressed == 1 {
					c.K = Store{Format: c.K.Format, Rotate: true, Center: true, Mean: 0.5}
					c.V = Store{Format: c.V.Format, Rotate: true, Center: true, Mean: 3}
					c.SinkTokens, c.Sinks = 4, j%2 == 0
				}
				if correction == attention.CorrectExact {
					c.V.Center = true
				}
				c.Certify = c.certifiable()
				all = append(all, c)
			}
		}
	}
	return all
}

// TestModes holds every mode to its definition, and reports how far errors reach into
// their bounds and what the bounds resolve: the ratio of a bound to what the mode's
// rounding does to the output. A bound as large as that would prove nothing.
func TestModes(t *testing.T) {
	for _, p := range attention.PModes() {
		t.Run(p.String(), func(t *testing.T) {
			var all Margin
			var resolved []float64
			for i, c := range modeCases(p) {
				if testing.Short() && i%3 != 0 {
					continue
				}
				in, err := c.Build(0xFF)
				require.NoError(t, err, "%v", c)
				out, err := in.Run()
				require.NoError(t, err, "%v", c)
				m, err := in.Check(out)
				require.NoError(t, err, "%v", c)
				all.Add(m)
				resolved = append(resolved, in.resolution()...)
			}
			slices.Sort(resolved)
			quantile := func(q int) float64 {
				if len(resolved) == 0 {
					return 0
				}
				return resolved[len(resolved)*q/100]
			}
			median := quantile(50)
			t.Logf("error / bound: mean %.4f, worst %.3f of %d elements; bound / rounding: median %.2g", all.Sum/float64(all.Checked), all.Worst, all.Checked, median)
			switch p {
			case attention.PF32, attention.PU16: // nothing, or less than float32 rounds
			case attention.PU8:
				require.Less(t, median, 0.6, "the bound does not see the rounding")
			case attention.PBF16: // a 16th of what E4M3 rounds, as much as the bound in the median
				require.Less(t, quantile(25), 0.6, "the bound does not see the rounding")
			default:
				require.Less(t, median, 0.1, "the bound does not see the rounding")
			}
		})
	}
}

// resolution is bound / |output − unrounded output| of every element of the first row
// where the mode changes anything.
func (in *Instance) resolution() (ratios []float64) {
	x := in.newExact()
	plain := *x
	plain.cfg.P, plain.intV = attention.PF32, false
	output := func(x *exact) (want, tol []float64) {
		r := x.row(0, 0)
		r.shifts()
		r.weigh()
		want, _, tol = r.output()
		return want, tol
	}
	want, tol := output(x)
	exact, _ := output(&plain)
	for c, o := range want {
		if d := math.Abs(o - exact[c]); d > 1e-12 {
			ratios = append(ratios, tol[c]/d)
		}
	}
	return ratios
}

// referenceMode is the definition of a mode by package reference, over values that weights
// do not meet in integers.
func referenceMode(p attention.PMode) reference.ProbMode {
	switch p {
	case attention.PU4, attention.PU8, attention.PU16:
		return reference.ProbUint(map[attention.PMode]int{attention.PU4: 4, attention.PU8: 8, attention.PU16: 16}[p], reference.MassExact)
	case attention.PE4M3:
		return reference.ProbE4M3(256, reference.MassExact)
	case attention.PE4M3Max:
		return reference.ProbE4M3(448, reference.MassExact)
	case attention.PE5M2:
		return reference.ProbE5M2(57344, reference.MassExact)
	case attention.PBF16:
		return reference.ProbBF16(reference.MassExact)
	case attention.PLog2Bits2, attention.PLog2Bits3, attention.PLog2Bits4, attention.PLog2Bits5:
		return reference.ProbLog2(2 + int(p-attention.PLog2Bits2)).AtMaximum()
	case attention.PLog2Bits3Whole, attention.PLog2Bits4Whole:
		return reference.ProbLog2(3 + int(p-attention.PLog2Bits3Whole)).PerTile()
	case attention.PLog2Bits3Wide:
		return reference.ProbLog2Wide(3).AtMaximum()
	case attention.PLogSqrt2Bits4, attention.PLogSqrt2Bits5:
		return reference.ProbLogSqrt2(4 + int(p-attention.PLogSqrt2Bits4)).AtMaximum()
	case attention.PIntExp:
		return reference.ProbLogInt(4, 8).PerTile()
	}
	return reference.ProbF32()
}

// TestOracleIsReference: what the oracle takes for the exact answer is what package
// reference says, mode by mode, and the kernels are within the reference's own range.
func TestOracleIsReference(t *testing.T) {
	kinds := map[attention.CorrectionMode]reference.CorrectionKind{
		attention.CorrectNone: reference.CorrectNone, attention.CorrectStatic: reference.CorrectStatic, attention.CorrectDynamic: reference.CorrectDynamic,
		attention.CorrectRenormalise: reference.CorrectRenormalise, attention.CorrectExact: reference.CorrectCentred,
	}
	for _, p := range attention.PModes() {
		for i, correction := range corrections(p) {
			for seed := range uint64(6) {
				c := Case{Heads: 1, KVHeads: 1, DK: 8, DV: 5, QLen: 1, KVLen: 1 + rand.New(rand.NewPCG(seed, 3)).IntN(1300), K: Store{Format: "int8"},
					V: Store{Format: "f32", Center: !(Case{P: p}).static()}, P: p, Correction: correction, Mask: MaskKind(seed % 2), Sinks: seed%3 == 0, Seed: seed + uint64(p)<<8 + uint64(i)<<16}
				switch {
				case integer(p) && p <= attention.PU4 && seed > 2:
					c.V.Format = "int8" // folded scales
				case correction == attention.CorrectExact:
					c.V.Center = true
				}
				in, err := c.Build(0xFF)
				require.NoError(t, err)
				out, err := in.Run()
				require.NoError(t, err)
				x := in.newExact()
				r := x.row(0, 0)
				r.shifts()
				r.weigh()
				want, _, tol := r.output()
				row := x.probRow(r)
				var res reference.ProbResult
				var may reference.ProbRange
				slack := reference.Slack32(r.top)
				if c.static() {
					m := reference.StaticUint(map[attention.PMode]int{attention.PStaticU4: 4, attention.PStaticU8: 8}[p])
					k := reference.Correction{Kind: kinds[correction]}
					if correction == attention.CorrectStatic {
						k.Mu = Beta(0, 1)
					}
					res, may = m.Attend(row, k), m.Range(row, k, slack)
				} else {
					m := referenceMode(p)
					res, may = m.Attend(row), m.Range(row, slack)
				}
				for ch, o := range res.Out {
					require.InDelta(t, o, want[ch], 1e-12*(1+math.Abs(o)), "%s, channel %d", p, ch)
					require.InDelta(t, o, out.Out[ch], may.Out[ch]+tol[ch], "%s, channel %d", p, ch)
				}
				require.InDelta(t, res.LSE, math.Ln2*(r.ref+math.Log2(r.mass.at)), 1e-12*(1+math.Abs(res.LSE)), "%s", p)
			}
		}
	}
}

// probRow states a row of one head for package reference.
func (x *exact) probRow(r *exactRow) *reference.ProbRow {
	p := reference.NewProbRow(nil, nil, x.in.DV)
	for j, s := range r.logits {
		p.Y = append(p.Y, s*math.Log2E)
		p.V = append(p.V, x.v[j].res...)
		if j%reference.Tokens == 0 {
			p.Centre = append(p.Centre, x.v[j].mu...)
		}
		if x.intV {
			p.VScale = append(p.VScale, x.v[j].scale)
		}
		if j%1024 == 0 && j > 0 {
			p.Splits = append(p.Splits, j)
		}
	}
	p.Sink = r.sink * math.Log2E
	return p
}
