//go:build !purego

package asm

// qkI8Part is the number of blocks of 4 channels that a call of the inner kernels takes.
const qkI8Part = 32

// qkI8Row is a part of a query row as the inner kernels want it: words of channels
// 0 2 1 3, 4 6 5 7, … and −128 times their sum.
type qkI8Row struct {
	words [4 * qkI8Part]int16
	bias  int32
}

// qkI8_avx2 works like qkI8_generic.
func qkI8_avx2(s []int32, q []int8, k []byte, m, n, d4 int, next []byte) {
	i := 0
	if m >= 4 {
		var rows [4]qkI8Row
		for ; i+4 <= m; i += 4 {
			for b := 0; b < d4; b += qkI8Part {
				blocks := min(qkI8Part, d4-b)
				qkI8Widen_avx2(&rows[0], q[4*(i*d4+b):], 4, d4, blocks)
				qkI8Rows4_avx2(s[i*Tile:], &rows[0], k, n, d4, b, blocks, next)
			}
			next = k // fetched once
		}
	}
	if i+2 <= m {
		var rows [2]qkI8Row
		for b := 0; b < d4; b += qkI8Part {
			blocks := min(qkI8Part, d4-b)
			qkI8Widen_avx2(&rows[0], q[4*(i*d4+b):], 2, d4, blocks)
			qkI8Rows2_avx2(s[i*Tile:], &rows[0], k, n, d4, b, blocks, next)
		}
		next = k
		i += 2
	}
	if i < m {
		var row qkI8Row
		for b := 0; b < d4; b += qkI8Part {
			blocks := min(qkI8Part, d4-b)
			qkI8Widen_avx2(&row, q[4*(i*d4+b):], 1, d4, blocks)
			qkI8Row1_avx2(s[i*Tile:], &row, k, n, d4, b, blocks, next)
		}
	}
}
