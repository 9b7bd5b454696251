package accuracy

import (
	"context"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/emulate"
	"github.com/qattn/qattn/quant"
)

// Own is a configuration of this library as a system. Heads, dimensions, scale and mask
// come from the head it meets.
type Own struct {
	Label  string
	Config func() attention.Config
	// Calibrate, if any, adds what a deployment calibrates offline, from the head itself.
	Calibrate func(c *attention.Config, h *emulate.Head) error
}

// Name returns the label behind the library's name.
func (o Own) Name() string { return "qattn " + o.Label }

// OwnSystems lists the configurations under test.
func OwnSystems() (own []Own) {
	for _, p := range attention.Presets() {
		own = append(own, Own{Label: p.Name, Config: func() attention.Config { return p.Apply(attention.Config{}) }})
	}
	own = append(own,
		Own{Label: "K8V8 no Hadamard", Config: func() attention.Config {
			c := attention.K8V8.Apply(attention.Config{})
			c.K.Rotate = false
			return c
		}},
		Own{Label: "K8V8 calibrated mean", Config: own[0].Config, Calibrate: calibrateMean},
		Own{Label: "K4V4 calibrated mean", Config: func() attention.Config { return attention.K4V4.Apply(attention.Config{}) }, Calibrate: calibrateMean},
	)
	for _, p := range []attention.Preset{attention.K8V8, attention.K4V4} {
		own = append(own, Own{Label: p.Name + " own centre", Config: func() attention.Config {
			c := p.Apply(attention.Config{})
			c.K.OwnCenter, c.V.OwnCenter = true, true
			return c
		}})
	}
	for _, f := range quant.Formats() {
		own = append(own, Own{Label: "plain " + f.String(), Config: func() attention.Config {
			return attention.Config{K: attention.Codec{Format: f}, V: attention.Codec{Format: f}}
		}})
	}
	return append(own, weightSystems()...)
}

// weightSystems differ in the arithmetic of the weights alone: keys and values are
// float32. The values are centred, as in the presets, except where probabilities are
// normalised before they are rounded: there centring is one of the corrections.
func weightSystems() (own []Own) {
	for _, p := range attention.PModes() {
		static := p == attention.PStaticU8 || p == attention.PStaticU4
		own = append(own, Own{Label: "P " + p.String(), Config: func() attention.Config {
			return attention.Config{P: p, V: attention.Codec{Center: !static}}
		}})
	}
	for _, m := range []attention.CorrectionMode{attention.CorrectStatic, attention.CorrectDynamic, attention.CorrectRenormalise, attention.CorrectExact} {
		o := Own{Label: "P " + attention.PStaticU8.String() + ", " + m.String() + " correction", Config: func() attention.Config {
			return attention.Config{P: attention.PStaticU8, V: attention.Codec{Center: m == attention.CorrectExact}, Correction: attention.Correction{Mode: m}}
		}}
		if m == attention.CorrectStatic {
			o.Calibrate = calibrateBeta
		}
		own = append(own, o)
	}
	return own
}

// Ablations take the presets apart: one side quantized at a time, then one measure
// against error changed at a time.
func Ablations() (own []Own) {
	for _, preset := range []attention.Preset{attention.K8V8, attention.K4V4} {
		vary := func(label string, change func(c *attention.Config)) {
			own = append(own, Own{Label: preset.Name + ": " + label, Config: func() attention.Config {
				c := preset.Apply(attention.Config{})
				change(&c)
				return c
			}})
		}
		vary("K only", func(c *attention.Config) { c.Q, c.V, c.P = attention.QF32, attention.Codec{}, attention.PF32 })
		vary("K and Q", func(c *attention.Config) { c.V, c.P = attention.Codec{}, attention.PF32 })
		vary("V only", func(c *attention.Config) { c.K, c.P = attention.Codec{}, attention.PF32 })
		vary("V and P", func(c *attention.Config) { c.K = attention.Codec{} })
		vary("Q f32", func(c *attention.Config) { c.Q = attention.QF32 })
		vary("P f32", func(c *attention.Config) { c.P = attention.PF32 })
		vary("P u16", func(c *attention.Config) { c.P = attention.PU16 })
		vary("K not rotated", func(c *attention.Config) { c.K.Rotate = false })
		vary("K not centred", func(c *attention.Config) { c.K.Center = false })
		vary("V not centred", func(c *attention.Config) { c.V.Center = false })
		vary("V rotation flipped", func(c *attention.Config) { c.V.Rotate = !c.V.Rotate })
		vary("no sinks", func(c *attention.Config) { c.SinkTokens = 0 })
		vary("8 sinks", func(c *attention.Config) { c.SinkTokens = 8 })
		vary("K own centre", func(c *attention.Config) { c.K.OwnCenter = true })
		vary("V own centre", func(c *attention.Config) { c.V.OwnCenter = true })
		vary("calibrated mean", func(*attention.Config) {})
		own[len(own)-1].Calibrate = calibrateMean
	}
	return own
}

// Attend appends the keys and values to a new cache and runs every query row over it.
func (o Own) Attend(h *emulate.Head) (emulate.Result, error) {
	c := shape(o.Config(), h)
	if o.Calibrate != nil {
		if err := o.Calibrate(&c, h); err != nil {
			return emulate.Result{}, err
		}
	}
	s, err := store(c, h)
	if err != nil {
		return emulate.Result{}, err
	}
	s.io.Out, s.io.LSE = make([]float32, h.NQ*h.DV), make([]float32, h.NQ)
	if err := s.plan.Run(context.Background(), &s.schedule, s.pages, &s.io); err != nil {
		return emulate.Result{}, err
	}
	return emulate.Result{Out: widen(s.io.Out), LSE: widen(s.io.LSE)}, nil
}

// shape fills in what the head decides.
func shape(c attention.Config, h *emulate.Head) attention.Config {
	c.QHeads, c.KVHeads, c.DK, c.DV = 1, 1, h.DK, h.DV
	c.Scale, c.Causal = float32(h.Scale), h.Causal
	return c
}

// stored is a head in a cache, ready to run.
type stored struct {
	plan     *attention.Plan
	schedule attention.Schedule
	pages    attention.Pages
	io       attention.IO
}

// store appends a head to a new cache and schedules its queries at the end.
func store(c attention.Config, h *emulate.Head) (*stored, error) {
	plan, err := attention.NewPlan(c)
	if err != nil {
		return nil, err
	}
	cache := plan.NewCache()
	if err := cache.Append(h.K, h.V); err != nil {
		return nil, err
	}
	table := cache.Table()
	s := &stored{plan: plan, pages: cache.Pages()}
	err = plan.Reschedule(&s.schedule, &attention.Batch{QStart: []int32{0, int32(h.NQ)}, KVLen: []int32{int32(h.NK)},
		Table: table, TabStart: []int32{0, int32(len(table))}})
	s.io.Q, s.io.Workspace = attention.Rows{F32: h.Q}, attention.AlignedBytes(s.schedule.WorkspaceBytes())
	return s, err
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
