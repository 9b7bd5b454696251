package asm

import (
	"fmt"
	"math"
)

// driver makes trials of one family from a shape and a data generator. What a trial
// expects is computed here from the text of contract.go, in integers or float64.
type driver struct {
	uses string // which of m, n, d the family has; "p": d is a power of two
	make func(g *gen, m, n, d int) trial
}

// drivers has one row per family; TestKernels fails when one is missing.
var drivers = map[string]driver{
	"Fetch":              {"d", driveFetch},
	"QKI8":               {"mnd", driveQKI8},
	"QKI4":               {"mnd", driveQKI4},
	"QKF32":              {"mnd", driveQKF32},
	"QKF16":              {"mnd", driveQKF16},
	"QKBF16":             {"mnd", driveQKBF16},
	"QKPairBF16":         {"mnd", driveQKPairBF16},
	"QKPairFP8":          {"mnd", driveQKPairFP8},
	"DotF32":             {"md", driveDotF32},
	"ScaleI8":            {"mn", driveScaleI8},
	"QKScaleI8":          {"mnd", driveQKScaleI8},
	"QKScaleI4":          {"mnd", driveQKScaleI4},
	"QKScaleN4":          {"mnd", driveQKScaleN4},
	"ScaleF32":           {"mn", driveScaleF32},
	"SoftmaxF32":         {"mn", driveSoftmaxF32},
	"SoftmaxU8":          {"mn", driveSoftmaxU8},
	"SoftmaxU16":         {"mn", driveSoftmaxU16},
	"SoftmaxLogF32":      {"mn", driveSoftmaxLogF32},
	"SoftmaxLogU8":       {"mn", driveSoftmaxLogU8},
	"PVU8I8":             {"mnd", drivePVU8I8},
	"PVF32":              {"mnd", drivePVF32},
	"PVF16":              {"mnd", drivePVF16},
	"PVBF16":             {"mnd", drivePVBF16},
	"PVPairBF16":         {"mnd", drivePVPairBF16},
	"PVPairFP8":          {"mnd", drivePVPairFP8},
	"Advance":            {"m", driveAdvance},
	"AdvanceU8":          {"mn", driveAdvanceU8},
	"QKAdvanceI8":        {"d", driveQKAdvanceI8},
	"QKAdvanceI4":        {"d", driveQKAdvanceI4},
	"QKAdvanceN4":        {"d", driveQKAdvanceN4},
	"QKAdvanceLogI8":     {"d", driveQKAdvanceLogI8},
	"QKAdvanceCertifyI8": {"d", driveQKAdvanceCertifyI8},
	"AdvanceBF16":        {"mn", driveAdvanceBF16},
	"AdvanceLogU8":       {"mn", driveAdvanceLogU8},
	"Certify":            {"mn", driveCertify},
	"AdvanceCertifyU8":   {"mn", driveAdvanceCertifyU8},
	"FoldI8":             {"md", driveFoldI8},
	"PVFoldI8":           {"mnd", drivePVFoldI8},
	"PVFoldI4":           {"mnd", drivePVFoldI4},
	"PVFoldN4":           {"mnd", drivePVFoldN4},
	"PVFoldB4":           {"mnd", drivePVFoldB4},
	"FoldF32":            {"md", driveFoldF32},
	"FinishF32":          {"d", driveFinishF32},
	"Exp2F32":            {"d", driveExp2F32},
	"RoundBF16":          {"d", driveRoundBF16},
	"PackBF16":           {"mn", drivePackBF16},
	"SumSquares":         {"d", driveSumSquares},
	"AbsMax":             {"d", driveAbsMax},
	"EncI8":              {"d", driveEncI8},
	"EncErrI8":           {"d", driveEncErrI8},
	"EncI8K":             {"d", driveEncI8K},
	"EncI8V":             {"d", driveEncI8V},
	"EncI4K":             {"d", driveEncI4K()},
	"EncI4V":             {"d", driveEncI4V()},
	"EncN4K":             {"d", driveEncN4K()},
	"EncN4V":             {"d", driveEncN4V()},
	"EncF16":             {"d", driveEncF16},
	"EncBF16K":           {"d", driveEncBF16K()},
	"EncBF16V":           {"d", driveEncBF16V()},
	"EncE4M3":            {"d", driveEncE4M3()},
	"EncE5M2":            {"d", driveEncE5M2()},
	"Enc4K":              {"d", driveEnc4K()},
	"Enc4V":              {"d", driveEnc4V()},
	"Hadamard":           {"p", driveHadamard},
	"DecI8K":             {"nd", driveDecI8K},
	"DecI8V":             {"nd", driveDecI8V},
	"DecE4M3K":           {"nd", driveDecE4M3K()},
	"DecE4M3V":           {"nd", driveDecE4M3V()},
	"DecE5M2K":           {"nd", driveDecE5M2K()},
	"DecE5M2V":           {"nd", driveDecE5M2V()},
	"Dec16":              {"d", driveDec16},
	"DecBF16K":           {"nd", driveDecBF16K},
	"DecBF16V":           {"nd", driveDecBF16V},
	"ExpI4K":             {"nd", driveExpI4K},
	"ExpI4V":             {"nd", driveExpI4V},
	"ExpN4K":             {"nd", driveExpN4K},
	"ExpN4V":             {"nd", driveExpN4V},
	"SplitScales":        {"nd", driveSplitScales},
	"ExpB4K":             {"nd", driveExpB4K},
	"ExpB4V":             {"nd", driveExpB4V},
	"Dec4K":              {"nd", driveDec4K},
	"Dec4V":              {"nd", driveDec4V},
}

// trial makes one and names its shape.
func (d driver) trial(g *gen, m, n, dim int) *trial {
	seedKind := g.kind
	tr := d.make(g, m, n, dim)
	tr.shape = fmt.Sprintf("m=%d n=%d d=%d kind=%d", m, n, dim, seedKind)
	return &tr
}

func driveFetch(g *gen, _, _, d int) trial {
	return trial{
		ops:  []operand{in(g.codes(d))},
		call: func(f any, a [][]byte) { f.(FetchFunc)(a[0]) },
		work: float64(d) / 64,
	}
}

func driveQKI8(g *gen, m, n, d int) trial {
	q, k, want := g.integerScores(m, n, d)
	return trial{
		ops:  []operand{out(want, matrix(m, n, 16*ceilDiv(n, 16))), in(q), in(k), in(g.hint())},
		call: func(f any, a [][]byte) { f.(QKI8Func)(view[int32](a[0]), view[int8](a[1]), a[2], m, n, (d+3)/4, a[3]) },
		work: 2 * float64(m*n*d),
	}
}

func driveQKScaleI8(g *gen, m, n, d int) trial {
	q, k, scores := g.integerScores(m, n, d)
	sk, a, b := g.floats(n, 128), g.floats(m, 128), g.floats(m, 128)
	want := make([]float32, m*Tile)
	for i := range m {
		for j := range n {
			want[i*Tile+j] = add(mul(mul(float32(scores[i*Tile+j]), a[i]), sk[j]), b[i])
		}
	}
	return trial{
		ops: []operand{out(want, matrix(m, n, 16*ceilDiv(n, 16))), in(q), in(k), in(sk), in(a), in(b), in(g.hint())},
		call: func(f any, x [][]byte) {
			f.(QKScaleI8Func)(view[float32](x[0]), view[int8](x[1]), x[2], view[float32](x[3]), view[float32](x[4]), view[float32](x[5]),
				m, n, (d+3)/4, x[6])
		},
		work: float64(m * n * (2*d + 3)),
	}
}

// integerScores draws int8 queries and an int8 K tile, and multiplies.
func (g *gen) integerScores(m, n, d int) (q []int8, k []byte, want []int32) {
	d4 := (d + 3) / 4
	q = g.queries(m, d)
	k = g.codes(ceilDiv(n, 16) * d4 * 64)
	want = make([]int32, m*Tile)
	for i := range m {
		for j := range n {
			var sum int64
			for c := range d {
				sum += int64(q[i*4*d4+c]) * (int64(k[((j/16*d4+c/4)*16+j%16)*4+c%4]) - 128)
			}
			want[i*Tile+j] = int32(sum)
		}
	}
	return q, k, want
}

func driveQKI4(g *gen, m, n, d int) trial {
	q, k, mult, want := g.nibbleScores(m, n, d)
	return trial{
		ops: []operand{out(want, matrix(m, n, 32*ceilDiv(n, 32))), in(q), in(k), in(mult), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(QKI4Func)(view[int32](a[0]), view[int8](a[1]), a[2], a[3], m, n, (d+3)/4, a[4])
		},
		work: 2 * float64(m*n*d),
	}
}

func driveQKScaleI4(g *gen, m, n, d int) trial {
	q, k, mult, scores := g.nibbleScores(m, n, d)
	sk, a, b := g.floats(n, 128), g.floats(m, 128), g.floats(m, 128)
	want := make([]float32, m*Tile)
	for i := range m {
		for j := range n {
			want[i*Tile+j] = add(mul(mul(float32(scores[i*Tile+j]), a[i]), sk[j]), b[i])
		}
	}
	return trial{
		ops: []operand{out(want, matrix(m, n, 32*ceilDiv(n, 32))), in(q), in(k), in(mult), in(sk), in(a), in(b), in(g.hint())},
		call: func(f any, x [][]byte) {
			f.(QKScaleI4Func)(view[float32](x[0]), view[int8](x[1]), x[2], x[3], view[float32](x[4]), view[float32](x[5]), view[float32](x[6]),
				m, n, (d+3)/4, x[7])
		},
		work: float64(m * n * (2*d + 3)),
	}
}

// queries draws m rows of int8 queries.
func (g *gen) queries(m, d int) []int8 {
	q, width := view[int8](g.codes(m*4*ceilDiv(d, 4))), 4*ceilDiv(d, 4)
	for i := range q {
		q[i] = max(q[i], -127)
		if i%width >= d {
			q[i] = 0
		}
	}
	return q
}

// nibbleScores draws int8 queries and a nibble K tile with multipliers, and multiplies.
func (g *gen) nibbleScores(m, n, d int) (q []int8, k, mult []byte, want []int32) {
	d4 := (d + 3) / 4
	q = g.queries(m, d)
	k, mult = g.codes(ceilDiv(n, 32)*d4*64), g.mults(n, d)
	want = make([]int32, m*Tile)
	for i := range m {
		for j := range n {
			var sum int64
			for c := range d {
				sum += int64(q[i*4*d4+c]) * int64((nibbleK(k, d, j, c)-8)*int(int8(mult[c/32*Tile+j])))
			}
			want[i*Tile+j] = int32(sum)
		}
	}
	return q, k, mult, want
}

func driveQKF32(g *gen, m, n, d int) trial {
	q, k := g.floats(m*d, 50), g.floats(ceilDiv(n, 16)*16*d, 50)
	value, tol := make([]float64, m*Tile), make([]float64, m*Tile)
	for i := range m {
		for j := range n {
			var sum, mag float64
			for c := range d {
				x := float64(q[i*d+c]) * float64(k[(j/16*d+c)*16+j%16])
				sum, mag = sum+x, mag+math.Abs(x)
			}
			value[i*Tile+j], tol[i*Tile+j] = sum, float64(d+1)*0x1p-24*mag+float64(d)*0x1p-150
		}
	}
	return trial{
		ops: []operand{out(make([]float32, m*Tile), matrix(m, n, 16*ceilDiv(n, 16))).near(value, tol), in(q), in(k), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(QKF32Func)(view[float32](a[0]), view[float32](a[1]), view[float32](a[2]), m, n, d, a[3])
		},
		work: 2 * float64(m*n*d),
	}
}

func driveScaleI8(g *gen, m, n, _ int) trial {
	s := make([]int32, m*Tile)
	for i := range s {
		s[i] = int32(g.Uint32()) >> g.IntN(32)
		if g.kind == extreme {
			s[i] = [...]int32{-1 << 31, 1<<31 - 1, -1 << 24, 1<<24 + 1, 0}[g.IntN(5)]
		}
	}
	sk, a, b := g.floats(n, 128), g.floats(m, 128), g.floats(m, 128)
	want := make([]float32, m*Tile)
	for i := range m {
		for j := range n {
			want[i*Tile+j] = add(mul(mul(float32(float64(s[i*Tile+j])), a[i]), sk[j]), b[i])
		}
	}
	tr := trial{work: 3 * float64(m*n)}
	if g.IntN(2) == 0 { // y and s are the same memory
		y := inout(s, view[int32](raw(want)), matrix(m, n, n))
		y.float = true
		tr.ops = []operand{y, in(sk), in(a), in(b)}
		tr.call = func(f any, x [][]byte) {
			f.(ScaleI8Func)(view[float32](x[0]), view[int32](x[0]), view[float32](x[1]), view[float32](x[2]), view[float32](x[3]), m, n)
		}
		return tr
	}
	tr.ops = []operand{out(want, matrix(m, n, n)), in(s), in(sk), in(a), in(b)}
	tr.call = func(f any, x [][]byte) {
		f.(ScaleI8Func)(view[float32](x[0]), view[int32](x[1]), view[float32](x[2]), view[float32](x[3]), view[float32](x[4]), m, n)
	}
	return tr
}

func driveScaleF32(g *gen, m, n, _ int) trial {
	y, a, b := g.floats(m*Tile, 128), g.floats(m, 128), g.floats(m, 128)
	want := make([]float32, m*Tile)
	for i := range want {
		want[i] = add(mul(y[i], a[i/Tile]), b[i/Tile])
	}
	return trial{
		ops: []operand{inout(y, want, matrix(m, n, n)), in(a), in(b)},
		call: func(f any, x [][]byte) {
			f.(ScaleF32Func)(view[float32](x[0]), view[float32](x[1]), view[float32](x[2]), m, n)
		},
		work: 2 * float64(m*n),
	}
}

func drivePVU8I8(g *gen, m, n, dv int) trial {
	p, v, want := g.integerSums(m, n, dv)
	return trial{
		ops:  []operand{out(want, nil), in(p), in(v), in(g.hint())},
		call: func(f any, a [][]byte) { f.(PVU8I8Func)(view[int32](a[0]), a[1], a[2], m, n, dv, a[3]) },
		work: 2 * float64(m*n*dv),
	}
}

// integerSums draws u8 weights and an int8 V tile, and sums.
func (g *gen) integerSums(m, n, dv int) (p, v []byte, want []int32) {
	p, v = g.codes(m*Tile), g.codes(ceilDiv(n, 4)*4*dv)
	for i := range m {
		clear(p[i*Tile+n : i*Tile+4*ceilDiv(n, 4)])
	}
	want = make([]int32, m*dv)
	for i := range m {
		for c := range dv {
			var sum int64
			for t := range n {
				sum += int64(p[i*Tile+t]) * int64(int8(v[(t/4*dv+c)*4+t%4]))
			}
			want[i*dv+c] = int32(sum)
		}
	}
	return p, v, want
}

func drivePVF32(g *gen, m, n, dv int) trial {
	p, v := g.finite(m*Tile, 10), g.floats(n*dv, 100)
	for i := range p {
		if p[i] = float32(math.Abs(float64(p[i]))); i%Tile >= n {
			p[i] = nan32 // not part of the sum
		}
	}
	value, tol := make([]float64, m*dv), make([]float64, m*dv)
	for i := range m {
		for c := range dv {
			var sum, mag float64
			for t := range n {
				x := float64(p[i*Tile+t]) * float64(v[t*dv+c])
				sum, mag = sum+x, mag+math.Abs(x)
			}
			value[i*dv+c], tol[i*dv+c] = sum, float64(n+1)*0x1p-24*mag+float64(n)*0x1p-150
		}
	}
	return trial{
		ops: []operand{out(make([]float32, m*dv), nil).near(value, tol), in(p), in(v), in(g.hint())},
		call: func(f any, a [][]byte) {
			f.(PVF32Func)(view[float32](a[0]), view[float32](a[1]), view[float32](a[2]), m, n, dv, a[3])
		},
		work: 2 * float64(m*n*dv),
	}
}
