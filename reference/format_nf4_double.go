package reference

import "math"

// nf4DoubleBlock is the number of channels that share a multiplier.
const nf4DoubleBlock = 16

// nf4DoubleFormat stores 4-bit normal floats with one binary16 scale per token and a multiplier 1..16 per token and block of 16 channels. The
// multipliers of two blocks share a byte, the even block in the low half.
//
//	scales       [64] binary16
//	multipliers  [⌈d/32⌉][64], nibble c/16 mod 2 of a byte is mult − 1
//	codes        nibbles, in the order of int4
//	value = scale[t]·⌊(level·mult + 8)/16⌋, level = 127·NF4[nibble] to the nearest integer
var nf4DoubleFormat = Format{
	Name: "nf4-dq",
	Bytes: func(side Side, d int) int {
		return up64(Tokens*scale16.size) + up64(ceil(d, 2*nf4DoubleBlock)*Tokens) + nibbleBytes(side, d)
	},
	Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
		mults := up64(Tokens * scale16.size)
		codes := mults + up64(ceil(d, 2*nf4DoubleBlock)*Tokens)
		mult := 1 + nibble(tile[mults+c/(2*nf4DoubleBlock)*Tokens+t], c/nf4DoubleBlock%2)
		return scale16.at(tile, 0, t) * NF4Scaled(nibbleAt(tile[codes:], side, d, t, c), mult)
	},
}

// NF4Scaled is the int8 code of a 4-bit normal float under a multiplier 1..16 of 127/16.
func NF4Scaled(code, mult byte) float64 {
	level := math.RoundToEven(127 * NF4(code))
	return math.Floor((level*float64(mult) + 8) / 16)
}
