package reference

// int4Group is the number of channels that share a multiplier.
const int4Group = 32

// int4Format stores 4-bit integers with one binary16 scale per token and one small integer multiplier per token and group of 32 channels.
//
//	scales       [64] binary16
//	multipliers  [⌈d/32⌉][64] int8, ±1..15
//	codes        nibbles, see nibbleAt; code = nibble − 8 in −8..7
//	value = scale[t]·mult[c/32][t]·code
var int4Format = Format{
	Name: "int4",
	Bytes: func(side Side, d int) int {
		return up64(Tokens*scale16.size) + up64(ceil(d, int4Group)*Tokens) + nibbleBytes(side, d)
	},
	Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
		mults := up64(Tokens * scale16.size)
		codes := mults + up64(ceil(d, int4Group)*Tokens)
		mult := int(int8(tile[mults+c/int4Group*Tokens+t]))
		return scale16.at(tile, 0, t) * float64(mult*(int(nibbleAt(tile[codes:], side, d, t, c))-8))
	},
}

// nibbleBytes is the size of an array of 4-bit codes.
func nibbleBytes(side Side, d int) int {
	if side == Values {
		return up64(8 * d * 4)
	}
	return up64(2 * ceil(d, 4) * lanes * 4)
}

// nibbleAt returns the 4-bit code of token t, channel c; the low half of a byte is nibble 0.
//
//	keys    [2][⌈d/4⌉][16][4]  t = 32·i0 + 16·nibble + i2, c = 4·i1 + i3
//	values  [8][d][4]          t = 8·i0 + 4·nibble + i2, c = i1
func nibbleAt(codes []byte, side Side, d, t, c int) byte {
	if side == Values {
		return nibble(codes[(t/8*d+c)*4+t%4], t/4%2)
	}
	i := ((t/32*ceil(d, 4)+c/4)*lanes+t%16)*4 + c%4
	return nibble(codes[i], t/16%2)
}
