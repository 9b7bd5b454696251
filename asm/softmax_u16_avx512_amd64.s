//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"

// softmax_u16_avx512_amd64.s: softmax of a tile with 16-bit weights in two planes.
//
// Obstacle:  the weights are needed twice, for their largest product with a value scale
// and for the codes. They stay in registers from the logits to the bytes; the divisions
// of four rows are one.
// Exactness: the operations and their order are those of softmax_generic.go. The lift of
// a small maximum is multiplied where there is one; elsewhere it is 1.
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

block:
	BLOCK(row)
	JCC  part
	LOADROWS

loaded:
	PEAK
	VMOVAPS Z28, Z27
	ORIGIN(Z21)
	SPREAD(Z21)
	ROWS(EXP, Z28, Z29, Z30, Z31)
	SUM
	JNZ  nan

weighed:
	STOREROWS
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCTS
	TOP
	VBROADCASTSS 44(BX), Z24
	BETA
	JNZ  lift

lifted:
	INVERSE
	SPREAD(Z30)
	ROWS(CODE, Z28, Z29, Z30, Z31)
	LOW
	XORL CX, CX
	PACK16((CX*1), Z0, Z1, Z2, Z3)
	PACK16((R9*1), Z4, Z5, Z6, Z7)
	PACK16((DX*1), Z8, Z9, Z10, Z11)
	PACK16((R11*1), Z12, Z13, Z14, Z15)
	ADDQ $256, SI
	ADDQ $256, R13
	STEP
	JG   block
	VZEROUPPER
	RET

row:
	ALONE
	JCC  partRow
	LOADROW(0, (DI), Z0, Z1, Z2, Z3)

loadedRow:
	PEAKROW
	VMOVAPS Z28, Z27
	ORIGIN(Z28)
	ROW(EXP, Z28)
	SUMROW
	JNZ  nanRow

weighedRow:
	STOREROW(0, (DI), Z0, Z1, Z2, Z3)
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCT(Z0, Z1, Z2, Z3)
	TOPROW
	VBROADCASTSS 44(BX), Z24
	BETA
	JNZ  liftRow

liftedRow:
	INVERSE
	ROW(CODE, Z30)
	LOW
	XORL CX, CX
	PACK16((CX*1), Z0, Z1, Z2, Z3)
	ADDQ $64, SI
	ADDQ $64, R13
	STEPROW
	JNZ  row
	VZEROUPPER
	RET

part:
	LOADPARTS
	JMP  loaded

nan:
	NAN
	JMP  weighed

lift:
	LIFT
	JMP  lifted

partRow:
	LOADPART(0, (DI), Z0, Z1, Z2, Z3)
	JMP  loadedRow

nanRow:
	NANROW
	JMP  weighedRow

liftRow:
	LIFTROW
	JMP  liftedRow
