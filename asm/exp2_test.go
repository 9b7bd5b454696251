package asm

import (
	"fmt"
	"math"
	"os"
	"testing"
)

// exp2Worst is the error the contract allows, in ulp of the exact value (2⁻¹⁴⁹ in the
// subnormal range).
const exp2Worst = 1.5

// TestExp2 compares every Exp2F32 kernel with float64 over all x in [−152, 0], every
// 1009th one unless QATTN_EXHAUSTIVE is set. Results never fall as x grows.
func TestExp2(t *testing.T) {
	for _, e := range family("Exp2F32") {
		t.Run(e.Name, func(t *testing.T) {
			kernel := e.Func.(Exp2F32Func)
			step := uint32(1009)
			if os.Getenv("QATTN_EXHAUSTIVE") != "" {
				step = 1
			}
			var x, y [4096]float32
			var worst, at, worstSub, atSub float64
			last := float32(1)
			for bits, end := uint32(0x80000000), math.Float32bits(-152); bits <= end; {
				n := 0
				for ; n < len(x) && bits <= end; n++ {
					x[n] = math.Float32frombits(bits)
					bits += step
				}
				y = x
				kernel(y[:n])
				for i, got := range y[:n] {
					want := math.Exp2(float64(x[i]))
					err := math.Abs(float64(got)-want) / ulp(want)
					if want < 0x1p-126 {
						if err > worstSub {
							worstSub, atSub = err, float64(x[i])
						}
					} else if err > worst {
						worst, at = err, float64(x[i])
					}
					if !(got <= last) {
						t.Fatalf("not monotone: 2^%g = %g above %g", x[i], got, last)
					}
					last = got
				}
				if step == 1 && bits%(1<<27) < 4096 {
					fmt.Printf("exp2: x = %g, max error %.4f ulp\n", x[n-1], max(worst, worstSub))
				}
			}
			t.Logf("max error %.4f ulp at %g, subnormal results %.4f ulp at %g", worst, at, worstSub, atSub)
			if max(worst, worstSub) > exp2Worst {
				t.Errorf("error above %g ulp", exp2Worst)
			}
			for k := 0; k >= -149; k-- {
				v := []float32{float32(k)}
				if kernel(v); float64(v[0]) != math.Ldexp(1, k) {
					t.Errorf("2^%d = %g", k, v[0])
				}
			}
			v := []float32{float32(math.Copysign(0, -1)), negInf32, -200, -math.MaxFloat32, -0x1p-149, nan32}
			kernel(v)
			for i, want := range []float32{1, 0, 0, 0, 1} {
				if math.Float32bits(v[i]) != math.Float32bits(want) {
					t.Errorf("special value %d: %g, want %g", i, v[i], want)
				}
			}
			if v[5] == v[5] {
				t.Errorf("2^NaN = %g", v[5])
			}
		})
	}
}

// TestDec16Exhaustive widens all 65536 binary16 patterns, in every lane.
func TestDec16Exhaustive(t *testing.T) {
	src := make([]byte, 2<<16)
	for i := range 1 << 16 {
		src[2*i], src[2*i+1] = byte(i), byte(i>>8)
	}
	for _, e := range family("Dec16") {
		for shift := range 32 {
			dst := make([]float32, 1<<16-shift)
			e.Func.(Dec16Func)(dst, src[2*shift:], src)
			for i, got := range dst {
				want := float32(half64(uint16(i + shift)))
				if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
					t.Fatalf("%s: %#04x = %g, want %g", e.Name, i+shift, got, want)
				}
			}
		}
	}
}
