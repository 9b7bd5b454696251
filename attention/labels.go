package attention

import (
	"context"
	"runtime/pprof"
)

// labels are pprof label sets built once, so that setting them allocates nothing.
type labels struct{ decode, prefill, merge context.Context }

func newLabels(c *Config) *labels {
	with := func(phase string) context.Context {
		return pprof.WithLabels(context.Background(), pprof.Labels(
			"attn_k", c.K.Format.String(), "attn_v", c.V.Format.String(), "attn_phase", phase))
	}
	return &labels{with("decode"), with("prefill"), with("merge")}
}

// set labels the calling goroutine for a unit.
func (l *labels) set(ph phase, prefill bool) {
	switch {
	case ph == combine:
		pprof.SetGoroutineLabels(l.merge)
	case prefill:
		pprof.SetGoroutineLabels(l.prefill)
	default:
		pprof.SetGoroutineLabels(l.decode)
	}
}
