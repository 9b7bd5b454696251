//go:build !purego

#include "textflag.h"

// exp_b4_avx512_amd64.s: expansion of nibble tiles to int8 by a table under ratios by block
// (NF4 with a scale per 32 or 64 channels).
//
// Obstacle:  a product and its rounding take words, and words for codes take three times the
// instructions of a lookup. The codes of a token in a block are 16, so they are made once,
// as table, and looked up: 64 bytes for the four tokens of V that alternate, 256 for a group
// of K, half of them for either half of a line.
// Shape:     tables are words of levels times those of ratios, rounded by VPMULHRSW and
//            packed so that nibble·tokens + token is the index; it is a shift and a mask.
//            VPERMB looks it up, VPERMI2B in halves of lines that masks tell apart.
// Reads:     ⌈n/32⌉ pairs of K or ⌈n/8⌉ planes of V, each line once, and a line of next is
//            fetched with it.
// Tails:     K blocks are whole. Channels of V are masked; a quad or group without tokens is
//            not written.

// Levels of the words of registers: of K lanes of one level, even and odd ones of the lower
// half and of the upper; of V pairs of levels, the first and the second of four.
DATA expB4Levels<>+0(SB)/8, $0x0000000000000000
DATA expB4Levels<>+8(SB)/8, $0x0202020202020202
DATA expB4Levels<>+16(SB)/8, $0x0404040404040404
DATA expB4Levels<>+24(SB)/8, $0x0606060606060606
DATA expB4Levels<>+32(SB)/8, $0x0101010101010101
DATA expB4Levels<>+40(SB)/8, $0x0303030303030303
DATA expB4Levels<>+48(SB)/8, $0x0505050505050505
DATA expB4Levels<>+56(SB)/8, $0x0707070707070707
DATA expB4Levels<>+64(SB)/8, $0x0808080808080808
DATA expB4Levels<>+72(SB)/8, $0x0a0a0a0a0a0a0a0a
DATA expB4Levels<>+80(SB)/8, $0x0c0c0c0c0c0c0c0c
DATA expB4Levels<>+88(SB)/8, $0x0e0e0e0e0e0e0e0e
DATA expB4Levels<>+96(SB)/8, $0x0909090909090909
DATA expB4Levels<>+104(SB)/8, $0x0b0b0b0b0b0b0b0b
DATA expB4Levels<>+112(SB)/8, $0x0d0d0d0d0d0d0d0d
DATA expB4Levels<>+120(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA expB4Levels<>+128(SB)/8, $0x0101010100000000
DATA expB4Levels<>+136(SB)/8, $0x0505050504040404
DATA expB4Levels<>+144(SB)/8, $0x0909090908080808
DATA expB4Levels<>+152(SB)/8, $0x0d0d0d0d0c0c0c0c
DATA expB4Levels<>+160(SB)/8, $0x0303030302020202
DATA expB4Levels<>+168(SB)/8, $0x0707070706060606
DATA expB4Levels<>+176(SB)/8, $0x0b0b0b0b0a0a0a0a
DATA expB4Levels<>+184(SB)/8, $0x0f0f0f0f0e0e0e0e
GLOBL expB4Levels<>(SB), RODATA|NOPTR, $192

// Tokens of the bytes of half a line of K, masks of nibbles of K and V, 128, tokens of V.
DATA expB4Const<>+0(SB)/8, $0x0101010100000000
DATA expB4Const<>+8(SB)/8, $0x0303030302020202
DATA expB4Const<>+16(SB)/8, $0x0505050504040404
DATA expB4Const<>+24(SB)/8, $0x0707070706060606
DATA expB4Const<>+32(SB)/4, $0x78787878
DATA expB4Const<>+36(SB)/4, $0x3c3c3c3c
DATA expB4Const<>+40(SB)/4, $0x80808080
DATA expB4Const<>+44(SB)/4, $0x03020100
GLOBL expB4Const<>(SB), RODATA|NOPTR, $48

// TABLE makes half of a table for eight tokens, of even levels a and odd ones b.
#define TABLE(ratios, a, b, table) \
	VPMULHRSW ratios, a, table;    \
	VPMULHRSW ratios, b, Z6;       \
	VPACKSSWB Z6, table, table;    \
	VPXORD    Z14, table, table

// TABLES makes those of a group.
#define TABLES(off, t0, t1, t2, t3) \
	VBROADCASTI32X4 off(DX), Z4;    \
	VBROADCASTI32X4 off+16(DX), Z5; \
	TABLE(Z4, Z24, Z25, t0);        \
	TABLE(Z4, Z26, Z27, t1);        \
	TABLE(Z5, Z24, Z25, t2);        \
	TABLE(Z5, Z26, Z27, t3)

// LOOKK turns the shifted nibbles of x into codes.
#define LOOKK(x, t0, t1, t2, t3) \
	VPTERNLOGD $0xEA, Z13, Z12, x; \
	VPERMI2B   t1, t0, K1, x;      \
	VPERMI2B   t3, t2, K2, x

// LINE expands a line of both groups.
#define LINE(off, x, y) \
	VMOVDQU32  off(SI), x;              \
	PREFETCHT0 off(R9);                 \
	VPSRLW     $1, x, y;                \
	VPSLLW     $3, x, x;                \
	LOOKK(x, Z16, Z17, Z18, Z19);       \
	LOOKK(y, Z20, Z21, Z22, Z23);       \
	VMOVDQU32  x, off(DI);              \
	VMOVDQU32  y, off(DI)(R12*1)

// LEVELS loads words of levels, of which there are 16 in Y0.
#define LEVELS(off, words, lower) \
	VPSHUFB   off(BX), Y0, lower; \
	VPMOVSXBW lower, words

// func expB4K_avx512(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)
TEXT ·expB4K_avx512(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ ratio_base+48(FP), R13
	MOVQ levels+72(FP), AX
	MOVQ n+80(FP), R8
	MOVQ d+88(FP), R10
	ADDQ $3, R10
	SHRQ $2, R10 // blocks of 4 channels
	MOVQ R10, R12
	SHLQ $6, R12 // bytes of a group
	MOVQ block+96(FP), R11
	SHRQ $2, R11 // lines with the same ratios
	MOVQ next_base+104(FP), R9
	VBROADCASTI128 (AX), Y0
	LEAQ expB4Levels<>(SB), BX
	LEVELS(0, Z24, Y1)
	LEVELS(32, Z25, Y2)
	LEVELS(64, Z26, Y3)
	LEVELS(96, Z27, Y4)
	LEAQ expB4Const<>(SB), BX
	VBROADCASTI64X4 (BX), Z13
	VPBROADCASTD 32(BX), Z12
	VPBROADCASTD 40(BX), Z14
	MOVL $0xffffffff, AX
	KMOVQ AX, K1
	KNOTQ K1, K2

pair: // of groups
	MOVQ R13, DX
	MOVQ R10, BX // lines left

tables:
	MOVQ R11, CX
	CMPQ BX, CX
	CMOVQLT BX, CX
	SUBQ CX, BX
	TABLES(0, Z16, Z17, Z18, Z19)
	CMPQ R8, $16
	JLE  low
	TABLES(32, Z20, Z21, Z22, Z23)
	SUBQ $4, CX
	JLT  rest

lines:
	LINE(0, Z0, Z1)
	LINE(64, Z2, Z3)
	LINE(128, Z7, Z8)
	LINE(192, Z9, Z10)
	ADDQ $256, SI
	ADDQ $256, R9
	ADDQ $256, DI
	SUBQ $4, CX
	JGE  lines

rest:
	ADDQ $4, CX
	JZ   block

line:
	LINE(0, Z0, Z1)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ CX
	JNZ  line
	JMP  block

low:
	VMOVDQU32  (SI), Z0
	PREFETCHT0 (R9)
	VPSLLW     $3, Z0, Z0
	LOOKK(Z0, Z16, Z17, Z18, Z19)
	VMOVDQU32  Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ CX
	JNZ  low

block:
	ADDQ $128, DX
	TESTQ BX, BX
	JNZ  tables
	ADDQ R12, DI
	ADDQ $64, R13
	SUBQ $32, R8
	JG   pair
	VZEROUPPER
	RET

// QUAD makes the table of four tokens.
#define QUAD(off, table) \
	VPBROADCASTQ off(DX), Z6;   \
	VPMULHRSW    Z6, Z24, table; \
	VPMULHRSW    Z6, Z25, Z6;    \
	VPACKSSWB    Z6, table, table

// LOOKV turns the nibbles of x into codes of both quads, in x and y.
#define LOOKV(x, y) \
	VPSRLW     $2, x, y;           \
	VPSLLW     $2, x, x;           \
	VPTERNLOGD $0xEA, Z13, Z12, x; \
	VPTERNLOGD $0xEA, Z13, Z12, y; \
	VPERMB     Z16, x, x;          \
	VPERMB     Z17, y, y

// PLANE expands a line of both quads.
#define PLANE(off, x, y) \
	VMOVDQU32  off(SI)(BX*1), x;  \
	PREFETCHT0 off(R9)(BX*1);     \
	LOOKV(x, y);                  \
	VMOVDQU32  x, off(DI)(BX*1);  \
	VMOVDQU32  y, off(R10)(BX*1)

// func expB4V_avx512(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)
TEXT ·expB4V_avx512(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ ratio_base+48(FP), R13
	MOVQ levels+72(FP), AX
	MOVQ n+80(FP), R8
	MOVQ d+88(FP), R12
	SHLQ $2, R12 // bytes of a quad
	MOVQ next_base+104(FP), R9
	VBROADCASTI128 (AX), Y0
	LEAQ expB4Levels<>(SB), BX
	LEVELS(128, Z24, Y1)
	LEVELS(160, Z25, Y2)
	LEAQ expB4Const<>(SB), BX
	VPBROADCASTD 36(BX), Z12
	VPBROADCASTD 44(BX), Z13
	LEAQ (DI)(R12*1), R10

plane:
	MOVQ R13, DX
	XORL BX, BX

tables:
	QUAD(0, Z16)
	QUAD(8, Z17)
	ADDQ $128, DX
	MOVQ block+96(FP), R11
	LEAQ (BX)(R11*4), R11 // end of the block
	CMPQ R11, R12
	CMOVQGT R12, R11
	CMPQ R8, $4
	JLE  masked
	LEAQ 128(BX), AX
	CMPQ AX, R11
	JGT  masked

lines:
	PLANE(0, Z0, Z1)
	PLANE(64, Z2, Z3)
	MOVQ AX, BX
	ADDQ $128, AX
	CMPQ AX, R11
	JLE  lines
	CMPQ BX, R11
	JEQ  block

masked: // one line
	MOVQ R11, CX
	SUBQ BX, CX
	MOVQ $-1, AX
	CMPQ CX, $64
	JGE  line
	SHLQ CX, AX
	NOTQ AX

line:
	KMOVQ AX, K1
	VMOVDQU8.Z (SI)(BX*1), K1, Z0
	PREFETCHT0 (R9)(BX*1)
	LOOKV(Z0, Z1)
	VMOVDQU8 Z0, K1, (DI)(BX*1)
	CMPQ R8, $4
	JLE  stored
	VMOVDQU8 Z1, K1, (R10)(BX*1)

stored:
	ADDQ $64, BX
	CMPQ BX, R11
	JLT  masked
	MOVQ R11, BX

block:
	CMPQ BX, R12
	JNE  tables
	LEAQ (DI)(R12*2), DI
	LEAQ (R10)(R12*2), R10
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ $16, R13
	SUBQ $8, R8
	JG   plane
	VZEROUPPER
	RET

DATA splitScalesConst<>+0(SB)/4, $0x7fffffff // magnitude
DATA splitScalesConst<>+4(SB)/4, $0x3f800000 // 1
DATA splitScalesConst<>+8(SB)/4, $0x3c010204 // 1/127
DATA splitScalesConst<>+12(SB)/4, $0x47000000 // 2¹⁵
DATA splitScalesConst<>+16(SB)/4, $0x46fffe00 // 2¹⁵ − 1
GLOBL splitScalesConst<>(SB), RODATA|NOPTR, $20

// HIGHER takes the scales in Z0 into the tops in Z1: magnitudes are in the order of their
// patterns, NaN above all.
#define HIGHER \
	VPANDD  Z8, Z0, Z0; \
	VPMAXUD Z0, Z1, Z1

// RATIO stores those of the scales in Z0.
#define RATIO \
	VMULPS      Z2, Z0, Z0;     \
	VMULPS      Z11, Z0, Z0;    \
	VCMPPS      $7, Z0, Z0, K1; \
	VMINPS      Z12, Z0, Z0;    \
	VCVTPS2DQ.Z Z0, K1, Z0;     \
	VPMOVSDW    Z0, (DX);       \
	ADDQ        $128, DX

// func splitScales_avx512(scale []float32, ratio []int16, src []byte, size, n, blocks int)
TEXT ·splitScales_avx512(SB), NOSPLIT, $0-96
	MOVQ scale_base+0(FP), DI
	MOVQ ratio_base+24(FP), R13
	MOVQ src_base+48(FP), SI
	MOVQ size+72(FP), R10
	MOVQ n+80(FP), R8
	MOVQ blocks+88(FP), R9
	MOVQ R10, R11
	SHLQ $6, R11 // bytes of a block's scales
	SHLQ $4, R10 // of 16 of them
	VPBROADCASTD splitScalesConst<>+0(SB), Z8
	VBROADCASTSS splitScalesConst<>+4(SB), Z9
	VBROADCASTSS splitScalesConst<>+8(SB), Z10
	VBROADCASTSS splitScalesConst<>+12(SB), Z11
	VBROADCASTSS splitScalesConst<>+16(SB), Z12

group: // of 16 tokens
	MOVQ SI, BX
	MOVQ R9, CX
	VPXORD Z1, Z1, Z1
	CMPQ R10, $32
	JNE  wide

high:
	VCVTPH2PS (BX), Z0
	HIGHER
	ADDQ R11, BX
	DECQ CX
	JNZ  high
	JMP  top

wide:
	VMOVUPS (BX), Z0
	HIGHER
	ADDQ R11, BX
	DECQ CX
	JNZ  wide

top:
	VDIVPS Z1, Z9, Z2
	VMULPS Z10, Z1, Z1
	VMOVUPS Z1, (DI)
	MOVQ SI, BX
	MOVQ R13, DX
	MOVQ R9, CX
	CMPQ R10, $32
	JNE  ratioWide

ratio:
	VCVTPH2PS (BX), Z0
	RATIO
	ADDQ R11, BX
	DECQ CX
	JNZ  ratio
	JMP  next

ratioWide:
	VMOVUPS (BX), Z0
	RATIO
	ADDQ R11, BX
	DECQ CX
	JNZ  ratioWide

next:
	ADDQ R10, SI
	ADDQ $64, DI
	ADDQ $32, R13
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET
