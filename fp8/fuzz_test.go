package fp8

import (
	"math"
	"testing"
)

// FuzzConvert compares all conversions of one value, given as a float64 pattern,
// with the search oracle.
func FuzzConvert(f *testing.F) {
	for _, x := range []float64{0, 1, -1, 464, 248, 61440, 0x1p-10, 0x3p-10, 464.00000000001, 1e-300, 1e300, math.Inf(1), math.NaN()} {
		f.Add(math.Float64bits(x), uint32(0x9E3779B9), uint8(20))
		f.Add(math.Float64bits(-x), uint32(0), uint8(0))
	}
	types := subjects()
	f.Fuzz(func(t *testing.T, bits uint64, r uint32, k uint8) {
		x := math.Float64frombits(bits)
		narrow := math.Float32frombits(uint32(bits >> 32)) // any float32 pattern
		wide := float64(narrow)
		if narrow != narrow {
			wide = math.Copysign(math.NaN(), float64(int64(bits)))
		}
		for _, s := range types {
			for _, o := range overflows {
				if got, want := s.fromF64(x, o), s.convert(x, o); got != want {
					t.Errorf("%s %v float64 %b: %02x, want %02x", s.name, o, x, got, want)
				}
				want := s.convert(wide, o)
				if got := s.fromF32(narrow, o); got != want {
					t.Errorf("%s %v float32 %b: %02x, want %02x", s.name, o, narrow, got, want)
				}
				if got, want := s.fromF16(uint16(bits), o), s.convert(float16Value(uint16(bits)), o); got != want {
					t.Errorf("%s %v binary16 %04x: %02x, want %02x", s.name, o, uint16(bits), got, want)
				}
				// Stochastic rounding gives one of the two neighbours.
				down, up := s.random(narrow, 0, uint(k), o), s.random(narrow, math.MaxUint32, uint(k), o)
				got := s.random(narrow, r, uint(k), o)
				if got != down && got != up {
					t.Errorf("%s %v %b r=%#x k=%d: %02x is neither %02x nor %02x", s.name, o, narrow, r, k, got, down, up)
				}
			}
		}
	})
}
