package attention

import "math"

// Merge folds attention results b into a, over disjoint sets of keys of the same
// query rows: outA, outB are [rows][dv], lseA, lseB [rows], natural logarithms as Run
// returns them. The result is the attention over the union of the keys, to a few
// float32 roundings. No allocation.
//
//	lse = log(exp(lseA) + exp(lseB)),  out = exp(lseA−lse)·outA + exp(lseB−lse)·outB
//
// LSE −Inf is the identity: the other side is kept bit for bit, and two empty sides
// give 0 and −Inf. NaN on either side, or +Inf, gives NaN out and NaN LSE. A learned
// sink must be counted once: run the parts without it and merge the state out = 0,
// LSE = sink. FlashInfer's LSE is base 2: multiply it by ln 2 first.
//
// Slices of other lengths, or that overlap between a and b, are an ErrShape; nothing
// is written then.
func Merge(outA, lseA, outB, lseB []float32, dv int) error {
	rows := len(lseA)
	if dv < 1 || dv > MaxDim {
		return fieldErr(ErrShape, "dv", "%d is outside 1..%d", dv, MaxDim)
	}
	if len(lseB) != rows {
		return fieldErr(ErrShape, "lseB", "length %d, want len(lseA) = %d", len(lseB), rows)
	}
	for _, f := range []struct {
		field string
		n     int
	}{{"outA", len(outA)}, {"outB", len(outB)}} {
		if n, ok := mulFits(rows, dv); !ok || f.n != n {
			return fieldErr(ErrShape, f.field, "length %d, want %d rows of %d", f.n, rows, dv)
		}
	}
	a, la := bytesOf(outA), bytesOf(lseA)
	for _, b := range [][]float32{outB, lseB} {
		if overlap(a, bytesOf(b)) || overlap(la, bytesOf(b)) {
			return fieldErr(ErrShape, "outB", "overlaps outA or lseA")
		}
	}
	if overlap(a, la) {
		return fieldErr(ErrShape, "lseA", "overlaps outA")
	}
	for r := range rows {
		lseA[r] = mergeRow(outA[r*dv:(r+1)*dv], outB[r*dv:(r+1)*dv], lseA[r], lseB[r])
	}
	return nil
}

// mergeRow merges one row into a and returns its LSE.
func mergeRow(a, b []float32, la, lb float32) float32 {
	top := max(la, lb) // NaN if either is
	switch {
	case top == negInf:
		clear(a)
		return negInf
	case top-top != 0:
		for c := range a {
			a[c] = nan
		}
		return nan
	case lb == negInf:
		return la
	case la == negInf:
		copy(a, b)
		return lb
	}
	ea, eb := math.Exp(float64(la)-float64(top)), math.Exp(float64(lb)-float64(top))
	sum := ea + eb
	wa, wb := ea/sum, eb/sum
	for c, x := range b {
		a[c] = float32(float64(wa*float64(a[c])) + float64(wb*float64(x)))
	}
	return float32(float64(top) + math.Log(sum))
}
