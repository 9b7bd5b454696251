//go:build !purego

#include "textflag.h"

// dot_avx2_amd64.s: rows times one vector.
//
// Obstacle:  the chains fold at the end of every row. A row depends on no other, so the
// fold of one runs beside the products of the next.
// Exactness: the operations of the twin, nothing fused.
// Tails:     masks.
// Registers: Y0 chains 0–7, Y1 chains 8–15 · Y2, Y3 products · Y4, Y5 masks of the last
//            channels · DI s · SI q · DX x · R8 rows left · R9 d · AX channel · BX channels
//            in whole vectors · CX offset of the row in s, a and b

// func dotF32_avx2(s, q, x, a, b []float32, m, d int)
TEXT ·dotF32_avx2(SB), NOSPLIT, $0-136
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ x_base+48(FP), DX
	MOVQ m+120(FP), R8
	MOVQ d+128(FP), R9
	MOVQ R9, BX
	ANDQ $~15, BX
	MOVQ R9, CX
	ANDQ $15, CX
	LEAQ ·tailMask(SB), AX
	MOVQ $16, R10
	SUBQ CX, R10
	LEAQ (AX)(R10*4), AX
	VMOVDQU (AX), Y4
	VMOVDQU 32(AX), Y5
	XORL CX, CX
	TESTQ R8, R8
	JZ   done

row:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	XORL AX, AX
	CMPQ AX, BX
	JEQ  tail

step:
	VMOVUPS (DX)(AX*4), Y2
	VMOVUPS 32(DX)(AX*4), Y3
	VMULPS (SI)(AX*4), Y2, Y2
	VMULPS 32(SI)(AX*4), Y3, Y3
	VADDPS Y2, Y0, Y0
	VADDPS Y3, Y1, Y1
	ADDQ $16, AX
	CMPQ AX, BX
	JLT  step

tail:
	CMPQ AX, R9
	JEQ  fold
	VMASKMOVPS (DX)(AX*4), Y4, Y2
	VMASKMOVPS (SI)(AX*4), Y4, Y3
	VMULPS Y3, Y2, Y2
	VADDPS Y2, Y0, Y0
	VMASKMOVPS 32(DX)(AX*4), Y5, Y2
	VMASKMOVPS 32(SI)(AX*4), Y5, Y3
	VMULPS Y3, Y2, Y2
	VADDPS Y2, Y1, Y1

fold: // chains 8, 4, 2, 1 apart
	VADDPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VPERMILPS $0xEE, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	MOVQ a_base+72(FP), AX
	VMULSS (AX)(CX*1), X0, X0
	MOVQ b_base+96(FP), AX
	VADDSS (AX)(CX*1), X0, X0
	VMOVSS X0, (DI)(CX*1)
	LEAQ (SI)(R9*4), SI
	ADDQ $4, CX
	DECQ R8
	JNZ  row

done:
	VZEROUPPER
	RET
