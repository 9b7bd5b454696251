package calib

import "fmt"

// PerChannel observes rows of d channels with one observer per channel, as RepQ and
// per-channel key scales need.
type PerChannel struct {
	channels []Observer
	column   []float32
}

// NewPerChannel returns observers for d channels; pick makes the one of channel c.
func NewPerChannel(d int, pick func(c int) Observer) *PerChannel {
	p := &PerChannel{channels: make([]Observer, d)}
	for c := range p.channels {
		p.channels[c] = pick(c)
	}
	return p
}

// Observe takes in whole rows, [rows][d].
func (p *PerChannel) Observe(x []float32) {
	for c, o := range p.channels {
		p.column = p.column[:0]
		for i := c; i < len(x); i += len(p.channels) {
			p.column = append(p.column, x[i])
		}
		o.Observe(p.column)
	}
}

// Merge takes in what o has observed, channel by channel.
func (p *PerChannel) Merge(o *PerChannel) error {
	if len(p.channels) != len(o.channels) {
		return fmt.Errorf("calib: cannot merge %d channels into %d", len(o.channels), len(p.channels))
	}
	for c := range p.channels {
		if err := p.channels[c].Merge(o.channels[c]); err != nil {
			return fmt.Errorf("channel %d: %w", c, err)
		}
	}
	return nil
}

// Quantizers returns one quantizer per channel.
func (p *PerChannel) Quantizers() ([]Uniform, error) {
	u := make([]Uniform, len(p.channels))
	for c, o := range p.channels {
		var err error
		if u[c], err = o.Quantizer(); err != nil {
			return nil, fmt.Errorf("channel %d: %w", c, err)
		}
	}
	return u, nil
}
