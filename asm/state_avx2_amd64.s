//go:build !purego

#include "textflag.h"

// state_avx2_amd64.s: logits from scores and the updates of the softmax state.
//
// Elementwise, one rounding per operation in the order of the twins, nothing fused:
// the bits are equal. Memory bound in L1; tails are masked.
// Registers: DI destination · SI, DX sources · CX elements left · Y8–Y10 factors

// MASK loads the mask of the CX < 8 elements left.
#define MASK \
	LEAQ ·tailMask+32(SB), BX;  \
	MOVQ $8, AX;            \
	SUBQ CX, AX;            \
	VMOVDQU (BX)(AX*4), Y7

// func scaleI8_avx2(y []float32, s []int32, sk, a, b []float32, m, n int)
TEXT ·scaleI8_avx2(SB), NOSPLIT, $0-136
	MOVQ y_base+0(FP), DI
	MOVQ s_base+24(FP), SI
	MOVQ a_base+72(FP), R9
	MOVQ b_base+96(FP), R10
	MOVQ m+120(FP), R8

row:
	TESTQ R8, R8
	JZ   done
	VBROADCASTSS (R9), Y8
	VBROADCASTSS (R10), Y9
	MOVQ sk_base+48(FP), DX
	MOVQ n+128(FP), CX
	MOVQ DI, R11
	MOVQ SI, R12

step:
	CMPQ CX, $8
	JLT  tail
	VCVTDQ2PS (R12), Y0
	VMULPS Y8, Y0, Y0
	VMULPS (DX), Y0, Y0
	VADDPS Y9, Y0, Y0
	VMOVUPS Y0, (R11)
	ADDQ $32, R11
	ADDQ $32, R12
	ADDQ $32, DX
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   next
	MASK
	VPMASKMOVD (R12), Y7, Y0
	VMASKMOVPS (DX), Y7, Y1
	VCVTDQ2PS Y0, Y0
	VMULPS Y8, Y0, Y0
	VMULPS Y1, Y0, Y0
	VADDPS Y9, Y0, Y0
	VMASKMOVPS Y0, Y7, (R11)

next:
	ADDQ $256, DI
	ADDQ $256, SI
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ R8
	JMP  row

done:
	VZEROUPPER
	RET

// func scaleF32_avx2(y, a, b []float32, m, n int)
TEXT ·scaleF32_avx2(SB), NOSPLIT, $0-88
	MOVQ y_base+0(FP), DI
	MOVQ a_base+24(FP), R9
	MOVQ b_base+48(FP), R10
	MOVQ m+72(FP), R8

row:
	TESTQ R8, R8
	JZ   done
	VBROADCASTSS (R9), Y8
	VBROADCASTSS (R10), Y9
	MOVQ n+80(FP), CX
	MOVQ DI, R11

step:
	CMPQ CX, $8
	JLT  tail
	VMULPS (R11), Y8, Y0
	VADDPS Y9, Y0, Y0
	VMOVUPS Y0, (R11)
	ADDQ $32, R11
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   next
	MASK
	VMASKMOVPS (R11), Y7, Y0
	VMULPS Y8, Y0, Y0
	VADDPS Y9, Y0, Y0
	VMASKMOVPS Y0, Y7, (R11)

next:
	ADDQ $256, DI
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ R8
	JMP  row

done:
	VZEROUPPER
	RET

// func foldI8_avx2(o []float32, a []int32, mu []float32, f []Fold, m, dv int)
TEXT ·foldI8_avx2(SB), NOSPLIT, $0-112
	MOVQ o_base+0(FP), R9
	MOVQ a_base+24(FP), R10
	MOVQ f_base+72(FP), R11
	MOVQ m+96(FP), R8
	MOVQ dv+104(FP), R12
	LEAQ (R12*4), R13

row:
	MOVQ R9, DI
	MOVQ R10, SI
	MOVQ mu_base+48(FP), DX
	MOVQ R12, CX
	VBROADCASTSS (R11), Y8
	VBROADCASTSS 4(R11), Y9
	VBROADCASTSS 8(R11), Y10
	VMOVMSKPS X8, AX
	TESTL AX, AX
	JNZ  next // a negative factor leaves the row alone
	TESTQ DX, DX
	JZ   plain

step:
	CMPQ CX, $8
	JLT  tail
	VCVTDQ2PS (SI), Y0
	VMULPS Y9, Y0, Y0
	VMULPS (DX), Y10, Y1
	VADDPS Y1, Y0, Y0
	VMULPS (DI), Y8, Y2
	VADDPS Y0, Y2, Y2
	VMOVUPS Y2, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   next
	MASK
	VPMASKMOVD (SI), Y7, Y0
	VCVTDQ2PS Y0, Y0
	VMULPS Y9, Y0, Y0
	VMASKMOVPS (DX), Y7, Y1
	VMULPS Y10, Y1, Y1
	VADDPS Y1, Y0, Y0
	VMASKMOVPS (DI), Y7, Y2
	VMULPS Y8, Y2, Y2
	VADDPS Y0, Y2, Y2
	VMASKMOVPS Y2, Y7, (DI)
	JMP  next

plain:
	CMPQ CX, $8
	JLT  plainTail
	VCVTDQ2PS (SI), Y0
	VMULPS Y9, Y0, Y0
	VMULPS (DI), Y8, Y2
	VADDPS Y0, Y2, Y2
	VMOVUPS Y2, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  plain

plainTail:
	TESTQ CX, CX
	JZ   next
	MASK
	VPMASKMOVD (SI), Y7, Y0
	VCVTDQ2PS Y0, Y0
	VMULPS Y9, Y0, Y0
	VMASKMOVPS (DI), Y7, Y2
	VMULPS Y8, Y2, Y2
	VADDPS Y0, Y2, Y2
	VMASKMOVPS Y2, Y7, (DI)

next:
	ADDQ R13, R9
	ADDQ R13, R10
	ADDQ $12, R11
	DECQ R8
	JNZ  row
	VZEROUPPER
	RET

// func foldF32_avx2(o, a, mu []float32, f []Fold, m, dv int)
TEXT ·foldF32_avx2(SB), NOSPLIT, $0-112
	MOVQ o_base+0(FP), R9
	MOVQ a_base+24(FP), R10
	MOVQ f_base+72(FP), R11
	MOVQ m+96(FP), R8
	MOVQ dv+104(FP), R12
	LEAQ (R12*4), R13

row:
	MOVQ R9, DI
	MOVQ R10, SI
	MOVQ mu_base+48(FP), DX
	MOVQ R12, CX
	VBROADCASTSS (R11), Y8
	VBROADCASTSS 4(R11), Y9
	VBROADCASTSS 8(R11), Y10
	VMOVMSKPS X8, AX
	TESTL AX, AX
	JNZ  next // a negative factor leaves the row alone
	TESTQ DX, DX
	JZ   plain

step:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMULPS Y9, Y0, Y0
	VMULPS (DX), Y10, Y1
	VADDPS Y1, Y0, Y0
	VMULPS (DI), Y8, Y2
	VADDPS Y0, Y2, Y2
	VMOVUPS Y2, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	ADDQ $32, DX
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   next
	MASK
	VMASKMOVPS (SI), Y7, Y0
	VMULPS Y9, Y0, Y0
	VMASKMOVPS (DX), Y7, Y1
	VMULPS Y10, Y1, Y1
	VADDPS Y1, Y0, Y0
	VMASKMOVPS (DI), Y7, Y2
	VMULPS Y8, Y2, Y2
	VADDPS Y0, Y2, Y2
	VMASKMOVPS Y2, Y7, (DI)
	JMP  next

plain:
	CMPQ CX, $8
	JLT  plainTail
	VMOVUPS (SI), Y0
	VMULPS Y9, Y0, Y0
	VMULPS (DI), Y8, Y2
	VADDPS Y0, Y2, Y2
	VMOVUPS Y2, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  plain

plainTail:
	TESTQ CX, CX
	JZ   next
	MASK
	VMASKMOVPS (SI), Y7, Y0
	VMULPS Y9, Y0, Y0
	VMASKMOVPS (DI), Y7, Y2
	VMULPS Y8, Y2, Y2
	VADDPS Y0, Y2, Y2
	VMASKMOVPS Y2, Y7, (DI)

next:
	ADDQ R13, R9
	ADDQ R13, R10
	ADDQ $12, R11
	DECQ R8
	JNZ  row
	VZEROUPPER
	RET

// func finishF32_avx2(out, o []float32, l float32)
TEXT ·finishF32_avx2(SB), NOSPLIT, $0-52
	MOVQ out_base+0(FP), DI
	MOVQ out_len+8(FP), CX
	MOVQ o_base+24(FP), SI
	VBROADCASTSS l+48(FP), Y8
	VXORPS Y9, Y9, Y9

step:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VADDPS Y9, Y0, Y0
	VDIVPS Y8, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   done
	MASK
	VMASKMOVPS (SI), Y7, Y0
	VADDPS Y9, Y0, Y0
	VDIVPS Y8, Y0, Y0
	VMASKMOVPS Y0, Y7, (DI)

done:
	VZEROUPPER
	RET

// func sumSquares_avx2(x []float32) float32
TEXT ·sumSquares_avx2(SB), NOSPLIT, $0-28
	MOVQ x_base+0(FP), SI
	MOVQ x_len+8(FP), CX
	VXORPS Y0, Y0, Y0 // chains 0–7
	VXORPS Y1, Y1, Y1 // chains 8–15

step:
	CMPQ CX, $16
	JLT  tail
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VMULPS Y2, Y2, Y2
	VMULPS Y3, Y3, Y3
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	ADDQ $64, SI
	SUBQ $16, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   fold
	LEAQ ·tailMask(SB), BX
	MOVQ $16, AX
	SUBQ CX, AX
	LEAQ (BX)(AX*4), BX
	VMOVDQU (BX), Y4
	VMASKMOVPS (SI), Y4, Y2
	VMULPS Y2, Y2, Y2
	VADDPS Y2, Y0, Y0
	CMPQ CX, $8
	JLE  fold
	VMOVDQU 32(BX), Y4
	VMASKMOVPS 32(SI), Y4, Y3
	VMULPS Y3, Y3, Y3
	VADDPS Y3, Y1, Y1

fold: // chains 8, 4, 2, 1 apart
	VADDPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VPERMILPS $0xEE, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET
