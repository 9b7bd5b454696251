package quant

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/x448/float16"

	"github.com/qattn/qattn/asm"
)

// scaleKind is the number format of a tile's scales.
type scaleKind uint8

const (
	scaleF16 scaleKind = iota
	scaleF32
)

// size is the number of bytes of one scale.
func (k scaleKind) size() int { return 2 + 2*int(k) }

// suffix is what the format's name adds for this kind.
func (k scaleKind) suffix() string { return [...]string{"", "-s32"}[k] }

// bytes is the padded size of n scales.
func (k scaleKind) bytes(n int) int { return align64(n * k.size()) }

// put stores a scale that maps levels onto a row whose largest magnitude is amax,
// and returns the stored value: amax/levels rounded to the kind, or one step more
// where rounding would cut the largest element by half a level. amax = NaN stores
// NaN; amax = 0 stores 0. Magnitudes beyond the kind's range saturate.
func (k scaleKind) put(b []byte, i int, amax, levels float32) float32 {
	s := amax / levels
	if k == scaleF32 {
		if amax > float32(s*(levels+0.5)) { // s is subnormal
			s = math.Nextafter32(s, 1)
		}
		if isFinite(amax) && !isFinite(s*levels) { // the largest code must read back finite
			s = math.Nextafter32(s, 0)
		}
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(s))
		return s
	}
	h := toF16(s)
	if v := fromF16(h); amax > float32(v*(levels+0.5)) && h < maxF16 {
		h++
	}
	binary.LittleEndian.PutUint16(b[2*i:], h)
	return fromF16(h)
}

// get reads scale i.
func (k scaleKind) get(b []byte, i int) float32 {
	if k == scaleF32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return fromF16(binary.LittleEndian.Uint16(b[2*i:]))
}

// load widens n scales.
func (k scaleKind) load(ks *asm.Set, dst []float32, b []byte) {
	if k == scaleF16 {
		ks.Dec16(dst, b, b)
		return
	}
	loadF32(dst, b)
}

const maxF16 = 0x7bff // 65504

// toF16 rounds to binary16, to nearest even; finite magnitudes beyond 65504
// saturate, infinities and NaN stay.
func toF16(x float32) uint16 {
	h := float16.Fromfloat32(x).Bits()
	if h&0x7fff == 0x7c00 && math.Abs(float64(x)) <= math.MaxFloat32 {
		h = h&0x8000 | maxF16
	}
	return h
}

// fromF16 widens binary16.
func fromF16(h uint16) float32 { return float16.Frombits(h).Float32() }

// littleEndian tells whether float32 in memory look as they do on a page.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// loadF32 reads len(dst) little-endian float32.
func loadF32(dst []float32, b []byte) {
	b = b[:4*len(dst)]
	if littleEndian && len(dst) > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(b)), b)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}
