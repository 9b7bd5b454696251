package quant

import (
	"encoding/binary"

	"github.com/qattn/qattn/asm"
)

// F16 stores IEEE binary16: 16 bits, no scale, round to nearest even. Finite
// magnitudes beyond 65504 saturate; NaN and infinities are kept.
var F16 Format = f16Format{}

type f16Format struct{}

func (f16Format) String() string { return "f16" }

func (f16Format) TileBytes(_ Side, d int) int { return 2 * asm.Tile * d }

func (f16Format) at(side Side, d, t int) (off, step int) {
	if side == Keys {
		return (t/16*d*16 + t%16) * 2, 32
	}
	return t * d * 2, 2
}

func (f f16Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	off, step := f.at(side, d, t)
	ks.EncF16(tile[off:], x, step)
	return isFinite(ks.AbsMax(x))
}

func (f f16Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	off, step := f.at(side, d, t)
	for c := range d {
		dst[c] = fromF16(binary.LittleEndian.Uint16(tile[off+c*step:]))
	}
}

func (f16Format) ExpandF32(ks *asm.Set, dst []float32, _ *Scratch, tile, next []byte, side Side, d, n int) {
	if side == Keys {
		n = (n + 15) &^ 15
	}
	ks.Dec16(dst[:n*d], tile, next)
}

func (f16Format) Family() string { return "F16" }

func (f16Format) ScoresF32(ks *asm.Set, s, q []float32, tile, next []byte, m, n, d int) {
	ks.QKF16(s, q, tile, m, n, d, next)
}

func (f16Format) SumF32(ks *asm.Set, o, p []float32, tile, next []byte, m, n, d int) {
	ks.PVF16(o, p, tile, m, n, d, next)
}

func (f16Format) OnlyKernels() bool { return true }
