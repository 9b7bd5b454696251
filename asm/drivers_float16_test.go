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

// driveScores drives a kernel that reads keys in place; key reads token t, channel c.
func driveScores(g *gen, m, n, d int, k []byte, key func(t, c int) float64,
	call func(f any, s, q []float32, k, next []byte)) trial {
	q := g.finite(m*d, 20)
	value, tol := make([]float64, m*Tile), make([]float64, m*Tile)
	for i := range m {
		for j := range n {
			var s boundedSum
			for c := range d {
				s.add(float64(q[i*d+c]), key(j, c))
			}
			value[i*Tile+j], tol[i*Tile+j] = s.sum, s.fused()
		}
	}
	return trial{
		ops:  []operand{out(make([]float32, m*Tile), matrix(m, n, 16*ceilDiv(n, 16))).near(value, tol), in(q), in(k), in(g.hint())},
		call: func(f any, a [][]byte) { call(f, view[float32](a[0]), view[float32](a[1]), a[2], a[3]) },
		work: 2 * float64(m*n*d),
	}
}

// boundedSum is a sum of products and what bounds its error.
type boundedSum struct {
	sum, mag, size float64
	n              int
}

func (s *boundedSum) add(a, b float64) {
	s.sum, s.mag, s.size, s.n = s.sum+a*b, s.mag+math.Abs(a*b), s.size+math.Abs(a)+math.Abs(b), s.n+1
}

// fused is the bound of kernels of float32 factors, paired that of bfloat16 ones.
func (s *boundedSum) fused() float64 { return float64(s.n+1)*0x1p-24*s.mag + float64(s.n)*0x1p-150 }
func (s *boundedSum) paired() float64 {
	return float64(s.n+2)*0x1p-24*s.mag + 0x1p-125*s.size + float64(s.n)*0x1p-124
}

func driveQKF16(g *gen, m, n, d int) trial {
	k := g.halves(ceilDiv(n, 16) * 16 * d)
	key := func(t, c int) float64 { return half64(binary.LittleEndian.Uint16(k[2*((t/16*d+c)*16+t%16):])) }
	return driveScores(g, m, n, d, k, key, func(f any, s, q []float32, k, next []byte) {
		f.(QKF16Func)(s, q, k, m, n, d, next)
	})
}

// brainKeys draws a tile of bfloat16 keys and returns how to read it.
func (g *gen) brainKeys(n, d int) (k []byte, key func(t, c int) float64) {
	d2 := (d + 1) / 2
	k = g.brains(ceilDiv(n, 16) * 32 * d2)
	if d%2 == 1 {
		for g := range ceilDiv(n, 16) {
			for t := range 16 {
				clear(k[2*(((g*d2+d2-1)*16+t)*2+1):][:2])
			}
		}
	}
	return k, func(t, c int) float64 { return float64(bfloat(k, ((t/16*d2+c/2)*16+t%16)*2+c%2)) }
}

func driveQKBF16(g *gen, m, n, d int) trial {
	k, key := g.brainKeys(n, d)
	return driveScores(g, m, n, d, k, key, func(f any, s, q []float32, k, next []byte) {
		f.(QKBF16Func)(s, q, k, m, n, d, next)
	})
}

// brainQueries draws rows of bfloat16 queries, padded to 4 channels.
func (g *gen) brainQueries(m, d int) []uint16 {
	d4 := ceilDiv(d, 4)
	q := view[uint16](g.brains(m * 4 * d4))
	for i := range q {
		if i%(4*d4) >= d {
			q[i] = 0
		}
	}
	return q
}

// logit is score·a + b and its bound, given that of the score.
func logit(score, bound float64, a, b float32) (value, tol float64) {
	x := score * float64(a)
	return x + float64(b), bound*math.Abs(float64(a))*(1+0x1p-20) + 0x1p-23*(math.Abs(x)+math.Abs(float64(b))) + 0x1p-148
}

func driveQKPairBF16(g *gen, m, n, d int) trial {
	k, key := g.brainKeys(n, d)
	q, a, b := g.brainQueries(m, d), g.finite(m, 10), g.finite(m, 30)
	value, tol := make([]float64, m*Tile), make([]float64, m*Tile)
	for i := range m {
		for j := range n {
			var s boundedSum
			for c := range d {
				s.add(float64(brain(q[i*4*ceilDiv(d, 4)+c])), key(j, c))
			}
			value[i*Tile+j], tol[i*Tile+j] = logit(s.sum, s.paired(), a[i], b[i])
		}
	}
	return trial{
		ops: []operand{out(make([]float32, m*Tile), matrix(m, n, 16*ceilDiv(n, 16))).near(value, tol), in(q), in(k), in(a), in(b), in(g.hint())},
		call: func(f any, x [][]byte) {
			f.(QKPairBF16Func)(view[float32](x[0]), view[uint16](x[1]), x[2], view[float32](x[3]), view[float32](x[4]), m, n, d, x[5])
		},
		work: 2 * float64(m*n*d),
	}
}

// fp8Table draws what codes stand for.
func (g *gen) fp8Table() *FP8Table {
	t := &FP8Table{}
	b := g.brains(128)
	for i := range 128 {
		t.Lo[i], t.Hi[i] = b[2*i], b[2*i+1]&0x7f
	}
	return t
}

func driveQKPairFP8(g *gen, m, n, d int) trial {
	d4 := ceilDiv(d, 4)
	q, k, table := g.brainQueries(m, d), g.codes(ceilDiv(n, 16)*d4*64), g.fp8Table()
	scale, a, b := g.finite(16*ceilDiv(n, 16), 10), g.finite(m, 10), g.finite(m, 30)
	value, tol := make([]float64, m*Tile), make([]float64, m*Tile)
	for i := range m {
		for j := range n {
			var s boundedSum
			for c := range d {
				s.add(float64(brain(q[i*4*d4+c])), float64(table.Float32(k[((j/16*d4+c/4)*16+j%16)*4+c%4])))
			}
			x := float64(scale[j])
			value[i*Tile+j], tol[i*Tile+j] = logit(s.sum*x, (s.paired()+0x1p-24*math.Abs(s.sum))*math.Abs(x)*(1+0x1p-20)+0x1p-149, a[i], b[i])
		}
	}
	return trial{
		ops: []operand{out(make([]float32, m*Tile), matrix(m, n, 16*ceilDiv(n, 16))).near(value, tol), in(q), in(k), in(scale),
			in([]FP8Table{*table}), in(a), in(b), in(g.hint())},
		call: func(f any, x [][]byte) {
			f.(QKPairFP8Func)(view[float32](x[0]), view[uint16](x[1]), x[2], view[float32](x[3]), &view[FP8Table](x[4])[0],
				view[float32](x[5]), view[float32](x[6]), m, n, d, x[7])
		},
		work: 2 * float64(m*n*d),
	}
}

// driveSums drives a kernel that reads values in place, as driveScores.
func driveSums(g *gen, m, n, dv int, v []byte, val func(t, c int) float64,
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
			var s boundedSum
			for t := range n {
				s.add(float64(p[i*Tile+t]), val(t, c))
			}
			value[i*dv+c], tol[i*dv+c] = s.sum, s.fused()
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
	return driveSums(g, m, n, dv, v, val, func(f any, o, p []float32, v, next []byte) {
		f.(PVF16Func)(o, p, v, m, n, dv, next)
	})
}

// brainValues draws a tile of bfloat16 values and returns how to read it.
func (g *gen) brainValues(n, dv int) (v []byte, val func(t, c int) float64) {
	v = g.brains(ceilDiv(n, 2) * 2 * dv)
	if n%2 == 1 { // NaN in the token that takes no part
		for c := range dv {
			binary.LittleEndian.PutUint16(v[2*((n/2*dv+c)*2+1):], 0x7fc0)
		}
	}
	return v, func(t, c int) float64 { return float64(bfloat(v, (t/2*dv+c)*2+t%2)) }
}

func drivePVBF16(g *gen, m, n, dv int) trial {
	v, val := g.brainValues(n, dv)
	return driveSums(g, m, n, dv, v, val, func(f any, o, p []float32, v, next []byte) {
		f.(PVBF16Func)(o, p, v, m, n, dv, next)
	})
}

// drivePairSums drives a kernel of bfloat16 weights that moves the states.
func drivePairSums(g *gen, m, n, dv int, v []byte, table *FP8Table, val func(t, c int) float64,
	call func(k any, o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, next []byte)) trial {
	p := view[uint16](g.brains(m * Tile))
	for i := range p {
		if p[i] &= 0x7fff; i%Tile >= n {
			p[i] = 0x7fc0 // not part of the sum
		}
		if n%2 == 1 && i%Tile == n {
			p[i] = 0
		}
	}
	o, mu, folds := g.finite(m*dv, 40), []float32(nil), make([]Fold, m)
	if g.IntN(2) == 0 {
		mu = g.finite(dv, 40)
	}
	value, tol := make([]float64, m*dv), make([]float64, m*dv)
	for i := range m {
		f := &folds[i]
		*f = Fold{float32(math.Abs(float64(g.float(40)))), g.float(20), g.float(40)}
		if g.IntN(6) == 0 {
			f.Alpha = [...]float32{-1, -f.Alpha, float32(math.Copysign(0, -1))}[g.IntN(3)]
		}
		for c := range dv {
			var s boundedSum
			for t := range n {
				s.add(float64(brain(p[i*Tile+t])), val(t, c))
			}
			x := float64(o[i*dv+c])
			if math.Signbit(float64(f.Alpha)) {
				value[i*dv+c] = x
				continue
			}
			a, b, centre := float64(f.Alpha)*x, float64(f.Beta)*s.sum, 0.0
			if mu != nil {
				centre = float64(f.Gamma) * float64(mu[c])
			}
			value[i*dv+c] = a + (b + centre)
			tol[i*dv+c] = s.paired()*math.Abs(float64(f.Beta))*(1+0x1p-20) + 0x1p-22*(math.Abs(a)+math.Abs(b)+math.Abs(centre)) + 0x1p-147
		}
	}
	return trial{
		ops: []operand{inout(o, o, nil).near(value, tol), in(p), in(v), in([]FP8Table{*table}), in(mu), in(folds), in(g.hint())},
		call: func(k any, a [][]byte) {
			call(k, view[float32](a[0]), view[uint16](a[1]), a[2], &view[FP8Table](a[3])[0], orNil(mu, a[4]), view[Fold](a[5]), a[6])
		},
		work: float64(m * dv * (2*n + 5)),
	}
}

func drivePVPairBF16(g *gen, m, n, dv int) trial {
	v, val := g.brainValues(n, dv)
	return drivePairSums(g, m, n, dv, v, &FP8Table{}, val, func(k any, o []float32, p []uint16, v []byte, _ *FP8Table, mu []float32, f []Fold, next []byte) {
		k.(PVPairBF16Func)(o, p, v, mu, f, m, n, dv, next)
	})
}

func drivePVPairFP8(g *gen, m, n, dv int) trial {
	v, table := g.codes(n*dv), g.fp8Table()
	val := func(t, c int) float64 { return float64(table.Float32(v[t*dv+c])) }
	return drivePairSums(g, m, n, dv, v, table, val, func(k any, o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, next []byte) {
		k.(PVPairFP8Func)(o, p, v, table, mu, f, m, n, dv, next)
	})
}

func drivePackBF16(g *gen, m, n, _ int) trial {
	y, sv := g.floats(m*Tile, 250), g.finite(n, 120)
	if g.IntN(3) == 0 {
		sv = nil
	}
	rows := (m-1)*Tile + n
	if n%2 == 1 {
		rows++
	}
	want, mask := make([]uint16, rows), make([]uint8, rows)
	for i := range m {
		for j := range n {
			x := y[i*Tile+j]
			if sv != nil {
				x = mul(x, sv[j])
			}
			want[i*Tile+j], mask[i*Tile+j] = toBrain(x), spec
		}
		if n%2 == 1 {
			mask[i*Tile+n] = spec
		}
	}
	return trial{
		ops: []operand{out(want, mask), in(y[:(m-1)*Tile+n]), in(sv)},
		call: func(f any, a [][]byte) {
			f.(PackBF16Func)(view[uint16](a[0]), view[float32](a[1]), view[float32](a[2]), m, n)
		},
		work: float64(m * n),
	}
}
