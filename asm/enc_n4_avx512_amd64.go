//go:build !purego

package asm

import "encoding/binary"

// encN4Part is the number of channels that are quantized at a time.
const encN4Part = 256

// encN4Row quantizes up to encN4Part channels of a row, whose multipliers it stores.
func encN4Row(codes *[encN4Part]byte, mult []byte, x []float32, book *ScaledBook, scale float32) {
	var v [encN4Part]int8
	var mults [encN4Part / 16]byte
	encI8_avx512(v[:len(x)], x, scale)
	blocks := (len(x) + 15) / 16
	encN4Blocks_avx512(codes[:], mults[:blocks], v[:], book, &book.nearest)
	for b := 0; b < blocks; b += 2 {
		mult[b/2*Tile] = mults[b] | mults[b+1]<<4
	}
}

// halves returns what is kept of four bytes and where new nibbles go.
func halves(high bool) (keep uint32, shift int) {
	if high {
		return 0x0f0f0f0f, 4
	}
	return 0xf0f0f0f0, 0
}

// encN4K_avx512 works like encN4K_generic.
func encN4K_avx512(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
	keep, shift := halves(high)
	for from := 0; from < len(x); from += encN4Part {
		var codes [encN4Part]byte
		part := x[from:min(from+encN4Part, len(x))]
		encN4Row(&codes, mult[from/32*Tile:], part, book, scale)
		out, c := dst[from/4*64:], 0
		for ; c+4 <= len(part); c += 4 {
			four := out[16*c:][:4]
			old, code := binary.LittleEndian.Uint32(four), binary.LittleEndian.Uint32(codes[c:])
			binary.LittleEndian.PutUint32(four, old&keep|code<<shift)
		}
		for ; c < len(part); c++ {
			putHalf(&out[c/4*64+c%4], codes[c], high)
		}
	}
}

// encN4V_avx512 works like encN4V_generic.
func encN4V_avx512(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool) {
	keep, shift := halves(high)
	for from := 0; from < len(x); from += encN4Part {
		var codes [encN4Part]byte
		part := x[from:min(from+encN4Part, len(x))]
		encN4Row(&codes, mult[from/32*Tile:], part, book, scale)
		out := dst[4*from:][:4*len(part)-3]
		for c := range part {
			out[4*c] = out[4*c]&byte(keep) | codes[c]<<shift
		}
	}
}
