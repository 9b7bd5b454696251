package quant

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/qattn/qattn/asm"
)

// F32 stores rows unchanged: 32 bits, no scale. NaN and infinities are kept.
var F32 = newF32()

type f32Format struct{}

// newF32 hides that kernels can read tiles in place where floats in memory look otherwise.
func newF32() Format {
	if littleEndian {
		return f32Format{}
	}
	return struct{ Format }{f32Format{}}
}

func (f32Format) String() string { return "f32" }

func (f32Format) TileBytes(_ Side, d int) int { return 4 * asm.Tile * d }

// at returns the byte offset of token t, channel 0, and the step between channels.
func (f32Format) at(side Side, d, t int) (off, step int) {
	if side == Keys {
		return (t/16*d*16 + t%16) * 4, 64
	}
	return t * d * 4, 4
}

func (f f32Format) Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) bool {
	off, step := f.at(side, d, t)
	for c, v := range x {
		binary.LittleEndian.PutUint32(tile[off+c*step:], math.Float32bits(v))
	}
	return isFinite(ks.AbsMax(x))
}

func (f f32Format) Decode(dst []float32, tile []byte, side Side, d, t int) {
	off, step := f.at(side, d, t)
	for c := range d {
		dst[c] = math.Float32frombits(binary.LittleEndian.Uint32(tile[off+c*step:]))
	}
}

func (f32Format) ExpandF32(_ *asm.Set, dst []float32, _ *Scratch, tile, _ []byte, side Side, d, n int) {
	if side == Keys {
		n = (n + 15) &^ 15
	}
	loadF32(dst[:n*d], tile)
}

func (f32Format) Family() string { return "F32" }

func (f32Format) ScoresF32(ks *asm.Set, s, q []float32, tile, next []byte, m, n, d int) {
	ks.QKF32(s, q, floatsOf(tile), m, n, d, next)
}

func (f32Format) SumF32(ks *asm.Set, o, p []float32, tile, next []byte, m, n, d int) {
	ks.PVF32(o, p, floatsOf(tile), m, n, d, next)
}

// floatsOf views the bytes of a page as floats, which a little-endian machine can do at any
// address.
func floatsOf(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// isFinite looks at the exponent bits: x−x would be fused with a product in x on some
// machines.
func isFinite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }

func (f32Format) OnlyKernels() bool { return littleEndian }
