package asm

// Tile is the number of tokens in a tile and the row stride of score, logit and
// probability matrices.
const Tile = 64

// QKI8Func computes integer scores of m query rows against n keys:
//
//	s[i][j] = Σ_c q[i][c] · (k[j][c] − 128),   i < m, j < n
//
// q is [m][4·d4] int8, zero in padding channels; k is the int8 K layout. It reads
// ⌈n/16⌉ groups of k and writes s[i][0:16·⌈n/16⌉] (lanes ≥ n hold unspecified
// values). Exact: |s| ≤ 127·128·4·d4 < 2³¹ for d4 ≤ 33 025; as float32 it is exact
// for d ≤ 1032. s does not alias q or k.
type QKI8Func func(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)

// QKI4Func computes integer scores against nibble keys with multipliers, as QKI8Func does
// against what ExpI4KFunc makes of them:
//
//	s[i][j] = Σ_c q[i][c] · (nibble(j, c) − 8)·mult[c/32][j],   i < m, j < n
//
// q is [m][4·d4] int8; k is the nibble K layout [⌈n/32⌉][d4][16][4]; mult is [⌈d4/8⌉][64]
// int8, of magnitude 1..15 for tokens below n and anything beyond. It reads ⌈n/32⌉ pairs of
// k and writes s[i][0:32·⌈n/32⌉]. Exact, |s| ≤ 127·120·4·d4.
type QKI4Func func(s []int32, q []int8, k, mult []byte, m, n, d4 int, next []byte)

// QKF32Func computes float32 scores:
//
//	s[i][j] = Σ_c q[i][c] · k[j][c],   i < m, j < n
//
// q is [m][d]; k is the float32 K layout. Extents as QKI8Func. Each score is one
// sum in ascending channel order per chain; |error| ≤ (d+1)·2⁻²⁴·Σ|q·k| + d·2⁻¹⁵⁰.
// NaN and infinities follow IEEE arithmetic.
type QKF32Func func(s []float32, q, k []float32, m, n, d int, next []byte)

// QKF16Func is QKF32Func for keys read in place from binary16 storage, [4][d][16]. Bound
// as QKF32Func.
type QKF16Func func(s, q []float32, k []byte, m, n, d int, next []byte)

// QKBF16Func is QKF32Func for keys read in place from bfloat16 storage,
// [4][⌈d/2⌉][16][2]. The odd channel of an odd d is zero in storage and not multiplied.
// Bound as QKF32Func.
type QKBF16Func func(s, q []float32, k []byte, m, n, d int, next []byte)

// QKPairBF16Func computes the logits of bfloat16 queries against keys read in place from
// bfloat16 storage:
//
//	s[i][j] = Σ_c q[i][c] · k[j][c],   y[i][j] = s[i][j]·a[i] + b[i],   i < m, j < n
//
// q is [m][4·⌈d/4⌉], zero in padding channels; k as QKBF16Func. Extents as QKI8Func.
// Kernels may take subnormal operands and results for zeros: over finite operands a score
// has |error| ≤ (d+2)·2⁻²⁴·Σ|q·k| + 2⁻¹²⁵·Σ(|q|+|k|) + d·2⁻¹²⁴; what follows rounds as in
// ScaleF32Func. NaN and infinities follow IEEE arithmetic.
type QKPairBF16Func func(y []float32, q []uint16, k []byte, a, b []float32, m, n, d int, next []byte)

// FP8Table tells what an 8-bit float code stands for: the bfloat16 whose bytes are
// Lo[code&127] and Hi[code&127] | code&128.
type FP8Table struct{ Lo, Hi [128]byte }

// QKPairFP8Func is QKPairBF16Func for keys read in place from FP8 storage,
// [4][⌈d/4⌉][16][4], each with a scale:
//
//	s[i][j] = scale[j]·Σ_c q[i][c] · table(k[j][c]),   i < m, j < n
//
// It reads 16·⌈n/16⌉ scales. The bound of the sum is that of QKPairBF16Func; the product
// rounds once. Padding channels of k are finite.
type QKPairFP8Func func(y []float32, q []uint16, k []byte, scale []float32, table *FP8Table, a, b []float32, m, n, d int, next []byte)

// DotF32Func sums the products of m rows with one vector, as tiles centred on it need:
//
//	s[i] = a[i]·Σ_c q[i][c]·x[c] + b[i],   i < m, c < d
//
// q is [m][d]. A row's sum has 16 chains (c mod 16) folded 8, 4, 2, 1. Exact: one rounding
// per operation.
type DotF32Func func(s, q, x, a, b []float32, m, d int)

// ScaleI8Func turns integer scores into logits:
//
//	y[i][j] = float32(float32(s[i][j])·a[i])·sk[j] + b[i],   i < m, j < n
//
// a and b hold one factor and one offset per row, sk one scale per token. y and s
// are [m][64] and may be the same memory. Exact: one rounding per operation.
type ScaleI8Func func(y []float32, s []int32, sk, a, b []float32, m, n int)

// QKScaleI8Func is QKI8Func followed by ScaleI8Func on its scores. y[i][n:16·⌈n/16⌉] holds
// anything afterwards. Exact.
type QKScaleI8Func func(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte)

// QKScaleI4Func is QKI4Func followed by ScaleI8Func on its scores. y[i][n:32·⌈n/32⌉] holds
// anything afterwards. Exact.
type QKScaleI4Func func(y []float32, q []int8, k, mult []byte, sk, a, b []float32, m, n, d4 int, next []byte)

// QKScaleN4Func is QKScaleI8Func on what ExpN4KFunc makes of nibble keys, [⌈n/32⌉][d4][16][4],
// and multipliers, [⌈d4/8⌉][64]. It reads ⌈n/32⌉ pairs of k and writes y[i][0:32·⌈n/32⌉], of
// which y[i][n:] holds anything afterwards. Exact.
type QKScaleN4Func func(y []float32, q []int8, k, mult []byte, book *ScaledBook, sk, a, b []float32, m, n, d4 int, next []byte)

// ScaleF32Func turns float32 scores into logits in place: y = y·a[i] + b[i].
// Exact: one rounding per operation.
type ScaleF32Func func(y []float32, a, b []float32, m, n int)

// Stat is what the softmax of one row of a tile leaves behind, in base 2:
// weights are 2^(y−M), L is their sum, Beta converts integer PV sums back.
type Stat struct {
	M    float32 // maximum of the visible logits, zero of either sign; −Inf when none is visible; NaN when one is NaN or +Inf
	L    float32 // Σ 2^(y−M)
	Beta float32 // PV sum of weights = Beta · integer sum (U8 kernels); 1 otherwise
}

// SoftmaxF32Func replaces base-2 logits by unnormalised weights, row by row:
//
//	M = max_j y[j],  y[j] ← 2^(y[j]−M),  L = Σ_j y[j],   j < n
//
// A logit of −Inf means not visible and gives weight 0. A row with M = −Inf gets
// weights 0 and L = 0; a row with a NaN or +Inf gets weights NaN and
// M = L = NaN.
// The sum has 16 chains (j mod 16) folded as a binary tree 8, 4, 2, 1. Exact.
type SoftmaxF32Func func(y []float32, st []Stat, m, n int)

// SoftmaxU8Func is SoftmaxF32Func with weights quantized against the tile's own
// maximum after folding in the value scales:
//
//	e[j] = 2^(y[j]−M),  u[j] = e[j]·sv[j],  U = max_j u[j]
//	p[j] = ⌊u[j]·(top/U) + ½⌋,  Beta = U/top,  L = Σ e[j]
//
// top is 255, or less for fewer bits. p is [m][64] bytes; p[n:4·⌈n/4⌉] is set to 0. sv
// holds one scale per token, ≥ 0. With U = 0 all p are 0 and Beta = 0, also in a row
// with M = −Inf or NaN. A U below 2⁻⁹⁶ is scaled by 2⁹⁶ around the division. y is left
// holding e. Exact.
type SoftmaxU8Func func(p []byte, y, sv []float32, st []Stat, top float32, m, n int)

// SoftmaxU16Func is SoftmaxU8Func with top = 65535 and p split into two planes of bytes,
// p = 256·hi + lo, so that two byte products sum the values: Beta = U/65535. Exact.
type SoftmaxU16Func func(hi, lo []byte, y, sv []float32, st []Stat, m, n int)

// LogCode is a code book of powers of two, or of √2, for weights.
type LogCode struct {
	Step float32 // codes per octave: 1 for powers of two, 2 for powers of √2
	Zero float32 // codes from this one on weigh nothing
	Last float32 // codes from this one up to Zero − 1 weigh what this one weighs: 2^bits − 2
	// Whole rounds the maximum up to a whole number, so that states of two tiles meet by an
	// exact power of two. Without it the largest weight of a tile is exactly 1, which errs
	// less.
	Whole bool
}

// SoftmaxLogF32Func replaces base-2 logits by weights that are powers of two, without
// an exponential:
//
//	M = max_j y[j], or ⌈max_j y[j]⌉ with Whole
//	k[j] = RNE(Step·(M−y[j])),  y[j] ← 0 when k[j] ≥ Zero, else w(min(k[j], Last)),  L = Σ_j y[j]
//	w(k) = 2^−k for Step 1, 2^−⌈k/2⌉·(1 + (√2−1)·(k mod 2)) for Step 2
//
// L is the sum of the coded weights. √2 is the float32 nearest to it. Invisible and non-finite logits
// and the order of the sum as in SoftmaxF32Func. Exact.
type SoftmaxLogF32Func func(y []float32, st []Stat, code LogCode, m, n int)

// SoftmaxLogU8Func is SoftmaxU8Func with the weights of SoftmaxLogF32Func in the place of
// e. With top = 128 and equal sv the bytes of codes less than 8 octaves below the
// largest are exact powers of two. Exact.
type SoftmaxLogU8Func func(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int)

// PVU8I8Func sums integer values under integer weights:
//
//	o[i][c] = Σ_{t<n} p[i][t] · v[t][c],   i < m, c < dv
//
// p is [m][64] with p[i][n:4·⌈n/4⌉] = 0; v is the int8 V layout. It reads ⌈n/4⌉
// quads of v and overwrites o [m][dv]. Exact: |o| ≤ 255·128·64 < 2²⁴.
type PVU8I8Func func(o []int32, p, v []byte, m, n, dv int, next []byte)

// PVF32Func sums float values under float weights:
//
//	o[i][c] = Σ_{t<n} p[i][t] · v[t][c],   i < m, c < dv
//
// v is [n][dv] float32. It reads exactly n rows and overwrites o [m][dv], in
// ascending token order. p is [m][64], p[i][j] with j ≥ n is not used.
// |error| ≤ (n+1)·2⁻²⁴·Σ p|v| + n·2⁻¹⁵⁰. A weight 0 against a NaN or
// infinite value gives NaN; callers keep invisible non-finite values out.
type PVF32Func func(o []float32, p, v []float32, m, n, dv int, next []byte)

// PVF16Func is PVF32Func for values read in place from binary16 storage, [64][dv].
type PVF16Func func(o, p []float32, v []byte, m, n, dv int, next []byte)

// PVBF16Func is PVF32Func for values read in place from bfloat16 storage, [32][dv][2].
// It reads ⌈n/2⌉ pairs; the second token of an odd n may hold anything, a NaN too, and
// takes no part.
type PVBF16Func func(o, p []float32, v []byte, m, n, dv int, next []byte)

// Fold holds the factors by which a tile joins the output state of one row.
type Fold struct {
	Alpha float32 // on the state; with its sign bit set (−1) the row is left as it is
	Beta  float32 // on the tile's sums
	Gamma float32 // on the centre of the tile's values
}

// AdvanceFunc moves the softmax states of rows past a tile, m and l as in Stat: row i,
// whose tile left st[i] = (M, L, β), gets
//
//	top = M if M > m else m,  α = 2^(m−top),  g = 2^(M−top)
//	m ← top,  l ← α·l + g·L,  f[i] = (α, g·β, g·L),  w[2i], w[2i+1] = α, g
//
// A row without a visible key in the tile (M = −Inf), or with m = NaN, keeps its state; where
// M is NaN, m and l become M. Both get f[i] = (−1, 0, 0) and w = 0, 0. It returns whether
// some M is NaN. Exact: one rounding per operation.
type AdvanceFunc func(m, l, w []float32, st []Stat, f []Fold, rows int) (poisoned bool)

// RowStates are the operands of AdvanceFunc: the states of rows and what a tile leaves.
type RowStates struct {
	M, L, W []float32
	Stat    []Stat
	Fold    []Fold
}

// AdvanceU8Func is SoftmaxU8Func followed by AdvanceFunc. Afterwards W holds anything. Exact.
type AdvanceU8Func func(r *RowStates, p []byte, y, sv []float32, top float32, m, n int) (poisoned bool)

// AdvanceLogU8Func is SoftmaxLogU8Func followed by AdvanceFunc, as AdvanceU8Func.
type AdvanceLogU8Func func(r *RowStates, p []byte, y, sv []float32, code LogCode, top float32, m, n int) (poisoned bool)

// AdvanceBF16Func is SoftmaxF32Func followed by AdvanceFunc, and by PackBF16Func, p being dst,
// on the weights: but products below 2⁻¹²⁶, which bfloat16 kernels may take for zeros, become
// zeros. NaN have any sign. Afterwards W holds anything. Exact.
type AdvanceBF16Func func(r *RowStates, p []uint16, y, sv []float32, m, n int) (poisoned bool)

// QKAdvanceI8Func is AdvanceU8Func on the logits y of four rows and 64 tokens, followed by QKScaleI8Func,
// which leaves the logits of the next tile, with keys k, in their place. d4 is a multiple of 16.
// Afterwards W holds anything. Exact.
type QKAdvanceI8Func func(r *RowStates, p []byte, y, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool)

// QKAdvanceLogI8Func is AdvanceLogU8Func on the logits y of four rows and 64 tokens, followed by
// QKScaleI8Func, as QKAdvanceI8Func. Exact.
type QKAdvanceLogI8Func func(r *RowStates, p []byte, y, sv []float32, code *LogCode, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool)

// QKAdvanceI4Func is QKAdvanceI8Func on keys and value scales as they are stored: k is binary16
// scales, [64], multipliers, [d4/8][64], and nibbles for QKScaleI4Func, sv is binary16. d4 is a
// multiple of 32, and W has 192 numbers. Afterwards W holds anything. Exact.
type QKAdvanceI4Func func(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, a, b []float32, d4 int, next []byte) (poisoned bool)

// QKAdvanceN4Func is QKAdvanceI4Func for the keys of QKScaleN4Func.
type QKAdvanceN4Func func(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, book *ScaledBook, a, b []float32, d4 int, next []byte) (poisoned bool)

// TileRecord is what certificates know of the tokens of a tile: eight float32, little endian.
//
//	0–3  maxima: ‖k−k̂‖, ‖k̂‖, |v|, |v−v̂|
//	4, 5 mean squares of ‖k−k̂‖ and of ‖k̂‖, times that of v̂ per channel without the centre
//	6    mean square of v−v̂ per channel
//	7    what a step of integer weights over all tokens adds to the variance
type TileRecord [32]byte

// CertifyTile is what certificates need of the rows of a tile. It is one argument, since it is
// the same from tile to tile. What a tile touches is in few lines.
type CertifyTile struct {
	// Rows holds columns of M rows, then Most:
	//
	//	Squares [M]    Σ weight²·variance so far, weights relative to the running maximum
	//	Sum     [M]    Σ weight·bound
	//	Norm2   [M]    ‖q‖², times scale²/DK
	//	Err2    [M]    ‖q−q̂‖², likewise
	//	Most    [M][4] the largest of the maxima of records
	Rows   []float32
	M      int
	Y      []float32 // [rows][64] weights
	Step   float32   // what a step of integer weights may add, 0 where they are not rounded
	Spread float32   // 1, or 0 there
	St     []Stat
	F      []Fold // as Advance leaves them
}

// CertifyFunc adds the n weights Y[i] of a tile (x0, … x7) to the certificates of rows
// r ≤ i < r+m, m ≤ 64. With F[i] = (α, β, γ), g = γ/L, L of St[i], and W = Σ Y[i][j]², j < n, in 16
// chains of fused multiply-adds (j mod 16) folded as a binary tree 8, 4, 2, 1:
//
//	Squares[i] ← (α·α)·Squares[i] + ((g·g)·(W·((Norm2[i]·x4 + Err2[i]·x5) + x6)) + β·(β·(Spread·x7)))
//	Sum[i]     ← α·Sum[i] + (γ·x3 + β·Step)
//	Most[i][c] ← max(Most[i][c], xc),   c < 4
//
// Rows whose α has its sign bit set are left as they are. So are rows whose Squares or Sum would be
// a NaN, from a NaN or from 0·Inf: bit i−r of the result tells. Maxima are no NaN. Exact: one
// rounding per operation.
type CertifyFunc func(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64)

// AdvanceCertifyU8Func is AdvanceU8Func on the logits Y of t of four rows and 64 tokens, followed by
// CertifyFunc. St and F of t are those of r, Spread is 1. Bits 0–3 of the result are that of CertifyFunc,
// bit 4 is that of AdvanceU8Func. Where one of bits 0–3 is set, the first four numbers of W are those
// of CertifyFunc afterwards. Exact.
type AdvanceCertifyU8Func func(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32) (left uint64)

// QKAdvanceCertifyI8Func is AdvanceCertifyU8Func followed by QKScaleI8Func, as QKAdvanceI8Func. Exact.
type QKAdvanceCertifyI8Func func(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64)

// FoldI8Func adds a tile to the output states of m rows:
//
//	o[i][c] = α·o[i][c] + (β·float32(a[i][c]) + γ·mu[c]),   i < m, c < dv, f[i] = (α, β, γ)
//
// o and a are [m][dv]. mu may be nil (no centre). Rows whose α has its sign bit set are not touched.
// Exact: one rounding per operation, in this order.
type FoldI8Func func(o []float32, a []int32, mu []float32, f []Fold, m, dv int)

// PVFoldI8Func is PVU8I8Func followed by FoldI8Func on its sums: o [m][dv] are the states.
// acc [m][dv] is memory for kernels that do one after the other. Exact.
type PVFoldI8Func func(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte)

// PVFoldI4Func is PVFoldI8Func on what ExpI4VFunc makes of nibble planes v, [8][dv][4], and
// multipliers, [⌈dv/32⌉][64]. It reads ⌈n/8⌉ planes and p[i][0:8·⌈n/8⌉], of which those behind
// 4·⌈n/4⌉ are anything. Exact.
type PVFoldI4Func func(o []float32, p, v, mult []byte, mu []float32, f []Fold, m, n, dv int, next []byte)

// PVFoldN4Func is PVFoldI8Func on what ExpN4VFunc makes of nibble planes v, [8][dv][4], and
// multipliers, [⌈dv/32⌉][64]. It reads ⌈n/8⌉ planes and p[i][0:4·⌈n/4⌉], p[i][n:] being 0. Exact.
type PVFoldN4Func func(o []float32, p, v, mult []byte, book *ScaledBook, mu []float32, f []Fold, m, n, dv int, next []byte)

// PVFoldB4Func is PVFoldI8Func on what ExpB4VFunc makes of nibble planes v, [8][dv][4], a
// table and ratios, [⌈dv/block⌉][64]. It reads ⌈n/8⌉ planes and p[i][0:4·⌈n/4⌉], p[i][n:] being
// 0, and whole rows of ratios. Exact.
type PVFoldB4Func func(o []float32, p, v []byte, ratio []int16, levels *[16]int8, mu []float32, f []Fold, m, n, dv, block int, next []byte)

// FoldF32Func adds a float tile, as FoldI8Func.
type FoldF32Func func(o, a, mu []float32, f []Fold, m, dv int)

// PVPairBF16Func sums values read in place from bfloat16 storage, as PVBF16Func reads them,
// under bfloat16 weights, and adds the sums to the output states as FoldF32Func does:
//
//	s[i][c] = Σ_{t<n} p[i][t] · v[t][c],   o[i][c] = α·o[i][c] + (β·s[i][c] + γ·mu[c]),   i < m, c < dv
//
// p is [m][64], 0 at n where n is odd; nothing beyond is used. The bound of a sum is that of
// QKPairBF16Func with n for d; what follows rounds as in FoldF32Func.
type PVPairBF16Func func(o []float32, p []uint16, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte)

// PVPairFP8Func is PVPairBF16Func for values read in place from FP8 storage, [64][dv],
// without scales: v stands for table(v). It reads exactly n rows.
type PVPairFP8Func func(o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, m, n, dv int, next []byte)

// FinishF32Func normalises a row: out[c] = (o[c] + 0) / l, so that −0 becomes +0 for l > 0.
// Exact.
type FinishF32Func func(out, o []float32, l float32)

// Exp2F32Func computes 2^x in place, x ≤ 0: the exponential of the softmax by itself, to be
// tested on all inputs and timed; attention does not call it. Subnormal results are kept; −Inf gives
// 0, NaN gives NaN. At most 1.5 ulp; exact at integers; monotone. Exact: the operation
// order of exp2_generic.go is the definition.
type Exp2F32Func func(x []float32)

// RoundBF16Func rounds x in place to bfloat16 as EncBF16KFunc does. Exact.
type RoundBF16Func func(x []float32)

// PackBF16Func rounds products to bfloat16 as EncBF16KFunc does:
//
//	dst[i][j] = bfloat16(y[i][j]·sv[j]),   i < m, j < n
//
// dst and y are [m][64] up to the last row, of which n are enough, or n+1 of dst where n is
// odd: dst[i][n] is then 0. A product rounds to float32 first. sv may be empty: all 1. Exact.
type PackBF16Func func(dst []uint16, y, sv []float32, m, n int)

// SumSquaresFunc returns Σ x², in 16 chains (i mod 16) folded 8, 4, 2, 1. Exact: a
// product and a sum round each.
type SumSquaresFunc func(x []float32) float32

// AbsMaxFunc returns max|x|, 0 for an empty row, and NaN when any element is NaN
// or infinite. Exact.
type AbsMaxFunc func(x []float32) float32

// EncI8Func quantizes a row: dst[c] = clamp(RNE(x[c]/scale), −127, 127), with a
// true division. scale is finite and > 0, x finite. Exact.
type EncI8Func func(dst []int8, x []float32, scale float32)

// EncErrI8Func is EncI8Func with zeros behind the codes, up to dst[4·⌈len(x)/4⌉]. It returns
// Σ x[c]² and Σ (x[c] − dst[c]·scale)², the size of a row and what its codes lose, in the chains
// of SumSquaresFunc. A difference rounds once, product included; |x| ≤ 256·scale. Exact.
type EncErrI8Func func(dst []int8, x []float32, scale float32) (size2, err2 float32)

// Kernels that store one token of a tile change the bytes their contract names and no
// other. They may rewrite bytes between those with what they hold.

// EncI8KFunc quantizes a row as EncI8Func and stores it as one token of the int8 K
// layout: channel c goes to dst[c/4·64 + c%4] as code + 128. Exact.
type EncI8KFunc func(dst []byte, x []float32, scale float32)

// EncI8VFunc quantizes a row as EncI8Func and stores it as one token of the int8 V
// layout: channel c goes to dst[4·c] in two's complement. Exact.
type EncI8VFunc func(dst []byte, x []float32, scale float32)

// EncI4KFunc quantizes a row to 4-bit codes in groups of 32 channels and stores it as one
// token of the nibble K layout. With s = scale, finite and > 0, and x finite, group g gets
//
//	M = clamp(⌈max|x|/(8·s)⌉, 1, 15),  σ = −1 if max x ≥ −min x, else +1
//	mult[64·g] = σ·k,  k the one of M, M−1, … ≥ max(1, M−4) of least Σ e², the largest of equals
//	code = clamp(RNE(x/(s·σ·k)), −8, 7),  e = x − s·σ·k·code
//
// so that the largest element meets the code −8. Σ e² has 16 chains (c mod 16) folded
// 8, 4, 2, 1; a product and a sum round each, and the division is a true one. Channel c
// goes to the low, or where high the high, half of dst[c/4·64 + c%4] as code + 8; the other
// half is kept. Exact.
type EncI4KFunc func(dst, mult []byte, x []float32, scale float32, high bool)

// EncI4VFunc is EncI4KFunc for the nibble V layout: channel c goes to dst[4·c]. Exact.
type EncI4VFunc func(dst, mult []byte, x []float32, scale float32, high bool)

// ScaledBook is a code book of 16 levels under 16 multipliers, level by level rounded to
// int8, so that tiles of it expand to int8. NewScaledBook makes one.
type ScaledBook struct {
	// Codes[k][i] = (level[i]·(k+1) + 8) >> 4, ascending in i; Codes[15] are the levels.
	Codes [16][16]int8
	// Limits[k][i], i < 15, is the largest number that goes to code i rather than i+1: it is
	// nearer to Codes[k][i], or half-way and i is even. Limits[k][15] is not used.
	Limits [16][16]int8
	// Tops[k] = Codes[k][15].
	Tops [16]int8

	nearest [16][256]byte // the code of every byte by Limits
}

// NewScaledBook returns the code book of ascending levels from −127 to 127, one of them 0.
func NewScaledBook(levels *[16]int8) *ScaledBook {
	b := &ScaledBook{}
	for k := range b.Codes {
		for i, level := range levels {
			b.Codes[k][i] = int8((int(level)*(k+1) + 8) >> 4)
		}
		for i := range 15 {
			low, high := int(b.Codes[k][i]), int(b.Codes[k][i+1])
			middle := low + high
			if middle%2 == 0 && i%2 == 1 && low < high {
				middle-- // halves all to the lower code would shift the mean
			}
			b.Limits[k][i] = int8(middle >> 1)
		}
		b.Tops[k] = b.Codes[k][15]
		code := byte(0)
		for v := -128; v < 128; v++ {
			for code < 15 && v > int(b.Limits[k][code]) {
				code++
			}
			b.nearest[k][byte(v)] = code
		}
	}
	return b
}

// EncN4KFunc quantizes a row by a scaled code book in blocks of 16 channels and stores it as
// one token of the nibble K layout. Channels beyond len(x) count as zeros, and so does the
// second block of a pair that is not there. With v[c] = clamp(RNE(x[c]/scale), −127, 127)
// and a true division, block b gets
//
//	K = #{k : Tops[k] < max|v|}
//	k = the first of K, min(K+1, 15) and max(K−1, 0) with least Σ (v − Codes[k][code])²
//	code = #{i < 15 : v > Limits[k][i]}
//
// mult[64·(b/2)] holds k, of even b in the low half, of odd b in the high one. Channel c goes
// to the low, or where high the high, half of dst[c/4·64 + c%4]; the other half is kept. scale
// is finite and > 0, x finite. Exact.
type EncN4KFunc func(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool)

// EncN4VFunc is EncN4KFunc for the nibble V layout: channel c goes to dst[4·c]. Exact.
type EncN4VFunc func(dst, mult []byte, x []float32, book *ScaledBook, scale float32, high bool)

// EncF16Func rounds a row to binary16, to nearest even, and stores channel c at
// dst[stride·c:], little endian; stride is 32 for keys, 2 for values. Finite magnitudes
// beyond 65504 saturate, infinities stay, NaN keep sign and upper bits and turn quiet.
// Exact.
type EncF16Func func(dst []byte, x []float32, stride int)

// EncBF16KFunc rounds a row to bfloat16, to nearest even, and stores it as one token of the
// bfloat16 K layout: channel c goes to dst[c/2·64 + c%2·2:], little endian. Finite
// magnitudes that would round to infinity saturate, infinities stay, NaN keep sign and
// upper bits and turn quiet. Exact.
type EncBF16KFunc func(dst []byte, x []float32)

// EncBF16VFunc is EncBF16KFunc for the V layout: channel c goes to dst[4·c:]. Exact.
type EncBF16VFunc func(dst []byte, x []float32)

// EncE4M3Func rounds x[c]/scale, a true division, to OCP E4M3, to nearest even, and stores
// channel c at dst[c/4·stride + c%4]; stride is 64 for keys, 4 for values. Magnitudes beyond
// 448 saturate, infinities too; NaN give 7F with their sign. scale is finite and > 0. Exact.
type EncE4M3Func func(dst []byte, x []float32, scale float32, stride int)

// EncE5M2Func is EncE4M3Func for E5M2: magnitudes beyond 57344 saturate, NaN give 7E with
// their sign. Exact.
type EncE5M2Func func(dst []byte, x []float32, scale float32, stride int)

// Enc4KFunc quantizes a row by thresholds and stores it as one token of the nibble K layout:
//
//	code = #{t : x[c]/scale > t},   t in limits, ascending
//
// with a true division. Channel c goes to the low, or where high the high, half of
// dst[c/4·64 + c%4]; the other half is kept. scale is finite and > 0, x finite. Exact.
type Enc4KFunc func(dst []byte, x []float32, limits *[15]float32, scale float32, high bool)

// Enc4VFunc is Enc4KFunc for the nibble V layout: channel c goes to dst[4·c]. Exact.
type Enc4VFunc func(dst []byte, x []float32, limits *[15]float32, scale float32, high bool)

// HadamardFunc multiplies x, whose length n is a power of two, by H_n/√n in place:
// butterflies of width 1, 2, 4, …, then one multiplication by float32(1/√n). Exact.
type HadamardFunc func(x []float32)

// DecI8KFunc expands int8 K groups to float32, [d4][16][4] bytes to [d][16]:
//
//	dst[c][t] = float32(k[t][c] − 128) · scale[t]
//
// for ⌈n/16⌉ groups; groups are 64·d4 bytes and 16·d floats long. It reads 16·⌈n/16⌉
// scales. Exact.
type DecI8KFunc func(dst []float32, k []byte, scale []float32, n, d int, next []byte)

// DecI8VFunc expands int8 V quads to float32 rows: dst[t][c] = float32(v[t][c])·scale[t],
// t < n. Exact.
type DecI8VFunc func(dst []float32, v []byte, scale []float32, n, d int, next []byte)

// DecE4M3KFunc expands OCP E4M3 K groups to float32, [d4][16][4] bytes to [d][16] as
// DecI8KFunc:
//
//	dst[c][t] = float32(k[t][c]) · scale[t],   |scale| < 2¹²⁰ or NaN
//
// Codes 7F and FF are NaN. Exact.
type DecE4M3KFunc func(dst []float32, k []byte, scale []float32, n, d int, next []byte)

// DecE4M3VFunc expands E4M3 rows: dst[t][c] = float32(v[t][c])·scale[t], t < n. Exact.
type DecE4M3VFunc func(dst []float32, v []byte, scale []float32, n, d int, next []byte)

// DecE5M2KFunc is DecE4M3KFunc for E5M2, whose codes are the high bytes of binary16.
type DecE5M2KFunc func(dst []float32, k []byte, scale []float32, n, d int, next []byte)

// DecE5M2VFunc is DecE4M3VFunc for E5M2.
type DecE5M2VFunc func(dst []float32, v []byte, scale []float32, n, d int, next []byte)

// FetchFunc asks for the lines of p ahead of their use. It changes nothing.
type FetchFunc func(p []byte)

// Dec16Func widens little-endian binary16 to float32, len(dst) elements. Exact.
type Dec16Func func(dst []float32, src, next []byte)

// DecBF16KFunc widens bfloat16 K groups, [⌈d/2⌉][16][2] to [d][16], ⌈n/16⌉ groups. Exact.
type DecBF16KFunc func(dst []float32, k []byte, n, d int, next []byte)

// DecBF16VFunc widens bfloat16 V pairs, [⌈n/2⌉][d][2] to [n][d]. Exact.
type DecBF16VFunc func(dst []float32, v []byte, n, d int, next []byte)

// ExpI4KFunc expands nibble K pairs [2][d4][16][4] to the int8 K layout:
//
//	dst[t][c] = (nibble − 8)·mult[c/32][t] + 128
//
// for ⌈n/16⌉ groups; it reads ⌈n/32⌉ pairs. mult is [⌈d/32⌉][64] int8, of magnitude
// 1..15 for tokens below n and anything beyond. Exact.
type ExpI4KFunc func(dst, k, mult []byte, n, d int, next []byte)

// ExpI4VFunc expands nibble V planes [8][d][4] to the int8 V layout, ⌈n/4⌉ quads:
// dst[t][c] = (nibble − 8)·mult[c/32][t]; tokens ≥ n of the last quad are 0. It reads
// ⌈n/8⌉ planes. Exact.
type ExpI4VFunc func(dst, v, mult []byte, n, d int, next []byte)

// ExpN4KFunc expands nibble K pairs [2][d4][16][4] by a scaled code book to the int8 K
// layout:
//
//	dst[t][c] = Codes[k][nibble] + 128,   k in half c/16%2 of mult[c/32][t]
//
// for ⌈n/16⌉ groups; it reads ⌈n/32⌉ pairs. mult is [⌈d/32⌉][64]. Exact.
type ExpN4KFunc func(dst, k, mult []byte, book *ScaledBook, n, d int, next []byte)

// ExpN4VFunc expands nibble V planes [8][d][4] by a scaled code book to the int8 V layout,
// ⌈n/4⌉ quads: dst[t][c] = Codes[k][nibble]; tokens ≥ n of the last quad are 0. It reads
// ⌈n/8⌉ planes. Exact.
type ExpN4VFunc func(dst, v, mult []byte, book *ScaledBook, n, d int, next []byte)

// SplitScalesFunc splits the scales of blocks of channels, s[b][t], into one scale a token and
// ratios to it:
//
//	top = max_b |s[b][t]|,   scale[t] = top·(1/127),   ratio[b][t] = min(RNE(s[b][t]·(1/top)·2¹⁵), 2¹⁵−1)
//
// src is [blocks][64], little-endian binary16 or float32 by its size of 2 or 4 bytes. A NaN
// among the scales of a token is its top and its scale; where the quotient is not a number,
// so for a top of 0 or beyond all numbers, the ratio is 0. It reads and writes 16·⌈n/16⌉
// tokens (those ≥ n get unspecified values); ratio is [blocks][64]. Exact: every operation
// rounds to float32.
type SplitScalesFunc func(scale []float32, ratio []int16, src []byte, size, n, blocks int)

// ExpB4KFunc expands nibble K pairs [2][d4][16][4] by a table, under ratios by block, to the
// int8 K layout:
//
//	dst[t][c] = (levels[nibble]·ratio[c/block][t] + 2¹⁴) >> 15 + 128
//
// for ⌈n/16⌉ groups; it reads ⌈n/32⌉ pairs. Levels are −127..127, ratio is [⌈d/block⌉][64],
// block is 32 or 64. Exact.
type ExpB4KFunc func(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)

// ExpB4VFunc expands nibble V planes [8][d][4] in the same way to the int8 V layout, ⌈n/4⌉
// quads; tokens ≥ n of the last quad get unspecified codes. It reads ⌈n/8⌉ planes. Exact.
type ExpB4VFunc func(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)

// Dec4KFunc expands nibble K pairs by table to float32 [d][16]:
//
//	dst[c][t] = lut[nibble]·scale[c/block][t],   scale is [⌈d/block⌉][64]
//
// It reads ⌈n/32⌉ pairs. block is 32 or 64. Exact.
type Dec4KFunc func(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)

// Dec4VFunc expands nibble V planes by table to rows, t < n, as Dec4KFunc;
// it reads ⌈n/8⌉ planes.
type Dec4VFunc func(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
