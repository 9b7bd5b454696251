package asm

import (
	"encoding/binary"
	"math"
)

// splitScales_generic is the specification of SplitScalesFunc.
func splitScales_generic(scale []float32, ratio []int16, src []byte, size, n, blocks int) {
	var s [Tile]float32
	load := func(b int) {
		part := src[b*Tile*size:]
		if size == 2 {
			dec16_generic(s[:n], part, nil)
			return
		}
		for t := range s[:n] {
			s[t] = math.Float32frombits(binary.LittleEndian.Uint32(part[4*t:]))
		}
	}
	var top [Tile]uint32 // patterns of magnitudes are in their order, NaN above all
	for b := range blocks {
		load(b)
		for t, x := range s[:n] {
			top[t] = max(top[t], math.Float32bits(x)&0x7fffffff)
		}
	}
	var inverse [Tile]float32
	for t := range n {
		x := math.Float32frombits(top[t])
		scale[t] = x * (1. / 127)
		inverse[t] = 1 / x
	}
	for b := range blocks {
		load(b)
		for t, x := range s[:n] {
			ratio[b*Tile+t] = 0
			if x = float32(x*inverse[t]) * (1 << 15); x == x {
				ratio[b*Tile+t] = int16(math.RoundToEven(float64(min(max(x, -1<<15), 1<<15-1))))
			}
		}
	}
}

// level is a level under a ratio.
func level(x int8, ratio int16) byte { return byte((int(x)*int(ratio) + 1<<14) >> 15) }

// expB4K_generic is the specification of ExpB4KFunc.
func expB4K_generic(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, _ []byte) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		shift := g % 2 * 4
		for b := range d4 {
			src := (*[64]byte)(k[(g/2*d4+b)*64:])
			out := (*[64]byte)(dst[(g*d4+b)*64:])
			r := (*[16]int16)(ratio[4*b/block*Tile+g*16:])
			for i, x := range src {
				out[i] = level(levels[x>>shift&15], r[i/4]) + 128
			}
		}
	}
}

// expB4V_generic is the specification of ExpB4VFunc.
func expB4V_generic(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, _ []byte) {
	for q := 0; q*4 < n; q++ {
		shift := q % 2 * 4
		for c := range d {
			src := (*[4]byte)(v[(q/2*d+c)*4:])
			out := (*[4]byte)(dst[(q*d+c)*4:])
			r := (*[4]int16)(ratio[c/block*Tile+q*4:])
			for i, x := range src {
				out[i] = level(levels[x>>shift&15], r[i])
			}
		}
	}
}

// pvFoldB4_generic is the specification of PVFoldB4Func.
func pvFoldB4_generic(o []float32, p, v []byte, ratio []int16, levels *[16]int8, mu []float32, f []Fold, m, n, dv, block int, _ []byte) {
	for c := range dv {
		var codes [Tile]int32
		for t := range n {
			codes[t] = int32(int8(level(levels[v[(t/8*dv+c)*4+t%4]>>(t/4%2*4)&15], ratio[c/block*Tile+t])))
		}
		var centre []float32
		if mu != nil {
			centre = mu[c:]
		}
		for i := range m {
			var sum [1]int32
			for t, w := range p[i*Tile:][:n] {
				sum[0] += int32(w) * codes[t]
			}
			foldI8_generic(o[i*dv+c:], sum[:], centre, f[i:], 1, 1)
		}
	}
}
