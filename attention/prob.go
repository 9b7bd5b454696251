package attention

import (
	"math"

	"github.com/qattn/qattn/asm"
)

// PMode is the arithmetic of the weighted sum of values: how a probability, exp(score)
// before its division by the softmax denominator, is represented. The row's maximum and
// the denominator stay float32, except where a mode says otherwise.
//
// Over values in an Int8Format the modes U4, U8, U16 and Log run in integers, with the
// value scales folded in; over other values, and in the remaining modes, the weights
// are rounded the same way and summed in float32.
type PMode uint8

const (
	PAuto PMode = iota // PU8 where the value format allows integers, PBF16 over FP8, else PF32
	PF32               // float32
	// PU8 quantizes weights to 8 bits against the largest of their tile: p = ⌊255·w/max + ½⌋.
	PU8
	// PU16 is PU8 with 16 bits, in two planes of bytes: twice the integer products, a
	// 257th of the error.
	PU16
	// PU4 is PU8 with 4 bits.
	PU4
	// PE4M3 rounds 256·w to OCP E4M3, w against the running maximum of the split, as
	// FlashAttention-3 does in hardware (Shah et al. 2024, arXiv 2407.08608). The
	// denominator sums unrounded weights.
	PE4M3
	// PE4M3Max is PE4M3 with 448·w, as SageAttention2 (Zhang et al. 2024, arXiv 2411.10958).
	PE4M3Max
	// PE5M2 rounds w to OCP E5M2 as PE4M3, with 57344·w.
	PE5M2
	// PLog2Bits2 … PLog2Bits5 round weights to powers of two, w = 2^−k with k = 0 … 2^b−2
	// and a last code for zero, without any exponential: k is the rounded distance of the
	// base-2 logit to the maximum of the tile. The denominator sums the coded weights. The
	// code book of FQ-ViT (Lin et al. 2022, arXiv 2111.13824).
	PLog2Bits2
	PLog2Bits3
	PLog2Bits4
	PLog2Bits5
	// PLog2Bits3Whole and PLog2Bits4Whole round the maximum up to a whole number first, as
	// integer hardware does, so that tiles meet by exact powers of two. The divergence is
	// about twice that of the modes above.
	PLog2Bits3Whole
	PLog2Bits4Whole
	// PLogSqrt2Bits4 and PLogSqrt2Bits5 use powers of √2, split into a power of two and a
	// parity factor, as RepQ-ViT (Li et al. 2023, arXiv 2212.08254).
	PLogSqrt2Bits4
	PLogSqrt2Bits5
	// PIntExp computes weights with integers only: the second-order exponential of I-BERT
	// (Kim et al. 2021, arXiv 2101.01321), then the power of two of Log-Int-Softmax with
	// 4 bits (FQ-ViT). The denominator sums the coded weights.
	PIntExp
	// PStaticU8 and PStaticU4 round normalised probabilities to 1/255 and 1/15, as the
	// quantized softmax of published accelerators does. The maximum and the denominator of
	// a row must be known first, so every row's scores are computed two or three times:
	// modes for comparison. Probabilities below half a step vanish: a flat row of 510 (30) keys
	// or more loses all its mass. Config.Correction says how it is given back.
	PStaticU8
	PStaticU4
	// PBF16 rounds weights to bfloat16, to nearest even, against the largest of their tile, as
	// kernels do that multiply 16-bit floats (FlashAttention-2, Dao 2023, arXiv 2307.08691).
	// The denominator sums unrounded weights. Over FP8 values a weight is rounded with the
	// scale of its token folded in. Where the CPU multiplies bfloat16 pairs, sums of bfloat16
	// and FP8 values take half the instructions of PF32.
	PBF16
	// PLog2Bits3Wide is PLog2Bits3 with a last power of two, 2^−6, that stands for weights
	// down to 2^−7.5 instead of 2^−6.5. What lies below a code book of three bits is not
	// small; where logits are spread evenly on that stretch, the width of a code that weighs
	// as much as all below its upper edge is √2/ln 2 = 2.04 octaves. It costs a third
	// to a half of the perplexity that PLog2Bits3 does on the models of the README.
	PLog2Bits3Wide
)

// probability is a mode: what it is called and how it turns a tile's logits into weights.
type probability struct {
	name string

	// codes quantizes b.w.y over values with the given scales to planes of bytes
	// (b.w.p8, b.w.p8lo), sets b.w.stat and moves the states of the split past the tile. It
	// returns whether a row turned NaN. nil: the mode has no integer form.
	codes  func(b *block, scale []float32, n int) (poisoned bool)
	family string // asm family of codes
	planes int
	top    float32 // largest code of unsigned modes, for kernels that do more than codes; 0 in others

	// ahead makes codes beside the scores of the next tile, certifiedAhead beside certificates too;
	// nil where no kernel does.
	ahead, certifiedAhead *ahead

	// weigh turns b.w.y into float32 weights and sets b.w.stat; the sum of values is to
	// be multiplied by stat.Beta.
	weigh       func(b *block, n int)
	floatFamily string // asm family of weigh

	// prepare looks at all tiles of a block before the first is summed; nil in modes of a
	// single pass.
	prepare func(b *block)
}

// probabilities is the table of modes.
var probabilities = [...]*probability{
	PAuto:           {name: "auto"},
	PF32:            {name: "f32", weigh: weighExp, floatFamily: "SoftmaxF32"},
	PU8:             unsigned("u8", 255),
	PU16:            {name: "u16", codes: codesU16, family: "SoftmaxU16", planes: 2, weigh: weighRounded(65535), floatFamily: "SoftmaxF32"},
	PU4:             unsigned("u4", 15),
	PE4M3:           fp8Weights("e4m3", roundE4M3, 256),
	PE4M3Max:        fp8Weights("e4m3-448", roundE4M3, 448),
	PE5M2:           fp8Weights("e5m2", roundE5M2, 57344),
	PLog2Bits2:      logarithmic("log2-2", asm.LogCode{Step: 1, Zero: 3, Last: 2}),
	PLog2Bits3:      logarithmic("log2-3", asm.LogCode{Step: 1, Zero: 7, Last: 6}),
	PLog2Bits4:      logarithmic("log2-4", asm.LogCode{Step: 1, Zero: 15, Last: 14}),
	PLog2Bits5:      logarithmic("log2-5", asm.LogCode{Step: 1, Zero: 31, Last: 30}),
	PLog2Bits3Whole: logarithmic("log2-3-whole", asm.LogCode{Step: 1, Zero: 7, Last: 6, Whole: true}),
	PLog2Bits4Whole: logarithmic("log2-4-whole", asm.LogCode{Step: 1, Zero: 15, Last: 14, Whole: true}),
	PLogSqrt2Bits4:  logarithmic("logsqrt2-4", asm.LogCode{Step: 2, Zero: 15, Last: 14}),
	PLogSqrt2Bits5:  logarithmic("logsqrt2-5", asm.LogCode{Step: 2, Zero: 31, Last: 30}),
	PIntExp:         {name: "intexp", weigh: weighIntExp},
	PStaticU8:       static("static-u8", 255),
	PStaticU4:       static("static-u4", 15),
	PBF16:           {name: "bf16", weigh: weighBF16, floatFamily: "SoftmaxF32"},
	PLog2Bits3Wide:  logarithmic("log2-3-wide", asm.LogCode{Step: 1, Zero: 8, Last: 6}),
}

// String returns the mode's short name: "auto", "f32", "u8", "log2-4", …
func (m PMode) String() string {
	if int(m) < len(probabilities) {
		return probabilities[m].name
	}
	return "invalid"
}

// PModes lists every mode but PAuto.
func PModes() []PMode {
	modes := make([]PMode, 0, len(probabilities)-1)
	for m := range probabilities[1:] {
		modes = append(modes, PMode(m+1))
	}
	return modes
}

// weighExp leaves weights unrounded.
func weighExp(b *block, n int) { b.p.ks.SoftmaxF32(b.w.y, b.w.stat, b.rows, n) }

// unsigned is the mode of codes 0..top against the tile's maximum.
func unsigned(name string, top float32) *probability {
	return &probability{
		name: name, family: "AdvanceU8", planes: 1, top: top, floatFamily: "SoftmaxF32", weigh: weighRounded(top),
		codes: func(b *block, scale []float32, n int) (poisoned bool) {
			return b.p.ks.AdvanceU8(&b.w.states, b.w.p8, b.w.y, scale, top, b.rows, n)
		},
		ahead: &ahead{"QKAdvanceI8", func(b *block, scale []float32, s *nextScores) (left uint64) {
			return bit(b.p.ks.QKAdvanceI8(&b.w.states, b.w.p8, b.w.y, scale, top, s.q, s.codes, s.scale, s.a, s.b, s.d4, s.next))
		}},
		certifiedAhead: &ahead{"QKAdvanceCertifyI8", func(b *block, scale []float32, s *nextScores) (left uint64) {
			return b.p.ks.QKAdvanceCertifyI8(&b.w.states, &b.w.certT, b.whole(b.base/Tile), b.w.p8, scale, top, s.q, s.codes, s.scale, s.a, s.b, s.d4, s.next)
		}},
	}
}

// bit is 1 for true.
func bit(poisoned bool) uint64 {
	if poisoned {
		return 1
	}
	return 0
}

func codesU16(b *block, scale []float32, n int) (poisoned bool) {
	w, sp := b.w, &b.w.split
	b.p.ks.SoftmaxU16(w.p8, w.p8lo, w.y, scale, w.stat, b.rows, n)
	return b.p.ks.Advance(sp.m, sp.l, w.exps, w.stat, w.fold, b.rows)
}

// weighRounded leaves whole codes 0..top of weights whose largest is 1, over unitOf(top).
func weighRounded(top float32) func(b *block, n int) {
	unit := unitOf(top)
	return func(b *block, n int) {
		weighExp(b, n)
		for r := range b.rows {
			if st := &b.w.stat[r]; st.M > negInf {
				st.Beta = unit / top
				w := b.w.y[r*Tile:][:n]
				for j, x := range w {
					w[j] = float32(math.Floor(float64(float32(x*top)+0.5))) / unit
				}
			}
		}
	}
}

// unitOf is the power of two that codes up to top are divided by, which rounds nothing: sums of
// values under codes would leave float32 where weighted sums do not.
func unitOf(top float32) float32 { return float32(math.Exp2(math.Floor(math.Log2(float64(top))))) }

// logarithmic is the mode of a code book of powers.
//
// In integers the codes meet the value scales in a byte whose largest value is a power
// of two, so that with equal scales nothing is rounded within eight octaves.
func logarithmic(name string, code asm.LogCode) *probability {
	const top = 128
	return &probability{
		name: name, family: "AdvanceLogU8", planes: 1, floatFamily: "SoftmaxLogF32",
		codes: func(b *block, scale []float32, n int) (poisoned bool) {
			return b.p.ks.AdvanceLogU8(&b.w.states, b.w.p8, b.w.y, scale, code, top, b.rows, n)
		},
		ahead: &ahead{"QKAdvanceLogI8", func(b *block, scale []float32, s *nextScores) (left uint64) {
			return bit(b.p.ks.QKAdvanceLogI8(&b.w.states, b.w.p8, b.w.y, scale, &code, top, s.q, s.codes, s.scale, s.a, s.b, s.d4, s.next))
		}},
		weigh: func(b *block, n int) { b.p.ks.SoftmaxLogF32(b.w.y, b.w.stat, code, b.rows, n) },
	}
}
