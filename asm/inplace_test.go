package asm

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// TestInPlaceBits: scores and sums over 16-bit tiles have the bits of those over expanded
// tiles. Callers choose between the two by the number of rows, and a row's bits must not
// depend on the rows beside it.
func TestInPlaceBits(t *testing.T) {
	for _, name := range TierNames() {
		tier, _ := ParseTier(name)
		if tier&^have != 0 {
			t.Logf("%s is not available", name)
			continue
		}
		ks := Select(tier)
		for i := range 400 {
			g := newGen(uint64(i), gauss)
			m, n, d := 1+g.IntN(17), 1+g.IntN(Tile), 1+g.IntN(150)
			groups := ceilDiv(n, 16)
			q, p := g.finite(m*d, 20), g.finite(m*Tile, 10)
			s, o := [2][]float32{make([]float32, m*Tile), make([]float32, m*Tile)}, [2][]float32{make([]float32, m*d), make([]float32, m*d)}
			kf, vf := make([]float32, groups*16*d), make([]float32, n*d)
			check := func(what string, got [2][]float32, width, stride int) {
				for r := range m {
					a, b := got[0][r*stride:][:width], got[1][r*stride:][:width]
					if !bytes.Equal(raw(a), raw(b)) {
						t.Fatalf("%s, %s m=%d n=%d d=%d row %d: in place and expanded differ", name, what, m, n, d, r)
					}
				}
			}
			k, v := g.halves(groups*16*d), g.halves(n*d)
			ks.QKF16(s[0], q, k, m, n, d, k)
			ks.Dec16(kf, k, k)
			ks.QKF32(s[1], q, kf, m, n, d, raw(kf))
			check("F16 scores", s, n, Tile)
			ks.PVF16(o[0], p, v, m, n, d, v)
			ks.Dec16(vf, v, v)
			ks.PVF32(o[1], p, vf, m, n, d, raw(vf))
			check("F16 sums", o, d, d)
			k, v = g.brains(groups*32*ceilDiv(d, 2)), g.brains(ceilDiv(n, 2)*2*d)
			ks.QKBF16(s[0], q, k, m, n, d, k)
			ks.DecBF16K(kf, k, n, d, k)
			ks.QKF32(s[1], q, kf, m, n, d, raw(kf))
			check("BF16 scores", s, n, Tile)
			ks.PVBF16(o[0], p, v, m, n, d, v)
			ks.DecBF16V(vf, v, n, d, v)
			ks.PVF32(o[1], p, vf, m, n, d, raw(vf))
			check("BF16 sums", o, d, d)
		}
	}
}

// TestRowsAlone: the bits of a row of scores or sums do not depend on the rows beside it,
// or on what is not finite.
func TestRowsAlone(t *testing.T) {
	for _, name := range TierNames() {
		tier, _ := ParseTier(name)
		if tier&^have != 0 {
			t.Logf("%s is not available", name)
			continue
		}
		ks := Select(tier)
		for i := range 300 {
			g := newGen(uint64(i), gauss)
			m, n, d := 1+g.IntN(17), 1+g.IntN(Tile), 1+g.IntN(150)
			q, p := g.finite(m*d, 20), g.finite(m*Tile, 10)
			groups := ceilDiv(n, 16)
			half, brain := g.halves(groups*16*d), g.brains(groups*32*ceilDiv(d, 2))
			vHalf, vBrain := g.halves(n*d), g.brains(ceilDiv(n, 2)*2*d)
			g.spoil(brain)
			g.spoil(vBrain)
			kf, vf := make([]float32, groups*16*d), make([]float32, n*d)
			ks.DecBF16K(kf, brain, n, d, brain)
			ks.DecBF16V(vf, vBrain, n, d, vBrain)
			rowsAlone(t, ks, "QKF32", m, d, Tile, n, q, func(s, q []float32, m int) { ks.QKF32(s, q, kf, m, n, d, raw(kf)) })
			rowsAlone(t, ks, "QKF16", m, d, Tile, n, q, func(s, q []float32, m int) { ks.QKF16(s, q, half, m, n, d, half) })
			rowsAlone(t, ks, "QKBF16", m, d, Tile, n, q, func(s, q []float32, m int) { ks.QKBF16(s, q, brain, m, n, d, brain) })
			rowsAlone(t, ks, "PVF32", m, Tile, d, d, p, func(o, p []float32, m int) { ks.PVF32(o, p, vf, m, n, d, raw(vf)) })
			rowsAlone(t, ks, "PVF16", m, Tile, d, d, p, func(o, p []float32, m int) { ks.PVF16(o, p, vHalf, m, n, d, vHalf) })
			rowsAlone(t, ks, "PVBF16", m, Tile, d, d, p, func(o, p []float32, m int) { ks.PVBF16(o, p, vBrain, m, n, d, vBrain) })
			q16, p16 := g.brainQueries(m, d), view[uint16](g.brains(m*Tile))
			for r := range m {
				if n < Tile {
					p16[r*Tile+n] = 0
				}
			}
			k8, v8, scale, table := g.codes(groups*64*ceilDiv(d, 4)), g.codes(n*d), g.finite(Tile, 10), g.fp8Table()
			a, b := slices.Repeat([]float32{0.3}, m), slices.Repeat([]float32{0.7}, m)
			rowsAlone(t, ks, "QKPairBF16", m, len(q16)/m, Tile, n, q16, func(s []float32, q []uint16, m int) { ks.QKPairBF16(s, q, brain, a, b, m, n, d, brain) })
			rowsAlone(t, ks, "QKPairFP8", m, len(q16)/m, Tile, n, q16, func(s []float32, q []uint16, m int) { ks.QKPairFP8(s, q, k8, scale, table, a, b, m, n, d, k8) })
			fold, mu := make([]Fold, m), g.finite(d, 10)
			for r := range fold {
				fold[r] = Fold{0.5, 0.75, 0.25}
			}
			rowsAlone(t, ks, "PVPairBF16", m, Tile, d, d, p16, func(o []float32, p []uint16, m int) {
				clear(o)
				ks.PVPairBF16(o, p, vBrain, mu, fold, m, n, d, vBrain)
			})
			rowsAlone(t, ks, "PVPairFP8", m, Tile, d, d, p16, func(o []float32, p []uint16, m int) {
				clear(o)
				ks.PVPairFP8(o, p, v8, table, mu, fold, m, n, d, v8)
			})
		}
	}
}

// rowsAlone calls a kernel on m rows of src, and on each alone. Rows of dst are stride
// apart and the first width elements of them are specified.
func rowsAlone[T any](t *testing.T, ks *Set, family string, m, srcStride, stride, width int, src []T, call func(dst []float32, src []T, m int)) {
	t.Helper()
	all, one := make([]float32, m*stride), make([]float32, stride)
	call(all, src, m)
	for r := range m {
		call(one, src[r*srcStride:][:srcStride], 1)
		if got, want := all[r*stride:][:width], one[:width]; !bytes.Equal(raw(got), raw(want)) {
			t.Fatalf("%s m=%d row %d: %v, alone %v", ks.Name(family), m, r, got, want)
		}
	}
}

// spoil puts a few infinities and NaN among bfloat16 numbers.
func (g *gen) spoil(b []byte) {
	for range g.IntN(4) {
		bits := [...]uint16{0x7f80, 0xff80, 0x7fc0}[g.IntN(3)]
		binary.LittleEndian.PutUint16(b[2*g.IntN(len(b)/2):], bits)
	}
}

// TestInfiniteKeys: an infinite key gives the score that IEEE arithmetic gives.
func TestInfiniteKeys(t *testing.T) {
	for _, e := range family("QKPairBF16") {
		for i := range 200 {
			g := newGen(uint64(i), gauss)
			m, n, d := 1+g.IntN(9), 1+g.IntN(Tile), 1+g.IntN(100)
			q, k := g.brainQueries(m, d), g.brains(ceilDiv(n, 16)*32*ceilDiv(d, 2))
			at := ceilDiv(d, 2) * 64 * g.IntN(ceilDiv(n, 16)) // first channel of some token
			at += 4 * g.IntN(16)
			for r := range m {
				q[r*(len(q)/m)] |= 0x100 // no subnormal number, which may count as a zero
			}
			binary.LittleEndian.PutUint16(k[at:], 0x7f80|uint16(g.IntN(2))<<15)
			got, want := make([]float32, m*Tile), make([]float32, m*Tile)
			one, zero := slices.Repeat([]float32{1}, m), make([]float32, m)
			e.Func.(QKPairBF16Func)(got, q, k, one, zero, m, n, d, k)
			qkPairBF16_generic(want, q, k, one, zero, m, n, d, k)
			for r := range m {
				for j := range n {
					g, w := float64(got[r*Tile+j]), float64(want[r*Tile+j])
					if math.IsInf(w, 0) && g != w || math.IsNaN(w) != math.IsNaN(g) {
						t.Fatalf("%s m=%d n=%d d=%d: score %v, want %v", e.Name, m, n, d, g, w)
					}
				}
			}
		}
	}
}
