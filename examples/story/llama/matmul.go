package llama

import "github.com/qattn/qattn/attention"

// product is the task y[t][o] = Σ_c x[t][c] · w[o][c] for n rows of x. Every sum is one
// chain in ascending c, so a result depends neither on n nor on the number of workers.
type product struct {
	y, x, w      []float32
	n, outs, ins int
}

// Sizes of a unit of work: rows × outputs, few enough that the rows of w a unit reads
// stay in a near cache while rows of x pass.
const (
	rowBlock = 64
	outBlock = 32
)

// run computes the product on r.
func (p *product) run(r attention.Runner) {
	r.Run(blocks(p.n, rowBlock)*blocks(p.outs, outBlock), p)
}

// Do computes one unit; it implements attention.Task.
func (p *product) Do(unit, _ int) {
	across := blocks(p.outs, outBlock)
	t, o := unit/across*rowBlock, unit%across*outBlock
	end := min(o+outBlock, p.outs)
	w := p.w[o*p.ins : end*p.ins]
	for i := t; i < min(t+rowBlock, p.n); i++ {
		matvec(p.y[i*p.outs+o:i*p.outs+end], p.x[i*p.ins:(i+1)*p.ins], w)
	}
}

// blocks is the number of blocks of the given size that cover n.
func blocks(n, size int) int { return (n + size - 1) / size }

// matvec computes y[o] = Σ_c x[c] · w[o][c], eight outputs at a time: eight
// independent chains hide the latency of an addition.
func matvec(y, x, w []float32) {
	n := len(x)
	for ; len(y) >= 8; y, w = y[8:], w[8*n:] {
		w0, w1, w2, w3 := w[:n], w[n:][:n], w[2*n:][:n], w[3*n:][:n]
		w4, w5, w6, w7 := w[4*n:][:n], w[5*n:][:n], w[6*n:][:n], w[7*n:][:n]
		var s0, s1, s2, s3, s4, s5, s6, s7 float32
		for c, v := range x {
			s0 += v * w0[c]
			s1 += v * w1[c]
			s2 += v * w2[c]
			s3 += v * w3[c]
			s4 += v * w4[c]
			s5 += v * w5[c]
			s6 += v * w6[c]
			s7 += v * w7[c]
		}
		y[0], y[1], y[2], y[3] = s0, s1, s2, s3
		y[4], y[5], y[6], y[7] = s4, s5, s6, s7
	}
	for o := range y {
		y[o] = dot(x, w[o*n:])
	}
}

// dot is Σ_c x[c] · w[c] in ascending c.
func dot(x, w []float32) float32 {
	w = w[:len(x)]
	var s float32
	for c, v := range x {
		s += v * w[c]
	}
	return s
}
