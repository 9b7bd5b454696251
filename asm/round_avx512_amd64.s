//go:build !purego

#include "textflag.h"
#include "round_avx512_amd64.h"

// round_avx512_amd64.s: float32 rounded to bfloat16 in place.
//
// As round_avx2_amd64.s. Two vectors a step share the look for rare lanes.
// Tails:     a masked step.
// Registers: SI x · CX left · Z0 Z1 x · K1 K2 lanes of the last step · K3 K4 rare lanes
//            K5 NaN · Z8–Z15 see ROUNDING

// func roundBF16_avx512(x []float32)
TEXT ·roundBF16_avx512(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), SI
	MOVQ x_len+8(FP), CX
	ROUNDING
	SUBQ $32, CX
	JLT  rest

step:
	VMOVDQU32 (SI), Z0
	VMOVDQU32 64(SI), Z1
	ROUND(Z0, Z2, K3)
	ROUND(Z1, Z3, K4)
	KORTESTW K4, K3
	JNZ  rare

stored:
	VMOVDQU32 Z2, (SI)
	VMOVDQU32 Z3, 64(SI)
	ADDQ $128, SI
	SUBQ $32, CX
	JGE  step
	JMP  rest

rare:
	RARELANES(Z0, Z2, K3)
	RARELANES(Z1, Z3, K4)
	JMP  stored

rest:
	ADDQ $32, CX
	JZ   done
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVD AX, K1
	KSHIFTRD $16, K1, K2
	VMOVDQU32.Z (SI), K1, Z0
	VMOVDQU32.Z 64(SI), K2, Z1
	ROUND(Z0, Z2, K3)
	ROUND(Z1, Z3, K4)
	RARELANES(Z0, Z2, K3)
	RARELANES(Z1, Z3, K4)
	VMOVDQU32 Z2, K1, (SI)
	VMOVDQU32 Z3, K2, 64(SI)

done:
	VZEROUPPER
	RET
