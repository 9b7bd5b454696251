package asm

import (
	"encoding/binary"
	"math"
	"slices"
)

// narrow is a binary floating-point format for rounding by its definition.
type narrow struct {
	mantissa int     // stored bits
	minExp   int     // exponent of the smallest normal number
	max      float64 // largest finite number
	inf, nan uint32  // codes of +Inf and of a NaN; inf = 0 saturates
	payload  int     // float32 mantissa bits a NaN loses, 0 when it keeps none
}

var (
	narrowHalf   = narrow{10, -14, 65504, 0x7c00, 0x7e00, 13}
	narrowBfloat = narrow{7, -126, math.Float64frombits(0x47efe00000000000), 0x7f80, 0x7fc0, 16}
	narrowE4M3   = narrow{3, -6, 448, 0, 0x7f, 0}
	narrowE5M2   = narrow{2, -14, 57344, 0, 0x7e, 0}
)

// code rounds x to nearest, ties to even, and returns the code without sign: numbers of a
// format are whole multiples of the unit of their binade.
func (f *narrow) code(x float32) uint32 {
	v := math.Abs(float64(x))
	switch {
	case v == 0:
		return 0
	case v != v && f.payload > 0:
		return f.nan | math.Float32bits(x)&0x7fffff>>f.payload
	case v != v:
		return f.nan
	case math.IsInf(v, 0) && f.inf != 0:
		return f.inf
	case v >= f.max:
		v = f.max
	}
	_, e := math.Frexp(v)
	e = max(e-1, f.minExp)
	units := math.RoundToEven(math.Ldexp(v, f.mantissa-e))
	// Subnormal numbers count units; a binade adds 2^mantissa of them.
	return uint32((e-f.minExp)<<f.mantissa) + uint32(units)
}

// encodable draws a row for a format: any magnitudes, those the format has, or half-way
// cases of its grid.
func (g *gen) encodable(f *narrow, d int) []float32 {
	x := g.floats(d, 128)
	top := math.Ilogb(f.max)
	how := g.IntN(3)
	for i := range x {
		e := f.minExp - f.mantissa - 3 + g.IntN(top-f.minExp+f.mantissa+5)
		if x[i]-x[i] != 0 || how == 0 {
			continue
		}
		v := math.Ldexp(1+g.Float64(), e)
		if how == 2 {
			v = math.Ldexp(float64(2<<f.mantissa+g.IntN(2<<f.mantissa)), e-f.mantissa-1)
		}
		x[i] = float32(math.Copysign(v, float64(g.IntN(2))-0.5))
	}
	return x
}

// signed puts the sign of x on top of a code of n bytes, little endian.
func signed(code uint32, x float32, n int) []byte {
	if math.Signbit(float64(x)) {
		code |= 0x80 << (8 * (n - 1))
	}
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], code)
	return b[:n]
}

// oneToken is a token of a tile: code c at byte at(c), everything between untouched.
func oneToken(d, size int, at func(c int) int, code func(c int) []byte) operand {
	n := 0
	for c := range d {
		n = max(n, at(c)+size)
	}
	want, mask := make([]byte, n), make([]uint8, n)
	for c := range d {
		copy(want[at(c):], code(c))
		for i := range size {
			mask[at(c)+i] = spec
		}
	}
	return out(want, mask)
}

func driveEncF16(g *gen, _, _, d int) trial {
	x, stride := g.encodable(&narrowHalf, d), [...]int{2, 32}[g.IntN(2)]
	return trial{
		ops: []operand{oneToken(d, 2, func(c int) int { return stride * c }, func(c int) []byte {
			return signed(narrowHalf.code(x[c]), x[c], 2)
		}), in(x)},
		call: func(k any, b [][]byte) { k.(EncF16Func)(b[0], view[float32](b[1]), stride) },
		work: float64(d),
	}
}

func driveEncBF16(at func(c int) int, call func(k any, dst []byte, x []float32)) func(*gen, int, int, int) trial {
	return func(g *gen, _, _, d int) trial {
		x := g.encodable(&narrowBfloat, d)
		return trial{
			ops: []operand{oneToken(d, 2, at, func(c int) []byte {
				return signed(narrowBfloat.code(x[c]), x[c], 2)
			}), in(x)},
			call: func(k any, b [][]byte) { call(k, b[0], view[float32](b[1])) },
			work: float64(d),
		}
	}
}

func driveEncBF16K() func(*gen, int, int, int) trial {
	return driveEncBF16(func(c int) int { return c/2*64 + c%2*2 }, func(k any, dst []byte, x []float32) { k.(EncBF16KFunc)(dst, x) })
}

func driveEncBF16V() func(*gen, int, int, int) trial {
	return driveEncBF16(func(c int) int { return 4 * c }, func(k any, dst []byte, x []float32) { k.(EncBF16VFunc)(dst, x) })
}

func driveRoundBF16(g *gen, _, _, d int) trial {
	x := g.encodable(&narrowBfloat, d)
	want := make([]uint32, d) // NaN payloads count
	for c, v := range x {
		want[c] = uint32(binary.LittleEndian.Uint16(signed(narrowBfloat.code(v), v, 2))) << 16
	}
	return trial{
		ops:  []operand{inout(view[uint32](raw(x)), want, nil)},
		call: func(k any, b [][]byte) { k.(RoundBF16Func)(view[float32](b[0])) },
		work: float64(d),
	}
}

// encScale draws a scale, often a power of two, which keeps half-way cases.
func (g *gen) encScale() float32 {
	scale := float32(math.Ldexp(1, g.IntN(40)-20))
	if g.IntN(2) == 0 {
		scale *= 0.5 + g.Float32()
	}
	return scale
}

func driveEncFP8(f *narrow, call func(k any, dst []byte, x []float32, scale float32, stride int)) func(*gen, int, int, int) trial {
	return func(g *gen, _, _, d int) trial {
		x, scale, stride := g.encodable(f, d), g.encScale(), [...]int{4, 64}[g.IntN(2)]
		for c := range x {
			if scaled := mul(x[c], scale); scaled-scaled == 0 {
				x[c] = scaled
			}
		}
		return trial{
			ops: []operand{oneToken(d, 1, func(c int) int { return c/4*stride + c%4 }, func(c int) []byte {
				q := div(x[c], scale)
				return signed(f.code(q), q, 1)
			}), in(x)},
			call: func(k any, b [][]byte) { call(k, b[0], view[float32](b[1]), scale, stride) },
			work: 2 * float64(d),
		}
	}
}

func driveEncE4M3() func(*gen, int, int, int) trial {
	return driveEncFP8(&narrowE4M3, func(k any, dst []byte, x []float32, scale float32, stride int) {
		k.(EncE4M3Func)(dst, x, scale, stride)
	})
}

func driveEncE5M2() func(*gen, int, int, int) trial {
	return driveEncFP8(&narrowE5M2, func(k any, dst []byte, x []float32, scale float32, stride int) {
		k.(EncE5M2Func)(dst, x, scale, stride)
	})
}

// driveEnc4 drives a row quantizer by thresholds; channel c lies at byte at(c). A third of
// the quotients are limits.
func driveEnc4(at func(c int) int, call func(k any, dst []byte, x []float32, limits *[15]float32, scale float32, high bool)) func(*gen, int, int, int) trial {
	return func(g *gen, _, _, d int) trial {
		x, scale, high := g.finite(d, 80), g.encScale(), g.IntN(2) == 0
		limits := g.finite(15, 80)
		slices.Sort(limits)
		for c := range x {
			if g.IntN(3) == 0 {
				x[c] = mul(limits[g.IntN(15)], scale)
			}
		}
		n := 0
		if d > 0 {
			n = at(d-1) + 1
		}
		before, mask := g.codes(n), make([]uint8, n)
		after := slices.Clone(before)
		for c, v := range x {
			code := 0
			for _, t := range limits {
				if div(v, scale) > t {
					code++
				}
			}
			i := at(c)
			if mask[i] = spec; high {
				after[i] = after[i]&15 | byte(code)<<4
			} else {
				after[i] = after[i]&0xf0 | byte(code)
			}
		}
		return trial{
			ops: []operand{inout(before, after, mask), in(x), in(limits)},
			call: func(k any, b [][]byte) {
				call(k, b[0], view[float32](b[1]), (*[15]float32)(view[float32](b[2])), scale, high)
			},
			work: 16 * float64(d),
		}
	}
}

func driveEnc4K() func(*gen, int, int, int) trial {
	return driveEnc4(func(c int) int { return c/4*64 + c%4 }, func(k any, dst []byte, x []float32, limits *[15]float32, scale float32, high bool) {
		k.(Enc4KFunc)(dst, x, limits, scale, high)
	})
}

func driveEnc4V() func(*gen, int, int, int) trial {
	return driveEnc4(func(c int) int { return 4 * c }, func(k any, dst []byte, x []float32, limits *[15]float32, scale float32, high bool) {
		k.(Enc4VFunc)(dst, x, limits, scale, high)
	})
}
