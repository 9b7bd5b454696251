//go:build !purego

#include "textflag.h"

// pv_u8i8_avx2_amd64.s: integer sums of int8 values under u8 weights.
//
// The int8 V layout keeps 4 tokens of a channel together, so the kernel is that of
// the scores with channels in the place of tokens: widen 16 channels × 4 tokens,
// VPMADDWD with the 4 spread weights of a row, join lane pairs at the end.
// Exactness: products ≤ 255·128, two per lane, sums as in the contract.
// Reads:     ⌈n/4⌉ quads of V, p[i][0:4·⌈n/4⌉]. Writes o[i][0:dv].
// Tails:     16 channels, then 4, then 1 at a time; nothing is read past the quad.
// Registers: Y0–Y3 row 0 · Y4–Y7 row 1 · Y8–Y11 V words · Y12 p · Y13 product
//            DI o · SI p · BX v of the channel block · R8 rows · R9 quads · R10 dv
//            R11 v stride · R12 channels left

#define DOT(v, acc) \
	VPMADDWD v, Y12, Y13; \
	VPADDD   Y13, acc, acc

#define JOIN(lo, hi, off, dst) \
	VPHADDD hi, lo, lo;    \
	VPERMQ  $0xD8, lo, lo; \
	VMOVDQU lo, off(dst)

// func pvU8I8_avx2(o []int32, p, v []byte, m, n, dv int, next []byte)
TEXT ·pvU8I8_avx2(SB), NOSPLIT, $0-120
	MOVQ o_base+0(FP), DI
	MOVQ v_base+48(FP), BX
	MOVQ n+80(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9
	MOVQ dv+88(FP), R10
	LEAQ (R10*4), R11
	MOVQ R10, R12

channels16:
	CMPQ R12, $16
	JLT  channels4
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ DI, R13

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
	MOVQ R9, CX
	PCALIGN $32

quad2:
	VPMOVSXBW (DX), Y8
	VPMOVSXBW 16(DX), Y9
	VPMOVSXBW 32(DX), Y10
	VPMOVSXBW 48(DX), Y11
	VPBROADCASTD (AX), X12
	VPMOVZXBW X12, Y12
	DOT(Y8, Y0)
	DOT(Y9, Y1)
	DOT(Y10, Y2)
	DOT(Y11, Y3)
	VPBROADCASTD 64(AX), X12
	VPMOVZXBW X12, Y12
	DOT(Y8, Y4)
	DOT(Y9, Y5)
	DOT(Y10, Y6)
	DOT(Y11, Y7)
	ADDQ R11, DX
	ADDQ $4, AX
	DECQ CX
	JNZ  quad2

	JOIN(Y0, Y1, 0, R13)
	JOIN(Y2, Y3, 32, R13)
	ADDQ R11, R13
	JOIN(Y4, Y5, 0, R13)
	JOIN(Y6, Y7, 32, R13)
	ADDQ R11, R13
	ADDQ $128, SI
	SUBQ $2, R8
	JMP  rows2

row1:
	CMPQ R8, $1
	JLT  next16
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R9, CX

quad1:
	VPMOVSXBW (DX), Y8
	VPMOVSXBW 16(DX), Y9
	VPMOVSXBW 32(DX), Y10
	VPMOVSXBW 48(DX), Y11
	VPBROADCASTD (AX), X12
	VPMOVZXBW X12, Y12
	DOT(Y8, Y0)
	DOT(Y9, Y1)
	DOT(Y10, Y2)
	DOT(Y11, Y3)
	ADDQ R11, DX
	ADDQ $4, AX
	DECQ CX
	JNZ  quad1

	JOIN(Y0, Y1, 0, R13)
	JOIN(Y2, Y3, 32, R13)

next16:
	ADDQ $64, BX
	ADDQ $64, DI
	SUBQ $16, R12
	JMP  channels16

channels4:
	CMPQ R12, $4
	JLT  channels1
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ DI, R13

row4:
	VPXOR Y0, Y0, Y0
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R9, CX

quad4:
	VPMOVSXBW (DX), Y8
	VPBROADCASTD (AX), X12
	VPMOVZXBW X12, Y12
	DOT(Y8, Y0)
	ADDQ R11, DX
	ADDQ $4, AX
	DECQ CX
	JNZ  quad4

	VPHADDD Y0, Y0, Y0
	VPERMQ  $0xD8, Y0, Y0
	VMOVDQU X0, (R13)
	ADDQ R11, R13
	ADDQ $64, SI
	DECQ R8
	JNZ  row4
	ADDQ $16, BX
	ADDQ $16, DI
	SUBQ $4, R12
	JMP  channels4

channels1:
	CMPQ R12, $1
	JLT  done
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ DI, R13

rowOne:
	VPXOR X0, X0, X0
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R9, CX

quadOne:
	VMOVD (DX), X8
	VPMOVSXBW X8, X8
	VMOVD (AX), X12
	VPMOVZXBW X12, X12
	VPMADDWD X8, X12, X13
	VPADDD X13, X0, X0
	ADDQ R11, DX
	ADDQ $4, AX
	DECQ CX
	JNZ  quadOne

	VPHADDD X0, X0, X0
	VMOVD X0, (R13)
	ADDQ R11, R13
	ADDQ $64, SI
	DECQ R8
	JNZ  rowOne
	ADDQ $4, BX
	ADDQ $4, DI
	DECQ R12
	JMP  channels1

done:
	VZEROUPPER
	RET
