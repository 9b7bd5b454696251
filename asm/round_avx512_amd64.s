//go:build !purego

#include "textflag.h"

// round_avx512_amd64.s: float32 rounded to bfloat16 in place.
//
// As round_avx2_amd64.s; VCVTNEPS2BF16 would lose subnormal numbers. Two vectors a step
// share the look for rare lanes.
// Tails:     a masked step.
// Registers: SI x · CX left · Z0 Z1 x · K1 K2 lanes of the last step · K3 K4 rare lanes
//            K5 NaN · Z8–Z15 constants as there

// ROUND rounds x to y and marks in k the lanes it is wrong for. It clobbers Z4.
#define ROUND(x, y, k) \
	VPSRLD $16, x, y;       \
	VPANDD Z8, y, y;        \
	VPADDD Z9, y, y;        \
	VPADDD x, y, y;         \
	VPANDD Z10, y, y;       \
	VPANDD Z11, x, Z4;      \
	VPCMPUD $6, Z12, Z4, k

// RARE mends the lanes of k: finite ones become the largest, infinities stay, NaN turn
// quiet. It clobbers Z4, Z5 and K5.
#define RARE(x, y, k) \
	VPANDD Z11, x, Z4;            \
	VPCMPUD $5, Z14, Z4, K5;      \
	VPANDND x, Z11, Z5;           \
	VPORD Z13, Z5, Z5;            \
	VMOVDQA32 x, K5, Z5;          \
	VPCMPUD $6, Z14, Z4, K5;      \
	VPORD Z15, Z5, K5, Z5;        \
	VPANDD Z10, Z5, k, y

// func roundBF16_avx512(x []float32)
TEXT ·roundBF16_avx512(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), SI
	MOVQ x_len+8(FP), CX
	MOVL $1, AX
	VPBROADCASTD AX, Z8
	MOVL $0x7fff, AX
	VPBROADCASTD AX, Z9
	MOVL $0xffff0000, AX
	VPBROADCASTD AX, Z10
	MOVL $0x7fffffff, AX
	VPBROADCASTD AX, Z11
	MOVL $0x7f7f7fff, AX
	VPBROADCASTD AX, Z12
	MOVL $0x7f7f0000, AX
	VPBROADCASTD AX, Z13
	MOVL $0x7f800000, AX
	VPBROADCASTD AX, Z14
	MOVL $0x00400000, AX
	VPBROADCASTD AX, Z15
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
	RARE(Z0, Z2, K3)
	RARE(Z1, Z3, K4)
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
	RARE(Z0, Z2, K3)
	RARE(Z1, Z3, K4)
	VMOVDQU32 Z2, K1, (SI)
	VMOVDQU32 Z3, K2, 64(SI)

done:
	VZEROUPPER
	RET
