package asm

// qkI4_generic is the specification of QKI4Func. A pair of groups holds tokens t and t+16
// in the nibbles of a byte.
func qkI4_generic(s []int32, q []int8, k, mult []byte, m, n, d4 int, _ []byte) {
	for p := 0; p*32 < n; p++ {
		kp := k[p*d4*64 : (p+1)*d4*64]
		for i := range m {
			row := q[i*4*d4 : (i+1)*4*d4]
			var scores [32]int32
			for b := 0; b < d4; b += 8 {
				end := min(b+8, d4)
				qkI4Group(&scores, row[4*b:4*end], kp[64*b:64*end], mult[b/8*Tile+p*32:][:32])
			}
			copy(s[i*Tile+p*32:][:32], scores[:])
		}
	}
}

// qkI4Group adds a group of up to 32 channels.
func qkI4Group(scores *[32]int32, q []int8, k, mult []byte) {
	var acc [32]int32
	var sum int32
	for b := 0; b*4 < len(q); b++ {
		kb, qb := (*[64]byte)(k[b*64:]), (*[4]int8)(q[b*4:])
		q0, q1, q2, q3 := int32(qb[0]), int32(qb[1]), int32(qb[2]), int32(qb[3])
		sum += q0 + q1 + q2 + q3
		for t := range 16 {
			x0, x1, x2, x3 := kb[4*t], kb[4*t+1], kb[4*t+2], kb[4*t+3]
			acc[t] += q0*int32(x0&15) + q1*int32(x1&15) + q2*int32(x2&15) + q3*int32(x3&15)
			acc[16+t] += q0*int32(x0>>4) + q1*int32(x1>>4) + q2*int32(x2>>4) + q3*int32(x3>>4)
		}
	}
	for t, x := range acc {
		scores[t] += (x - 8*sum) * int32(int8(mult[t]))
	}
}
