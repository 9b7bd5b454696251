package quant

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/reference"
)

var kernels = asm.Select(^asm.Tier(0))

// dims holds head dimensions around every block, group and vector edge.
var dims = []int{1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 40, 59, 63, 64, 65, 80, 96, 111, 128, 129, 192, 256, 257, 576, 1024}

func init() {
	if raceEnabled { // ten times slower
		dims = []int{1, 3, 5, 16, 33, 65, 129, 257}
	}
}

// each runs f for every format and side.
func each(t *testing.T, f func(t *testing.T, f Format, side Side)) {
	for _, format := range Formats() {
		for _, side := range []Side{Keys, Values} {
			t.Run(fmt.Sprintf("%v/%v", format, side), func(t *testing.T) { f(t, format, side) })
		}
	}
}

// oracle is the reference's own description of a format and the static scale.
func oracle(t *testing.T, f Format) (reference.Format, float64) {
	name, static, _ := strings.Cut(f.String(), "(")
	var scale float64
	_, _ = fmt.Sscanf(static, "%g)", &scale)
	r, ok := reference.FormatByName(name)
	if !ok {
		t.Fatalf("reference has no format %q", name)
	}
	return r, scale
}

// same reports whether a and b are the same float32, any NaN being like another.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// rows is one row generator per family of data.
var rows = []struct {
	name string
	fill func(r *rand.Rand, x []float32)
}{
	{"gauss", func(r *rand.Rand, x []float32) { normal(r, x, 1) }},
	{"outlier", func(r *rand.Rand, x []float32) { normal(r, x, 1); x[r.IntN(len(x))] *= 100 }},
	{"tiny", func(r *rand.Rand, x []float32) { normal(r, x, 1e-6) }},
	{"huge", func(r *rand.Rand, x []float32) { normal(r, x, 1e37) }},
	{"large", func(r *rand.Rand, x []float32) { normal(r, x, 1e5) }},
	{"subnormal", func(r *rand.Rand, x []float32) { normal(r, x, 0x1p-140) }},
	{"smallest", func(r *rand.Rand, x []float32) {
		for c := range x {
			x[c] = float32(r.IntN(600)-300) * 0x1p-149
		}
	}},
	{"edge of f32", func(r *rand.Rand, x []float32) { normal(r, x, 0x1p-126) }},
	{"equal", func(r *rand.Rand, x []float32) {
		v := float32(r.NormFloat64())
		for c := range x {
			x[c] = v * float32(1-2*r.IntN(2))
		}
	}},
	{"ties", func(r *rand.Rand, x []float32) {
		s := float32(math.Ldexp(1, r.IntN(20)-10))
		for c := range x {
			x[c] = (float32(r.IntN(253)-127) + 0.5) * s
		}
		x[r.IntN(len(x))] = 127 * s
	}},
	{"mixed scales", func(r *rand.Rand, x []float32) {
		for c := range x {
			x[c] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(40)-20)))
		}
	}},
	{"sparse", func(r *rand.Rand, x []float32) { clear(x); x[r.IntN(len(x))] = float32(r.NormFloat64()) }},
	{"zero", func(_ *rand.Rand, x []float32) { clear(x) }},
}

func normal(r *rand.Rand, x []float32, sigma float64) {
	for c := range x {
		x[c] = float32(r.NormFloat64() * sigma)
	}
}

// fillTile quantizes 64 rows that cycle through the data families and returns them.
func fillTile(r *rand.Rand, f Format, tile []byte, side Side, d int) [][]float32 {
	xs := make([][]float32, asm.Tile)
	for t := range xs {
		xs[t] = make([]float32, d)
		rows[(t+r.IntN(2))%len(rows)].fill(r, xs[t])
		f.Quantize(kernels, tile, side, d, t, xs[t])
	}
	return xs
}

func decodeAll(f Format, tile []byte, side Side, d int) []float32 {
	y := make([]float32, asm.Tile*d)
	for t := range asm.Tile {
		f.Decode(y[t*d:], tile, side, d, t)
	}
	return y
}

// TestDecodeReference compares Decode with the reference's reading of the same bytes.
// The reference's value is an exact product in float64; rounded once to float32 it must
// equal Decode bit for bit.
func TestDecodeReference(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		ref, static := oracle(t, f)
		for _, d := range dims {
			r := rand.New(rand.NewPCG(uint64(d), 1))
			n := f.TileBytes(side, d)
			if want := ref.Bytes(reference.Side(side), d); n != want || n%64 != 0 {
				t.Fatalf("d=%d: TileBytes %d, reference %d", d, n, want)
			}
			tile := make([]byte, n)
			fillTile(r, f, tile, side, d)
			for i, got := range decodeAll(f, tile, side, d) {
				if want := ref.Decode(tile, reference.Side(side), d, i/d, i%d, static); !same(got, float32(want)) {
					t.Fatalf("d=%d t=%d c=%d: decoded %g, reference %g", d, i/d, i%d, got, want)
				}
			}
		}
	})
}

// TestDecodeAnyBytes does the same on bytes no encoder wrote. Zeros may differ in sign:
// a multiplier 0 or a negative scale is not a valid tile.
func TestDecodeAnyBytes(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		ref, static := oracle(t, f)
		for _, d := range []int{1, 6, 33, 128} {
			r := rand.New(rand.NewPCG(uint64(d), 2))
			tile := make([]byte, f.TileBytes(side, d))
			for i := range tile {
				tile[i] = byte(r.Uint32())
			}
			for i, got := range decodeAll(f, tile, side, d) {
				if want := ref.Decode(tile, reference.Side(side), d, i/d, i%d, static); got != float32(want) && !same(got, float32(want)) {
					t.Fatalf("d=%d t=%d c=%d: decoded %g, reference %g", d, i/d, i%d, got, want)
				}
			}
		}
	})
}

// counts is the numbers of tokens an expansion is tried with.
func counts(d int) []int {
	if d > 40 || raceEnabled {
		return []int{1, 4, 15, 16, 17, 33, 63, 64}
	}
	n := make([]int, asm.Tile)
	for i := range n {
		n[i] = i + 1
	}
	return n
}

// TestExpand compares both expansions with Decode, bit for bit.
func TestExpand(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		for _, d := range dims {
			r := rand.New(rand.NewPCG(uint64(d), 3))
			tile := make([]byte, f.TileBytes(side, d))
			fillTile(r, f, tile, side, d)
			x := make([]float32, d)
			normal(r, x, 1)
			x[d/2] = nan32
			f.Quantize(kernels, tile, side, d, 11, x)
			want := decodeAll(f, tile, side, d)
			before := bytes.Clone(tile)
			for _, n := range counts(d) {
				tmp := NewScratch(d)
				for i := range tmp.Scale {
					tmp.Scale[i] = -1e30
				}
				for i := range tmp.Codes {
					tmp.Codes[i] = 0xaa
				}
				size := n * d
				if side == Keys {
					size = (n + 15) / 16 * 16 * d
				}
				dst := make([]float32, size)
				f.ExpandF32(kernels, dst, tmp, tile, tile, side, d, n)
				for i := range n * d {
					at := i
					if side == Keys {
						at = (i/d/16*d+i%d)*16 + i/d%16
					}
					if !same(dst[at], want[i]) {
						t.Fatalf("d=%d n=%d t=%d c=%d: ExpandF32 %g, Decode %g", d, n, i/d, i%d, dst[at], want[i])
					}
				}
				if f, ok := f.(Int8Format); ok {
					want := want
					if r, ok := f.(RoundedInt8Format); ok {
						want = make([]float32, asm.Tile*d)
						for i := range asm.Tile {
							r.DecodeI8(want[i*d:][:d], tile, side, d, i)
						}
					}
					codes, scale := f.ExpandI8(kernels, tmp, tile, tile, side, d, n)
					if len(scale) != n {
						t.Fatalf("d=%d n=%d: %d scales", d, n, len(scale))
					}
					for i := range n * d {
						t0, c := i/d, i%d
						code := 0
						if side == Keys {
							code = int(codes[((t0/16*((d+3)/4)+c/4)*16+t0%16)*4+c%4]) - 128
						} else {
							code = int(int8(codes[(t0/4*d+c)*4+t0%4]))
						}
						if code < -127 || !same(float32(code)*scale[t0], want[i]) {
							t.Fatalf("d=%d n=%d t=%d c=%d: ExpandI8 %d·%g, decoded %g", d, n, t0, c, code, scale[t0], want[i])
						}
					}
				}
			}
			if !bytes.Equal(before, tile) {
				t.Fatalf("d=%d: expansion modified the tile", d)
			}
		}
	})
}

// TestRounded compares what integer kernels read with the reference, bit for bit, and with
// the stored values, within the bound of the format.
func TestRounded(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		rounded, ok := f.(RoundedInt8Format)
		if !ok {
			return
		}
		ref, _ := reference.FormatByName(f.String())
		nf4 := f.(nf4Format)
		for _, d := range dims {
			r := rand.New(rand.NewPCG(uint64(d), 7))
			tile := make([]byte, f.TileBytes(side, d))
			fillTile(r, f, tile, side, d)
			x := make([]float32, d)
			for row := range 8 { // blocks of very different size, scales of few bits
				normal(r, x, math.Ldexp(1, -3*row))
				for c := range min(d, 70) {
					x[c] *= float32(math.Ldexp(1, r.IntN(20)-14))
				}
				f.Quantize(kernels, tile, side, d, row, x)
			}
			x[d/2] = nan32
			f.Quantize(kernels, tile, side, d, 11, x)
			got, stored := make([]float32, d), make([]float32, d)
			for row := range asm.Tile {
				rounded.DecodeI8(got, tile, side, d, row)
				f.Decode(stored, tile, side, d, row)
				scale, codes := ref.Integers(tile, reference.Side(side), d, row)
				scaleOf := func(c int) float64 { return float64(nf4.scale.get(tile, c/nf4.block*asm.Tile+row)) }
				top := 0.0
				for c := range d {
					top = max(top, scaleOf(c))
				}
				for c, v := range got {
					if want := float32(scale * codes[c]); !same(v, want) {
						t.Fatalf("d=%d t=%d c=%d: reads %g, the reference %g", d, row, c, v, want)
					}
					if bound := (top+scaleOf(c))/250 + 0x1p-126; !(math.Abs(float64(v)-float64(stored[c])) <= bound) && stored[c] == stored[c] {
						t.Fatalf("d=%d t=%d c=%d: reads %g of %g, a scale of %g under %g", d, row, c, v, stored[c], scaleOf(c), top)
					}
				}
			}
		}
	})
}

// TestPaddingChannels checks that padding channels of K hold the code of zero, for
// integer kernels that run over them.
func TestPaddingChannels(t *testing.T) {
	for _, f := range []Format{Int8, Int8ScaleF32, NF4, NF4Block32, NF4ScaleF32, NF4Block32ScaleF32, NF4Double, Int4} {
		for _, d := range []int{1, 2, 3, 5, 33, 111} {
			tile := make([]byte, f.TileBytes(Keys, d))
			fillTile(rand.New(rand.NewPCG(1, 1)), f, tile, Keys, d)
			codes, _ := f.(Int8Format).ExpandI8(kernels, NewScratch(d), tile, tile, Keys, d, asm.Tile)
			d4 := (d + 3) / 4
			for t0 := range asm.Tile {
				for c := d; c < 4*d4; c++ {
					if got := codes[((t0/16*d4+c/4)*16+t0%16)*4+c%4]; got != 128 {
						t.Fatalf("%v d=%d: padding of token %d is %d", f, d, t0, got)
					}
				}
			}
		}
	}
}

// TestOwnBytes checks that Quantize writes token t and nothing else: other tokens keep
// their bytes even if those are garbage, the order of tokens does not matter, and a
// second write replaces the first.
func TestOwnBytes(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		for _, d := range []int{1, 3, 5, 16, 33, 65, 128, 257} {
			r := rand.New(rand.NewPCG(uint64(d), 4))
			n := f.TileBytes(side, d)
			garbage := make([]byte, n)
			for i := range garbage {
				garbage[i] = byte(r.Uint32())
			}
			x := make([]float32, d)
			for range 16 {
				t0 := r.IntN(asm.Tile)
				rows[r.IntN(len(rows))].fill(r, x)
				before := decodeAll(f, garbage, side, d)
				f.Quantize(kernels, garbage, side, d, t0, x)
				for i, got := range decodeAll(f, garbage, side, d) {
					if i/d != t0 && !same(got, before[i]) {
						t.Fatalf("d=%d: writing token %d changed token %d", d, t0, i/d)
					}
				}
			}
			a, b := make([]byte, n), make([]byte, n)
			xs := fillTile(r, f, a, side, d)
			order := r.Perm(asm.Tile)
			for _, t0 := range order {
				f.Quantize(kernels, b, side, d, t0, xs[(t0+1)%asm.Tile])
			}
			for _, t0 := range order {
				f.Quantize(kernels, b, side, d, t0, xs[t0])
			}
			if !bytes.Equal(a, b) {
				t.Fatalf("d=%d: the tile depends on the order of writes", d)
			}
		}
	})
}

func TestBits(t *testing.T) {
	want := map[string]float64{"f32": 32, "f16": 16, "bf16": 16, "int8": 8.125, "int8-s32": 8.25, "e4m3": 8.25, "e5m2": 8.25,
		"e4m3-static(1)": 8, "e5m2-static(1)": 8, "nf4": 4.25, "nf4-b32": 4.5, "nf4-s32": 4.5, "nf4-b32-s32": 5, "nf4-dq": 4.375, "int4": 4.375}
	each(t, func(t *testing.T, f Format, side Side) {
		if got := Bits(f, side, 128); got != want[f.String()] {
			t.Errorf("%g bits at d = 128, want %g", got, want[f.String()])
		}
	})
	if len(want) != len(Formats()) {
		t.Errorf("%d formats, %d known", len(Formats()), len(want))
	}
}

func TestLookup(t *testing.T) {
	names := []string{"e4m3-static(0.5)", "e5m2-static(0.001)", "e4m3-static(1e-05)", "e5m2-static(123456)", "e4m3-static(0.1)"}
	for _, f := range Formats() {
		names = append(names, f.String())
	}
	for _, name := range names {
		if f, err := Lookup(name); err != nil || f.String() != name {
			t.Errorf("Lookup(%q) = %v, %v", name, f, err)
		}
	}
	if f, _ := Lookup("e4m3-static(0.5)"); f != E4M3Static(0.5) {
		t.Error("formats are not comparable")
	}
	for _, name := range []string{"", "INT8", "int8 ", "int9", "nf4-b128", "e4m3-static", "e4m3-static(0)", "e4m3-static(-1)",
		"e4m3-static(NaN)", "e4m3-static(Inf)", "e4m3-static(+Inf)", "e4m3-static(1e39)", "e4m3-static(1)x", "e5m2-static(2) ", "e4m3-static( 1)", "e4m3-static(1"} {
		if f, err := Lookup(name); err == nil || !strings.Contains(err.Error(), "nf4-b32-s32") {
			t.Errorf("Lookup(%q) = %v, error %v", name, f, err)
		}
	}
	if Keys.String()+Values.String() != "KV" {
		t.Error("Side names")
	}
}

func TestScratch(t *testing.T) {
	for _, d := range dims {
		s := NewScratch(d)
		if len(s.Scale) != 64*((d+31)/32) || len(s.Codes) != 256*((d+3)/4) {
			t.Errorf("d=%d: scratch %d, %d", d, len(s.Scale), len(s.Codes))
		}
	}
}

// TestAllocations: no method of a format allocates.
func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	each(t, func(t *testing.T, f Format, side Side) {
		const d = 128
		tile, tmp := make([]byte, f.TileBytes(side, d)), NewScratch(d)
		x, dst := make([]float32, d), make([]float32, asm.Tile*d)
		normal(rand.New(rand.NewPCG(1, 1)), x, 1)
		if n := testing.AllocsPerRun(10, func() {
			f.Quantize(kernels, tile, side, d, 5, x)
			f.Decode(dst, tile, side, d, 5)
			f.ExpandF32(kernels, dst, tmp, tile, tile, side, d, 33)
			if f, ok := f.(Int8Format); ok {
				f.ExpandI8(kernels, tmp, tile, tile, side, d, 33)
			}
		}); n != 0 {
			t.Errorf("%g allocations", n)
		}
	})
}
