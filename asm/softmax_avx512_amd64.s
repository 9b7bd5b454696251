//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"

// softmax_avx512_amd64.s: softmax of a tile with float weights.
//
// Obstacle:  reductions of single rows and their scalar ends cost more than the
// exponentials. Rows go in blocks of four that fold together, see the header file; one
// call does all rows.
// Exactness: the operations and their order are those of softmax_generic.go, a lane is a
// chain of the sum, nothing is fused.
// Reads:     y[i][0:n], once. Writes y[i][0:n] and st[0:m].
// Tails:     masked columns; three rows repeat the third, one and two go alone.
// Registers: see softmax_avx512_amd64.h

// 0 1.5·2²⁰, 4 512·c3, 8 64·c2, 12 8·c1, 16 −160, 20 −Inf, 24 ½, 28 2⁻⁹⁶, 32 2⁹⁶, 36 1,
// 40 1.5·2²³, 44 65535, 48 1 1, 56 1 √2, 64 2^(i/8), 96 order of st, 112 order of codes,
// 128 the lowest finite number, 132 −0
DATA ·softmaxConst+0(SB)/4, $0x49c00000
DATA ·softmaxConst+4(SB)/4, $0x3d6cfca4
DATA ·softmaxConst+8(SB)/4, $0x3e75d12a
DATA ·softmaxConst+12(SB)/4, $0x3f317253
DATA ·softmaxConst+16(SB)/4, $0xc3200000
DATA ·softmaxConst+20(SB)/4, $0xff800000
DATA ·softmaxConst+24(SB)/4, $0x3f000000
DATA ·softmaxConst+28(SB)/4, $0x0f800000
DATA ·softmaxConst+32(SB)/4, $0x6f800000
DATA ·softmaxConst+36(SB)/4, $0x3f800000
DATA ·softmaxConst+40(SB)/4, $0x4b400000
DATA ·softmaxConst+44(SB)/4, $0x477fff00
DATA ·softmaxConst+48(SB)/8, $0x3f8000003f800000
DATA ·softmaxConst+56(SB)/8, $0x3fb504f33f800000
DATA ·softmaxConst+64(SB)/8, $0x3f8b95c23f800000
DATA ·softmaxConst+72(SB)/8, $0x3fa5fed73f9837f0
DATA ·softmaxConst+80(SB)/8, $0x3fc5672a3fb504f3
DATA ·softmaxConst+88(SB)/8, $0x3feac0c73fd744fd
DATA ·softmaxConst+96(SB)/8, $0x0908060504020100
DATA ·softmaxConst+104(SB)/8, $0x0f0b07030e0d0c0a
DATA ·softmaxConst+112(SB)/8, $0x0d0905010c080400
DATA ·softmaxConst+120(SB)/8, $0x0f0b07030e0a0602
DATA ·softmaxConst+128(SB)/4, $0xff7fffff
DATA ·softmaxConst+132(SB)/4, $0x80000000
GLOBL ·softmaxConst(SB), RODATA|NOPTR, $136

// func smF32_avx512(y []float32, st []Stat, m, n int)
TEXT ·smF32_avx512(SB), NOSPLIT, $0-64
	MOVQ y_base+0(FP), DI
	MOVQ st_base+24(FP), R12
	MOVQ m+48(FP), R8
	COLUMNS(n+56(FP))
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
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
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
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
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

// func smLogF32_avx512(y []float32, st []Stat, code LogCode, m, n int)
TEXT ·smLogF32_avx512(SB), NOSPLIT, $0-80
	MOVQ y_base+0(FP), DI
	MOVQ st_base+24(FP), R12
	MOVQ m+64(FP), R8
	COLUMNS(n+72(FP))
	BLOCK(alone)
	IFPART(partPeak)
	PEAK(0, R11)

peaks:
	LOGCONST(code_Step+48(FP), code_Zero+52(FP), code_Last+56(FP))

block:
	WHOLE(code_Whole+60(FP), Z26)
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
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	STEP
	JLE  done
	BLOCK(row)
	JMP  block

alone:
	LOGCONST(code_Step+48(FP), code_Zero+52(FP), code_Last+56(FP))

row:
	ALONE
	IFPART(partRow)
	LOADROW

loadedRow:
	PEAKROW
	WHOLE(code_Whole+60(FP), Z28)
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
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
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
