package fuzz

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// Family is a distribution of queries, keys and values chosen to be hard on some part
// of the computation.
type Family uint8

// The families. Those that speak of logits steer them through one direction that all
// queries share.
const (
	Gauss        Family = iota
	Outliers            // N(0,1) + N(0,100) with probability 0.001, as in FlashAttention-3
	LLM                 // eight channels of keys 8–16 times larger
	SinkKeys            // the first four keys 4–7 nats above, with tiny values
	SinkHuge            // as SinkKeys with huge values
	Flat                // all logits within 1e-3
	VMean               // values N(0.5, 1): stagnation of low-precision accumulators
	VFar                // values N(100, 0.01): what centring is for
	ChannelRange        // channel scales over 1e4:1
	MaxFirst            // one dominant key in the first tile
	MaxLast             // one dominant key at the end
	Increasing          // logits rise: every tile rescales
	Decreasing          // logits fall
	SawTooth            // logits go up and down
	Ties                // all keys equal
	TwoMaxima           // equal maxima in different tiles
	Spread              // logits over ±1e4
	Low                 // all logits near −6e4
	VeryLow             // all logits near −1e30
	Subnormal           // values around 1e-40
	Huge                // elements around 1e30
	OneHuge             // one element 1e30 among ones
	HalfEdge            // elements around 65504
	NegZero             // zeros of both signs
	ZeroRows            // every third row zero
	RoundingTies        // multiples of half a step: (k+½)·s exactly
	Extremes            // all elements ±max: saturated codes
	Constant            // values constant per channel: out = V
	Integers            // −4..4: float32 sums are exact
	NaNQ                // one NaN in one query row
	NaNK                // one NaN in one key
	NaNV                // one NaN in one value
	InfK                // one infinity in a key
	InfV                // one infinity in a value
	ManyNaN             // an eighth of the keys and values
	NumFamilies
)

// Finite reports whether the family has finite elements only.
func (f Family) Finite() bool { return f < NaNQ }

var negInf = float32(math.Inf(-1))

func exp2(x float64) float32 { return float32(math.Exp2(x)) }

// Tensors returns Q [QLen][Heads][DK], K [KVLen][KVHeads][DK] and V [KVLen][KVHeads][DV].
func (c Case) Tensors() (q, k, v []float32) {
	q = normal(c.rand(streamQ), c.QLen*c.Heads*c.DK)
	k = normal(c.rand(streamK), c.KVLen*c.KVHeads*c.DK)
	v = normal(c.rand(streamV), c.KVLen*c.KVHeads*c.DV)
	c.shape(q, k, v)
	overlay(c.Raw, q, k, v)
	return q, k, v
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func scaled(x []float32, f float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = v * f
	}
	return y
}

// overlay spreads raw bit patterns over the starts of the tensors in turn.
func overlay(raw []byte, xs ...[]float32) {
	for i := 0; len(raw) >= 4; i++ {
		if x := xs[i%len(xs)]; i/len(xs) < len(x) {
			x[i/len(xs)] = math.Float32frombits(binary.LittleEndian.Uint32(raw))
		}
		raw = raw[4:]
	}
}

// shape turns normal data into the family.
func (c Case) shape(q, k, v []float32) {
	r := c.rand(streamFamily)
	each := func(x []float32, f func(x float32) float32) {
		for i := range x {
			x[i] = f(x[i])
		}
	}
	all := func(f func(x float32) float32) { each(q, f); each(k, f); each(v, f) }
	switch c.Data {
	case Outliers:
		all(func(x float32) float32 {
			if r.IntN(1000) == 0 {
				return x + 10*float32(r.NormFloat64())
			}
			return x
		})
	case LLM:
		for range 8 {
			ch, m := r.IntN(c.DK), 8+8*r.Float32()
			for i := ch; i < len(k); i += c.DK {
				k[i] *= m
			}
		}
	case SinkKeys, SinkHuge:
		c.steer(q, k, 0.3, func(j int) float32 {
			if j < 4 {
				return 4 + 3*r.Float32()
			}
			return 0
		})
		for i := range v[:min(4*c.KVHeads*c.DV, len(v))] {
			v[i] *= map[Family]float32{SinkKeys: 1e-3, SinkHuge: 1e3}[c.Data]
		}
	case Flat:
		c.steer(q, k, 1e-3, func(int) float32 { return 1 })
	case VMean:
		each(v, func(x float32) float32 { return x + 0.5 })
	case VFar:
		each(v, func(x float32) float32 { return 100 + x/100 })
	case ChannelRange:
		for i := range k {
			k[i] *= exp2(13.3*float64(i%c.DK)/float64(c.DK) - 7)
		}
		for i := range v {
			v[i] *= exp2(13.3*float64(i%c.DV)/float64(c.DV) - 7)
		}
	case MaxFirst:
		c.steer(q, k, 0.3, func(j int) float32 { return float32(40 * (1 - min(j, 1))) })
	case MaxLast:
		c.steer(q, k, 0.3, func(j int) float32 { return float32(40 * max(0, j-c.KVLen+2)) })
	case Increasing:
		c.steer(q, k, 0.1, func(j int) float32 { return float32(j) / 2 })
	case Decreasing:
		c.steer(q, k, 0.1, func(j int) float32 { return -float32(j) / 2 })
	case SawTooth:
		c.steer(q, k, 0.1, func(j int) float32 { return float32(j * 37 % 100) })
	case Ties:
		for i := c.KVHeads * c.DK; i < len(k); i++ {
			k[i] = k[i-c.KVHeads*c.DK]
		}
	case TwoMaxima:
		c.steer(q, k, 0, func(j int) float32 {
			if j == 1 || j == c.KVLen-1 {
				return 20
			}
			return 0
		})
	case Spread:
		c.steer(q, k, 0.3, func(int) float32 { return 2e4*r.Float32() - 1e4 })
	case Low:
		c.steer(q, k, 1, func(int) float32 { return -6e4 })
	case VeryLow:
		c.steer(q, k, 1, func(int) float32 { return -1e30 })
	case Subnormal:
		all(func(x float32) float32 { return x * 1e-20 * 1e-20 })
	case Huge:
		all(func(x float32) float32 { return x * 1e15 * 1e15 })
	case OneHuge:
		for _, x := range [][]float32{k, v} {
			if len(x) > 0 {
				x[r.IntN(len(x))] = 1e30
			}
		}
	case HalfEdge:
		all(func(x float32) float32 { return x * 50000 })
		each(q, func(x float32) float32 { return x * 1e-5 })
	case NegZero:
		all(func(x float32) float32 {
			if r.IntN(2) == 0 {
				return float32(math.Copysign(0, float64(x)))
			}
			return x
		})
	case ZeroRows:
		zero := func(x []float32, d int) {
			for i := range x {
				if i/d%3 == 1 {
					x[i] = 0
				}
			}
		}
		zero(q, c.DK)
		zero(k, c.DK)
		zero(v, c.DV)
	case RoundingTies:
		tie := func(x []float32, d int) {
			for i := range x {
				x[i] = (float32(r.IntN(254)-127) + 0.5) / 64
				if i%d == 0 {
					x[i] = 127. / 64
				}
			}
		}
		tie(q, c.DK)
		tie(k, c.DK)
		tie(v, c.DV)
	case Extremes:
		all(func(x float32) float32 { return float32(math.Copysign(2, float64(x))) })
	case Constant:
		for i := range v {
			v[i] = float32(i%(c.KVHeads*c.DV)) - 3.25
		}
	case Integers:
		all(func(x float32) float32 { return float32(r.IntN(9) - 4) })
	case NaNQ:
		poke(r, q, float32(math.NaN()))
	case NaNK:
		poke(r, k, float32(math.NaN()))
	case NaNV:
		poke(r, v, float32(math.NaN()))
	case InfK:
		poke(r, k, []float32{negInf, -negInf}[r.IntN(2)])
	case InfV:
		poke(r, v, []float32{negInf, -negInf}[r.IntN(2)])
	case ManyNaN:
		for j := range c.KVLen {
			if r.IntN(8) == 0 {
				poke(r, k[j*c.KVHeads*c.DK:][:c.DK], float32(math.NaN()))
			}
			if r.IntN(8) == 0 {
				poke(r, v[j*c.KVHeads*c.DV:][:c.DV], -negInf)
			}
		}
	}
}

func poke(r *rand.Rand, x []float32, v float32) {
	if len(x) > 0 {
		x[r.IntN(len(x))] = v
	}
}

// steer makes all queries the same unit direction times √DK plus nothing else, and adds
// logit(j) times the direction to keys damped by noise: with the default scale the
// logit of key j is logit(j) plus Gauss·noise.
func (c Case) steer(q, k []float32, noise float32, logit func(j int) float32) {
	root := float32(math.Sqrt(float64(c.DK)))
	sign := func(ch int) float32 { return float32(1 - 2*(ch*7/3%2)) }
	for i := range q {
		q[i] = sign(i % c.DK)
	}
	for j := range c.KVLen {
		l := logit(j)
		for i, x := range k[j*c.KVHeads*c.DK:][:c.KVHeads*c.DK] {
			k[j*c.KVHeads*c.DK+i] = x*noise + l/root*sign(i%c.DK)
		}
	}
}
