// Package asm holds the micro-kernels of qattn: their contracts, the pure-Go
// twin of each, the CPU tiers, and the one table that lists every kernel.
//
// It is the inner layer of the library and its exported surface may change
// between minor versions; link package attention instead.
//
// # Reading a name
//
//	<family><A><B>_<isa>        qkI8_generic, pvU8I8_generic, smU8_generic
//
// The family is the contract: qk, query·key scores; scale, logits from scores; sm, softmax of
// a tile; pv, probability·value sums; advance, fold and finish, states; certify, error
// certificates; enc, row quantizers; dec and exp, expansion of stored tiles to float32 and
// int8; split, pack and round, conversions. Names in a row are done in one call (qkAdvance,
// pvFold). A and B are the operand formats: I8 and I4 are int8 and int4, N4 is nf4-dq, nibbles
// under a scaled code book, B4 is nf4 read as int8, a bare 4 is nf4 as float32. The isa is a
// claim about the instructions inside.
//
// # Numerical invariants
//
// The pure-Go twin ("generic") specifies the bits. Integer kernels equal it bit
// for bit on every tier. Float kernels marked Exact in the table do too: their
// operation order is fixed in the contract and no multiply-add is fused but where it
// says so. The other float kernels stay within the bound the contract states.
//
// # Tiles
//
// A tile is 64 tokens of one KV head. Keys keep tokens in lanes, values keep
// channels in lanes:
//
//	K int8     [4 groups][d4][16 tokens][4 channels]   byte = code + 128
//	K float32  [4 groups][d][16 tokens]
//	V int8     [16 quads][dv][4 tokens]                two's complement
//	V float32  [64 tokens][dv]
//
// Scores, logits and probabilities of m query rows are [m][64].
//
// Kernels that stream stored tiles take next, memory that is wanted soon, and may prefetch it
// line by line while they work: as many bytes as they read themselves, from its start. They
// use no byte of it, and it may be any memory or shorter than that. Pass the tile itself when
// there is no other.
//
// Kernels do not check their arguments: they are called from validated plans, tile
// kernels with m ≥ 1, 1 ≤ n ≤ 64 and d ≥ 1. Row kernels take empty rows. A kernel
// reads and writes what its contract names and not a byte more, but encoders may rewrite bytes
// between their own with what they hold. It leaves its arguments as
// they are, since a Recorder has the same ones used again: the calls of one tile, written
// down once and repeated by assembly on the tiles that follow.
package asm
