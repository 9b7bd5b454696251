package attention

import (
	"math"
	"math/bits"
)

// Fixed point of the integer exponential: base-2 logits with intExpFrac fraction bits, and the
// polynomial 0.35815147·r² + 0.96963238·r + 1 on r in (−ln 2, 0], which I-BERT writes as
// a·((r+b)² + c).
const (
	intExpFrac  = 8  // fraction bits of a base-2 logit
	intExpLimit = 30 // octaves below which the exponential is 0
	intExpZero  = 15 // code of weight 0, 4 bits
	intExpShift = 30 // fraction bits of the polynomial's value
	intExpA     = 0.35815147
	intExpB     = 0.96963238
)

// intExp returns the fixed-point exponential of base-2 logit −x/2^intExpFrac, x ≥ 0, in
// units that cancel in ratios.
func intExp(x int64) int64 {
	const one = 1 << intExpFrac
	if x >= intExpLimit*one {
		return 0
	}
	u := x / one
	r := -(x - u*one) // (−one, 0]
	// (r·s)² + (B/A)·r·s + 1/A with s = ln 2/one, over s²
	p := r*(r+intExpLinear) + intExpConst
	return p << (intExpShift - intExpFrac*2) >> u
}

var (
	intExpLinear = int64(math.Floor(intExpB / intExpA * (1 << intExpFrac) / math.Ln2))
	intExpConst  = int64(math.Floor(1 / intExpA * (1 << (2 * intExpFrac)) / (math.Ln2 * math.Ln2)))
	intExpOne    = intExp(0)
)

// logIntCode is the code of Log-Int-Softmax for a weight e/one: the power of two below
// one/e, or the next where the mantissa reaches 1.5. Integers only.
func logIntCode(e, one int64) int {
	if e == 0 {
		return intExpZero
	}
	t := (one + e/2) / e
	k := bits.Len64(uint64(t)) - 1
	if k > 0 && t-1<<k >= 1<<(k-1) {
		k++
	}
	return min(k, intExpZero)
}

// weighIntExp is the integer exponential, its maximum rounded up to a whole octave.
func weighIntExp(b *block, n int) {
	for r := range b.rows {
		y, st := b.w.y[r*Tile:][:n], &b.w.stat[r]
		m := negInf
		bad := false
		for _, x := range y {
			m = max(m, x)
			bad = bad || x != x || x > math.MaxFloat32
		}
		*st = stat{M: float32(math.Ceil(float64(m))) + 0, Beta: 1}
		switch {
		case bad:
			st.M, st.L = nan, nan
			for j := range y {
				y[j] = nan
			}
			continue
		case m == negInf:
			st.M = negInf
			clear(y)
			continue
		}
		for j, x := range y {
			w := float32(0)
			if d := math.RoundToEven(float64(st.M-x) * (1 << intExpFrac)); d < intExpLimit<<intExpFrac {
				if k := logIntCode(intExp(int64(d)), intExpOne); k < intExpZero {
					w = float32(math.Ldexp(1, -k))
				}
			}
			y[j] = w
			st.L += w
		}
	}
}
