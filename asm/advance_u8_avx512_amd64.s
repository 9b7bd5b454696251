//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"

// advance_u8_avx512_amd64.s: softmax of a tile with 8-bit weights and the states past it.
//
// Obstacle:  the states want M, L and Beta of the rows, which the softmax has in registers,
// row by row in columns; a call of their own waits for them to come from memory, spread over
// three numbers a row. Both weights of four rows are one vector of 2^x, among the
// exponentials of the next rows.
// Exactness: the operations and their order are those of the twins.
// Reads:     y[i][0:n], sv[0:n], M[0:m] and L[0:m] of the states. Writes y[i][0:n],
//            p[i][0:4·⌈n/4⌉] and 0:m of M, L, Stat and Fold.
// Tails:     masked columns, whose codes are 0; three rows repeat the third, one and two
//            go alone.
// Registers: see the header files; R13 four times the number of the row

// func advanceU8_avx512(r *RowStates, p []byte, y, sv []float32, top float32, m, n int) (poisoned bool)
TEXT ·advanceU8_avx512(SB), NOSPLIT, $0-105
	MOVQ r+0(FP), AX
	MOVQ 72(AX), R12
	XORL R13, R13
	MOVB $0, poisoned+104(FP)
	MOVQ p_base+8(FP), SI
	MOVQ y_base+32(FP), DI
	MOVQ sv_base+56(FP), R10
	MOVQ m+88(FP), R8
	COLUMNS(n+96(FP))
	BYTES(n+96(FP))
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
	VBROADCASTSS top+80(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	ADVANCE(r+0(FP), poisoned+104(FP))
	BLOCK
	VMOVAPS Z14, Z27
	AHEAD(blockAhead)
	PEAK(1024, AX)

blockAhead:
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	CODE8(0, -1024, (DI), (SI))
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	CODE8(1, -768, (DI), (SI)(R9*1))
	CODE8(2, -512, (DI), (SI)(DX*1))
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	MOVL $192, AX
	CODE8(3, -256, (DI), (SI)(AX*1))
	KEEP(STORE, SUMS, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	ADDQ $16, R13
	ADDQ $256, SI
	ADDQ $48, R12
	STEP
	CMPQ R8, $3
	JGE  block

last:
	UNITE
	VBROADCASTSS top+80(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	CODE8(0, -1024, (DI), (SI))
	CODE8(1, -768, (DI), (SI)(R9*1))
	CODE8(2, -512, (DI), (SI)(DX*1))
	CODE8(3, -1024, (DI)(R11*4), (SI)(R11*1))
	ADVANCE(r+0(FP), poisoned+104(FP))
	ADDQ $16, R13
	ADDQ $256, SI
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
	VBROADCASTSS top+80(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rarePair)
	VMOVAPS Z22, Z31
	CODE8(0, -512, (DI), (SI))
	CODE8(1, -256, (DI), (SI)(R9*1))
	ADVANCE(r+0(FP), poisoned+104(FP))
	JMP  done

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
	VBROADCASTSS top+80(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rareRow)
	VMOVAPS Z22, Z31
	CODES(0, Z0, Z1, Z2, Z3)

codedRow:
	PACK(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z0, K5, (SI)
	ADVANCE(r+0(FP), poisoned+104(FP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	JMP  rest

done:
	CMPB poisoned+104(FP), $0
	SETNE poisoned+104(FP)
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
	VBROADCASTSS top+80(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	CODE8PART(0, -1024, (DI), (SI))
	CODE8PART(1, -768, (DI), (SI)(R9*1))
	CODE8PART(2, -512, (DI), (SI)(DX*1))
	CODE8PART(3, -1024, (DI)(R11*4), (SI)(R11*1))
	ADVANCE(r+0(FP), poisoned+104(FP))
	ADDQ $16, R13
	ADDQ $256, SI
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
	VBROADCASTSS top+80(FP), Z24
	RARE
	STATS(Z22)
	VMOVAPS Z22, Z31
	CODES(0, Z0, Z1, Z2, Z3)
	PACK(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z0, K5, (SI)
	ADVANCE(r+0(FP), poisoned+104(FP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ  again
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	JMP  first

// func advanceLogU8_avx512(r *RowStates, p []byte, y, sv []float32, code LogCode, top float32, m, n int) (poisoned bool)
TEXT ·advanceLogU8_avx512(SB), NOSPLIT, $0-121
	MOVQ r+0(FP), AX
	MOVQ 72(AX), R12
	XORL R13, R13
	MOVB $0, poisoned+120(FP)
	MOVQ p_base+8(FP), SI
	MOVQ y_base+32(FP), DI
	MOVQ sv_base+56(FP), R10
	MOVQ m+104(FP), R8
	COLUMNS(n+112(FP))
	BYTES(n+112(FP))
	LOGCONST(code_Step+80(FP), code_Zero+84(FP), code_Last+88(FP))
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	BLOCK
	PEAK(0, R11)
	WHOLE(code_Whole+92(FP))
	ORIGIN

first:
	BLOCK
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	AHEAD(firstAhead)
	PEAK(1024, AX)

firstAhead:
	WEIGH(LESS, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, LOGS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	WEIGH(LESS, LOGS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	STEP
	CMPQ R8, $3
	JLT  last

block:
	WHOLE(code_Whole+92(FP))
	ORIGIN
	UNITE
	VBROADCASTSS top+96(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	ADVANCE(r+0(FP), poisoned+120(FP))
	BLOCK
	VMOVAPS Z14, Z27
	AHEAD(blockAhead)
	PEAK(1024, AX)

blockAhead:
	WEIGH(LESS, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	CODE8(0, -1024, (DI), (SI))
	WEIGH(LESS, LOGS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	CODE8(1, -768, (DI), (SI)(R9*1))
	CODE8(2, -512, (DI), (SI)(DX*1))
	WEIGH(LESS, LOGS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	MOVL $192, AX
	CODE8(3, -256, (DI), (SI)(AX*1))
	KEEP(STORE, SUMS, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	ADDQ $16, R13
	ADDQ $256, SI
	ADDQ $48, R12
	STEP
	CMPQ R8, $3
	JGE  block

last:
	UNITE
	VBROADCASTSS top+96(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	CODE8(0, -1024, (DI), (SI))
	CODE8(1, -768, (DI), (SI)(R9*1))
	CODE8(2, -512, (DI), (SI)(DX*1))
	CODE8(3, -1024, (DI)(R11*4), (SI)(R11*1))
	ADVANCE(r+0(FP), poisoned+120(FP))
	ADDQ $16, R13
	ADDQ $256, SI
	ADDQ $48, R12

rest:
	CMPQ R8, $0
	JLE  done
	CMPQ R8, $2
	JNE  row
	IFPART(row)
	DOUBLE
	PEAKPAIR
	WHOLE(code_Whole+92(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	ADDQ $512, DI
	XORL R8, R8
	UNITEPAIR
	VBROADCASTSS top+96(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rarePair)
	VMOVAPS Z22, Z31
	CODE8(0, -512, (DI), (SI))
	CODE8(1, -256, (DI), (SI)(R9*1))
	ADVANCE(r+0(FP), poisoned+120(FP))
	JMP  done

row:
	ALONE
	IFPART(partRow)
	PEAKROW
	WHOLE(code_Whole+92(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)

weighedRow:
	STEPROW
	UNITEROW
	VBROADCASTSS top+96(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rareRow)
	VMOVAPS Z22, Z31
	CODES(0, Z0, Z1, Z2, Z3)

codedRow:
	PACK(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z0, K5, (SI)
	ADVANCE(r+0(FP), poisoned+120(FP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	JMP  rest

done:
	CMPB poisoned+120(FP), $0
	SETNE poisoned+120(FP)
	VZEROUPPER
	RET

partRow:
	PEAKROWPART
	WHOLE(code_Whole+92(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUMSPART, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	JMP  weighedRow

parts:
	BLOCK
	PEAKPART(0, R11)
	WHOLE(code_Whole+92(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUMSPART, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, LOGS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUMSPART, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	WEIGH(LESSPART, LOGS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUMSPART, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUMSPART, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	STEP
	UNITE
	VBROADCASTSS top+96(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	CODE8PART(0, -1024, (DI), (SI))
	CODE8PART(1, -768, (DI), (SI)(R9*1))
	CODE8PART(2, -512, (DI), (SI)(DX*1))
	CODE8PART(3, -1024, (DI)(R11*4), (SI)(R11*1))
	ADVANCE(r+0(FP), poisoned+120(FP))
	ADDQ $16, R13
	ADDQ $256, SI
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
	VBROADCASTSS top+96(FP), Z24
	RARE
	STATS(Z22)
	VMOVAPS Z22, Z31
	CODES(0, Z0, Z1, Z2, Z3)
	PACK(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z0, K5, (SI)
	ADVANCE(r+0(FP), poisoned+120(FP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ  again
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	JMP  first
