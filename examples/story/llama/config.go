// Package llama runs a Llama-style language model (RMSNorm, interleaved RoPE,
// grouped-query attention, SwiGLU) whose keys and values live in qattn pages.
//
// It is written to be read: Model holds float32 weights, Session runs tokens
// through them, and Attention is the single seam between the model and qattn.
package llama

import "fmt"

// Config holds the dimensions of a model.
type Config struct {
	Dim     int // width of the residual stream, Heads · head dimension
	Hidden  int // width of the feed-forward layer
	Layers  int
	Heads   int // query heads
	KVHeads int // key and value heads; divides Heads
	Vocab   int
	Context int // longest sequence the model was trained on
}

// HeadDim is the number of channels of one head.
func (c Config) HeadDim() int { return c.Dim / c.Heads }

// KVDim is the number of channels of all key heads of a token.
func (c Config) KVDim() int { return c.KVHeads * c.HeadDim() }

// qkvDim is the width of a fused query, key and value row.
func (c Config) qkvDim() int { return c.Dim + 2*c.KVDim() }

// field is one dimension under the name model files give it.
type field struct {
	name string
	dst  *int
	max  int
}

// fields lists the dimensions in the order of model files. The upper bounds keep
// every product of dimensions below 2⁴⁴, so file sizes computed from a validated
// Config in int64 cannot overflow.
func (c *Config) fields() []field {
	return []field{
		{"dim", &c.Dim, 1 << 14},
		{"hidden_dim", &c.Hidden, 1 << 16},
		{"n_layers", &c.Layers, 1 << 8},
		{"n_heads", &c.Heads, 1 << 10},
		{"n_kv_heads", &c.KVHeads, 1 << 10},
		{"vocab_size", &c.Vocab, 1 << 20},
		{"seq_len", &c.Context, 1 << 17},
	}
}

// validate rejects dimensions out of bounds or at odds with each other.
func (c Config) validate() error {
	for _, f := range c.fields() {
		if *f.dst < 1 || *f.dst > f.max {
			return fmt.Errorf("llama: %s is %d, want 1 to %d", f.name, *f.dst, f.max)
		}
	}
	switch {
	case c.Dim%c.Heads != 0:
		return fmt.Errorf("llama: n_heads %d does not divide dim %d", c.Heads, c.Dim)
	case c.HeadDim()%2 != 0:
		return fmt.Errorf("llama: head dimension %d (dim / n_heads) is odd, rotary pairs need it even", c.HeadDim())
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("llama: n_kv_heads %d does not divide n_heads %d", c.KVHeads, c.Heads)
	}
	return nil
}
