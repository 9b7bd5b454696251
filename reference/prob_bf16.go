package reference

// ProbBF16 rounds weights to bfloat16, the upper half of a binary32, against the largest logit of the tile:
//
//	c_j = bfloat16(e_j) to nearest, ties to even,  w_j = value(c_j)
//
// FlashAttention-2 (Dao 2023, arXiv 2307.08691) rounds against the running maximum, where the largest weight of a tile is not 1 and need
// not be exact; like here, it divides by the mass of the unrounded weights.
func ProbBF16(mass Mass) ProbMode {
	const one = 0x3f80
	values := make([]float64, one+1)
	for c := range values {
		values[c] = BF16(uint16(c))
	}
	m := probValues(codesName("bf16", mass), values, 1, mass)
	m.ref = refTile
	return m
}
