package asm

import "math"

// absMax_generic is the specification of AbsMaxFunc. Magnitudes compare as integers,
// and everything above the largest finite pattern is NaN or infinite.
func absMax_generic(x []float32) float32 {
	var top uint32
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	if top >= 0x7f800000 {
		return nan32
	}
	return math.Float32frombits(top)
}

// code8 is clamp(RNE(x/scale), −127, 127).
func code8(x, scale float32) int32 {
	const magic = 0x1.8p23 // adding it rounds to the nearest integer, ties to even
	r := min(max(x/scale, -127), 127)
	return int32(float32(r+magic) - magic)
}

// encI8_generic is the specification of EncI8Func.
func encI8_generic(dst []int8, x []float32, scale float32) {
	dst = dst[:len(x)]
	for c, v := range x {
		dst[c] = int8(code8(v, scale))
	}
}

// encErrI8_generic is the specification of EncErrI8Func. float64 holds the difference exactly.
func encErrI8_generic(dst []int8, x []float32, scale float32) (size2, err2 float32) {
	encI8_generic(dst, x, scale)
	clear(dst[len(x) : (len(x)+3)&^3])
	var size, err [16]float32
	for i, v := range x {
		e := float32(float64(v) - float64(dst[i])*float64(scale))
		size[i&15] += float32(v * v)
		err[i&15] += float32(e * e)
	}
	return foldChains(&size), foldChains(&err)
}

// encI8K_generic is the specification of EncI8KFunc.
func encI8K_generic(dst []byte, x []float32, scale float32) {
	for c, v := range x {
		dst[c/4*64+c%4] = byte(code8(v, scale) + 128)
	}
}

// encI8V_generic is the specification of EncI8VFunc.
func encI8V_generic(dst []byte, x []float32, scale float32) {
	for c, v := range x {
		dst[4*c] = byte(code8(v, scale))
	}
}

// group4 quantizes up to 32 channels to 4-bit codes and returns their multiplier.
func group4(codes *[32]int8, x []float32, scale float32) (mult int8) {
	lo, hi := float32(0), float32(0)
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	sign := int8(1)
	if hi >= -lo {
		sign = -1
	}
	top := int8(min(max(math.Ceil(float64(max(hi, -lo)/(8*scale))), 1), 15))
	best := float32(math.Inf(1))
	mult = sign * top
	for k := top; k >= max(1, top-4); k-- {
		var acc [16]float32
		step := scale * float32(sign*k)
		for c, v := range x {
			e := v - float32(step*code4(v, step))
			acc[c&15] += float32(e * e)
		}
		if err := foldChains(&acc); err < best {
			best, mult = err, sign*k
		}
	}
	step := scale * float32(mult)
	for c, v := range x {
		codes[c] = int8(code4(v, step))
	}
	return mult
}

// code4 is clamp(RNE(x/step), −8, 7).
func code4(x, step float32) float32 {
	return float32(math.RoundToEven(float64(min(max(x/step, -8), 7))))
}

// encI4 runs over the groups of a row and hands the codes to put.
func encI4(mult []byte, x []float32, scale float32, put func(c int, code byte)) {
	var codes [32]int8
	for at := 0; at < len(x); at += 32 {
		group := x[at:min(at+32, len(x))]
		mult[2*at] = byte(group4(&codes, group, scale))
		for c := range group {
			put(at+c, byte(codes[c]+8))
		}
	}
}

// putHalf replaces one half of a byte.
func putHalf(b *byte, code byte, high bool) {
	if high {
		*b = *b&0x0f | code<<4
	} else {
		*b = *b&0xf0 | code
	}
}

// encI4K_generic is the specification of EncI4KFunc.
func encI4K_generic(dst, mult []byte, x []float32, scale float32, high bool) {
	encI4(mult, x, scale, func(c int, code byte) { putHalf(&dst[c/4*64+c%4], code, high) })
}

// encI4V_generic is the specification of EncI4VFunc.
func encI4V_generic(dst, mult []byte, x []float32, scale float32, high bool) {
	encI4(mult, x, scale, func(c int, code byte) { putHalf(&dst[4*c], code, high) })
}

// hadamard_generic is the specification of HadamardFunc.
func hadamard_generic(x []float32) {
	n := len(x)
	for w := 1; w < n; w *= 2 {
		for i := 0; i < n; i += 2 * w {
			a, b := x[i:i+w], x[i+w:i+2*w]
			for j := range a {
				u, v := a[j], b[j]
				a[j], b[j] = u+v, u-v
			}
		}
	}
	s := float32(1 / math.Sqrt(float64(n)))
	for i := range x {
		x[i] *= s
	}
}
