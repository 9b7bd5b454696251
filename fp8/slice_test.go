package fp8

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSliceLengths checks every function that takes slices for the length rule of
// copy and for writes beyond it.
func TestSliceLengths(t *testing.T) {
	const untouched = 0xA5
	for _, nd := range []int{0, 1, 7, 8, 33} {
		for _, ns := range []int{0, 1, 7, 8, 33} {
			n := min(nd, ns)
			src, r := make([]float32, ns), make([]uint32, ns)
			for i := range src {
				src[i] = 2
			}
			for name, f := range map[string]func(dst []E4M3) int{
				"EncodeSlice":        func(dst []E4M3) int { return EncodeSlice(dst, src) },
				"EncodeSliceNonSat":  func(dst []E4M3) int { return EncodeSliceNonSat(dst, src) },
				"EncodeScaled":       func(dst []E4M3) int { return EncodeScaled(dst, src, 1) },
				"EncodeScaledNonSat": func(dst []E4M3) int { return EncodeScaledNonSat(dst, src, 1) },
				"EncodeStochastic":   func(dst []E4M3) int { return EncodeStochastic(dst, src, r, 20, Saturate) },
			} {
				back := make([]E4M3, nd+2)
				for i := range back {
					back[i] = untouched
				}
				if got := f(back[:nd]); got != n {
					t.Errorf("%s(%d, %d) = %d", name, nd, ns, got)
				}
				for i, c := range back {
					if (i < n) != (c == 0x40) || (i >= n) != (c == untouched) {
						t.Errorf("%s(%d, %d): element %d is %02x", name, nd, ns, i, uint8(c))
					}
				}
			}
			codes, dst := make([]E4M3, ns), make([]float32, nd+2)
			for _, f := range []func() int{
				func() int { return DecodeSlice(dst[:nd], codes) },
				func() int { return DecodeScaled(dst[:nd], codes, 3) },
			} {
				for i := range dst {
					dst[i] = 9
				}
				if got := f(); got != n {
					t.Errorf("decode(%d, %d) = %d", nd, ns, got)
				}
				for i, x := range dst {
					if (i < n) != (x == 0) {
						t.Errorf("decode(%d, %d): element %d is %v", nd, ns, i, x)
					}
				}
			}
		}
	}
	if n := EncodeStochastic(make([]E5M2, 5), make([]float32, 5), make([]uint32, 3), 8, Saturate); n != 3 {
		t.Errorf("EncodeStochastic with 3 random numbers converted %d", n)
	}
}

// TestSliceValues checks the slice functions against the scalar ones.
func TestSliceValues(t *testing.T) {
	sliceValues[E4M3](t)
	sliceValues[E5M2](t)
	sliceValues[E4M3FNUZ](t)
	sliceValues[E5M2FNUZ](t)
}

func sliceValues[T Float8](t *testing.T) {
	const n = 4096
	rng := rand.New(rand.NewPCG(sampleSeed, 4))
	src, r := make([]float32, n), make([]uint32, n)
	for i := range src {
		src[i] = float32(math.Ldexp(rng.NormFloat64(), rng.IntN(40)-20))
		r[i] = rng.Uint32()
	}
	copy(src, []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30, -1e30})
	a, b, c := make([]T, n), make([]T, n), make([]T, n)
	const scale = 0.37
	for _, o := range overflows {
		EncodeSliceOverflow(a, src, o)
		EncodeScaledOverflow(b, src, scale, o)
		EncodeStochastic(c, src, r, 9, o)
		for i, x := range src {
			if a[i] != FromFloat32[T](x, o) || b[i] != FromFloat32[T](x/scale, o) || c[i] != FromFloat32Stochastic[T](x, r[i], 9, o) {
				t.Fatalf("%T %v: element %d of a slice differs from the scalar conversion", a[i], o, i)
			}
		}
	}
	EncodeSlice(b, src)
	EncodeScaledNonSat(c, src, 1)
	EncodeSliceNonSat(a, src)
	for i, x := range src {
		if b[i] != FromFloat32[T](x, Saturate) || a[i] != FromFloat32[T](x, NonSaturating) || a[i] != c[i] {
			t.Fatalf("%T: element %d", a[i], i)
		}
	}
	one, scaled := make([]float32, n), make([]float32, n)
	DecodeSlice(one, b)
	DecodeScaled(scaled, b, scale)
	for i := range b {
		if one[i] != b[i].Float32() || scaled[i] != float32(scale*b[i].Float32()) {
			t.Fatalf("%T: decoded element %d", b[i], i)
		}
	}
}

func TestAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	allocs[E4M3](t)
	allocs[E5M2](t)
	allocs[E4M3FNUZ](t)
	allocs[E5M2FNUZ](t)
}

func allocs[T Float8](t *testing.T) {
	x, r, c := make([]float32, 64), make([]uint32, 64), make([]T, 64)
	n := testing.AllocsPerRun(100, func() {
		EncodeSlice(c, x)
		EncodeSliceNonSat(c, x)
		EncodeScaled(c, x, AmaxScale[T](AbsMax(x)))
		EncodeScaledNonSat(c, x, AbsMaxScale[T](3))
		EncodeStochastic(c, x, r, 20, SaturateFinite)
		DecodeSlice(x, c)
		DecodeScaled(x, c, 2)
		c[0] = FromFloat32[T](x[0], Saturate)
		c[1] = FromFloat64[T](2, Saturate)
		c[2] = FromFloat16[T](0x3C00, Saturate)
		c[3] = FromBFloat16[T](0x3F80, Saturate)
	})
	if n != 0 {
		t.Errorf("%T: %v allocations", c[0], n)
	}
}
