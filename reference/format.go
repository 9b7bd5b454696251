package reference

import (
	"encoding/binary"
	"math"
)

// Tokens is the number of consecutive tokens in a tile.
const Tokens = 64

// lanes is the width of a lane group: keys keep 16 tokens side by side.
const lanes = 16

// Side tells keys from values: they are stored in different orders.
type Side int

// The two sides of a head.
const (
	Keys Side = iota
	Values
)

// Format is one way to store a tile of [Tokens] rows of d channels, as raw bytes: arrays of scales first, then the codes. Every array starts at a
// multiple of 64 bytes and is padded to one.
type Format struct {
	// Name is the short name: the element type, then "-b32" for blocks of 32 channels, "-s32" for binary32 instead of binary16 scales, "-dq" for
	// doubly quantized scales, "-static" for one scale that is not stored.
	Name string
	// Static tells that Decode needs the caller's scale.
	Static bool
	// Bytes is the size of the tile storage of one side.
	Bytes func(side Side, d int) int
	// Decode returns the value of token t (0..63), channel c (0..d−1). static is the scale of a Static format and ignored otherwise.
	Decode func(tile []byte, side Side, d, t, c int, static float64) float64
	// Integers returns the scale and the codes that integer arithmetic reads token t as. It is nil where their products are what Decode returns.
	Integers func(tile []byte, side Side, d, t int) (scale float64, codes []float64)
}

// Formats lists every stored format.
var Formats = []Format{
	f32Format, f16Format, bf16Format,
	int8Format("int8", scale16), int8Format("int8-s32", scale32),
	fp8Format("e4m3", E4M3, false), fp8Format("e5m2", E5M2, false), fp8Format("e4m3-static", E4M3, true), fp8Format("e5m2-static", E5M2, true),
	nf4Format("nf4", 64, scale16), nf4Format("nf4-b32", 32, scale16), nf4Format("nf4-s32", 64, scale32), nf4Format("nf4-b32-s32", 32, scale32),
	nf4DoubleFormat, int4Format,
}

// FormatByName returns the format of a name and whether there is one.
func FormatByName(name string) (Format, bool) {
	for _, f := range Formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// DecodeTile returns the whole tile as [Tokens][d].
func (f Format) DecodeTile(tile []byte, side Side, d int, static float64) []float64 {
	x := make([]float64, Tokens*d)
	for t := range Tokens {
		for c := range d {
			x[t*d+c] = f.Decode(tile, side, d, t, c, static)
		}
	}
	return x
}

// scaleType is the stored type of a scale.
type scaleType struct {
	size int
	read func(b []byte) float64
}

var (
	scale16 = scaleType{2, func(b []byte) float64 { return F16(binary.LittleEndian.Uint16(b)) }}
	scale32 = scaleType{4, func(b []byte) float64 { return F32(binary.LittleEndian.Uint32(b)) }}
)

// at reads element i of the scale array that starts at byte off.
func (s scaleType) at(tile []byte, off, i int) float64 { return s.read(tile[off+i*s.size:]) }

// up64 rounds a byte count up to a multiple of 64.
func up64(n int) int { return (n + 63) / 64 * 64 }

// ceil is ⌈a/b⌉.
func ceil(a, b int) int { return (a + b - 1) / b }

// nibble returns the low (0) or high (1) half of a byte.
func nibble(b byte, i int) byte { return b >> (4 * i) & 15 }

// float decodes a binary float from its fields: e exponent bits, m mantissa bits, exponent bias. With M = mantissa field, E = exponent field:
//
//	(−1)^sign · M·2^(1−bias−m)          E = 0
//	(−1)^sign · (2^m + M)·2^(E−bias−m)  E > 0
//
// Codes that mean infinity or NaN are the caller's.
func float(code uint32, e, m, bias int) float64 {
	sign, exp, man := code>>(e+m)&1, int(code>>m&(1<<e-1)), float64(code&(1<<m-1))
	x := math.Ldexp(man, 1-bias-m)
	if exp > 0 {
		x = math.Ldexp(math.Ldexp(1, m)+man, exp-bias-m)
	}
	if sign == 1 {
		return -x
	}
	return x
}

// ieee decodes an IEEE 754 interchange format: the top exponent means infinity (mantissa 0) or NaN.
func ieee(code uint32, e, m, bias int) float64 {
	if code>>m&(1<<e-1) != 1<<e-1 {
		return float(code, e, m, bias)
	}
	if code&(1<<m-1) != 0 {
		return math.NaN()
	}
	return math.Inf(1 - 2*int(code>>(e+m)&1))
}
