package calib

import (
	"errors"
	"fmt"
	"math"
)

// ErrEmpty is returned by observers that have seen no finite element.
var ErrEmpty = errors.New("calib: no finite element was observed")

// FieldError names a bad field, as a path such as uniform["k/3/7/*"].scale.
type FieldError struct{ Field, Msg string }

// Error returns "calib: field: message".
func (e *FieldError) Error() string { return "calib: " + e.Field + ": " + e.Msg }

func fieldErr(field, format string, args ...any) error {
	return &FieldError{field, fmt.Sprintf(format, args...)}
}

// Grid is the set of codes of a uniform quantizer. Use Unsigned, Signed or Symmetric.
type Grid struct {
	Bits      int  `json:"bits"`      // 2..16
	Signed    bool `json:"signed"`    // codes of both signs
	Symmetric bool `json:"symmetric"` // zero point 0 and as many codes below it as above; implies Signed
}

// Unsigned has codes 0 .. 2^bits−1 and a zero point.
func Unsigned(bits int) Grid { return Grid{Bits: bits} }

// Signed has codes −2^(bits−1) .. 2^(bits−1)−1 and a zero point.
func Signed(bits int) Grid { return Grid{Bits: bits, Signed: true} }

// Symmetric has codes ±(2^(bits−1)−1) and zero point 0: ±127, as quant.Int8 stores, for
// 8 bits.
func Symmetric(bits int) Grid { return Grid{Bits: bits, Signed: true, Symmetric: true} }

// Codes returns the smallest and the largest code.
func (g Grid) Codes() (lo, hi int32) {
	switch {
	case g.Symmetric:
		return -(1<<(g.Bits-1) - 1), 1<<(g.Bits-1) - 1
	case g.Signed:
		return -1 << (g.Bits - 1), 1<<(g.Bits-1) - 1
	}
	return 0, 1<<g.Bits - 1
}

func (g Grid) check(path string) error {
	if g.Bits < 2 || g.Bits > 16 {
		return fieldErr(path+".bits", "%d is outside 2..16", g.Bits)
	}
	if g.Symmetric && !g.Signed {
		return fieldErr(path+".signed", "false in a symmetric grid")
	}
	return nil
}

// Fit returns the quantizer of range [lo, hi], both finite:
//
//	symmetric   s = max(|lo|,|hi|)/(2^(b−1)−1),  z = 0
//	otherwise   s = (hi−lo)/(2^b−1),  z = qmin + RNE(−lo/s),  with 0 put into [lo, hi] first
//
// so that 0 is always exact. Rounding z moves the range by up to s/2. s is float32; an
// s that would be 0 becomes 1 for the range [0, 0] and the smallest float32 otherwise.
func (g Grid) Fit(lo, hi float32) Uniform {
	qmin, qmax := g.Codes()
	l, h := min(float64(lo), 0), max(float64(hi), 0)
	if g.Symmetric {
		h = max(-l, h)
		return Uniform{Grid: g, Scale: fitScale(h, qmax)}
	}
	s := fitScale(h-l, qmax-qmin)
	z := float64(qmin) + math.RoundToEven(-l/float64(s))
	return Uniform{Grid: g, Scale: s, Zero: int32(min(z, float64(qmax)))}
}

func fitScale(width float64, steps int32) float32 {
	if width == 0 {
		return 1
	}
	return max(float32(width/float64(steps)), math.SmallestNonzeroFloat32)
}

// Uniform is a uniform quantizer:
//
//	q = clip(RNE(x/Scale) + Zero),  x̂ = (q − Zero)·Scale
//
// The division, and the product, is one float32 operation, as in the kernels of package
// asm.
type Uniform struct {
	Grid
	Scale float32 `json:"scale"`
	Zero  int32   `json:"zero"` // a code: the one of x = 0
}

// Code quantizes x. Infinities saturate, NaN becomes Zero.
func (u Uniform) Code(x float32) int32 {
	lo, hi := u.Codes()
	if x != x {
		return u.Zero
	}
	q := math.RoundToEven(float64(float32(x/u.Scale))) + float64(u.Zero)
	return int32(min(max(q, float64(lo)), float64(hi)))
}

// Value dequantizes q.
func (u Uniform) Value(q int32) float32 { return float32(q-u.Zero) * u.Scale }

// Quantize writes the codes of x to dst[:len(x)].
func (u Uniform) Quantize(dst []int32, x []float32) {
	for i, v := range x {
		dst[i] = u.Code(v)
	}
}

// Dequantize writes the values of q to dst[:len(q)].
func (u Uniform) Dequantize(dst []float32, q []int32) {
	for i, c := range q {
		dst[i] = u.Value(c)
	}
}

func (u Uniform) check(path string) error {
	if err := u.Grid.check(path); err != nil {
		return err
	}
	if !positive(float64(u.Scale)) {
		return fieldErr(path+".scale", "%v, want a positive finite value", u.Scale)
	}
	if lo, hi := u.Codes(); u.Zero < lo || u.Zero > hi || u.Symmetric && u.Zero != 0 {
		return fieldErr(path+".zero", "%d is no zero point of codes %d..%d", u.Zero, lo, hi)
	}
	return nil
}

// positive reports a finite x > 0.
func positive(x float64) bool { return x > 0 && x <= math.MaxFloat64 }
