//go:build !purego

#include "textflag.h"
#include "avxvnni_amd64.h"

// qk_i8_avxvnni_amd64.s: integer scores of int8 queries against the int8 K layout.
//
// Obstacle:  as with AVX-512, K is the unsigned operand and 128·Σ_c q[c] comes off at the
//            end, but there are 16 registers of half the width, and a sum needs 10
//            VPDPBUSD in flight to be bound by their rate and not by their latency.
// Shape:     rows × one group of 16 tokens, which is two registers; 6×2 accumulators at
//            most. One row alone sums in 4 chains, two rows in 2, over the channels.
// Exactness: VPDPBUSD does not saturate; sums are modulo 2³² and the result fits.
// Reads:     ⌈n/16⌉ groups of K, m rows of q. Writes s[i][0:16·⌈n/16⌉].
// Prefetch:  a line of next per line of K in the pass of the first rows; later passes
//            touch the lines of K itself.
// Registers: Y0–Y11 accumulators · Y12, Y13 K · Y14 q, then 128·Σq · Y15 128
//            DI s of the group · SI q · DX q of the fourth row · R11 q stride · R8 rows
//            left · BX k · R9 next · R10 d4 · R12 groups left · R13 s of the last group,
//            whose first lane holds 128·Σq until the group is stored

// LINE loads the K of one step, off bytes ahead.
#define LINE(off) \
	VMOVDQU    off(BX), Y12;    \
	VMOVDQU    off+32(BX), Y13; \
	PREFETCHT0 off(R9)

// DOT adds a step of one row to accumulators a and b.
#define DOT(q, a, b) \
	VPBROADCASTD q, Y14;     \
	VEX_VPDPBUSD(14, 12, a); \
	VEX_VPDPBUSD(14, 13, b)

// Steps of 1, 2, 4 and 6 rows.
#define DOT1 DOT((SI), 0, 1)
#define DOT2 DOT1; DOT((SI)(R11*1), 2, 3)
#define DOT4 DOT2; DOT((SI)(R11*2), 4, 5); DOT((DX), 6, 7)
#define DOT6 DOT4; DOT((DX)(R11*1), 8, 9); DOT((DX)(R11*2), 10, 11)

#define ZERO(a, b, c, d) \
	VPXOR a, a, a; \
	VPXOR b, b, b; \
	VPXOR c, c, c; \
	VPXOR d, d, d

#define ZERO8  ZERO(Y0, Y1, Y2, Y3); ZERO(Y4, Y5, Y6, Y7)
#define ZERO12 ZERO8; ZERO(Y8, Y9, Y10, Y11)

// STEP moves on by steps of 4 channels.
#define STEP(steps) \
	ADDQ $(64*steps), BX; \
	ADDQ $(64*steps), R9; \
	ADDQ $(4*steps), SI;  \
	ADDQ $(4*steps), DX;  \
	SUBQ $steps, CX

// SCORES finishes row i of the group.
#define SCORES(i, a, b) \
	VPBROADCASTD (256*i)(R13), Y14; \
	VPSUBD  Y14, a, a;              \
	VPSUBD  Y14, b, b;              \
	VMOVDQU a, (256*i)(DI);         \
	VMOVDQU b, (256*i + 32)(DI)

// GROUP moves on to the next group of the same rows.
#define GROUP \
	SUBQ R11, SI; \
	ADDQ $64, DI; \
	DECQ R12

// ROWS moves on by rows, and back to the start of K.
#define ROWS(rows) \
	MOVQ  R11, AX;           \
	IMULQ $rows, AX;         \
	ADDQ  AX, SI;            \
	ADDQ  $(256*rows), R13;  \
	MOVQ  k_base+48(FP), BX; \
	MOVQ  BX, R9;            \
	SUBQ  $rows, R8

// func qkI8_avxvnni(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)
TEXT ·qkI8_avxvnni(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), R13
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ n+80(FP), AX
	DECQ AX
	ANDQ $~15, AX
	LEAQ (R13)(AX*4), R13
	MOVQ d4+88(FP), R10
	LEAQ (R10*4), R11

	// 128·Σ q[i] into the first lane of the last group
	MOVL $0x80808080, AX
	VMOVD AX, X15
	VPBROADCASTD X15, Y15
	MOVQ R10, CX
	ANDL $7, CX
	MOVL $8, AX
	SUBL CX, AX
	LEAQ ·tailMask+32(SB), BX
	VMOVDQU (BX)(AX*4), Y13 // the dwords of a last, partial load
	MOVQ R13, DI

sumRow:
	VPXOR Y0, Y0, Y0
	MOVQ R10, CX
	MOVQ SI, BX

sumStep:
	CMPQ CX, $8
	JLT  sumTail
	VMOVDQU (BX), Y12
	VEX_VPDPBUSD(12, 15, 0)
	ADDQ $32, BX
	SUBQ $8, CX
	JNZ  sumStep
	JMP  sumFold

sumTail:
	VPMASKMOVD (BX), Y13, Y12
	VEX_VPDPBUSD(12, 15, 0)

sumFold:
	VEXTRACTI128 $1, Y0, X1
	VPADDD  X1, X0, X0
	VPSHUFD $0x4E, X0, X1
	VPADDD  X1, X0, X0
	VPSHUFD $0xB1, X0, X1
	VPADDD  X1, X0, X0
	VMOVD   X0, (DI)
	ADDQ R11, SI
	ADDQ $256, DI
	DECQ R8
	JNZ  sumRow

	MOVQ q_base+24(FP), SI
	MOVQ k_base+48(FP), BX
	MOVQ next_base+96(FP), R9
	MOVQ m+72(FP), R8

rows:
	MOVQ n+80(FP), R12
	DECQ R12
	SHRQ $4, R12
	MOVQ R12, AX
	SHLQ $6, AX
	MOVQ R13, DI
	SUBQ AX, DI
	INCQ R12
	CMPQ R8, $6
	JGE  row6
	CMPQ R8, $4
	JGE  row4
	CMPQ R8, $2
	JGE  row2
	CMPQ R8, $1
	JEQ  row1
	VZEROUPPER
	RET

row6:
	ZERO12
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	MOVQ R10, CX
	PCALIGN $32

step6:
	LINE(0)
	DOT6
	STEP(1)
	JNZ  step6
	SCORES(0, Y0, Y1)
	SCORES(1, Y2, Y3)
	SCORES(2, Y4, Y5)
	SCORES(3, Y6, Y7)
	SCORES(4, Y8, Y9)
	SCORES(5, Y10, Y11)
	GROUP
	JNZ  row6
	ROWS(6)
	JMP  rows

row4:
	ZERO8
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	MOVQ R10, CX
	PCALIGN $32

step4:
	LINE(0)
	DOT4
	STEP(1)
	JNZ  step4
	SCORES(0, Y0, Y1)
	SCORES(1, Y2, Y3)
	SCORES(2, Y4, Y5)
	SCORES(3, Y6, Y7)
	GROUP
	JNZ  row4
	ROWS(4)
	JMP  rows

row2:
	ZERO8
	MOVQ R10, CX
	DECQ CX
	JZ   last2
	PCALIGN $32

step2:
	LINE(0)
	DOT2
	LINE(64)
	DOT(4(SI), 4, 5)
	DOT(4(SI)(R11*1), 6, 7)
	STEP(2)
	JG   step2
	JLT  join2

last2:
	LINE(0)
	DOT2
	STEP(1)

join2:
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	SCORES(0, Y0, Y1)
	SCORES(1, Y2, Y3)
	GROUP
	JNZ  row2
	ROWS(2)
	JMP  rows

row1:
	ZERO8
	MOVQ R10, CX
	SUBQ $4, CX
	JLT  rest1
	PCALIGN $32

step1:
	LINE(0)
	DOT1
	LINE(64)
	DOT(4(SI), 2, 3)
	LINE(128)
	DOT(8(SI), 4, 5)
	LINE(192)
	DOT(12(SI), 6, 7)
	STEP(4)
	JGE  step1

rest1:
	ADDQ $4, CX
	JZ   join1

one1:
	LINE(0)
	DOT1
	STEP(1)
	JNZ  one1

join1:
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	VPADDD Y2, Y0, Y0
	VPADDD Y3, Y1, Y1
	SCORES(0, Y0, Y1)
	GROUP
	JNZ  row1
	ROWS(1)
	JMP  rows
