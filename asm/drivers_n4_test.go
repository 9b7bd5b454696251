package asm

import (
	"math"
	"slices"
)

// book draws ascending levels from −127 to 127 with a zero among them.
func (g *gen) book() *ScaledBook {
	levels := [16]int8{-127, 127, 0}
	for i := range levels[3:] {
		levels[3+i] = int8(g.IntN(255) - 127)
	}
	slices.Sort(levels[:])
	return NewScaledBook(&levels)
}

// scaledCode is level·(k+1)/16 to the nearest integer, halves up.
func scaledCode(book *ScaledBook, k, nibble int) int {
	return int(math.Floor(float64(book.Codes[15][nibble])*float64(k+1)/16 + 0.5))
}

// multN4 is the multiplier index of token t, channel c.
func multN4(mult []byte, t, c int) int { return int(mult[c/32*Tile+t] >> (c / 16 % 2 * 4) & 15) }

func driveExpN4K(g *gen, _, n, d int) trial {
	d4 := (d + 3) / 4
	k, mult, book := g.codes(ceilDiv(n, 32)*d4*64), g.codes(ceilDiv(d, 32)*Tile), g.book()
	want := make([]byte, ceilDiv(n, 16)*d4*64)
	for t := range n {
		for c := range 4 * d4 {
			x := scaledCode(book, multN4(mult, t, c), nibbleK(k, d, t, c))
			want[((t/16*d4+c/4)*16+t%16)*4+c%4] = byte(x + 128)
		}
	}
	return trial{
		ops:  []operand{out(want, lanes(n, d4, 4)), in(k), in(mult), in([]ScaledBook{*book}), in(g.hint())},
		call: func(f any, a [][]byte) { f.(ExpN4KFunc)(a[0], a[1], a[2], &view[ScaledBook](a[3])[0], n, d, a[4]) },
		work: float64(n * d),
	}
}

func driveExpN4V(g *gen, _, n, d int) trial {
	v, mult, book := g.codes(ceilDiv(n, 8)*d*4), g.codes(ceilDiv(d, 32)*Tile), g.book()
	want := make([]byte, ceilDiv(n, 4)*d*4)
	for t := range n {
		for c := range d {
			want[(t/4*d+c)*4+t%4] = byte(scaledCode(book, multN4(mult, t, c), nibbleV(v, d, t, c)))
		}
	}
	return trial{
		ops:  []operand{out(want, nil), in(v), in(mult), in([]ScaledBook{*book}), in(g.hint())},
		call: func(f any, a [][]byte) { f.(ExpN4VFunc)(a[0], a[1], a[2], &view[ScaledBook](a[3])[0], n, d, a[4]) },
		work: float64(n * d),
	}
}

func driveQKScaleN4(g *gen, m, n, d int) trial {
	q, k, mult, book := g.queries(m, d), g.codes(ceilDiv(n, 32)*ceilDiv(d, 4)*64), g.codes(ceilDiv(d, 32)*Tile), g.book()
	sk, a, b := g.floats(n, 128), g.floats(m, 128), g.floats(m, 128)
	scores, want := scoresN4(q, k, mult, book, m, n, d), make([]float32, m*Tile)
	for i := range m {
		for j := range n {
			want[i*Tile+j] = add(mul(mul(float32(scores[i*Tile+j]), a[i]), sk[j]), b[i])
		}
	}
	return trial{
		ops: []operand{out(want, matrix(m, n, 32*ceilDiv(n, 32))), in(q), in(k), in(mult), in([]ScaledBook{*book}), in(sk), in(a), in(b), in(g.hint())},
		call: func(f any, x [][]byte) {
			f.(QKScaleN4Func)(view[float32](x[0]), view[int8](x[1]), x[2], x[3], &view[ScaledBook](x[4])[0], view[float32](x[5]), view[float32](x[6]),
				view[float32](x[7]), m, n, (d+3)/4, x[8])
		},
		work: float64(m * n * (2*d + 3)),
	}
}

// scoresN4 multiplies int8 queries and a nibble K tile under a scaled code book.
func scoresN4(q []int8, k, mult []byte, book *ScaledBook, m, n, d int) []int32 {
	scores := make([]int32, m*Tile)
	for i := range m {
		for j := range n {
			sum := 0
			for c := range d {
				sum += int(q[i*4*ceilDiv(d, 4)+c]) * scaledCode(book, multN4(mult, j, c), nibbleK(k, d, j, c))
			}
			scores[i*Tile+j] = int32(sum)
		}
	}
	return scores
}

func drivePVFoldN4(g *gen, m, n, dv int) trial {
	p, v, mult, book := g.codes(m*Tile), g.codes(ceilDiv(n, 8)*dv*4), g.codes(ceilDiv(dv, 32)*Tile), g.book()
	x := make([]float32, m*dv)
	for i := range m {
		clear(p[i*Tile+n : i*Tile+4*ceilDiv(n, 4)])
		for c := range dv {
			sum := 0
			for t := range n {
				sum += int(p[i*Tile+t]) * scaledCode(book, multN4(mult, t, c), nibbleV(v, dv, t, c))
			}
			x[i*dv+c] = float32(sum)
		}
	}
	o, mu, f, states := g.folding(m, dv, x)
	return trial{
		ops: []operand{inout(o, states, nil), in(p), in(v), in(mult), in([]ScaledBook{*book}), in(mu), in(f), in(g.hint())},
		call: func(k any, b [][]byte) {
			k.(PVFoldN4Func)(view[float32](b[0]), b[1], b[2], b[3], &view[ScaledBook](b[4])[0], orNil(mu, b[5]), view[Fold](b[6]), m, n, dv, b[7])
		},
		work: float64(m * dv * (2*n + 5)),
	}
}

// encRowN4 draws a row of blocks of any size, many of its quotients half-way cases, and
// computes its multiplier indices and codes from the text of the contract.
func (g *gen) encRowN4(d int, book *ScaledBook) (x []float32, scale float32, mult []int8, codes []byte) {
	x, scale = g.finite(d, 80), g.encScale()
	mult, codes = make([]int8, ceilDiv(d, 32)), make([]byte, d)
	for b := range ceilDiv(d, 16) {
		top, part := g.IntN(127)+1, x[16*b:min(16*b+16, d)]
		var v [16]int
		covers := 0
		for c := range part {
			switch g.kind {
			case gauss, ties:
				part[c] = mul(float32(g.IntN(4*top+1)-2*top)/2, scale)
			case special, zeros:
				part[c] = mul(float32(top*(g.IntN(3)-1)), scale)
			}
			v[c] = int(math.RoundToEven(min(max(float64(div(part[c], scale)), -127), 127)))
			for covers < 15 && scaledCode(book, covers, 15) < max(v[c], -v[c]) {
				covers++
			}
		}
		least := math.MaxInt
		for _, k := range []int{covers, min(covers+1, 15), max(covers-1, 0)} {
			var trial [16]byte
			squares := 0
			for c := range v {
				for i := range 15 {
					low, high := scaledCode(book, k, i), scaledCode(book, k, i+1)
					if 2*v[c] > low+high || 2*v[c] == low+high && i%2 == 1 && low < high {
						trial[c]++
					}
				}
				e := v[c] - scaledCode(book, k, int(trial[c]))
				squares += e * e
			}
			if squares < least {
				least = squares
				copy(codes[16*b:], trial[:len(part)])
				low := byte(mult[b/2])
				if mult[b/2] = int8(k); b%2 == 1 {
					mult[b/2] = int8(low&15 | byte(k<<4))
				}
			}
		}
	}
	return x, scale, mult, codes
}

// driveEncN4 drives a row quantizer by a scaled book; channel c lies at byte at(c).
func driveEncN4(at func(c int) int, call func(k any, dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool)) func(*gen, int, int, int) trial {
	return func(g *gen, _, _, d int) trial {
		book, high := g.book(), g.IntN(2) == 0
		x, scale, mult, codes := g.encRowN4(d, book)
		n := 0
		if d > 0 {
			n = at(d-1) + 1
		}
		before, mask := g.codes(n), make([]uint8, n)
		after := slices.Clone(before)
		for c, q := range codes {
			i := at(c)
			if mask[i] = spec; high {
				after[i] = after[i]&15 | q<<4
			} else {
				after[i] = after[i]&0xf0 | q
			}
		}
		return trial{
			ops: []operand{inout(before, after, mask), scattered(mult, 0, func(g int) int { return Tile * g }), in(x), in([]ScaledBook{*book})},
			call: func(k any, b [][]byte) {
				call(k, b[0], b[1], view[float32](b[2]), &view[ScaledBook](b[3])[0], scale, high)
			},
			work: 20 * float64(d),
		}
	}
}

func driveEncN4K() func(*gen, int, int, int) trial {
	return driveEncN4(func(c int) int { return c/4*64 + c%4 }, func(k any, dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
		k.(EncN4KFunc)(dst, mult, x, book, scale, high)
	})
}

func driveEncN4V() func(*gen, int, int, int) trial {
	return driveEncN4(func(c int) int { return 4 * c }, func(k any, dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
		k.(EncN4VFunc)(dst, mult, x, book, scale, high)
	})
}
