package asm

import "math"

// foldI8_generic is the specification of FoldI8Func.
func foldI8_generic(o []float32, a []int32, mu []float32, f []Fold, m, dv int) {
	for i, f := range f[:m] {
		if math.Signbit(float64(f.Alpha)) {
			continue
		}
		row, sums := o[i*dv:][:dv], a[i*dv:][:dv]
		for c, x := range row {
			t := float32(f.Beta * float32(sums[c]))
			if mu != nil {
				t += float32(f.Gamma * mu[c])
			}
			row[c] = float32(f.Alpha*x) + t
		}
	}
}

// pvFoldI8_generic is the specification of PVFoldI8Func.
func pvFoldI8_generic(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte) {
	pvU8I8_generic(acc, p, v, m, n, dv, next)
	foldI8_generic(o, acc, mu, f, m, dv)
}

// pvFoldI4_generic is the specification of PVFoldI4Func.
func pvFoldI4_generic(o []float32, p, v, mult []byte, mu []float32, f []Fold, m, n, dv int, _ []byte) {
	for from := 0; from < dv; from += 32 {
		width := min(32, dv-from)
		var centre []float32
		if mu != nil {
			centre = mu[from:]
		}
		for i := range m {
			var sums [32]int32
			for t, w := range p[i*Tile:][:n] {
				if w == 0 {
					continue
				}
				x := int32(w) * int32(int8(mult[from/32*Tile+t]))
				codes := v[(t/8*dv+from)*4+t%4:]
				for c := range width {
					sums[c] += x * (int32(codes[4*c]>>(t/4%2*4)&15) - 8)
				}
			}
			foldI8_generic(o[i*dv+from:], sums[:], centre, f[i:], 1, width)
		}
	}
}

// foldF32_generic is the specification of FoldF32Func.
func foldF32_generic(o, a, mu []float32, f []Fold, m, dv int) {
	for i, f := range f[:m] {
		if math.Signbit(float64(f.Alpha)) {
			continue
		}
		row, sums := o[i*dv:][:dv], a[i*dv:][:dv]
		for c, x := range row {
			t := float32(f.Beta * sums[c])
			if mu != nil {
				t += float32(f.Gamma * mu[c])
			}
			row[c] = float32(f.Alpha*x) + t
		}
	}
}

// finishF32_generic is the specification of FinishF32Func.
func finishF32_generic(out, o []float32, l float32) {
	o = o[:len(out)]
	for c, x := range o {
		out[c] = (x + 0) / l
	}
}

// sumSquares_generic is the specification of SumSquaresFunc.
func sumSquares_generic(x []float32) float32 {
	var acc [16]float32
	for i, v := range x {
		acc[i&15] += float32(v * v)
	}
	return foldChains(&acc)
}
