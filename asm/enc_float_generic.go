package asm

import (
	"encoding/binary"
	"math"
)

// toHalf rounds to binary16: normal results by integer arithmetic, subnormal ones by the
// float32 adder, where the unit of 0.5 + |x| is the smallest binary16 subnormal.
func toHalf(x float32) uint16 {
	b := math.Float32bits(x)
	sign, mag := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case mag > 0x7f800000:
		return sign | 0x7e00 | uint16(mag>>13)&0x3ff
	case mag == 0x7f800000:
		return sign | 0x7c00
	case mag > 0x477fe000: // 65504
		return sign | 0x7bff
	case mag < 0x38800000: // 2⁻¹⁴
		return sign | uint16(math.Float32bits(math.Float32frombits(mag)+0.5)-0x3f000000)
	}
	return sign | uint16((mag+0xfff+mag>>13&1-0x38000000)>>13)
}

// toBrain rounds to bfloat16.
func toBrain(x float32) uint16 {
	b := math.Float32bits(x)
	switch mag := b & 0x7fffffff; {
	case mag > 0x7f800000:
		return uint16(b>>16) | 0x40
	case mag == 0x7f800000:
		return uint16(b >> 16)
	case mag > 0x7f7f0000:
		return uint16(b>>16)&0x8000 | 0x7f7f
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// encF16_generic is the specification of EncF16Func.
func encF16_generic(dst []byte, x []float32, stride int) {
	for c, v := range x {
		binary.LittleEndian.PutUint16(dst[c*stride:], toHalf(v))
	}
}

// encBF16K_generic is the specification of EncBF16KFunc.
func encBF16K_generic(dst []byte, x []float32) {
	for c, v := range x {
		binary.LittleEndian.PutUint16(dst[c/2*64+c%2*2:], toBrain(v))
	}
}

// encBF16V_generic is the specification of EncBF16VFunc.
func encBF16V_generic(dst []byte, x []float32) {
	for c, v := range x {
		binary.LittleEndian.PutUint16(dst[4*c:], toBrain(v))
	}
}

// fp8Code holds the constants of an 8-bit float encoding. Codes are without sign,
// magnitudes float32 patterns.
type fp8Code struct {
	shift     uint32  // float32 mantissa bits below the last kept one
	half      uint32  // just under half of the last kept bit
	rebias    uint32  // difference of the exponent biases
	minNormal uint32  // magnitude of the smallest normal value
	max       uint32  // magnitude of the largest value
	magic     float32 // its unit in the last place is the smallest subnormal
	nan       uint32
}

var (
	codeE4M3 = fp8Code{20, 0x7ffff, 120 << 23, 121 << 23, 0x43e00000, 0x1p14, 0x7f}
	codeE5M2 = fp8Code{21, 0xfffff, 112 << 23, 113 << 23, 0x47600000, 0x1p7, 0x7e}
)

// encode rounds as toHalf does, with every case computed and chosen by a condition of its
// own, which compiles to conditional moves.
func (e *fp8Code) encode(x float32) byte {
	nan, shift := e.nan, e.shift&31
	b := math.Float32bits(x)
	mag := b & 0x7fffffff
	a := min(mag, e.max)
	n := (a + e.half + a>>shift&1 - e.rebias) >> shift
	sub := math.Float32bits(math.Float32frombits(a)+e.magic) - math.Float32bits(e.magic)
	if a < e.minNormal {
		n = sub
	}
	if mag > 0x7f800000 {
		n = nan
	}
	return byte(n | b>>24&0x80)
}

func (e *fp8Code) row(dst []byte, x []float32, scale float32, stride int) {
	for c, v := range x {
		dst[c/4*stride+c%4] = e.encode(v / scale)
	}
}

// encE4M3_generic is the specification of EncE4M3Func.
func encE4M3_generic(dst []byte, x []float32, scale float32, stride int) {
	codeE4M3.row(dst, x, scale, stride)
}

// encE5M2_generic is the specification of EncE5M2Func.
func encE5M2_generic(dst []byte, x []float32, scale float32, stride int) {
	codeE5M2.row(dst, x, scale, stride)
}
