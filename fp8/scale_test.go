package fp8

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func TestAmaxBiasKnown(t *testing.T) {
	for _, c := range []struct {
		amax      float32
		got, want int
	}{
		{1, AmaxBias[E4M3FNUZ](1), 7},
		{3.7, AmaxBias[E4M3FNUZ](3.7), 6},
		{0.02, AmaxBias[E4M3FNUZ](0.02), 13},
		{240, AmaxBias[E4M3FNUZ](240), 0},
		{241, AmaxBias[E4M3FNUZ](241), -1},
		{1e4, AmaxBias[E4M3FNUZ](1e4), -6},
		{1, AmaxBias[E4M3](1), 8},
		{3.7, AmaxBias[E4M3](3.7), 6},
		{241, AmaxBias[E4M3](241), 0},
		{448, AmaxBias[E4M3](448), 0},
		{1e4, AmaxBias[E4M3](1e4), -5},
		{57344, AmaxBias[E5M2](57344), 0},
		{57345, AmaxBias[E5M2FNUZ](57345), -1},
		{-1, AmaxBias[E4M3](-1), 8},
		{0, AmaxBias[E5M2](0), 0},
		{1e-30, AmaxBias[E5M2](1e-30), 31},
		{0x1p-149, AmaxBias[E4M3](0x1p-149), 31},
		{1e30, AmaxBias[E5M2](1e30), -31},
		{math.MaxFloat32, AmaxBias[E4M3](math.MaxFloat32), -31},
		{float32(math.Inf(1)), AmaxBias[E4M3](float32(math.Inf(-1))), -31},
		{float32(math.NaN()), AmaxBias[E4M3](float32(math.NaN())), 0},
	} {
		if c.got != c.want {
			t.Errorf("AmaxBias(%v) = %d, want %d", c.amax, c.got, c.want)
		}
	}
}

// TestAmaxBiasProperty checks amax·2^b ∈ (MAX/2, MAX] with exact arithmetic, at
// random and next to every power of two times MAX.
func TestAmaxBiasProperty(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		limit := s.magnitude(s.max)
		check := func(amax float32) {
			b := s.amaxBias(amax)
			v := math.Ldexp(float64(amax), b) // exact
			switch {
			case b < -31 || b > 31:
				t.Errorf("amax %b: bias %d", amax, b)
			case v > limit && b > -31, v <= limit/2 && b < 31:
				t.Errorf("amax %b: bias %d gives %v", amax, b, v)
			}
			if got, want := s.amaxScale(amax), float32(math.Ldexp(1, -b)); got != want {
				t.Errorf("amax %b: scale %v, want %v", amax, got, want)
			}
			if c := s.fromF32(amax/s.amaxScale(amax), NonSaturating); b > -31 && c > uint8(s.max) {
				t.Errorf("amax %b overflows: %02x", amax, c)
			}
		}
		for e := -60; e <= 60; e++ {
			x := float32(math.Ldexp(limit, e))
			check(x)
			check(math.Nextafter32(x, 0))
			check(math.Nextafter32(x, float32(math.Inf(1))))
		}
		rng := rand.New(rand.NewPCG(sampleSeed, 5))
		for range 20_000 {
			if b := rng.Uint32() & magMask; b != 0 && b < infBits {
				check(math.Float32frombits(b))
			}
		}
	})
}

func TestConstantScale(t *testing.T) {
	for _, c := range []struct {
		b    int
		want float32
	}{{0, 1}, {5, 0x1p-5}, {-5, 32}, {31, 0x1p-31}, {-31, 0x1p31}, {32, 0x1p-31}, {-1000, 0x1p31}} {
		if got := ConstantScale(c.b); got != c.want {
			t.Errorf("ConstantScale(%d) = %v, want %v", c.b, got, c.want)
		}
	}
}

func TestAbsMaxScale(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		limit := s.magnitude(s.max)
		check := func(amax float32) {
			scale := s.absScale(amax)
			q := amax / scale
			if c := s.fromF32(q, NonSaturating); c > uint8(s.max) || scale <= 0 {
				t.Errorf("amax %b: scale %b overflows: %02x", amax, scale, c)
			}
			if scale >= 0x1p-126 {
				want, _ := new(big.Rat).Quo(new(big.Rat).SetFloat64(float64(amax)), new(big.Rat).SetFloat64(limit)).Float32()
				if scale != want || s.fromF32(q, Saturate) != uint8(s.max) {
					t.Errorf("amax %b: scale %b, want %b", amax, scale, want)
				}
			}
		}
		for i := range uint32(100) { // float32 subnormals
			check(math.Float32frombits(1 + i*i))
		}
		check(math.MaxFloat32)
		rng := rand.New(rand.NewPCG(sampleSeed, 6))
		for range 5_000 {
			if b := rng.Uint32() & magMask; b != 0 && b < infBits {
				check(math.Float32frombits(b))
			}
		}
		inf := float32(math.Inf(1))
		for _, c := range []struct{ amax, want float32 }{
			{0, 1}, {float32(math.NaN()), 1}, {inf, math.MaxFloat32 / float32(limit)}, {float32(-limit), 1}, {float32(4 * limit), 4},
		} {
			if got := s.absScale(c.amax); got != c.want {
				t.Errorf("AbsMaxScale(%v) = %v, want %v", c.amax, got, c.want)
			}
		}
	})
}

func TestAbsMax(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		x    []float32
		want float32
	}{
		{nil, 0},
		{[]float32{0, -0.0}, 0},
		{[]float32{1, -3, 2}, 3},
		{[]float32{inf, -inf, nan, -0.5}, 0.5},
		{[]float32{nan}, 0},
		{[]float32{0x1p-149, 0}, 0x1p-149},
		{[]float32{-math.MaxFloat32, inf}, math.MaxFloat32},
	} {
		if got := AbsMax(c.x); got != c.want {
			t.Errorf("AbsMax(%v) = %v, want %v", c.x, got, c.want)
		}
	}
}
