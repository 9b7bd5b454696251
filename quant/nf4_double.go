package quant

import (
	"github.com/qattn/qattn/asm"
)

// NF4Double is NF4 with doubly quantized block scales (double quantization is section 3 of
// QLoRA, Dettmers et al. 2023, arXiv 2305.14314): the scale of a block of 16 channels is a
// 4-bit multiplier 1..16 under the token's binary16 scale, and the levels are those of NF4
// in 127ths, so that a stored value is one scale of the token times an int8 code:
//
//	scale = max|x|/127,  value = scale·code
//	code = (level[nibble]·mult[b] + 8) >> 4,  level[i] = RNE(127·NF4[i])
//
// Integer dot products need one scale per token and run at the speed of Int8. Encoding
// starts from the int8 codes of the row, v = RNE(x/scale), and takes the nearest code under
// the multiplier of least Σ (v − code)² among three: the smallest that reaches max|v| of the
// block, and its neighbours. A row with a NaN or an infinity reads back as NaN.
//
// QLoRA keeps 8 bits for the scale of 64 numbers. Here 4 bits for 16 err less at the bits
// of 8 for 32. Relative L2 error of rows of 128 channels, N(0,1), Laplace and N(0,1) with 8
// channels eight times as large, with one multiplier (the smallest that covers) or the best
// of several:
//
//	bits a number                        Gaussian  Laplace  outlier channels
//	4.25   NF4                              0.092    0.104             0.146
//	4.50   NF4Block32                       0.088    0.093             0.117
//	4.375  Int4                             0.084    0.104             0.159
//	4.25   8 bits for 64, covering          0.093    0.104             0.148
//	4.375  8 bits for 32, covering          0.088    0.094             0.119
//	4.375  8 bits for 32, best of 33        0.081    0.087             0.113
//	4.25   4 bits for 32, best of two       0.084    0.091             0.118
//	4.375  4 bits for 16, covering          0.086    0.089             0.101
//	4.375  NF4Double                        0.076    0.080             0.092
var NF4Double Format = nf4DoubleFormat{}

type nf4DoubleFormat struct{}

const nf4DoubleBlock = 16

// nf4Book holds the codes of NF4Double.
var nf4Book = asm.NewScaledBook(&nf4Int8)

func (nf4DoubleFormat) String() string { return "nf4-dq" }

// pairs is the number of pairs of blocks: two multipliers share a byte.
func (nf4DoubleFormat) pairs(d int) int { return (d + 2*nf4DoubleBlock - 1) / (2 * nf4DoubleBlock) }

// codesAt is the offset of the codes: after 64 scales and the multipliers.
func (f nf4DoubleFormat) codesAt(d int) int { return scaleF16.bytes(asm.Tile) + f.pairs(d)*asm.Tile }

func (f nf4DoubleFormat) TileBytes(side Side, d int) int {
	return f.codesAt(d) + align64(asm.Tile/2*paddedDim(side, d))
}

func (f nf4DoubleFormat) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	amax := ks.AbsMax(x)
	scale := scaleF16.put(tile, t, amax, 127)
	mults, codes := tile[scaleF16.bytes(asm.Tile)+t:], tile[f.codesAt(d):]
	if !(scale > 0) { // zero, or not a number: no code counts
		for p := range f.pairs(d) {
			mults[p*asm.Tile] = 0
		}
		for c := range d {
			putNibble(codes, side, d, t, c, nf4Zero)
		}
	} else if off, shift := nibbleAt(side, d, t, 0); side == Keys {
		ks.EncN4K(codes[off:], mults, x, nf4Book, scale, shift != 0)
	} else {
		ks.EncN4V(codes[off:], mults, x, nf4Book, scale, shift != 0)
	}
	for c := d; c < paddedDim(side, d); c++ {
		putNibble(codes, side, d, t, c, nf4Zero)
	}
	return isFinite(amax)
}

func (f nf4DoubleFormat) Decode(dst []float32, tile []byte, side Side, d, t int) {
	scale := scaleF16.get(tile, t)
	mults, codes := tile[scaleF16.bytes(asm.Tile)+t:], tile[f.codesAt(d):]
	for c := range d {
		b := c / nf4DoubleBlock
		mult := mults[b/2*asm.Tile] >> (b % 2 * 4) & 15
		dst[c] = float32(nf4Book.Codes[mult][getNibble(codes, side, d, t, c)]) * scale
	}
}

func (f nf4DoubleFormat) ExpandF32(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, side Side, d, n int) {
	codes, scale := f.ExpandI8(ks, tmp, tile, next, side, d, n)
	expandI8F32(ks, dst, codes, scale, side, d, n, codes)
}

func (f nf4DoubleFormat) ExpandI8(ks *asm.Set, tmp *Scratch, tile, next []byte, side Side, d, n int) ([]byte, []float32) {
	mults, codes := tile[scaleF16.bytes(asm.Tile):f.codesAt(d)], tile[f.codesAt(d):]
	if side == Keys {
		ks.ExpN4K(tmp.Codes, codes, mults, nf4Book, n, d, next)
	} else {
		ks.ExpN4V(tmp.Codes, codes, mults, nf4Book, n, d, next)
	}
	return tmp.Codes, f.ScalesI8(ks, tmp, tile, n, d)
}

func (nf4DoubleFormat) ScalesI8(ks *asm.Set, tmp *Scratch, tile []byte, n, _ int) []float32 {
	ks.Dec16(tmp.Scale[:n], tile, tile)
	return tmp.Scale[:n]
}

func (nf4DoubleFormat) ScoresFamily() string { return "QKScaleN4" }

func (f nf4DoubleFormat) ScaledScoresI8(ks *asm.Set, y []float32, q []int8, tile []byte, scale, a, b []float32, next []byte, m, n, d int) {
	mults, codes := tile[scaleF16.bytes(asm.Tile):f.codesAt(d)], tile[f.codesAt(d):]
	ks.QKScaleN4(y, q, codes, mults, nf4Book, scale, a, b, m, n, (d+3)/4, next)
}

func (nf4DoubleFormat) FoldFamily() string { return "PVFoldN4" }

func (f nf4DoubleFormat) FoldI8(ks *asm.Set, o []float32, p []byte, _ *Scratch, tile []byte, mu []float32, fold []asm.Fold, next []byte, m, n, d int) {
	mults, codes := tile[scaleF16.bytes(asm.Tile):f.codesAt(d)], tile[f.codesAt(d):]
	ks.PVFoldN4(o, p, codes, mults, nf4Book, mu, fold, m, n, d, next)
}

func (nf4DoubleFormat) AheadFamily() string { return "QKAdvanceN4" }

func (f nf4DoubleFormat) AdvanceScores(ks *asm.Set, r *asm.RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, tile []byte, a, b []float32, next []byte, d int) bool {
	return ks.QKAdvanceN4(r, p, y, sv, top, q, tile, nf4Book, a, b, (d+3)/4, next)
}

func (nf4DoubleFormat) ScalesF16(tile []byte) []byte { return tile[:2*asm.Tile] }

func (nf4DoubleFormat) OnlyKernels() bool { return true }
