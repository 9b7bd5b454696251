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

// LINE expands a line of both groups.
#define LINE(off) \
	VMOVDQU32  off(SI), Z0;          \
	PREFETCHT0 off(R9);              \
	VPSRLW     $4, Z0, Z1;           \
	VPANDD     Z12, Z0, Z0;          \
	VPANDD     Z12, Z1, Z1;          \
	VPMULLW    Z4, Z0, Z0;           \
	VPMULLW    Z6, Z1, Z1;           \
	VPADDW     Z5, Z0, Z0;           \
	VPADDW     Z7, Z1, Z1;           \
	VMOVDQU32  Z0, off(DI);          \
	VMOVDQU32  Z1, off(DI)(R12*1)

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

	SUBQ $4, CX
	JLT  rest

blocks:
	LINE(0)
	LINE(64)
	LINE(128)
	LINE(192)
	ADDQ $256, SI
	ADDQ $256, R9
	ADDQ $256, DI
	SUBQ $4, CX
	JGE  blocks

rest:
	ADDQ $4, CX
	JZ   next

block:
	LINE(0)
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

DATA exp4Tokens<>+0(SB)/8, $0x0000000000000000
DATA exp4Tokens<>+8(SB)/8, $0x0000000000000000
DATA exp4Tokens<>+16(SB)/8, $0x0001000100010001
DATA exp4Tokens<>+24(SB)/8, $0x0001000100010001
DATA exp4Tokens<>+32(SB)/8, $0x0002000200020002
DATA exp4Tokens<>+40(SB)/8, $0x0002000200020002
DATA exp4Tokens<>+48(SB)/8, $0x0003000300030003
DATA exp4Tokens<>+56(SB)/8, $0x0003000300030003
GLOBL exp4Tokens<>(SB), RODATA|NOPTR, $64

// TABLES makes the codes of the two quads of a plane in Z4 and Z5. K4 and K5 have the
// words of tokens below n.
#define TABLES \
	VPMOVSXBW (DX)(BX*1), X3;       \
	VPERMW.Z  Z3, Z11, K4, Z4;      \
	VPERMW.Z  Z3, Z9, K5, Z5;       \
	VPMULLW   Z10, Z4, Z4;          \
	VPMULLW   Z10, Z5, Z5;          \
	VPADDW    Z14, Z4, Z4;          \
	VPADDW    Z14, Z5, Z5;          \
	VPXORD    Z14, Z4, Z4;          \
	VPXORD    Z14, Z5, Z5

// LOOK turns the nibbles of x, of y into codes; the index is nibble | 16·token.
#define LOOK(x, y) \
	VPMULHUW   Z13, x, y;          \
	VPTERNLOGD $0xEA, Z15, Z12, x; \
	VPTERNLOGD $0xEA, Z15, Z12, y; \
	VPERMB     Z4, x, x;           \
	VPERMB     Z5, y, y

// func expI4V_avx512(dst, v, mult []byte, n, d int, next []byte)
TEXT ·expI4V_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R12
	SHLQ $2, R12 // bytes of a quad
	MOVQ next_base+88(FP), R9
	MOVQ mult_base+48(FP), DX
	VPBROADCASTD exp4Const<>(SB), Z12
	VPBROADCASTD exp4Const<>+8(SB), Z14
	VPBROADCASTD exp4Const<>+12(SB), Z15
	VBROADCASTI32X4 exp4Nibbles<>(SB), Z10
	VMOVDQU32 exp4Tokens<>(SB), Z11
	MOVL $0x10001000, AX
	VPBROADCASTD AX, Z13
	MOVL $0x00040004, AX
	VPBROADCASTD AX, Z9
	VPADDW Z11, Z9, Z9
	LEAQ (DI)(R12*1), R10

plane:
	// which words of the tables belong to tokens
	XORL BX, BX
	MOVQ $-1, AX
	MOVQ R12, R11
	SHRQ $1, R11
	ANDQ $~63, R11 // 64 for each whole group
	CMPQ R8, $8
	JGE  whole
	LEAQ (R8*8), CX
	MOVL $1, AX
	SHLQ CX, AX
	DECQ AX
	CMPQ R8, $4
	JGT  whole
	XORL R11, R11

whole:
	KMOVD AX, K4
	SHRQ  $32, AX
	KMOVD AX, K5
	CMPQ  BX, R11
	JEQ   masked

group: // of 32 channels
	TABLES
	VMOVDQU32  (SI)(BX*2), Z0
	VMOVDQU32  64(SI)(BX*2), Z2
	PREFETCHT0 (R9)(BX*2)
	PREFETCHT0 64(R9)(BX*2)
	LOOK(Z0, Z1)
	LOOK(Z2, Z3)
	VMOVDQU32  Z0, (DI)(BX*2)
	VMOVDQU32  Z1, (R10)(BX*2)
	VMOVDQU32  Z2, 64(DI)(BX*2)
	VMOVDQU32  Z3, 64(R10)(BX*2)
	ADDQ $64, BX
	CMPQ BX, R11
	JNE  group

masked:
	LEAQ (BX*2), AX
	MOVQ R12, CX
	SUBQ AX, CX
	JLE  next
	SHRQ $2, CX // channels left
	MOVL $-1, AX
	CMPQ CX, $32
	JGE  channels
	MOVL $1, AX
	SHLL CX, AX
	DECL AX

channels:
	KMOVD AX, K1
	KSHIFTRD $16, K1, K2
	CMPQ R8, $4
	JGT  quads
	XORL AX, AX

quads:
	KMOVD AX, K6
	KSHIFTRD $16, K6, K7
	TABLES
	VMOVDQU32.Z (SI)(BX*2), K1, Z0
	VMOVDQU32.Z 64(SI)(BX*2), K2, Z2
	PREFETCHT0  (R9)(BX*2)
	PREFETCHT0  64(R9)(BX*2)
	LOOK(Z0, Z1)
	LOOK(Z2, Z3)
	VMOVDQU32   Z0, K1, (DI)(BX*2)
	VMOVDQU32   Z1, K6, (R10)(BX*2)
	VMOVDQU32   Z2, K2, 64(DI)(BX*2)
	VMOVDQU32   Z3, K7, 64(R10)(BX*2)
	ADDQ $64, BX
	JMP  masked

next:
	ADDQ R12, SI
	ADDQ R12, R9
	LEAQ (DI)(R12*2), DI
	LEAQ (R10)(R12*2), R10
	ADDQ $8, DX
	SUBQ $8, R8
	JG   plane
	VZEROUPPER
	RET
