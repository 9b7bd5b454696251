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
// The family is the contract (qk: query·key scores, sc: logits from scores, sm:
// softmax of a tile, pv: probability·value sums, fold/mix/fin: state updates,
// enc: row quantizers, had: Hadamard, dec/exp: expansion of stored tiles). A and B
// are the operand formats. The isa is a claim about the instructions inside.
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
// Kernels do not check their arguments: they are called from validated plans, tile
// kernels with m ≥ 1, 1 ≤ n ≤ 64 and d ≥ 1. Row kernels take empty rows. A kernel
// reads and writes what its contract names and not a byte more. It leaves its arguments as
// they are, since a Recorder has the same ones used again: the calls of one tile, written
// down once and repeated by assembly on the tiles that follow.
package asm
