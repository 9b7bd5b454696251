package asm

// blockN4 quantizes up to 16 codes of int8 by a scaled book, writes their codes and returns
// the index of their multiplier.
func blockN4(codes *[16]byte, v *[16]int8, book *ScaledBook) (mult int) {
	top := int8(0)
	for _, x := range v {
		top = max(top, x, -x)
	}
	covers := 0
	for _, t := range book.Tops {
		if t < top {
			covers++
		}
	}
	least := -1
	for _, k := range [3]int{covers, min(covers+1, 15), max(covers-1, 0)} {
		var trial [16]byte
		squares := 0
		nearest, levels := &book.nearest[k], &book.Codes[k]
		for c, x := range v {
			code := nearest[byte(x)]
			e := int(x) - int(levels[code&15])
			squares += e * e
			trial[c] = code
		}
		if least < 0 || squares < least {
			least, mult, *codes = squares, k, trial
		}
	}
	return mult
}

// encN4 runs over the blocks of a row and hands the codes to put.
func encN4(mult []byte, x []float32, book *ScaledBook, scale float32, put func(c int, code byte)) {
	for from := 0; from < len(x); from += 16 {
		var v [16]int8
		var codes [16]byte
		part := x[from:min(from+16, len(x))]
		encI8_generic(v[:], part, scale)
		k := byte(blockN4(&codes, &v, book))
		if m := &mult[from/32*Tile]; from%32 == 0 {
			*m = k
		} else {
			*m |= k << 4
		}
		for c := range part {
			put(from+c, codes[c])
		}
	}
}

// encN4K_generic is the specification of EncN4KFunc.
func encN4K_generic(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
	encN4(mult, x, book, scale, func(c int, code byte) { putHalf(&dst[c/4*64+c%4], code, high) })
}

// encN4V_generic is the specification of EncN4VFunc.
func encN4V_generic(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
	encN4(mult, x, book, scale, func(c int, code byte) { putHalf(&dst[4*c], code, high) })
}

// code is that of the nibble in one half of x under the multiplier in one half of mult.
func (b *ScaledBook) code(mult, x byte, odd, high int) int32 {
	return int32(b.Codes[mult>>(4*odd)&15][x>>(4*high)&15])
}

// qkScaleN4_generic is the specification of QKScaleN4Func.
func qkScaleN4_generic(y []float32, q []int8, k, mult []byte, book *ScaledBook, sk, a, b []float32, m, n, d4 int, _ []byte) {
	s := asInts(y)
	for i := range m {
		clear(s[i*Tile:][:n])
	}
	for t := range n {
		for block := 0; block < d4; block += 4 { // of 16 channels
			var codes [16]int32
			width := min(4*d4-4*block, 16)
			x := k[(t/32*d4+block)*64+t%16*4:]
			for c := range width {
				codes[c] = book.code(mult[block/8*Tile+t], x[c/4*64+c%4], block/4%2, t/16%2)
			}
			for i := range m {
				sum := int32(0)
				for c, v := range q[4*(i*d4+block):][:width] {
					sum += int32(v) * codes[c]
				}
				s[i*Tile+t] += sum
			}
		}
	}
	scaleI8_generic(y, s, sk, a, b, m, n)
}

// pvFoldN4_generic is the specification of PVFoldN4Func.
func pvFoldN4_generic(o []float32, p, v, mult []byte, book *ScaledBook, mu []float32, f []Fold, m, n, dv int, _ []byte) {
	for c := range dv {
		var codes [Tile]int32
		for t := range n {
			codes[t] = book.code(mult[c/32*Tile+t], v[(t/8*dv+c)*4+t%4], c/16%2, t/4%2)
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

// expN4K_generic is the specification of ExpN4KFunc.
func expN4K_generic(dst, k, mult []byte, book *ScaledBook, n, d int, _ []byte) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		shift := g % 2 * 4
		for b := range d4 {
			src := (*[64]byte)(k[(g/2*d4+b)*64:])
			out := (*[64]byte)(dst[(g*d4+b)*64:])
			mu := (*[16]byte)(mult[b/8*Tile+g*16:])
			half := b / 4 % 2 * 4
			for i, x := range src {
				out[i] = byte(book.Codes[mu[i/4]>>half&15][x>>shift&15]) + 128
			}
		}
	}
}

// expN4V_generic is the specification of ExpN4VFunc.
func expN4V_generic(dst, v, mult []byte, book *ScaledBook, n, d int, _ []byte) {
	for q := 0; q*4 < n; q++ {
		shift := q % 2 * 4
		for c := range d {
			src := (*[4]byte)(v[(q/2*d+c)*4:])
			out := (*[4]byte)(dst[(q*d+c)*4:])
			mu := (*[4]byte)(mult[c/32*Tile+q*4:])
			half := c / 16 % 2 * 4
			for i, x := range src {
				out[i] = byte(book.Codes[mu[i]>>half&15][x>>shift&15])
			}
			for i := n - q*4; i < 4; i++ {
				out[i] = 0
			}
		}
	}
}
