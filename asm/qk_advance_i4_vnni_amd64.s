//go:build !purego

#include "textflag.h"
#define POISONED poisoned+216(FP)
#define R1 Z20
#define T1 Z21
#define P1 Z23
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "qk_advance_amd64.h"
#include "qk_advance_nibbles_amd64.h"

// qk_advance_i4_vnni_amd64.s: softmax of a tile and the states past it, among the dot products
// of the next tile's nibble keys.
//
// Obstacle:  that of qk_advance_i8_amd64.h. A line of K is 16 tokens of each nibble, a
//            shift and two masks away from unsigned operands of VPDPBUSD. The multiplier of
//            a group of 32 channels waits for its sum, which starts at what the −8 of every
//            nibble adds, −8·Σq, and fits 16 bits: VPDPWSSD multiplies its low word by the
//            multiplier and the high one by zero.
// Shape:     four rows × 32 tokens of a pair. A turn is four lines, half a group, each taken
//            apart among the products of the one before, with four steps of the softmax in the
//            first 128 channels of both pairs. The logits of the first pair wait in W, behind
//            the value scales, until the softmax is done with those in y.
// Exactness: |Σ q·(nibble − 8)| ≤ 32·127·8 < 2¹⁵. Softmax and states have the operations and the
//            order of the twins. Rows with a NaN, or products too small for the plain division,
//            go one by one, then the dot product starts again alone.
// Reads:     y[0:4][0:64], sv[0:64], q[0:4], k, M[0:4] and L[0:4] of the states. Writes y,
//            p[0:4][0:64], W[0:192] and 0:4 of M, L, Stat and Fold.
// Prefetch:  a line of next per line of K, in the order of its addresses.
// Registers: see qk_advance_nibbles_amd64.h · Z0–Z7 sums of a group, low and high nibbles of a row
//            Z8–Z15 scores · Z16–Z19 nibbles of two lines, Z18 and Z19 multipliers and scales too
//            Z24 0x0F · Z25, Z22 q · K1 words of multipliers · BX K · SI q · DX q of the
//            fourth row · R11 q stride · R9 fetched line · R12 multipliers · R8 chunks of 128
//            channels left · R13 1 in the second pair, −1 in the first one behind a softmax
//            that is done · CX factors · 128(SP) −8·Σq of four groups

DATA qkAdvanceI4Const<>+0(SB)/4, $0x0f0f0f0f
DATA qkAdvanceI4Const<>+4(SB)/4, $0x80808080
GLOBL qkAdvanceI4Const<>(SB), RODATA|NOPTR, $8

// DOT multiplies the nibbles x and y of line i, and takes line j apart.
#define DOT(i, x, y, j, u, v) \
	VMOVDQU32    (64*j)(BX), v;         \
	VPBROADCASTD (4*i)(SI), Z25;        \
	VPBROADCASTD (4*i)(SI)(R11*1), Z22; \
	VPDPBUSD     Z25, x, Z0;            \
	VPDPBUSD     Z25, y, Z1;            \
	VPANDD       Z24, v, u;             \
	VPBROADCASTD (4*i)(SI)(R11*2), Z25; \
	VPDPBUSD     Z22, x, Z2;            \
	VPDPBUSD     Z22, y, Z3;            \
	VPSRLW       $4, v, v;              \
	VPBROADCASTD (4*i)(DX), Z22;        \
	VPDPBUSD     Z25, x, Z4;            \
	VPDPBUSD     Z25, y, Z5;            \
	VPANDD       Z24, v, v;             \
	PREFETCHT0   (64*j)(R9);            \
	VPDPBUSD     Z22, x, Z6;            \
	VPDPBUSD     Z22, y, Z7
#define DOTLAST(i, x, y) \
	VPBROADCASTD (4*i)(SI), Z25;        \
	VPBROADCASTD (4*i)(SI)(R11*1), Z22; \
	VPDPBUSD     Z25, x, Z0;            \
	VPDPBUSD     Z25, y, Z1;            \
	VPBROADCASTD (4*i)(SI)(R11*2), Z25; \
	VPDPBUSD     Z22, x, Z2;            \
	VPDPBUSD     Z22, y, Z3;            \
	VPBROADCASTD (4*i)(DX), Z22;        \
	VPDPBUSD     Z25, x, Z4;            \
	VPDPBUSD     Z25, y, Z5;            \
	VPDPBUSD     Z22, x, Z6;            \
	VPDPBUSD     Z22, y, Z7

// TURN is half a group, with four steps of the softmax, LAST that behind which no line is taken
// apart, and PRIME takes the first one apart.
#define TURN(a, b, c, d) \
	DOT(0, Z16, Z17, 1, Z18, Z19); \
	a;                             \
	DOT(1, Z18, Z19, 2, Z16, Z17); \
	b;                             \
	DOT(2, Z16, Z17, 3, Z18, Z19); \
	c;                             \
	DOT(3, Z18, Z19, 4, Z16, Z17); \
	ONWARD;                        \
	d
#define LAST(a, b, c, d) \
	DOT(0, Z16, Z17, 1, Z18, Z19); \
	a;                             \
	DOT(1, Z18, Z19, 2, Z16, Z17); \
	b;                             \
	DOT(2, Z16, Z17, 3, Z18, Z19); \
	c;                             \
	DOTLAST(3, Z18, Z19);          \
	ONWARD;                        \
	d
#define ONWARD \
	ADDQ $256, BX; \
	ADDQ $256, R9; \
	ADDQ $16, SI;  \
	ADDQ $16, DX
#define PRIME \
	VMOVDQU32  (BX), Z17;     \
	PREFETCHT0 (R9);          \
	VPANDD     Z24, Z17, Z16; \
	VPSRLW     $4, Z17, Z17;  \
	VPANDD     Z24, Z17, Z17

// BEGIN starts group g of four, LATE does so at the end of the first, END adds it to the scores.
#define BEGIN(g) \
	VPBROADCASTD (16*g + 128)(SP), Z0; \
	VPBROADCASTD (16*g + 132)(SP), Z2; \
	VPBROADCASTD (16*g + 136)(SP), Z4; \
	VPBROADCASTD (16*g + 140)(SP), Z6; \
	VMOVDQA32    Z0, Z1;               \
	VMOVDQA32    Z2, Z3;               \
	VMOVDQA32    Z4, Z5;               \
	VMOVDQA32    Z6, Z7
#define LATE \
	VPADDD.BCST 128(SP), Z0, Z0; \
	VPADDD.BCST 128(SP), Z1, Z1; \
	VPADDD.BCST 132(SP), Z2, Z2; \
	VPADDD.BCST 132(SP), Z3, Z3; \
	VPADDD.BCST 136(SP), Z4, Z4; \
	VPADDD.BCST 136(SP), Z5, Z5; \
	VPADDD.BCST 140(SP), Z6, Z6; \
	VPADDD.BCST 140(SP), Z7, Z7
#define MULTS \
	VPMOVSXBD   (R12), Z18;   \
	VPMOVSXBD   16(R12), Z19; \
	VMOVDQU16.Z Z18, K1, Z18; \
	VMOVDQU16.Z Z19, K1, Z19; \
	ADDQ        $64, R12
#define END \
	MULTS;                      \
	VPDPWSSD    Z0, Z18, Z8;    \
	VPDPWSSD    Z1, Z19, Z9;    \
	VPDPWSSD    Z2, Z18, Z10;   \
	VPDPWSSD    Z3, Z19, Z11;   \
	VPDPWSSD    Z4, Z18, Z12;   \
	VPDPWSSD    Z5, Z19, Z13;   \
	VPDPWSSD    Z6, Z18, Z14;   \
	VPDPWSSD    Z7, Z19, Z15

// CHUNK leaves −8·Σq of the next four groups: VPSADBW sums q + 128 of 8 channels, of row i into
// word i.
#define SUMQ(q, i) \
	VPXORD  q, Z3, Z1;       \
	VPSADBW Z2, Z1, Z1;      \
	VPSLLQ  $(16*i), Z1, Z1; \
	VPORQ   Z1, Z0, Z0
#define STARTS(o, t) \
	VPXORD        o(SI), Z3, Z1;     \
	VPSADBW       Z2, Z1, Z0;        \
	SUMQ(o(SI)(R11*1), 1);           \
	SUMQ(o(SI)(R11*2), 2);           \
	SUMQ(o(DX), 3);                  \
	VPERMQ        $0x4E, Z0, Z1;     \
	VPADDW        Z1, Z0, Z0;        \
	VPSHUFD       $0x4E, Z0, Z1;     \
	VPADDW        Z1, Z0, Z0;        \
	VPSLLW        $3, Z0, Z0;        \
	VPSUBW        Z0, Z4, Z0;        \
	VEXTRACTI64X4 $1, Z0, Y1;        \
	VPMOVSXWD     X0, X0;            \
	VPMOVSXWD     X1, X1;            \
	VMOVDQU32     X0, (t + 128)(SP); \
	VMOVDQU32     X1, (t + 144)(SP)
#define CHUNK \
	VPBROADCASTD qkAdvanceI4Const<>+4(SB), Z3; \
	VPXORD       Z2, Z2, Z2;                   \
	VPSLLW       $8, Z3, Z4;                   \
	STARTS(0, 0);                              \
	STARTS(64, 32)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

// START goes to the start of q, to multipliers at off(k), and clears the scores.
#define START(off) \
	MOVQ k_base+112(FP), R12; \
	ADDQ $off, R12;           \
	MOVQ q_base+88(FP), SI;   \
	LEAQ (SI)(R11*2), DX;     \
	ADDQ R11, DX;             \
	MOVQ d4+184(FP), R8;      \
	SHRQ $5, R8;              \
	ZERO(Z8, Z9, Z10, Z11);   \
	ZERO(Z12, Z13, Z14, Z15)

// KEYS goes to the start of K.
#define KEYS \
	VPBROADCASTD qkAdvanceI4Const<>+0(SB), Z24; \
	MOVL  $0x55555555, AX;                      \
	KMOVD AX, K1;                               \
	MOVQ  d4+184(FP), AX;                       \
	LEAQ  (AX*4), R11;                          \
	MOVQ  k_base+112(FP), BX;                   \
	LEAQ  128(BX)(AX*8), BX

// LOGIT makes those of row i, LOGITS all.
#define LOGIT(i, o, lo, hi) \
	VCVTDQ2PS   lo, lo;            \
	VCVTDQ2PS   hi, hi;            \
	VMULPS.BCST (4*i)(CX), lo, lo; \
	VMULPS.BCST (4*i)(CX), hi, hi; \
	VMULPS      Z18, lo, lo;       \
	VMULPS      Z19, hi, hi;       \
	VADDPS.BCST (4*i)(DX), lo, lo; \
	VADDPS.BCST (4*i)(DX), hi, hi; \
	VMOVUPS     lo, (o)(AX);       \
	VMOVUPS     hi, (o + 64)(AX)
#define LOGITS(scales, step) \
	MOVQ      k_base+112(FP), CX;       \
	VCVTPH2PS (scales)(CX), Z18;        \
	VCVTPH2PS (scales + 32)(CX), Z19;   \
	MOVQ      a_base+136(FP), CX;       \
	MOVQ      b_base+160(FP), DX;       \
	LOGIT(0, 0, Z8, Z9);                \
	LOGIT(1, step, Z10, Z11);           \
	LOGIT(2, (2*step), Z12, Z13);       \
	LOGIT(3, (3*step), Z14, Z15)

// PUT moves the logits of row i of the first pair to y.
#define PUT(i) \
	VMOVUPS (256 + 128*i)(R10), Z26; \
	VMOVUPS (320 + 128*i)(R10), Z27; \
	VMOVUPS Z26, (256*i)(DI);        \
	VMOVUPS Z27, (256*i + 64)(DI)

// func qkAdvanceI4_vnni(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, a, b []float32, d4 int, next []byte) (poisoned bool)
TEXT ·qkAdvanceI4_vnni(SB), NOSPLIT, $448-217
	MOVB $0, poisoned+216(FP)
	MOVQ y_base+32(FP), DI
	SCALES
	KEYS

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+192(FP), R9
	MOVQ next_len+200(FP), AX
	MOVQ R11, CX
	SHLQ $5, CX
	SUBQ CX, AX
	JLE  start

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, AX
	JGT  head

start:
	START(128)
	CHUNK
	PRIME
	ZERO(Z0, Z1, Z2, Z3)
	ZERO(Z4, Z5, Z6, Z7)
	TURN(PEAK1, PEAK2, PEAK3, PEAK4)
	TURN(PEAK5, PEAK6, GROW1, GROW2)
	LATE
	END
	BEGIN(1)
	TURN(WEIGHT1(0, 0), WEIGHT2, WEIGHT3, FIRST(0))
	TURN(WEIGHT1(0, 128), WEIGHT2, WEIGHT3, MORE(0))
	END
	BEGIN(2)
	TURN(PUTASIDE, WEIGHT1(1, 256), WEIGHT2, WEIGHT3)
	TURN(FIRST(1), WEIGHT1(1, 384), WEIGHT2, WEIGHT3)
	END
	BEGIN(3)
	TURN(MORE(1), PAIRED, WEIGHT1(2, 512), WEIGHT2)
	TURN(WEIGHT3, FIRST(2), WEIGHT1(2, 640), WEIGHT2)
	END
	XORL R13, R13
	DECQ R8
	JNE  chunk

half:
	LEAQ 256(R10), AX
	LOGITS(0, 128)
	START(160)
	TESTQ R13, R13
	JNE  second
	CMPQ R8, $1
	JEQ  same
	CHUNK
	PRIME

same:
	BEGIN(0)
	TURN(WEIGHT3, MORE(2), PUTASIDE, WEIGHT1(3, 768))
	TURN(WEIGHT2, WEIGHT3, FIRST(3), WEIGHT1(3, 896))
	END
	BEGIN(1)
	TURN(WEIGHT2, WEIGHT3, MORE(3), STATS1)
	TURN(STATS2, STATS3, STATS4, NOTHING)
	END
	BEGIN(2)
	TURN(CODES1(0), CODES2(0), CODES1(1), CODES2(1))
	TURN(CODES1(2), CODES2(2), CODES1(3), CODES2(3))
	END
	BEGIN(3)
	TURN(ADVANCE1, ADVANCE2, PUT(0), PUT(1))
	LAST(PUT(2), PUT(3), NOTHING, NOTHING)
	END
	MOVL $1, R13
	DECQ R8
	JEQ  last

chunk:
	CHUNK
	PRIME
	BEGIN(0)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	END
	BEGIN(1)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	END
	BEGIN(2)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	END
	BEGIN(3)
	TURN(NOTHING, NOTHING, NOTHING, NOTHING)
	LAST(NOTHING, NOTHING, NOTHING, NOTHING)
	END
	DECQ R8
	JNE  chunk
	CMPQ R13, $1
	JNE  half

last:
	LEAQ 128(DI), AX
	LOGITS(64, 256)
	VZEROUPPER
	RET

second:
	PUT(0)
	PUT(1)
	PUT(2)
	PUT(3)
	MOVL $1, R13
	JMP  chunk

rare:
	LEAQ ·softmaxConst(SB), BX
	MOVQ DI, R9
	MOVL $4, R11
	MOVQ r+0(FP), AX
	MOVQ 72(AX), R12
	MOVQ p_base+8(FP), SI
	XORL R13, R13
	KXNORQ K1, K1, K1
	KXNORQ K2, K2, K2
	KXNORQ K3, K3, K3
	KXNORQ K4, K4, K4
	MOVL $7, AX
	KMOVW AX, K7

again:
	AGAIN
	VBROADCASTSS top+80(FP), Z24
	RARE
	STATS(Z22)
	VMOVAPS Z22, Z31
	CODES(0, Z0, Z1, Z2, Z3)
	PACK(Z0, Z1, Z2, Z3)
	VMOVDQU32 Z0, (SI)
	ADVANCE(r+0(FP), poisoned+216(FP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNE  again
	CMPB poisoned+216(FP), $0
	SETNE poisoned+216(FP)

	KEYS
	MOVQ BX, R9 // fetched once
	START(128)
	MOVQ $-1, R13
	JMP  chunk
