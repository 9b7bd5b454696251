package asm

import (
	"encoding/binary"
	"math"
)

func driveSplitScales(g *gen, _, n, d int) trial {
	blocks, size := ceilDiv(d, 32), 2+2*g.IntN(2)
	src := g.codes(blocks * Tile * size)
	if size == 4 {
		for i := range blocks * Tile {
			if x := g.float(128); g.IntN(8) > 0 {
				binary.LittleEndian.PutUint32(src[4*i:], math.Float32bits(x))
			}
		}
	}
	at := func(b, t int) float64 {
		if i := b*Tile + t; size == 4 {
			return float64(math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:])))
		} else {
			return half64(binary.LittleEndian.Uint16(src[2*i:]))
		}
	}
	scale, ratio, mask := make([]float32, 16*ceilDiv(n, 16)), make([]int16, blocks*Tile), make([]uint8, blocks*Tile)
	seen := make([]uint8, len(scale))
	for t := range scale {
		if seen[t] = any_; t < n {
			seen[t] = spec
		}
		top := 0.0
		for b := range blocks {
			mask[b*Tile+t] = seen[t]
			if x := at(b, t); x != x || top != top {
				top = math.NaN()
			} else {
				top = max(top, math.Abs(x))
			}
		}
		scale[t] = mul(float32(top), 1./127)
		inverse := div(1, float32(top))
		for b := range blocks {
			if x := float64(mul(mul(float32(at(b, t)), inverse), 1<<15)); x == x {
				ratio[b*Tile+t] = int16(math.RoundToEven(min(max(x, -1<<15), 1<<15-1)))
			}
		}
	}
	return trial{
		ops: []operand{out(scale, seen), out(ratio, mask), in(src)},
		call: func(f any, a [][]byte) {
			f.(SplitScalesFunc)(view[float32](a[0]), view[int16](a[1]), a[2], size, n, blocks)
		},
		work: float64(4 * n * blocks),
	}
}

// blockLevels draws levels, ratios and a block size for d channels.
func (g *gen) blockLevels(d int) (levels []int8, ratio []int16, block int) {
	levels = view[int8](g.codes(16))
	for i, x := range levels {
		levels[i] = max(x, -127)
	}
	block = 32 << g.IntN(2)
	return levels, view[int16](g.codes(2 * Tile * ceilDiv(d, block))), block
}

// levelUnder is level·ratio/2¹⁵ to the nearest integer, halves up.
func levelUnder(level int8, ratio int16) byte {
	return byte(int(math.Floor(float64(level)*float64(ratio)*0x1p-15 + 0.5)))
}

func driveExpB4K(g *gen, _, n, d int) trial {
	d4 := ceilDiv(d, 4)
	k := g.codes(ceilDiv(n, 32) * d4 * 64)
	levels, ratio, block := g.blockLevels(d)
	want := make([]byte, ceilDiv(n, 16)*d4*64)
	for t := range n {
		for c := range 4 * d4 {
			want[((t/16*d4+c/4)*16+t%16)*4+c%4] = levelUnder(levels[nibbleK(k, d, t, c)], ratio[c/block*Tile+t]) + 128
		}
	}
	return trial{
		ops: []operand{out(want, lanes(n, d4, 4)), in(k), in(ratio), in(levels), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(ExpB4KFunc)(a[0], a[1], view[int16](a[2]), (*[16]int8)(view[int8](a[3])), n, d, block, a[4])
		},
		work: float64(n * d),
	}
}

func driveExpB4V(g *gen, _, n, d int) trial {
	v := g.codes(ceilDiv(n, 8) * d * 4)
	levels, ratio, block := g.blockLevels(d)
	want, mask := make([]byte, ceilDiv(n, 4)*d*4), make([]uint8, ceilDiv(n, 4)*d*4)
	fill(mask, any_)
	for t := range n {
		for c := range d {
			at := (t/4*d+c)*4 + t%4
			want[at], mask[at] = levelUnder(levels[nibbleV(v, d, t, c)], ratio[c/block*Tile+t]), spec
		}
	}
	return trial{
		ops: []operand{out(want, mask), in(v), in(ratio), in(levels), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(ExpB4VFunc)(a[0], a[1], view[int16](a[2]), (*[16]int8)(view[int8](a[3])), n, d, block, a[4])
		},
		work: float64(n * d),
	}
}

func drivePVFoldB4(g *gen, m, n, dv int) trial {
	p, v := g.codes(m*Tile), g.codes(ceilDiv(n, 8)*dv*4)
	levels, ratio, block := g.blockLevels(dv)
	x := make([]float32, m*dv)
	for i := range m {
		clear(p[i*Tile+n : i*Tile+4*ceilDiv(n, 4)])
		for c := range dv {
			sum := 0
			for t := range n {
				sum += int(p[i*Tile+t]) * int(int8(levelUnder(levels[nibbleV(v, dv, t, c)], ratio[c/block*Tile+t])))
			}
			x[i*dv+c] = float32(sum)
		}
	}
	o, mu, f, states := g.folding(m, dv, x)
	return trial{
		ops: []operand{inout(o, states, nil), in(p), in(v), in(ratio), in(levels), in(mu), in(f), in(g.hint())},
		call: func(k any, b [][]byte) {
			k.(PVFoldB4Func)(view[float32](b[0]), b[1], b[2], view[int16](b[3]), (*[16]int8)(view[int8](b[4])), orNil(mu, b[5]), view[Fold](b[6]), m, n, dv, block, b[7])
		},
		work: float64(m * dv * (2*n + 5)),
	}
}
