package reference

import "math"

// Tolerance32 is what a float32 online-softmax kernel may be off by in one output element, with A = Σ P|v| and S = max |scale|·Σ|q·k| of the row
// ([Result.Abs], [Result.MaxAbs]):
//
//	|out − exact| ≤ 4·2⁻²⁴·A·(4 + S) + 2⁻¹⁴⁹
//
// The logits carry a relative error of a few 2⁻²⁴ of S, which exp turns into a relative error of the weights; the rest covers the sums and exp.
func Tolerance32(a, s float64) float64 { return 4*0x1p-24*a*(4+s) + 0x1p-149 }

// ToleranceLSE32 is the same for the LSE: 4·2⁻²⁴·(4 + S + |lse|).
func ToleranceLSE32(lse, s float64) float64 { return 4 * 0x1p-24 * (4 + s + math.Abs(lse)) }

// StepInt8 is the largest error of an element that int8 at this scale represents without clipping: half a step.
func StepInt8(scale float64) float64 { return scale / 2 }

// StepInt4 is the same for int4: half of scale·mult.
func StepInt4(scale, mult float64) float64 { return scale * mult / 2 }

// StepFloat is the same for a float format with m mantissa bits and smallest normal exponent minExp (E4M3: 3, −6; E5M2: 2, −14; binary16: 10, −14;
// bfloat16: 7, −126; binary32: 23, −126), at a scale, for element x within range: half an ulp.
//
//	scale · 2^(max(⌊log₂|x/scale|⌋, minExp) − m − 1)
func StepFloat(x, scale float64, m, minExp int) float64 {
	x = math.Abs(x / scale)
	exp := minExp
	if x > 0 {
		exp = max(exp, math.Ilogb(x))
	}
	return scale * math.Ldexp(1, exp-m-1)
}

// StepNF4 is the same for NF4 at a block scale, for |x| ≤ scale: half of the gap between the neighbouring code values.
func StepNF4(x, scale float64) float64 {
	x /= scale
	for c := byte(0); c < 15; c++ {
		if x <= NF4(c+1) {
			return scale * (NF4(c+1) - NF4(c)) / 2
		}
	}
	return 0
}

// LogitShift bounds how far one score moves when query and key are quantized (Cauchy-Schwarz), with e = exact − quantized:
//
//	|Δs| ≤ |scale|·(‖q‖·‖e_k‖ + ‖e_q‖·‖k̂‖)
func LogitShift(scale float64, q, qHat, k, kHat []float64) float64 {
	return math.Abs(scale) * (norm(q)*distance(k, kHat) + distance(q, qHat)*norm(kHat))
}

// WeightShift bounds Σ|p̂_j − p_j| when every logit moves by at most delta: 2·tanh(delta/2).
func WeightShift(delta float64) float64 { return 2 * math.Tanh(delta/2) }

// Int8OutBound bounds the error of channel c of one output row of the int8 path with unnormalised u8 probabilities:
//
//	|Δo_c| ≤ tanh(δ/2)·range_c(V) + Σ_j p̂_j·s_j/2 + Σ_tiles (W_t/510)·Σ_{j in t} |code_jc|,  W_t = max_{j in t} p̂_j·s_j
//
// δ is the largest [LogitShift] of the row; v and vScale hold the exact channel values and the value scales of the visible keys, codes the
// value codes, pHat the exact probabilities over the quantized logits; tile gives the tile of each key.
func Int8OutBound(delta float64, v, vScale, codes, pHat []float64, tile []int) float64 {
	lo, hi, round := math.Inf(1), math.Inf(-1), 0.0
	top, mass := map[int]float64{}, map[int]float64{}
	for j := range v {
		lo, hi = math.Min(lo, v[j]), math.Max(hi, v[j])
		round += pHat[j] * vScale[j] / 2
		top[tile[j]] = math.Max(top[tile[j]], pHat[j]*vScale[j])
		mass[tile[j]] += math.Abs(codes[j])
	}
	bound := math.Tanh(delta/2)*(hi-lo) + round
	for t := range top {
		bound += top[t] / 510 * mass[t]
	}
	return bound
}

func norm(x []float64) float64 { return distance(x, make([]float64, len(x))) }

func distance(x, y []float64) float64 {
	s := 0.0
	for c := range x {
		s += (x[c] - y[c]) * (x[c] - y[c])
	}
	return math.Sqrt(s)
}
