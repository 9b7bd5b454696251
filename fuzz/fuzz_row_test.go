package fuzz

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/reference"
)

// FuzzFormatRow stores a row in any format and checks the contract of quant.Format: the
// row reads back as the reference decodes it, within half a step; expansion equals
// decoding; other tokens keep their bytes; encoding what was decoded changes nothing.
func FuzzFormatRow(f *testing.F) {
	for i := range uint8(14) {
		f.Add(i, i%2 == 0, uint8(1+i*5), i*4, i*9, uint8(3), uint64(i), []byte{0, 0, 0x80, 0x7f})
		f.Add(i, i%2 == 1, uint8(79), i*4+1, i, i*7, uint64(i), []byte(nil))
	}
	formats := quant.Formats()
	ks := asm.Select(asm.Available())
	const maxD = 80
	tile := make([]byte, 4*64*maxD+4096)
	tmp := quant.NewScratch(maxD)
	wide := make([]float32, 64*maxD)
	var x, y, got, again [maxD]float32
	var refs []reference.Format
	for _, f := range formats {
		name, _, _ := strings.Cut(f.String(), "(")
		r, ok := reference.FormatByName(name)
		if !ok {
			panic(name)
		}
		refs = append(refs, r)
	}
	f.Fuzz(func(t *testing.T, format uint8, keys bool, dim, token, other, exponent uint8, seed uint64, raw []byte) {
		index := int(format) % len(formats)
		f, side, d, at, at2 := formats[index], quant.Values, 1+int(dim)%maxD, int(token%64), int(other%64)
		if keys {
			side = quant.Keys
		}
		r := rand.NewPCG(seed, 0)
		scale := math.Float32frombits(uint32(exponent) << 23 & 0x7f800000)
		for i := range d {
			x[i] = (float32(r.Uint64()>>40) - 1<<23) * 0x1p-23 * scale
			y[i] = float32(r.Uint64()>>40) - 1<<23
		}
		overlay(raw, x[:d])
		x, y, got, again := x[:d], y[:d], got[:d], again[:d]
		tile := tile[:f.TileBytes(side, d)]
		fill(tile, byte(seed))
		if at2 != at {
			f.Quantize(ks, tile, side, d, at2, y)
			f.Decode(again, tile, side, d, at2)
			copy(y, again)
		}
		finite := f.Quantize(ks, tile, side, d, at, x)
		clean := true
		for _, v := range x {
			clean = clean && v-v == 0
		}
		if finite != clean {
			t.Fatalf("%v reports finite = %v for %v", f, finite, x)
		}
		if at2 != at {
			f.Decode(again, tile, side, d, at2)
			if !sameBits(y, again) {
				t.Fatalf("%v: storing token %d changed token %d from %v to %v", f, at, at2, y, again)
			}
		}
		f.Decode(got, tile, side, d, at)
		for c := range got {
			want := float32(refs[index].Decode(tile, reference.Side(side), d, at, c, 1))
			if got[c] != want && (got[c] == got[c] || want == want) {
				t.Fatalf("%v: channel %d decodes to %v, the reference says %v", f, c, got[c], want)
			}
		}
		n := at + 1 + int(seed%uint64(64-at))
		f.ExpandF32(ks, wide, tmp, tile, tile, side, d, n)
		for c := range got {
			v := wide[at*d+c]
			if keys {
				v = wide[(at/16*d+c)*16+at%16]
			}
			if v != got[c] && (v == v || got[c] == got[c]) {
				t.Fatalf("%v: channel %d expands to %v, decodes to %v", f, c, v, got[c])
			}
		}
		if i, ok := f.(quant.Int8Format); ok {
			codes, scales := i.ExpandI8(ks, tmp, tile, tile, side, d, n)
			reads := got
			if refs[index].Integers != nil {
				scale, codes := refs[index].Integers(tile, reference.Side(side), d, at)
				reads = make([]float32, d)
				for c, q := range codes {
					reads[c] = float32(scale * q)
				}
			}
			for c, got := range reads {
				code := int8(0)
				if keys {
					code = int8(codes[((at/16*((d+3)/4)+c/4)*16+at%16)*4+c%4] - 128)
				} else {
					code = int8(codes[(at/4*d+c)*4+at%4])
				}
				if v := float32(code) * scales[at]; code == -128 || v != got && (v == v || got == got) {
					t.Fatalf("%v: code %d·%v of channel %d, the reference reads %v", f, code, scales[at], c, got)
				}
			}
		}
		if !clean {
			checkDirtyRow(t, f.String(), x, got)
			return
		}
		checkRow(t, f.String(), x, got)
		copy(y, got)
		f.Quantize(ks, tile, side, d, at, y)
		f.Decode(again, tile, side, d, at)
		checkIdempotent(t, f.String(), x, got, again)
	})
}

// checkDirtyRow: a row with a NaN or an infinity is NaN throughout in formats with stored
// scales; the others keep element by element.
func checkDirtyRow(t *testing.T, name string, x, got []float32) {
	t.Helper()
	unscaled := name == "f32" || name == "f16" || name == "bf16"
	for c, v := range x {
		g := got[c]
		switch {
		case strings.Contains(name, "static"):
			if v != v && g == g {
				t.Fatalf("%s: channel %d is NaN, reads %v", name, c, g)
			}
		case unscaled:
			if v-v != 0 && !(g == v || g != g && v != v) || v-v == 0 && g-g != 0 {
				t.Fatalf("%s: channel %d is %v, reads %v", name, c, v, g)
			}
		case g == g:
			t.Fatalf("%s: channel %d of a row that is not finite reads %v", name, c, g)
		}
	}
}

// checkRow holds every element to half a step of its format, clipping where the scale
// cannot represent the row.
func checkRow(t *testing.T, name string, x, got []float32) {
	t.Helper()
	amax := 0.0
	for _, v := range x {
		amax = max(amax, math.Abs(float64(v)))
	}
	for c := range x {
		v, e := float64(x[c]), math.Abs(float64(x[c])-float64(got[c]))
		if tol := halfStep(name, v, amax); !(e <= tol) {
			t.Fatalf("%s: %v in a row of maximum %v reads %v, error %v, want at most %v", name, x[c], amax, got[c], e, tol)
		}
	}
}

// checkIdempotent: storing decoded values gives them again, bit for bit where the scale
// reproduces itself; int4 and nf4-dq promise nothing, and scales of few bits may shrink once more.
func checkIdempotent(t *testing.T, name string, x, once, twice []float32) {
	t.Helper()
	amax := 0.0
	for _, v := range x {
		amax = max(amax, math.Abs(float64(v)))
	}
	for c := range once {
		a, b := float64(once[c]), float64(twice[c])
		tol := 0.0
		switch {
		case name == "int4" || name == "nf4-dq":
			continue // clipping may shrink the scale, and with it every step
		case strings.HasPrefix(name, "nf4") && !strings.HasSuffix(name, "s32") && math.Abs(a) < 0x1p-14:
			tol = 0x1p-20 // perhaps a block with a subnormal scale
		case amax < 0x1p-6:
			tol = amax/64 + 0x1p-24 // scales of few bits
		case strings.HasSuffix(name, "s32"), name == "e4m3", name == "e5m2":
			tol = math.Abs(a) * 0x1p-22
		}
		if !(math.Abs(a-b) <= tol) {
			t.Fatalf("%s: %v stores as %v, then as %v (row maximum %v)", name, x[c], a, b, amax)
		}
	}
}
