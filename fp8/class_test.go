package fp8

import (
	"math"
	"testing"
)

func TestClass(t *testing.T) {
	class[E4M3](t, newOracle("e4m3fn", 7, 3, 0x7E, -1, 0x7F))
	class[E5M2](t, newOracle("e5m2", 15, 2, 0x7B, 0x7C, 0x7E))
	class[E4M3FNUZ](t, newOracle("e4m3fnuz", 8, 3, 0x7F, -1, 0x80))
	class[E5M2FNUZ](t, newOracle("e5m2fnuz", 16, 2, 0x7F, -1, 0x80))
}

// class compares the predicates of every code with those of its value.
func class[T interface {
	Float8
	Neg() T
	Abs() T
}](t *testing.T, o *oracle) {
	same := func(a, b float64) bool {
		return a != a && b != b || a == b && math.Signbit(a) == math.Signbit(b)
	}
	small := math.Ldexp(1, 1-o.bias)
	for i := range 256 {
		c := T(i)
		v := o.value(i)
		a := math.Abs(v)
		finite := v-v == 0
		for _, p := range []struct {
			name      string
			got, want bool
		}{
			{"IsNaN", c.IsNaN(), v != v},
			{"IsInf(0)", c.IsInf(0), math.IsInf(v, 0)},
			{"IsInf(1)", c.IsInf(1), math.IsInf(v, 1)},
			{"IsInf(−1)", c.IsInf(-1), math.IsInf(v, -1)},
			{"IsZero", c.IsZero(), v == 0},
			{"IsNormal", c.IsNormal(), finite && a >= small},
			{"IsSubnormal", c.IsSubnormal(), finite && a > 0 && a < small},
			{"Float32", same(float64(c.Float32()), v), true},
			{"Float64", same(c.Float64(), v), true},
		} {
			if p.got != p.want {
				t.Errorf("%s %02x %s: %v", o.name, i, p.name, p.got)
			}
		}
		sign := i >= 0x80 && !(o.fnuz && i == 0x80)
		if c.Signbit() != sign {
			t.Errorf("%s %02x Signbit: %v", o.name, i, c.Signbit())
		}
		neg, abs := -v, a
		if o.fnuz && v == 0 {
			neg = 0
		}
		if n := c.Neg(); !same(n.Float64(), neg) || n.Neg() != c {
			t.Errorf("%s %02x Neg: %02x", o.name, i, uint8(n))
		}
		if b := c.Abs(); !same(b.Float64(), abs) || b.Signbit() {
			t.Errorf("%s %02x Abs: %02x", o.name, i, uint8(b))
		}
	}
}

func TestString(t *testing.T) {
	golden(t, "e4m3fn", E4M3.String)
	golden(t, "e5m2", E5M2.String)
	golden(t, "e4m3fnuz", E4M3FNUZ.String)
	golden(t, "e5m2fnuz", E5M2FNUZ.String)
}

func golden[T Float8](t *testing.T, name string, text func(T) string) {
	want := loadTable(t, name)
	for c := range 256 {
		if got := text(T(c)); got != want.text[c] {
			t.Errorf("%s %02x: %q, want %q", name, c, got, want.text[c])
		}
	}
}

// TestConstants ties the untyped properties to the codes.
func TestConstants(t *testing.T) {
	properties(t, E4M3Max, E4M3SmallestNormal, E4M3SmallestSubnormal, E4M3NaN, E4M3MaxValue, E4M3SmallestNormalValue, E4M3SmallestSubnormalValue, E4M3Epsilon, E4M3Bias, E4M3ExponentBits, E4M3MantissaBits, E4M3Digits)
	properties(t, E5M2Max, E5M2SmallestNormal, E5M2SmallestSubnormal, E5M2NaN, E5M2MaxValue, E5M2SmallestNormalValue, E5M2SmallestSubnormalValue, E5M2Epsilon, E5M2Bias, E5M2ExponentBits, E5M2MantissaBits, E5M2Digits)
	properties(t, E4M3FNUZMax, E4M3FNUZSmallestNormal, E4M3FNUZSmallestSubnormal, E4M3FNUZNaN, E4M3FNUZMaxValue, E4M3FNUZSmallestNormalValue, E4M3FNUZSmallestSubnormalValue, E4M3FNUZEpsilon, E4M3FNUZBias, E4M3FNUZExponentBits, E4M3FNUZMantissaBits, E4M3FNUZDigits)
	properties(t, E5M2FNUZMax, E5M2FNUZSmallestNormal, E5M2FNUZSmallestSubnormal, E5M2FNUZNaN, E5M2FNUZMaxValue, E5M2FNUZSmallestNormalValue, E5M2FNUZSmallestSubnormalValue, E5M2FNUZEpsilon, E5M2FNUZBias, E5M2FNUZExponentBits, E5M2FNUZMantissaBits, E5M2FNUZDigits)
	if !E5M2Inf.IsInf(1) || !E5M2Inf.Neg().IsInf(-1) {
		t.Error("E5M2Inf")
	}
}

func properties[T Float8](t *testing.T, largest, normal, subnormal, nan T, maxV, normalV, subnormalV, eps float64, bias, e, m, p int) {
	t.Helper()
	one := FromFloat32[T](1, Saturate)
	next := T(uint8(one) + 1)
	switch {
	case largest.Float64() != maxV, normal.Float64() != normalV, subnormal.Float64() != subnormalV,
		!nan.IsNaN(), !normal.IsNormal(), !subnormal.IsSubnormal(), !largest.IsNormal(),
		next.Float64()-1 != eps, uint8(one) != uint8(bias<<m), 1+e+m != 8, p != m+1:
		t.Errorf("%T: a constant disagrees with its code", largest)
	}
}
