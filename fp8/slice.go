package fp8

import "math"

// EncodeSlice converts src into dst with saturation and returns the number of
// elements converted, which is the smaller of the two lengths, as for copy.
func EncodeSlice[T Float8](dst []T, src []float32) int {
	return EncodeSliceOverflow(dst, src, Saturate)
}

// EncodeSliceNonSat is EncodeSlice without saturation.
func EncodeSliceNonSat[T Float8](dst []T, src []float32) int {
	return EncodeSliceOverflow(dst, src, NonSaturating)
}

// EncodeSliceOverflow is EncodeSlice with the overflow rule o.
func EncodeSliceOverflow[T Float8](dst []T, src []float32, o Overflow) int {
	var t T
	e := t.format().encoder(o)
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, x := range src {
		dst[i] = T(e.encode(math.Float32bits(x)))
	}
	return n
}

// EncodeScaled converts src[i]/scale into dst[i] with saturation and returns the
// number of elements converted, the smaller of the two lengths.
//
// The quotient is a float32 division, so it is rounded before the conversion unless
// scale is a power of two. scale is a positive number, as the functions of this
// package named Scale return it; with other values the result is that of the
// division, where the sign of the NaN of 0/0 and ∞/∞ depends on the machine.
func EncodeScaled[T Float8](dst []T, src []float32, scale float32) int {
	return EncodeScaledOverflow(dst, src, scale, Saturate)
}

// EncodeScaledNonSat is EncodeScaled without saturation.
func EncodeScaledNonSat[T Float8](dst []T, src []float32, scale float32) int {
	return EncodeScaledOverflow(dst, src, scale, NonSaturating)
}

// EncodeScaledOverflow is EncodeScaled with the overflow rule o.
func EncodeScaledOverflow[T Float8](dst []T, src []float32, scale float32, o Overflow) int {
	var t T
	e := t.format().encoder(o)
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, x := range src {
		dst[i] = T(e.encode(math.Float32bits(float32(x / scale))))
	}
	return n
}

// EncodeStochastic converts src[i] into dst[i] by FromFloat32Stochastic with the
// random number r[i]. It returns the number of elements converted, the smallest of
// the three lengths.
func EncodeStochastic[T Float8](dst []T, src []float32, r []uint32, k uint, o Overflow) int {
	var t T
	f := t.format()
	e := f.encoder(o)
	n := min(len(dst), len(src), len(r))
	dst, src, r = dst[:n], src[:n], r[:n]
	for i, x := range src {
		dst[i] = T(e.stochastic(math.Float32bits(x), r[i], k, f.max))
	}
	return n
}

// DecodeSlice converts src into dst exactly and returns the number of elements
// converted, the smaller of the two lengths.
func DecodeSlice[T Float8](dst []float32, src []T) int {
	var t T
	table := &t.format().decode
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, c := range src {
		dst[i] = table[uint8(c)]
	}
	return n
}

// DecodeScaled sets dst[i] to the float32 product of scale and the value of src[i]
// and returns the number of elements converted, the smaller of the two lengths.
func DecodeScaled[T Float8](dst []float32, src []T, scale float32) int {
	var t T
	table := &t.format().decode
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for i, c := range src {
		dst[i] = float32(table[uint8(c)] * scale)
	}
	return n
}
