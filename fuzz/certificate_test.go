package fuzz

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// certifiedModes are the modes with certificates; the last four need integer values, or FP8.
var certifiedModes = []attention.PMode{attention.PAuto, attention.PF32, attention.PU4, attention.PU8, attention.PU16, attention.PBF16}

// FuzzCertificate: the error of a certified row, against attention over the rows before
// quantization, stays within its bound. Sizes are small, so that many rows are tried.
func FuzzCertificate(f *testing.F) {
	for seed := range uint64(14) {
		f.Add(uint8(seed%3), uint8(seed%2), uint16(7+seed), uint16(2+3*seed), uint16(1+seed%5), uint16(15*seed), uint8(seed), uint8(13-seed),
			seed*0x9e3779b9, uint8(seed), uint8(seed*5), seed, []byte(nil))
	}
	f.Add(uint8(0), uint8(0), uint16(3), uint16(3), uint16(2), uint16(70), uint8(3), uint8(13), uint64(CenterK|CenterV|RotateV|SinkBit1|MeanVFlag), uint8(3),
		uint8(22), uint64(5), []byte{0, 0, 0x7f, 0x47, 0, 0, 0x7f, 0x47}) // values beyond binary16
	f.Fuzz(func(t *testing.T, group, kvHeads uint8, dk, dv, qLen, kvLen uint16, formatK, formatV uint8, flags uint64, mode, family uint8, seed uint64, raw []byte) {
		c := FromArgs(group%4, kvHeads%2, dk%20, dv%20, qLen%8, kvLen%200, formatK, formatV, flags, family, 0, seed, raw)
		c.P, c.Correction, c.Certify = certifiedModes[int(mode)%len(certifiedModes)], attention.CorrectNone, true
		if !c.certifiable() {
			c.P = attention.PAuto
		}
		in, err := c.Build(0xFF)
		if err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
		out, err := in.Run()
		if err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
		if _, err := in.Check(out); err != nil {
			t.Fatalf("%v\n%v", err, c)
		}
	})
}

// certifiedCase is a problem of many rows over few small tokens.
func certifiedCase(seed uint64) Case {
	r := rand.New(rand.NewPCG(seed, 17))
	formats := quant.Formats()
	families := []Family{Gauss, Outliers, LLM, SinkKeys, SinkHuge, Flat, VMean, VFar, ChannelRange, MaxFirst, MaxLast, Increasing, Decreasing, SawTooth,
		Ties, TwoMaxima, ZeroRows, RoundingTies, Extremes, Constant, Integers}
	store := func() Store {
		s := Store{Format: formats[r.IntN(len(formats))].String(), Rotate: r.IntN(2) == 0, Center: r.IntN(2) == 0}
		if r.IntN(3) == 0 {
			s.Mean = meanSizes[r.IntN(2)]
		}
		return s
	}
	c := Case{KVHeads: 1 + r.IntN(2), DK: 1 + r.IntN(12), DV: 1 + r.IntN(8), KVLen: 1 + r.IntN(130), QLen: 400, K: store(), V: store(),
		P: certifiedModes[r.IntN(len(certifiedModes))], Q: attention.QMode(r.IntN(2)), Certify: true, Causal: r.IntN(3) == 0, Sinks: r.IntN(4) == 0,
		Data: families[r.IntN(len(families))], Seed: seed}
	c.Heads = c.KVHeads * (1 + r.IntN(3))
	if r.IntN(4) == 0 && c.DK+c.DV >= 8 {
		c.SinkTokens = 1 + r.IntN(4)
	}
	if r.IntN(4) == 0 {
		c.Scale = []float32{1, -0.3, 0.05}[r.IntN(3)]
	}
	if !c.certifiable() {
		c.P = attention.PAuto
	}
	return c
}

// certifiedRow is what a row shows: its largest error and that error's allowance.
type certifiedRow struct{ worst, bound, slack float64 }

// certifiedRows runs a case and compares every row with float64 attention over the rows
// before quantization. The slack is float32's.
func (c Case) certifiedRows(see func(r certifiedRow)) error {
	in, err := c.Build(0xFF)
	if err != nil {
		return err
	}
	o, err := in.Run()
	if err != nil {
		return err
	}
	cfg := in.Plan.Config()
	p, want := make([]float64, c.KVLen), make([]float64, c.DV)
	biggest := 0.0
	for _, v := range in.V {
		biggest = max(biggest, math.Abs(float64(v)))
	}
	for _, v := range cfg.V.Mean {
		biggest = max(biggest, math.Abs(float64(v)))
	}
	for at := range c.QLen * c.Heads {
		i, h := at/c.Heads, at%c.Heads
		g, n := h/(c.Heads/c.KVHeads), c.KVLen
		if c.Causal {
			n = max(0, min(n, c.FirstPosition()+i+1))
		}
		q := in.Q[at*c.DK:][:c.DK]
		top, size := math.Inf(-1), 0.0
		for j := range n {
			k, s, abs := in.K[(j*c.KVHeads+g)*c.DK:][:c.DK], 0.0, 0.0
			for ch, x := range q {
				y := float64(x) * float64(k[ch])
				s, abs = s+y, abs+math.Abs(y)
			}
			p[j] = s * float64(cfg.Scale)
			top, size = max(top, p[j]), max(size, abs*math.Abs(float64(cfg.Scale)))
		}
		sum := 0.0
		if c.Sinks && n > 0 {
			top = max(top, float64(cfg.SinkLogits[h]))
			sum = math.Exp(float64(cfg.SinkLogits[h]) - top)
		}
		clear(want)
		for j := range n {
			p[j] = math.Exp(p[j] - top)
			sum += p[j]
			for ch, x := range in.V[(j*c.KVHeads+g)*c.DV:][:c.DV] {
				want[ch] += p[j] * float64(x)
			}
		}
		row := certifiedRow{bound: float64(o.ErrBound[at]), slack: 1e-5 * (1 + size) * math.Sqrt(float64(c.DV)) * biggest}
		for ch, x := range o.Out[at*c.DV:][:c.DV] {
			w := 0.0
			if n > 0 {
				w = want[ch] / sum
			}
			row.worst = max(row.worst, math.Abs(float64(x)-w))
		}
		see(row)
	}
	return nil
}

// TestCertifiedRows counts rows whose error exceeds the certified bound: none of many. With
// QATTN_EXHAUSTIVE set it tries ten million and says how far it is.
func TestCertifiedRows(t *testing.T) {
	goal := int64(40_000)
	exhaustive := os.Getenv("QATTN_EXHAUSTIVE") != ""
	if exhaustive {
		goal = 10_000_000
	}
	var rows, broken, next atomic.Int64
	var mu sync.Mutex
	var ratios []float64
	start, shown := time.Now(), time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for rows.Load() < goal {
				c := certifiedCase(uint64(next.Add(1)))
				var mine []float64
				err := c.certifiedRows(func(r certifiedRow) {
					if !(r.worst <= r.bound*(1+1e-5)+r.slack) {
						if broken.Add(1) < 10 {
							t.Errorf("error %v, bound %v and %v\n%v", r.worst, r.bound, r.slack, c)
						}
					}
					if rows.Add(1)%64 == 0 && r.worst > 10*r.slack {
						mine = append(mine, r.bound/r.worst)
					}
				})
				if err != nil {
					t.Errorf("%v\n%v", err, c)
					return
				}
				mu.Lock()
				ratios = append(ratios, mine...)
				if exhaustive && time.Since(shown) > 5*time.Second {
					shown = time.Now()
					fmt.Fprintf(os.Stderr, "%d rows, %d violations, %.0f s\n", rows.Load(), broken.Load(), time.Since(start).Seconds())
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(ratios)
	require.NotEmpty(t, ratios)
	t.Logf("%d rows, %d violations; bound / error of rows with an error above float32: least %.2f, median %.1f", rows.Load(), broken.Load(), ratios[0], ratios[len(ratios)/2])
	require.Zero(t, broken.Load())
	require.Less(t, ratios[0], 3.0, "nothing comes near the bound")
}

// TestCertifiedEstimate: over centred values and attention that is spread, the estimate of
// nine rows in ten is within a factor of two of the error. Where one key has most of the
// weight its logit's error hardly moves the output, and the estimate is too large; it must
// not be too small.
func TestCertifiedEstimate(t *testing.T) {
	spread := []Family{Gauss, VMean, Flat, RoundingTies}
	peaked := []Family{LLM, VFar, SinkKeys, ChannelRange, MaxFirst, MaxLast, TwoMaxima, Integers, Outliers}
	for _, formats := range []struct{ k, v string }{{"int8", "int8"}, {"int4", "int4"}, {"int8", "int4"}, {"nf4", "int8-s32"}, {"e4m3", "e4m3"}, {"f16", "nf4"}, {"nf4-dq", "nf4-dq"}} {
		for i, family := range append(spread, peaked...) {
			if testing.Short() && i%4 != 0 {
				continue
			}
			c := Case{Heads: 4, KVHeads: 2, DK: 64, DV: 64, QLen: 10, KVLen: 320, K: Store{Format: formats.k, Center: true}, V: Store{Format: formats.v, Center: true},
				Certify: true, Causal: true, Data: family, Seed: uint64(family) + 1}
			ratios, err := c.estimates()
			require.NoError(t, err)
			if len(ratios) == 0 {
				continue
			}
			good, large := 0.0, 0.0
			for _, x := range ratios {
				if x >= 0.5 {
					large++
					if x <= 2 {
						good++
					}
				}
			}
			n := float64(len(ratios))
			t.Logf("%s/%s, family %d: estimate / error %.2f to %.2f, median %.2f of %d", formats.k, formats.v, family, ratios[0], ratios[len(ratios)-1], ratios[len(ratios)/2], len(ratios))
			switch {
			case i < len(spread):
				require.GreaterOrEqual(t, good, 0.9*n, "%s/%s, family %d", formats.k, formats.v, family)
			case family == Outliers: // one token in sixteen has a scale ten times larger: the mean says little
				require.GreaterOrEqual(t, large, 0.7*n, "%s/%s, family %d", formats.k, formats.v, family)
			default:
				require.GreaterOrEqual(t, large, 0.9*n, "%s/%s, family %d", formats.k, formats.v, family)
			}
		}
	}
}

// estimates returns estimate / root mean square error of every row with an error above
// float32's, ascending.
func (c Case) estimates() (ratios []float64, err error) {
	in, err := c.Build(0xFF)
	if err != nil {
		return nil, err
	}
	o, err := in.Run()
	if err != nil {
		return nil, err
	}
	want := reference.Attend(in.appended()).Out
	for at, estimate := range o.ErrEst {
		square := 0.0
		for ch, v := range o.Out[at*c.DV:][:c.DV] {
			square += math.Pow(float64(v)-want[at*c.DV+ch], 2) / float64(c.DV)
		}
		if rms := math.Sqrt(square); rms > 1e-5 {
			ratios = append(ratios, float64(estimate)/rms)
		}
	}
	slices.Sort(ratios)
	return ratios, nil
}
