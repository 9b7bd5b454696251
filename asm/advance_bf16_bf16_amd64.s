//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "round_avx512_amd64.h"
#include "bf16_amd64.h"

// advance_bf16_bf16_amd64.s: softmax of a tile with bfloat16 weights and the states past it.
//
// Obstacle:  as softmax_avx512_amd64.s. A row's weights are rounded where they are summed,
//            by VCVTNE2PS2BF16, which overflows: where a product might, all rows are rounded
//            again with care at the end.
// Exactness: the operations and their order are those of the twins.
// Reads:     y[i][0:n], sv[0:n], M[0:m] and L[0:m] of the states. Writes y[i][0:n],
//            p[i][0:2·⌈n/2⌉] and 0:m of M, L, Stat and Fold.
// Tails:     masked columns; three rows repeat the third, one and two go alone.
// Registers: see softmax_avx512_amd64.h; Z15 largest bits of products · K5 columns of p
//            SI p · R10 sv · R13 four times the number of the row. For rounding with care
//            Z0–Z3 products · Z6 Z7 Z16 Z17 rounded · K7 columns of p, see round_avx512_amd64.h

// 0 the number 1 of 64 columns
DATA ·advanceOnes+0(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+8(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+16(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+24(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+32(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+40(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+48(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+56(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+64(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+72(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+80(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+88(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+96(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+104(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+112(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+120(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+128(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+136(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+144(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+152(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+160(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+168(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+176(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+184(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+192(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+200(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+208(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+216(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+224(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+232(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+240(SB)/8, $0x3f8000003f800000
DATA ·advanceOnes+248(SB)/8, $0x3f8000003f800000
GLOBL ·advanceOnes(SB), RODATA|NOPTR, $256

// ROUND16 stores the weights of a row times sv at p, PART16 those of a row that is not whole.
#define HALVES(a, b, c, d, i, j, k, l) \
	VPMAXUD b, a, Z21;        \
	VPMAXUD d, c, Z22;        \
	VPMAXUD Z21, Z15, Z15;    \
	VPMAXUD Z22, Z15, Z15;    \
	VCVTNE2PS2BF16(i, j, i);  \
	VCVTNE2PS2BF16(k, l, k)
#define ROUND03(o, p) \
	PRODUCT(Z0, Z1, Z2, Z3);                \
	HALVES(Z0, Z1, Z2, Z3, 0, 1, 2, 3);     \
	VMOVDQU32 Z0, (o)p;                     \
	VMOVDQU32 Z2, (o+64)p
#define ROUND47(o, p) \
	PRODUCT(Z4, Z5, Z6, Z7);                \
	HALVES(Z4, Z5, Z6, Z7, 4, 5, 6, 7);     \
	VMOVDQU32 Z4, (o)p;                     \
	VMOVDQU32 Z6, (o+64)p
#define PART03(o, p) \
	PRODUCTPART(Z0, Z1, Z2, Z3);            \
	HALVES(Z0, Z1, Z2, Z3, 0, 1, 2, 3);     \
	KSHIFTRQ $32, K5, K6;                   \
	VMOVDQU16 Z0, K5, (o)p;                 \
	VMOVDQU16 Z2, K6, (o+64)p
#define PART47(o, p) \
	PRODUCTPART(Z4, Z5, Z6, Z7);            \
	HALVES(Z4, Z5, Z6, Z7, 4, 5, 6, 7);     \
	KSHIFTRQ $32, K5, K6;                   \
	VMOVDQU16 Z4, K5, (o)p;                 \
	VMOVDQU16 Z6, K6, (o+64)p

// LEFT stores what the rows leave and moves their states; it jumps to rare where some L is NaN.
#define LEFT(rare) \
	VBROADCASTSS 36(BX), Z22; \
	STATS(Z22);               \
	IFVOID(rare);             \
	VMOVAPS Z22, Z31

// CARE rounds x to y. Numbers below 2^-126 become zeros.
#define CARE(x, y) \
	ROUND(x, y, K6);           \
	RARELANES(x, y, K6);            \
	VPTESTNMD Z14, x, K6;      \
	VPANDND x, Z11, K6, y;     \
	VPSRLD $16, y, y

// func advanceBF16_bf16(r *RowStates, p []uint16, y, sv []float32, m, n int) (poisoned bool)
TEXT ·advanceBF16_bf16(SB), NOSPLIT, $0-97
	MOVQ r+0(FP), AX
	MOVQ 72(AX), R12
	XORL R13, R13
	MOVB $0, poisoned+96(FP)
	MOVQ p_base+8(FP), SI
	MOVQ y_base+32(FP), DI
	MOVQ sv_base+56(FP), R10
	LEAQ ·advanceOnes(SB), AX
	CMPQ sv_len+64(FP), $0
	CMOVQEQ AX, R10
	MOVQ m+80(FP), R8
	COLUMNS(n+88(FP))
	MOVQ n+88(FP), AX
	ANDQ $1, AX
	SUBQ AX, CX
	MOVQ $-1, AX
	SHRQ CX, AX
	KMOVQ AX, K5
	EXPCONST
	VPXORD Z15, Z15, Z15
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	BLOCK
	PEAK(0, R11)
	ORIGIN

first:
	BLOCK
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	AHEAD(firstAhead)
	PEAK(1024, AX)

firstAhead:
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	ROUND03(0, (SI))
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ROUND47(128, (SI))
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	ROUND03(256, (SI))
	KEEP(STORE, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ROUND47(0, (SI)(R11*2))
	ADD8(Z19, Z20, Z30, Z31)
	ADDQ $512, SI
	STEP
	CMPQ R8, $3
	JLT  last

block:
	ORIGIN
	TOTAL
	LEFT(rare)
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	ADVANCE(r+0(FP), poisoned+96(FP))
	BLOCK
	VMOVAPS Z14, Z27
	AHEAD(blockAhead)
	PEAK(1024, AX)

blockAhead:
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	ROUND03(0, (SI))
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ROUND47(128, (SI))
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	ROUND03(256, (SI))
	KEEP(STORE, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ROUND47(0, (SI)(R11*2))
	ADD8(Z19, Z20, Z30, Z31)
	ADDQ $16, R13
	ADDQ $512, SI
	ADDQ $48, R12
	STEP
	CMPQ R8, $3
	JGE  block

last:
	TOTAL
	LEFT(rare)
	ADVANCE(r+0(FP), poisoned+96(FP))
	ADDQ $16, R13
	ADDQ $48, R12

rest:
	CMPQ R8, $0
	JLE  done
	CMPQ R8, $2
	JNE  row
	IFPART(row)
	DOUBLE
	PEAKPAIR
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	ROUND03(0, (SI))
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ROUND47(128, (SI))
	ADD8(Z18, Z19, Z25, Z30)
	ADDQ $512, DI
	XORL R8, R8
	TOTALPAIR
	LEFT(rarePair)
	ADVANCE(r+0(FP), poisoned+96(FP))
	JMP  done

row:
	ALONE
	IFPART(partRow)
	PEAKROW
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	ROUND03(0, (SI))

weighedRow:
	STEPROW
	ADDQ $128, SI
	ADDROW(Z18)
	LEFT(rareRow)
	ADVANCE(r+0(FP), poisoned+96(FP))
	ADDQ $4, R13
	ADDQ $12, R12
	JMP  rest

done:
	CMPB poisoned+96(FP), $0
	SETNE poisoned+96(FP)
	MOVL $0x7f7f7fff, AX
	VPBROADCASTD AX, Z0
	VPCMPUD $6, Z0, Z15, K6
	KORTESTW K6, K6
	JNZ  care
	VZEROUPPER
	RET

partRow:
	PEAKROWPART
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	PART03(0, (SI))
	JMP  weighedRow

parts:
	BLOCK
	PEAKPART(0, R11)
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	PART03(0, (SI))
	WEIGH(LESSPART, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	PART47(128, (SI))
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESSPART, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	PART03(256, (SI))
	KEEP(STOREPART, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	PART47(0, (SI)(R11*2))
	ADD8(Z19, Z20, Z30, Z31)
	ADDQ $512, SI
	STEP
	TOTAL
	LEFT(rare)
	ADVANCE(r+0(FP), poisoned+96(FP))
	ADDQ $16, R13
	ADDQ $48, R12
	CMPQ R8, $3
	JGE  parts
	JMP  rest

rarePair:
	AGAINPAIR
	MOVL $7, AX
	KMOVW AX, K7
	JMP  again

rareRow:
	AGAINROW
	JMP  again

rare:
	AGAINROWS
	MOVL $7, AX
	KMOVW AX, K7

again:
	AGAIN
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	VMOVAPS Z22, Z31
	ADVANCE(r+0(FP), poisoned+96(FP))
	ADDQ $4, R13
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ  again
	VPTERNLOGD $0xFF, Z15, Z15, Z15 // NaN has many bits
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	JMP  first

care:
	MOVQ p_base+8(FP), SI
	MOVQ y_base+32(FP), DI
	MOVQ m+80(FP), R8
	KMOVQ K5, K7
	ROUNDING

careRow:
	LOADPART(0, (DI), Z0, Z1, Z2, Z3)
	PRODUCTPART(Z0, Z1, Z2, Z3)
	CARE(Z0, Z6)
	CARE(Z1, Z7)
	CARE(Z2, Z16)
	CARE(Z3, Z17)
	VPMOVDW Z6, Y6
	VPMOVDW Z7, Y7
	VPMOVDW Z16, Y16
	VPMOVDW Z17, Y17
	VINSERTI64X4 $1, Y7, Z6, Z6
	VINSERTI64X4 $1, Y17, Z16, Z16
	KSHIFTRQ $32, K7, K6
	VMOVDQU16 Z6, K7, (SI)
	VMOVDQU16 Z16, K6, 64(SI)
	ADDQ $128, SI
	STEPROW
	JNZ  careRow
	VZEROUPPER
	RET
