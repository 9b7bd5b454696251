package asm

import (
	"encoding/binary"
	"math"
)

// decI8K_generic is the specification of DecI8KFunc.
func decI8K_generic(dst []float32, k []byte, scale []float32, n, d int, _ []byte) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		sc := (*[16]float32)(scale[g*16:])
		for c := range d {
			src := k[(g*d4+c/4)*64+c%4:]
			out := (*[16]float32)(dst[(g*d+c)*16:])
			for t := range out {
				out[t] = float32(int32(src[4*t])-128) * sc[t]
			}
		}
	}
}

// decI8V_generic is the specification of DecI8VFunc.
func decI8V_generic(dst []float32, v []byte, scale []float32, n, d int, _ []byte) {
	for t := range n {
		sc := scale[t]
		src := v[t/4*d*4+t%4:]
		out := dst[t*d : (t+1)*d]
		for c := range out {
			out[c] = float32(int8(src[4*c])) * sc
		}
	}
}

// decE4M3K_generic is the specification of DecE4M3KFunc.
func decE4M3K_generic(dst []float32, k []byte, scale []float32, n, d int, _ []byte) {
	decTableK(dst, k, &e4m3Table, scale, n, d)
}

// decE5M2K_generic is the specification of DecE5M2KFunc.
func decE5M2K_generic(dst []float32, k []byte, scale []float32, n, d int, _ []byte) {
	decTableK(dst, k, &e5m2Table, scale, n, d)
}

// decE4M3V_generic is the specification of DecE4M3VFunc.
func decE4M3V_generic(dst []float32, v []byte, scale []float32, n, d int, _ []byte) {
	decTableV(dst, v, &e4m3Table, scale, n, d)
}

// decE5M2V_generic is the specification of DecE5M2VFunc.
func decE5M2V_generic(dst []float32, v []byte, scale []float32, n, d int, _ []byte) {
	decTableV(dst, v, &e5m2Table, scale, n, d)
}

var e4m3Table, e5m2Table = func() (e4m3, e5m2 [256]float32) {
	for i := range 256 {
		e5m2[i] = half(uint16(i) << 8)
		e4m3[i] = half(uint16(i&0x80)<<8|uint16(i&0x7f)<<7) * 256 // one exponent bit less, bias 7 for 15
		if i&0x7f == 0x7f {
			e4m3[i] = nan32
		}
	}
	return e4m3, e5m2
}()

func decTableK(dst []float32, k []byte, lut *[256]float32, scale []float32, n, d int) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		sc := (*[16]float32)(scale[g*16:])
		for c := range d {
			src := k[(g*d4+c/4)*64+c%4:]
			out := (*[16]float32)(dst[(g*d+c)*16:])
			for t := range out {
				out[t] = lut[src[4*t]] * sc[t]
			}
		}
	}
}

func decTableV(dst []float32, v []byte, lut *[256]float32, scale []float32, n, d int) {
	for t := range n {
		sc := scale[t]
		src := v[t*d : (t+1)*d]
		out := dst[t*d:][:len(src)]
		for c, b := range src {
			out[c] = lut[b] * sc
		}
	}
}

// dec16_generic is the specification of Dec16Func. Subnormals are normalised by a
// multiplication that cannot round.
func dec16_generic(dst []float32, src, _ []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// half widens one binary16 pattern.
func half(h uint16) float32 {
	sign, mag := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	if mag > 0x7c00 {
		mag |= 0x200 // NaN turns quiet, as in hardware
	}
	if mag >= 0x7c00 {
		return math.Float32frombits(sign | 0x7f800000 | (mag&0x3ff)<<13)
	}
	return math.Float32frombits(sign | math.Float32bits(math.Float32frombits(mag<<13)*0x1p112))
}

// brain widens one bfloat16 pattern.
func brain(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }

// decBF16K_generic is the specification of DecBF16KFunc.
func decBF16K_generic(dst []float32, k []byte, n, d int, _ []byte) {
	d2 := (d + 1) / 2
	for g := 0; g*16 < n; g++ {
		for c := range d {
			src := k[(g*d2+c/2)*64+c%2*2:]
			out := (*[16]float32)(dst[(g*d+c)*16:])
			for t := range out {
				out[t] = brain(binary.LittleEndian.Uint16(src[4*t:]))
			}
		}
	}
}

// decBF16V_generic is the specification of DecBF16VFunc.
func decBF16V_generic(dst []float32, v []byte, n, d int, _ []byte) {
	for t := range n {
		src := v[t/2*d*4+t%2*2:]
		out := dst[t*d : (t+1)*d]
		for c := range out {
			out[c] = brain(binary.LittleEndian.Uint16(src[4*c:]))
		}
	}
}

// expI4K_generic is the specification of ExpI4KFunc.
func expI4K_generic(dst, k, mult []byte, n, d int, _ []byte) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		shift := g % 2 * 4
		for b := range d4 {
			src := (*[64]byte)(k[(g/2*d4+b)*64:])
			out := (*[64]byte)(dst[(g*d4+b)*64:])
			mu := (*[16]byte)(mult[b/8*Tile+g*16:])
			for i, x := range src {
				out[i] = byte((int32(x>>shift&15)-8)*int32(int8(mu[i/4])) + 128)
			}
		}
	}
}

// expI4V_generic is the specification of ExpI4VFunc.
func expI4V_generic(dst, v, mult []byte, n, d int, _ []byte) {
	for q := 0; q*4 < n; q++ {
		shift := q % 2 * 4
		for c := range d {
			src := (*[4]byte)(v[(q/2*d+c)*4:])
			out := (*[4]byte)(dst[(q*d+c)*4:])
			mu := (*[4]byte)(mult[c/32*Tile+q*4:])
			for i, x := range src {
				out[i] = byte((int32(x>>shift&15) - 8) * int32(int8(mu[i])))
			}
			for i := n - q*4; i < 4; i++ {
				out[i] = 0
			}
		}
	}
}

// dec4K_generic is the specification of Dec4KFunc.
func dec4K_generic(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, _ []byte) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		shift := g % 2 * 4
		for c := range d {
			src := k[(g/2*d4+c/4)*64+c%4:]
			sc := (*[16]float32)(scale[c/block*Tile+g*16:])
			out := (*[16]float32)(dst[(g*d+c)*16:])
			for t := range out {
				out[t] = lut[src[4*t]>>shift&15] * sc[t]
			}
		}
	}
}

// dec4V_generic is the specification of Dec4VFunc.
func dec4V_generic(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, _ []byte) {
	for t := range n {
		shift := t / 4 % 2 * 4
		src := v[t/8*d*4+t%4:]
		out := dst[t*d : (t+1)*d]
		for c := range out {
			out[c] = lut[src[4*c]>>shift&15] * scale[c/block*Tile+t]
		}
	}
}
