package asm

import (
	"encoding/binary"
	"math"
)

// halves draws n binary16 patterns of finite values.
func (g *gen) halves(n int) []byte {
	b := g.codes(2 * n)
	for i := range n {
		if b[2*i+1]&0x7c == 0x7c {
			b[2*i+1] ^= 0x40
		}
	}
	return b
}

// brains draws n bfloat16 patterns of magnitudes around one, subnormal ones among them.
func (g *gen) brains(n int) []byte {
	b := make([]byte, 2*n)
	for i, x := range g.finite(n, 40) {
		bits := math.Float32bits(x) >> 16
		if g.IntN(50) == 0 {
			bits &= 0x807f
		}
		binary.LittleEndian.PutUint16(b[2*i:], uint16(bits))
	}
	return b
}

// driveScores drives a kernel that reads keys in place; key reads token t, channel c, and
// split is the extra relative error a kernel may add.
func driveScores(g *gen, m, n, d int, k []byte, key func(t, c int) float64, split float64,
	call func(f any, s, q []float32, k, next []byte)) trial {
	q := g.finite(m*d, 20)
	value, tol := make([]float64, m*Tile), make([]float64, m*Tile)
	for i := range m {
		for j := range n {
			var sum, mag, size float64
			for c := range d {
				a, b := float64(q[i*d+c]), key(j, c)
				sum, mag, size = sum+a*b, mag+math.Abs(a*b), size+math.Abs(a)+math.Abs(b)
			}
			value[i*Tile+j], tol[i*Tile+j] = sum, split16(d, mag, size, split)
		}
	}
	return trial{
		ops:  []operand{out(make([]float32, m*Tile), matrix(m, n, 16*ceilDiv(n, 16))).near(value, tol), in(q), in(k), in(g.hint())},
		call: func(f any, a [][]byte) { call(f, view[float32](a[0]), view[float32](a[1]), a[2], a[3]) },
		work: 2 * float64(m*n*d),
	}
}

// split16 is the bound of a sum of n products of total magnitude mag and operands of total
// magnitude size, each product with the relative error split of an operand in two parts; 0
// for whole operands.
func split16(n int, mag, size, split float64) float64 {
	if split == 0 {
		return float64(n+1)*0x1p-24*mag + float64(n)*0x1p-150
	}
	return (float64(2*n+2)*0x1p-24+split)*mag + 0x1p-125*size + float64(n)*0x1p-124
}

func driveQKF16(g *gen, m, n, d int) trial {
	k := g.halves(ceilDiv(n, 16) * 16 * d)
	key := func(t, c int) float64 { return half64(binary.LittleEndian.Uint16(k[2*((t/16*d+c)*16+t%16):])) }
	return driveScores(g, m, n, d, k, key, 0, func(f any, s, q []float32, k, next []byte) {
		f.(QKF16Func)(s, q, k, m, n, d, next)
	})
}

func driveQKBF16(g *gen, m, n, d int) trial {
	d2 := (d + 1) / 2
	k := g.brains(ceilDiv(n, 16) * 32 * d2)
	if d%2 == 1 {
		for g := range ceilDiv(n, 16) {
			for t := range 16 {
				clear(k[2*(((g*d2+d2-1)*16+t)*2+1):][:2])
			}
		}
	}
	key := func(t, c int) float64 { return float64(bfloat(k, ((t/16*d2+c/2)*16+t%16)*2+c%2)) }
	return driveScores(g, m, n, d, k, key, 0x1p-16, func(f any, s, q []float32, k, next []byte) {
		f.(QKBF16Func)(s, q, k, m, n, d, next)
	})
}

// driveSums drives a kernel that reads values in place, as driveScores.
func driveSums(g *gen, m, n, dv int, v []byte, val func(t, c int) float64, split float64,
	call func(f any, o, p []float32, v, next []byte)) trial {
	p := g.finite(m*Tile, 10)
	for i := range p {
		if p[i] = float32(math.Abs(float64(p[i]))); i%Tile >= n {
			p[i] = nan32 // not part of the sum
		}
	}
	value, tol := make([]float64, m*dv), make([]float64, m*dv)
	for i := range m {
		for c := range dv {
			var sum, mag, size float64
			for t := range n {
				a, b := float64(p[i*Tile+t]), val(t, c)
				sum, mag, size = sum+a*b, mag+math.Abs(a*b), size+math.Abs(a)+math.Abs(b)
			}
			value[i*dv+c], tol[i*dv+c] = sum, split16(n, mag, size, split)
		}
	}
	return trial{
		ops:  []operand{out(make([]float32, m*dv), nil).near(value, tol), in(p), in(v), in(g.hint())},
		call: func(f any, a [][]byte) { call(f, view[float32](a[0]), view[float32](a[1]), a[2], a[3]) },
		work: 2 * float64(m*n*dv),
	}
}

func drivePVF16(g *gen, m, n, dv int) trial {
	v := g.halves(n * dv)
	val := func(t, c int) float64 { return half64(binary.LittleEndian.Uint16(v[2*(t*dv+c):])) }
	return driveSums(g, m, n, dv, v, val, 0, func(f any, o, p []float32, v, next []byte) {
		f.(PVF16Func)(o, p, v, m, n, dv, next)
	})
}

func drivePVBF16(g *gen, m, n, dv int) trial {
	v := g.brains(ceilDiv(n, 2) * 2 * dv)
	if n%2 == 1 { // NaN in the token that takes no part
		for c := range dv {
			binary.LittleEndian.PutUint16(v[2*((n/2*dv+c)*2+1):], 0x7fc0)
		}
	}
	val := func(t, c int) float64 { return float64(bfloat(v, (t/2*dv+c)*2+t%2)) }
	return driveSums(g, m, n, dv, v, val, 0x1p-16, func(f any, o, p []float32, v, next []byte) {
		f.(PVBF16Func)(o, p, v, m, n, dv, next)
	})
}
