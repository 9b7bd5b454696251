package quant

import "github.com/qattn/qattn/asm"

// Hadamard applies the orthonormal Walsh–Hadamard rotation to a row in place. Any
// length works: it splits into its binary powers, largest first (80 = 64 + 16), and
// each part is transformed on its own. The rotation is its own inverse up to float32
// rounding. It spreads an outlier channel over the whole part, which is what makes
// few-bit keys usable (QuaRot, Ashkboos et al. 2024, arXiv 2404.00456).
func Hadamard(ks *asm.Set, x []float32) {
	for len(x) > 0 {
		n := 1
		for 2*n <= len(x) {
			n *= 2
		}
		ks.Hadamard(x[:n])
		x = x[n:]
	}
}
