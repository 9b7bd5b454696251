package asm

// certify_generic is the specification of CertifyFunc.
func certify_generic(c []Certificate, y []float32, st []Stat, w, sv []float32, q []QueryError, t *TileError, m, n int) (undefined uint64) {
	step2 := float32(0)
	if len(sv) > 0 {
		if s := sumSquares_generic(sv[:n]); s > 0 {
			step2 = t.Step2 / s
		}
	}
	for i := range m {
		alpha, g := w[2*i], w[2*i+1]
		if alpha == 0 && g == 0 {
			continue
		}
		q, st, old := &q[i], &st[i], &c[i]
		variance := float32((float32(q.Norm2*t.KeyErr2)+float32(q.Err2*t.KeySize2))*t.ValSize2) + t.ValErr2
		squares := float32(sumSquares_generic(y[i*Tile:][:n])*variance) + float32(float32(st.Beta*st.Beta)*step2)
		sum := float32(st.L*t.ValErr) + float32(st.Beta*t.Step)
		shift := float32(q.Norm*t.KeyErr) + float32(q.Err*t.KeySize)
		next := Certificate{
			Squares: float32(float32(alpha*alpha)*old.Squares) + float32(float32(g*g)*squares),
			Sum:     float32(alpha*old.Sum) + float32(g*sum),
			Shift:   max(old.Shift, shift),
			Biggest: max(old.Biggest, t.ValSize),
		}
		if next.hasNaN() || old.hasNaN() {
			undefined |= 1 << i
			continue
		}
		*old = next
	}
	return undefined
}

func (c *Certificate) hasNaN() bool {
	return c.Squares != c.Squares || c.Sum != c.Sum || c.Shift != c.Shift || c.Biggest != c.Biggest
}
