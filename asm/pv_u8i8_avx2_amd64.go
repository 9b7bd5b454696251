//go:build !purego

package asm

// pvU8Row is a row of weights as the inner kernels want it: words of tokens 0 2 1 3,
// 4 6 5 7, … and −128 times their sum.
type pvU8Row struct {
	words [Tile]int16
	bias  int32
}

// pvU8I8_avx2 works like pvU8I8_generic. Fewer than 8 channels do not fill a register.
func pvU8I8_avx2(o []int32, p, v []byte, m, n, dv int, next []byte) {
	if dv < 8 {
		pvU8I8_generic(o, p, v, m, n, dv, next)
		return
	}
	quads, i := (n+3)/4, 0
	if m >= 4 {
		var rows [4]pvU8Row
		for ; i+4 <= m; i += 4 {
			pvU8I8Widen_avx2(&rows[0], p[i*Tile:], 4, quads)
			pvU8I8Rows4_avx2(o[i*dv:], &rows[0], v, quads, dv, next)
			next = v // fetched once
		}
	}
	if i+2 <= m {
		var rows [2]pvU8Row
		pvU8I8Widen_avx2(&rows[0], p[i*Tile:], 2, quads)
		pvU8I8Rows2_avx2(o[i*dv:], &rows[0], v, quads, dv, next)
		next = v
		i += 2
	}
	if i < m {
		var row pvU8Row
		pvU8I8Widen_avx2(&row, p[i*Tile:], 1, quads)
		pvU8I8Row1_avx2(o[i*dv:], &row, v, quads, dv, next)
	}
}
