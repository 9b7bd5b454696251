package reference

import (
	"fmt"
	"math"
)

// Log2Code is the logarithmic code of 2^−a: RNE(a) limited to 0..flush. The code flush means zero, see [Log2Value]. With a = −log₂ p and
// flush = 2^b it is the b-bit quantizer of FQ-ViT (Lin et al. 2022, arXiv 2111.13824), which keeps zero outside its 2^b codes; with
// flush = 2^b − 1 zero takes the last code and everything fits b bits.
func Log2Code(a float64, flush int) int {
	return int(math.Min(math.Max(math.RoundToEven(a), 0), float64(flush)))
}

// Log2CodeWide is [Log2Code] with a last power of two, flush − 1, that stands for weights down to 2^−(flush + ½).
func Log2CodeWide(a float64, flush int) int {
	c := Log2Code(a, flush+1)
	if c > flush {
		return flush
	}
	return min(c, flush-1)
}

// Log2Value is 2^−code, 0 for flush.
func Log2Value(code, flush int) float64 {
	if code >= flush {
		return 0
	}
	return math.Ldexp(1, -code)
}

// LogSqrt2Code is the code of 2^−a in half octaves: RNE(2a) limited to 0..flush (RepQ-ViT, Li et al. 2023, arXiv 2212.08254).
func LogSqrt2Code(a float64, flush int) int { return Log2Code(2*a, flush) }

// LogSqrt2Value is 2^(−code/2) as a shift and one of two factors, 0 for flush:
//
//	2^−⌈k/2⌉·(1 + (√2 − 1)·(k mod 2))
func LogSqrt2Value(code, flush int) float64 {
	if code >= flush {
		return 0
	}
	return math.Ldexp(1+(math.Sqrt2-1)*float64(code%2), -ceil(code, 2))
}

// ProbLog2 rounds weights to powers of two, b = 2..5 bits:
//
//	M_t = max(M_{t−1}, ⌈largest logit of the tile⌉),  c_j = RNE(M_t − y_j),  w_j = 2^−c_j
//
// with the code 2^b − 1 for zero. M is an integer, so every rescaling is an exact power of two; the denominator sums the w_j; nothing is ever
// exponentiated. It is the quantizer of FQ-ViT on unnormalised weights. Value scales are not folded in.
func ProbLog2(bits int) ProbMode {
	return probLog(fmt.Sprintf("log2-%d", bits), bits, Log2Code, Log2Value)
}

// ProbLog2Wide is [ProbLog2] with the codes of [Log2CodeWide].
func ProbLog2Wide(bits int) ProbMode {
	return probLog(fmt.Sprintf("log2-%d-wide", bits), bits, Log2CodeWide, Log2Value)
}

// ProbLogSqrt2 is [ProbLog2] in half octaves, c_j = RNE(2·(M_t − y_j)), w_j by [LogSqrt2Value], b = 4 or 5 bits: the quantizer of RepQ-ViT on
// unnormalised weights.
func ProbLogSqrt2(bits int) ProbMode {
	return probLog(fmt.Sprintf("logsqrt2-%d", bits), bits, LogSqrt2Code, LogSqrt2Value)
}

func probLog(name string, bits int, encode func(float64, int) int, value func(code, flush int) float64) ProbMode {
	flush := 1<<bits - 1
	return ProbMode{
		Name:    name,
		Mass:    MassCodes,
		zero:    flush,
		ref:     refOctave,
		integer: true,
		codes: func(t *probTile, s Slack) (lo, hi []int) {
			lo, hi = make([]int, len(t.y)), make([]int, len(t.y))
			for j := range t.y {
				a := t.ref - t.y[j]
				lo[j] = encode((a-s.Logit)*(1-s.Rel), flush)
				hi[j] = encode((a+s.Logit)*(1+s.Rel), flush)
			}
			return lo, hi
		},
		weight: func(_ *probTile, _, code int) float64 { return value(code, flush) },
	}
}

// ShiftPV is Σ_j 2^−codes[j]·v[j] in integers: the sum of v[j]·2^(n − codes[j]) over the codes up to n, to be multiplied by 2^−n. Codes above n
// are zeros. It equals the sum in floating point exactly: for n ≤ 31 and 8-bit v every product has at most 39 bits.
func ShiftPV(codes []int, v []int8, n int) int64 {
	sum := int64(0)
	for j, k := range codes {
		if k <= n {
			sum += int64(v[j]) << (n - k)
		}
	}
	return sum
}

// ShiftPVSqrt2 is the same for half octaves: Σ_j 2^(−codes[j]/2)·v[j] = 2^−⌈n/2⌉·(even + √2·odd), with v[j]·2^(⌈n/2⌉ − ⌈codes[j]/2⌉) summed over
// the even and over the odd codes up to n.
func ShiftPVSqrt2(codes []int, v []int8, n int) (even, odd int64) {
	for j, k := range codes {
		if k > n {
			continue
		}
		x := int64(v[j]) << (ceil(n, 2) - ceil(k, 2))
		if k%2 == 0 {
			even += x
		} else {
			odd += x
		}
	}
	return even, odd
}
