package reference

import "math"

// SeesCausal reports whether a query at position p may read key j under a causal mask: j ≤ p.
func SeesCausal(p, j int) bool { return j <= p }

// SeesWindow reports whether key j lies within [p−left, p+right]; a negative bound is unlimited.
func SeesWindow(p, j, left, right int) bool {
	return (left < 0 || j >= p-left) && (right < 0 || j <= p+right)
}

// Sees reports whether key j takes part in query row i of head h. All of these must hold:
//
//	0 ≤ j < KVLen
//	j ≤ p                         if Causal
//	p−WindowLeft ≤ j              if WindowLeft ≥ 0, unless j < WindowSinks
//	j ≤ p+WindowRight             if WindowRight ≥ 0
//	Visible[h][i][j]              if given
//	Bias[h][i][j] ≠ −Inf          if given
func (p *Problem) Sees(i, h, j int) bool {
	if j < 0 || j >= p.KVLen {
		return false
	}
	pos := i + p.Offset
	if p.Causal && !SeesCausal(pos, j) {
		return false
	}
	left := p.WindowLeft
	if j < p.WindowSinks {
		left = -1
	}
	if !SeesWindow(pos, j, left, p.WindowRight) {
		return false
	}
	if len(p.Visible) > 0 && !p.Visible[index(p.VisibleStride, p.QLen, p.KVLen, h, i, j)] {
		return false
	}
	return len(p.Bias) == 0 || !math.IsInf(p.Bias[index(p.BiasStride, p.QLen, p.KVLen, h, i, j)], -1)
}
