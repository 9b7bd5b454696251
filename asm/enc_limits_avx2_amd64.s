//go:build !purego

#include "textflag.h"

// enc_limits_avx2_amd64.s: 4-bit row quantizer by thresholds.
//
// A code is a count: fifteen comparisons of eight quotients, each true lane −1, in two
// chains. Bisection would look limits up, and the lookup costs more than it saves.
// Eight channels a step, the rest one by one. Halves of other tokens are kept: keys go by
// two dwords, values by eight from the token's byte on, except for the last step, which has
// the byte at the end, so that both stay between the token's first and last byte.
// Registers: DI dst · SI x · CX channels left · R9 limits · Y7 scale · X5 shift of codes
//            Y6 kept bits of the dwords with the byte first · Y8 at the end · X9 of keys

// LIMITS counts two limits, the first in a, the second in b.
#define LIMITS(i, a, b) \
	VBROADCASTSS (4*i)(R9), Y2;    \
	VBROADCASTSS (4*i+4)(R9), Y3;  \
	VCMPPS $17, Y0, Y2, Y2;        \
	VCMPPS $17, Y0, Y3, Y3;        \
	VPADDD Y2, a, a;               \
	VPADDD Y3, b, b

// COUNT turns Y0 into codes, dwords in Y1.
#define COUNT \
	VDIVPS Y7, Y0, Y0;             \
	VBROADCASTSS 56(R9), Y2;       \
	VCMPPS $17, Y0, Y2, Y1;        \
	VPXOR Y4, Y4, Y4;              \
	LIMITS(0, Y1, Y4);             \
	LIMITS(2, Y1, Y4);             \
	LIMITS(4, Y1, Y4);             \
	LIMITS(6, Y1, Y4);             \
	LIMITS(8, Y1, Y4);             \
	LIMITS(10, Y1, Y4);            \
	LIMITS(12, Y1, Y4);            \
	VPADDD Y4, Y1, Y1;             \
	VPABSD Y1, Y1

// SHIFTS turns high in AX into the shift of the codes, in X5, and the bits of a byte to
// keep, in BX.
#define SHIFTS \
	SHLL $2, AX;                   \
	VMOVD AX, X5;                  \
	MOVL AX, CX;                   \
	MOVL $15, BX;                  \
	SHLL CX, BX;                   \
	NOTL BX

// func enc4K_avx2(dst []byte, x []float32, limits *[15]float32, scale float32, high bool)
TEXT ·enc4K_avx2(SB), NOSPLIT, $0-61
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ limits+48(FP), R9
	VBROADCASTSS scale+56(FP), Y7
	MOVBLZX high+60(FP), AX
	SHIFTS
	VMOVD BX, X9
	VPBROADCASTB X9, X9
	MOVQ x_len+32(FP), CX

step:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	COUNT
	VEXTRACTI128 $1, Y1, X2
	VPACKUSDW X2, X1, X1
	VPACKUSWB X1, X1, X1
	VPSLLW X5, X1, X1
	VMOVD (DI), X2
	VPINSRD $1, 64(DI), X2, X2
	VPAND X9, X2, X2
	VPOR X1, X2, X2
	VMOVD X2, (DI)
	VPEXTRD $1, X2, 64(DI)
	ADDQ $32, SI
	ADDQ $128, DI
	JMP  step

rest:
	ADDQ $8, CX
	JZ   done
	XORL DX, DX // channel within four

one:
	VMOVSS (SI), X0
	COUNT
	VPSLLD X5, X1, X1
	VMOVD X1, AX
	MOVBLZX (DI)(DX*1), R10
	ANDL BX, R10
	ORL  AX, R10
	MOVB R10, (DI)(DX*1)
	ADDQ $4, SI
	INCQ DX
	ANDQ $3, DX
	JNZ  same
	ADDQ $64, DI

same:
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET

// func enc4V_avx2(dst []byte, x []float32, limits *[15]float32, scale float32, high bool)
TEXT ·enc4V_avx2(SB), NOSPLIT, $0-61
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ limits+48(FP), R9
	VBROADCASTSS scale+56(FP), Y7
	MOVBLZX high+60(FP), AX
	SHIFTS
	VMOVD BX, X6
	VPBROADCASTD X6, Y6
	MOVL BX, AX
	ROLL $24, AX
	VMOVD AX, X8
	VPBROADCASTD X8, Y8
	MOVQ x_len+32(FP), CX
	CMPQ CX, $8
	JLE  rest

step:
	CMPQ CX, $8
	JLT  rest
	VMOVUPS (SI), Y0
	COUNT
	VPSLLD X5, Y1, Y1
	ADDQ $32, SI
	SUBQ $8, CX
	JZ   last
	VPAND (DI), Y6, Y2
	VPOR Y1, Y2, Y2
	VMOVDQU Y2, (DI)
	ADDQ $32, DI
	JMP  step

last:
	VPSLLD $24, Y1, Y1
	VPAND -3(DI), Y8, Y2
	VPOR Y1, Y2, Y2
	VMOVDQU Y2, -3(DI)
	JMP  done

rest:
	TESTQ CX, CX
	JZ   done

one:
	VMOVSS (SI), X0
	COUNT
	VPSLLD X5, X1, X1
	VMOVD X1, AX
	MOVBLZX (DI), R10
	ANDL BX, R10
	ORL  AX, R10
	MOVB R10, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET
