package main

import (
	"math"
	"slices"
)

// softmax replaces logits by probabilities.
func softmax(x []float32) {
	top, sum := slices.Max(x), float32(0)
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - top)))
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}

// logSum is log Σ exp(x): what turns logits into log-probabilities.
func logSum(x []float32) float64 {
	top, sum := slices.Max(x), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v - top))
	}
	return float64(top) + math.Log(sum)
}

// divergence is KL(p ‖ q) in nats of the distributions with logits p and q.
func divergence(p, q []float32) float64 {
	normP, normQ := logSum(p), logSum(q)
	var kl float64
	for i, v := range p {
		lp, lq := float64(v)-normP, float64(q[i])-normQ
		kl += math.Exp(lp) * (lp - lq)
	}
	return kl
}
