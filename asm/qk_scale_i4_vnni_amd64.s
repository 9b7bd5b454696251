//go:build !purego

#include "textflag.h"

// qk_scale_i4_vnni_amd64.s: logits of int8 queries against the nibble K layout.
//
// Obstacle:  expanding nibbles to bytes costs a pass over the tile. A line of K is 16 tokens
//            of each nibble, a shift and two masks away from unsigned operands of
//            VPDPBUSD; the multiplier of a group of 32 channels waits for its sum. With the
//            −8 of every nibble, −8·Σq, that sum fits 16 bits, so the sums of two groups
//            make one operand of VPDPWSSD and their multipliers the other. The −8·Σq are
//            made by VPSADBW for all rows together and added modulo 2¹⁶.
// Shape:     rows × 64 tokens in accumulators, up to four rows: a step of 4 channels loads a
//            line of both pairs and spreads 4 codes of q per row, which serves all tokens.
//            Steps are unrolled, since instructions bound them as much as VPDPBUSD does.
// Pairs:     where the second is missing the first one is computed twice, stored once.
// Exactness: |Σ q·(nibble − 8)| ≤ 32·127·8 < 2¹⁵; sums are modulo 2³² and the result fits.
// Reads:     ⌈n/32⌉ pairs of groups of K, m rows of q, sk[0:n]. Writes y[i][0:32·⌈n/32⌉], and
//            keeps integers there where more than 64 channels are summed.
// Prefetch:  in the pass of the first rows a line of next per line of K, in the order of
//            its addresses, which hardware prefetchers follow; later passes touch K itself.
// Registers: Z0–Z15 sums of a group, four for a row: low and high nibbles of the first pair,
//            of the second one · Z16–Z23 those of the group before, low nibbles in low
//            words, two for a row · Z24–Z27 nibbles, then multipliers · Z28 0x0F
//            Z29–Z31 anything, Z30 q · K1 blocks of both groups in q · K2 scores to add to
//            K3 even words · K4–K7 tokens of sk · 0(SP) −8·Σq of rows of the first group,
//            16(SP) of the second, 32(SP) q, y, a, b and number of the rows left
//            DI y · SI q · R11 q stride · DX three of them · BX k · R13 from its first pair to
//            its second · R9 fetched line · R12 multipliers · R8 1 in a second group
//            R10 blocks of 4 channels left · CX in the group · AX a, CX b, DX sk at last

DATA qkI4Const<>+0(SB)/4, $0x0f0f0f0f
DATA qkI4Const<>+4(SB)/4, $0x80808080
GLOBL qkI4Const<>(SB), RODATA|NOPTR, $8

// LINES loads block i of 4 channels: 16 tokens of each nibble of both pairs.
#define LINES(i) \
	VMOVDQU32  (64*i)(BX), Z25;          \
	VMOVDQU32  (64*i)(BX)(R13*1), Z27;   \
	PREFETCHT0 (128*i)(R9);              \
	PREFETCHT0 (128*i + 64)(R9);         \
	VPANDD     Z28, Z25, Z24;            \
	VPSRLW     $4, Z25, Z25;             \
	VPANDD     Z28, Z27, Z26;            \
	VPSRLW     $4, Z27, Z27;             \
	VPANDD     Z28, Z25, Z25;            \
	VPANDD     Z28, Z27, Z27

// DOT adds it to the sums of a row.
#define DOT(q, a, b, c, d) \
	VPBROADCASTD q, Z30;      \
	VPDPBUSD     Z30, Z24, a; \
	VPDPBUSD     Z30, Z25, b; \
	VPDPBUSD     Z30, Z26, c; \
	VPDPBUSD     Z30, Z27, d

// Blocks of 1 to 4 rows.
#define BLOCK1(i) LINES(i); DOT((4*i)(SI), Z0, Z1, Z2, Z3)
#define BLOCK2(i) BLOCK1(i); DOT((4*i)(SI)(R11*1), Z4, Z5, Z6, Z7)
#define BLOCK3(i) BLOCK2(i); DOT((4*i)(SI)(R11*2), Z8, Z9, Z10, Z11)
#define BLOCK4(i) BLOCK3(i); DOT((4*i)(SI)(DX*1), Z12, Z13, Z14, Z15)

#define STEP(blocks) \
	ADDQ $(64*blocks), BX; \
	ADDQ $(128*blocks), R9; \
	ADDQ $(4*blocks), SI

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

#define ZERO1 ZERO(Z0, Z1, Z2, Z3)
#define ZERO2 ZERO1; ZERO(Z4, Z5, Z6, Z7)
#define ZERO3 ZERO2; ZERO(Z8, Z9, Z10, Z11)
#define ZERO4 ZERO3; ZERO(Z12, Z13, Z14, Z15)

// RESUME begins the second group.
#define RESUME(row, a, b, c, d) \
	VPBROADCASTD (4*row + 16)(SP), a; \
	VMOVDQA32    a, b;                \
	VMOVDQA32    a, c;                \
	VMOVDQA32    a, d

#define RESUME1 RESUME(0, Z0, Z1, Z2, Z3)
#define RESUME2 RESUME1; RESUME(1, Z4, Z5, Z6, Z7)
#define RESUME3 RESUME2; RESUME(2, Z8, Z9, Z10, Z11)
#define RESUME4 RESUME3; RESUME(3, Z12, Z13, Z14, Z15)

// KEEP puts the sums of a row aside.
#define KEEP(row, a, b, c, d, ab, cd) \
	VPSLLD       $16, b, ab;       \
	VPSLLD       $16, d, cd;       \
	VPBROADCASTD (4*row)(SP), Z31; \
	VMOVDQU16    a, K3, ab;        \
	VMOVDQU16    c, K3, cd;        \
	VPADDW       Z31, ab, ab;      \
	VPADDW       Z31, cd, cd

#define KEEP1 KEEP(0, Z0, Z1, Z2, Z3, Z16, Z17)
#define KEEP2 KEEP1; KEEP(1, Z4, Z5, Z6, Z7, Z18, Z19)
#define KEEP3 KEEP2; KEEP(2, Z8, Z9, Z10, Z11, Z20, Z21)
#define KEEP4 KEEP3; KEEP(3, Z12, Z13, Z14, Z15, Z22, Z23)

// SUM leaves Σ(q + 128) of every 8 channels of a row in x, NEXTSUM in word row of every 64
// bits of Z29.
#define SUM(q, x) \
	VPXORD      x, x, x;       \
	VMOVDQU32.Z q, K1, Z24;    \
	VPXORD      Z31, Z24, Z24; \
	VPSADBW     x, Z24, x

#define NEXTSUM(q, row) \
	SUM(q, Z26);                \
	VPSLLQ $(16*row), Z26, Z26; \
	VPORQ  Z26, Z29, Z29

#define SUMS1 SUM((SI), Z29)
#define SUMS2 SUMS1; NEXTSUM((SI)(R11*1), 1)
#define SUMS3 SUMS2; NEXTSUM((SI)(R11*2), 2)
#define SUMS4 SUMS3; NEXTSUM((SI)(DX*1), 3)

// STARTS turns them into 0x8000 − 8·sum = −8·Σq of groups modulo 2¹⁶ and stores dwords, of
// the first group in both halves, of the second in the low one.
#define STARTS \
	VPERMQ        $0x4E, Z29, Z24;  \
	VPADDW        Z24, Z29, Z29;    \
	VPSHUFD       $0x4E, Z29, Z24;  \
	VPADDW        Z24, Z29, Z29;    \
	VPSLLW        $3, Z29, Z29;     \
	VPSLLW        $8, Z31, Z31;     \
	VPSUBW        Z29, Z31, Z29;    \
	VPUNPCKLWD    Z29, Z29, Z29;    \
	VEXTRACTI64X4 $1, Z29, Y24;     \
	VMOVDQU32     X29, 0(SP);       \
	VMOVDQU32     X24, 16(SP)

// MULTS loads the multipliers of a pair, those of the first group in low words for low
// nibbles, in high words for high ones. R8 is from the first group to the second.
#define MULTS(off) \
	VPMOVSXBD off(R12), Z30;              \
	VPMOVSXBD off(R12)(R8*1), Z24;        \
	VPSLLD    $16, Z24, Z24;              \
	VMOVDQU16 Z30, K3, Z24;               \
	VPMOVSXBD (off + 16)(R12), Z25;       \
	VPMOVSXBD (off + 16)(R12)(R8*1), Z30; \
	VPSLLD    $16, Z25, Z25;              \
	VMOVDQU16 Z30, K3, Z25

// SCORES adds two groups to the scores of a pair of a row: s has 16 of low nibbles, then of
// high ones.
#define SCORES(off, lo, hi, kept) \
	VPSLLD      $16, lo, lo;              \
	VMOVDQU32.Z off(DI), K2, Z30;         \
	VMOVDQU32.Z (off + 64)(DI), K2, Z31;  \
	VMOVDQU16   kept, K3, lo;             \
	VMOVDQU16   hi, K3, kept;             \
	VPDPWSSD    lo, Z24, Z30;             \
	VPDPWSSD    kept, Z25, Z31;           \
	VMOVDQU32   Z30, off(DI);             \
	VMOVDQU32   Z31, (off + 64)(DI)

// LOGITS does it at last and makes them logits. Z26 and Z27 are the scales of the tokens.
#define LOGITS(row, off, lo, hi, kept) \
	VPSLLD      $16, lo, lo;                        \
	VMOVDQU32.Z (256*row + off)(DI), K2, Z30;       \
	VMOVDQU32.Z (256*row + off + 64)(DI), K2, Z31;  \
	VMOVDQU16   kept, K3, lo;                       \
	VMOVDQU16   hi, K3, kept;                       \
	VPDPWSSD    lo, Z24, Z30;                       \
	VPDPWSSD    kept, Z25, Z31;                     \
	VCVTDQ2PS   Z30, Z30;                           \
	VCVTDQ2PS   Z31, Z31;                           \
	VMULPS.BCST (4*row)(AX), Z30, Z30;              \
	VMULPS.BCST (4*row)(AX), Z31, Z31;              \
	VMULPS      Z26, Z30, Z30;                      \
	VMULPS      Z27, Z31, Z31;                      \
	VADDPS.BCST (4*row)(CX), Z30, Z30;              \
	VADDPS.BCST (4*row)(CX), Z31, Z31;              \
	VMOVUPS     Z30, (256*row + off)(DI);           \
	VMOVUPS     Z31, (256*row + off + 64)(DI)

// Scores of the first and of the second pair.
#define LOW1 SCORES(0, Z0, Z1, Z16)
#define LOW2 LOW1; SCORES(256, Z4, Z5, Z18)
#define LOW3 LOW2; SCORES(512, Z8, Z9, Z20)
#define LOW4 LOW3; SCORES(768, Z12, Z13, Z22)

#define HIGH1 SCORES(128, Z2, Z3, Z17)
#define HIGH2 HIGH1; SCORES(384, Z6, Z7, Z19)
#define HIGH3 HIGH2; SCORES(640, Z10, Z11, Z21)
#define HIGH4 HIGH3; SCORES(896, Z14, Z15, Z23)

// Logits of them.
#define LAST1 LOGITS(0, 0, Z0, Z1, Z16)
#define LAST2 LAST1; LOGITS(1, 0, Z4, Z5, Z18)
#define LAST3 LAST2; LOGITS(2, 0, Z8, Z9, Z20)
#define LAST4 LAST3; LOGITS(3, 0, Z12, Z13, Z22)

#define LASTHIGH1 LOGITS(0, 128, Z2, Z3, Z17)
#define LASTHIGH2 LASTHIGH1; LOGITS(1, 128, Z6, Z7, Z19)
#define LASTHIGH3 LASTHIGH2; LOGITS(2, 128, Z10, Z11, Z21)
#define LASTHIGH4 LASTHIGH3; LOGITS(3, 128, Z14, Z15, Z23)

// func qkScaleI4_vnni(y []float32, q []int8, k, mult []byte, sk, a, b []float32, m, n, d4 int, next []byte)
TEXT ·qkScaleI4_vnni(SB), NOSPLIT, $72-216
	MOVQ q_base+24(FP), AX
	MOVQ y_base+0(FP), CX
	MOVQ AX, 32(SP)
	MOVQ CX, 40(SP)
	MOVQ a_base+120(FP), AX
	MOVQ b_base+144(FP), CX
	MOVQ AX, 48(SP)
	MOVQ CX, 56(SP)
	MOVQ m+168(FP), AX
	MOVQ AX, 64(SP)
	MOVQ d4+184(FP), R11
	SHLQ $2, R11
	LEAQ (R11)(R11*2), DX
	VPBROADCASTD qkI4Const<>+0(SB), Z28
	MOVL $0x55555555, AX
	KMOVD AX, K3
	// the tokens of sk
	MOVQ $-1, AX
	MOVL $64, CX
	SUBQ n+176(FP), CX
	SHRQ CX, AX
	KMOVQ AX, K4
	KSHIFTRQ $16, K4, K5
	KSHIFTRQ $32, K4, K6
	KSHIFTRQ $48, K4, K7

	XORL R13, R13
	MOVQ R11, AX
	SHLQ $4, AX
	CMPQ n+176(FP), $32
	CMOVQGT AX, R13

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+192(FP), R9
	MOVQ next_len+200(FP), CX
	SUBQ AX, CX
	SUBQ AX, CX
	JLE  rows

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, CX
	JGT  head

rows:
	MOVQ d4+184(FP), R10
	MOVQ 40(SP), DI
	MOVQ 32(SP), SI
	MOVQ k_base+48(FP), BX
	MOVQ mult_base+72(FP), R12
	KXORW K2, K2, K2

chunk: // of two groups of channels
	MOVL $16, CX
	CMPQ R10, CX
	CMOVQLT R10, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1
	XORL R8, R8
	VPBROADCASTD qkI4Const<>+4(SB), Z31
	MOVQ 64(SP), AX
	CMPQ AX, $2
	JLT  sums1
	JEQ  sums2
	CMPQ AX, $4
	JLT  sums3

sums4:
	SUMS4
	STARTS
	ZERO4
	PCALIGN $64

group4:
	CMPQ R10, $8
	JLT  part4
	BLOCK4(0)
	BLOCK4(1)
	BLOCK4(2)
	BLOCK4(3)
	BLOCK4(4)
	BLOCK4(5)
	BLOCK4(6)
	BLOCK4(7)
	STEP(8)

grouped4:
	TESTQ R8, R8
	JNZ  scores4
	KEEP4
	RESUME4
	INCQ R8
	SUBQ $8, R10
	JG   group4
	XORL R8, R8 // any multipliers

scores4:
	SHLQ $6, R8
	CMPQ R10, $8
	JLE  last4
	MULTS(0)
	LOW4
	TESTQ R13, R13
	JZ   scored4
	MULTS(32)
	HIGH4

scored4:
	KXNORW K2, K2, K2
	ADDQ $128, R12
	SUBQ $8, R10
	JMP  chunk

last4:
	MOVQ 48(SP), AX
	MOVQ 56(SP), CX
	MOVQ sk_base+96(FP), DX
	MULTS(0)
	VMOVUPS.Z (DX), K4, Z26
	VMOVUPS.Z 64(DX), K5, Z27
	LAST4
	TESTQ R13, R13
	JZ   logits4
	MULTS(32)
	VMOVUPS.Z 128(DX), K6, Z26
	VMOVUPS.Z 192(DX), K7, Z27
	LASTHIGH4

logits4:
	LEAQ (R11*4), AX
	ADDQ AX, 32(SP)
	ADDQ $1024, 40(SP)
	ADDQ $16, 48(SP)
	ADDQ $16, 56(SP)
	LEAQ (R11)(R11*2), DX
	MOVQ k_base+48(FP), R9
	SUBQ $4, 64(SP)
	JNZ  rows
	VZEROUPPER
	RET

part4:
	MOVQ R10, CX

block4:
	BLOCK4(0)
	STEP(1)
	DECQ CX
	JNZ  block4
	JMP  grouped4

sums3:
	SUMS3
	STARTS
	ZERO3
	PCALIGN $64

group3:
	CMPQ R10, $8
	JLT  part3
	BLOCK3(0)
	BLOCK3(1)
	BLOCK3(2)
	BLOCK3(3)
	BLOCK3(4)
	BLOCK3(5)
	BLOCK3(6)
	BLOCK3(7)
	STEP(8)

grouped3:
	TESTQ R8, R8
	JNZ  scores3
	KEEP3
	RESUME3
	INCQ R8
	SUBQ $8, R10
	JG   group3
	XORL R8, R8 // any multipliers

scores3:
	SHLQ $6, R8
	CMPQ R10, $8
	JLE  last3
	MULTS(0)
	LOW3
	TESTQ R13, R13
	JZ   scored3
	MULTS(32)
	HIGH3

scored3:
	KXNORW K2, K2, K2
	ADDQ $128, R12
	SUBQ $8, R10
	JMP  chunk

last3:
	MOVQ 48(SP), AX
	MOVQ 56(SP), CX
	MOVQ sk_base+96(FP), DX
	MULTS(0)
	VMOVUPS.Z (DX), K4, Z26
	VMOVUPS.Z 64(DX), K5, Z27
	LAST3
	TESTQ R13, R13
	JZ   logits3
	MULTS(32)
	VMOVUPS.Z 128(DX), K6, Z26
	VMOVUPS.Z 192(DX), K7, Z27
	LASTHIGH3

logits3:
	VZEROUPPER
	RET

part3:
	MOVQ R10, CX

block3:
	BLOCK3(0)
	STEP(1)
	DECQ CX
	JNZ  block3
	JMP  grouped3

sums2:
	SUMS2
	STARTS
	ZERO2
	PCALIGN $64

group2:
	CMPQ R10, $8
	JLT  part2
	BLOCK2(0)
	BLOCK2(1)
	BLOCK2(2)
	BLOCK2(3)
	BLOCK2(4)
	BLOCK2(5)
	BLOCK2(6)
	BLOCK2(7)
	STEP(8)

grouped2:
	TESTQ R8, R8
	JNZ  scores2
	KEEP2
	RESUME2
	INCQ R8
	SUBQ $8, R10
	JG   group2
	XORL R8, R8 // any multipliers

scores2:
	SHLQ $6, R8
	CMPQ R10, $8
	JLE  last2
	MULTS(0)
	LOW2
	TESTQ R13, R13
	JZ   scored2
	MULTS(32)
	HIGH2

scored2:
	KXNORW K2, K2, K2
	ADDQ $128, R12
	SUBQ $8, R10
	JMP  chunk

last2:
	MOVQ 48(SP), AX
	MOVQ 56(SP), CX
	MOVQ sk_base+96(FP), DX
	MULTS(0)
	VMOVUPS.Z (DX), K4, Z26
	VMOVUPS.Z 64(DX), K5, Z27
	LAST2
	TESTQ R13, R13
	JZ   logits2
	MULTS(32)
	VMOVUPS.Z 128(DX), K6, Z26
	VMOVUPS.Z 192(DX), K7, Z27
	LASTHIGH2

logits2:
	VZEROUPPER
	RET

part2:
	MOVQ R10, CX

block2:
	BLOCK2(0)
	STEP(1)
	DECQ CX
	JNZ  block2
	JMP  grouped2

sums1:
	SUMS1
	STARTS
	ZERO1
	PCALIGN $64

group1:
	CMPQ R10, $8
	JLT  part1
	BLOCK1(0)
	BLOCK1(1)
	BLOCK1(2)
	BLOCK1(3)
	BLOCK1(4)
	BLOCK1(5)
	BLOCK1(6)
	BLOCK1(7)
	STEP(8)

grouped1:
	TESTQ R8, R8
	JNZ  scores1
	KEEP1
	RESUME1
	INCQ R8
	SUBQ $8, R10
	JG   group1
	XORL R8, R8 // any multipliers

scores1:
	SHLQ $6, R8
	CMPQ R10, $8
	JLE  last1
	MULTS(0)
	LOW1
	TESTQ R13, R13
	JZ   scored1
	MULTS(32)
	HIGH1

scored1:
	KXNORW K2, K2, K2
	ADDQ $128, R12
	SUBQ $8, R10
	JMP  chunk

last1:
	MOVQ 48(SP), AX
	MOVQ 56(SP), CX
	MOVQ sk_base+96(FP), DX
	MULTS(0)
	VMOVUPS.Z (DX), K4, Z26
	VMOVUPS.Z 64(DX), K5, Z27
	LAST1
	TESTQ R13, R13
	JZ   logits1
	MULTS(32)
	VMOVUPS.Z 128(DX), K6, Z26
	VMOVUPS.Z 192(DX), K7, Z27
	LASTHIGH1

logits1:
	VZEROUPPER
	RET

part1:
	MOVQ R10, CX

block1:
	BLOCK1(0)
	STEP(1)
	DECQ CX
	JNZ  block1
	JMP  grouped1
