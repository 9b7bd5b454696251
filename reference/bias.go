package reference

import "math"

// CorrectionKind says how the missing mass 1 − Σ p̂_j of quantized probabilities is made good.
type CorrectionKind int

// The corrections of a row with n visible keys, quantized probabilities p̂, exact mass P (1, less the share of a sink), values v_j = V[j] + Centre:
//
//	CorrectNone         Σ p̂_j·v_j
//	CorrectStatic       Σ (p̂_j + β)·v_j,  β = Mu/n             Softmax Bias Correction (Pandey et al. 2023, arXiv 2309.01729)
//	CorrectDynamic      Σ (p̂_j + β)·v_j,  β = (P − Σ p̂_j)/n
//	CorrectRenormalise  P·Σ p̂_j·v_j / Σ p̂_j;  P·mean(v) when every p̂_j is 0
//	CorrectCentred      Σ p̂_j·V[j] + Σ_t P_t·Centre[t],  P_t = exact mass of tile t
//
// Only visible keys count. Without Centre, CorrectCentred takes the mean of the visible values as centre of every tile, which is CorrectDynamic
// in other words: Σ p̂_j·(v_j − mean) + P·mean.
const (
	CorrectNone CorrectionKind = iota
	CorrectStatic
	CorrectDynamic
	CorrectRenormalise
	CorrectCentred
)

// Correction is a correction with its parameter.
type Correction struct {
	Kind CorrectionKind
	// Mu is the calibrated missing mass for CorrectStatic, see [MissingMass]; it may depend on the number of visible keys.
	Mu float64
}

// MissingMass calibrates the static correction: the mean of P − Σ p̂_j over the rows of a mode, by bucket ⌊log₂ n⌋ of their number n of visible
// keys. P is known without floats being recorded, so that in a system only sums of codes need to be. Rows without a visible key are left out.
func MissingMass(m StaticMode, rows []*ProbRow) map[int]float64 {
	sum, count := map[int]float64{}, map[int]float64{}
	for _, r := range rows {
		if n := r.visible(); n > 0 {
			bucket := math.Ilogb(float64(n))
			sum[bucket] += m.missing(r)
			count[bucket]++
		}
	}
	for b := range sum {
		sum[b] /= count[b]
	}
	return sum
}

// BiasZeroPoint absorbs β into the zero point of a grid s·(q − z): s·(q − z) + β = s·(q − z'), z' = z − β/s, a real number.
func BiasZeroPoint(beta, s, z float64) float64 { return z - beta/s }

// AffinePV is Σ_j p̂_j·v̂_jc of two affine grids, p̂ = sp·(q − zp) and v̂ = sv·(v − zv), by sums of codes alone; v is [len(q)][dv]. With the zero
// point of [BiasZeroPoint] it is the corrected output: only Σ v and Σ q join the integer product.
//
//	sp·sv·(Σ q_j·v_jc − zp·Σ v_jc − zv·Σ q_j + n·zp·zv)
func AffinePV(q []int, sp, zp float64, v []int8, dv int, sv, zv float64) []float64 {
	out := make([]float64, dv)
	for c := range out {
		qv, sumV, sumQ := 0, 0, 0
		for j := range q {
			x := int(v[j*dv+c])
			qv, sumV, sumQ = qv+q[j]*x, sumV+x, sumQ+q[j]
		}
		out[c] = sp * sv * (float64(qv) - zp*float64(sumV) - zv*float64(sumQ) + float64(len(q))*zp*zv)
	}
	return out
}
