//go:build !purego

package asm

// qkI4_vnni works like qkI4_generic.
func qkI4_vnni(s []int32, q []int8, k, mult []byte, m, n, d4 int, next []byte) {
	var start qkI4Start
	for i := 0; i < m; {
		rows := min(m-i, 4)
		for b := 0; b < d4; b += qkI4Part {
			blocks := min(qkI4Part, d4-b)
			qkI4Start_vnni(&start, q[4*(i*d4+b):], rows, d4, blocks)
			switch rows { // direct calls, so that start stays on the stack
			case 4:
				qkI4Rows4_vnni(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			case 3:
				qkI4Rows3_vnni(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			case 2:
				qkI4Rows2_vnni(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			case 1:
				qkI4Row1_vnni(s[i*Tile:], q[4*i*d4:], &start, k, mult, n, d4, b, blocks, next)
			}
		}
		next = k // fetched once
		i += rows
	}
}
