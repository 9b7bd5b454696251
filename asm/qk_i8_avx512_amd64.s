//go:build !purego

#include "textflag.h"

// qk_i8_avx512_amd64.s: integer scores of int8 queries against the int8 K layout, for CPUs
// without VNNI.
//
// Obstacle:  VPMADDUBSW saturates (2·255·127 > 32767). As words everything is exact, and
//            the words of channels 0 and 2 and those of 1 and 3 are a mask and a shift of
//            the stored dword away: no shuffles, and both VPMADDWD leave a sum per
//            token in its own lane.
// Shape:     rows × groups of 16 tokens in accumulators, 4×4 at most. Per step of 4
//            channels a line of K per group is split once, 4 codes of q once per row; a row
//            and a group cost two VPMADDWD and two VPADDD.
// Offset:    K is code + 128; 128·Σ_c q[c] comes off at the end. It waits in s[i][0].
// Groups:    a tile of 3 or 4 runs as 4, one of 1 or 2 as 2; where one is missing the
//            last is computed and stored twice.
// Exactness: |pair| ≤ 2·255·128; sums are modulo 2³² and the result fits.
// Reads:     ⌈n/16⌉ groups of K, m rows of q. Writes s[i][0:16·⌈n/16⌉].
// Prefetch:  a line of next per line of K in the pass of the first rows; later passes
//            touch the lines of K itself.
// Registers: Z0–Z15 accumulators · Z16–Z23 K, even and odd · Z24, Z25 q · Z26, Z27 products
//            Z31 mask of the even bytes
//            DI s · SI q · DX q of the fourth row · R11 q stride · R8 rows left
//            BX k · R9 next · R12 distance to group 1 · R13 to the last one · R10 d4

// SPLIT loads a line of K and the like of next.
#define SPLIT(k, next, even, odd) \
	VMOVDQU32  k, odd;         \
	PREFETCHT0 next;           \
	VPANDD     Z31, odd, even; \
	VPSRLW     $8, odd, odd

#define LINES4 \
	SPLIT((BX), (R9), Z16, Z20);               \
	SPLIT((BX)(R12*1), (R9)(R12*1), Z17, Z21); \
	SPLIT((BX)(R12*2), (R9)(R12*2), Z18, Z22); \
	SPLIT((BX)(R13*1), (R9)(R13*1), Z19, Z23)

#define LINES2 \
	SPLIT((BX), (R9), Z16, Z20);               \
	SPLIT((BX)(R13*1), (R9)(R13*1), Z17, Z21)

// CODES spreads 4 codes of a row.
#define CODES(q) \
	VPBROADCASTD q, Z25;   \
	VPSLLW $8, Z25, Z24;   \
	VPSRAW $8, Z24, Z24;   \
	VPSRAW $8, Z25, Z25

#define DOT(even, odd, acc) \
	VPMADDWD Z24, even, Z26; \
	VPMADDWD Z25, odd, Z27;  \
	VPADDD   Z27, Z26, Z26;  \
	VPADDD   Z26, acc, acc

// DOT4 and DOT2 add a step of one row.
#define DOT4(q, a, b, c, d) \
	CODES(q);         \
	DOT(Z16, Z20, a); \
	DOT(Z17, Z21, b); \
	DOT(Z18, Z22, c); \
	DOT(Z19, Z23, d)

#define DOT2(q, a, b) \
	CODES(q);         \
	DOT(Z16, Z20, a); \
	DOT(Z17, Z21, b)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

// STEP moves on by 4 channels.
#define STEP \
	ADDQ $64, BX; \
	ADDQ $64, R9; \
	ADDQ $4, SI;  \
	ADDQ $4, DX;  \
	DECQ CX

// LAST leaves the first token of the last group in AX.
#define LAST \
	MOVQ n+80(FP), AX; \
	DECQ AX;           \
	ANDQ $~15, AX

// SCORES4 and SCORES2 finish row i.
#define SCORES4(i, a, b, c, d) \
	VPBROADCASTD (256*i)(DI), Z24;  \
	VPSUBD Z24, a, a;               \
	VPSUBD Z24, b, b;               \
	VPSUBD Z24, c, c;               \
	VPSUBD Z24, d, d;               \
	VMOVDQU32 a, (256*i)(DI);       \
	VMOVDQU32 b, (256*i + 64)(DI);  \
	VMOVDQU32 c, (256*i + 128)(DI); \
	VMOVDQU32 d, (256*i)(DI)(AX*4)

#define SCORES2(i, a, b) \
	VPBROADCASTD (256*i)(DI), Z24;  \
	VPSUBD Z24, a, a;               \
	VPSUBD Z24, b, b;               \
	VMOVDQU32 a, (256*i)(DI);       \
	VMOVDQU32 b, (256*i)(DI)(AX*4)

// ROWS moves on by rows, from the end of the first of them, and back to the start of K.
#define ROWS(rows) \
	MOVQ R11, AX;           \
	IMULQ $(rows - 1), AX;  \
	ADDQ AX, SI;            \
	ADDQ $(256*rows), DI;   \
	MOVQ k_base+48(FP), BX; \
	MOVQ BX, R9;            \
	SUBQ $rows, R8

// func qkI8_avx512(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)
TEXT ·qkI8_avx512(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d4+88(FP), R10
	LEAQ (R10*4), R11

	// s[i][0] = 128·Σ q[i]
	MOVL $0x01010101, AX
	VPBROADCASTD AX, Z4
	MOVL $0x00800080, AX
	VPBROADCASTD AX, Z5
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
	VMOVDQU32 (BX), Z1
	JMP  sum

sumTail:
	VMOVDQU32.Z (BX), K1, Z1

sum:
	VPMADDUBSW Z1, Z4, Z1
	VPMADDWD Z5, Z1, Z1
	VPADDD Z1, Z0, Z0
	ADDQ $64, BX
	SUBQ $16, CX
	JG   sumLine

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

	MOVL $0x00ff00ff, AX
	VPBROADCASTD AX, Z31
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
	JMP  rowsx4

two:
	MOVQ R12, R13
	CMPQ AX, $16
	JGT  rowsx2
	XORL R13, R13
	JMP  rowsx2

rowsx4:
	MOVQ R10, CX
	ZERO(Z0, Z1, Z2, Z3)
	CMPQ R8, $4
	JGE  row4x4
	CMPQ R8, $2
	JGE  row2x4
	CMPQ R8, $1
	JEQ  row1x4
	VZEROUPPER
	RET

row4x4:
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	PCALIGN $32

step4x4:
	LINES4
	DOT4((SI), Z0, Z1, Z2, Z3)
	DOT4((SI)(R11*1), Z4, Z5, Z6, Z7)
	DOT4((SI)(R11*2), Z8, Z9, Z10, Z11)
	DOT4((DX), Z12, Z13, Z14, Z15)
	STEP
	JNZ  step4x4
	LAST
	SCORES4(0, Z0, Z1, Z2, Z3)
	SCORES4(1, Z4, Z5, Z6, Z7)
	SCORES4(2, Z8, Z9, Z10, Z11)
	SCORES4(3, Z12, Z13, Z14, Z15)
	ROWS(4)
	JMP  rowsx4

row2x4:
	ZERO(Z4, Z5, Z6, Z7)
	PCALIGN $32

step2x4:
	LINES4
	DOT4((SI), Z0, Z1, Z2, Z3)
	DOT4((SI)(R11*1), Z4, Z5, Z6, Z7)
	STEP
	JNZ  step2x4
	LAST
	SCORES4(0, Z0, Z1, Z2, Z3)
	SCORES4(1, Z4, Z5, Z6, Z7)
	ROWS(2)
	JMP  rowsx4

row1x4:
	LINES4
	DOT4((SI), Z0, Z1, Z2, Z3)
	STEP
	JNZ  row1x4
	LAST
	SCORES4(0, Z0, Z1, Z2, Z3)
	ROWS(1)
	JMP  rowsx4

rowsx2:
	MOVQ R10, CX
	ZERO(Z0, Z1, Z2, Z3)
	CMPQ R8, $4
	JGE  row4x2
	CMPQ R8, $2
	JGE  row2x2
	CMPQ R8, $1
	JEQ  row1x2
	VZEROUPPER
	RET

row4x2:
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	LEAQ (SI)(R11*2), DX
	ADDQ R11, DX
	PCALIGN $32

step4x2:
	LINES2
	DOT2((SI), Z0, Z1)
	DOT2((SI)(R11*1), Z4, Z5)
	DOT2((SI)(R11*2), Z8, Z9)
	DOT2((DX), Z12, Z13)
	STEP
	JNZ  step4x2
	LAST
	SCORES2(0, Z0, Z1)
	SCORES2(1, Z4, Z5)
	SCORES2(2, Z8, Z9)
	SCORES2(3, Z12, Z13)
	ROWS(4)
	JMP  rowsx2

row2x2:
	ZERO(Z4, Z5, Z6, Z7)
	PCALIGN $32

step2x2:
	LINES2
	DOT2((SI), Z0, Z1)
	DOT2((SI)(R11*1), Z4, Z5)
	STEP
	JNZ  step2x2
	LAST
	SCORES2(0, Z0, Z1)
	SCORES2(1, Z4, Z5)
	ROWS(2)
	JMP  rowsx2

row1x2:
	LINES2
	DOT2((SI), Z0, Z1)
	STEP
	JNZ  row1x2
	LAST
	SCORES2(0, Z0, Z1)
	ROWS(1)
	JMP  rowsx2
