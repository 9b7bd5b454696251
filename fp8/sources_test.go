package fp8

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFloat16 and TestBFloat16 check all 65536 patterns against a decoding from the
// definition.
func TestFloat16(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		for h := range 1 << 16 {
			x := float16Value(uint16(h))
			for _, o := range overflows {
				if got, want := s.fromF16(uint16(h), o), s.convert(x, o); got != want {
					t.Fatalf("%v %04x = %v: %02x, want %02x", o, h, x, got, want)
				}
			}
		}
	})
}

func TestBFloat16(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		for b := range 1 << 16 {
			x := math.Copysign(float64(math.Float32frombits(uint32(b)<<16)), float64(int16(b)))
			for _, o := range overflows {
				if got, want := s.fromBF16(uint16(b), o), s.convert(x, o); got != want {
					t.Fatalf("%v %04x = %v: %02x, want %02x", o, b, x, got, want)
				}
			}
		}
	})
}

func float16Value(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&1023)
	var v float64
	switch {
	case e == 31 && m != 0:
		v = math.NaN()
	case e == 31:
		v = math.Inf(1)
	case e == 0:
		v = math.Ldexp(m, -24)
	default:
		v = math.Ldexp(1024+m, e-25)
	}
	if h>>15 == 1 {
		v = math.Copysign(v, -1)
	}
	return v
}

// TestFloat64OneRounding visits each midpoint of the grid and its float64
// neighbours. Rounding to float32 first would move the neighbours onto the
// midpoint and then to the even code.
func TestFloat64OneRounding(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		double := 0
		check := func(x float64) {
			for _, o := range overflows {
				got, want := s.fromF64(x, o), s.convert(x, o)
				if got != want {
					t.Errorf("%v %b: %02x, want %02x", o, x, got, want)
				}
				if s.fromF32(float32(x), o) != want {
					double++
				}
			}
		}
		for i, mid := range s.boundaries {
			for _, v := range []float64{mid, s.magnitude(i)} {
				for _, x := range []float64{v, math.Nextafter(v, 0), math.Nextafter(v, math.Inf(1)), v * (1 + 0x1p-30), v * (1 - 0x1p-30)} {
					check(x)
					check(-x)
				}
			}
		}
		if double < 2*s.max {
			t.Errorf("only %d inputs would suffer from double rounding: the test lost its teeth", double)
		}
		for _, x := range []float64{0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, 0x1p-150, 0x1.8p-149, 0x1p-1022,
			math.MaxFloat32, 0x1.ffffffp127, 0x1p128, 1e300, math.MaxFloat64, math.Inf(1), math.NaN(), math.Copysign(math.NaN(), -1)} {
			check(x)
			check(-x)
		}
		rng := rand.New(rand.NewPCG(sampleSeed, 64))
		for range 20_000 {
			check(math.Float64frombits(rng.Uint64()))                                        // any
			check(math.Ldexp(rng.Float64()+0.5, rng.IntN(40)-21) * float64(1-2*rng.IntN(2))) // in range
		}
	})
}

// TestConcrete checks that the functions named after a type are the generic ones
// with saturation, or without.
func TestConcrete(t *testing.T) {
	rng := rand.New(rand.NewPCG(sampleSeed, 1))
	for range 20_000 {
		b := rng.Uint32()
		x, d, h := math.Float32frombits(b), math.Ldexp(rng.NormFloat64(), rng.IntN(30)-15), uint16(b)
		if x != x {
			continue
		}
		concrete(t, x, d, h, b, FromFloat32[E4M3], E4M3FromFloat32, E4M3FromFloat32NonSat, E4M3FromFloat64, E4M3FromFloat16, E4M3FromBFloat16, E4M3FromFloat32Stochastic)
		concrete(t, x, d, h, b, FromFloat32[E5M2], E5M2FromFloat32, E5M2FromFloat32NonSat, E5M2FromFloat64, E5M2FromFloat16, E5M2FromBFloat16, E5M2FromFloat32Stochastic)
		concrete(t, x, d, h, b, FromFloat32[E4M3FNUZ], E4M3FNUZFromFloat32, E4M3FNUZFromFloat32NonSat, E4M3FNUZFromFloat64, E4M3FNUZFromFloat16, E4M3FNUZFromBFloat16, E4M3FNUZFromFloat32Stochastic)
		concrete(t, x, d, h, b, FromFloat32[E5M2FNUZ], E5M2FNUZFromFloat32, E5M2FNUZFromFloat32NonSat, E5M2FNUZFromFloat64, E5M2FNUZFromFloat16, E5M2FNUZFromBFloat16, E5M2FNUZFromFloat32Stochastic)
	}
}

func concrete[T Float8](t *testing.T, x float32, d float64, h uint16, r uint32,
	gen func(float32, Overflow) T, sat, non func(float32) T, f64 func(float64) T, f16, bf16 func(uint16) T,
	random func(float32, uint32, uint) T) {
	t.Helper()
	for _, c := range []struct {
		name      string
		got, want T
	}{
		{"FromFloat32", sat(x), gen(x, Saturate)},
		{"FromFloat32NonSat", non(x), gen(x, NonSaturating)},
		{"FromFloat64", f64(d), FromFloat64[T](d, Saturate)},
		{"FromFloat16", f16(h), FromFloat16[T](h, Saturate)},
		{"FromBFloat16", bf16(h), FromBFloat16[T](h, Saturate)},
		{"FromFloat32Stochastic", random(x, r, 20), FromFloat32Stochastic[T](x, r, 20, Saturate)},
	} {
		if uint8(c.got) != uint8(c.want) {
			t.Fatalf("%s: %02x, want %02x (x = %v, d = %v, h = %04x)", c.name, uint8(c.got), uint8(c.want), x, d, h)
		}
	}
}
