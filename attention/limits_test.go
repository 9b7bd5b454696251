package attention

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/qattn/qattn/quant"
)

func TestConfigLimits(t *testing.T) {
	base := Config{QHeads: 2, KVHeads: 1, DK: 8, DV: 8}
	for field, change := range map[string]func(*Config){
		"Config.K.Format":   func(c *Config) { c.K.Format = quant.E4M3Static(0) },
		"Config.V.Format":   func(c *Config) { c.V.Format = quant.E5M2Static(float32(math.Inf(1))) },
		"Config.SinkLogits": func(c *Config) { c.SinkLogits = []float32{0, 3e38} },
		"Config.ALiBi":      func(c *Config) { c.ALiBi = []float32{0, nan} },
		"Config.Window":     func(c *Config) { c.Window.Left = 3 },
	} {
		c := base
		change(&c)
		_, err := NewPlan(c)
		var fe *FieldError
		require.ErrorIs(t, err, ErrConfig, field)
		require.ErrorAs(t, err, &fe)
		require.Equal(t, field, fe.Field)
	}
	base.SinkLogits = []float32{negInf, 1}
	_, err := NewPlan(base)
	require.NoError(t, err)
}

func TestRejectSeesThroughRotation(t *testing.T) {
	p, err := NewPlan(Config{QHeads: 1, KVHeads: 1, DK: 2, DV: 2, V: Codec{Format: quant.F16, Rotate: true}, NonFinite: Reject})
	require.NoError(t, err)
	require.ErrorIs(t, p.NewCache().Append([]float32{1, 1}, []float32{3e38, 3e38}), ErrNonFinite)
	require.NoError(t, p.NewCache().Append([]float32{1, 1}, []float32{1e38, 1e38}))
}

func TestPoolAfterClose(t *testing.T) {
	pool := NewPool(3)
	pool.Close()
	pool.Close()
	n := 0
	pool.Run(5, countTask{&n})
	require.Equal(t, 5, n)
}

type countTask struct{ n *int }

func (c countTask) Do(int, int) { *c.n++ }

func TestEmptyTable(t *testing.T) {
	p, err := NewPlan(Config{QHeads: 1, KVHeads: 1, DK: 64, DV: 64, SinkTokens: 4})
	require.NoError(t, err)
	require.Zero(t, p.Layout().TablePages(0))
	require.Equal(t, 2, p.Layout().TablePages(1))
	require.Equal(t, 2*p.Layout().PageBytes, p.Layout().Bytes(64))
	c := p.NewCache()
	require.Error(t, c.Append(make([]float32, 64), make([]float32, 63)))
	require.Zero(t, c.Bytes())
}

// TestRecordsApart: certificates leave pages as large as they are without.
func TestRecordsApart(t *testing.T) {
	cfg := Config{QHeads: 6, KVHeads: 3, DK: 64, DV: 40, K: Codec{Format: quant.Int8}, V: Codec{Format: quant.Int4, Center: true}, SinkTokens: 4}
	plain, err := NewPlan(cfg)
	require.NoError(t, err)
	cfg.Certify = true
	p, err := NewPlan(cfg)
	require.NoError(t, err)
	require.Zero(t, plain.Layout().RecordBytes)
	require.Equal(t, 3*Tile*2*recordBytes, p.Layout().RecordBytes)
	require.Equal(t, plain.Layout().PageBytes, p.Layout().PageBytes)
	require.Equal(t, plain.Layout().Bytes(100), p.Layout().Bytes(100))
	require.NotEqual(t, plain.Layout().ID, p.Layout().ID)
	require.InDelta(t, plain.Explain().BitsK+8*recordBytes/64., p.Explain().BitsK, 1e-9)
	require.InDelta(t, plain.Explain().BitsV+8*recordBytes/40., p.Explain().BitsV, 1e-9)
	c := p.NewCache()
	require.NoError(t, c.Append(make([]float32, 70*3*64), make([]float32, 70*3*40)))
	require.Equal(t, 3*(p.Layout().PageBytes+p.Layout().RecordBytes), c.Bytes())
}

// TestExplainNamesWhatRuns: the tier is that of the chosen kernels, not of the CPU.
func TestExplainNamesWhatRuns(t *testing.T) {
	p, err := NewPlan(Config{QHeads: 1, KVHeads: 1, DK: 64, DV: 64})
	require.NoError(t, err)
	e := p.Explain()
	pure := strings.HasSuffix(e.QK, "_generic")
	require.Equal(t, pure, e.Tier == "generic")
	require.Equal(t, pure, strings.Contains(e.String(), "pure-Go"))
}
