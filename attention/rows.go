package attention

import (
	"math"

	"github.com/x448/float16"
)

// Rows is a strided view of float rows: element (token t, head h, channel c) is
// X[t·TokenStride + h·HeadStride + c], where X is the one slice that is set.
// Strides count elements; 0 means contiguous [token][head][channel].
type Rows struct {
	F32                     []float32
	F16, BF16               []uint16 // bit patterns
	TokenStride, HeadStride int
}

// strides returns the effective strides for the given shape.
func (r *Rows) strides(heads, d int) (token, head int) {
	token, head = r.TokenStride, r.HeadStride
	if head == 0 {
		head = d
	}
	if token == 0 {
		token = heads * d
		if r.HeadStride > d {
			token = heads * head
		}
	}
	return token, head
}

// check verifies that the view holds n tokens of the given shape.
func (r *Rows) check(field string, n, heads, d int) error {
	set, size := 0, 0
	for _, s := range []struct {
		ok bool
		n  int
	}{{r.F32 != nil, len(r.F32)}, {r.F16 != nil, len(r.F16)}, {r.BF16 != nil, len(r.BF16)}} {
		if s.ok {
			set++
			size = s.n
		}
	}
	if n == 0 {
		return nil
	}
	if set != 1 {
		return fieldErr(ErrShape, field, "%d of F32, F16, BF16 are set, want one", set)
	}
	if r.TokenStride < 0 || r.HeadStride < 0 {
		return fieldErr(ErrShape, field, "negative stride")
	}
	token, head := r.strides(heads, d)
	a, ok1 := mulFits(n-1, token)
	b, ok2 := mulFits(heads-1, head)
	if !ok1 || !ok2 || a > maxInt-b-d {
		return fieldErr(ErrShape, field, "strides %d, %d overflow", token, head)
	}
	if need := a + b + d; size < need {
		return fieldErr(ErrShape, field, "length %d, want at least %d for %d tokens, %d heads, %d channels", size, need, n, heads, d)
	}
	return nil
}

// row returns row (t, h): in place when the view is float32, else widened into tmp.
func (r *Rows) row(tmp []float32, t, h, heads, d int) []float32 {
	token, head := r.strides(heads, d)
	off := t*token + h*head
	switch {
	case r.F32 != nil:
		return r.F32[off : off+d]
	case r.F16 != nil:
		for c, x := range r.F16[off : off+d] {
			tmp[c] = float16.Frombits(x).Float32()
		}
	default:
		for c, x := range r.BF16[off : off+d] {
			tmp[c] = math.Float32frombits(uint32(x) << 16)
		}
	}
	return tmp[:d]
}
