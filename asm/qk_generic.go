package asm

import "encoding/binary"

// qkI8_generic is the specification of QKI8Func.
func qkI8_generic(s []int32, q []int8, k []byte, m, n, d4 int, _ []byte) {
	for g := 0; g*16 < n; g++ {
		kg := k[g*d4*64 : (g+1)*d4*64]
		for i := range m {
			row := q[i*4*d4 : (i+1)*4*d4]
			var acc [16]int32
			var sum int32
			for b := range d4 {
				kb := (*[64]byte)(kg[b*64:])
				qb := (*[4]int8)(row[b*4:])
				q0, q1, q2, q3 := int32(qb[0]), int32(qb[1]), int32(qb[2]), int32(qb[3])
				sum += q0 + q1 + q2 + q3
				for t := range 16 {
					acc[t] += q0*int32(kb[4*t]) + q1*int32(kb[4*t+1]) + q2*int32(kb[4*t+2]) + q3*int32(kb[4*t+3])
				}
			}
			out := (*[16]int32)(s[i*Tile+g*16:])
			for t := range out {
				out[t] = acc[t] - 128*sum
			}
		}
	}
}

// qkF32_generic is the specification of QKF32Func: ascending channels, no fused
// multiply-add.
func qkF32_generic(s []float32, q, k []float32, m, n, d int, _ []byte) {
	for g := 0; g*16 < n; g++ {
		kg := k[g*d*16 : (g+1)*d*16]
		for i := range m {
			row := q[i*d : (i+1)*d]
			var acc [16]float32
			for c, x := range row {
				kc := (*[16]float32)(kg[c*16:])
				for t := range acc {
					acc[t] += float32(x * kc[t])
				}
			}
			*(*[16]float32)(s[i*Tile+g*16:]) = acc
		}
	}
}

// qkF16_generic is the specification of QKF16Func.
func qkF16_generic(s, q []float32, k []byte, m, n, d int, _ []byte) {
	for g := 0; g*16 < n; g++ {
		for i := range m {
			var acc [16]float32
			for c, x := range q[i*d : (i+1)*d] {
				kc := (*[32]byte)(k[(g*d+c)*32:])
				for t := range acc {
					acc[t] += float32(x * half(binary.LittleEndian.Uint16(kc[2*t:])))
				}
			}
			*(*[16]float32)(s[i*Tile+g*16:]) = acc
		}
	}
}

// qkBF16_generic is the specification of QKBF16Func.
func qkBF16_generic(s, q []float32, k []byte, m, n, d int, _ []byte) {
	d2 := (d + 1) / 2
	for g := 0; g*16 < n; g++ {
		for i := range m {
			var acc [16]float32
			for c, x := range q[i*d : (i+1)*d] {
				kc := k[(g*d2+c/2)*64+c%2*2:]
				for t := range acc {
					acc[t] += float32(x * brain(binary.LittleEndian.Uint16(kc[4*t:])))
				}
			}
			*(*[16]float32)(s[i*Tile+g*16:]) = acc
		}
	}
}
