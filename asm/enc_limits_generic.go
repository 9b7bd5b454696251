package asm

// limitCode is the number of limits below x, by bisection.
func limitCode(limits *[15]float32, x float32) byte {
	code := 0
	for w := 8; w > 0; w /= 2 {
		if x > limits[code+w-1] {
			code += w
		}
	}
	return byte(code)
}

// enc4K_generic is the specification of Enc4KFunc.
func enc4K_generic(dst []byte, x []float32, limits *[15]float32, scale float32, high bool) {
	for c, v := range x {
		putHalf(&dst[c/4*64+c%4], limitCode(limits, v/scale), high)
	}
}

// enc4V_generic is the specification of Enc4VFunc.
func enc4V_generic(dst []byte, x []float32, limits *[15]float32, scale float32, high bool) {
	for c, v := range x {
		putHalf(&dst[4*c], limitCode(limits, v/scale), high)
	}
}
