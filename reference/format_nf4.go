package reference

import "math"

// nf4 is the code book of the 4-bit normal float (Dettmers et al., "QLoRA", 2023), as the binary32 patterns in use.
var nf4 = [16]uint32{
	0xbf800000, 0xbf3239b1, 0xbf066b30, 0xbeca32a0, 0xbe91a24d, 0xbe3d353f, 0xbdba7871, 0x00000000,
	0x3da2faff, 0x3e24cae3, 0x3e7c04dd, 0x3ead033a, 0x3ee1a4b8, 0x3f1007ab, 0x3f3913b3, 0x3f800000,
}

// NF4 decodes a 4-bit normal float: −1 at code 0, 0 at code 7, 1 at code 15.
func NF4(code byte) float64 { return F32(nf4[code&15]) }

// nf4Format stores 4-bit normal floats with one scale per token and block of channels.
//
//	scales  [⌈d/block⌉][64]
//	codes   nibbles, in the order of int4
//	value = scale[c/block][t]·NF4[nibble]
//
// Integer arithmetic knows one scale per token, a 127th of the largest magnitude, and under it codes of levels in 127ths times the block's ratio,
// with 15 binary places:
//
//	top = max_b |scale[b][t]|,  scale = top/127
//	ratio = scale[c/block][t]/top, at most 1 − 2⁻¹⁵
//	code = ⌊level·ratio + 1/2⌋,  level = 127·NF4[nibble] to the nearest integer
//
// Scale and ratio are made in binary32, the latter as a product with 1/top. What is not a number is no ratio but 0.
func nf4Format(name string, block int, scale scaleType) Format {
	codesAt := func(d int) int { return up64(ceil(d, block) * Tokens * scale.size) }
	return Format{
		Name: name,
		Bytes: func(side Side, d int) int {
			return codesAt(d) + nibbleBytes(side, d)
		},
		Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
			return scale.at(tile, 0, c/block*Tokens+t) * NF4(nibbleAt(tile[codesAt(d):], side, d, t, c))
		},
		Integers: func(tile []byte, side Side, d, t int) (float64, []float64) {
			top := 0.0
			for b := range ceil(d, block) {
				if x := math.Abs(scale.at(tile, 0, b*Tokens+t)); !(x <= top) && !math.IsNaN(top) {
					top = x // or NaN, to stay
				}
			}
			inverse, codes := float64(float32(1/top)), make([]float64, d)
			for c := range codes {
				ratio := 0x1p15 * float64(float32(scale.at(tile, 0, c/block*Tokens+t)*inverse))
				if math.IsNaN(ratio) {
					continue
				}
				ratio = math.Max(-0x1p15, math.Min(0x1p15-1, math.RoundToEven(ratio)))
				level := math.RoundToEven(127 * NF4(nibbleAt(tile[codesAt(d):], side, d, t, c)))
				codes[c] = math.Floor(level*ratio/0x1p15 + 0.5)
			}
			return float64(float32(top * float64(float32(1./127)))), codes
		},
	}
}
