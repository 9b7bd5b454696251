package attention

// A sequence is cut into splits, the units whose softmax states are merged in index
// order. The boundaries depend on the token index alone: splits start at 1024 tokens
// and double every 16, so that a result never depends on how many tokens follow, on
// the batch or on the workers, and a sequence of any length has a bounded number of
// splits.
const (
	firstSplit   = 16 * Tile
	splitsPerOct = 16
)

// splitRange returns the tokens of split i.
func splitRange(i int) span {
	oct, k := i/splitsPerOct, i%splitsPerOct
	base := firstSplit * splitsPerOct * (1<<oct - 1)
	size := firstSplit << oct
	return span{base + k*size, base + (k+1)*size}
}

// splitOf returns the split that holds token t.
func splitOf(t int) int {
	oct := 0
	for t >= firstSplit*splitsPerOct*(2<<oct-1) {
		oct++
	}
	base := firstSplit * splitsPerOct * (1<<oct - 1)
	return oct*splitsPerOct + (t-base)/(firstSplit<<oct)
}

// splitsIn returns the splits [first, last) that meet a non-empty range of tokens.
func splitsIn(s span) (first, last int) {
	if s.hi <= s.lo {
		return 0, 0
	}
	return splitOf(s.lo), splitOf(s.hi-1) + 1
}
