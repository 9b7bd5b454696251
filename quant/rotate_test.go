package quant

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qattn/qattn/reference"
)

// TestHadamard compares the rotation with the float64 matrix, and checks that it keeps
// lengths and undoes itself.
func TestHadamard(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, d := range append(dims, 6, 12, 24, 72, 100, 112, 160, 255, 511, 512, 1000, 1023) {
		x := make([]float32, d)
		normal(r, x, 1)
		x[r.IntN(d)] = 30
		exact := make([]float64, d)
		var norm float64
		for i, v := range x {
			exact[i] = float64(v)
			norm += exact[i] * exact[i]
		}
		want := reference.Hadamard(exact)
		y := append([]float32{}, x...)
		Hadamard(kernels, y)
		tol := 12 * 0x1p-24 * math.Sqrt(norm)
		var length float64
		for i := range y {
			length += float64(y[i]) * float64(y[i])
			if math.Abs(float64(y[i])-want[i]) > tol {
				t.Fatalf("d=%d: element %d = %g, want %g", d, i, y[i], want[i])
			}
		}
		if math.Abs(length/norm-1) > 1e-5 {
			t.Errorf("d=%d: length² %g, was %g", d, length, norm)
		}
		Hadamard(kernels, y)
		for i := range y {
			if math.Abs(float64(y[i]-x[i])) > 2*tol {
				t.Fatalf("d=%d: applied twice, element %d = %g, was %g", d, i, y[i], x[i])
			}
		}
	}
	Hadamard(kernels, nil)
}

// TestHadamardMatrix rotates the unit vectors of small sizes: ±1/√n, orthonormal.
func TestHadamardMatrix(t *testing.T) {
	for _, d := range []int{1, 2, 4, 8, 16, 64} {
		m := make([][]float32, d)
		for i := range m {
			m[i] = make([]float32, d)
			m[i][i] = 1
			Hadamard(kernels, m[i])
			for j, v := range m[i] {
				if math.Abs(float64(v)) != float64(float32(1/math.Sqrt(float64(d)))) {
					t.Fatalf("d=%d: entry %d,%d = %g", d, i, j, v)
				}
			}
		}
		for i := range m {
			for j := range m {
				var dot float64
				for c := range d {
					dot += float64(m[i][c]) * float64(m[j][c])
				}
				if want := map[bool]float64{true: 1}[i == j]; math.Abs(dot-want) > 1e-6 {
					t.Fatalf("d=%d: rows %d·%d = %g", d, i, j, dot)
				}
			}
		}
	}
}

func TestCentre(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, d := range dims {
		n := CenterBytes(d)
		if n%64 != 0 || n < 2*d || n >= 2*d+64 {
			t.Errorf("CenterBytes(%d) = %d", d, n)
		}
		sum := make([]float64, d)
		for c := range sum {
			sum[c] = r.NormFloat64() * 100
		}
		sum[0] = 1e9
		if d > 4 {
			sum[1], sum[2], sum[3] = math.NaN(), math.Inf(-1), 1e300
		}
		b := bytes.Repeat([]byte{0xff}, n+3)
		PutCenter(b, sum, 7)
		mu := make([]float32, d)
		LoadCenter(kernels, mu, b[:n])
		for c, s := range sum {
			want := float32(0)
			if mean := float32(s / 7); mean-mean == 0 {
				want = fromF16(toF16(mean))
			}
			if mu[c] != want || math.Abs(float64(want)) > 65504 {
				t.Errorf("d=%d: centre of %g is %g, want %g", d, s/7, mu[c], want)
			}
		}
		if bytes.Count(b[2*d:n], []byte{0}) != n-2*d || bytes.Count(b[n:], []byte{0xff}) != 3 {
			t.Errorf("d=%d: padding not zero or bytes beyond the centre written", d)
		}
		PutCenter(b, sum, 0)
		if bytes.Count(b[:n], []byte{0}) != n {
			t.Errorf("d=%d: centre of no tokens is not zero", d)
		}
	}
}

func TestF16Rows(t *testing.T) {
	x := []float32{0, float32(math.Copysign(0, -1)), 1, -65504, 70000, -1e30, 0x1p-24, 0x1p-26, 1 + 0x1p-11, float32(math.Inf(1)), nan32}
	want := []float32{0, float32(math.Copysign(0, -1)), 1, -65504, 65504, -65504, 0x1p-24, 0, 1, float32(math.Inf(1)), nan32}
	b := bytes.Repeat([]byte{0xee}, 2*len(x)+1)
	PutF16(b, x)
	y := make([]float32, len(x))
	GetF16(kernels, y, b[:2*len(x)])
	for i := range x {
		if !same(y[i], want[i]) {
			t.Errorf("%g came back as %g, want %g", x[i], y[i], want[i])
		}
	}
	if b[2*len(x)] != 0xee || binary.LittleEndian.Uint16(b[4:]) != 0x3c00 {
		t.Error("layout of a binary16 row")
	}
}
