package asm

import "encoding/binary"

// pvU8I8_generic is the specification of PVU8I8Func.
func pvU8I8_generic(o []int32, p, v []byte, m, n, dv int, _ []byte) {
	for i := range m {
		out := o[i*dv : (i+1)*dv]
		clear(out)
		for b := 0; b*4 < n; b++ {
			pb := (*[4]byte)(p[i*Tile+b*4:])
			p0, p1, p2, p3 := int32(pb[0]), int32(pb[1]), int32(pb[2]), int32(pb[3])
			if p0|p1|p2|p3 == 0 {
				continue
			}
			vb := v[b*dv*4 : (b+1)*dv*4]
			for c := range out {
				x := (*[4]byte)(vb[c*4:])
				out[c] += p0*int32(int8(x[0])) + p1*int32(int8(x[1])) + p2*int32(int8(x[2])) + p3*int32(int8(x[3]))
			}
		}
	}
}

// pvF32_generic is the specification of PVF32Func.
func pvF32_generic(o []float32, p, v []float32, m, n, dv int, _ []byte) {
	for i := range m {
		out := o[i*dv : (i+1)*dv]
		clear(out)
		for t, w := range p[i*Tile:][:n] {
			row := v[t*dv:][:len(out)]
			for c, x := range row {
				out[c] += float32(w * x)
			}
		}
	}
}

// pvF16_generic is the specification of PVF16Func.
func pvF16_generic(o, p []float32, v []byte, m, n, dv int, _ []byte) {
	for i := range m {
		out := o[i*dv : (i+1)*dv]
		clear(out)
		for t, w := range p[i*Tile:][:n] {
			row := v[2*t*dv:]
			for c := range out {
				out[c] += float32(w * half(binary.LittleEndian.Uint16(row[2*c:])))
			}
		}
	}
}

// pvBF16_generic is the specification of PVBF16Func.
func pvBF16_generic(o, p []float32, v []byte, m, n, dv int, _ []byte) {
	for i := range m {
		out := o[i*dv : (i+1)*dv]
		clear(out)
		for t, w := range p[i*Tile:][:n] {
			row := v[t/2*dv*4+t%2*2:]
			for c := range out {
				out[c] += float32(w * brain(binary.LittleEndian.Uint16(row[4*c:])))
			}
		}
	}
}
