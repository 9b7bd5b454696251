//go:build !purego

#include "textflag.h"

// qk_i8_avx2_amd64.s: integer scores of int8 queries against the int8 K layout.
//
// Obstacle:  VPMADDUBSW saturates (2·255·127 > 32767) and the sign trick breaks at −128.
//            Widening K to 16 bits is exact, and its cost is shared by the query rows.
// Per block of 16 tokens × 4 channels: 4 widenings, 4 subtractions of the offset 128; per
// query row 2 instructions to spread its 4 codes, 4 VPMADDWD and 4 VPADDD. A lane pair of
// an accumulator holds the channel pairs (0,1) and (2,3) of one token; one VPHADDD per
// group joins them.
// Exactness: |k·q| pair ≤ 2·128·127 in int32; the sums are those of the contract.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Registers: Y0–Y3 row 0 · Y4–Y7 row 1 · Y8–Y11 K words · Y12 q · Y13 product · Y15 128
//            DI s · SI q · BX k of the group · R8 rows · R9 n left · R10 d4 · R11 q stride

#define WIDEN(off, y) \
	VPMOVZXBW off(DX), y; \
	VPSUBW    Y15, y, y

#define DOT(k, acc) \
	VPMADDWD k, Y12, Y13; \
	VPADDD   Y13, acc, acc

#define JOIN(lo, hi, off, dst) \
	VPHADDD hi, lo, lo;    \
	VPERMQ  $0xD8, lo, lo; \
	VMOVDQU lo, off(dst)

// func qkI8_avx2(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)
TEXT ·qkI8_avx2(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	MOVQ d4+88(FP), R10
	LEAQ (R10*4), R11
	MOVL $0x00800080, AX
	VMOVD AX, X15
	VPBROADCASTD X15, Y15

group:
	CMPQ R9, $0
	JLE  done
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ DI, R12

rows2:
	CMPQ R8, $2
	JLT  row1
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	VPXOR Y4, Y4, Y4
	VPXOR Y5, Y5, Y5
	VPXOR Y6, Y6, Y6
	VPXOR Y7, Y7, Y7
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R10, CX
	PCALIGN $32

block2:
	WIDEN(0, Y8)
	WIDEN(16, Y9)
	WIDEN(32, Y10)
	WIDEN(48, Y11)
	VPBROADCASTD (AX), X12
	VPMOVSXBW X12, Y12
	DOT(Y8, Y0)
	DOT(Y9, Y1)
	DOT(Y10, Y2)
	DOT(Y11, Y3)
	VPBROADCASTD (AX)(R11*1), X12
	VPMOVSXBW X12, Y12
	DOT(Y8, Y4)
	DOT(Y9, Y5)
	DOT(Y10, Y6)
	DOT(Y11, Y7)
	ADDQ $64, DX
	ADDQ $4, AX
	DECQ CX
	JNZ  block2

	JOIN(Y0, Y1, 0, R12)
	JOIN(Y2, Y3, 32, R12)
	JOIN(Y4, Y5, 256, R12)
	JOIN(Y6, Y7, 288, R12)
	ADDQ $512, R12
	LEAQ (SI)(R11*2), SI
	SUBQ $2, R8
	JMP  rows2

row1:
	CMPQ R8, $1
	JLT  next
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R10, CX
	PCALIGN $32

block1:
	WIDEN(0, Y8)
	WIDEN(16, Y9)
	WIDEN(32, Y10)
	WIDEN(48, Y11)
	VPBROADCASTD (AX), X12
	VPMOVSXBW X12, Y12
	DOT(Y8, Y0)
	DOT(Y9, Y1)
	DOT(Y10, Y2)
	DOT(Y11, Y3)
	ADDQ $64, DX
	ADDQ $4, AX
	DECQ CX
	JNZ  block1

	JOIN(Y0, Y1, 0, R12)
	JOIN(Y2, Y3, 32, R12)

next:
	MOVQ R10, AX
	SHLQ $6, AX
	ADDQ AX, BX
	ADDQ $64, DI
	SUBQ $16, R9
	JMP  group

done:
	VZEROUPPER
	RET
