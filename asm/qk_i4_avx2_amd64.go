//go:build !purego

package asm

// qkI4Part is the number of blocks of 4 channels that a call of the inner kernels takes:
// 32 groups.
const qkI4Part = 256

// qkI4Start holds, for the groups of a part of up to four query rows, where sums start:
// −8 times the sum of the codes of even blocks' halves, one word for channels 0 and 1 of
// every block and one for 2 and 3.
type qkI4Start [4][qkI4Part / 8]uint32

// qkI4_avx2 works like qkI4_generic.
func qkI4_avx2(s []int32, q []int8, k, mult []byte, m, n, d4 int, next []byte) {
	var start qkI4Start
	for i := 0; i < m; {
		rows := min(m-i, 4)
		if rows == 3 {
			rows = 2
		}
		for b := 0; b < d4; b += qkI4Part {
			blocks := min(qkI4Part, d4-b)
			qkI4Start_avx2(&start, q[4*(i*d4+b):], rows, d4, blocks)
			switch rows { // direct calls, so that start stays on the stack
			case 4:
				qkI4Rows4_avx2(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			case 2:
				qkI4Rows2_avx2(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			case 1:
				qkI4Row1_avx2(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			}
		}
		next = k // fetched once
		i += rows
	}
}
