// Package accuracy measures how far quantized attention is from exact attention: the
// library through its public API next to the systems of package emulate, on the same
// heads.
//
// The truth is attention in float64 over the unquantized inputs, so every rounding is
// charged: storage, queries, weights. With Δ = output − truth over all rows i and
// channels c of a family's heads:
//
//	rel_l1   Σ|Δ| / Σ|truth|
//	rel_l2   √(ΣΔ² / Σtruth²)
//	cosine   Σ output·truth / √(Σoutput²·Σtruth²), NaN for an output of zeros
//	rmse     √(mean Δ²)
//	bias     Σ_heads Σ_c |Σ_i Δ_ic| / Σ|truth|
//	lse_err  max |LSE − truth|, natural units
//
// bias is what remains of the error when the signed errors of a channel are averaged
// over the rows of a head. Independent errors of n rows leave rel_l1/√n; a system whose
// bias is close to its rel_l1 is wrong in the same direction everywhere.
package accuracy
