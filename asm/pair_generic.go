package asm

import (
	"encoding/binary"
	"math"
)

// qkPairBF16_generic is the specification of QKPairBF16Func.
func qkPairBF16_generic(y []float32, q []uint16, k []byte, a, b []float32, m, n, d int, _ []byte) {
	d2, d4 := (d+1)/2, (d+3)/4
	for g := 0; g*16 < n; g++ {
		for i := range m {
			var acc [16]float32
			for c, x := range q[i*4*d4:][:d] {
				kc := k[(g*d2+c/2)*64+c%2*2:]
				for t := range acc {
					acc[t] += float32(brain(x) * brain(binary.LittleEndian.Uint16(kc[4*t:])))
				}
			}
			out := (*[16]float32)(y[i*Tile+g*16:])
			for t, x := range acc {
				out[t] = float32(x*a[i]) + b[i]
			}
		}
	}
}

// qkPairFP8_generic is the specification of QKPairFP8Func.
func qkPairFP8_generic(y []float32, q []uint16, k []byte, scale []float32, table *FP8Table, a, b []float32, m, n, d int, _ []byte) {
	d4 := (d + 3) / 4
	for g := 0; g*16 < n; g++ {
		for i := range m {
			var acc [16]float32
			for c, x := range q[i*4*d4:][:d] {
				kc := k[(g*d4+c/4)*64+c%4:]
				for t := range acc {
					acc[t] += float32(brain(x) * table.Float32(kc[4*t]))
				}
			}
			out := (*[16]float32)(y[i*Tile+g*16:])
			for t, x := range scale[g*16:][:16] {
				out[t] = float32(float32(acc[t]*x)*a[i]) + b[i]
			}
		}
	}
}

// Float32 is what a code stands for.
func (f *FP8Table) Float32(code byte) float32 {
	return math.Float32frombits(uint32(f.Hi[code&127]|code&128)<<24 | uint32(f.Lo[code&127])<<16)
}

// pvPairBF16_generic is the specification of PVPairBF16Func.
func pvPairBF16_generic(o []float32, p []uint16, v []byte, mu []float32, f []Fold, m, n, dv int, _ []byte) {
	foldPairs(o, p, mu, f, m, n, dv, func(t, c int) float32 {
		return brain(binary.LittleEndian.Uint16(v[(t/2*dv+c)*4+t%2*2:]))
	})
}

// pvPairFP8_generic is the specification of PVPairFP8Func.
func pvPairFP8_generic(o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, m, n, dv int, _ []byte) {
	foldPairs(o, p, mu, f, m, n, dv, func(t, c int) float32 { return table.Float32(v[t*dv+c]) })
}

// foldPairs sums values under bfloat16 weights and adds the sums to the states.
func foldPairs(o []float32, p []uint16, mu []float32, f []Fold, m, n, dv int, value func(t, c int) float32) {
	for i, f := range f[:m] {
		if math.Signbit(float64(f.Alpha)) {
			continue
		}
		row := o[i*dv:][:dv]
		for c, x := range row {
			sum := float32(0)
			for t, weight := range p[i*Tile:][:n] {
				sum += float32(brain(weight) * value(t, c))
			}
			add := float32(f.Beta * sum)
			if mu != nil {
				add += float32(f.Gamma * mu[c])
			}
			row[c] = float32(f.Alpha*x) + add
		}
	}
}

// packBF16_generic is the specification of PackBF16Func.
func packBF16_generic(dst []uint16, y, sv []float32, m, n int) {
	for i := range m {
		for j, x := range y[i*Tile:][:n] {
			if len(sv) > 0 {
				x *= sv[j]
			}
			dst[i*Tile+j] = toBrain(x)
		}
		if n%2 == 1 {
			dst[i*Tile+n] = 0
		}
	}
}
