package reference

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
func nf4Format(name string, block int, scale scaleType) Format {
	return Format{
		Name: name,
		Bytes: func(side Side, d int) int {
			return up64(ceil(d, block)*Tokens*scale.size) + nibbleBytes(side, d)
		},
		Decode: func(tile []byte, side Side, d, t, c int, _ float64) float64 {
			codes := up64(ceil(d, block) * Tokens * scale.size)
			return scale.at(tile, 0, c/block*Tokens+t) * NF4(nibbleAt(tile[codes:], side, d, t, c))
		},
	}
}
