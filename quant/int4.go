package quant

import (
	"github.com/qattn/qattn/asm"
)

// Int4 stores 4-bit codes −8..7 in groups of 32 channels. A group's scale is the token's
// binary16 scale times a signed integer multiplier of magnitude 1..15:
//
//	scale = max|x|/120,  value = scale·mult[g]·code
//
// so |mult·code| ≤ 120 fits int8 and integer dot products need one scale per token. The
// sign of the multiplier lets the largest element of the group meet the code −8; its
// magnitude is the one of least squared error among ⌈max_{c∈g}|x|/(8·scale)⌉ and the four
// below, so large elements may be clipped where that helps the others. A row with a NaN or
// an infinity reads back as NaN.
var Int4 Format = int4Format{}

type int4Format struct{}

const (
	int4Group = 32
	int4Mults = 15 // 8·15 = 120 ≤ 127
)

func (int4Format) String() string { return "int4" }

func (int4Format) groups(d int) int { return (d + int4Group - 1) / int4Group }

// codesAt is the offset of the codes: after 64 scales and the multipliers.
func (f int4Format) codesAt(d int) int { return scaleF16.bytes(asm.Tile) + f.groups(d)*asm.Tile }

func (f int4Format) TileBytes(side Side, d int) int {
	return f.codesAt(d) + align64(asm.Tile/2*paddedDim(side, d))
}

func (f int4Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	amax := ks.AbsMax(x)
	scale := scaleF16.put(tile, t, amax, 8*int4Mults)
	mults, codes := tile[scaleF16.bytes(asm.Tile)+t:], tile[f.codesAt(d):]
	if !(scale > 0) { // zero, or not a number: no code counts
		for g := range f.groups(d) {
			mults[g*asm.Tile] = 1
		}
		for c := range d {
			putNibble(codes, side, d, t, c, 8)
		}
	} else if off, shift := nibbleAt(side, d, t, 0); side == Keys {
		ks.EncI4K(codes[off:], mults, x, scale, shift != 0)
	} else {
		ks.EncI4V(codes[off:], mults, x, scale, shift != 0)
	}
	for c := d; c < paddedDim(side, d); c++ {
		putNibble(codes, side, d, t, c, 8)
	}
	return isFinite(amax)
}

// nibbleAt locates channel c of token t in the two-plane layout.
func nibbleAt(side Side, d, t, c int) (off, shift int) {
	if side == Keys {
		return ((t/32*((d+3)/4)+c/4)*16+t%16)*4 + c%4, t / 16 % 2 * 4
	}
	return (t/8*d+c)*4 + t%4, t / 4 % 2 * 4
}

func putNibble(dst []byte, side Side, d, t, c int, code byte) {
	off, shift := nibbleAt(side, d, t, c)
	dst[off] = dst[off]&^(15<<shift) | code<<shift
}

func getNibble(src []byte, side Side, d, t, c int) byte {
	off, shift := nibbleAt(side, d, t, c)
	return src[off] >> shift & 15
}

func (f int4Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	scale := scaleF16.get(tile, t)
	mults, codes := tile[scaleF16.bytes(asm.Tile):], tile[f.codesAt(d):]
	for c := range d {
		q := int(getNibble(codes, side, d, t, c)) - 8
		dst[c] = float32(q*int(int8(mults[c/int4Group*asm.Tile+t]))) * scale
	}
}

func (f int4Format) ExpandF32(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, side Side, d, n int) {
	codes, scale := f.ExpandI8(ks, tmp, tile, next, side, d, n)
	expandI8F32(ks, dst, codes, scale, side, d, n, codes)
}

func (f int4Format) ExpandI8(ks *asm.Set, tmp *Scratch, tile, next []byte, side Side, d, n int) ([]byte, []float32) {
	mults, codes := tile[scaleF16.bytes(asm.Tile):f.codesAt(d)], tile[f.codesAt(d):]
	if side == Keys {
		ks.ExpI4K(tmp.Codes, codes, mults, n, d, next)
	} else {
		ks.ExpI4V(tmp.Codes, codes, mults, n, d, next)
	}
	return tmp.Codes, f.ScalesI8(ks, tmp, tile, n, d)
}

func (int4Format) ScalesI8(ks *asm.Set, tmp *Scratch, tile []byte, n, _ int) []float32 {
	ks.Dec16(tmp.Scale[:n], tile, tile)
	return tmp.Scale[:n]
}

func (int4Format) ScoresFamily() string { return "QKScaleI4" }

func (f int4Format) ScaledScoresI8(ks *asm.Set, y []float32, q []int8, tile []byte, scale, a, b []float32, next []byte, m, n, d int) {
	mults, codes := tile[scaleF16.bytes(asm.Tile):f.codesAt(d)], tile[f.codesAt(d):]
	ks.QKScaleI4(y, q, codes, mults, scale, a, b, m, n, (d+3)/4, next)
}

func (int4Format) FoldFamily() string { return "PVFoldI4" }

func (f int4Format) FoldI8(ks *asm.Set, o []float32, p []byte, _ *Scratch, tile []byte, mu []float32, fold []asm.Fold, next []byte, m, n, d int) {
	mults, codes := tile[scaleF16.bytes(asm.Tile):f.codesAt(d)], tile[f.codesAt(d):]
	ks.PVFoldI4(o, p, codes, mults, mu, fold, m, n, d, next)
}

func (int4Format) AheadFamily() string { return "QKAdvanceI4" }

func (f int4Format) AdvanceScores(ks *asm.Set, r *asm.RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, tile []byte, a, b []float32, next []byte, d int) bool {
	return ks.QKAdvanceI4(r, p, y, sv, top, q, tile, a, b, (d+3)/4, next)
}

func (int4Format) ScalesF16(tile []byte) []byte { return tile[:2*asm.Tile] }

func (int4Format) OnlyKernels() bool { return true }
