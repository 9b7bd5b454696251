package attention

// weighBF16 leaves weights rounded to bfloat16. The largest of a tile is 1, which is exact;
// against a running maximum, as in kernels that keep one, it would not be.
//
// The mass is that of the unrounded weights. Rounding to nearest does not lean to one side,
// so the mean of the values suffers no more than from rounded mass, centred values suffer
// nothing, and the log-sum-exp is that of float32.
func weighBF16(b *block, n int) {
	weighExp(b, n)
	b.p.ks.RoundBF16(b.w.y[:b.rows*Tile])
}
