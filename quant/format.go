package quant

import (
	"fmt"
	"strings"

	"github.com/qattn/qattn/asm"
)

// MaxDim is the largest head dimension of a format.
const MaxDim = 1024

// Side says which operand a tile holds: it decides the layout of the codes.
type Side uint8

const (
	Keys   Side = iota // tokens in lanes
	Values             // channels in lanes
)

// String returns "K" or "V".
func (s Side) String() string { return [...]string{"K", "V"}[s] }

// Format is a storage format for the rows of a tile: 64 tokens of one KV head,
// each a row of d channels, 1 ≤ d ≤ MaxDim.
//
// A tile argument is TileBytes(side, d) bytes long. Methods trust their arguments;
// callers validate them once, in a plan. No method allocates.
type Format interface {
	// String is the name Lookup accepts. It is part of a page's layout ID.
	String() string

	// TileBytes is the storage of one tile, scales included: a multiple of 64.
	TileBytes(side Side, d int) int

	// Quantize stores row x, len(x) = d, as token t, 0 ≤ t < 64. It writes the bytes
	// of token t only, so appends in any order and chunking give the same tile. It
	// reports false when x has a NaN or an infinity; each format says what such a
	// row reads back as.
	Quantize(ks *asm.Set, tile []byte, side Side, d, t int, x []float32) (finite bool)

	// Decode writes the stored value of token t to dst[:d], one element at a time.
	Decode(dst []float32, tile []byte, side Side, d, t int)

	// ExpandF32 writes tokens [0, n) to dst in the float32 layout of package asm: for
	// keys ⌈n/16⌉ groups [d][16] (lanes ≥ n hold unspecified values), for values n
	// rows [d]. The values equal Decode's. next is memory that will be wanted soon, for the
	// kernel to prefetch (see package asm); pass tile when there is none.
	ExpandF32(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, side Side, d, n int)
}

// Int8Format is a Format that reads as scale[token]·code with an int8 code, so that integer
// dot products need no other correction. That is the stored value exactly, unless it is a
// RoundedInt8Format.
type Int8Format interface {
	Format

	// ExpandI8 returns codes in the int8 layout of package asm for tokens [0, n) and
	// one scale per token, n long. The results point into tile or tmp. A token with a
	// non-finite element has scale NaN. next as in ExpandF32.
	ExpandI8(ks *asm.Set, tmp *Scratch, tile, next []byte, side Side, d, n int) (codes []byte, scale []float32)
}

// RoundedInt8Format is an Int8Format whose codes are rounded: integer kernels read a token
// as DecodeI8 says, float32 ones as Decode. Each format bounds the difference.
type RoundedInt8Format interface {
	Int8Format

	// DecodeI8 writes what ExpandI8 reads token t as to dst[:d], one element at a time.
	DecodeI8(dst []float32, tile []byte, side Side, d, t int)
}

// CheckedFormat is a Format with parameters that may be out of range. Plans call Check.
type CheckedFormat interface {
	Format
	Check() error
}

// KernelFormat is a Format that may leave everything to kernels when tiles are read: then the
// calls of one tile can be recorded, and repeated on others.
type KernelFormat interface {
	Format

	// OnlyKernels reports that the methods that read a tile do nothing that differs from
	// tile to tile but call kernels of ks.
	OnlyKernels() bool
}

// ScoresInt8Format is an Int8Format whose keys integer kernels read as they are stored, with
// the scores that the codes of ExpandI8 would give.
type ScoresInt8Format interface {
	Int8Format

	// ScoresFamily is the name of the kernel family, such as "QKScaleI4".
	ScoresFamily() string

	// ScalesI8 returns one scale per token of [0, n), pointing into tmp or tile.
	ScalesI8(ks *asm.Set, tmp *Scratch, tile []byte, n, d int) []float32

	// ScaledScoresI8 computes logits y, [m][64], of m rows of int8 queries, [m][4·⌈d/4⌉],
	// against tokens [0, n) of a tile of keys with the given scales, as asm.QKScaleI8Func
	// does. next as in ExpandF32.
	ScaledScoresI8(ks *asm.Set, y []float32, q []int8, tile []byte, scale, a, b []float32, next []byte, m, n, d int)
}

// FoldInt8Format is an Int8Format whose values integer kernels read as they are stored, with
// the sums that the codes of ExpandI8 would give.
type FoldInt8Format interface {
	Int8Format

	// FoldFamily is the name of the kernel family, such as "PVFoldI4".
	FoldFamily() string

	// ScalesI8 returns one scale per token of [0, n), pointing into tmp or tile.
	ScalesI8(ks *asm.Set, tmp *Scratch, tile []byte, n, d int) []float32

	// FoldI8 adds the values of tokens [0, n) of a tile under weights p, [m][64], to the states
	// o, [m][d], as asm.PVFoldI8Func does. tmp is as ScalesI8 has left it.
	FoldI8(ks *asm.Set, o []float32, p []byte, tmp *Scratch, tile []byte, mu []float32, f []asm.Fold, next []byte, m, n, d int)
}

// AheadInt8Format is a format of keys and values with kernels that weigh a tile while they
// compute the logits of the next.
type AheadInt8Format interface {
	ScoresInt8Format
	FoldInt8Format

	// AheadFamily is the name of their family, such as "QKAdvanceI4".
	AheadFamily() string

	// AdvanceScores weighs the logits y of four rows of a whole tile over value scales sv, those
	// of ScalesF16, moves the states past it and leaves the logits of the next tile of keys,
	// which is tile, in y, as asm.QKAdvanceI4Func does: d is a multiple of 128, r.W has 192
	// numbers. next as in ExpandF32.
	AdvanceScores(ks *asm.Set, r *asm.RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, tile []byte, a, b []float32, next []byte, d int) (poisoned bool)

	// ScalesF16 returns the scales of a tile in binary16.
	ScalesF16(tile []byte) []byte
}

// InPlaceFormat is a Format whose tiles the float32 kernels read as they are stored.
type InPlaceFormat interface {
	Format

	// Family is the name of the kernel families without QK or PV, such as "F16".
	Family() string

	// ScoresF32 computes s[i][j] = Σ q[i][c]·k[j][c] of m rows of queries against tokens
	// [0, n) of a tile of keys; SumF32 computes o[i][c] = Σ_{t<n} p[i][t]·v[t][c]. s and p
	// are [m][64], q and o [m][d]. They read nothing of tokens ≥ n that reaches a specified
	// result. next as in ExpandF32.
	ScoresF32(ks *asm.Set, s, q []float32, tile, next []byte, m, n, d int)
	SumF32(ks *asm.Set, o, p []float32, tile, next []byte, m, n, d int)
}

// BF16Format is a Format whose stored value is exactly scale[token]·code with a code that
// bfloat16 holds, so that queries and weights rounded to bfloat16 make products of pairs.
type BF16Format interface {
	Format

	// PairFamily is the name of the kernel families without QKPair or PVPair, such as "FP8".
	PairFamily() string

	// Coarse reports that rounding what codes meet to bfloat16 adds little to what the
	// codes lose: automatic modes do so.
	Coarse() bool

	// Scales returns one scale per token of [0, n), pointing into tmp or tile and not to be
	// written, as many more as fill a group of keys being finite or NaN; nil when all are 1.
	Scales(tmp *Scratch, tile []byte, n int) []float32

	// ScoresPair computes y[i][j] = a[i]·scale[j]·Σ q[i][c]·code[j][c] + b[i] of m rows of bfloat16
	// queries, [m][4·⌈d/4⌉] with zero padding, against tokens [0, n) of a tile of keys; FoldPair
	// adds Σ_{t<n} p[i][t]·code[t][c] to the states o[i][c] as asm.FoldF32Func does, p[i][n] = 0
	// where n is odd. y and p are [m][64], o is [m][d]. scale is what Scales returns. next as in
	// ExpandF32.
	ScoresPair(ks *asm.Set, y []float32, q []uint16, tile []byte, scale, a, b []float32, next []byte, m, n, d int)
	FoldPair(ks *asm.Set, o []float32, p []uint16, tile []byte, mu []float32, f []asm.Fold, next []byte, m, n, d int)

	// ExpandCodes is ExpandF32 of values without their scales.
	ExpandCodes(ks *asm.Set, dst []float32, tmp *Scratch, tile, next []byte, d, n int)
}

// Scratch is the temporary memory of an expansion. Allocate it with NewScratch or
// carve it from a workspace: Scale and Ratio hold 64·⌈d/32⌉ numbers, Codes 64·4·⌈d/4⌉ bytes.
type Scratch struct {
	Scale []float32
	Ratio []int16
	Codes []byte
}

// NewScratch allocates the scratch of head dimension d.
func NewScratch(d int) *Scratch {
	return &Scratch{Scale: make([]float32, ScratchScales(d)), Ratio: make([]int16, ScratchScales(d)), Codes: make([]byte, ScratchCodes(d))}
}

// ScratchScales is the length of Scratch.Scale and of Scratch.Ratio for head dimension d.
func ScratchScales(d int) int { return asm.Tile * ((d + 31) / 32) }

// ScratchCodes is the length of Scratch.Codes for head dimension d.
func ScratchCodes(d int) int { return asm.Tile * 4 * ((d + 3) / 4) }

// Bits returns the stored bits per element of a full tile, scales and padding
// included, for head dimension d.
func Bits(f Format, side Side, d int) float64 {
	return 8 * float64(f.TileBytes(side, d)) / float64(asm.Tile*d)
}

// Formats lists one value of every format with its default parameters, and the
// parameter variants that change the layout. Tests and tables range over it.
func Formats() []Format {
	return []Format{F32, F16, BF16, Int8, Int8ScaleF32, E4M3, E5M2, E4M3Static(1), E5M2Static(1),
		NF4, NF4Block32, NF4ScaleF32, NF4Block32ScaleF32, NF4Double, Int4}
}

// Lookup returns the format with the given name: "f32", "f16", "bf16", "int8",
// "e4m3", "e5m2", "nf4", "int4", or a variant as String prints it ("int8-s32",
// "nf4-b32", "nf4-s32", "nf4-b32-s32", "nf4-dq", "e4m3-static(0.5)").
func Lookup(name string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.String() == name {
			return f, nil
		}
		names = append(names, f.String())
	}
	for _, static := range []func(float32) Format{E4M3Static, E5M2Static} {
		var scale float32
		pattern := strings.Replace(static(1).String(), "1)", "%g)", 1)
		if _, err := fmt.Sscanf(name, pattern, &scale); err != nil || !(scale > 0 && scale < 0x1p120) {
			continue
		}
		if f := static(scale); f.String() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("quant: unknown format %q, want one of %s", name, strings.Join(names, ", "))
}

// align64 rounds a byte count up to a multiple of 64.
func align64(n int) int { return (n + 63) &^ 63 }
