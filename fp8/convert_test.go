package fp8

import (
	"math"
	"math/rand/v2"
	"testing"
)

// sampleSeed makes failures of the random samples reproducible.
const sampleSeed = 0xF8

// TestRuns checks every boundary of the run tables ±2 patterns and a random sample
// of all patterns, single values and slices alike.
func TestRuns(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		want := loadTable(t, s.name)
		for _, o := range overflows {
			for _, r := range want.runs[o] {
				for d := uint32(0); d < 5; d++ {
					b := r.first + d - 2 // wraps at 0, as intended
					if got, w := s.fromF32(math.Float32frombits(b), o), want.at(o, b); got != w {
						t.Errorf("%v %08x: %02x, want %02x", o, b, got, w)
					}
				}
			}
			n := 1 << 22 / 3
			if testing.Short() || raceEnabled {
				n = 1 << 16
			}
			rng := rand.New(rand.NewPCG(sampleSeed, uint64(o)))
			const chunk = 1 << 12
			src, got := make([]float32, chunk), make([]uint8, chunk)
			bad := 0
			for ; n > 0 && bad < 10; n -= chunk {
				for i := range src {
					src[i] = math.Float32frombits(rng.Uint32())
				}
				s.encode(got, src, o)
				for i, x := range src {
					if w := want.at(o, math.Float32bits(x)); got[i] != w {
						t.Errorf("%v %08x: %02x, want %02x (seed %#x)", o, math.Float32bits(x), got[i], w, sampleSeed)
						bad++
					}
				}
			}
		}
	})
}

// TestOracle ties the search oracle of the tests to the run tables, so that both
// can be trusted where only one applies.
func TestOracle(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		want := loadTable(t, s.name)
		for _, o := range overflows {
			for _, r := range want.runs[o] {
				for d := uint32(0); d < 5; d++ {
					b := r.first + d - 2
					x := float64(math.Float32frombits(b))
					if x != x {
						x = math.Copysign(math.NaN(), float64(int32(b))) // the sign may not survive widening
					}
					if got := s.convert(x, o); got != want.at(o, b) {
						t.Errorf("%v %08x: %02x, want %02x", o, b, got, want.at(o, b))
					}
				}
			}
		}
	})
}

func TestDecode(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		want := loadTable(t, s.name)
		for c := range 256 {
			got := s.float32(uint8(c))
			b := math.Float32bits(got)
			if want.decode[c] == nanPattern {
				sign := uint32(c) >> 7 << 31
				if s.fnuz {
					sign = 0
				}
				if b != nanPattern|sign {
					t.Errorf("code %02x: %08x, want NaN %08x", c, b, nanPattern|sign)
				}
			} else if b != want.decode[c] {
				t.Errorf("code %02x: %08x, want %08x", c, b, want.decode[c])
			}
			if v := s.value(c); float64(got) != v && v == v {
				t.Errorf("code %02x: %v, by the definition %v", c, got, v)
			}
		}
	})
}

// TestRoundTrip checks encode(decode(c)) = c. NaN codes come back as the canonical
// NaN of their sign.
func TestRoundTrip(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		for _, o := range overflows {
			for c := range 256 {
				x := s.float32(uint8(c))
				want := uint8(c)
				switch {
				case x != x && !s.fnuz:
					want = uint8(c&0x80 | s.nan)
				case math.IsInf(float64(x), 0) && o == Saturate:
					want = uint8(c&0x80 | s.max)
				}
				if got := s.fromF32(x, o); got != want {
					t.Errorf("%v: %02x -> %v -> %02x, want %02x", o, c, x, got, want)
				}
			}
		}
	})
}

// TestMonotonicAndSymmetric walks the non-negative float32 patterns in steps that
// visit every exponent and many mantissas.
func TestMonotonicAndSymmetric(t *testing.T) {
	forEach(t, func(t *testing.T, s subject) {
		for _, o := range []Overflow{Saturate, SaturateFinite} {
			last := uint8(0)
			for b := uint32(0); b < infBits; b += 40_503 {
				x := math.Float32frombits(b)
				c := s.fromF32(x, o)
				if c < last || c > uint8(s.max) {
					t.Fatalf("%v %08x: code %02x after %02x", o, b, c, last)
				}
				last = c
				neg := c | 0x80
				if c == 0 && s.fnuz {
					neg = 0
				}
				if got := s.fromF32(-x, o); got != neg {
					t.Fatalf("%v %08x: −x gives %02x, want %02x", o, b, got, neg)
				}
			}
			if last != uint8(s.max) {
				t.Errorf("%v: ended at %02x", o, last)
			}
		}
	})
}

// TestThresholds states the overflow points of the package documentation.
func TestThresholds(t *testing.T) {
	up := func(x float32) float32 { return math.Nextafter32(x, float32(math.Inf(1))) }
	down := func(x float32) float32 { return math.Nextafter32(x, 0) }
	for _, c := range []struct {
		name      string
		got, want uint8
	}{
		{"E4M3 464", uint8(E4M3FromFloat32NonSat(464)), 0x7E},
		{"E4M3 464+", uint8(E4M3FromFloat32NonSat(up(464))), 0x7F},
		{"E4M3 −464+", uint8(E4M3FromFloat32NonSat(-up(464))), 0xFF},
		{"E4M3FNUZ 248−", uint8(E4M3FNUZFromFloat32NonSat(down(248))), 0x7F},
		{"E4M3FNUZ 248", uint8(E4M3FNUZFromFloat32NonSat(248)), 0x80},
		{"E5M2 61440−", uint8(E5M2FromFloat32NonSat(down(61440))), 0x7B},
		{"E5M2 61440", uint8(E5M2FromFloat32NonSat(61440)), 0x7C},
		{"E5M2FNUZ 61440−", uint8(E5M2FNUZFromFloat32NonSat(down(61440))), 0x7F},
		{"E5M2FNUZ 61440", uint8(E5M2FNUZFromFloat32NonSat(61440)), 0x80},
		{"E4M3 sat Inf", uint8(E4M3FromFloat32(float32(math.Inf(1)))), 0x7E},
		{"E5M2 sat −Inf", uint8(E5M2FromFloat32(float32(math.Inf(-1)))), 0xFB},
		{"E4M3FNUZ sat Inf", uint8(E4M3FNUZFromFloat32(float32(math.Inf(1)))), 0x7F},
		{"E5M2FNUZ sat −Inf", uint8(E5M2FNUZFromFloat32(float32(math.Inf(-1)))), 0xFF},
		{"E4M3 half of the smallest", uint8(E4M3FromFloat32(0x1p-10)), 0},
		{"E4M3 more than half", uint8(E4M3FromFloat32(up(0x1p-10))), 1},
		{"E4M3 tie in the subnormals", uint8(E4M3FromFloat32(0x3p-10)), 2},
		{"unknown rule saturates", uint8(FromFloat32[E4M3](1e9, 77)), 0x7E},
	} {
		if c.got != c.want {
			t.Errorf("%s: %02x, want %02x", c.name, c.got, c.want)
		}
	}
}

func TestOverflowString(t *testing.T) {
	for o, want := range map[Overflow]string{Saturate: "Saturate", SaturateFinite: "SaturateFinite", NonSaturating: "NonSaturating", 9: "Overflow(?)"} {
		if o.String() != want {
			t.Errorf("%d: %q", o, o.String())
		}
	}
}
