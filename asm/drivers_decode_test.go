package asm

import (
	"encoding/binary"
	"math"
)

// lanes masks a K expansion: groups of width/16 bytes or floats per token, rows of 16
// tokens, of which those below n are specified.
func lanes(n, rows, perToken int) []uint8 {
	groups := ceilDiv(n, 16)
	mask := make([]uint8, groups*rows*16*perToken)
	for i := range mask {
		g, lane := i/(rows*16*perToken), i%(16*perToken)/perToken
		mask[i] = any_
		if g*16+lane < n {
			mask[i] = spec
		}
	}
	return mask
}

// expandK computes the wanted [d][16] groups from the value of token t, channel c.
func expandK(n, d int, value func(t, c int) float32) operand {
	want := make([]float32, ceilDiv(n, 16)*16*d)
	for t := range n {
		for c := range d {
			want[(t/16*d+c)*16+t%16] = value(t, c)
		}
	}
	return out(want, lanes(n, d, 1))
}

// expandV computes the wanted rows.
func expandV(n, d int, value func(t, c int) float32) operand {
	want := make([]float32, n*d)
	for t := range n {
		for c := range d {
			want[t*d+c] = value(t, c)
		}
	}
	return out(want, nil)
}

func driveDecI8K(g *gen, _, n, d int) trial {
	d4 := (d + 3) / 4
	k, scale := g.codes(ceilDiv(n, 16)*64*d4), g.floats(16*ceilDiv(n, 16), 128)
	return trial{
		ops: []operand{expandK(n, d, func(t, c int) float32 {
			return mul(float32(int(k[((t/16*d4+c/4)*16+t%16)*4+c%4])-128), scale[t])
		}), in(k), in(scale), in(g.hint())},
		call: func(f any, a [][]byte) { f.(DecI8KFunc)(view[float32](a[0]), a[1], view[float32](a[2]), n, d, a[3]) },
		work: float64(n * d),
	}
}

func driveDecI8V(g *gen, _, n, d int) trial {
	v, scale := g.codes(ceilDiv(n, 4)*4*d), g.floats(n, 128)
	return trial{
		ops: []operand{expandV(n, d, func(t, c int) float32 {
			return mul(float32(int8(v[(t/4*d+c)*4+t%4])), scale[t])
		}), in(v), in(scale), in(g.hint())},
		call: func(f any, a [][]byte) { f.(DecI8VFunc)(view[float32](a[0]), a[1], view[float32](a[2]), n, d, a[3]) },
		work: float64(n * d),
	}
}

// half64 is the definition of binary16, in float64.
func half64(h uint16) float64 {
	sign, e, f := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	switch {
	case e == 31 && f != 0:
		return math.NaN()
	case e == 31:
		return sign * math.Inf(1)
	case e == 0:
		return sign * math.Ldexp(f, -24)
	}
	return sign * math.Ldexp(1024+f, e-25)
}

// e4m3 and e5m2 are the definitions of the OCP encodings, in float64.
func e4m3(b byte) float64 {
	sign, e, f := 1-2*float64(b>>7), int(b>>3&15), float64(b&7)
	switch {
	case b&0x7f == 0x7f:
		return math.NaN()
	case e == 0:
		return sign * math.Ldexp(f, -9)
	}
	return sign * math.Ldexp(8+f, e-10)
}

func e5m2(b byte) float64 {
	sign, e, f := 1-2*float64(b>>7), int(b>>2&31), float64(b&3)
	switch {
	case e == 31 && f != 0:
		return math.NaN()
	case e == 31:
		return sign * math.Inf(1)
	case e == 0:
		return sign * math.Ldexp(f, -16)
	}
	return sign * math.Ldexp(4+f, e-17)
}

// driveFP8K and driveFP8V drive the expansions of one FP8 encoding.
func driveFP8K(value func(byte) float64, call func(f any, dst []float32, k []byte, scale []float32, n, d int, next []byte)) func(*gen, int, int, int) trial {
	return func(g *gen, _, n, d int) trial {
		d4 := (d + 3) / 4
		k, scale := g.codes(ceilDiv(n, 16)*64*d4), g.floats(16*ceilDiv(n, 16), 119)
		return trial{
			ops: []operand{expandK(n, d, func(t, c int) float32 {
				return mul(float32(value(k[((t/16*d4+c/4)*16+t%16)*4+c%4])), scale[t])
			}), in(k), in(scale), in(g.hint())},
			call: func(f any, a [][]byte) { call(f, view[float32](a[0]), a[1], view[float32](a[2]), n, d, a[3]) },
			work: float64(n * d),
		}
	}
}

func driveFP8V(value func(byte) float64, call func(f any, dst []float32, v []byte, scale []float32, n, d int, next []byte)) func(*gen, int, int, int) trial {
	return func(g *gen, _, n, d int) trial {
		v, scale := g.codes(n*d), g.floats(n, 119)
		return trial{
			ops: []operand{expandV(n, d, func(t, c int) float32 {
				return mul(float32(value(v[t*d+c])), scale[t])
			}), in(v), in(scale), in(g.hint())},
			call: func(f any, a [][]byte) { call(f, view[float32](a[0]), a[1], view[float32](a[2]), n, d, a[3]) },
			work: float64(n * d),
		}
	}
}

func driveDecE4M3K() func(*gen, int, int, int) trial {
	return driveFP8K(e4m3, func(f any, dst []float32, k []byte, scale []float32, n, d int, next []byte) {
		f.(DecE4M3KFunc)(dst, k, scale, n, d, next)
	})
}

func driveDecE4M3V() func(*gen, int, int, int) trial {
	return driveFP8V(e4m3, func(f any, dst []float32, v []byte, scale []float32, n, d int, next []byte) {
		f.(DecE4M3VFunc)(dst, v, scale, n, d, next)
	})
}

func driveDecE5M2K() func(*gen, int, int, int) trial {
	return driveFP8K(e5m2, func(f any, dst []float32, k []byte, scale []float32, n, d int, next []byte) {
		f.(DecE5M2KFunc)(dst, k, scale, n, d, next)
	})
}

func driveDecE5M2V() func(*gen, int, int, int) trial {
	return driveFP8V(e5m2, func(f any, dst []float32, v []byte, scale []float32, n, d int, next []byte) {
		f.(DecE5M2VFunc)(dst, v, scale, n, d, next)
	})
}

func driveDec16(g *gen, _, _, d int) trial {
	src := g.codes(2 * d)
	want := make([]float32, d)
	for i := range want {
		want[i] = float32(half64(binary.LittleEndian.Uint16(src[2*i:])))
	}
	return trial{
		ops:  []operand{out(want, nil), in(src), in(g.hint())},
		call: func(f any, a [][]byte) { f.(Dec16Func)(view[float32](a[0]), a[1], a[2]) },
		work: float64(d),
	}
}

// bfloat reads element i of b as bfloat16.
func bfloat(b []byte, i int) float32 {
	return math.Float32frombits(uint32(b[2*i])<<16 | uint32(b[2*i+1])<<24)
}

func driveDecBF16K(g *gen, _, n, d int) trial {
	d2 := (d + 1) / 2
	k := g.codes(ceilDiv(n, 16) * d2 * 64)
	return trial{
		ops:  []operand{expandK(n, d, func(t, c int) float32 { return bfloat(k, ((t/16*d2+c/2)*16+t%16)*2+c%2) }), in(k), in(g.hint())},
		call: func(f any, a [][]byte) { f.(DecBF16KFunc)(view[float32](a[0]), a[1], n, d, a[2]) },
		work: float64(n * d),
	}
}

func driveDecBF16V(g *gen, _, n, d int) trial {
	v := g.codes(ceilDiv(n, 2) * d * 4)
	return trial{
		ops:  []operand{expandV(n, d, func(t, c int) float32 { return bfloat(v, (t/2*d+c)*2+t%2) }), in(v), in(g.hint())},
		call: func(f any, a [][]byte) { f.(DecBF16VFunc)(view[float32](a[0]), a[1], n, d, a[2]) },
		work: float64(n * d),
	}
}

// nibbleK and nibbleV read the code of token t, channel c.
func nibbleK(k []byte, d, t, c int) int {
	return int(k[((t/32*((d+3)/4)+c/4)*16+t%16)*4+c%4] >> (t / 16 % 2 * 4) & 15)
}

func nibbleV(v []byte, d, t, c int) int {
	return int(v[(t/8*d+c)*4+t%4] >> (t / 4 % 2 * 4) & 15)
}

// mults draws [⌈d/32⌉][64] multipliers; those of tokens from n on were never written.
func (g *gen) mults(n, d int) []byte {
	mult := make([]byte, ceilDiv(d, 32)*Tile)
	for i := range mult {
		m := int8(1 + g.IntN(15))
		if g.kind == extreme {
			m = 15
		}
		if g.IntN(2) == 0 {
			m = -m
		}
		if mult[i] = byte(m); i%Tile >= n {
			mult[i] = g.next()
		}
	}
	return mult
}

func driveExpI4K(g *gen, _, n, d int) trial {
	d4 := (d + 3) / 4
	k, mult := g.codes(ceilDiv(n, 32)*d4*64), g.mults(n, d)
	want := make([]byte, ceilDiv(n, 16)*d4*64)
	for t := range n {
		for c := range 4 * d4 {
			x := (nibbleK(k, d, t, c)-8)*int(int8(mult[c/32*Tile+t])) + 128
			want[((t/16*d4+c/4)*16+t%16)*4+c%4] = byte(x)
		}
	}
	return trial{
		ops:  []operand{out(want, lanes(n, d4, 4)), in(k), in(mult), in(g.hint())},
		call: func(f any, a [][]byte) { f.(ExpI4KFunc)(a[0], a[1], a[2], n, d, a[3]) },
		work: float64(n * d),
	}
}

func driveExpI4V(g *gen, _, n, d int) trial {
	v, mult := g.codes(ceilDiv(n, 8)*d*4), g.mults(n, d)
	want := make([]byte, ceilDiv(n, 4)*d*4)
	for t := range n {
		for c := range d {
			want[(t/4*d+c)*4+t%4] = byte((nibbleV(v, d, t, c) - 8) * int(int8(mult[c/32*Tile+t])))
		}
	}
	return trial{
		ops:  []operand{out(want, nil), in(v), in(mult), in(g.hint())},
		call: func(f any, a [][]byte) { f.(ExpI4VFunc)(a[0], a[1], a[2], n, d, a[3]) },
		work: float64(n * d),
	}
}

func driveDec4K(g *gen, _, n, d int) trial {
	block := 32 << g.IntN(2)
	k, lut, scale := g.codes(ceilDiv(n, 32)*((d+3)/4)*64), g.floats(16, 128), g.floats(ceilDiv(d, block)*Tile, 128)
	return trial{
		ops: []operand{expandK(n, d, func(t, c int) float32 {
			return mul(lut[nibbleK(k, d, t, c)], scale[c/block*Tile+t])
		}), in(k), in(lut), in(scale), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(Dec4KFunc)(view[float32](a[0]), a[1], (*[16]float32)(view[float32](a[2])), view[float32](a[3]), n, d, block, a[4])
		},
		work: float64(n * d),
	}
}

func driveDec4V(g *gen, _, n, d int) trial {
	block := 32 << g.IntN(2)
	v, lut, scale := g.codes(ceilDiv(n, 8)*d*4), g.floats(16, 128), g.floats(ceilDiv(d, block)*Tile, 128)
	return trial{
		ops: []operand{expandV(n, d, func(t, c int) float32 {
			return mul(lut[nibbleV(v, d, t, c)], scale[c/block*Tile+t])
		}), in(v), in(lut), in(scale), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(Dec4VFunc)(view[float32](a[0]), a[1], (*[16]float32)(view[float32](a[2])), view[float32](a[3]), n, d, block, a[4])
		},
		work: float64(n * d),
	}
}
