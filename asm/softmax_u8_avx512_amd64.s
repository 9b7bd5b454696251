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
	BLOCK(alone)
	IFPART(partPeak)
	PEAK(0, R11)

peaks:
	EXPCONST

block:
	VMOVAPS Z26, Z27
	ORIGINS
	IFPART(part)
	AHEAD(last)
	PEAK(1024, AX)

last:
	LESSROWS

loaded:
	EACH(EXP2)
	SUM
	JNZ  nan

weighed:
	IFPART(storeParts)
	STOREROWS

stored:
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCTS
	TOP
	VBROADCASTSS top+96(FP), Z24
	BETA
	JNZ  lift

lifted:
	STATS(Z22)
	HALF
	SPREAD(Z30)
	ROWS(CODE, Z28, Z29, Z30, Z31)
	PACK(Z0, Z1, Z2, Z3)
	PACK(Z4, Z5, Z6, Z7)
	PACK(Z8, Z9, Z10, Z11)
	PACK(Z12, Z13, Z14, Z15)
	IFPART(byteParts)
	BYTEROWS(SI, Z0, Z4, Z8, Z12)

coded:
	ADDQ $256, SI
	STEP
	JLE  done
	BLOCK(row)
	JMP  block

alone:
	EXPCONST

row:
	ALONE
	IFPART(partRow)
	LOADROW

loadedRow:
	PEAKROW
	VMOVAPS Z28, Z27
	ORIGIN(Z28)
	ROW(SUB, Z28)
	EACHROW(EXP2)
	SUMROW
	JNZ  nanRow

weighedRow:
	IFPART(storePart)
	STOREROW(0, (DI), Z0, Z1, Z2, Z3)

storedRow:
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCT(Z0, Z1, Z2, Z3)
	TOPROW
	VBROADCASTSS top+96(FP), Z24
	BETA
	JNZ  liftRow

liftedRow:
	STATS(Z22)
	HALF
	ROW(CODE, Z30)
	PACK(Z0, Z1, Z2, Z3)
	IFPART(bytePart)
	VMOVDQU32 Z0, (SI)

codedRow:
	ADDQ $64, SI
	STEPROW
	JNZ  row

done:
	VZEROUPPER
	RET

partPeak:
	PEAKPART(0, R11)
	JMP  peaks

part:
	AHEAD(lastPart)
	PEAKPART(1024, AX)

lastPart:
	LESSPARTS
	JMP  loaded

nan:
	NAN
	JMP  weighed

storeParts:
	STOREPARTS
	JMP  stored

partRow:
	LOADPART
	JMP  loadedRow

nanRow:
	NANROW
	JMP  weighedRow

storePart:
	STOREPART(0, (DI), Z0, Z1, Z2, Z3)
	JMP  storedRow

lift:
	LIFT
	JMP  lifted

byteParts:
	BYTEPARTS(SI, Z0, Z4, Z8, Z12)
	JMP  coded

liftRow:
	LIFTROW
	JMP  liftedRow

bytePart:
	VMOVDQU8 Z0, K5, (SI)
	JMP  codedRow

// func smLogU8_avx512(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int)
TEXT ·smLogU8_avx512(SB), NOSPLIT, $0-136
	MOVQ p_base+0(FP), SI
	MOVQ y_base+24(FP), DI
	MOVQ sv_base+48(FP), R10
	MOVQ st_base+72(FP), R12
	MOVQ m+120(FP), R8
	COLUMNS(n+128(FP))
	BYTES(n+128(FP))
	BLOCK(alone)
	IFPART(partPeak)
	PEAK(0, R11)

peaks:
	LOGCONST(code_Step+96(FP), code_Zero+100(FP), code_Last+104(FP))

block:
	WHOLE(code_Whole+108(FP), Z26)
	ORIGINS
	IFPART(part)
	AHEAD(last)
	PEAK(1024, AX)

last:
	LESSROWS

loaded:
	EACH(LOG)
	SUM
	JNZ  nan

weighed:
	IFPART(storeParts)
	STOREROWS

stored:
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCTS
	TOP
	VBROADCASTSS top+112(FP), Z24
	BETA
	JNZ  lift

lifted:
	STATS(Z22)
	HALF
	SPREAD(Z30)
	ROWS(CODE, Z28, Z29, Z30, Z31)
	PACK(Z0, Z1, Z2, Z3)
	PACK(Z4, Z5, Z6, Z7)
	PACK(Z8, Z9, Z10, Z11)
	PACK(Z12, Z13, Z14, Z15)
	IFPART(byteParts)
	BYTEROWS(SI, Z0, Z4, Z8, Z12)

coded:
	ADDQ $256, SI
	STEP
	JLE  done
	BLOCK(row)
	JMP  block

alone:
	LOGCONST(code_Step+96(FP), code_Zero+100(FP), code_Last+104(FP))

row:
	ALONE
	IFPART(partRow)
	LOADROW

loadedRow:
	PEAKROW
	WHOLE(code_Whole+108(FP), Z28)
	ORIGIN(Z28)
	ROW(SUB, Z28)
	EACHROW(LOG)
	SUMROW
	JNZ  nanRow

weighedRow:
	IFPART(storePart)
	STOREROW(0, (DI), Z0, Z1, Z2, Z3)

storedRow:
	VUNPCKLPS Z28, Z27, Z27
	SCALES
	PRODUCT(Z0, Z1, Z2, Z3)
	TOPROW
	VBROADCASTSS top+112(FP), Z24
	BETA
	JNZ  liftRow

liftedRow:
	STATS(Z22)
	HALF
	ROW(CODE, Z30)
	PACK(Z0, Z1, Z2, Z3)
	IFPART(bytePart)
	VMOVDQU32 Z0, (SI)

codedRow:
	ADDQ $64, SI
	STEPROW
	JNZ  row

done:
	VZEROUPPER
	RET

partPeak:
	PEAKPART(0, R11)
	JMP  peaks

part:
	AHEAD(lastPart)
	PEAKPART(1024, AX)

lastPart:
	LESSPARTS
	JMP  loaded

nan:
	NAN
	JMP  weighed

storeParts:
	STOREPARTS
	JMP  stored

partRow:
	LOADPART
	JMP  loadedRow

nanRow:
	NANROW
	JMP  weighedRow

storePart:
	STOREPART(0, (DI), Z0, Z1, Z2, Z3)
	JMP  storedRow

lift:
	LIFT
	JMP  lifted

byteParts:
	BYTEPARTS(SI, Z0, Z4, Z8, Z12)
	JMP  coded

liftRow:
	LIFTROW
	JMP  liftedRow

bytePart:
	VMOVDQU8 Z0, K5, (SI)
	JMP  codedRow
