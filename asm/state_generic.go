package asm

// foldI8_generic is the specification of FoldI8Func.
func foldI8_generic(o []float32, a []int32, mu []float32, alpha, beta, gamma float32) {
	a = a[:len(o)]
	if mu == nil {
		for c, x := range o {
			o[c] = float32(alpha*x) + float32(beta*float32(a[c]))
		}
		return
	}
	mu = mu[:len(o)]
	for c, x := range o {
		o[c] = float32(alpha*x) + float32(float32(beta*float32(a[c]))+float32(gamma*mu[c]))
	}
}

// foldF32_generic is the specification of FoldF32Func.
func foldF32_generic(o, a, mu []float32, alpha, beta, gamma float32) {
	a = a[:len(o)]
	if mu == nil {
		for c, x := range o {
			o[c] = float32(alpha*x) + float32(beta*a[c])
		}
		return
	}
	mu = mu[:len(o)]
	for c, x := range o {
		o[c] = float32(alpha*x) + float32(float32(beta*a[c])+float32(gamma*mu[c]))
	}
}

// mixF32_generic is the specification of MixF32Func.
func mixF32_generic(o, b []float32, alpha, beta float32) {
	b = b[:len(o)]
	for c, x := range o {
		o[c] = float32(alpha*x) + float32(beta*b[c])
	}
}

// finishF32_generic is the specification of FinishF32Func.
func finishF32_generic(out, o []float32, l float32) {
	o = o[:len(out)]
	for c, x := range o {
		out[c] = x / l
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
