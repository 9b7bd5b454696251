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
// 40 1.5·2²³, 44 65535, 48 1 1, 56 1 √2, 64 2^(i/8), 128 the lowest finite number,
// 132 −0, 136 low bytes, 140 −1, 192 and 256 order of st, 320 order of codes, 384 of Fold,
// 448 from lanes to columns
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
DATA ·softmaxConst+128(SB)/4, $0xff7fffff
DATA ·softmaxConst+132(SB)/4, $0x80000000
DATA ·softmaxConst+136(SB)/4, $0x00ff00ff
DATA ·softmaxConst+140(SB)/4, $0xbf800000
DATA ·softmaxConst+192(SB)/8, $0x0000000000000000
DATA ·softmaxConst+200(SB)/8, $0x0000000100000010
DATA ·softmaxConst+208(SB)/8, $0x0000001100000000
DATA ·softmaxConst+216(SB)/8, $0x0000000000000002
DATA ·softmaxConst+224(SB)/8, $0x0000000300000012
DATA ·softmaxConst+232(SB)/8, $0x0000001300000000
DATA ·softmaxConst+240(SB)/8, $0x0000000000000000
DATA ·softmaxConst+248(SB)/8, $0x0000000000000000
DATA ·softmaxConst+256(SB)/8, $0x0000001000000000
DATA ·softmaxConst+264(SB)/8, $0x0000000300000002
DATA ·softmaxConst+272(SB)/8, $0x0000000500000014
DATA ·softmaxConst+280(SB)/8, $0x0000001800000006
DATA ·softmaxConst+288(SB)/8, $0x0000000900000008
DATA ·softmaxConst+296(SB)/8, $0x0000000b0000001c
DATA ·softmaxConst+304(SB)/8, $0x0000000d0000000c
DATA ·softmaxConst+312(SB)/8, $0x0000000f0000000e
DATA ·softmaxConst+320(SB)/8, $0x0000000400000000
DATA ·softmaxConst+328(SB)/8, $0x0000000c00000008
DATA ·softmaxConst+336(SB)/8, $0x0000000500000001
DATA ·softmaxConst+344(SB)/8, $0x0000000d00000009
DATA ·softmaxConst+352(SB)/8, $0x0000000600000002
DATA ·softmaxConst+360(SB)/8, $0x0000000e0000000a
DATA ·softmaxConst+368(SB)/8, $0x0000000700000003
DATA ·softmaxConst+376(SB)/8, $0x0000000f0000000b
DATA ·softmaxConst+384(SB)/8, $0x0000001000000000
DATA ·softmaxConst+392(SB)/8, $0x0000000300000002
DATA ·softmaxConst+400(SB)/8, $0x0000000500000011
DATA ·softmaxConst+408(SB)/8, $0x0000001200000006
DATA ·softmaxConst+416(SB)/8, $0x0000000900000008
DATA ·softmaxConst+424(SB)/8, $0x0000000b00000013
DATA ·softmaxConst+432(SB)/8, $0x0000000d0000000c
DATA ·softmaxConst+440(SB)/8, $0x0000000f0000000e
DATA ·softmaxConst+448(SB)/8, $0x0000000400000000
DATA ·softmaxConst+456(SB)/8, $0x0000000c00000008
DATA ·softmaxConst+512(SB)/8, $0x3f8b95c23f800000
DATA ·softmaxConst+520(SB)/8, $0x3fa5fed73f9837f0
DATA ·softmaxConst+528(SB)/8, $0x3fc5672a3fb504f3
DATA ·softmaxConst+536(SB)/8, $0x3feac0c73fd744fd
DATA ·softmaxConst+544(SB)/8, $0x3f8b95c23f800000
DATA ·softmaxConst+552(SB)/8, $0x3fa5fed73f9837f0
DATA ·softmaxConst+560(SB)/8, $0x3fc5672a3fb504f3
DATA ·softmaxConst+568(SB)/8, $0x3feac0c73fd744fd
GLOBL ·softmaxConst(SB), RODATA|NOPTR, $576

// func smF32_avx512(y []float32, st []Stat, m, n int)
TEXT ·smF32_avx512(SB), NOSPLIT, $0-64
	MOVQ y_base+0(FP), DI
	MOVQ st_base+24(FP), R12
	MOVQ m+48(FP), R8
	COLUMNS(n+56(FP))
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
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ADD8(Z19, Z20, Z30, Z31)
	STEP
	CMPQ R8, $3
	JLT  last

block:
	ORIGIN
	TOTAL
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rare)
	ADDQ $48, R12
	BLOCK
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	AHEAD(blockAhead)
	PEAK(1024, AX)

blockAhead:
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ADD8(Z19, Z20, Z30, Z31)
	STEP
	CMPQ R8, $3
	JGE  block

last:
	TOTAL
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rare)
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
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	ADDQ $512, DI
	XORL R8, R8
	TOTALPAIR
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rarePair)
	VZEROUPPER
	RET

row:
	ALONE
	IFPART(partRow)
	PEAKROW
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)

weighedRow:
	STEPROW
	ADDROW(Z18)
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rareRow)
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
	KEEP(STOREPART, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	JMP  weighedRow

parts:
	BLOCK
	PEAKPART(0, R11)
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESSPART, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ADD8(Z19, Z20, Z30, Z31)
	STEP
	TOTAL
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rare)
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
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ  again
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	JMP  first

// func smLogF32_avx512(y []float32, st []Stat, code LogCode, m, n int)
TEXT ·smLogF32_avx512(SB), NOSPLIT, $0-80
	MOVQ y_base+0(FP), DI
	MOVQ st_base+24(FP), R12
	MOVQ m+64(FP), R8
	COLUMNS(n+72(FP))
	LOGCONST(code_Step+48(FP), code_Zero+52(FP), code_Last+56(FP))
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	BLOCK
	PEAK(0, R11)
	WHOLE(code_Whole+60(FP))
	ORIGIN

first:
	BLOCK
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	AHEAD(firstAhead)
	PEAK(1024, AX)

firstAhead:
	WEIGH(LESS, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, LOGS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESS, LOGS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ADD8(Z19, Z20, Z30, Z31)
	STEP
	CMPQ R8, $3
	JLT  last

block:
	WHOLE(code_Whole+60(FP))
	ORIGIN
	TOTAL
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rare)
	ADDQ $48, R12
	BLOCK
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	AHEAD(blockAhead)
	PEAK(1024, AX)

blockAhead:
	WEIGH(LESS, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, LOGS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESS, LOGS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ADD8(Z19, Z20, Z30, Z31)
	STEP
	CMPQ R8, $3
	JGE  block

last:
	TOTAL
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rare)
	ADDQ $48, R12

rest:
	CMPQ R8, $0
	JLE  done
	CMPQ R8, $2
	JNE  row
	IFPART(row)
	DOUBLE
	PEAKPAIR
	WHOLE(code_Whole+60(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	ADDQ $512, DI
	XORL R8, R8
	TOTALPAIR
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rarePair)
	VZEROUPPER
	RET

row:
	ALONE
	IFPART(partRow)
	PEAKROW
	WHOLE(code_Whole+60(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)

weighedRow:
	STEPROW
	ADDROW(Z18)
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rareRow)
	ADDQ $12, R12
	JMP  rest

done:
	VZEROUPPER
	RET

partRow:
	PEAKROWPART
	WHOLE(code_Whole+60(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	JMP  weighedRow

parts:
	BLOCK
	PEAKPART(0, R11)
	WHOLE(code_Whole+60(FP))
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESSPART, LOGS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, LOGS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUM, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESSPART, LOGS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	ADD8(Z18, Z19, Z25, Z30)
	WEIGH(LESSPART, LOGS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STOREPART, SUM, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STOREPART, SUM, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	ADD8(Z19, Z20, Z30, Z31)
	STEP
	TOTAL
	VBROADCASTSS 36(BX), Z22
	STATS(Z22)
	IFVOID(rare)
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
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ  again
	CMPQ R8, $3
	JLT  rest
	IFPART(parts)
	JMP  first
