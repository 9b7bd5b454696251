package quant

import (
	"fmt"
	"math"

	"github.com/qattn/qattn/asm"
)

// NF4 stores the 4-bit NormalFloat code book of QLoRA (Dettmers et al. 2023,
// arXiv 2305.14314) in blocks of 64 channels with a binary16 scale max|x| each. The
// code of x is the number of decision thresholds below x/scale. A row with a NaN or
// an infinity reads back as NaN.
//
// Integer dot products want one scale a token. They read the levels in 127ths, those of
// NF4Double, under the ratio of the block's scale to the largest of the token:
//
//	top = max_b |scale[b]|,  ratio[b] = scale[b]/top in units of 2⁻¹⁵
//	value = top/127·code,  code = (level[nibble]·ratio[b] + 2¹⁴) >> 15,  level[i] = RNE(127·NF4[i])
//
// The level is off by half, and so is the code, so that |value − scale[b]·NF4[nibble]| is below
// (top + |scale[b]|)/250 + 2⁻¹²⁶: 0.008 of the token's largest number at most and 0.0033 as a
// root of mean squares where NF4 itself is off by up to 0.152 of the block's largest and by
// 0.04. A token with a scale that is not finite reads as NaN.
var NF4 Format = nf4Format{64, scaleF16}

// NF4Block32 is NF4 in blocks of 32 channels; the ScaleF32 forms keep float32 scales.
var (
	NF4Block32         Format = nf4Format{32, scaleF16}
	NF4ScaleF32        Format = nf4Format{64, scaleF32}
	NF4Block32ScaleF32 Format = nf4Format{32, scaleF32}
)

type nf4Format struct {
	block int
	scale scaleKind
}

// nf4Levels is the code book in ascending order.
var nf4Levels = [16]float32{
	-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453,
	-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0,
	0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
	0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
}

// nf4Thresholds separate the codes: code = #{t : x > t}.
var nf4Thresholds = [15]float32{
	-0.8480964004993439, -0.6106329262256622, -0.4599952697753906, -0.33967943489551544,
	-0.23460740596055984, -0.13791173323988914, -0.045525018125772476, 0.03979014977812767,
	0.1202552504837513, 0.2035212516784668, 0.2920137718319893, 0.3893125355243683,
	0.5016634166240692, 0.6427869200706482, 0.8614784181118011,
}

const nf4Zero = 7 // the code of 0

// nf4Int8 are the levels in 127ths.
var nf4Int8 = func() (levels [16]int8) {
	for i, x := range nf4Levels {
		levels[i] = int8(math.RoundToEven(127 * float64(x)))
	}
	return levels
}()

func (f nf4Format) String() string {
	name := "nf4"
	if f.block != 64 {
		name += fmt.Sprintf("-b%d", f.block)
	}
	return name + f.scale.suffix()
}

func (f nf4Format) blocks(d int) int { return (d + f.block - 1) / f.block }

func (f nf4Format) codesAt(d int) int { return f.scale.bytes(f.blocks(d) * asm.Tile) }

func (f nf4Format) TileBytes(side Side, d int) int {
	return f.codesAt(d) + align64(asm.Tile/2*paddedDim(side, d))
}

func (f nf4Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	finite := isFinite(ks.AbsMax(x))
	codes := tile[f.codesAt(d):]
	for b := range f.blocks(d) {
		lo, hi := b*f.block, min((b+1)*f.block, d)
		amax := nan32
		if finite {
			amax = ks.AbsMax(x[lo:hi])
		}
		s := f.scale.put(tile, b*asm.Tile+t, amax, 1)
		if !(s > 0) { // zero, or not a number: no code counts
			for c := lo; c < hi; c++ {
				putNibble(codes, side, d, t, c, nf4Zero)
			}
		} else if off, shift := nibbleAt(side, d, t, lo); side == Keys {
			ks.Enc4K(codes[off:], x[lo:hi], &nf4Thresholds, s, shift != 0)
		} else {
			ks.Enc4V(codes[off:], x[lo:hi], &nf4Thresholds, s, shift != 0)
		}
	}
	for c := d; c < paddedDim(side, d); c++ {
		putNibble(codes, side, d, t, c, nf4Zero)
	}
	return finite
}

func (f nf4Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	codes := tile[f.codesAt(d):]
	for c := range d {
		dst[c] = nf4Levels[getNibble(codes, side, d, t, c)] * f.scale.get(tile, c/f.block*asm.Tile+t)
	}
}

func (f nf4Format) ExpandF32(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, side Side, d, n int) {
	scale := tmp.Scale[:f.blocks(d)*asm.Tile]
	for b := range f.blocks(d) {
		f.scale.load(ks, scale[b*asm.Tile:][:n], tile[b*asm.Tile*f.scale.size():])
	}
	if side == Keys {
		ks.Dec4K(dst, tile[f.codesAt(d):], &nf4Levels, scale, n, d, f.block, next)
	} else {
		ks.Dec4V(dst, tile[f.codesAt(d):], &nf4Levels, scale, n, d, f.block, next)
	}
}

func (f nf4Format) ExpandI8(ks *asm.Set, tmp *Scratch, tile, next []byte, side Side, d, n int) ([]byte, []float32) {
	scale := f.ScalesI8(ks, tmp, tile, n, d)
	if side == Keys {
		ks.ExpB4K(tmp.Codes, tile[f.codesAt(d):], tmp.Ratio, &nf4Int8, n, d, f.block, next)
	} else {
		ks.ExpB4V(tmp.Codes, tile[f.codesAt(d):], tmp.Ratio, &nf4Int8, n, d, f.block, next)
	}
	return tmp.Codes, scale
}

// ScalesI8 leaves the ratios in tmp.
func (f nf4Format) ScalesI8(ks *asm.Set, tmp *Scratch, tile []byte, n, d int) []float32 {
	ks.SplitScales(tmp.Scale, tmp.Ratio, tile, f.scale.size(), n, f.blocks(d))
	return tmp.Scale[:n]
}

func (nf4Format) FoldFamily() string { return "PVFoldB4" }

func (f nf4Format) FoldI8(ks *asm.Set, o []float32, p []byte, tmp *Scratch, tile []byte, mu []float32, fold []asm.Fold, next []byte, m, n, d int) {
	ks.PVFoldB4(o, p, tile[f.codesAt(d):], tmp.Ratio, &nf4Int8, mu, fold, m, n, d, f.block, next)
}

func (f nf4Format) DecodeI8(dst []float32, tile []byte, side Side, d, t int) {
	codes, top := tile[f.codesAt(d):], uint32(0)
	for b := range f.blocks(d) { // magnitudes are in the order of their patterns, NaN above all
		top = max(top, math.Float32bits(f.scale.get(tile, b*asm.Tile+t))&0x7fffffff)
	}
	scale, inverse := math.Float32frombits(top)*(1./127), 1/math.Float32frombits(top)
	for c := range d {
		ratio := 0
		if x := float32(f.scale.get(tile, c/f.block*asm.Tile+t)*inverse) * (1 << 15); x == x {
			ratio = int(math.RoundToEven(float64(min(max(x, -1<<15), 1<<15-1))))
		}
		dst[c] = float32((int(nf4Int8[getNibble(codes, side, d, t, c)])*ratio+1<<14)>>15) * scale
	}
}

func (f nf4Format) OnlyKernels() bool { return f.scale == scaleF16 }
