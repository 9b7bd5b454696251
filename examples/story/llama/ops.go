package llama

import "math"

// normEps is added to the mean square, as in llama2.c.
const normEps = 1e-5

// ropeTheta is the base of the rotary wavelengths.
const ropeTheta = 10000

// rmsNorm writes x / rms(x) · gain to y.
func rmsNorm(y, x, gain []float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	scale := float32(1 / math.Sqrt(sum/float64(len(x))+normEps))
	for i, v := range x {
		y[i] = gain[i] * (scale * v)
	}
}

// ropeAngles writes the rotation of each channel pair at a position:
// cos and sin of pos · theta^(−2i/d).
func ropeAngles(cos, sin []float32, pos int) {
	for i := range cos {
		s, c := math.Sincos(float64(pos) * math.Pow(ropeTheta, -float64(i)/float64(len(cos))))
		cos[i], sin[i] = float32(c), float32(s)
	}
}

// rope rotates the channel pairs (2i, 2i+1) of every head in x.
func rope(x, cos, sin []float32) {
	for ; len(x) > 0; x = x[2*len(cos):] {
		for i, c := range cos {
			a, b := x[2*i], x[2*i+1]
			x[2*i], x[2*i+1] = a*c-b*sin[i], a*sin[i]+b*c
		}
	}
}

// swiglu writes silu(gate) · up to y; gateUp holds gate, then up.
func swiglu(y, gateUp []float32) {
	gate, up := gateUp[:len(y)], gateUp[len(y):][:len(y)]
	for i, g := range gate {
		y[i] = g / (1 + float32(math.Exp(-float64(g)))) * up[i]
	}
}

// add adds y to x.
func add(x, y []float32) {
	for i, v := range y {
		x[i] += v
	}
}
