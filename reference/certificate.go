package reference

import "math"

// CertQuery is what a certificate knows about a query row.
type CertQuery struct {
	// Norm is ‖q‖, Err is ‖q − q̂‖, Scale is the factor of q·k, D the head dimension. A softcap only shrinks errors.
	Norm, Err, Scale float64
	D                int
	// Levels is the number of steps of integer weights (255 for 8 bits), 0 when weights are not rounded.
	Levels int
}

// CertKey is what a certificate knows about a token: scalars that are at hand when it is quantized. k is the stored key, rotated and without
// its centre; the part q·centre of a score is exact.
type CertKey struct {
	// KNorm is ‖k̂‖, KErr is ‖k − k̂‖.
	KNorm, KErr float64
	// VScale is the scale folded into the weights: stored value = VScale·integer code.
	VScale float64
	// VErr bounds |v_c − v̂_c|, half of the largest step of the row. VVar is the mean square of v_c − v̂_c, step²/12 where it is not known.
	VErr, VVar float64
}

// CertTile is what a certificate knows about the visible tokens of a tile of values.
type CertTile struct {
	// Var is σ²: the mean square of the stored values v̂ without their centre.
	Var float64
	// CodeVar is the mean square of their integer codes.
	CodeVar float64
	// Codes is Σ_j |integer code| per channel.
	Codes []float64
}

// Certificate bounds and estimates the error of one output row of integer attention (int8 or int4 keys and values, int8 queries, integer weights
// per tile with folded scales, exact mass, centred values) against exact attention over the rows before quantization. Float rounding comes on top.
type Certificate struct {
	// Delta is δ = max_j |Δs_j|.
	Delta float64
	// Bound is the rigorous bound per channel, the sum of three parts: from the logits, from the values, from the weights.
	Bound                   []float64
	Logits, Values, Weights []float64
	// Estimate is the expected root mean square error over the channels, from scalars alone: the cheap formula E of [Certify].
	Estimate float64
	// Refined is the same with the formula R, for peaked rows and values of unequal size.
	Refined float64
}

// LogitShift is δ_j for one token: |Δs_j| ≤ |scale|·(‖q‖·‖e_k‖ + ‖e_q‖·‖k̂‖), the bound of [LogitShift] from norms.
func (q CertQuery) LogitShift(k CertKey) float64 {
	return math.Abs(q.Scale) * (q.Norm*k.KErr + q.Err*k.KNorm)
}

// Certify returns the certificate of a row. p holds the exact probabilities over the quantized logits, key j in tile j/64; a hidden key has p = 0 and
// the zero CertKey. rangeV is the width of the visible values before quantization, per channel (from a cache: that of the stored values plus
// 2·max VErr; with a sink the range contains 0). With W_t = max_{j in t} p_j·VScale_j and L levels:
//
//	Logits   tanh(δ/2)·range_c                        all weights move by at most 2·tanh(δ/2) together
//	Values   Σ_j p_j·VErr_j
//	Weights  Σ_t W_t/(2L)·Σ_{j in t} |code_jc|        half a step of the weight per code
//
// The bound is never exceeded; every input may be rounded up. The estimates take errors as independent, and those of the logits as spread evenly over
// d directions. With a_j = scale²·(‖e_k‖²·‖q‖² + ‖e_q‖²·‖k̂‖²)/d:
//
//	E² = Σ_j p_j²·(a_j·σ²_t + VVar_j) + Σ_j (W_t/L)²/12·σ²_t/VScale_j²
//	R² = Σ_j p_j²·(a_j·D_j + VVar_j) + Σ_j min((W_t/L)²/12, (p_j·VScale_j)²)·CodeVar_t
//	     D_j = (1 − 2·p_j)·σ_j² + Σ_i p_i²·σ_i²,  σ_j² = VScale_j²·CodeVar_t
//
// E ignores that a key with all the weight has no error from its logit, that a value scale follows the size of its row, so that codes are
// alike, and that a weight far below one step loses no more than itself. R has all three: D_j is the variance of v_j − out.
func Certify(q CertQuery, p []float64, keys []CertKey, tiles []CertTile, rangeV []float64) Certificate {
	dv := len(rangeV)
	z := Certificate{Bound: make([]float64, dv), Logits: make([]float64, dv), Values: make([]float64, dv), Weights: make([]float64, dv)}
	steps := make([]float64, len(tiles)) // W_t/L
	spread := 0.0                        // Σ p²·σ²
	for j, k := range keys {
		t := j / Tokens
		z.Delta = math.Max(z.Delta, q.LogitShift(k))
		spread += p[j] * p[j] * k.VScale * k.VScale * tiles[t].CodeVar
		if q.Levels > 0 {
			steps[t] = math.Max(steps[t], p[j]*k.VScale/float64(q.Levels))
		}
	}
	estimate, refined := 0.0, 0.0
	for j, k := range keys {
		tile, step := tiles[j/Tokens], steps[j/Tokens]
		for c := range dv {
			z.Values[c] += p[j] * k.VErr
		}
		p2, s2 := p[j]*p[j], k.VScale*k.VScale
		a := q.Scale * q.Scale * (k.KErr*k.KErr*q.Norm*q.Norm + q.Err*q.Err*k.KNorm*k.KNorm) / float64(q.D)
		estimate += p2 * (a*tile.Var + k.VVar)
		if s2 > 0 {
			estimate += step * step / 12 * tile.Var / s2
		}
		refined += p2*(a*((1-2*p[j])*s2*tile.CodeVar+spread)+k.VVar) + math.Min(step*step/12, p2*s2)*tile.CodeVar
	}
	for c := range dv {
		for t, tile := range tiles {
			z.Weights[c] += steps[t] / 2 * tile.Codes[c]
		}
		z.Logits[c] = math.Tanh(z.Delta/2) * rangeV[c]
		z.Bound[c] = z.Logits[c] + z.Values[c] + z.Weights[c]
	}
	z.Estimate, z.Refined = math.Sqrt(estimate), math.Sqrt(refined)
	return z
}
