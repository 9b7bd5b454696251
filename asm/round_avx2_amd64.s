//go:build !purego

#include "textflag.h"

// round_avx2_amd64.s: float32 rounded to bfloat16 in place.
//
// Half a unit less one and the last kept bit are added, a carry runs into the exponent.
// Magnitudes that would reach infinity, infinities and NaN are looked for in every vector
// and take a path of their own, which rounds all lanes.
// Tails:     masked loads and stores.
// Registers: SI x · CX left · Y0 x · Y7 lanes of the last vector · Y8–Y14 constants

// 0 one, 4 half less one, 8 kept bits, 12 magnitude, 16 largest that rounds to a finite
// one, 20 largest finite, 24 infinity, 28 quiet
DATA roundBrain<>+0(SB)/4, $0x00000001
DATA roundBrain<>+4(SB)/4, $0x00007fff
DATA roundBrain<>+8(SB)/4, $0xffff0000
DATA roundBrain<>+12(SB)/4, $0x7fffffff
DATA roundBrain<>+16(SB)/4, $0x7f7f7fff
DATA roundBrain<>+20(SB)/4, $0x7f7f0000
DATA roundBrain<>+24(SB)/4, $0x7f800000
DATA roundBrain<>+28(SB)/4, $0x00400000
GLOBL roundBrain<>(SB), RODATA|NOPTR, $32

// ROUND leaves x rounded in Y1, and flags that say whether Y2 marks a lane it is wrong for.
#define ROUND \
	VPSRLD $16, Y0, Y1;  \
	VPAND Y8, Y1, Y1;    \
	VPADDD Y9, Y1, Y1;   \
	VPADDD Y0, Y1, Y1;   \
	VPAND Y10, Y1, Y1;   \
	VPAND Y11, Y0, Y2;   \
	VPCMPGTD Y12, Y2, Y2; \
	VPTEST Y2, Y2

// RARE mends the lanes of Y2: finite ones become the largest, infinities stay, NaN turn
// quiet. It clobbers Y3–Y6.
#define RARE \
	VPBROADCASTD 20(BX), Y4;  \
	VPAND Y11, Y0, Y3;        \
	VPMINUD Y4, Y3, Y4;       \
	VPCMPGTD Y13, Y3, Y3;     \
	VPAND Y14, Y3, Y3;        \
	VPOR  Y0, Y3, Y3;         \
	VPAND Y10, Y3, Y3;        \
	VPANDN Y0, Y11, Y5;       \
	VPOR  Y5, Y4, Y4;         \
	VPAND Y11, Y0, Y6;        \
	VPSUBD Y8, Y13, Y5;       \
	VPCMPGTD Y5, Y6, Y6;      \
	VBLENDVPS Y6, Y3, Y4, Y4; \
	VBLENDVPS Y2, Y4, Y1, Y1

// func roundBF16_avx2(x []float32)
TEXT ·roundBF16_avx2(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), SI
	MOVQ x_len+8(FP), CX
	LEAQ roundBrain<>(SB), BX
	VPBROADCASTD (BX), Y8
	VPBROADCASTD 4(BX), Y9
	VPBROADCASTD 8(BX), Y10
	VPBROADCASTD 12(BX), Y11
	VPBROADCASTD 16(BX), Y12
	VPBROADCASTD 24(BX), Y13
	VPBROADCASTD 28(BX), Y14
	SUBQ $8, CX
	JLT  rest

step:
	VMOVDQU (SI), Y0
	ROUND
	JNZ  rare

stored:
	VMOVDQU Y1, (SI)
	ADDQ $32, SI
	SUBQ $8, CX
	JGE  step
	JMP  rest

rare:
	RARE
	JMP  stored

rest:
	ADDQ $8, CX
	JZ   done
	LEAQ ·tailMask(SB), AX
	SHLQ $2, CX
	SUBQ CX, AX
	VMOVDQU 64(AX), Y7
	VMASKMOVPS (SI), Y7, Y0
	ROUND
	JZ   last
	RARE

last:
	VMASKMOVPS Y1, Y7, (SI)

done:
	VZEROUPPER
	RET
