//go:build !purego

#include "textflag.h"

// dot_avx512_amd64.s: rows times one vector.
//
// Obstacle:  the chains fold at the end of every row. Four rows go together, so that a
// vector of x serves them all and four folds overlap.
// Exactness: the operations of the twin, nothing fused. Channels that are not there add 0
// to chains that are never −0.
// Tails:     a mask; rows left of four go alone.
// Registers: Z0–Z3 chains of rows · Z4 x · Z5–Z8 products · K1 the last channels · DI s
//            SI q · R11, R12, R13 rows 1–3 · DX x · R8 rows left · R9 d · R10 bytes a row
//            AX channel · BX channels in whole vectors · CX offset of the row
//            in s, a and b

// SUM folds the chains of z, 8, 4, 2, 1 apart.
#define SUM(z, y, x) \
	VEXTRACTF64X4 $1, z, Y4;   \
	VADDPS Y4, y, y;           \
	VEXTRACTF128 $1, y, X4;    \
	VADDPS X4, x, x;           \
	VPERMILPS $0xEE, x, X4;    \
	VADDPS X4, x, x;           \
	VMOVSHDUP x, X4;           \
	VADDSS X4, x, x

// func dotF32_avx512(s, q, x, a, b []float32, m, d int)
TEXT ·dotF32_avx512(SB), NOSPLIT, $0-136
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ x_base+48(FP), DX
	MOVQ m+120(FP), R8
	MOVQ d+128(FP), R9
	LEAQ (R9*4), R10
	MOVQ R9, BX
	ANDQ $~15, BX
	MOVQ R9, CX
	ANDQ $15, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1
	XORL CX, CX
	SUBQ $4, R8
	JLT  rest

four:
	LEAQ (SI)(R10*1), R11
	LEAQ (SI)(R10*2), R12
	LEAQ (R11)(R10*2), R13
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	XORL AX, AX
	CMPQ AX, BX
	JEQ  tail4

step4:
	VMOVUPS (DX)(AX*4), Z4
	VMULPS (SI)(AX*4), Z4, Z5
	VMULPS (R11)(AX*4), Z4, Z6
	VMULPS (R12)(AX*4), Z4, Z7
	VMULPS (R13)(AX*4), Z4, Z8
	VADDPS Z5, Z0, Z0
	VADDPS Z6, Z1, Z1
	VADDPS Z7, Z2, Z2
	VADDPS Z8, Z3, Z3
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step4

tail4:
	CMPQ AX, R9
	JEQ  fold4
	VMOVUPS.Z (DX)(AX*4), K1, Z4
	VMULPS.Z (SI)(AX*4), Z4, K1, Z5
	VMULPS.Z (R11)(AX*4), Z4, K1, Z6
	VMULPS.Z (R12)(AX*4), Z4, K1, Z7
	VMULPS.Z (R13)(AX*4), Z4, K1, Z8
	VADDPS Z5, Z0, Z0
	VADDPS Z6, Z1, Z1
	VADDPS Z7, Z2, Z2
	VADDPS Z8, Z3, Z3

fold4:
	SUM(Z0, Y0, X0)
	SUM(Z1, Y1, X1)
	SUM(Z2, Y2, X2)
	SUM(Z3, Y3, X3)
	VUNPCKLPS X1, X0, X0
	VUNPCKLPS X3, X2, X2
	VMOVLHPS X2, X0, X0
	MOVQ a_base+72(FP), AX
	VMULPS (AX)(CX*1), X0, X0
	MOVQ b_base+96(FP), AX
	VADDPS (AX)(CX*1), X0, X0
	VMOVUPS X0, (DI)(CX*1)
	ADDQ $16, CX
	LEAQ (SI)(R10*4), SI
	SUBQ $4, R8
	JGE  four

rest:
	ADDQ $4, R8
	JZ   done

one:
	VPXORD Z0, Z0, Z0
	XORL AX, AX
	CMPQ AX, BX
	JEQ  tail

step:
	VMOVUPS (DX)(AX*4), Z4
	VMULPS (SI)(AX*4), Z4, Z5
	VADDPS Z5, Z0, Z0
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	CMPQ AX, R9
	JEQ  fold
	VMOVUPS.Z (DX)(AX*4), K1, Z4
	VMULPS.Z (SI)(AX*4), Z4, K1, Z5
	VADDPS Z5, Z0, Z0

fold:
	SUM(Z0, Y0, X0)
	MOVQ a_base+72(FP), AX
	VMULSS (AX)(CX*1), X0, X0
	MOVQ b_base+96(FP), AX
	VADDSS (AX)(CX*1), X0, X0
	VMOVSS X0, (DI)(CX*1)
	ADDQ R10, SI
	ADDQ $4, CX
	DECQ R8
	JNZ  one

done:
	VZEROUPPER
	RET
