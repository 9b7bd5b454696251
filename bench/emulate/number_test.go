package emulate

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qattn/qattn/reference"
)

// The formats agree with a search over all codes of the definition.
func TestFloatRoundsToNearestCode(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	xs := []float64{0, math.Copysign(0, -1), 448, 464, 1000, -1e9, 0x1p-9, 0x1p-10, 0x1.8p-10, 0x1p-6, 17, 18, 19, 1e-300}
	for range 20000 {
		xs = append(xs, math.Exp2(30*r.Float64()-15)*(2*r.Float64()-1))
	}
	for _, x := range xs {
		want := reference.E4M3(reference.NearestCode(x, 256, reference.E4M3))
		if got := e4m3.round(x); got != want {
			t.Fatalf("e4m3(%v) = %v, want %v", x, got, want)
		}
	}
	for code := range 0x7c00 {
		x := reference.F16(uint16(code))
		if got := half.round(x); got != x {
			t.Fatalf("binary16 %#04x = %v became %v", code, x, got)
		}
		next := reference.F16(uint16(code + 1))
		if code+1 == 0x7c00 {
			break
		}
		tie, even := (x+next)/2, x
		if code%2 == 1 {
			even = next
		}
		if got := half.round(tie); got != even {
			t.Fatalf("tie %v above %#04x became %v, want %v", tie, code, got, even)
		}
		if got := half.trunc(tie); got != x {
			t.Fatalf("tie %v above %#04x was cut to %v", tie, code, got)
		}
	}
	if got := half.overflow(65520); !math.IsInf(got, 1) {
		t.Errorf("65520 became %v in binary16", got)
	}
	if got := half.overflow(65519); got != 65504 {
		t.Errorf("65519 became %v in binary16", got)
	}
}

// Cutting the fraction equals shifting the bits of x·2^−120, which is how the encoder
// of vLLM does it.
func TestTruncIsABitShift(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100000 {
		x := float32(math.Exp2(22*r.Float64()-14) * (2*r.Float64() - 1))
		x = max(-448, min(448, x))
		bits := math.Float32bits(x * 0x1p-120)
		code := byte(bits>>24&0x80 | min(bits>>20&0x7f, 0x7e))
		if got, want := e4m3.trunc(float64(x)), reference.E4M3(code); got != want {
			t.Fatalf("%v was cut to %v, the bits say %v", x, got, want)
		}
	}
}

func TestHadamard(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 9}
	want := reference.Hadamard([]float64{1, 2, 3, 4, 5, 6, 7, 9})
	y := hadamardBlocks(x, 8)
	for i := range y {
		if math.Abs(float64(y[i])-want[i]) > 1e-6 {
			t.Errorf("element %d is %v, want %v", i, y[i], want[i])
		}
	}
	if x[7] != 9 {
		t.Error("hadamardBlocks changed its argument")
	}
}

func TestHalfAway(t *testing.T) {
	for _, c := range [][2]float64{{0.5, 1}, {-0.5, -1}, {1.49, 1}, {-2.5, -3}, {126.9, 127}, {0, 0}} {
		if got := halfAway(c[0]); got != c[1] {
			t.Errorf("halfAway(%v) = %v, want %v", c[0], got, c[1])
		}
	}
}
