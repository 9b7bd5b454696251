//go:build !purego

#include "textflag.h"
#define POISONED poisoned+224(FP)
#define R1 Z8
#define T1 Z9
#define P1 Z15
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "qk_advance_amd64.h"
#include "qk_advance_nibbles_amd64.h"

// qk_advance_n4_vnni_amd64.s: softmax of a tile and the states past it, among the dot products
// of the next tile's nibble keys under a scaled code book.
//
// Obstacle:  that of qk_advance_i8_amd64.h, next to that of qk_scale_n4_vnni_amd64.s.
// Shape:     four rows × 32 tokens of a pair. A turn is a block of 16 channels, four lines, each
//            looked up among the products of the one before, with four steps of the softmax in
//            the first 128 channels of both pairs. Multipliers and masks of a block are made
//            during the one before: nothing waits long in the schedulers. The logits of the
//            first pair wait in W, behind the value scales, until the softmax is done with
//            those in y.
// Exactness: the operations and their order are those of the twins. Rows with a NaN, or
//            products too small for the plain division, go one by one, then the dot product
//            starts again alone.
// Reads:     y[0:4][0:64], sv[0:64], q[0:4], k, M[0:4] and L[0:4] of the states. Writes y,
//            p[0:4][0:64], W[0:192] and 0:4 of M, L, Stat and Fold.
// Prefetch:  a line of next per line of K, in the order of its addresses.
// Registers: see qk_advance_nibbles_amd64.h · Z0–Z7 sums of low and high nibbles, two for a row
//            Z16–Z19 book · Z20, Z21 and Z12, Z13 codes of two lines, Z12 and Z13 scales too
//            Z22, Z23 multipliers of low and high nibbles of even blocks, Z10, Z11 of odd ones
//            Z24 0x0F · Z25, Z14 q · K1, K2 upper and lower half of the book for low nibbles,
//            K3, K4 for high ones
//            BX K · SI q · DX q of the fourth row · R11 q stride · R9 fetched line
//            R12 multipliers · R8 groups left · R13 1 in the second pair, −1 in the first one
//            behind a softmax that is done · CX factors · 0(SP) 128·Σq

DATA qkAdvanceN4Const<>+0(SB)/4, $0x0f0f0f0f
DATA qkAdvanceN4Const<>+4(SB)/4, $0x80808080
GLOBL qkAdvanceN4Const<>(SB), RODATA|NOPTR, $8

// Four times each of 16 tokens.
DATA qkAdvanceN4Spread<>+0(SB)/8, $0x0101010100000000
DATA qkAdvanceN4Spread<>+8(SB)/8, $0x0303030302020202
DATA qkAdvanceN4Spread<>+16(SB)/8, $0x0505050504040404
DATA qkAdvanceN4Spread<>+24(SB)/8, $0x0707070706060606
DATA qkAdvanceN4Spread<>+32(SB)/8, $0x0909090908080808
DATA qkAdvanceN4Spread<>+40(SB)/8, $0x0b0b0b0b0a0a0a0a
DATA qkAdvanceN4Spread<>+48(SB)/8, $0x0d0d0d0d0c0c0c0c
DATA qkAdvanceN4Spread<>+56(SB)/8, $0x0f0f0f0f0e0e0e0e
GLOBL qkAdvanceN4Spread<>(SB), RODATA|NOPTR, $64

// BOOK loads it, 128 added.
#define BOOK \
	MOVQ         book+136(FP), AX;              \
	VPBROADCASTD qkAdvanceN4Const<>+4(SB), Z24; \
	VPXORD       (AX), Z24, Z16;                \
	VPXORD       64(AX), Z24, Z17;              \
	VPXORD       128(AX), Z24, Z18;             \
	VPXORD       192(AX), Z24, Z19;             \
	VPBROADCASTD qkAdvanceN4Const<>+0(SB), Z24

// LOADM and SPREADS load and spread the multipliers of 32 channels. Those of odd blocks are in
// the upper halves of bytes; SWAP exchanges halves, the bytes of a dword being alike, and NEXT goes
// on behind. HALVES are the masks that go with them.
#define LOADM(lo, hi) \
	VBROADCASTI32X4 (R12), lo; \
	VBROADCASTI32X4 16(R12), hi
#define SPREADS(lo, hi) \
	VPSHUFB qkAdvanceN4Spread<>(SB), lo, lo; \
	VPSHUFB qkAdvanceN4Spread<>(SB), hi, hi
#define SWAP(lo, hi, nextlo, nexthi) \
	VPROLD $4, lo, nextlo; \
	VPROLD $4, hi, nexthi
#define NEXT ADDQ $64, R12
#define HALVES(lo, hi) \
	VPMOVB2M lo, K1;  \
	VPMOVB2M hi, K3;  \
	KNOTQ    K1, K2;  \
	KNOTQ    K3, K4

// DOT multiplies the codes x and y of line i and turns line j into codes of low nibbles, u, and
// of high ones, v, under multipliers lo and hi. What prepares the next block comes between.
#define DOT(i, x, y, j, u, v, lo, hi, A, B, C, D) \
	VMOVDQU32    (64*j)(BX), u;         \
	VPBROADCASTD (4*i)(SI), Z25;        \
	VPBROADCASTD (4*i)(SI)(R11*1), Z14; \
	VPDPBUSD     Z25, x, Z0;            \
	VPSRLW       $4, u, v;              \
	A;                                  \
	VPDPBUSD     Z25, y, Z1;            \
	VPTERNLOGD   $0xE4, Z24, lo, u;     \
	VPBROADCASTD (4*i)(SI)(R11*2), Z25; \
	VPDPBUSD     Z14, x, Z2;            \
	VPTERNLOGD   $0xE4, Z24, hi, v;     \
	B;                                  \
	VPDPBUSD     Z14, y, Z3;            \
	VPERMI2B     Z19, Z18, K1, u;       \
	VPBROADCASTD (4*i)(DX), Z14;        \
	VPDPBUSD     Z25, x, Z4;            \
	VPERMI2B     Z19, Z18, K3, v;       \
	C;                                  \
	VPDPBUSD     Z25, y, Z5;            \
	VPERMI2B     Z17, Z16, K2, u;       \
	VPDPBUSD     Z14, x, Z6;            \
	VPERMI2B     Z17, Z16, K4, v;       \
	PREFETCHT0   (64*j)(R9);            \
	D;                                  \
	VPDPBUSD     Z14, y, Z7
#define DOTLAST(i, x, y) \
	VPBROADCASTD (4*i)(SI), Z25;        \
	VPBROADCASTD (4*i)(SI)(R11*1), Z14; \
	VPDPBUSD     Z25, x, Z0;            \
	VPDPBUSD     Z25, y, Z1;            \
	VPBROADCASTD (4*i)(SI)(R11*2), Z25; \
	VPDPBUSD     Z14, x, Z2;            \
	VPDPBUSD     Z14, y, Z3;            \
	VPBROADCASTD (4*i)(DX), Z14;        \
	VPDPBUSD     Z25, x, Z4;            \
	VPDPBUSD     Z25, y, Z5;            \
	VPDPBUSD     Z14, x, Z6;            \
	VPDPBUSD     Z14, y, Z7

// TURN is a block, with four steps of the softmax: EVEN and ODD ones, and the LAST, an odd one
// without a next. Lines are looked up one ahead of the products; PRIME looks up the first.
#define TURN(lo, hi, nextlo, nexthi, A, B, C, a, b, c, d) \
	DOT(0, Z20, Z21, 1, Z12, Z13, lo, hi, A, B, C, NOTHING); \
	a;                                                                          \
	DOT(1, Z12, Z13, 2, Z20, Z21, lo, hi, NOTHING, NOTHING, NOTHING, NOTHING);  \
	b;                                                                          \
	DOT(2, Z20, Z21, 3, Z12, Z13, lo, hi, NOTHING, NOTHING, NOTHING, HALVES(nextlo, nexthi)); \
	c;                                                                          \
	DOT(3, Z12, Z13, 4, Z20, Z21, nextlo, nexthi, NOTHING, NOTHING, NOTHING, NOTHING); \
	ONWARD;                                                                     \
	d
#define EVEN(a, b, c, d) TURN(Z22, Z23, Z10, Z11, SWAP(Z22, Z23, Z10, Z11), NEXT, NOTHING, a, b, c, d)
#define ODD(a, b, c, d) TURN(Z10, Z11, Z22, Z23, LOADM(Z22, Z23), SPREADS(Z22, Z23), SWAP(Z22, Z23, Z22, Z23), a, b, c, d)
#define LAST(a, b, c, d) \
	DOT(0, Z20, Z21, 1, Z12, Z13, Z10, Z11, NOTHING, NOTHING, NOTHING, NOTHING); \
	a;                                                                           \
	DOT(1, Z12, Z13, 2, Z20, Z21, Z10, Z11, NOTHING, NOTHING, NOTHING, NOTHING); \
	b;                                                                           \
	DOT(2, Z20, Z21, 3, Z12, Z13, Z10, Z11, NOTHING, NOTHING, NOTHING, NOTHING); \
	c;                                                                           \
	DOTLAST(3, Z12, Z13);                                                        \
	ONWARD;                                                                      \
	d
#define ONWARD \
	ADDQ $256, BX; \
	ADDQ $256, R9; \
	ADDQ $16, SI;  \
	ADDQ $16, DX
#define PRIME \
	LOADM(Z22, Z23);               \
	SPREADS(Z22, Z23);             \
	SWAP(Z22, Z23, Z22, Z23);      \
	HALVES(Z22, Z23);              \
	VMOVDQU32  (BX), Z20;          \
	PREFETCHT0 (R9);               \
	VPSRLW     $4, Z20, Z21;       \
	VPTERNLOGD $0xE4, Z24, Z22, Z20; \
	VPTERNLOGD $0xE4, Z24, Z23, Z21; \
	VPERMI2B   Z19, Z18, K1, Z20;  \
	VPERMI2B   Z19, Z18, K3, Z21;  \
	VPERMI2B   Z17, Z16, K2, Z20;  \
	VPERMI2B   Z17, Z16, K4, Z21

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

// START goes to the start of q, to multipliers at off(k), and clears the sums.
#define START(off) \
	MOVQ k_base+112(FP), R12; \
	ADDQ $off, R12;           \
	MOVQ q_base+88(FP), SI;   \
	LEAQ (SI)(R11*2), DX;     \
	ADDQ R11, DX;             \
	MOVQ d4+192(FP), R8;      \
	SHRQ $3, R8;              \
	ZERO(Z0, Z1, Z2, Z3);     \
	ZERO(Z4, Z5, Z6, Z7)

// KEYS goes to the start of K.
#define KEYS \
	MOVQ k_base+112(FP), BX; \
	MOVQ d4+192(FP), AX;     \
	LEAQ 128(BX)(AX*8), BX

// LOGIT makes those of row i, LOGITS all.
#define LOGIT(i, o, lo, hi) \
	VPSUBD.BCST (4*i)(SP), lo, lo; \
	VPSUBD.BCST (4*i)(SP), hi, hi; \
	VCVTDQ2PS   lo, lo;            \
	VCVTDQ2PS   hi, hi;            \
	VMULPS.BCST (4*i)(CX), lo, lo; \
	VMULPS.BCST (4*i)(CX), hi, hi; \
	VMULPS      Z12, lo, lo;       \
	VMULPS      Z13, hi, hi;       \
	VADDPS.BCST (4*i)(DX), lo, lo; \
	VADDPS.BCST (4*i)(DX), hi, hi; \
	VMOVUPS     lo, (o)(AX);       \
	VMOVUPS     hi, (o + 64)(AX)
#define LOGITS(scales, step) \
	MOVQ      k_base+112(FP), CX;           \
	VCVTPH2PS (scales)(CX), Z12;            \
	VCVTPH2PS (scales + 32)(CX), Z13;       \
	MOVQ      a_base+144(FP), CX;           \
	MOVQ      b_base+168(FP), DX;           \
	LOGIT(0, 0, Z0, Z1);            \
	LOGIT(1, step, Z2, Z3);       \
	LOGIT(2, (2*step), Z4, Z5);   \
	LOGIT(3, (3*step), Z6, Z7)

// PUT moves the logits of row i of the first pair to y.
#define PUT(i) \
	VMOVUPS (256 + 128*i)(R10), Z26; \
	VMOVUPS (320 + 128*i)(R10), Z27; \
	VMOVUPS Z26, (256*i)(DI);        \
	VMOVUPS Z27, (256*i + 64)(DI)

// func qkAdvanceN4_vnni(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, book *ScaledBook, a, b []float32, d4 int, next []byte) (poisoned bool)
TEXT ·qkAdvanceN4_vnni(SB), NOSPLIT, $448-225
	MOVB $0, poisoned+224(FP)
	MOVQ y_base+32(FP), DI
	SCALES
	MOVQ d4+192(FP), R11
	SHLQ $2, R11
	BOOK

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+200(FP), R9
	MOVQ next_len+208(FP), AX
	MOVQ R11, CX
	SHLQ $5, CX
	SUBQ CX, AX
	JLE  start

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, AX
	JGT  head

start: // 128·Σq
	MOVQ q_base+88(FP), SI
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	MOVQ R11, CX
	VPBROADCASTD qkAdvanceN4Const<>+4(SB), Z6
	ZERO(Z0, Z1, Z2, Z3)

sum:
	VPDPBUSD (SI), Z6, Z0
	VPDPBUSD (SI)(R11*1), Z6, Z1
	VPDPBUSD (SI)(R11*2), Z6, Z2
	VPDPBUSD (DX), Z6, Z3
	ADDQ $64, SI
	ADDQ $64, DX
	SUBQ $64, CX
	JNE  sum
	MIX(VPADDD, Z0, Z1, Z4)
	MIX(VPADDD, Z2, Z3, Z4)
	MIXES(VPADDD, Z0, Z2, Z4, Z5, Z6)
	VMOVDQU32 X0, 0(SP)
	KEYS
	START(128)
	PRIME
	EVEN(PEAK1, PEAK2, PEAK3, PEAK4)
	ODD(PEAK5, PEAK6, GROW1, GROW2)
	EVEN(WEIGHT1(0, 0), WEIGHT2, WEIGHT3, FIRST(0))
	ODD(WEIGHT1(0, 128), WEIGHT2, WEIGHT3, MORE(0))
	EVEN(PUTASIDE, WEIGHT1(1, 256), WEIGHT2, WEIGHT3)
	ODD(FIRST(1), WEIGHT1(1, 384), WEIGHT2, WEIGHT3)
	EVEN(MORE(1), PAIRED, WEIGHT1(2, 512), WEIGHT2)
	MOVQ k_base+112(FP), AX
	ADDQ $160, AX
	CMPQ R8, $4
	CMOVQEQ AX, R12 // the next block is in the second pair
	ODD(WEIGHT3, FIRST(2), WEIGHT1(2, 640), WEIGHT2)
	XORL R13, R13
	SUBQ $4, R8
	JNE  blocks

half:
	LEAQ 256(R10), AX
	LOGITS(0, 128)
	START(160)
	TESTQ R13, R13
	JNE  second
	CMPQ R8, $4
	JEQ  primed
	PRIME

primed:
	EVEN(WEIGHT3, MORE(2), PUTASIDE, WEIGHT1(3, 768))
	ODD(WEIGHT2, WEIGHT3, FIRST(3), WEIGHT1(3, 896))
	EVEN(WEIGHT2, WEIGHT3, MORE(3), STATS1)
	ODD(STATS2, STATS3, STATS4, NOTHING)
	EVEN(CODES1(0), CODES2(0), CODES1(1), CODES2(1))
	ODD(CODES1(2), CODES2(2), CODES1(3), CODES2(3))
	EVEN(ADVANCE1, ADVANCE2, PUT(0), PUT(1))
	LAST(PUT(2), PUT(3), NOTHING, NOTHING)
	MOVL $1, R13
	SUBQ $4, R8
	JEQ  last

blocks:
	PRIME
	EVEN(NOTHING, NOTHING, NOTHING, NOTHING)
	LAST(NOTHING, NOTHING, NOTHING, NOTHING)
	DECQ R8
	JNE  blocks
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
	JMP  blocks

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
	ADVANCE(r+0(FP), poisoned+224(FP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNE  again
	CMPB poisoned+224(FP), $0
	SETNE poisoned+224(FP)

	MOVQ d4+192(FP), R11
	SHLQ $2, R11
	BOOK
	KEYS
	MOVQ BX, R9 // fetched once
	START(128)
	MOVQ $-1, R13
	JMP  blocks
