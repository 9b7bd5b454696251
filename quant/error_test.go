package quant

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qattn/qattn/asm"
)

// halfUlp is half the spacing at x of a binary float with p significant bits, smallest
// exponent spacing min.
func halfUlp(x float64, p int, min float64) float64 {
	_, e := math.Frexp(x)
	return max(math.Ldexp(1, e-p), min) / 2
}

// bound returns what x may differ by from its stored value, given the stored scale and
// the scale the definition asks for; saturated values are compared with the limit.
func bound(f Format, tile []byte, side Side, d, t, c int, row []float32) (limit, half float64) {
	x := math.Abs(float64(row[c]))
	limit = math.Inf(1)
	name, _, _ := strings.Cut(f.String(), "-")
	scaled := func(kind scaleKind, i int, levels float64) float64 {
		s := float64(kind.get(tile, i))
		limit = levels * s
		if kind == scaleF32 || s < 65504 {
			limit = math.Inf(1) // only a scale at the end of its range saturates
		}
		return s
	}
	const eps = 0x1p-22 // roundings of x/scale and of scale·code
	switch f := f.(type) {
	case f32Format:
		return limit, 0
	case f16Format:
		return 65504, halfUlp(x, 11, 0x1p-24)
	case bf16Format:
		return limit, halfUlp(x, 8, 0x1p-133)
	case int8Format:
		s := scaled(f.scale, t, 127)
		return limit, s/2 + eps*x
	case int4Format:
		// The squared error of the group is at most that of the covering multiplier, half a
		// step for each of its 32 channels; all of it may be this one's.
		s := scaled(scaleF16, t, 120)
		var top float64
		for _, v := range row[c/32*32 : min(c/32*32+32, len(row))] {
			top = max(top, math.Abs(float64(v)))
		}
		if s == 0 {
			return limit, x
		}
		step := s * min(max(math.Ceil(top/(8*s)*(1-eps)), 1), 15)
		return limit, step/2*math.Sqrt(32) + eps*x
	case nf4DoubleFormat:
		// As for int4: what the covering multiplier may err by in 16 codes. A code is within
		// half a gap of the levels, and a rounding more, of the row's int8 code.
		s := scaled(scaleF16, t, 127)
		var top float64
		for _, v := range row[c/16*16 : min(c/16*16+16, len(row))] {
			top = max(top, math.Abs(float64(v)))
		}
		if s == 0 {
			return limit, x
		}
		step := min(math.Ceil(top/s)+8, 127) * 39 / 127 // the widest gap is 39 of 127
		return limit, s*((step/2+1)*4+0.5) + eps*x
	case nf4Format:
		s := scaled(f.scale, c/f.block*asm.Tile+t, 1)
		nearest := math.Inf(1)
		for _, level := range nf4Levels {
			nearest = min(nearest, math.Abs(float64(row[c])-s*float64(level)))
		}
		return limit, nearest + eps*x + eps*s
	case fp8Format:
		s := float64(f.static)
		if s == 0 {
			s = scaled(scaleF32, t, float64(f.kind.max))
		} else {
			limit = s * float64(f.kind.max)
		}
		if name == "e4m3" {
			return limit, s*halfUlp(x/s, 4, 0x1p-9) + eps*x
		}
		return limit, s*halfUlp(x/s, 3, 0x1p-16) + eps*x
	}
	panic(f.String())
}

// TestErrorBound: every element is stored to within half a step of its format; scales
// are no larger than rounding the definition up to the next stored number.
func TestErrorBound(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		for _, family := range rows {
			for _, d := range dims {
				r := rand.New(rand.NewPCG(uint64(d), 5))
				tile := make([]byte, f.TileBytes(side, d))
				x, y := make([]float32, d), make([]float32, d)
				for t0 := range 8 {
					family.fill(r, x)
					if !f.Quantize(kernels, tile, side, d, t0, x) {
						t.Fatalf("%s: finite row reported as not finite", family.name)
					}
					f.Decode(y, tile, side, d, t0)
					for c, v := range x {
						limit, half := bound(f, tile, side, d, t0, c, x)
						want := min(max(float64(v), -limit), limit)
						if err := math.Abs(float64(y[c]) - want); !(err <= half+0x1p-149) {
							t.Fatalf("%s d=%d c=%d: %g stored as %g, error %g > %g", family.name, d, c, v, y[c], err, half)
						}
					}
				}
			}
		}
	})
}

// TestScaleTight: a scale is the definition's, within one step of its stored type, so
// that the bound above is not met by a coarse scale.
func TestScaleTight(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		kind, levels, block, groups := scaleF16, 127.0, 1024, 1
		switch f := f.(type) {
		case int8Format:
			kind = f.scale
		case nf4DoubleFormat: // the scale of the token
		case int4Format:
			levels = 120
		case nf4Format:
			kind, levels, block, groups = f.scale, 1, f.block, 128/f.block
		case fp8Format:
			if f.static != 0 {
				t.Skip("no stored scale")
			}
			kind, levels = scaleF32, float64(f.kind.max)
		default:
			t.Skip("no scale")
		}
		const d = 128
		r := rand.New(rand.NewPCG(7, 7))
		tile, x := make([]byte, f.TileBytes(side, d)), make([]float32, d)
		for i := range 50 * len(rows) {
			rows[i%len(rows)].fill(r, x)
			f.Quantize(kernels, tile, side, d, 9, x)
			for g := range groups {
				part := x[g*min(block, d) : min((g+1)*block, d)]
				want := float64(kernels.AbsMax(part)) / levels
				got := float64(kind.get(tile, g*asm.Tile+9))
				step := 2 * halfUlp(want, 24, 0x1p-149)
				if kind == scaleF16 {
					want = min(want, 65504)
					step = 2 * halfUlp(want, 11, 0x1p-24)
				}
				if math.Abs(got-want) > step || got == 0 && want > 0 {
					t.Fatalf("%s: scale %g, want %g", rows[i%len(rows)].name, got, want)
				}
			}
		}
	})
}

// TestIdempotent: storing what was read back gives the same bytes. Two formats promise
// less. With a binary32 scale s, 127·s and 448·s round, so max|x|/127 may come back one
// step away: codes are equal and values within 2⁻²². A row of int4 or of doubly
// quantized NF4 may have been clipped, then its maximum and with it all steps shrink: they make no such promise. Below max|x| = 2⁻⁹ (NF4:
// 2⁻²³) a binary16 scale has so few bits that the largest code need not be reached.
func TestIdempotent(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		if f == Int4 || f == NF4Double {
			t.Skip("clipping may shrink the scale")
		}
		r := rand.New(rand.NewPCG(3, 9))
		for _, d := range []int{1, 5, 32, 64, 100, 128} {
			a, b := make([]byte, f.TileBytes(side, d)), make([]byte, f.TileBytes(side, d))
			x, y, z := make([]float32, d), make([]float32, d), make([]float32, d)
			for i := range 400 {
				t0 := i % asm.Tile
				family := rows[i%len(rows)]
				family.fill(r, x)
				f.Quantize(kernels, a, side, d, t0, x)
				f.Decode(y, a, side, d, t0)
				coarse := scaledDown(f, kernels.AbsMax(x))
				f.Quantize(kernels, b, side, d, t0, y)
				f.Decode(z, b, side, d, t0)
				if coarse {
					copy(b, a)
					continue
				}
				if strings.HasSuffix(f.String(), "-s32") || f == E4M3 || f == E5M2 {
					for c := range y {
						if math.Abs(float64(y[c]-z[c])) > 0x1p-22*math.Abs(float64(y[c])) {
							t.Fatalf("%s d=%d: %g became %g", family.name, d, y[c], z[c])
						}
					}
					copy(b[:codesOffset(f, d)], a[:codesOffset(f, d)])
				}
				if !bytes.Equal(a, b) {
					t.Fatalf("%s d=%d: encode(decode(encode(x))) differs from encode(x)", family.name, d)
				}
			}
		}
	})
}

// scaledDown reports whether a row is so small that its scale has few bits.
func scaledDown(f Format, amax float32) bool {
	switch f := f.(type) {
	case int8Format:
		if f.scale == scaleF32 {
			return amax < 0x1p-100
		}
		return amax < 0x1p-9
	case int4Format, nf4DoubleFormat:
		return amax < 0x1p-9
	case nf4Format:
		return amax < 0x1p-23
	case fp8Format:
		return amax < 0x1p-100
	}
	return false
}

// codesOffset is where the scales of a format end.
func codesOffset(f Format, d int) int {
	switch f := f.(type) {
	case int8Format:
		return f.scale.bytes(asm.Tile)
	case nf4Format:
		return f.codesAt(d)
	case fp8Format:
		return f.codesAt()
	}
	return 0
}

// TestZeroRow: a zero row reads back as zero, whatever was there.
func TestZeroRow(t *testing.T) {
	each(t, func(t *testing.T, f Format, side Side) {
		for _, d := range dims {
			tile := bytes.Repeat([]byte{0xff}, f.TileBytes(side, d))
			y := make([]float32, d)
			if !f.Quantize(kernels, tile, side, d, 17, make([]float32, d)) {
				t.Fatal("zero row is not finite")
			}
			f.Decode(y, tile, side, d, 17)
			for c, v := range y {
				if math.Float32bits(v) != 0 {
					t.Fatalf("d=%d c=%d: %g", d, c, v)
				}
			}
		}
	})
}

// TestNotFinite: a row with a NaN or an infinity is reported; scaled formats store the
// whole token as NaN, the others keep the element.
func TestNotFinite(t *testing.T) {
	inf := float32(math.Inf(1))
	each(t, func(t *testing.T, f Format, side Side) {
		for _, d := range []int{1, 5, 64, 129} {
			for _, bad := range []float32{nan32, float32(math.Copysign(float64(nan32), -1)), math.Float32frombits(0x7f800001), inf, -inf} {
				tile := make([]byte, f.TileBytes(side, d))
				x, y := make([]float32, d), make([]float32, d)
				normal(rand.New(rand.NewPCG(1, 2)), x, 1)
				c0 := d - 1
				x[c0] = bad
				if f.Quantize(kernels, tile, side, d, 30, x) {
					t.Fatalf("row with %g reported finite", bad)
				}
				f.Decode(y, tile, side, d, 30)
				fp, static := f.(fp8Format)
				static = static && fp.static != 0
				for c, got := range y {
					switch {
					case static && c == c0 && bad == bad:
						if want := fp.kind.max * float32(math.Copysign(1, float64(bad))); got != want {
							t.Fatalf("%g stored as %g, want %g", bad, got, want)
						}
					case f == F32 || f == F16 || f == BF16 || static:
						if c == c0 && !same(got, bad) || c != c0 && got != got {
							t.Fatalf("row with %g: c=%d reads %g", bad, c, got)
						}
					case got == got:
						t.Fatalf("row with %g: c=%d reads %g, want NaN", bad, c, got)
					}
				}
			}
		}
	})
}

// exact returns the value of a bit pattern of a binary float in float64, NaN patterns
// and infinities included.
func exact(h uint32, e, m int) float64 {
	sign, exp, man := 1-2*float64(h>>(e+m)), int(h>>m)&(1<<e-1), float64(h&(1<<m-1))
	bias := 1<<(e-1) - 1
	switch {
	case exp == 1<<e-1 && man != 0:
		return math.NaN()
	case exp == 1<<e-1:
		return sign * math.Inf(1)
	case exp == 0:
		return sign * math.Ldexp(man, 1-bias-m)
	}
	return sign * math.Ldexp(man+math.Ldexp(1, m), exp-bias-m)
}

// stored16 returns the code a format stores for a number: in one channel of a row of them,
// each channel in turn. Channel c of a key lies at byte at(c).
func stored16(f Format, at func(c int) int) func(float32) uint16 {
	const d = 19 // two vectors and a rest
	ks, x, tile := asm.Select(asm.Available()), make([]float32, d), make([]byte, f.TileBytes(Keys, d))
	c := 0
	return func(v float32) uint16 {
		for i := range x {
			x[i] = v
		}
		f.Quantize(ks, tile, Keys, d, 0, x)
		c = (c + 1) % d
		return binary.LittleEndian.Uint16(tile[at(c):])
	}
}

// TestConvert16 checks both 16-bit types over all patterns: every value survives, the
// midpoint of neighbours goes to the even one, the float32 next to it to the nearer.
func TestConvert16(t *testing.T) {
	for _, k := range []struct {
		name string
		e, m int
		to   func(float32) uint16
		from func(uint16) float32
	}{
		{"f16", 5, 10, toF16, fromF16},
		{"f16 tile", 5, 10, stored16(F16, func(c int) int { return 32 * c }), fromF16},
		{"bf16", 8, 7, stored16(BF16, func(c int) int { return c/2*64 + c%2*2 }), func(h uint16) float32 {
			var b [2]byte
			binary.LittleEndian.PutUint16(b[:], h)
			var y [1]float32
			BF16.Decode(y[:], append(b[:], make([]byte, 126)...), Values, 1, 0)
			return y[0]
		}},
	} {
		inf := uint16(1<<k.e-1) << k.m
		for i := range 1 << 16 {
			h := uint16(i)
			x, want := k.from(h), exact(uint32(h), k.e, k.m)
			if !same(x, float32(want)) {
				t.Fatalf("%s %#04x widens to %g, want %g", k.name, h, x, want)
			}
			back := k.to(x)
			if x != x {
				if back&0x7fff <= inf {
					t.Fatalf("%s: NaN %#04x became %#04x", k.name, h, back)
				}
				continue
			}
			if back != h {
				t.Fatalf("%s: %#04x became %#04x", k.name, h, back)
			}
			if h&0x7fff >= inf {
				continue
			}
			next := exact(uint32(h+1), k.e, k.m)
			over := (h+1)&0x7fff == inf
			if over { // halfway to what would follow the largest number
				next = 2*want - exact(uint32(h-1), k.e, k.m)
			}
			mid := float32((want + next) / 2)
			even := h + h&1
			up := h + 1
			if over {
				even, up = h, h
			}
			for _, c := range []struct {
				x    float32
				want uint16
			}{{mid, even}, {math.Nextafter32(mid, float32(want)), h}, {math.Nextafter32(mid, float32(math.Copysign(math.Inf(1), want))), up}} {
				if h&0x7fff == 0 && c.want == 0 && h != 0 {
					c.want = h // −0
				}
				if got := k.to(c.x); got != c.want {
					t.Fatalf("%s: %g became %#04x, want %#04x", k.name, c.x, got, c.want)
				}
			}
		}
		for sign, x := range []float32{math.MaxFloat32, -math.MaxFloat32} {
			if got := k.to(x); got != uint16(sign)<<15|(inf-1) {
				t.Errorf("%s: %g became %#04x, want the largest number", k.name, x, got)
			}
		}
	}
}
