package calib

import (
	"math"
)

// RepQ turns per-channel quantizers of a LayerNorm output into one quantizer for the
// layer, and moves the difference into the parameters around it (Li et al., "RepQ-ViT:
// Scale Reparameterization for Post-Training Quantization of Vision Transformers", arXiv
// 2212.08254). With scale s_c and zero point z_c of channel c:
//
//	s̃ = mean(s_c)   z̃ = RNE(mean(z_c))   r1_c = s_c/s̃   r2_c = z_c − z̃
//	γ̃ = γ/r1        β̃ = (β + s·r2)/r1    W̃[:,c] = r1_c·W[:,c]   b̃ = b − W·(s·r2)
//
// The transformed layer computes the same function in real arithmetic, and its codes
// under (s̃, z̃) equal the codes of the channels under (s_c, z_c): x̃/s̃ = x/s_c + r2_c with
// an integer r2. (The authors' code keeps z̃ unrounded and has that property only up to
// rounding.) In floating point a code can differ by one where x/s_c is within rounding
// of k+½, an exact tie with odd r2 included. W̃ is quantized anew afterwards.
type RepQ struct {
	Layer Uniform   `json:"layer"` // s̃ (rounded to float32) and z̃
	R1    []float64 `json:"r1"`
	R2    []int32   `json:"r2"`
}

// NewRepQ derives the factors from one quantizer per channel, all on the same grid.
func NewRepQ(channels []Uniform) (RepQ, error) {
	if len(channels) == 0 {
		return RepQ{}, fieldErr("channels", "none given")
	}
	grid := channels[0].Grid
	var scale, zero float64
	for _, u := range channels {
		if err := u.check("channels"); err != nil {
			return RepQ{}, err
		}
		if u.Grid != grid {
			return RepQ{}, fieldErr("channels", "grids differ: %+v and %+v", grid, u.Grid)
		}
		scale += float64(u.Scale)
		zero += float64(u.Zero)
	}
	d := float64(len(channels))
	r := RepQ{Layer: Uniform{grid, float32(scale / d), int32(math.RoundToEven(zero / d))}}
	for _, u := range channels {
		r.R1 = append(r.R1, float64(u.Scale)/float64(r.Layer.Scale))
		r.R2 = append(r.R2, u.Zero-r.Layer.Zero)
	}
	return r, nil
}

// AdjustNorm replaces the LayerNorm parameters γ and β, one per channel, in place. Each
// is computed in float64 and rounded once.
func AdjustNorm[F float32 | float64](r RepQ, gamma, beta []F) error {
	if d := len(r.R1); len(gamma) != d || len(beta) != d {
		return fieldErr("gamma, beta", "lengths %d and %d, want %d", len(gamma), len(beta), d)
	}
	s := float64(r.Layer.Scale)
	for c, r1 := range r.R1 {
		gamma[c] = F(float64(gamma[c]) / r1)
		beta[c] = F(float64(beta[c])/r1 + float64(s*float64(r.R2[c]))) // s_c = r1·s̃
	}
	return nil
}

// AdjustLinear replaces the weights w, [out][channels], and biases b, [out], of the
// layer that reads the LayerNorm output, in place. A layer without biases needs one: pass
// zeros. Sums are in float64 and rounded once.
func AdjustLinear[F float32 | float64](r RepQ, w, b []F) error {
	d := len(r.R1)
	if len(w) != len(b)*d {
		return fieldErr("w", "length %d, want %d outputs of %d channels", len(w), len(b), d)
	}
	s := float64(r.Layer.Scale)
	for o := range b {
		row := w[o*d : (o+1)*d]
		sum := float64(b[o])
		for c, r1 := range r.R1 {
			wide := float64(row[c]) * r1
			row[c] = F(wide)
			sum -= float64(wide * float64(s*float64(r.R2[c])))
		}
		b[o] = F(sum)
	}
	return nil
}

func (r RepQ) check(path string) error {
	if err := r.Layer.check(path + ".layer"); err != nil {
		return err
	}
	if len(r.R1) == 0 || len(r.R1) != len(r.R2) {
		return fieldErr(path+".r1", "length %d beside r2 of length %d, want one element per channel in both", len(r.R1), len(r.R2))
	}
	lo, hi := r.Layer.Codes()
	for c := range r.R1 {
		if !positive(r.R1[c]) {
			return fieldErr(path+".r1", "element %d is %v, want a positive finite value", c, r.R1[c])
		}
		if z := int64(r.R2[c]) + int64(r.Layer.Zero); z < int64(lo) || z > int64(hi) {
			return fieldErr(path+".r2", "element %d gives zero point %d outside the codes %d..%d", c, z, lo, hi)
		}
	}
	return nil
}
