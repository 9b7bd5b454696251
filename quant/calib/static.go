package calib

import (
	"math"

	"github.com/qattn/qattn/quant"
)

// FP8Type names an FP8 encoding.
type FP8Type string

const (
	E4M3 FP8Type = "e4m3"
	E5M2 FP8Type = "e5m2"
)

// Policy says how an FP8 scale was found.
type Policy string

const (
	PolicyAmax   Policy = "amax"   // Amax
	PolicyAbsMax Policy = "absmax" // AbsMax
	PolicyCScale Policy = "cscale" // CScale
	PolicyStatic Policy = "static" // Static
)

// FP8 is one scale for all rows of a tensor: code = fp8(x/Scale), saturating, RNE;
// value = Scale·code.
type FP8 struct {
	Type   FP8Type `json:"type"`
	Policy Policy  `json:"policy"`
	Scale  float32 `json:"scale"`
}

// Static is a scale chosen by hand. With scale 1 it is the static FP8 of μnit Scaling
// (Narayan et al., arXiv 2502.05967): clip and cast, for tensors of about unit variance.
func Static(t FP8Type, scale float32) FP8 { return FP8{t, PolicyStatic, scale} }

// Format returns the storage format: quant.E4M3Static or quant.E5M2Static.
func (f FP8) Format() quant.Format {
	if f.Type == E5M2 {
		return quant.E5M2Static(f.Scale)
	}
	return quant.E4M3Static(f.Scale)
}

func (f FP8) check(path string) error {
	if f.Type != E4M3 && f.Type != E5M2 {
		return fieldErr(path+".type", "%q, want %q or %q", f.Type, E4M3, E5M2)
	}
	if !positive(float64(f.Scale)) {
		return fieldErr(path+".scale", "%v, want a positive finite value", f.Scale)
	}
	switch f.Policy {
	case PolicyAmax, PolicyCScale:
		if m, e := math.Frexp(float64(f.Scale)); m != 0.5 || e < -30 || e > 32 {
			return fieldErr(path+".scale", "%v, want a power of two within 2^±31 for policy %q", f.Scale, f.Policy)
		}
	case PolicyAbsMax, PolicyStatic:
	default:
		return fieldErr(path+".policy", "unknown policy %q", f.Policy)
	}
	return nil
}
