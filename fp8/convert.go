package fp8

import "math"

// Float8 is the set of 8-bit floating-point types.
type Float8 interface {
	E4M3 | E5M2 | E4M3FNUZ | E5M2FNUZ

	Float32() float32
	Float64() float64
	IsNaN() bool
	IsInf(sign int) bool
	IsZero() bool
	IsNormal() bool
	IsSubnormal() bool
	Signbit() bool
	String() string

	format() *format
}

// Overflow says what becomes of values too large for a type. The package
// documentation has the table.
type Overflow uint8

const (
	// Saturate turns finite overflow and infinities into the largest finite value.
	Saturate Overflow = iota
	// SaturateFinite turns finite overflow into the largest finite value and keeps
	// infinities: ±Inf in E5M2, NaN in the types without infinities.
	SaturateFinite
	// NonSaturating turns finite overflow and infinities into ±Inf in E5M2 and into
	// NaN in the types without infinities.
	NonSaturating
)

// String returns the name of the rule.
func (o Overflow) String() string {
	switch o {
	case Saturate:
		return "Saturate"
	case SaturateFinite:
		return "SaturateFinite"
	case NonSaturating:
		return "NonSaturating"
	}
	return "Overflow(?)"
}

// encoder returns the encoder of the rule o. Values outside the three constants
// mean Saturate.
func (f *format) encoder(o Overflow) *encoder {
	switch o {
	case SaturateFinite:
		return &f.satFinite
	case NonSaturating:
		return &f.nonSat
	}
	return &f.sat
}

// format describes one type. All fields derive from the arguments of newFormat and
// never change.
type format struct {
	name     string
	bias     int
	mantissa uint32 // stored mantissa bits m
	max      uint32 // code of the largest finite value
	maxValue float32
	nan      uint32 // NaN code of a positive NaN

	sat, satFinite, nonSat encoder

	decode [256]float32
}

// encoder holds the constants of one (type, overflow rule) pair. Magnitudes are
// float32 patterns without the sign bit; codes are without sign, except that the
// FNUZ NaN is 0x80, which absorbs the sign.
type encoder struct {
	shift     uint32  // 23 − m: float32 mantissa bits below the last kept one
	half      uint32  // 2^(shift−1) − 1: just under half a unit of the last kept bit
	rebias    uint32  // (127 − bias) << 23
	minNormal uint32  // magnitude of the smallest normal value
	overflow  uint32  // smallest magnitude that overflows
	magic     float32 // 2^(24−bias−m): its unit in the last place is the smallest subnormal
	magicBits uint32
	codeOver  uint32 // of finite overflow
	codeInf   uint32 // of an infinity
	codeNaN   uint32
	zeroSign  uint32 // 0x80 when the type has −0, else 0
}

const (
	magMask = 0x7FFF_FFFF
	infBits = 0x7F80_0000
	noInf   = 0 // argument of newFormat: the type has no infinities
)

// newFormat derives a format from its exponent bias, mantissa width and special
// codes. inf is the code of +Inf or noInf; nan = 0x80 marks the FNUZ types.
func newFormat(name string, bias int, m, max, inf, nan uint32) *format {
	f := &format{name: name, bias: bias, mantissa: m, max: max, nan: nan}

	e := encoder{
		shift:     23 - m,
		rebias:    uint32(127-bias) << 23,
		minNormal: uint32(128-bias) << 23,
		magicBits: uint32(127+24-bias-int(m)) << 23,
		codeNaN:   nan,
		zeroSign:  0x80,
	}
	e.half = 1<<(e.shift-1) - 1
	e.magic = math.Float32frombits(e.magicBits)
	if nan == 0x80 {
		e.zeroSign = 0
	}
	// Overflow starts at the midpoint between max and the next point of the grid.
	// The midpoint itself goes to the even code: to max when that is even.
	e.overflow = max<<e.shift + 1<<(e.shift-1) + e.rebias + (1 - max&1)

	large := inf
	if inf == noInf {
		large = nan
	}
	e.codeOver, e.codeInf = max, max
	f.sat = e
	e.codeInf = large
	f.satFinite = e
	e.codeOver = large
	f.nonSat = e

	for c := range f.decode {
		f.decode[c] = f.value(uint32(c), inf)
	}
	f.maxValue = f.decode[max]
	return f
}

// value decodes c from the definition. The shifted code is a float32 whose exponent
// is off by 127−bias; one exact multiplication puts it right and turns the
// subnormals of the type into normal float32 values.
func (f *format) value(c, inf uint32) float32 {
	sign := c >> 7 << 31
	mag := c & 0x7F
	switch {
	case f.nan == 0x80 && c == 0x80:
		return math.Float32frombits(0x7FC0_0000)
	case f.nan != 0x80 && inf != noInf && mag == inf:
		return math.Float32frombits(infBits | sign)
	case f.nan != 0x80 && mag > f.max:
		return math.Float32frombits(0x7FC0_0000 | sign)
	}
	power := math.Float32frombits(uint32(127+127-f.bias) << 23) // 2^(127−bias)
	v := float32(math.Float32frombits(mag<<(23-f.mantissa)) * power)
	return math.Float32frombits(math.Float32bits(v) | sign)
}

// encode rounds the float32 with pattern b to nearest, ties to the even code.
//
// Normal results are rounded by integer arithmetic on the pattern: adding half and
// the parity of the last kept bit carries exactly when the value must go up, also
// into the next binade. Subnormal results are rounded by the float32 adder: the
// unit of magic + |x| is the smallest subnormal, so the low bits of the sum are the
// code.
//
// Both are computed for every value and later conditions override earlier ones.
// The constants are read first: with no load behind a condition, the compiler turns
// each into a conditional move.
func (e *encoder) encode(b uint32) uint8 {
	over, inf, nan, zeroSign := e.codeOver, e.codeInf, e.codeNaN, e.zeroSign
	a := b & magMask
	shift := e.shift & 31
	n := (a + e.half + a>>shift&1 - e.rebias) >> shift
	sub := math.Float32bits(math.Float32frombits(a)+e.magic) - e.magicBits
	if a < e.minNormal {
		n = sub
	}
	if a >= e.overflow {
		n = over
	}
	if a >= infBits {
		n = inf
	}
	if a > infBits {
		n = nan
	}
	s := b >> 24 & 0x80
	unsigned := s & zeroSign
	if n == 0 {
		s = unsigned
	}
	return uint8(n | s)
}

// FromFloat32 converts x under the overflow rule o.
func FromFloat32[T Float8](x float32, o Overflow) T {
	var t T
	return T(t.format().encoder(o).encode(math.Float32bits(x)))
}
