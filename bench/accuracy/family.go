package accuracy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/qattn/qattn/bench/emulate"
)

// Family is a set of heads of one distribution.
type Family struct {
	Name  string
	Heads int
	Head  func(i int) *emulate.Head // the i-th head, always the same
}

// Size says how much work a set of synthetic families is.
type Size struct {
	Tokens   []int // keys per head
	Flat     []int // keys per head of the flat family
	Heads    int   // heads per family
	FlatRows int   // query rows per head of the flat family
}

// Sizes of a full and of a quick run.
var (
	Full  = Size{Tokens: []int{1024, 8192}, Flat: []int{1024, 8192, 32768, 131072}, Heads: 8, FlatRows: 8}
	Quick = Size{Tokens: []int{1024, 2048}, Flat: []int{1024, 2048}, Heads: 4, FlatRows: 8}
)

const (
	dim       = 128 // head dimension of the synthetic families
	queryRows = 24  // query rows per head, at the last positions
)

// Synthetic returns the synthetic families:
//
//	gauss        q, k ~ N(0, 1.5²): logits of standard deviation 2.25; v ~ N(0, 1)
//	fa3-outlier  N(0, 1) + N(0, 100)·Bernoulli(0.001), as in FlashAttention-3
//	llm-like     keys with channel means, eight of magnitude 8 to 16, before RoPE; values
//	             with channel means
//	llm+sink     the same with a first token 5 nats above the others and a tiny value
//	flat         logits of standard deviation 0.05, values of mean 0.5
func Synthetic(s Size) (fs []Family) {
	for id, k := range []struct {
		name string
		draw func(r *rand.Rand, nk int) *emulate.Head
	}{{"gauss", gauss}, {"fa3-outlier", outlier}, {"llm-like", func(r *rand.Rand, nk int) *emulate.Head { return llm(r, nk, 0) }},
		{"llm+sink", func(r *rand.Rand, nk int) *emulate.Head { return llm(r, nk, 5) }}} {
		for _, nk := range s.Tokens {
			fs = append(fs, family(id, k.name, nk, s.Heads, k.draw))
		}
	}
	for _, nk := range s.Flat {
		heads := max(1, min(s.Heads, 65536/nk))
		fs = append(fs, family(4, "flat", nk, heads, func(r *rand.Rand, nk int) *emulate.Head { return flat(r, s.FlatRows, nk) }))
	}
	return fs
}

// family seeds every head by family, length and number.
func family(id int, name string, nk, heads int, draw func(r *rand.Rand, nk int) *emulate.Head) Family {
	return Family{Name: fmt.Sprintf("%s/%dk", name, nk/1024), Heads: heads, Head: func(i int) *emulate.Head {
		h := draw(rand.New(rand.NewPCG(uint64(id)<<32|uint64(nk), uint64(i))), nk)
		h.Scale = 1 / math.Sqrt(dim)
		return h
	}}
}

// blank returns a head without data.
func blank(nq, nk int) *emulate.Head {
	return &emulate.Head{NQ: nq, NK: nk, DK: dim, DV: dim,
		Q: make([]float32, nq*dim), K: make([]float32, nk*dim), V: make([]float32, nk*dim)}
}

// fill draws every element of x.
func fill(x []float32, draw func(c int) float64) {
	for i := range x {
		x[i] = float32(draw(i % dim))
	}
}

func gauss(r *rand.Rand, nk int) *emulate.Head {
	h := blank(queryRows, nk)
	fill(h.Q, func(int) float64 { return 1.5 * r.NormFloat64() })
	fill(h.K, func(int) float64 { return 1.5 * r.NormFloat64() })
	fill(h.V, func(int) float64 { return r.NormFloat64() })
	return h
}

func outlier(r *rand.Rand, nk int) *emulate.Head {
	h := blank(queryRows, nk)
	for _, x := range [][]float32{h.Q, h.K, h.V} {
		fill(x, func(int) float64 {
			y := r.NormFloat64()
			if r.IntN(1000) == 0 {
				y += 10 * r.NormFloat64()
			}
			return y
		})
	}
	return h
}

func flat(r *rand.Rand, nq, nk int) *emulate.Head {
	h := blank(nq, nk)
	fill(h.Q, func(int) float64 { return 0.05 * r.NormFloat64() })
	fill(h.K, func(int) float64 { return r.NormFloat64() })
	fill(h.V, func(int) float64 { return 0.5 + r.NormFloat64() })
	return h
}

// outlierChannels of llm: five frequencies, three of them with both channels.
var outlierChannels = []int{3, 29, 44, 51, 60, 64 + 29, 64 + 51, 64 + 60}

// llm draws keys as language models have them: channel means that RoPE turns, a few of
// them large; queries with means of their own that avoid the large channels; values
// with channel means. With sink > 0 the first key lies along the mean query, sink nats
// above the others, and its value is near zero.
func llm(r *rand.Rand, nk int, sink float64) *emulate.Head {
	h := blank(queryRows, nk)
	var meanK, devK, meanQ, devQ, meanV [dim]float64
	for c := range dim {
		meanK[c], devK[c] = 0.5*r.NormFloat64(), math.Exp(0.4*r.NormFloat64())
		meanQ[c], devQ[c] = 0.3*r.NormFloat64(), 1.3
		meanV[c] = 0.3 * r.NormFloat64()
	}
	for _, c := range outlierChannels {
		meanK[c] = (8 + 8*r.Float64()) * float64(1-2*r.IntN(2))
		meanQ[c], devQ[c] = 0.1*meanQ[c], 0.15
	}
	meanV[7], meanV[77] = 3, -4
	fill(h.K, func(c int) float64 { return meanK[c] + devK[c]*r.NormFloat64() })
	fill(h.Q, func(c int) float64 { return meanQ[c] + devQ[c]*r.NormFloat64() })
	fill(h.V, func(c int) float64 { return meanV[c] + 0.5*r.NormFloat64() })
	for j := range nk {
		rope(h.K[j*dim:(j+1)*dim], j)
	}
	for i := range queryRows {
		rope(h.Q[i*dim:(i+1)*dim], nk-queryRows+i)
	}
	if sink > 0 {
		raiseFirstKey(r, h, sink+4)
	}
	return h
}

// rope rotates channel pairs (c, c+64) of a row by pos·500000^(−2c/128).
func rope(x []float32, pos int) {
	for c := range dim / 2 {
		sin, cos := math.Sincos(float64(pos) * math.Pow(500000, -2*float64(c)/dim))
		a, b := float64(x[c]), float64(x[c+dim/2])
		x[c], x[c+dim/2] = float32(a*cos-b*sin), float32(a*sin+b*cos)
	}
}

// raiseFirstKey makes the first key a multiple of the mean query whose mean logit is
// nats.
func raiseFirstKey(r *rand.Rand, h *emulate.Head, nats float64) {
	var mean [dim]float64
	for i, x := range h.Q {
		mean[i%dim] += float64(x) / queryRows
	}
	var norm float64
	for _, m := range mean {
		norm += m * m
	}
	for c, m := range mean {
		h.K[c] = float32(m * nats * math.Sqrt(dim) / norm)
		h.V[c] = float32(0.02 * r.NormFloat64())
	}
}
