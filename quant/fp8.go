package quant

import (
	"fmt"
	"math"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/fp8"
)

// E4M3 and E5M2 store OCP 8-bit floats with one float32 scale per token and head,
// max|x|/448 or max|x|/57344: code = RNE(x/scale). A row with a NaN or an infinity
// gets scale NaN and reads back as NaN.
var (
	E4M3 Format = fp8Format{kind: &e4m3, dynamic: true}
	E5M2 Format = fp8Format{kind: &e5m2, dynamic: true}
)

// E4M3Static and E5M2Static use one scale for every token, kept with the plan and
// not in the pages: code = saturate(x/scale). NaN elements stay NaN, infinities and
// values out of range saturate. scale must be positive and less than 2¹²⁰.
func E4M3Static(scale float32) Format { return fp8Format{kind: &e4m3, static: scale} }

// E5M2Static is E4M3Static for E5M2.
func E5M2Static(scale float32) Format { return fp8Format{kind: &e5m2, static: scale} }

// fp8Kind is one of the two encodings.
type fp8Kind struct {
	name   string
	max    float32
	values [256]float32
	table  asm.FP8Table                           // the same as bfloat16
	encode func(ks *asm.Set) encodeFP8            // the kernel
	expand func(ks *asm.Set, side Side) expandFP8 // the kernel of a side
}

type (
	encodeFP8 = func(dst []byte, x []float32, scale float32, stride int)
	expandFP8 = func(dst []float32, codes []byte, scale []float32, n, d int, next []byte)
)

var (
	e4m3 = fp8Kind{
		name:   "e4m3",
		max:    448,
		values: decodeTable(func(b byte) float32 { return fp8.E4M3(b).Float32() }),
		table:  pairTable(func(b byte) float32 { return fp8.E4M3(b).Float32() }),
		encode: func(ks *asm.Set) encodeFP8 { return encodeFP8(ks.EncE4M3) },
		expand: func(ks *asm.Set, side Side) expandFP8 {
			return [...]expandFP8{Keys: expandFP8(ks.DecE4M3K), Values: expandFP8(ks.DecE4M3V)}[side]
		},
	}
	e5m2 = fp8Kind{
		name:   "e5m2",
		max:    57344,
		values: decodeTable(func(b byte) float32 { return fp8.E5M2(b).Float32() }),
		table:  pairTable(func(b byte) float32 { return fp8.E5M2(b).Float32() }),
		encode: func(ks *asm.Set) encodeFP8 { return encodeFP8(ks.EncE5M2) },
		expand: func(ks *asm.Set, side Side) expandFP8 {
			return [...]expandFP8{Keys: expandFP8(ks.DecE5M2K), Values: expandFP8(ks.DecE5M2V)}[side]
		},
	}
)

func decodeTable(decode func(byte) float32) (t [256]float32) {
	for i := range t {
		t[i] = decode(byte(i))
	}
	return t
}

func pairTable(decode func(byte) float32) (t asm.FP8Table) {
	for i := range t.Lo {
		b := math.Float32bits(decode(byte(i)))
		t.Lo[i], t.Hi[i] = byte(b>>16), byte(b>>24)
	}
	return t
}

type fp8Format struct {
	kind    *fp8Kind
	dynamic bool    // a scale per token is stored with the tile
	static  float32 // the scale otherwise
}

func (f fp8Format) String() string {
	if !f.dynamic {
		return fmt.Sprintf("%s-static(%g)", f.kind.name, f.static)
	}
	return f.kind.name
}

// Check reports a static scale that is not positive or at least 2¹²⁰. Plans call it on every
// format that has it.
func (f fp8Format) Check() error {
	if !f.dynamic && !(f.static > 0 && f.static < 0x1p120) {
		return fmt.Errorf("quant: static scale %v of %s, want a positive one below 2^120", f.static, f.kind.name)
	}
	return nil
}

// codesAt is the offset of the codes.
func (f fp8Format) codesAt() int {
	if !f.dynamic {
		return 0
	}
	return scaleF32.bytes(asm.Tile)
}

func (f fp8Format) TileBytes(side Side, d int) int {
	return f.codesAt() + asm.Tile*paddedDim(side, d)
}

func (f fp8Format) at(side Side, d, t, c int) int {
	if side == Keys {
		return ((t/16*((d+3)/4)+c/4)*16+t%16)*4 + c%4
	}
	return t*d + c
}

func (f fp8Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	amax := ks.AbsMax(x)
	scale := f.static
	if f.dynamic {
		scale = scaleF32.put(tile, t, amax, f.kind.max)
	}
	codes, from := tile[f.codesAt():], 0
	if scale > 0 {
		stride := [...]int{Keys: 64, Values: 4}[side]
		f.kind.encode(ks)(codes[f.at(side, d, t, 0):], x, scale, stride)
		from = d
	}
	for c := from; c < paddedDim(side, d); c++ {
		codes[f.at(side, d, t, c)] = 0
	}
	return isFinite(amax)
}

func (f fp8Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	scale := f.static
	if f.dynamic {
		scale = scaleF32.get(tile, t)
	}
	codes := tile[f.codesAt():]
	for c := range d {
		dst[c] = f.kind.values[codes[f.at(side, d, t, c)]] * scale
	}
}

func (f fp8Format) ExpandF32(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, side Side, d, n int) {
	f.expandBy(ks, f.Scales(tmp, tile, n), dst, tile, next, side, d, n)
}

// expandBy expands codes under the given scales. An assembly call must stay short: it cannot
// be preempted.
func (f fp8Format) expandBy(ks *asm.Set, scale, dst []float32, tile, next []byte, side Side, d, n int) {
	expand, codes := f.kind.expand(ks, side), tile[f.codesAt():]
	const step = asm.Tile / 2
	for t := 0; t < n; t += step {
		expand(dst[t*d:], codes[t*paddedDim(side, d):], scale[t:], min(step, n-t), d, next[min(t*paddedDim(side, d), len(next)):])
	}
}

func (f fp8Format) PairFamily() string { return "FP8" }

func (f fp8Format) Coarse() bool { return true }

func (f fp8Format) Scales(tmp *Scratch, tile []byte, n int) []float32 {
	if f.dynamic && littleEndian {
		return floatsOf(tile[:4*asm.Tile])
	}
	scale := tmp.Scale[:asm.Tile]
	if !f.dynamic {
		for t := range scale {
			scale[t] = f.static
		}
	} else {
		loadF32(scale[:(n+15)&^15], tile)
	}
	return scale
}

func (f fp8Format) ScoresPair(ks *asm.Set, y []float32, q []uint16, tile []byte, scale, a, b []float32, next []byte, m, n, d int) {
	ks.QKPairFP8(y, q, tile[f.codesAt():], scale, &f.kind.table, a, b, m, n, d, next)
}

func (f fp8Format) FoldPair(ks *asm.Set, o []float32, p []uint16, tile []byte, mu []float32, fold []asm.Fold, next []byte, m, n, d int) {
	ks.PVPairFP8(o, p, tile[f.codesAt():], &f.kind.table, mu, fold, m, n, d, next)
}

func (f fp8Format) ExpandCodes(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, d, n int) {
	scale := tmp.Scale[:n]
	for t := range scale {
		scale[t] = 1
	}
	f.expandBy(ks, scale, dst, tile, next, Values, d, n)
}

func (f fp8Format) OnlyKernels() bool { return !f.dynamic || littleEndian }
