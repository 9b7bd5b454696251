package quant

import (
	"math"

	"github.com/qattn/qattn/asm"
)

// Int8 stores symmetric 8-bit codes −127..127 with one binary16 scale per token and
// head: code = RNE(x/scale), scale = max|x|/127. A row with a NaN or an infinity
// gets scale NaN and reads back as NaN.
var Int8 Format = int8Format{scaleF16}

// Int8ScaleF32 is Int8 with float32 scales.
var Int8ScaleF32 Format = int8Format{scaleF32}

type int8Format struct{ scale scaleKind }

func (f int8Format) String() string { return "int8" + f.scale.suffix() }

func (f int8Format) TileBytes(side Side, d int) int {
	return f.scale.bytes(asm.Tile) + asm.Tile*paddedDim(side, d)
}

// paddedDim is the number of channels of an int8 layout: keys go in fours.
func paddedDim(side Side, d int) int {
	if side == Keys {
		return (d + 3) &^ 3
	}
	return d
}

func (f int8Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	amax := ks.AbsMax(x)
	scale := f.scale.put(tile, t, amax, 127)
	codes := tile[f.scale.bytes(asm.Tile):]
	if side == Values {
		codes = codes[t/4*d*4+t%4:]
		if scale > 0 {
			ks.EncI8V(codes, x, scale)
		} else {
			for c := range x {
				codes[4*c] = 0
			}
		}
		return isFinite(amax)
	}
	codes = codes[t/16*paddedDim(side, d)*16+t%16*4:]
	from := 0
	if scale > 0 {
		ks.EncI8K(codes, x, scale)
		from = d
	}
	for c := from; c < paddedDim(side, d); c++ {
		codes[c/4*64+c%4] = 128
	}
	return isFinite(amax)
}

func (f int8Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	s := f.scale.get(tile, t)
	codes := tile[f.scale.bytes(asm.Tile):]
	for c := range d {
		if side == Values {
			dst[c] = float32(int8(codes[(t/4*d+c)*4+t%4])) * s
		} else {
			dst[c] = float32(int32(codes[((t/16*((d+3)/4)+c/4)*16+t%16)*4+c%4])-128) * s
		}
	}
}

func (f int8Format) ExpandF32(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, side Side, d, n int) {
	codes, scale := f.ExpandI8(ks, tmp, tile, next, side, d, n)
	expandI8F32(ks, dst, codes, scale, side, d, n, next)
}

// expandI8F32 widens int8-layout codes. scale has capacity for whole groups.
func expandI8F32(ks *asm.Set, dst []float32, codes []byte, scale []float32, side Side, d, n int, next []byte) {
	if side == Keys {
		ks.DecI8K(dst, codes, scale[:asm.Tile], n, d, next)
		return
	}
	ks.DecI8V(dst, codes, scale, n, d, next)
}

func (f int8Format) ExpandI8(ks *asm.Set, tmp *Scratch, tile, _ []byte, _ Side, _, n int) ([]byte, []float32) {
	scale := tmp.Scale[:asm.Tile]
	f.scale.load(ks, scale[:n], tile)
	return tile[f.scale.bytes(asm.Tile):], scale[:n]
}

var nan32 = float32(math.NaN())

func (f int8Format) OnlyKernels() bool { return f.scale == scaleF16 }
