//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"

// softmax_u8_avx512_amd64.s: softmax of a tile with 8-bit weights.
//
// Obstacle:  the weights are needed twice, for their largest product with a value scale
// and for the codes. They stay in registers from the logits to the bytes; the divisions
// of four rows are one.
// Exactness: the operations and their order are those of softmax_generic.go. The lift of
// a small maximum is multiplied where there is one; elsewhere it is 1.
// Reads:     y[i][0:n] and sv[0:n]. Writes y[i][0:n], p[i][0:4·⌈n/4⌉] and st[0:m].
// Tails:     masked columns, whose codes are 0; three rows repeat the third, one and two
//            go alone.
// Registers: see the header files

// func smU8_avx512(p []byte, y, sv []float32, st []Stat, top float32, m, n int)
TEXT ·smU8_avx512(SB), NOSPLIT, $0-120
	MOVQ p_base+0(FP), SI
	MOVQ y_base+24(FP), DI
	MOVQ sv_base+48(FP), R10
	MOVQ st_base+72(FP), R12
	MOVQ m+104(FP), R8
	COLUMNS(n+112(FP))
	BYTES(n+112(FP))
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
	VBROADCASTSS top+96(FP), Z24
	BETA
	JNZ  lift

lifted:
	INVERSE
	SPREAD(Z30)
	ROWS(CODE, Z28, Z29, Z30, Z31)
	XORL CX, CX
	PACK((CX*1), Z0, Z1, Z2, Z3)
	PACK((R9*1), Z4, Z5, Z6, Z7)
	PACK((DX*1), Z8, Z9, Z10, Z11)
	PACK((R11*1), Z12, Z13, Z14, Z15)
	ADDQ $256, SI
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
	VBROADCASTSS top+96(FP), Z24
	BETA
	JNZ  liftRow

liftedRow:
	INVERSE
	ROW(CODE, Z30)
	XORL CX, CX
	PACK((CX*1), Z0, Z1, Z2, Z3)
	ADDQ $64, SI
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

// func smLogU8_avx512(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int)
TEXT ·smLogU8_avx512(SB), NOSPLIT, $0-128
	MOVQ p_base+0(FP), SI
	MOVQ y_base+24(FP), DI
	MOVQ sv_base+48(FP), R10
	MOVQ st_base+72(FP), R12
	MOVQ m+112(FP), R8
	COLUMNS(n+120(FP))
	BYTES(n+120(FP))
	LOGCONST(code_Step+96(FP), code_Zero+100(FP))

block:
	BLOCK(row)
	JCC  part
	LOADROWS

loaded:
	PEAK
	WHOLE(code_Whole+104(FP))
	ORIGIN(Z21)
	SPREAD(Z21)
	ROWS(LOG, Z28, Z29, Z30, Z31)
	SUM
	JNZ  nan

weighed:
	STOREROWS
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCTS
	TOP
	VBROADCASTSS top+108(FP), Z24
	BETA
	JNZ  lift

lifted:
	INVERSE
	SPREAD(Z30)
	ROWS(CODE, Z28, Z29, Z30, Z31)
	XORL CX, CX
	PACK((CX*1), Z0, Z1, Z2, Z3)
	PACK((R9*1), Z4, Z5, Z6, Z7)
	PACK((DX*1), Z8, Z9, Z10, Z11)
	PACK((R11*1), Z12, Z13, Z14, Z15)
	ADDQ $256, SI
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
	WHOLE(code_Whole+104(FP))
	ORIGIN(Z28)
	ROW(LOG, Z28)
	SUMROW
	JNZ  nanRow

weighedRow:
	STOREROW(0, (DI), Z0, Z1, Z2, Z3)
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCT(Z0, Z1, Z2, Z3)
	TOPROW
	VBROADCASTSS top+108(FP), Z24
	BETA
	JNZ  liftRow

liftedRow:
	INVERSE
	ROW(CODE, Z30)
	XORL CX, CX
	PACK((CX*1), Z0, Z1, Z2, Z3)
	ADDQ $64, SI
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
