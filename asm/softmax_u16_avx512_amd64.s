//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"

// softmax_u16_avx512_amd64.s: softmax of a tile with 16-bit weights in two planes.
//
// Obstacle:  the weights are needed twice, for their largest product with a value scale
// and for the codes, with folds and divisions in between that take as long as the
// exponentials. The codes of four rows are made among the exponentials of the next four;
// the divisions of four rows are one.
// Exactness: the operations and their order are those of softmax_generic.go. Rows with a
// small maximum, a NaN or an infinity are finished again one by one.
// Reads:     y[i][0:n] and sv[0:n]. Writes y[i][0:n], 0:4·⌈n/4⌉ of the rows of hi and lo,
//            st[0:m].
// Tails:     masked columns, whose codes are 0; three rows repeat the third, one and two
//            go alone.
// Registers: see the header files

// func smU16_avx512(hi, lo []byte, y, sv []float32, st []Stat, m, n int)
TEXT ·smU16_avx512(SB), NOSPLIT, $0-136
	MOVQ hi_base+0(FP), SI
	MOVQ lo_base+24(FP), R13
	MOVQ y_base+48(FP), DI
	MOVQ sv_base+72(FP), R10
	MOVQ st_base+96(FP), R12
	MOVQ m+120(FP), R8
	COLUMNS(n+128(FP))
	BYTES(n+128(FP))
	EXPCONST
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
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	STEP
	CMPQ R8, $3
	JLT  last

block:
	ORIGIN
	UNITE
	VBROADCASTSS 44(BX), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	BLOCK
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	AHEAD(blockAhead)
	PEAK(1024, AX)

blockAhead:
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	CODE16(0, -1024, (DI), (SI), (R13))
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	CODE16(1, -768, (DI), (SI)(R9*1), (R13)(R9*1))
	CODE16(2, -512, (DI), (SI)(DX*1), (R13)(DX*1))
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	MOVL $192, AX
	CODE16(3, -256, (DI), (SI)(AX*1), (R13)(AX*1))
	KEEP(STORE, SUMS, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	ADDQ $256, SI
	ADDQ $256, R13
	ADDQ $48, R12
	STEP
	CMPQ R8, $3
	JGE  block

last:
	UNITE
	VBROADCASTSS 44(BX), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	CODE16(0, -1024, (DI), (SI), (R13))
	CODE16(1, -768, (DI), (SI)(R9*1), (R13)(R9*1))
	CODE16(2, -512, (DI), (SI)(DX*1), (R13)(DX*1))
	CODE16(3, -1024, (DI)(R11*4), (SI)(R11*1), (R13)(R11*1))
	ADDQ $256, SI
	ADDQ $256, R13
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
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	ADDQ $512, DI
	XORL R8, R8
	UNITEPAIR
	VBROADCASTSS 44(BX), Z24
	BETA
	STATS(Z22)
	IFRARE(rarePair)
	CODE16(0, -512, (DI), (SI), (R13))
	CODE16(1, -256, (DI), (SI)(R9*1), (R13)(R9*1))
	VZEROUPPER
	RET

row:
	ALONE
	IFPART(partRow)
	PEAKROW
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)

weighedRow:
	STEPROW
	UNITEROW
	VBROADCASTSS 44(BX), Z24
	BETA
	STATS(Z22)
	IFRARE(rareRow)
	CODES(0, Z0, Z1, Z2, Z3)

codedRow:
	PACK16(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z1, K5, (SI)
	VMOVDQU8 Z0, K5, (R13)
	ADDQ $64, SI
	ADDQ $64, R13
	ADDQ $12, R12
	JMP  rest

done:
	VZEROUPPER
	RET

partRow:
	PEAKROWPART
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUMSPART, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	JMP  weighedRow

parts:
	BLOCK
	PEAKPART(0, R11)
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUMSPART, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUMSPART, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	WEIGH(LESSPART, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUMSPART, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUMSPART, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	STEP
	UNITE
	VBROADCASTSS 44(BX), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	CODE16PART(0, -1024, (DI), (SI), (R13))
	CODE16PART(1, -768, (DI), (SI)(R9*1), (R13)(R9*1))
	CODE16PART(2, -512, (DI), (SI)(DX*1), (R13)(DX*1))
	CODE16PART(3, -1024, (DI)(R11*4), (SI)(R11*1), (R13)(R11*1))
	ADDQ $256, SI
	ADDQ $256, R13
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
	VBROADCASTSS 44(BX), Z24
	RARE
	STATS(Z22)
	CODES(0, Z0, Z1, Z2, Z3)
	PACK16(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z1, K5, (SI)
	VMOVDQU8 Z0, K5, (R13)
	ADDQ $64, SI
	ADDQ $64, R13
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ  again
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	JMP  first
