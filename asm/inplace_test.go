package asm

import (
	"bytes"
	"testing"
)

// TestInPlaceBits: scores and sums over 16-bit tiles have the bits of those over expanded
// tiles, unless a kernel multiplies bfloat16 parts. Callers choose between the two by the
// number of rows, and a row's bits must not depend on the rows beside it.
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
			ks.QKF32(s[1], q, kf, m, n, d)
			check("F16 scores", s, n, Tile)
			ks.PVF16(o[0], p, v, m, n, d, v)
			ks.Dec16(vf, v, v)
			ks.PVF32(o[1], p, vf, m, n, d)
			check("F16 sums", o, d, d)
			if ks.SplitsBF16() {
				continue
			}
			k, v = g.brains(groups*32*ceilDiv(d, 2)), g.brains(ceilDiv(n, 2)*2*d)
			ks.QKBF16(s[0], q, k, m, n, d, k)
			ks.DecBF16K(kf, k, n, d, k)
			ks.QKF32(s[1], q, kf, m, n, d)
			check("BF16 scores", s, n, Tile)
			ks.PVBF16(o[0], p, v, m, n, d, v)
			ks.DecBF16V(vf, v, n, d, v)
			ks.PVF32(o[1], p, vf, m, n, d)
			check("BF16 sums", o, d, d)
		}
	}
}
