//go:build !purego

#include "textflag.h"

// pv_f16_avx2_amd64.s: float32 sums of binary16 values in place.
//
// The kernel of the float32 sums with conversions behind the loads, which pay while few
// rows share them: on Zen 1 converting a tile once (dec16) is faster from 5 rows on.
// Every output is one chain over ascending tokens in each form, so a row's bits do not
// depend on the rows beside it. Loads stand apart from conversions because a memory
// operand costs half more on Zen 1.
// Tails:     16 channels, then 8; fewer than 8 are the last 8 of the row once more, or
//            one at a time where there are no 8.
// Reads:     n rows of V, exactly dv halves each; p[i][0:n]. Writes o[i][0:dv].
// Registers: Y0–Y7 accumulators · Y8 Y9 v · Y10 p · DI o · SI p · BX v · R8 rows
//            R9 next−v, 0 after a pass · R10 row bytes of V · R11 of O · R12 channels left

#define TOKEN16 \
	PREFETCHT0 (R13)(R9*1); \
	VMOVDQU (R13), X8;      \
	VMOVDQU 16(R13), X9;    \
	VCVTPH2PS X8, Y8;       \
	VCVTPH2PS X9, Y9;       \
	ADDQ R10, R13

#define TOKEN8 \
	PREFETCHT0 (R13)(R9*1); \
	VMOVDQU (R13), X8;      \
	VCVTPH2PS X8, Y8;       \
	ADDQ R10, R13

// ROW16 and ROW8 add the products of one row: a weight with the lanes of Y8 and Y9.
#define ROW16(weight, lo, hi) \
	VBROADCASTSS weight, Y10;   \
	VFMADD231PS Y8, Y10, lo;    \
	VFMADD231PS Y9, Y10, hi

#define ROW8(weight, lo) \
	VBROADCASTSS weight, Y10;   \
	VFMADD231PS Y8, Y10, lo

// func pvF16_avx2(o, p []float32, v []byte, m, n, dv int, next []byte)
TEXT ·pvF16_avx2(SB), NOSPLIT, $0-120
	MOVQ o_base+0(FP), DI
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ dv+88(FP), R11
	LEAQ (R11*2), R10
	LEAQ (R11*4), R11
	MOVQ next_base+96(FP), R9
	SUBQ v_base+48(FP), R9
	CMPQ R10, $16
	JLT  narrow

rows4:
	CMPQ R8, $4
	JLT  rows3
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block4x16:
	SUBQ $16, R12
	JLT  rest4
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token4x16:
	TOKEN16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ROW16(512(AX), Y4, Y5)
	ROW16(768(AX), Y6, Y7)
	ADDQ $4, AX
	DECQ CX
	JNZ  token4x16

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	VMOVUPS Y5, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y6, (R13)
	VMOVUPS Y7, 32(R13)
	ADDQ $32, BX
	ADDQ $64, DX
	JMP  block4x16

rest4:
	ADDQ $16, R12
	JZ   next4

block4x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole4
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SHRQ $1, CX
	SUBQ CX, BX
	MOVQ $8, R12

whole4:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	VXORPS Y4, Y4, Y4
	VXORPS Y6, Y6, Y6
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token4x8:
	TOKEN8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ROW8(512(AX), Y4)
	ROW8(768(AX), Y6)
	ADDQ $4, AX
	DECQ CX
	JNZ  token4x8

	VMOVUPS Y0, (DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	ADDQ R11, R13
	VMOVUPS Y6, (R13)
	ADDQ $16, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block4x8

next4:
	XORL R9, R9
	LEAQ (DI)(R11*4), DI
	ADDQ $1024, SI
	SUBQ $4, R8
	JMP  rows4

rows3:
	CMPQ R8, $3
	JLT  rows2
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block3x16:
	SUBQ $16, R12
	JLT  rest3
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token3x16:
	TOKEN16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ROW16(512(AX), Y4, Y5)
	ADDQ $4, AX
	DECQ CX
	JNZ  token3x16

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	VMOVUPS Y5, 32(R13)
	ADDQ $32, BX
	ADDQ $64, DX
	JMP  block3x16

rest3:
	ADDQ $16, R12
	JZ   next3

block3x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole3
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SHRQ $1, CX
	SUBQ CX, BX
	MOVQ $8, R12

whole3:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	VXORPS Y4, Y4, Y4
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token3x8:
	TOKEN8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ROW8(512(AX), Y4)
	ADDQ $4, AX
	DECQ CX
	JNZ  token3x8

	VMOVUPS Y0, (DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	ADDQ $16, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block3x8

next3:
	XORL R9, R9
	JMP  done

rows2:
	CMPQ R8, $2
	JLT  rows1
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block2x16:
	SUBQ $16, R12
	JLT  rest2
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token2x16:
	TOKEN16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ADDQ $4, AX
	DECQ CX
	JNZ  token2x16

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ $32, BX
	ADDQ $64, DX
	JMP  block2x16

rest2:
	ADDQ $16, R12
	JZ   next2

block2x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole2
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SHRQ $1, CX
	SUBQ CX, BX
	MOVQ $8, R12

whole2:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token2x8:
	TOKEN8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ADDQ $4, AX
	DECQ CX
	JNZ  token2x8

	VMOVUPS Y0, (DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	ADDQ $16, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block2x8

next2:
	XORL R9, R9
	JMP  done

rows1:
	CMPQ R8, $1
	JLT  done
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block1x16:
	SUBQ $16, R12
	JLT  rest1
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token1x16:
	TOKEN16
	ROW16((AX), Y0, Y1)
	ADDQ $4, AX
	DECQ CX
	JNZ  token1x16

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	ADDQ $32, BX
	ADDQ $64, DX
	JMP  block1x16

rest1:
	ADDQ $16, R12
	JZ   next1

block1x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole1
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SHRQ $1, CX
	SUBQ CX, BX
	MOVQ $8, R12

whole1:
	VXORPS Y0, Y0, Y0
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	PCALIGN $32

token1x8:
	TOKEN8
	ROW8((AX), Y0)
	ADDQ $4, AX
	DECQ CX
	JNZ  token1x8

	VMOVUPS Y0, (DX)
	ADDQ $16, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block1x8

next1:
	XORL R9, R9
	JMP  done

narrow: // fewer than 8 channels
	TESTQ R8, R8
	JZ   done
	MOVQ v_base+48(FP), BX
	MOVQ dv+88(FP), R12

channel:
	VXORPS X0, X0, X0
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX

token:
	MOVWLZX (R13), DX
	VMOVD DX, X8
	VCVTPH2PS X8, X8
	VMOVSS (AX), X10
	VFMADD231SS X8, X10, X0
	ADDQ R10, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  token
	VMOVSS X0, (DI)
	ADDQ $2, BX
	ADDQ $4, DI
	DECQ R12
	JNZ  channel
	ADDQ $256, SI
	DECQ R8
	JMP  narrow

done:
	VZEROUPPER
	RET
