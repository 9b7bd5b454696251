//go:build !purego

#include "textflag.h"

// exp4_avx512_amd64.s: expansion of nibble tiles to int8 (INT4).
//
// K: the multiplier belongs to the token, so both bytes of a word share it, and
//     word · mult + (128 − 8·mult)·257
// is the pair of bytes (nibble − 8)·mult + 128: both lie in 8..248, so that nothing is
// carried from one to the other. Three instructions make 64 codes. Garbage multipliers of
// tokens ≥ n spoil their own words only.
// V: the multiplier belongs to the place in the dword. Four tokens and 16 nibbles are a
// table of 64 bytes, which VPERMB looks up by 16·token + nibble; it is made by the formula
// of K and serves 32 channels.
// Reads:  ⌈n/32⌉ pairs of K, ⌈n/8⌉ planes of V, each line once, and a line of next is
//         fetched with it.
// Tails:  channels of V are masked; tokens ≥ n of the last quad get multiplier 0, a
//         quad or group without tokens is not written.

DATA exp4Const<>+0(SB)/4, $0x0f0f0f0f
DATA exp4Const<>+4(SB)/4, $0x08080808 // 8·257 in words
DATA exp4Const<>+8(SB)/4, $0x80808080 // 128·257 in words
DATA exp4Const<>+12(SB)/4, $0x30201000 // 16·token
GLOBL exp4Const<>(SB), RODATA|NOPTR, $16

// MULT loads the multipliers of 16 tokens into the words of m, and what goes with them
// into b. K3 has the odd words.
#define MULT(off, m, b) \
	VPMOVSXBD off(DX), m;   \
	VPSLLD    $16, m, b;    \
	VMOVDQU16 b, K3, m;     \
	VPMULLW   Z13, m, b;    \
	VPSUBW    b, Z14, b

// func expI4K_avx512(dst, k, mult []byte, n, d int, next []byte)
TEXT ·expI4K_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R10
	ADDQ $3, R10
	SHRQ $2, R10 // blocks of 4 channels
	MOVQ R10, R12
	SHLQ $6, R12 // bytes of a group
	MOVQ next_base+88(FP), R9
	MOVQ mult_base+48(FP), R13
	VPBROADCASTD exp4Const<>(SB), Z12
	VPBROADCASTD exp4Const<>+4(SB), Z13
	VPBROADCASTD exp4Const<>+8(SB), Z14
	MOVL $0xAAAAAAAA, AX
	KMOVD AX, K3

pair:
	MOVQ R13, DX
	MOVQ R10, BX

multipliers:
	MOVQ $8, CX // blocks with the same multipliers
	CMPQ BX, CX
	CMOVQLT BX, CX
	SUBQ CX, BX
	MULT(0, Z4, Z5)
	CMPQ R8, $16
	JLE  low
	MULT(16, Z6, Z7)

block:
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (R9)
	VPSRLW $4, Z0, Z1
	VPANDD Z12, Z0, Z0
	VPANDD Z12, Z1, Z1
	VPMULLW Z4, Z0, Z0
	VPMULLW Z6, Z1, Z1
	VPADDW Z5, Z0, Z0
	VPADDW Z7, Z1, Z1
	VMOVDQU32 Z0, (DI)
	VMOVDQU32 Z1, (DI)(R12*1)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ CX
	JNZ  block
	JMP  next

low:
	VPANDD (SI), Z12, Z0
	PREFETCHT0 (R9)
	VPMULLW Z4, Z0, Z0
	VPADDW Z5, Z0, Z0
	VMOVDQU32 Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ CX
	JNZ  low

next:
	ADDQ $64, DX
	TESTQ BX, BX
	JNZ  multipliers
	ADDQ R12, DI
	ADDQ $32, R13
	SUBQ $32, R8
	JG   pair
	VZEROUPPER
	RET

// Words of (nibble 2i − 8) + 256·(nibble 2i+1 − 8).
DATA exp4Nibbles<>+0(SB)/8, $0xfefefcfcfafaf8f8
DATA exp4Nibbles<>+8(SB)/8, $0x0706050403020100
GLOBL exp4Nibbles<>(SB), RODATA|NOPTR, $16

DATA exp4Spread<>+0(SB)/8, $0x0080008000800080 // token 0, in the high bytes of words
DATA exp4Spread<>+8(SB)/8, $0x0080008000800080
DATA exp4Spread<>+16(SB)/8, $0x0180018001800180
DATA exp4Spread<>+24(SB)/8, $0x0180018001800180
DATA exp4Spread<>+32(SB)/8, $0x0280028002800280
DATA exp4Spread<>+40(SB)/8, $0x0280028002800280
DATA exp4Spread<>+48(SB)/8, $0x0380038003800380
DATA exp4Spread<>+56(SB)/8, $0x0380038003800380
GLOBL exp4Spread<>(SB), RODATA|NOPTR, $64

// TABLE makes the codes of 4 tokens from the multipliers at off, of which keep is a mask.
#define TABLE(off, keep, t) \
	MOVL off(DX), AX;      \
	ANDL keep, AX;         \
	VPBROADCASTD AX, t;    \
	VPSHUFB Z11, t, t;     \
	VPSRAW  $8, t, t;      \
	VPMULLW Z10, t, t;     \
	VPADDW  Z14, t, t;     \
	VPXORD  Z14, t, t

// LOOK turns the nibbles of x into codes; the index is x & 15 | 16·token.
#define LOOK(t, x) \
	VPTERNLOGD $0xEA, Z15, Z12, x; \
	VPERMB t, x, x

// func expI4V_avx512(dst, v, mult []byte, n, d int, next []byte)
TEXT ·expI4V_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R12
	SHLQ $2, R12 // bytes of a quad
	MOVQ next_base+88(FP), R9
	MOVQ mult_base+48(FP), R13
	VPBROADCASTD exp4Const<>(SB), Z12
	VPBROADCASTD exp4Const<>+8(SB), Z14
	VPBROADCASTD exp4Const<>+12(SB), Z15
	VBROADCASTI32X4 exp4Nibbles<>(SB), Z10
	VMOVDQU32 exp4Spread<>(SB), Z11

plane:
	// which multipliers of the two quads belong to tokens
	MOVL $-1, R10
	MOVL $-1, R11
	CMPQ R8, $8
	JGE  whole
	MOVL R8, CX
	ANDL $3, CX
	SHLL $3, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	MOVL AX, R11
	CMPQ R8, $4
	JGE  whole
	MOVL AX, R10

whole:
	MOVQ R13, DX
	MOVQ d+80(FP), CX

multipliers:
	TABLE(0, R10, Z4)
	TABLE(4, R11, Z5)
	ADDQ $64, DX
	MOVL $2, BX // steps of 16 channels with the same multipliers

step:
	PREFETCHT0 (R9)
	CMPQ CX, $16
	JLT  masked
	CMPQ R8, $4
	JLE  masked
	VMOVDQU32 (SI), Z0
	VPSRLW $4, Z0, Z1
	LOOK(Z4, Z0)
	LOOK(Z5, Z1)
	VMOVDQU32 Z0, (DI)
	VMOVDQU32 Z1, (DI)(R12*1)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	SUBQ $16, CX
	JZ   next
	DECL BX
	JNZ  step
	JMP  multipliers

masked:
	KXNORW K1, K1, K1
	CMPQ CX, $16
	JGE  sixteen
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1

sixteen:
	KMOVW K1, K2
	CMPQ R8, $4
	JGT  quads
	KXORW K2, K2, K2

quads:
	VMOVDQU32.Z (SI), K1, Z0
	VPSRLW $4, Z0, Z1
	LOOK(Z4, Z0)
	LOOK(Z5, Z1)
	VMOVDQU32 Z0, K1, (DI)
	VMOVDQU32 Z1, K2, (DI)(R12*1)
	MOVL $16, AX
	CMPQ CX, AX
	CMOVQLT CX, AX
	LEAQ (SI)(AX*4), SI
	LEAQ (R9)(AX*4), R9
	LEAQ (DI)(AX*4), DI
	SUBQ AX, CX
	JZ   next
	DECL BX
	JNZ  step
	JMP  multipliers

next:
	ADDQ R12, DI
	ADDQ $8, R13
	SUBQ $8, R8
	JG   plane
	VZEROUPPER
	RET
