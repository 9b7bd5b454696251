package fp8

import (
	"math"
	"math/rand/v2"
	"testing"
)

// split returns the magnitude code below |x| and the fraction f of the way to the
// next one, from the definition in float64 (exact: f needs at most 24 bits and the
// quotient is by a power of two).
func (o *oracle) split(x float64) (i int, f float64) {
	a := math.Abs(x)
	e := math.Ilogb(a)
	if a == 0 || e < 1-o.bias {
		e = 1 - o.bias
	}
	whole, f := math.Modf(math.Ldexp(a, o.m-e))
	return (e+o.bias-1)<<o.m + int(whole), f
}

// TestStochasticFormula checks the documented rule on random inputs, widths and
// random numbers, for all overflow rules.
func TestStochasticFormula(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		large := s.inf
		if large < 0 {
			large = s.nan
		}
		rng := rand.New(rand.NewPCG(sampleSeed, 2))
		for range 100_000 {
			x := float32(math.Ldexp(rng.NormFloat64(), rng.IntN(44)-26))
			r, k, o := rng.Uint32(), uint(rng.IntN(33)), overflows[rng.IntN(3)]
			i, f := s.split(float64(x))
			up := math.Floor(math.Ldexp(f, int(k)))+float64(uint64(r)&(1<<k-1)) >= math.Ldexp(1, int(k))
			if up {
				i++
			}
			if i > s.max {
				if i = large; o != NonSaturating {
					i = s.max
				}
			}
			if math.Signbit(float64(x)) && (i != 0 || s.hasMinus0) {
				i |= 0x80
			}
			if got := s.random(x, r, k, o); got != uint8(i) {
				t.Fatalf("%v x=%b r=%#x k=%d: %02x, want %02x", o, x, r, k, got, i)
			}
		}
	})
}

// TestStochasticUnbiased runs through all 2^k random numbers: the count of rounded
// up results must be ⌊f·2^k⌋, and since it is one threshold, the result must be
// monotone in r. With the mean of the results this is unbiasedness up to u·2^−k.
func TestStochasticUnbiased(t *testing.T) {
	const k = 10
	forEach(t, func(t *testing.T, s subject) {
		rng := rand.New(rand.NewPCG(sampleSeed, 3))
		for range 200 {
			x := float32(math.Ldexp(1+rng.Float64(), rng.IntN(2*s.bias-3)-s.bias-s.m))
			i, f := s.split(float64(x))
			ups, last, sum := 0, uint8(0), 0.0
			for r := range uint32(1 << k) {
				c := s.random(x, r, k, Saturate)
				if c < last {
					t.Fatalf("x=%b: %02x at r=%d after %02x", x, c, r, last)
				}
				last = c
				ups += int(c) - i
				sum += float64(s.float32(c))
			}
			if want := int(f * (1 << k)); ups != want {
				t.Errorf("x=%b: %d of %d rounded up, want %d", x, ups, 1<<k, want)
			}
			u := s.magnitude(i+1) - s.magnitude(i)
			if bias := sum/(1<<k) - float64(x); bias > 0 || bias <= -u/(1<<k) {
				t.Errorf("x=%b: mean is off by %v, u·2^−k = %v", x, bias, u/(1<<k))
			}
		}
	})
}

func TestStochasticExact(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		for c := range 256 {
			x := s.float32(uint8(c))
			for _, r := range []uint32{0, 1, 0x7FFF_FFFF, 0xFFFF_FFFF} {
				for _, k := range []uint{0, 1, 20, 32, 99} {
					for _, o := range overflows {
						if got, want := s.random(x, r, k, o), s.fromF32(x, o); got != want {
							t.Fatalf("%v code %02x r=%#x k=%d: %02x, want %02x", o, c, r, k, got, want)
						}
					}
				}
			}
		}
		// The smallest float32 and k = 0 round towards zero; the largest r rounds
		// everything with a non-zero ⌊f·2^k⌋ up.
		tiny := math.Float32frombits(1)
		if got := s.random(tiny, math.MaxUint32, 32, Saturate); got != 0 {
			t.Errorf("smallest float32: %02x", got)
		}
		x := s.float32(1) * 0.75
		if got := s.random(x, math.MaxUint32, 0, Saturate); got != 0 {
			t.Errorf("k = 0: %02x", got)
		}
		if got := s.random(x, math.MaxUint32, 32, Saturate); got != 1 {
			t.Errorf("largest r: %02x", got)
		}
	})
}
