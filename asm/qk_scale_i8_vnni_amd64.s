//go:build !purego

#include "textflag.h"

// qk_scale_i8_vnni_amd64.s: logits of int8 queries against the int8 K layout.
//
// Obstacle:  VPDPBUSD wants an unsigned operand. K has it, as code + 128; what that adds
//            to a score is 128·Σ_c q[c], one number per query row. VPDPBUSD of the rows
//            against a constant 128 sums it ahead of the scores; four rows are reduced
//            together by transposition, and nobody waits for the result before the end.
// Shape:     rows × groups of 16 tokens in accumulators, 6×4 at most. A step of 4
//            channels loads a line of K per group and spreads 4 codes of q per row,
//            which serves all groups: 10 loads for 24 VPDPBUSD. Rows are split so that
//            no step is bound by its loads: 7 = 4+3, 8 = 4+4, above that sixes. A row
//            alone takes two steps in two chains of accumulators.
// Groups:    a tile of 3 or 4 runs as 4, one of 1 or 2 as 2; where one is missing the
//            last is computed and stored twice.
//            Scores become logits in registers: stored as integers they would be loaded
//            again by the next kernel.
// Exactness: VPDPBUSD does not saturate; sums are modulo 2³² and the result fits.
// Reads:     ⌈n/16⌉ groups of K, m rows of q, sk[0:n]. Writes y[i][0:16·⌈n/16⌉].
// Prefetch:  in the pass of the first rows a line of next per line of K, in the order of
//            its addresses, which hardware prefetchers follow; later passes touch K itself.
// Registers: Z0–Z23 accumulators · Z24–Z27 K · Z28 q · Z29 128 · Z30 128·Σq of the first
//            four rows in each 128 bits, Z31 of the next two · K1 first line of q
//            K3 tokens of the last group · K4 of the third (first) · behind the steps CX a,
//            BX b, DX sk, Z24–Z27 scales
//            DI y · SI q · DX q of the fourth row · R11 q stride · R8 rows left
//            BX k · R9 fetched line · R12 distance to group 1 · R13 to the last one · R10 d4

// LINES4 and LINES2 load the K of one step, off bytes ahead.
#define LINES4(off) \
	VMOVDQU32  off(BX), Z24;         \
	VMOVDQU32  off(BX)(R12*1), Z25;  \
	VMOVDQU32  off(BX)(R12*2), Z26;  \
	VMOVDQU32  off(BX)(R13*1), Z27;  \
	PREFETCHT0 (4*off)(R9);          \
	PREFETCHT0 (4*off + 64)(R9);     \
	PREFETCHT0 (4*off + 128)(R9);    \
	PREFETCHT0 (4*off + 192)(R9)

#define LINES2(off) \
	VMOVDQU32  off(BX), Z24;         \
	VMOVDQU32  off(BX)(R13*1), Z25;  \
	PREFETCHT0 (4*off)(R9);          \
	PREFETCHT0 (4*off + 128)(R9)

// DOT4 and DOT2 add a step of one row.
#define DOT4(q, a, b, c, d) \
	VPBROADCASTD q, Z28;    \
	VPDPBUSD Z28, Z24, a;   \
	VPDPBUSD Z28, Z25, b;   \
	VPDPBUSD Z28, Z26, c;   \
	VPDPBUSD Z28, Z27, d

#define DOT2(q, a, b) \
	VPBROADCASTD q, Z28;    \
	VPDPBUSD Z28, Z24, a;   \
	VPDPBUSD Z28, Z25, b

// Steps of 1 to 6 rows.
#define DOT1x4 DOT4((SI), Z0, Z1, Z2, Z3)
#define DOT2x4 DOT1x4; DOT4((SI)(R11*1), Z4, Z5, Z6, Z7)
#define DOT3x4 DOT2x4; DOT4((SI)(R11*2), Z8, Z9, Z10, Z11)
#define DOT4x4 DOT3x4; DOT4((DX), Z12, Z13, Z14, Z15)
#define DOT5x4 DOT4x4; DOT4((DX)(R11*1), Z16, Z17, Z18, Z19)
#define DOT6x4 DOT5x4; DOT4((DX)(R11*2), Z20, Z21, Z22, Z23)

#define DOT1x2 DOT2((SI), Z0, Z1)
#define DOT2x2 DOT1x2; DOT2((SI)(R11*1), Z4, Z5)
#define DOT3x2 DOT2x2; DOT2((SI)(R11*2), Z8, Z9)
#define DOT4x2 DOT3x2; DOT2((DX), Z12, Z13)
#define DOT5x2 DOT4x2; DOT2((DX)(R11*1), Z16, Z17)
#define DOT6x2 DOT5x2; DOT2((DX)(R11*2), Z20, Z21)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

#define ZERO1 ZERO(Z0, Z1, Z2, Z3)
#define ZERO2 ZERO1; ZERO(Z4, Z5, Z6, Z7)
#define ZERO3 ZERO2; ZERO(Z8, Z9, Z10, Z11)
#define ZERO4 ZERO3; ZERO(Z12, Z13, Z14, Z15)
#define ZERO5 ZERO4; ZERO(Z16, Z17, Z18, Z19)
#define ZERO6 ZERO5; ZERO(Z20, Z21, Z22, Z23)

// STEP moves on by steps of 4 channels.
#define STEP(steps) \
	ADDQ $(64*steps), BX; \
	ADDQ $(256*steps), R9; \
	ADDQ $(4*steps), SI;  \
	ADDQ $(4*steps), DX;  \
	SUBQ $steps, CX

// SUMS prepares the sums of a block of rows: its first line may be a partial one, BX
// bytes long and masked by K2, so that the others are whole.
#define SUMS \
	VPXORD Z0, Z0, Z0;    \
	VPXORD Z4, Z4, Z4;    \
	VPXORD Z8, Z8, Z8;    \
	VPXORD Z12, Z12, Z12; \
	VPXORD Z16, Z16, Z16; \
	VPXORD Z20, Z20, Z20; \
	LEAQ (SI)(R11*2), DX; \
	ADDQ R11, DX;         \
	LEAQ -1(R10), CX;     \
	MOVQ CX, BX;          \
	SHRQ $4, CX;          \
	INCQ CX;              \
	ANDL $15, BX;         \
	LEAQ 4(BX*4), BX;     \
	KMOVW K1, K2

// Lines of 1 to 6 rows.
#define SUM1 VPDPBUSD (SI), Z29, K2, Z0
#define SUM2 SUM1; VPDPBUSD (SI)(R11*1), Z29, K2, Z4
#define SUM3 SUM2; VPDPBUSD (SI)(R11*2), Z29, K2, Z8
#define SUM4 SUM3; VPDPBUSD (DX), Z29, K2, Z12
#define SUM5 SUM4; VPDPBUSD (DX)(R11*1), Z29, K2, Z16
#define SUM6 SUM5; VPDPBUSD (DX)(R11*2), Z29, K2, Z20

#define LINE \
	ADDQ BX, SI;       \
	ADDQ BX, DX;       \
	MOVL $64, BX;      \
	KXNORW K2, K2, K2; \
	DECQ CX

// PAIRS adds up what two rows hold in each 128 bits: a0+a2, b0+b2, a1+a3, b1+b3.
#define PAIRS(a, b, t) \
	VPUNPCKLDQ b, a, t; \
	VPUNPCKHDQ b, a, a; \
	VPADDD     a, t, t

// ACROSS adds up the four 128 bits of a register.
#define ACROSS(x) \
	VSHUFI64X2 $0x4E, x, x, Z28; \
	VPADDD     Z28, x, x;        \
	VSHUFI64X2 $0xB1, x, x, Z28; \
	VPADDD     Z28, x, x

#define FOLD4 \
	PAIRS(Z0, Z4, Z24);           \
	PAIRS(Z8, Z12, Z25);          \
	VPUNPCKLQDQ Z25, Z24, Z30;    \
	VPUNPCKHQDQ Z25, Z24, Z24;    \
	VPADDD Z24, Z30, Z30;         \
	ACROSS(Z30)

#define FOLD6 \
	FOLD4;                        \
	PAIRS(Z16, Z20, Z24);         \
	VPSHUFD $0x4E, Z24, Z31;      \
	VPADDD Z24, Z31, Z31;         \
	ACROSS(Z31)

// START goes back to the start of K and of q.
#define START \
	SUBQ R11, SI;           \
	SUBQ R11, DX;           \
	MOVQ k_base+48(FP), BX; \
	MOVQ R10, CX;           \
	CMPQ n+152(FP), $32

// SCALES leaves the offset of the last group of scores in AX, the factors and offsets of
// the rows at hand in CX and BX and, for SCORES4 and SCORES2, the scales of the tokens in
// Z24–Z27. No lane beyond n is read.
#define SCALES \
	MOVQ n+152(FP), AX;      \
	DECQ AX;                 \
	ANDQ $~15, AX;           \
	MOVQ m+144(FP), CX;      \
	SUBQ R8, CX;             \
	SHLQ $2, CX;             \
	MOVQ b_base+120(FP), BX; \
	ADDQ CX, BX;             \
	ADDQ a_base+96(FP), CX;  \
	MOVQ sk_base+72(FP), DX

#define SCALES4 \
	SCALES;                           \
	VMOVUPS   (DX), Z24;              \
	VMOVUPS   64(DX), Z25;            \
	VMOVUPS.Z 128(DX), K4, Z26;       \
	VMOVUPS.Z (DX)(AX*4), K3, Z27

#define SCALES2 \
	SCALES;                           \
	VMOVUPS.Z (DX), K4, Z24;          \
	VMOVUPS.Z (DX)(AX*4), K3, Z25

// LOGITS turns integer sums x into logits of row i.
#define LOGITS(i, sk, x) \
	VPSUBD      Z28, x, x;          \
	VCVTDQ2PS   x, x;               \
	VMULPS.BCST (4*i)(CX), x, x;    \
	VMULPS      sk, x, x;           \
	VADDPS.BCST (4*i)(BX), x, x

// SCORES4 and SCORES2 finish row i; which picks its sum.
#define SCORES4(i, sums, which, a, b, c, d) \
	VPSHUFD $which, sums, Z28;         \
	LOGITS(i, Z24, a);                 \
	LOGITS(i, Z25, b);                 \
	LOGITS(i, Z26, c);                 \
	LOGITS(i, Z27, d);                 \
	VMOVUPS a, (256*i)(DI);            \
	VMOVUPS b, (256*i + 64)(DI);       \
	VMOVUPS c, (256*i + 128)(DI);      \
	VMOVUPS d, (256*i)(DI)(AX*4)

#define SCORES2(i, sums, which, a, b) \
	VPSHUFD $which, sums, Z28;         \
	LOGITS(i, Z24, a);                 \
	LOGITS(i, Z25, b);                 \
	VMOVUPS a, (256*i)(DI);            \
	VMOVUPS b, (256*i)(DI)(AX*4)

#define SCORES1x4 SCORES4(0, Z30, 0x00, Z0, Z1, Z2, Z3)
#define SCORES2x4 SCORES1x4; SCORES4(1, Z30, 0x55, Z4, Z5, Z6, Z7)
#define SCORES3x4 SCORES2x4; SCORES4(2, Z30, 0xAA, Z8, Z9, Z10, Z11)
#define SCORES4x4 SCORES3x4; SCORES4(3, Z30, 0xFF, Z12, Z13, Z14, Z15)
#define SCORES5x4 SCORES4x4; SCORES4(4, Z31, 0x00, Z16, Z17, Z18, Z19)
#define SCORES6x4 SCORES5x4; SCORES4(5, Z31, 0x55, Z20, Z21, Z22, Z23)

#define SCORES1x2 SCORES2(0, Z30, 0x00, Z0, Z1)
#define SCORES2x2 SCORES1x2; SCORES2(1, Z30, 0x55, Z4, Z5)
#define SCORES3x2 SCORES2x2; SCORES2(2, Z30, 0xAA, Z8, Z9)
#define SCORES4x2 SCORES3x2; SCORES2(3, Z30, 0xFF, Z12, Z13)
#define SCORES5x2 SCORES4x2; SCORES2(4, Z31, 0x00, Z16, Z17)
#define SCORES6x2 SCORES5x2; SCORES2(5, Z31, 0x55, Z20, Z21)

// ROWS moves on by rows, from the end of the first of them. From now on K is what is
// fetched.
#define ROWS(rows) \
	MOVQ  R11, AX;          \
	IMULQ $(rows - 1), AX;  \
	ADDQ  AX, SI;           \
	ADDQ  $(256*rows), DI;  \
	MOVQ  k_base+48(FP), R9; \
	SUBQ  $rows, R8

// func qkScaleI8_vnni(y []float32, q []int8, k []byte, sk, a, b []float32, m, n, d4 int, next []byte)
TEXT ·qkScaleI8_vnni(SB), NOSPLIT, $0-192
	MOVQ y_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ next_base+168(FP), R9
	MOVQ m+144(FP), R8
	MOVQ d4+160(FP), R10
	LEAQ (R10*4), R11
	MOVL $0x80808080, AX
	VPBROADCASTD AX, Z29

	// the dwords of the first line of a row: (d4 − 1) mod 16 + 1
	LEAQ -1(R10), CX
	ANDL $15, CX
	MOVL $2, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1

	// the tokens of the last group, and of the third of four or the first of two
	MOVQ n+152(FP), CX
	DECQ CX
	ANDL $15, CX
	MOVL $2, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K3
	MOVQ n+152(FP), CX
	CMPQ CX, $32
	JLE  first
	SUBQ $32, CX

first:
	KXNORW K4, K4, K4
	CMPQ CX, $16
	JGE  groups
	KMOVW K3, K4

groups:
	// the places of the groups
	MOVQ R10, R12
	SHLQ $6, R12
	MOVQ n+152(FP), AX
	DECQ AX
	SHRQ $4, AX
	MOVQ R12, R13
	IMULQ AX, R13

	// lines of next beyond those the steps fetch: its header
	MOVQ next_len+176(FP), AX
	SUBQ R12, AX
	SUBQ R12, AX
	SUBQ R12, AX
	SUBQ R12, AX
	JLE  rows

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, AX
	JGT  head

rows:
	SUMS
	CMPQ R8, $9
	JGE  sum6
	CMPQ R8, $7
	JGE  sum4
	CMPQ R8, $4
	JGT  sum56
	JEQ  sum4
	CMPQ R8, $2
	JGT  sum3
	JEQ  sum2

sum1:
	SUM1
	LINE
	JNZ  sum1
	FOLD4
	START
	JLE  row1x2
	JMP  row1x4

sum2:
	SUM2
	LINE
	JNZ  sum2
	FOLD4
	START
	JLE  row2x2
	JMP  row2x4

sum3:
	SUM3
	LINE
	JNZ  sum3
	FOLD4
	START
	JLE  row3x2
	JMP  row3x4

sum4:
	SUM4
	LINE
	JNZ  sum4
	FOLD4
	START
	JLE  row4x2
	JMP  row4x4

sum56:
	CMPQ R8, $5
	JNE  sum6

sum5:
	SUM5
	LINE
	JNZ  sum5
	FOLD6
	START
	JLE  row5x2
	JMP  row5x4

sum6:
	SUM6
	LINE
	JNZ  sum6
	FOLD6
	START
	JLE  row6x2
	JMP  row6x4

row6x4:
	ZERO6
	PCALIGN $32

step6x4:
	LINES4(0)
	DOT6x4
	STEP(1)
	JNZ  step6x4
	SCALES4
	SCORES6x4
	ROWS(6)
	JNZ  rows
	VZEROUPPER
	RET

row5x4:
	ZERO5
	PCALIGN $32

step5x4:
	LINES4(0)
	DOT5x4
	STEP(1)
	JNZ  step5x4
	SCALES4
	SCORES5x4
	ROWS(5)
	JNZ  rows
	VZEROUPPER
	RET

row4x4:
	ZERO4
	PCALIGN $32

step4x4:
	LINES4(0)
	DOT4x4
	STEP(1)
	JNZ  step4x4
	SCALES4
	SCORES4x4
	ROWS(4)
	JNZ  rows
	VZEROUPPER
	RET

row3x4:
	ZERO3
	PCALIGN $32

step3x4:
	LINES4(0)
	DOT3x4
	STEP(1)
	JNZ  step3x4
	SCALES4
	SCORES3x4
	ROWS(3)
	JNZ  rows
	VZEROUPPER
	RET

row2x4:
	ZERO2
	PCALIGN $32

step2x4:
	LINES4(0)
	DOT2x4
	STEP(1)
	JNZ  step2x4
	SCALES4
	SCORES2x4
	ROWS(2)
	JNZ  rows
	VZEROUPPER
	RET

row1x4:
	ZERO2
	DECQ CX
	JZ   last1x4
	PCALIGN $32

step1x4:
	LINES4(0)
	DOT4((SI), Z0, Z1, Z2, Z3)
	LINES4(64)
	DOT4(4(SI), Z4, Z5, Z6, Z7)
	STEP(2)
	JG   step1x4
	JLT  join1x4

last1x4:
	LINES4(0)
	DOT1x4

join1x4:
	VPADDD Z4, Z0, Z0
	VPADDD Z5, Z1, Z1
	VPADDD Z6, Z2, Z2
	VPADDD Z7, Z3, Z3
	SCALES4
	SCORES1x4
	VZEROUPPER
	RET

row6x2:
	ZERO6
	PCALIGN $32

step6x2:
	LINES2(0)
	DOT6x2
	STEP(1)
	JNZ  step6x2
	SCALES2
	SCORES6x2
	ROWS(6)
	JNZ  rows
	VZEROUPPER
	RET

row5x2:
	ZERO5
	PCALIGN $32

step5x2:
	LINES2(0)
	DOT5x2
	STEP(1)
	JNZ  step5x2
	SCALES2
	SCORES5x2
	ROWS(5)
	JNZ  rows
	VZEROUPPER
	RET

row4x2:
	ZERO4
	PCALIGN $32

step4x2:
	LINES2(0)
	DOT4x2
	STEP(1)
	JNZ  step4x2
	SCALES2
	SCORES4x2
	ROWS(4)
	JNZ  rows
	VZEROUPPER
	RET

row3x2:
	ZERO3
	PCALIGN $32

step3x2:
	LINES2(0)
	DOT3x2
	STEP(1)
	JNZ  step3x2
	SCALES2
	SCORES3x2
	ROWS(3)
	JNZ  rows
	VZEROUPPER
	RET

row2x2:
	ZERO2
	PCALIGN $32

step2x2:
	LINES2(0)
	DOT2x2
	STEP(1)
	JNZ  step2x2
	SCALES2
	SCORES2x2
	ROWS(2)
	JNZ  rows
	VZEROUPPER
	RET

row1x2:
	ZERO2
	DECQ CX
	JZ   last1x2
	PCALIGN $32

step1x2:
	LINES2(0)
	DOT2((SI), Z0, Z1)
	LINES2(64)
	DOT2(4(SI), Z4, Z5)
	STEP(2)
	JG   step1x2
	JLT  join1x2

last1x2:
	LINES2(0)
	DOT1x2

join1x2:
	VPADDD Z4, Z0, Z0
	VPADDD Z5, Z1, Z1
	SCALES2
	SCORES1x2
	VZEROUPPER
	RET
