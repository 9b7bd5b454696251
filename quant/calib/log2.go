package calib

import "math"

// Flush is the code of probabilities too small for a logarithmic quantizer. Their value
// is 0. It is apart from the 2^Bits codes: packed storage keeps a mask beside them, as
// FQ-ViT does.
const Flush = -1

// Log2 is the base-2 logarithmic quantizer of probabilities (FQ-ViT: Lin et al., arXiv
// 2111.13824):
//
//	q = RNE(−log₂ p),  Flush if q ≥ 2^Bits,  0 if q < 0;   p̂ = 2^−q
//
// Rounding is decided by comparing mantissas with √½, so codes are exact and the same on
// every machine.
type Log2 struct {
	Bits int `json:"bits"` // 2..8; ShiftPV takes up to 5
}

// Code quantizes p; p ≤ 0 and NaN give Flush, p > 1 gives 0.
func (l Log2) Code(p float64) int {
	if !(p > 0) {
		return Flush
	}
	f, e := math.Frexp(min(p, 1))
	q := -e
	if f < sqrtHalf {
		q++
	}
	return flushCode(q, l.Bits)
}

// sqrtHalf is the smallest float64 above √½.
const sqrtHalf = 0x1.6a09e667f3bcdp-1

func flushCode(q, bits int) int {
	if q >= 1<<bits {
		return Flush
	}
	return max(q, 0)
}

// Value dequantizes q.
func (l Log2) Value(q int) float64 {
	if q < 0 {
		return 0
	}
	return math.Ldexp(1, -q)
}

// ShiftPV adds Σ_j v[j][c]·2^(N−q[j]), N = 2^Bits − 1, to acc[c] with shifts alone: the
// weighted sum of value codes v, [len(q)][len(acc)], is acc·2^−N exactly. Rows of
// softmax sum to at most √2 after quantization, so for 4 bits int32 would do.
func (l Log2) ShiftPV(acc []int64, q []int16, v []int8) {
	n := 1<<l.Bits - 1
	for j, code := range q {
		if code == Flush {
			continue
		}
		for c, x := range v[j*len(acc) : (j+1)*len(acc)] {
			acc[c] += int64(x) << (n - int(code))
		}
	}
}

func (l Log2) check(path string) error { return checkLogBits(path, l.Bits) }

func checkLogBits(path string, bits int) error {
	if bits < 2 || bits > 8 {
		return fieldErr(path+".bits", "%d is outside 2..8", bits)
	}
	return nil
}
