package asm

import "math"

// certify_generic is the specification of CertifyFunc.
func certify_generic(t *CertifyTile, r, m, n int) (undefined uint64) {
	wide := func(record uint64, i int) float32 { return math.Float32frombits(uint32(record>>(16*i)) << 16) }
	keyErr, keySize, keyErr2, keySize2 := wide(t.Keys, 0), wide(t.Keys, 1), wide(t.Keys, 2), wide(t.Keys, 3)
	valErr, valSize, valErr2, valSize2 := wide(t.Values, 0), wide(t.Values, 1), wide(t.Values, 2), wide(t.Values, 3)
	step2 := float32(0)
	if len(t.SV) > 0 {
		if s := sumSquares_generic(t.SV[:n]); s > 0 {
			step2 = float32(t.Spread*valSize2) / s
		}
	}
	for i := r; i < r+m; i++ {
		alpha, g := t.W[2*i], t.W[2*i+1]
		if alpha == 0 && g == 0 {
			continue
		}
		q, st, old := &t.Q[i], &t.St[i], &t.C[i]
		variance := float32((float32(q.Norm2*keyErr2)+float32(q.Err2*keySize2))*valSize2) + valErr2
		squares := float32(sumSquares_generic(t.Y[i*Tile:][:n])*variance) + float32(st.Beta*float32(st.Beta*step2))
		sum := float32(st.L*valErr) + float32(st.Beta*t.Step)
		shift := float32(q.Norm*keyErr) + float32(q.Err*keySize)
		next := Certificate{
			Squares: float32(float32(alpha*alpha)*old.Squares) + float32(float32(g*g)*squares),
			Sum:     float32(alpha*old.Sum) + float32(g*sum),
			Shift:   max(old.Shift, shift),
			Biggest: max(old.Biggest, valSize),
		}
		if next.hasNaN() || old.hasNaN() {
			undefined |= 1 << (i - r)
			continue
		}
		*old = next
	}
	return undefined
}

func (c *Certificate) hasNaN() bool {
	return c.Squares != c.Squares || c.Sum != c.Sum || c.Shift != c.Shift || c.Biggest != c.Biggest
}
