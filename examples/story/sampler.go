package main

import (
	"cmp"
	"slices"
)

// sampler chooses tokens. With the same seed it makes the choices of llama2.c.
type sampler struct {
	temperature float64 // 0 takes the most probable token
	topP        float64 // sample from the most probable tokens of this total mass; all when not in (0, 1)
	state       uint64  // of the generator; not 0
	order       []choice
}

type choice struct {
	id int32
	p  float32
}

// next picks a token; it overwrites logits with probabilities.
func (s *sampler) next(logits []float32) int32 {
	if s.temperature == 0 {
		return argmax(logits)
	}
	for i := range logits {
		logits[i] /= float32(s.temperature)
	}
	softmax(logits)
	return s.pick(logits, s.uniform())
}

// pick chooses from probabilities with a coin in [0, 1).
func (s *sampler) pick(p []float32, coin float32) int32 {
	s.order = s.order[:0]
	cut, topP := float32(0), float32(s.topP)
	nucleus := topP > 0 && topP < 1
	if nucleus {
		cut = (1 - topP) / float32(len(p)-1) // less probable tokens cannot be in the nucleus
	}
	for i, v := range p {
		if v >= cut {
			s.order = append(s.order, choice{int32(i), v})
		}
	}
	mass := float32(1)
	if nucleus {
		slices.SortStableFunc(s.order, func(a, b choice) int { return cmp.Compare(b.p, a.p) })
		mass = 0
		for i, c := range s.order {
			if mass += c.p; mass > topP {
				s.order = s.order[:i+1]
				break
			}
		}
	}
	left, sum := coin*mass, float32(0)
	for _, c := range s.order {
		if sum += c.p; left < sum {
			return c.id
		}
	}
	return s.order[len(s.order)-1].id // rounding
}

// uniform draws from [0, 1) with xorshift64*.
func (s *sampler) uniform() float32 {
	s.state ^= s.state >> 12
	s.state ^= s.state << 25
	s.state ^= s.state >> 27
	return float32(s.state*0x2545F4914F6CDD1D>>32>>8) / (1 << 24)
}

func argmax(x []float32) int32 {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return int32(best)
}
