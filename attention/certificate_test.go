package attention_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// normal draws n numbers, one channel in 16 ten times larger where outliers is set.
func normal(r *rand.Rand, n, d int, outliers bool) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
		if outliers && i%d%16 == 3 {
			x[i] *= 10
		}
	}
	return x
}

// one is the batch of a cache's sequence and its last qLen queries.
func one(c *attention.Cache, qLen int) *attention.Batch {
	return &attention.Batch{QStart: []int32{0, int32(qLen)}, KVLen: []int32{int32(c.Len())}, Table: c.Table(), TabStart: []int32{0, int32(len(c.Table()))}}
}

// certified runs a certified plan on a random problem and returns, per row, the error
// against float64 attention over the values before quantization and the certificate.
func certified(t *testing.T, r *rand.Rand, cfg attention.Config, qLen, kvLen int, outliers bool) (rms, worst []float64, est, bound []float32) {
	cfg.Certify = true
	plan, err := attention.NewPlan(cfg)
	require.NoError(t, err)
	q := normal(r, qLen*cfg.QHeads*cfg.DK, cfg.DK, false)
	k := normal(r, kvLen*cfg.KVHeads*cfg.DK, cfg.DK, outliers)
	v := normal(r, kvLen*cfg.KVHeads*cfg.DV, cfg.DV, false)
	for i := range v {
		v[i] += float32(i%cfg.DV%3) - 1
	}
	c := plan.NewCache()
	require.NoError(t, c.Append(k, v))
	var s attention.Schedule
	require.NoError(t, plan.Reschedule(&s, one(c, qLen)))
	rows := qLen * cfg.QHeads
	io := attention.IO{Q: attention.Rows{F32: q}, Out: make([]float32, rows*cfg.DV), Workspace: attention.AlignedBytes(s.WorkspaceBytes()),
		ErrEst: make([]float32, rows), ErrBound: make([]float32, rows)}
	require.NoError(t, plan.Run(context.Background(), &s, c.Pages(), &io))
	p := reference.NewProblem(cfg.QHeads, cfg.KVHeads, cfg.DK, cfg.DV, qLen, kvLen)
	p.Causal, p.Offset = cfg.Causal, kvLen-qLen
	for _, s := range []struct {
		dst *[]float64
		src []float32
	}{{&p.Q, q}, {&p.K, k}, {&p.V, v}} {
		for _, x := range s.src {
			*s.dst = append(*s.dst, float64(x))
		}
	}
	want := reference.Attend(p).Out
	for i := range rows {
		var e2, top float64
		for c := range cfg.DV {
			e := math.Abs(float64(io.Out[i*cfg.DV+c]) - want[i*cfg.DV+c])
			e2, top = e2+e*e, max(top, e)
		}
		rms, worst = append(rms, math.Sqrt(e2/float64(cfg.DV))), append(worst, top)
	}
	return rms, worst, io.ErrEst, io.ErrBound
}

// TestCertificate checks that the bound holds for every row and that the estimate is of
// the right size.
func TestCertificate(t *testing.T) {
	const slack = 2e-5 // float32 arithmetic comes on top of quantization
	r := rand.New(rand.NewPCG(1, 2))
	int8c := attention.Codec{Format: quant.Int8, Rotate: true, Center: true}
	for _, c := range []struct {
		name  string
		k, v  attention.Codec
		p     attention.PMode
		sinks int
	}{
		{"f32", attention.Codec{}, attention.Codec{}, attention.PAuto, 0},
		{"f16", attention.Codec{Format: quant.F16}, attention.Codec{Format: quant.F16}, attention.PAuto, 0},
		{"int8", attention.Codec{Format: quant.Int8}, attention.Codec{Format: quant.Int8, Center: true}, attention.PAuto, 0},
		{"int8-rotated", int8c, int8c, attention.PAuto, 4},
		{"int8-u16", int8c, attention.Codec{Format: quant.Int8, Center: true}, attention.PU16, 0},
		{"int4-u4", attention.Codec{Format: quant.Int4, Center: true}, attention.Codec{Format: quant.Int4, Center: true}, attention.PU4, 0},
		{"nf4", attention.Codec{Format: quant.NF4}, attention.Codec{Format: quant.NF4, Center: true}, attention.PAuto, 4},
		{"nf4-dq", attention.Codec{Format: quant.NF4Double}, attention.Codec{Format: quant.NF4Double, Center: true}, attention.PAuto, 4},
		{"e4m3", attention.Codec{Format: quant.E4M3}, attention.Codec{Format: quant.E4M3, Rotate: true}, attention.PAuto, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ratios []float64
			for i := range 12 {
				cfg := attention.Config{QHeads: 4, KVHeads: 2, DK: []int{32, 64, 80}[i%3], DV: []int{64, 33, 128}[i%3], K: c.k, V: c.v, P: c.p,
					SinkTokens: c.sinks, Causal: i%2 == 1}
				rms, worst, est, bound := certified(t, r, cfg, 1+i, 40+60*i, i%4 == 3)
				for j := range rms {
					require.LessOrEqual(t, worst[j], float64(bound[j])+slack, "case %d row %d", i, j)
					if rms[j] > slack {
						ratios = append(ratios, float64(est[j])/rms[j])
					}
				}
			}
			if c.name == "f32" {
				require.Empty(t, ratios)
				return
			}
			if len(ratios) == 0 {
				return // nothing above float32 rounding
			}
			sort.Float64s(ratios)
			at := func(q float64) float64 { return ratios[int(q*float64(len(ratios)-1))] }
			t.Logf("estimate / measured: 5 %% %.2f, median %.2f, 95 %% %.2f of %d rows", at(.05), at(.5), at(.95), len(ratios))
			require.Greater(t, at(.05), .5)
			require.Less(t, at(.95), 2.)
		})
	}
}

// TestCertificateNeedsConfig asks a plan without certificates for one.
func TestCertificateNeedsConfig(t *testing.T) {
	cfg := attention.Config{QHeads: 1, KVHeads: 1, DK: 4, DV: 4}
	plan, err := attention.NewPlan(cfg)
	require.NoError(t, err)
	c := plan.NewCache()
	require.NoError(t, c.Append(make([]float32, 4), make([]float32, 4)))
	var s attention.Schedule
	require.NoError(t, plan.Reschedule(&s, one(c, 1)))
	io := attention.IO{Q: attention.Rows{F32: make([]float32, 4)}, Out: make([]float32, 4), ErrEst: make([]float32, 1),
		Workspace: attention.AlignedBytes(s.WorkspaceBytes())}
	var fe *attention.FieldError
	err = plan.Run(context.Background(), &s, c.Pages(), &io)
	require.ErrorIs(t, err, attention.ErrUnsupported)
	require.ErrorAs(t, err, &fe)
	require.Equal(t, "IO.ErrEst", fe.Field)
	cfg.Certify, cfg.P = true, attention.PLog2Bits4
	_, err = attention.NewPlan(cfg)
	require.ErrorIs(t, err, attention.ErrUnsupported)
}
