package llama

import (
	"context"
	"math"
)

// plain is a KV cache of plain float32 rows with attention the obvious way.
type plain struct {
	Config
	pos, n int
	k, v   [][]float32 // [layer][pos][KVDim]
}

func newPlain(c Config) KV {
	return &plain{Config: c, k: make([][]float32, c.Layers), v: make([][]float32, c.Layers)}
}

func (p *plain) Begin(pos, n int) error { p.pos, p.n = pos, n; return nil }

func (p *plain) Attend(_ context.Context, layer int, qkv, out []float32) error {
	d, kv, wide := p.HeadDim(), p.KVDim(), p.qkvDim()
	k, v := p.k[layer][:p.pos*kv], p.v[layer][:p.pos*kv]
	for t := range p.n {
		row := qkv[t*wide:]
		k, v = append(k, row[p.Dim:p.Dim+kv]...), append(v, row[p.Dim+kv:wide]...)
		weights := make([]float64, p.pos+t+1)
		for h := range p.Heads {
			q, g := row[h*d:(h+1)*d], h/(p.Heads/p.KVHeads)*d
			top := math.Inf(-1)
			for j := range weights {
				weights[j] = float64(dot(q, k[j*kv+g:])) / math.Sqrt(float64(d))
				top = max(top, weights[j])
			}
			var sum float64
			o := out[t*p.Dim+h*d:][:d]
			clear(o)
			for j, y := range weights {
				w := math.Exp(y - top)
				sum += w
				for c := range o {
					o[c] += float32(w) * v[j*kv+g+c]
				}
			}
			for c := range o {
				o[c] /= float32(sum)
			}
		}
	}
	p.k[layer], p.v[layer] = k, v
	return nil
}
