package attention

import "github.com/qattn/qattn/quant"

// Preset is a proven way to store keys and values. The README's accuracy table has its
// error on several families of data.
//
// All presets keep the first four tokens in binary16, since they often carry much of the
// mass and look unlike the others, rotate keys against outlier channels, and centre keys
// and values: the mean of the values then never meets a rounded weight.
type Preset struct {
	Name       string
	K, V       Codec
	SinkTokens int
	P          PMode
}

// The presets, from accurate to small.
var (
	// K8V8 holds both sides in 8 bits and computes in integers: for use in place of 16 bits.
	K8V8 = Preset{"K8V8", Codec{Format: quant.Int8, Rotate: true, Center: true}, Codec{Format: quant.Int8, Center: true}, 4, PU8}
	// K8V4 spends its bits on the keys, whose errors the exponential amplifies.
	K8V4 = Preset{"K8V4", Codec{Format: quant.Int8, Rotate: true, Center: true}, Codec{Format: quant.Int4, Rotate: true, Center: true}, 4, PU8}
	// K4V4 holds both sides in 4 bits.
	K4V4 = Preset{"K4V4", Codec{Format: quant.Int4, Rotate: true, Center: true}, Codec{Format: quant.Int4, Rotate: true, Center: true}, 4, PU8}
)

// Presets lists them.
func Presets() []Preset { return []Preset{K8V8, K8V4, K4V4} }

// Apply returns c with the preset's codecs, sink tokens and weights in the place of its own;
// calibrated means stay.
func (p Preset) Apply(c Config) Config {
	mean := [2][]float32{c.K.Mean, c.V.Mean}
	c.K, c.V, c.SinkTokens, c.P = p.K, p.V, p.SinkTokens, p.P
	c.K.Mean, c.V.Mean = mean[0], mean[1]
	return c
}
