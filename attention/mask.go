package attention

import "math"

// Mask hides keys by a bit per (row, head, key), combined with Config.Causal and
// Config.Window by AND. Bit j of a row, counted from Start in little-endian bit order
// (bit i is Bits[i/8]>>(i%8)&1), is 1 when key j is visible.
type Mask struct {
	Bits       []byte
	Start      []int64 // one per query row of the batch: bit index of key 0, query head 0
	HeadStride int64   // bits between query heads; 0 shares the mask between heads
}

// Bias adds a number per (row, head, key) to the scores, after Softcap. −Inf hides
// the key: it takes part in nothing, whatever its key and value hold.
type Bias struct {
	Values     []float32
	Start      []int64 // one per query row of the batch: index of key 0, query head 0
	HeadStride int64   // elements between query heads; 0 shares the bias between heads
}

// checkSpan verifies that every row's keys lie inside a mask or bias of size n.
func checkSpan(field string, start []int64, headStride, n int64, b *Batch, heads int) error {
	rows := int(b.QStart[len(b.QStart)-1])
	if len(start) != rows {
		return fieldErr(ErrShape, field+".Start", "length %d, want one per query row: %d", len(start), rows)
	}
	if headStride < 0 || headStride > n {
		return fieldErr(ErrShape, field+".HeadStride", "%d is outside 0..%d", headStride, n)
	}
	if heads > 1 && headStride > (math.MaxInt64-maxTokens)/int64(heads-1) {
		return fieldErr(ErrShape, field+".HeadStride", "%d overflows over %d heads", headStride, heads)
	}
	reach := headStride * int64(heads-1)
	for s := range b.KVLen {
		for r := b.QStart[s]; r < b.QStart[s+1]; r++ {
			if at := start[r]; at < 0 || at > n || n-at < int64(b.KVLen[s]) || n-at-int64(b.KVLen[s]) < reach {
				return fieldErr(ErrShape, field+".Start", "row %d reads keys from %d, beyond the %d stored", r, at, n)
			}
		}
	}
	return nil
}

// span is the range of keys that index limits leave visible, [lo, hi).
type span struct{ lo, hi int }

// wideSpan is a span before it is cut to what exists; it may be empty or end before it
// begins. Positions and widths reach 2³¹, hence int64.
type wideSpan struct{ lo, hi int64 }

// limits applies kvLen, Causal and Window to the query at position p. Both ends rise with p.
func (c *Config) limits(p, kvLen int) wideSpan {
	lo, hi, at := int64(0), int64(kvLen), int64(p)
	if c.Causal {
		hi = min(hi, at+1)
	}
	if c.Window.Limited {
		if c.Window.Left >= 0 {
			lo = max(lo, at-min(int64(c.Window.Left), 1<<32))
		}
		if c.Window.Right >= 0 {
			hi = min(hi, at+1+min(int64(c.Window.Right), 1<<32))
		}
	}
	return wideSpan{lo, hi}
}

// visible is the range of keys the query at position p sees.
func (c *Config) visible(p, kvLen int) span {
	w := c.limits(p, kvLen)
	if w.hi <= w.lo {
		return span{}
	}
	return span{int(w.lo), int(w.hi)}
}
