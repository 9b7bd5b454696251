//go:build !purego

#include "textflag.h"

// qk_i8_vnni_amd64.s: integer scores of int8 queries against the int8 K layout.
//
// Obstacle:  VPDPBUSD wants an unsigned operand. K has it, as code + 128; what that adds
//            to a score is 128·Σ_c q[c], one number per query row, taken off at the end.
//            VPDPBUSD of the row against a constant 128 sums it; it waits in s[i][0].
// Shape:     rows × groups of 16 tokens in accumulators, 6×4 at most. A step of 4
//            channels loads a line of K per group and spreads 4 codes of q per row,
//            which serves all groups: 10 loads for 24 VPDPBUSD. Rows are split so that
//            no step is bound by its loads: 7 = 4+3, 8 = 4+4, above that sixes. A row
//            alone takes two steps in two chains of accumulators.
// Groups:    a tile of 3 or 4 runs as 4, one of 1 or 2 as 2; where one is missing the
//            last is computed twice and stored once.
// Exactness: VPDPBUSD does not saturate; sums are modulo 2³² and the result fits.
// Reads:     ⌈n/16⌉ groups of K, m rows of q. Writes s[i][0:16·⌈n/16⌉].
// Prefetch:  a line of next per line of K in the pass of the first rows; later passes
//            touch the lines of K itself.
// Registers: Z0–Z23 accumulators · Z24–Z27 K · Z28 q, then 128·Σq · K3 stores the last
//            group · DI s · SI q · DX q of the fourth row · R11 q stride · R8 rows left
//            BX k · R9 next · R12 distance to group 1 · R13 to the last one · R10 d4

// LINES4 and LINES2 load the K of one step, off bytes ahead.
#define LINES4(off) \
	VMOVDQU32  off(BX), Z24;         \
	VMOVDQU32  off(BX)(R12*1), Z25;  \
	VMOVDQU32  off(BX)(R12*2), Z26;  \
	VMOVDQU32  off(BX)(R13*1), Z27;  \
	PREFETCHT0 off(R9);              \
	PREFETCHT0 off(R9)(R12*1);       \
	PREFETCHT0 off(R9)(R12*2);       \
	PREFETCHT0 off(R9)(R13*1)

#define LINES2(off) \
	VMOVDQU32  off(BX), Z24;         \
	VMOVDQU32  off(BX)(R13*1), Z25;  \
	PREFETCHT0 off(R9);              \
	PREFETCHT0 off(R9)(R13*1)

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
	ADDQ $(64*steps), R9; \
	ADDQ $(4*steps), SI;  \
	ADDQ $(4*steps), DX;  \
	SUBQ $steps, CX

// SCORES4 and SCORES2 finish row i.
#define SCORES4(i, a, b, c, d) \
	VPBROADCASTD (256*i)(DI), Z28;        \
	VPSUBD Z28, a, a;                     \
	VPSUBD Z28, b, b;                     \
	VPSUBD Z28, c, c;                     \
	VPSUBD Z28, d, d;                     \
	VMOVDQU32 a, (256*i)(DI);             \
	VMOVDQU32 b, (256*i + 64)(DI);        \
	VMOVDQU32 c, (256*i + 128)(DI);       \
	VMOVDQU32 d, K3, (256*i + 192)(DI)

#define SCORES2(i, a, b) \
	VPBROADCASTD (256*i)(DI), Z28;        \
	VPSUBD Z28, a, a;                     \
	VPSUBD Z28, b, b;                     \
	VMOVDQU32 a, (256*i)(DI);             \
	VMOVDQU32 b, K3, (256*i + 64)(DI)

#define SCORES1x4 SCORES4(0, Z0, Z1, Z2, Z3)
#define SCORES2x4 SCORES1x4; SCORES4(1, Z4, Z5, Z6, Z7)
#define SCORES3x4 SCORES2x4; SCORES4(2, Z8, Z9, Z10, Z11)
#define SCORES4x4 SCORES3x4; SCORES4(3, Z12, Z13, Z14, Z15)
#define SCORES5x4 SCORES4x4; SCORES4(4, Z16, Z17, Z18, Z19)
#define SCORES6x4 SCORES5x4; SCORES4(5, Z20, Z21, Z22, Z23)

#define SCORES1x2 SCORES2(0, Z0, Z1)
#define SCORES2x2 SCORES1x2; SCORES2(1, Z4, Z5)
#define SCORES3x2 SCORES2x2; SCORES2(2, Z8, Z9)
#define SCORES4x2 SCORES3x2; SCORES2(3, Z12, Z13)
#define SCORES5x2 SCORES4x2; SCORES2(4, Z16, Z17)
#define SCORES6x2 SCORES5x2; SCORES2(5, Z20, Z21)

// ROWS moves on by rows, from the end of the first of them, and back to the start of K.
// It falls through when none is left.
#define ROWS(rows, more) \
	MOVQ R11, AX;           \
	IMULQ $(rows - 1), AX;  \
	ADDQ AX, SI;            \
	ADDQ $(256*rows), DI;   \
	MOVQ k_base+48(FP), BX; \
	MOVQ BX, R9;            \
	SUBQ $rows, R8;         \
	JNZ  more;              \
	VZEROUPPER;             \
	RET

// func qkI8_vnni(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)
TEXT ·qkI8_vnni(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d4+88(FP), R10
	LEAQ (R10*4), R11

	// s[i][0] = 128·Σ q[i]
	MOVL $0x80808080, AX
	VPBROADCASTD AX, Z4
	KXNORW K3, K3, K3
	MOVQ R10, CX
	ANDL $15, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1 // the dwords of a last, partial line
	MOVQ DI, R13

sumRow:
	VPXORD Z0, Z0, Z0
	MOVQ R10, CX
	MOVQ SI, BX

sumLine:
	CMPQ CX, $16
	JLT  sumTail
	VPDPBUSD (BX), Z4, Z0
	ADDQ $64, BX
	SUBQ $16, CX
	JNZ  sumLine
	JMP  sumFold

sumTail:
	VPDPBUSD (BX), Z4, K1, Z0

sumFold:
	VEXTRACTI64X4 $1, Z0, Y1
	VPADDD  Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD  X1, X0, X0
	VPSHUFD $0x4E, X0, X1
	VPADDD  X1, X0, X0
	VPSHUFD $0xB1, X0, X1
	VPADDD  X1, X0, X0
	VMOVD   X0, (R13)
	ADDQ R11, SI
	ADDQ $256, R13
	DECQ R8
	JNZ  sumRow

	MOVQ q_base+24(FP), SI
	MOVQ k_base+48(FP), BX
	MOVQ next_base+96(FP), R9
	MOVQ m+72(FP), R8
	MOVQ R10, R12
	SHLQ $6, R12
	MOVQ n+80(FP), AX
	CMPQ AX, $32
	JLE  two
	LEAQ (R12)(R12*2), R13
	CMPQ AX, $48
	JGT  rowsx4
	LEAQ (R12)(R12*1), R13
	KXORW K3, K3, K3
	JMP  rowsx4

two:
	MOVQ R12, R13
	CMPQ AX, $16
	JGT  rowsx2
	XORL R13, R13
	KXORW K3, K3, K3
	JMP  rowsx2

rowsx4:
	MOVQ R10, CX
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	CMPQ R8, $9
	JGE  row6x4
	CMPQ R8, $7
	JGE  row4x4
	CMPQ R8, $4
	JGT  rows56x4
	JEQ  row4x4
	CMPQ R8, $2
	JGT  row3x4
	JEQ  row2x4
	JMP  row1x4

rows56x4:
	CMPQ R8, $5
	JEQ  row5x4

row6x4:
	ZERO6
	PCALIGN $32

step6x4:
	LINES4(0)
	DOT6x4
	STEP(1)
	JNZ step6x4
	SCORES6x4
	ROWS(6, rowsx4)

row5x4:
	ZERO5
	PCALIGN $32

step5x4:
	LINES4(0)
	DOT5x4
	STEP(1)
	JNZ step5x4
	SCORES5x4
	ROWS(5, rowsx4)

row4x4:
	ZERO4
	PCALIGN $32

step4x4:
	LINES4(0)
	DOT4x4
	STEP(1)
	JNZ step4x4
	SCORES4x4
	ROWS(4, rowsx4)

row3x4:
	ZERO3
	PCALIGN $32

step3x4:
	LINES4(0)
	DOT3x4
	STEP(1)
	JNZ step3x4
	SCORES3x4
	ROWS(3, rowsx4)

row2x4:
	ZERO2
	PCALIGN $32

step2x4:
	LINES4(0)
	DOT2x4
	STEP(1)
	JNZ step2x4
	SCORES2x4
	ROWS(2, rowsx4)

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
	SCORES1x4
	VZEROUPPER
	RET

rowsx2:
	MOVQ R10, CX
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	CMPQ R8, $9
	JGE  row6x2
	CMPQ R8, $7
	JGE  row4x2
	CMPQ R8, $4
	JGT  rows56x2
	JEQ  row4x2
	CMPQ R8, $2
	JGT  row3x2
	JEQ  row2x2
	JMP  row1x2

rows56x2:
	CMPQ R8, $5
	JEQ  row5x2

row6x2:
	ZERO6
	PCALIGN $32

step6x2:
	LINES2(0)
	DOT6x2
	STEP(1)
	JNZ step6x2
	SCORES6x2
	ROWS(6, rowsx2)

row5x2:
	ZERO5
	PCALIGN $32

step5x2:
	LINES2(0)
	DOT5x2
	STEP(1)
	JNZ step5x2
	SCORES5x2
	ROWS(5, rowsx2)

row4x2:
	ZERO4
	PCALIGN $32

step4x2:
	LINES2(0)
	DOT4x2
	STEP(1)
	JNZ step4x2
	SCORES4x2
	ROWS(4, rowsx2)

row3x2:
	ZERO3
	PCALIGN $32

step3x2:
	LINES2(0)
	DOT3x2
	STEP(1)
	JNZ step3x2
	SCORES3x2
	ROWS(3, rowsx2)

row2x2:
	ZERO2
	PCALIGN $32

step2x2:
	LINES2(0)
	DOT2x2
	STEP(1)
	JNZ step2x2
	SCORES2x2
	ROWS(2, rowsx2)

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
	SCORES1x2
	VZEROUPPER
	RET
