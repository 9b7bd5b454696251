package quant

import (
	"encoding/binary"
	"math"

	"github.com/qattn/qattn/asm"
)

// BF16 stores bfloat16: 16 bits, no scale, round to nearest even. Finite magnitudes
// that would round to infinity saturate; NaN and infinities are kept.
var BF16 Format = bf16Format{}

type bf16Format struct{}

func (bf16Format) String() string { return "bf16" }

func (bf16Format) TileBytes(side Side, d int) int {
	if side == Keys {
		return 2 * asm.Tile * (d + d%2)
	}
	return 2 * asm.Tile * d
}

// at returns the byte offset of an element.
func (bf16Format) at(side Side, d, t, c int) int {
	if side == Keys {
		return ((t/16*((d+1)/2)+c/2)*16+t%16)*4 + c%2*2
	}
	return (t/2*d+c)*4 + t%2*2
}

func (f bf16Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	row := tile[f.at(side, d, t, 0):]
	if side == Values {
		ks.EncBF16V(row, x)
		return isFinite(ks.AbsMax(x))
	}
	ks.EncBF16K(row, x)
	if d%2 == 1 {
		binary.LittleEndian.PutUint16(tile[f.at(side, d, t, d):], 0)
	}
	return isFinite(ks.AbsMax(x))
}

func (f bf16Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	for c := range d {
		dst[c] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(tile[f.at(side, d, t, c):])) << 16)
	}
}

func (bf16Format) ExpandF32(ks *asm.Set, dst []float32, _ *Scratch, tile, next []byte, side Side, d, n int) {
	if side == Keys {
		ks.DecBF16K(dst, tile, n, d, next)
		return
	}
	ks.DecBF16V(dst, tile, n, d, next)
}

func (bf16Format) Family() string { return "BF16" }

func (bf16Format) ScoresF32(ks *asm.Set, s, q []float32, tile, next []byte, m, n, d int) {
	ks.QKBF16(s, q, tile, m, n, d, next)
}

func (bf16Format) SumF32(ks *asm.Set, o, p []float32, tile, next []byte, m, n, d int) {
	ks.PVBF16(o, p, tile, m, n, d, next)
}

func (bf16Format) PairFamily() string { return "BF16" }

func (bf16Format) Coarse() bool { return false }

func (bf16Format) Scales(*Scratch, []byte, int) []float32 { return nil }

func (bf16Format) ScoresPair(ks *asm.Set, y []float32, q []uint16, tile []byte, _, a, b []float32, next []byte, m, n, d int) {
	ks.QKPairBF16(y, q, tile, a, b, m, n, d, next)
}

func (bf16Format) FoldPair(ks *asm.Set, o []float32, p []uint16, tile []byte, mu []float32, f []asm.Fold, next []byte, m, n, d int) {
	ks.PVPairBF16(o, p, tile, mu, f, m, n, d, next)
}

func (bf16Format) ExpandCodes(ks *asm.Set, dst []float32, _ *Scratch, tile, next []byte, d, n int) {
	ks.DecBF16V(dst, tile, n, d, next)
}

func (bf16Format) OnlyKernels() bool { return true }
