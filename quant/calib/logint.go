package calib

import (
	"math"
	"math/bits"
)

// LogInt is Log-Int-Softmax of FQ-ViT (arXiv 2111.13824): softmax of integer logits with
// integer arithmetic, coded in base 2 without a division of probabilities. The
// exponential is the one of I-BERT (Kim et al., arXiv 2101.01321).
//
//	t = RNE(Σ/e_j)  (= 1/p_j),  q = ⌊log₂ t⌋, plus 1 if t ≥ 1.5·2^⌊log₂ t⌋;  Flush if q ≥ 2^Bits
//
// Codes decode as Log2 of the same width. Rounding at mantissa 1.5 instead of √2 makes
// the codes' values 8 % too large on average over log-uniform p; Log2 is 2 % too large.
type LogInt struct {
	Bits  int     `json:"bits"`  // 2..8
	Scale float64 `json:"scale"` // logit of one unit, 2^−14..1
}

// Codes writes the codes of one row of integer logits x, in units of Scale, to
// dst[:len(x)]. Hidden keys are left out by the caller.
func (l LogInt) Codes(dst []int16, x []int32) {
	if len(x) == 0 {
		return
	}
	top := x[0]
	for _, v := range x {
		top = max(top, v)
	}
	var hi, lo uint64 // 128-bit Σ
	for _, v := range x {
		var carry uint64
		lo, carry = bits.Add64(lo, l.Exp(int64(v)-int64(top)), 0)
		hi += carry
	}
	for j, v := range x {
		dst[j] = int16(l.codeRatio(hi, lo, l.Exp(int64(v)-int64(top))))
	}
}

// Exp returns I-BERT's integer exponential of x·Scale, x ≤ 0, in units of
// 0.35815147·Scale²·2^−30:
//
//	x₀ = ⌊−0.6931/Scale⌋,  x = max(x, 30·x₀),  u = ⌊x/x₀⌋,  r = x − x₀·u
//	⌊((r + ⌊b/Scale⌋)·r + ⌊c/Scale²⌋) · 2^(30−u)⌋,  b = 0.96963238/0.35815147, c = 1/0.35815147
func (l LogInt) Exp(x int64) uint64 {
	const a, b = 0.35815147, 0.96963238
	x0 := int64(math.Floor(-0.6931 / l.Scale))
	x = max(x, 30*x0)
	u := x / x0
	r := x - x0*u
	poly := (r+int64(math.Floor(b/a/l.Scale)))*r + int64(math.Floor(1/a/(l.Scale*l.Scale)))
	return uint64(max(poly, 0)) << (30 - u)
}

// codeRatio codes p = e/Σ with Σ = hi·2^64 + lo ≥ e.
func (l LogInt) codeRatio(hi, lo, e uint64) int {
	if hi >= e { // e = 0, or Σ/e beyond 2^64
		return Flush
	}
	t, rem := bits.Div64(hi, lo, e)
	if rem > e-rem || rem == e-rem && t&1 == 1 { // RNE
		t++
	}
	return l.CodeReciprocal(t)
}

// CodeReciprocal codes p = 1/t, t ≥ 1. t = 0 stands for no finite value and gives Flush.
func (l LogInt) CodeReciprocal(t uint64) int {
	if t == 0 {
		return Flush
	}
	q := bits.Len64(t) - 1
	if q > 0 && t>>(q-1)&1 == 1 {
		q++
	}
	return flushCode(q, l.Bits)
}

func (l LogInt) check(path string) error {
	if !(l.Scale >= 0x1p-14 && l.Scale <= 1) {
		return fieldErr(path+".scale", "%v is outside 2^-14..1", l.Scale)
	}
	return checkLogBits(path, l.Bits)
}
