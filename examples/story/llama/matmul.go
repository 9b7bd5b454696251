package llama

import "github.com/qattn/qattn/attention"

// product is the task y[t][o] = Σ_c x[t][c] · w[o][c] for n rows of x. Every sum is one
// chain in ascending c, so a result depends neither on n nor on the number of workers.
type product struct {
	y, x, w      []float32
	n, outs, ins int
}

// Sizes of a unit of work.
const (
	vecBlock = 64 // outputs when there is one row: their weights fit the first-level cache
	rowBlock = 16 // rows otherwise: they stay in the first-level cache while w streams by
)

// run computes the product on r.
func (p *product) run(r attention.Runner) {
	size, block := p.n, rowBlock
	if p.n == 1 {
		size, block = p.outs, vecBlock
	}
	r.Run((size+block-1)/block, p)
}

// Do computes one unit; it implements attention.Task.
func (p *product) Do(unit, _ int) {
	if p.n == 1 {
		o := unit * vecBlock
		m := min(vecBlock, p.outs-o)
		matvec(p.y[o:o+m], p.x, p.w[o*p.ins:(o+m)*p.ins])
		return
	}
	t := unit * rowBlock
	m := min(rowBlock, p.n-t)
	matrows(p.y[t*p.outs:(t+m)*p.outs], p.x[t*p.ins:(t+m)*p.ins], p.w, p.outs, p.ins)
}

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

// matrows is matvec for several rows of x, in tiles of two rows and four outputs.
func matrows(y, x, w []float32, outs, ins int) {
	for ; len(x) >= 2*ins; x, y = x[2*ins:], y[2*outs:] {
		x0, x1 := x[:ins], x[ins:][:ins]
		y0, y1 := y[:outs], y[outs:][:outs]
		o := 0
		for ; o+4 <= outs; o += 4 {
			b := w[o*ins:]
			w0, w1, w2, w3 := b[:ins], b[ins:][:ins], b[2*ins:][:ins], b[3*ins:][:ins]
			var a0, a1, a2, a3, b0, b1, b2, b3 float32
			for c, u := range x0 {
				v, q0, q1, q2, q3 := x1[c], w0[c], w1[c], w2[c], w3[c]
				a0 += u * q0
				b0 += v * q0
				a1 += u * q1
				b1 += v * q1
				a2 += u * q2
				b2 += v * q2
				a3 += u * q3
				b3 += v * q3
			}
			y0[o], y0[o+1], y0[o+2], y0[o+3] = a0, a1, a2, a3
			y1[o], y1[o+1], y1[o+2], y1[o+3] = b0, b1, b2, b3
		}
		for ; o < outs; o++ {
			y0[o], y1[o] = dot(x0, w[o*ins:]), dot(x1, w[o*ins:])
		}
	}
	if len(x) > 0 {
		matvec(y, x, w)
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
