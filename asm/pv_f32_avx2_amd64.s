//go:build !purego

#include "textflag.h"

// pv_f32_avx2_amd64.s: float32 values under float32 weights.
//
// Channels are lanes. Four rows × 16 channels stay in registers over all tokens; per
// token two loads, 4 broadcasts, 8 fused multiply-adds. A single row takes 64
// channels at once. Every output is one chain over ascending tokens in each form, so a
// row's bits do not depend on the rows beside it.
// Tails:     8 channels at a time; fewer are the last 8 of the row once more, or one at a
//            time where there are no 8: masked loads and stores are microcode on Zen 1.
// Reads:     n rows of V, exactly dv floats each; p[i][0:n]. Writes o[i][0:dv].
// Registers: Y0–Y7 accumulators · Y8 Y9 v · Y10–Y13 p · DI o · SI p · BX v
//            R8 rows · R9 n · R10 dv · R11 row bytes of V and O · R12 channels left

// func pvF32_avx2(o, p, v []float32, m, n, dv int, next []byte)
TEXT ·pvF32_avx2(SB), NOSPLIT, $0-120
	MOVQ o_base+0(FP), DI
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ n+80(FP), R9
	MOVQ dv+88(FP), R10
	LEAQ (R10*4), R11
	CMPQ R10, $8
	JLT  narrow

rows4:
	CMPQ R8, $4
	JLT  rows1
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ R10, R12

block4:
	CMPQ R12, $16
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
	MOVQ R9, CX
	PCALIGN $32

token4:
	VMOVUPS (R13), Y8
	VMOVUPS 32(R13), Y9
	VBROADCASTSS (AX), Y10
	VBROADCASTSS 256(AX), Y11
	VBROADCASTSS 512(AX), Y12
	VBROADCASTSS 768(AX), Y13
	VFMADD231PS Y8, Y10, Y0
	VFMADD231PS Y9, Y10, Y1
	VFMADD231PS Y8, Y11, Y2
	VFMADD231PS Y9, Y11, Y3
	VFMADD231PS Y8, Y12, Y4
	VFMADD231PS Y9, Y12, Y5
	VFMADD231PS Y8, Y13, Y6
	VFMADD231PS Y9, Y13, Y7
	ADDQ R11, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  token4

	MOVQ DX, R13
	VMOVUPS Y0, (R13)
	VMOVUPS Y1, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	VMOVUPS Y5, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y6, (R13)
	VMOVUPS Y7, 32(R13)
	ADDQ $64, BX
	ADDQ $64, DX
	SUBQ $16, R12
	JMP  block4

rest4:
	TESTQ R12, R12
	JZ   next4
	CMPQ R12, $8 // back when fewer are left
	JGE  whole4
	LEAQ -32(BX)(R12*4), BX
	LEAQ -32(DX)(R12*4), DX
	MOVQ $8, R12

whole4:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	VXORPS Y4, Y4, Y4
	VXORPS Y6, Y6, Y6
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ R9, CX

tokenRest4:
	VMOVUPS (R13), Y8
	VBROADCASTSS (AX), Y10
	VBROADCASTSS 256(AX), Y11
	VBROADCASTSS 512(AX), Y12
	VBROADCASTSS 768(AX), Y13
	VFMADD231PS Y8, Y10, Y0
	VFMADD231PS Y8, Y11, Y2
	VFMADD231PS Y8, Y12, Y4
	VFMADD231PS Y8, Y13, Y6
	ADDQ R11, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  tokenRest4

	LEAQ (R11)(R11*2), R13
	VMOVUPS Y0, (DX)
	VMOVUPS Y2, (DX)(R11*1)
	VMOVUPS Y4, (DX)(R11*2)
	VMOVUPS Y6, (DX)(R13*1)
	ADDQ $32, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JMP  rest4

next4:
	LEAQ (DI)(R11*4), DI
	ADDQ $1024, SI
	SUBQ $4, R8
	JMP  rows4

rows1:
	CMPQ R8, $1
	JLT  done
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ R10, R12

block1:
	CMPQ R12, $64
	JLT  rest1
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
	MOVQ R9, CX
	PCALIGN $32

token1:
	VBROADCASTSS (AX), Y10
	VFMADD231PS (R13), Y10, Y0
	VFMADD231PS 32(R13), Y10, Y1
	VFMADD231PS 64(R13), Y10, Y2
	VFMADD231PS 96(R13), Y10, Y3
	VFMADD231PS 128(R13), Y10, Y4
	VFMADD231PS 160(R13), Y10, Y5
	VFMADD231PS 192(R13), Y10, Y6
	VFMADD231PS 224(R13), Y10, Y7
	ADDQ R11, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  token1

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, 128(DX)
	VMOVUPS Y5, 160(DX)
	VMOVUPS Y6, 192(DX)
	VMOVUPS Y7, 224(DX)
	ADDQ $256, BX
	ADDQ $256, DX
	SUBQ $64, R12
	JMP  block1

rest1: // 32 at a time, the last ones once more: 8 are a single chain
	TESTQ R12, R12
	JZ   next1
	CMPQ R10, $32
	JLT  eight1
	CMPQ R12, $32
	JGE  whole32
	LEAQ -128(BX)(R12*4), BX
	LEAQ -128(DX)(R12*4), DX
	MOVQ $32, R12

whole32:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ R9, CX
	PCALIGN $32

token32:
	VBROADCASTSS (AX), Y10
	VFMADD231PS (R13), Y10, Y0
	VFMADD231PS 32(R13), Y10, Y1
	VFMADD231PS 64(R13), Y10, Y2
	VFMADD231PS 96(R13), Y10, Y3
	ADDQ R11, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  token32

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	ADDQ $128, BX
	ADDQ $128, DX
	SUBQ $32, R12
	JMP  rest1

eight1:
	CMPQ R12, $8
	JGE  whole1
	LEAQ -32(BX)(R12*4), BX
	LEAQ -32(DX)(R12*4), DX
	MOVQ $8, R12

whole1:
	VXORPS Y0, Y0, Y0
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ R9, CX

tokenRest1:
	VBROADCASTSS (AX), Y10
	VFMADD231PS (R13), Y10, Y0
	ADDQ R11, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  tokenRest1

	VMOVUPS Y0, (DX)
	ADDQ $32, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JMP  rest1

next1:
	ADDQ R11, DI
	ADDQ $256, SI
	DECQ R8
	JMP  rows1

narrow: // fewer than 8 channels
	TESTQ R8, R8
	JZ   done
	MOVQ v_base+48(FP), BX
	MOVQ R10, R12

channel:
	VXORPS X0, X0, X0
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ R9, CX

token:
	VMOVSS (AX), X10
	VFMADD231SS (R13), X10, X0
	ADDQ R11, R13
	ADDQ $4, AX
	DECQ CX
	JNZ  token
	VMOVSS X0, (DI)
	ADDQ $4, BX
	ADDQ $4, DI
	DECQ R12
	JNZ  channel
	ADDQ $256, SI
	DECQ R8
	JMP  narrow

done:
	VZEROUPPER
	RET
