//go:build !purego

#include "textflag.h"

// exp_n4_avx512_amd64.s: expansion of nibble tiles to int8 by a scaled code book (NF4 with
// doubly quantized scales).
//
// 16 levels under 16 multipliers are 256 bytes, four registers. The index of a code is its
// multiplier above its nibble: VPERMI2B looks it up in both halves of the book, and the
// highest bit of the multiplier tells which one counts. No arithmetic is left.
// K: a dword belongs to one token; its multipliers are spread once for two blocks of 16
//    channels, and the book is stored with 128 added.
// V: a line is one block of 16 channels of two quads, a dword of multipliers serves a quad.
//    Lookups of tokens ≥ n are masked to zero.
// Reads:  ⌈n/32⌉ pairs of K, ⌈n/8⌉ planes of V, each line once, and a line of next is
//         fetched with it.
// Tails:  K blocks are whole. Channels of V are masked; a quad or group without tokens is
//         not written.

DATA expN4x16Const<>+0(SB)/4, $0x0f0f0f0f
DATA expN4x16Const<>+4(SB)/4, $0x08080808 // the highest bit of the even multiplier
DATA expN4x16Const<>+8(SB)/4, $0x80808080 // and of the odd one
GLOBL expN4x16Const<>(SB), RODATA|NOPTR, $12

// The low byte of a dword, four times.
DATA expN4x16Spread<>+0(SB)/8, $0x0404040400000000
DATA expN4x16Spread<>+8(SB)/8, $0x0c0c0c0c08080808
GLOBL expN4x16Spread<>(SB), RODATA|NOPTR, $16

// BOOK loads the code book at AX.
#define BOOK \
	VMOVDQU32 (AX), Z16;    \
	VMOVDQU32 64(AX), Z17;  \
	VMOVDQU32 128(AX), Z18; \
	VMOVDQU32 192(AX), Z19

// INDEX puts the multipliers m above the low nibbles of x.
#define INDEX(m, x) \
	VPTERNLOGD $0xE4, Z12, m, x

// MULT loads the multipliers of 16 tokens: even and odd blocks have them in the high
// halves of bytes, and their highest bits in masks.
#define MULT(off, even, odd, evenTop, oddTop) \
	VPMOVZXBD off(DX), odd;     \
	VPSHUFB   Z15, odd, odd;    \
	VPTESTMB  Z13, odd, evenTop; \
	VPTESTMB  Z14, odd, oddTop; \
	VPSLLW    $4, odd, even

// LOOKK turns the nibbles of x into codes; t is a temporary.
#define LOOKK(m, top, x, t) \
	INDEX(m, x);             \
	VMOVDQA64 x, t;          \
	VPERMI2B  Z17, Z16, x;   \
	VPERMI2B  Z19, Z18, t;   \
	VMOVDQU8  t, top, x

// LINE expands a line of both groups.
#define LINE(off) \
	VMOVDQU32  off(SI), Z0;       \
	PREFETCHT0 off(R9);           \
	VPSRLW     $4, Z0, Z1;        \
	LOOKK(Z4, K1, Z0, Z2);        \
	LOOKK(Z6, K3, Z1, Z3);        \
	VMOVDQU32  Z0, off(DI);       \
	VMOVDQU32  Z1, off(DI)(R12*1)

// func expN4K_avx512(dst, k, mult []byte, book *ScaledBook, n, d int, next []byte)
TEXT ·expN4K_avx512(SB), NOSPLIT, $0-120
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ mult_base+48(FP), R13
	MOVQ book+72(FP), AX
	MOVQ n+80(FP), R8
	MOVQ d+88(FP), R10
	ADDQ $3, R10
	SHRQ $2, R10 // blocks of 4 channels
	MOVQ R10, R12
	SHLQ $6, R12 // bytes of a group
	MOVQ next_base+96(FP), R9
	VPBROADCASTD expN4x16Const<>(SB), Z12
	VPBROADCASTD expN4x16Const<>+4(SB), Z13
	VPBROADCASTD expN4x16Const<>+8(SB), Z14
	VBROADCASTI32X4 expN4x16Spread<>(SB), Z15
	BOOK
	VPXORD Z14, Z16, Z16
	VPXORD Z14, Z17, Z17
	VPXORD Z14, Z18, Z18
	VPXORD Z14, Z19, Z19

pair: // of groups
	MOVQ R13, DX
	MOVQ R10, BX // lines left

multipliers:
	MULT(0, Z4, Z5, K1, K2)
	MOVL $1, R11 // the odd block is to come
	CMPQ R8, $16
	JLE  channels
	MULT(16, Z6, Z7, K3, K4)

channels: // 16 of them
	CMPQ R8, $16
	JLE  low
	CMPQ BX, $4
	JLT  line
	LINE(0)
	LINE(64)
	LINE(128)
	LINE(192)
	ADDQ $256, SI
	ADDQ $256, R9
	ADDQ $256, DI
	SUBQ $4, BX
	JMP  odd

line:
	LINE(0)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ BX
	JNZ  line
	JMP  next

low:
	MOVQ $4, CX
	CMPQ BX, CX
	CMOVQLT BX, CX
	SUBQ CX, BX

lowLine:
	VMOVDQU32  (SI), Z0
	PREFETCHT0 (R9)
	LOOKK(Z4, K1, Z0, Z2)
	VMOVDQU32  Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ CX
	JNZ  lowLine

odd:
	TESTQ BX, BX
	JZ   next
	VMOVDQA64 Z5, Z4
	VMOVDQA64 Z7, Z6
	KMOVQ K2, K1
	KMOVQ K4, K3
	DECL R11
	JZ   channels
	ADDQ $64, DX
	JMP  multipliers

next:
	ADDQ R12, DI
	ADDQ $32, R13
	SUBQ $32, R8
	JG   pair
	VZEROUPPER
	RET

// LOOKV turns the nibbles of x into codes; the highest bits of multipliers are where raw
// has those of bit, keep has the bytes of tokens below n, t is a temporary.
#define LOOKV(m, raw, bit, keep, x, t) \
	VPTESTMB   bit, raw, keep, K3;    \
	INDEX(m, x);                      \
	VMOVDQA64  x, t;                  \
	VPERMI2B.Z Z17, Z16, keep, x;     \
	VPERMI2B   Z19, Z18, t;           \
	VMOVDQU8   t, K3, x

// MULTIPLIERS loads those of two blocks, of both quads, and makes those of even blocks.
#define MULTIPLIERS \
	VPBROADCASTD (DX), Z5;      \
	VPBROADCASTD 4(DX), Z7;     \
	VPSLLW       $4, Z5, Z4;    \
	VPSLLW       $4, Z7, Z6

// LOOKS turns two blocks of 16 channels into those of both quads.
#define LOOKS \
	VPSRLW     $4, Z0, Z1;               \
	VPSRLW     $4, Z2, Z3;               \
	LOOKV(Z4, Z5, Z13, K4, Z0, Z8);      \
	LOOKV(Z6, Z7, Z13, K5, Z1, Z9);      \
	LOOKV(Z5, Z5, Z14, K4, Z2, Z10);     \
	LOOKV(Z7, Z7, Z14, K5, Z3, Z11)

// func expN4V_avx512(dst, v, mult []byte, book *ScaledBook, n, d int, next []byte)
TEXT ·expN4V_avx512(SB), NOSPLIT, $0-120
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ mult_base+48(FP), R13
	MOVQ book+72(FP), AX
	MOVQ n+80(FP), R8
	MOVQ d+88(FP), R12
	SHLQ $2, R12 // bytes of a quad
	MOVQ next_base+96(FP), R9
	VPBROADCASTD expN4x16Const<>(SB), Z12
	VPBROADCASTD expN4x16Const<>+4(SB), Z13
	VPBROADCASTD expN4x16Const<>+8(SB), Z14
	BOOK
	LEAQ (DI)(R12*1), R10

plane:
	KXNORQ K4, K4, K4
	KXNORQ K5, K5, K5
	MOVQ R12, R11
	ANDQ $~127, R11 // bytes of whole pairs of blocks
	CMPQ R8, $8
	JGE  whole
	MOVQ R8, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX // tokens that are there
	MOVL AX, CX
	ANDL $15, CX
	SHRL $4, AX
	MOVQ $0x1111111111111111, BX
	IMULQ BX, CX
	IMULQ BX, AX
	KMOVQ CX, K4
	KMOVQ AX, K5
	CMPQ R8, $4
	JGT  whole
	XORL R11, R11 // the second quad is not there

whole:
	MOVQ R13, DX
	XORL BX, BX
	CMPQ BX, R11
	JEQ  masked

blocks: // two of 16 channels
	MULTIPLIERS
	VMOVDQU32  (SI)(BX*1), Z0
	VMOVDQU32  64(SI)(BX*1), Z2
	PREFETCHT0 (R9)(BX*1)
	PREFETCHT0 64(R9)(BX*1)
	LOOKS
	VMOVDQU32  Z0, (DI)(BX*1)
	VMOVDQU32  Z1, (R10)(BX*1)
	VMOVDQU32  Z2, 64(DI)(BX*1)
	VMOVDQU32  Z3, 64(R10)(BX*1)
	ADDQ $64, DX
	ADDQ $128, BX
	CMPQ BX, R11
	JNE  blocks

masked: // one block
	CMPQ BX, R12
	JEQ  next
	MOVQ R12, CX
	SUBQ BX, CX
	MOVQ $-1, AX
	CMPQ CX, $64
	JGE  block
	SHLQ CX, AX
	NOTQ AX

block:
	KMOVQ AX, K1
	VPBROADCASTD (DX), Z5
	VPBROADCASTD 4(DX), Z7
	VMOVDQU8.Z (SI)(BX*1), K1, Z0
	PREFETCHT0 (R9)(BX*1)
	VPSRLW $4, Z0, Z1
	TESTQ $64, BX
	JNZ  odd
	VPSLLW $4, Z5, Z4
	VPSLLW $4, Z7, Z6
	LOOKV(Z4, Z5, Z13, K4, Z0, Z8)
	LOOKV(Z6, Z7, Z13, K5, Z1, Z9)
	JMP  store

odd:
	LOOKV(Z5, Z5, Z14, K4, Z0, Z8)
	LOOKV(Z7, Z7, Z14, K5, Z1, Z9)
	ADDQ $64, DX

store:
	VMOVDQU8 Z0, K1, (DI)(BX*1)
	ADDQ $64, BX
	CMPQ R8, $4
	JLE  stored
	VMOVDQU8 Z1, K1, -64(R10)(BX*1)

stored:
	CMPQ BX, R12
	JLT  masked

next: // plane
	LEAQ (DI)(R12*2), DI
	LEAQ (R10)(R12*2), R10
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ $8, R13
	SUBQ $8, R8
	JG   plane
	VZEROUPPER
	RET
