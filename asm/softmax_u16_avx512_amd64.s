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
	VBROADCASTSS 44(BX), Z24
	BETA
	JNZ  lift

lifted:
	STATS(Z22)
	HALF
	SPREAD(Z30)
	ROWS(CODE, Z28, Z29, Z30, Z31)
	LOW
	PACK16(Z0, Z1, Z2, Z3)
	PACK16(Z4, Z5, Z6, Z7)
	PACK16(Z8, Z9, Z10, Z11)
	PACK16(Z12, Z13, Z14, Z15)
	IFPART(byteParts)
	BYTEROWS(SI, Z1, Z5, Z9, Z13)
	BYTEROWS(R13, Z0, Z4, Z8, Z12)

coded:
	ADDQ $256, SI
	ADDQ $256, R13
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
	VBROADCASTSS 44(BX), Z24
	BETA
	JNZ  liftRow

liftedRow:
	STATS(Z22)
	HALF
	ROW(CODE, Z30)
	LOW
	PACK16(Z0, Z1, Z2, Z3)
	IFPART(bytePart)
	VMOVDQU32 Z1, (SI)
	VMOVDQU32 Z0, (R13)

codedRow:
	ADDQ $64, SI
	ADDQ $64, R13
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
	BYTEPARTS(SI, Z1, Z5, Z9, Z13)
	BYTEPARTS(R13, Z0, Z4, Z8, Z12)
	JMP  coded

liftRow:
	LIFTROW
	JMP  liftedRow

bytePart:
	VMOVDQU8 Z1, K5, (SI)
	VMOVDQU8 Z0, K5, (R13)
	JMP  codedRow
