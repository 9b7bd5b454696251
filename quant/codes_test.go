package quant

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/fp8"
)

// TestNF4Table compares code book and thresholds with the published ones.
func TestNF4Table(t *testing.T) {
	b, err := os.ReadFile("testdata/nf4.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct {
		Levels     []string `json:"f32_bits"`
		Thresholds []string `json:"thresholds_cuda_kernel_f32_bits"`
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	check := func(name string, got []float32, want []string) {
		if len(got) != len(want) {
			t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
		}
		for i, s := range want {
			if bits, err := strconv.ParseUint(s, 0, 32); err != nil || uint32(bits) != math.Float32bits(got[i]) {
				t.Errorf("%s[%d] = %#08x, want %s", name, i, math.Float32bits(got[i]), s)
			}
		}
	}
	check("levels", nf4Levels[:], table.Levels)
	check("thresholds", nf4Thresholds[:], table.Thresholds)
}

// sets are the kernels of this machine and the pure-Go ones.
func sets() []*asm.Set { return []*asm.Set{asm.Select(asm.Available()), asm.Select(asm.Generic)} }

// TestNF4Code compares the codes of the kernels with the definition, #{t : x > t}.
func TestNF4Code(t *testing.T) {
	count := func(x float32) (n byte) {
		for _, t := range nf4Thresholds {
			if x > t {
				n++
			}
		}
		return n
	}
	var x []float32
	inf := float32(math.Inf(1))
	for _, v := range append(nf4Thresholds[:], nf4Levels[:]...) {
		x = append(x, v, math.Nextafter32(v, inf), math.Nextafter32(v, -inf))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100000 {
		x = append(x, 2*r.Float32()-1)
	}
	for _, ks := range sets() {
		codes := make([]byte, 4*len(x))
		ks.Enc4V(codes, x, &nf4Thresholds, 1, false)
		for i, v := range x {
			if got := codes[4*i]; got != count(v) {
				t.Fatalf("%s: code of %g = %d, want %d", ks.Name("Enc4V"), v, got, count(v))
			}
		}
		ks.Enc4V(codes, nf4Levels[:], &nf4Thresholds, 1, false)
		for code := range nf4Levels {
			if codes[4*code] != byte(code) {
				t.Errorf("%s: level %d has code %d", ks.Name("Enc4V"), code, codes[4*code])
			}
		}
	}
}

// TestFP8Exhaustive compares the encoders at scale 1 with package fp8 over all float32
// patterns, every 4093rd one unless QATTN_EXHAUSTIVE is set.
func TestFP8Exhaustive(t *testing.T) {
	step := uint64(4093)
	if os.Getenv("QATTN_EXHAUSTIVE") != "" {
		step = 1
	}
	for _, ks := range sets() {
		for _, e := range []struct {
			name string
			row  encodeFP8
			one  func(float32) byte
		}{
			{ks.Name("EncE4M3"), ks.EncE4M3, func(x float32) byte { return byte(fp8.E4M3FromFloat32(x)) }},
			{ks.Name("EncE5M2"), ks.EncE5M2, func(x float32) byte { return byte(fp8.E5M2FromFloat32(x)) }},
		} {
			x, codes := make([]float32, 1<<14), make([]byte, 1<<14)
			for at := uint64(0); at < 1<<32; at += step * uint64(len(x)) {
				for i := range x {
					x[i] = math.Float32frombits(uint32(at + step*uint64(i)))
				}
				e.row(codes, x, 1, 4)
				for i, got := range codes {
					if want := e.one(x[i]); got != want {
						t.Fatalf("%s: code of %g (%#08x) = %#02x, want %#02x", e.name, x[i], math.Float32bits(x[i]), got, want)
					}
				}
			}
		}
	}
}

// TestNF4Anchor holds the error of N(0,1) data to what bitsandbytes' own test expects
// of its NF4 (mean and standard deviation over 2²⁰ samples; 7 σ).
func TestNF4Anchor(t *testing.T) {
	for _, c := range []struct {
		f           Format
		mean, sigma float64
	}{{NF4Block32ScaleF32, 0.067746, 6.9e-05}, {NF4ScaleF32, 0.072798, 7.4e-05}} {
		const d = 1024
		r := rand.New(rand.NewPCG(2, 5))
		tile := make([]byte, c.f.TileBytes(Values, d))
		x, y := make([]float32, d), make([]float32, d)
		var sum float64
		for i := range 1024 {
			normal(r, x, 1)
			c.f.Quantize(kernels, tile, Values, d, i%asm.Tile, x)
			c.f.Decode(y, tile, Values, d, i%asm.Tile)
			for c := range x {
				sum += math.Abs(float64(x[c] - y[c]))
			}
		}
		if got := sum / (1 << 20); math.Abs(got-c.mean) > 7*c.sigma {
			t.Errorf("%v: mean error %.6f, want %.6f ± %.6f", c.f, got, c.mean, 7*c.sigma)
		}
	}
}

// TestInt4Codes: multipliers are 1..15 of either sign, and all are used.
func TestInt4Codes(t *testing.T) {
	seen := map[int8]bool{}
	for _, side := range []Side{Keys, Values} {
		for _, d := range []int{1, 32, 33, 128, 1000} {
			tile := bytes.Repeat([]byte{0xff}, Int4.TileBytes(side, d))
			fillTile(rand.New(rand.NewPCG(uint64(d), 1)), Int4, tile, side, d)
			x := make([]float32, d)
			x[0] = nan32
			Int4.Quantize(kernels, tile, side, d, 3, x)
			for t0 := range asm.Tile {
				for c := range d {
					mult := int8(tile[128+c/32*asm.Tile+t0])
					code := int(getNibble(tile[int4Format{}.codesAt(d):], side, d, t0, c)) - 8
					seen[mult] = true
					if mult == 0 || mult < -15 || mult > 15 {
						t.Fatalf("d=%d t=%d c=%d: multiplier %d, code %d", d, t0, c, mult, code)
					}
				}
			}
		}
	}
	if !seen[1] || !seen[-15] || len(seen) < 15 {
		t.Errorf("multipliers seen: %v", seen)
	}
}

// TestInt4Multiplier: the multiplier is the one of least squared error among the smallest
// that covers the group and the four below it, and the largest element meets the code −8.
func TestInt4Multiplier(t *testing.T) {
	const d = 64
	tile := make([]byte, Int4.TileBytes(Values, d))
	x, y := make([]float32, d), make([]float32, d)
	for top := 1; top <= 120; top++ { // scale 1
		clear(x)
		x[0], x[40], x[41] = 120, -float32(top), 0.4
		Int4.Quantize(kernels, tile, Values, d, 0, x)
		covers := (top + 7) / 8
		squared := func(mult int) (e float64) {
			for _, v := range x[32:] {
				q := math.RoundToEven(min(max(float64(v)/float64(mult), -8), 7))
				e += (float64(v) - q*float64(mult)) * (float64(v) - q*float64(mult))
			}
			return e
		}
		want := covers
		for k := covers - 1; k >= max(1, covers-4); k-- {
			if squared(k) < squared(want) {
				want = k
			}
		}
		if int8(tile[128]) != -15 || int(int8(tile[128+64])) != want {
			t.Errorf("group maximum %d: multipliers %d and %d, want −15 and %d", top, int8(tile[128]), int8(tile[128+64]), want)
		}
		if Int4.Decode(y, tile, Values, d, 0); y[0] != 120 {
			t.Errorf("120 reads back as %g", y[0])
		}
	}
}
