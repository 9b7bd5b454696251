// Package reference is the float64 oracle of the library: attention, its parts and the stored formats, written from their definitions.
//
// It shares no code with the packages it judges. Everything is simple and slow: plain float64 sums in index order, one loop per Σ, no table that a
// formula can replace. A sum of n terms is within n·2⁻⁵³·Σ|terms| of the exact one, far below one float32 ulp of any output.
//
// The package has five parts:
//
//	attention  Problem, Attend; mask.go, alibi.go, softmax.go, extexp.go, topk.go, merge.go
//	storage    Format, Formats, Layout: decode any token of a page from its bytes; one file per format; hadamard.go
//	quantizers plain definitions of the encoders (quantize.go)
//	weights    how probabilities are rounded: ProbRow, ProbMode, ProbModes (prob_*.go), StaticMode, Correction (prob_static.go, bias.go)
//	bounds     what a float32 kernel and a quantized cache may be wrong by (bounds.go, prob_bounds.go, prob_static_bounds.go, certificate.go)
//
// Misuse (a slice shorter than its shape says) panics; data never does.
package reference
