//go:build !purego

#include "textflag.h"

// state_avx512_amd64.s: logits from scores, the updates of the softmax state, a norm.
//
// Elementwise, one rounding per operation in the order of the twins, nothing fused:
// the bits are equal. Memory bound in L1. Whole vectors are stored without a mask,
// since what the next kernel loads should come from the store buffer; tails are masked.
// Registers: DI destination · SI, DX sources · AX elements done · BX elements in whole
//            vectors · K1, R8 those after them · Z8–Z10 factors

// TAIL leaves the mask of the CX mod 16 elements after the last whole vector in K1 and
// sets the zero flag when there are none.
#define TAIL \
	MOVL  $1, R8;  \
	ANDL  $15, CX; \
	SHLL  CX, R8;  \
	DECL  R8;      \
	KMOVW R8, K1;  \
	TESTL R8, R8

// func scaleI8_avx512(y []float32, s []int32, sk, a, b []float32, m, n int)
TEXT ·scaleI8_avx512(SB), NOSPLIT, $0-136
	MOVQ y_base+0(FP), DI
	MOVQ s_base+24(FP), SI
	MOVQ sk_base+48(FP), DX
	MOVQ a_base+72(FP), R9
	MOVQ b_base+96(FP), R10
	MOVQ m+120(FP), R11
	MOVQ n+128(FP), CX
	CMPQ CX, $64
	JEQ  whole
	MOVQ CX, BX
	ANDQ $~15, BX
	TAIL

row:
	VBROADCASTSS (R9), Z8
	VBROADCASTSS (R10), Z9
	XORL AX, AX
	CMPQ AX, BX
	JEQ  tail

step:
	VCVTDQ2PS (SI)(AX*4), Z0
	VMULPS Z8, Z0, Z0
	VMULPS (DX)(AX*4), Z0, Z0
	VADDPS Z9, Z0, Z0
	VMOVUPS Z0, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	TESTL R8, R8
	JZ   next
	VCVTDQ2PS.Z (SI)(AX*4), K1, Z0
	VMOVUPS.Z (DX)(AX*4), K1, Z1
	VMULPS Z8, Z0, Z0
	VMULPS Z1, Z0, Z0
	VADDPS Z9, Z0, Z0
	VMOVUPS Z0, K1, (DI)(AX*4)

next:
	ADDQ $256, DI
	ADDQ $256, SI
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ R11
	JNZ  row
	VZEROUPPER
	RET

whole:
	VMOVUPS (DX), Z4
	VMOVUPS 64(DX), Z5
	VMOVUPS 128(DX), Z6
	VMOVUPS 192(DX), Z7

wholeRow:
	VBROADCASTSS (R9), Z8
	VBROADCASTSS (R10), Z9
	VCVTDQ2PS (SI), Z0
	VCVTDQ2PS 64(SI), Z1
	VCVTDQ2PS 128(SI), Z2
	VCVTDQ2PS 192(SI), Z3
	VMULPS Z8, Z0, Z0
	VMULPS Z8, Z1, Z1
	VMULPS Z8, Z2, Z2
	VMULPS Z8, Z3, Z3
	VMULPS Z4, Z0, Z0
	VMULPS Z5, Z1, Z1
	VMULPS Z6, Z2, Z2
	VMULPS Z7, Z3, Z3
	VADDPS Z9, Z0, Z0
	VADDPS Z9, Z1, Z1
	VADDPS Z9, Z2, Z2
	VADDPS Z9, Z3, Z3
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $256, DI
	ADDQ $256, SI
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ R11
	JNZ  wholeRow
	VZEROUPPER
	RET

// func scaleF32_avx512(y, a, b []float32, m, n int)
TEXT ·scaleF32_avx512(SB), NOSPLIT, $0-88
	MOVQ y_base+0(FP), DI
	MOVQ a_base+24(FP), R9
	MOVQ b_base+48(FP), R10
	MOVQ m+72(FP), R11
	MOVQ n+80(FP), CX
	CMPQ CX, $64
	JEQ  whole
	MOVQ CX, BX
	ANDQ $~15, BX
	TAIL

row:
	VBROADCASTSS (R9), Z8
	VBROADCASTSS (R10), Z9
	XORL AX, AX
	CMPQ AX, BX
	JEQ  tail

step:
	VMULPS (DI)(AX*4), Z8, Z0
	VADDPS Z9, Z0, Z0
	VMOVUPS Z0, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	TESTL R8, R8
	JZ   next
	VMULPS.Z (DI)(AX*4), Z8, K1, Z0
	VADDPS Z9, Z0, Z0
	VMOVUPS Z0, K1, (DI)(AX*4)

next:
	ADDQ $256, DI
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ R11
	JNZ  row
	VZEROUPPER
	RET

whole:
	VBROADCASTSS (R9), Z8
	VBROADCASTSS (R10), Z9
	VMULPS (DI), Z8, Z0
	VMULPS 64(DI), Z8, Z1
	VMULPS 128(DI), Z8, Z2
	VMULPS 192(DI), Z8, Z3
	VADDPS Z9, Z0, Z0
	VADDPS Z9, Z1, Z1
	VADDPS Z9, Z2, Z2
	VADDPS Z9, Z3, Z3
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $256, DI
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ R11
	JNZ  whole
	VZEROUPPER
	RET

// func foldI8_avx512(o []float32, a []int32, mu []float32, f []Fold, m, dv int)
TEXT ·foldI8_avx512(SB), NOSPLIT, $0-112
	MOVQ o_base+0(FP), DI
	MOVQ a_base+24(FP), SI
	MOVQ mu_base+48(FP), DX
	MOVQ f_base+72(FP), R9
	MOVQ m+96(FP), R10
	MOVQ dv+104(FP), CX
	LEAQ (CX*4), R11
	MOVQ CX, BX
	ANDQ $~15, BX
	TAIL

row:
	MOVL (R9), AX
	TESTL AX, AX
	JLT  next // a negative factor leaves the row alone
	VBROADCASTSS (R9), Z8
	VBROADCASTSS 4(R9), Z9
	VBROADCASTSS 8(R9), Z10
	XORL AX, AX
	TESTQ DX, DX
	JZ   plain
	CMPQ AX, BX
	JEQ  tail

step:
	VCVTDQ2PS (SI)(AX*4), Z0
	VMULPS Z9, Z0, Z0
	VMULPS (DX)(AX*4), Z10, Z1
	VADDPS Z1, Z0, Z0
	VMULPS (DI)(AX*4), Z8, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	TESTL R8, R8
	JZ   next
	VCVTDQ2PS.Z (SI)(AX*4), K1, Z0
	VMULPS Z9, Z0, Z0
	VMULPS.Z (DX)(AX*4), Z10, K1, Z1
	VADDPS Z1, Z0, Z0
	VMULPS.Z (DI)(AX*4), Z8, K1, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, K1, (DI)(AX*4)

next:
	ADDQ R11, DI
	ADDQ R11, SI
	ADDQ $12, R9
	DECQ R10
	JNZ  row
	VZEROUPPER
	RET

plain:
	CMPQ AX, BX
	JEQ  plainTail

plainStep:
	VCVTDQ2PS (SI)(AX*4), Z0
	VMULPS Z9, Z0, Z0
	VMULPS (DI)(AX*4), Z8, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  plainStep

plainTail:
	TESTL R8, R8
	JZ   next
	VCVTDQ2PS.Z (SI)(AX*4), K1, Z0
	VMULPS Z9, Z0, Z0
	VMULPS.Z (DI)(AX*4), Z8, K1, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, K1, (DI)(AX*4)
	JMP  next

// func foldF32_avx512(o, a, mu []float32, f []Fold, m, dv int)
TEXT ·foldF32_avx512(SB), NOSPLIT, $0-112
	MOVQ o_base+0(FP), DI
	MOVQ a_base+24(FP), SI
	MOVQ mu_base+48(FP), DX
	MOVQ f_base+72(FP), R9
	MOVQ m+96(FP), R10
	MOVQ dv+104(FP), CX
	LEAQ (CX*4), R11
	MOVQ CX, BX
	ANDQ $~15, BX
	TAIL

row:
	MOVL (R9), AX
	TESTL AX, AX
	JLT  next // a negative factor leaves the row alone
	VBROADCASTSS (R9), Z8
	VBROADCASTSS 4(R9), Z9
	VBROADCASTSS 8(R9), Z10
	XORL AX, AX
	TESTQ DX, DX
	JZ   plain
	CMPQ AX, BX
	JEQ  tail

step:
	VMULPS (SI)(AX*4), Z9, Z0
	VMULPS (DX)(AX*4), Z10, Z1
	VADDPS Z1, Z0, Z0
	VMULPS (DI)(AX*4), Z8, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	TESTL R8, R8
	JZ   next
	VMULPS.Z (SI)(AX*4), Z9, K1, Z0
	VMULPS.Z (DX)(AX*4), Z10, K1, Z1
	VADDPS Z1, Z0, Z0
	VMULPS.Z (DI)(AX*4), Z8, K1, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, K1, (DI)(AX*4)

next:
	ADDQ R11, DI
	ADDQ R11, SI
	ADDQ $12, R9
	DECQ R10
	JNZ  row
	VZEROUPPER
	RET

plain:
	CMPQ AX, BX
	JEQ  plainTail

plainStep:
	VMULPS (SI)(AX*4), Z9, Z0
	VMULPS (DI)(AX*4), Z8, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  plainStep

plainTail:
	TESTL R8, R8
	JZ   next
	VMULPS.Z (SI)(AX*4), Z9, K1, Z0
	VMULPS.Z (DI)(AX*4), Z8, K1, Z2
	VADDPS Z0, Z2, Z2
	VMOVUPS Z2, K1, (DI)(AX*4)
	JMP  next

// func finishF32_avx512(out, o []float32, l float32)
TEXT ·finishF32_avx512(SB), NOSPLIT, $0-52
	MOVQ out_base+0(FP), DI
	MOVQ out_len+8(FP), CX
	MOVQ o_base+24(FP), SI
	VBROADCASTSS l+48(FP), Z8
	VPXORD Z9, Z9, Z9
	XORL AX, AX
	MOVQ CX, BX
	ANDQ $~15, BX
	CMPQ AX, BX
	JEQ  tail

step:
	VMOVUPS (SI)(AX*4), Z0
	VADDPS Z9, Z0, Z0
	VDIVPS Z8, Z0, Z0
	VMOVUPS Z0, (DI)(AX*4)
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	TAIL
	JZ   done
	VMOVUPS.Z (SI)(AX*4), K1, Z0
	VADDPS Z9, Z0, Z0
	VDIVPS Z8, Z0, Z0
	VMOVUPS Z0, K1, (DI)(AX*4)

done:
	VZEROUPPER
	RET
