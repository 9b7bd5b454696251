//go:build !purego

#include "textflag.h"

// enc4_avx2_amd64.s: 4-bit row quantizer with a search for the multiplier.
//
// A group of 32 channels stays in four registers. For every candidate multiplier they
// are divided, clamped, rounded and multiplied back; the squared errors add up in two
// registers, lanes 0–7 and 8–15 of the contract's chains. The codes of the winner are
// computed once more, which costs less than keeping those of every candidate.
// Exactness: the twin's operations in its order, a true division, nothing fused.
// Reads:     x[0:n]; the bytes it changes half of. Writes one half of n bytes, ⌈n/32⌉ multipliers.
// Tails:     masked loads of zeros, which err by zero; the last codes go one by one.
// Registers: Y0–Y3 group · Y6, Y7 errors · X8 scale · X9 8·scale · X10 ±scale · X11 least
//            error · Y12 step · Y14 −8 · Y15 7 · X5 shift of codes
//            DI dst · DX multipliers · SI x · CX channels left · BX half kept
//            R9 sign · R10 last candidate · R11 best · R12 candidate

// 0 −8, 4 7, 8 1, 12 15, 16 +Inf, 20 sign, 24 8 8 8 8, 28 kept below, 32 kept above
DATA enc4Const<>+0(SB)/4, $0xc1000000
DATA enc4Const<>+4(SB)/4, $0x40e00000
DATA enc4Const<>+8(SB)/4, $0x3f800000
DATA enc4Const<>+12(SB)/4, $0x41700000
DATA enc4Const<>+16(SB)/4, $0x7f800000
DATA enc4Const<>+20(SB)/4, $0x80000000
DATA enc4Const<>+24(SB)/4, $0x08080808
DATA enc4Const<>+28(SB)/4, $0xf0f0f0f0
DATA enc4Const<>+32(SB)/4, $0x0f0f0f0f
GLOBL enc4Const<>(SB), RODATA|NOPTR, $36

// SETUP reads the arguments. The half kept is the low one where the codes go high.
#define SETUP \
	MOVQ dst_base+0(FP), DI;       \
	MOVQ mult_base+24(FP), DX;     \
	MOVQ x_base+48(FP), SI;        \
	MOVQ x_len+56(FP), CX;         \
	VMOVSS scale+72(FP), X8;       \
	MOVBLZX high+76(FP), R8;       \
	LEAQ enc4Const<>(SB), R13;     \
	VBROADCASTSS (R13), Y14;       \
	VBROADCASTSS 4(R13), Y15;      \
	VADDSS X8, X8, X9;             \
	VADDSS X9, X9, X9;             \
	VADDSS X9, X9, X9;             \
	MOVL 28(R13)(R8*4), BX;        \
	SHLQ $2, R8;                   \
	VMOVQ R8, X5

// PART loads channels 8·j and on of a group that may end before.
#define PART(j, y) \
	MOVQ $(8*j+8), AX;             \
	XORL R11, R11;                 \
	SUBQ CX, AX;                   \
	CMOVQLT R11, AX;               \
	MOVQ $8, R11;                  \
	CMPQ AX, R11;                  \
	CMOVQGT R11, AX;               \
	VMOVDQU (R12)(AX*4), Y12;      \
	VMASKMOVPS (32*j)(SI), Y12, y

// QUANTIZE leaves the rounded, clamped quotient of x in q.
#define QUANTIZE(x, q) \
	VDIVPS Y12, x, q;              \
	VMAXPS Y14, q, q;              \
	VMINPS Y15, q, q;              \
	VROUNDPS $8, q, q

// SQUARES leaves the squared error of x in e.
#define SQUARES(x, e) \
	QUANTIZE(x, e);                \
	VMULPS Y12, e, e;              \
	VSUBPS e, x, e;                \
	VMULPS e, e, e

// STEPOF spreads the step of candidate k over Y12.
#define STEPOF(k) \
	VXORPS X12, X12, X12;          \
	VCVTSI2SSL k, X12, X12;        \
	VMULSS X10, X12, X12;          \
	VBROADCASTSS X12, Y12

// RANGE leaves min(0, x) and max(0, x) of the group in X6 and X7.
#define RANGE \
	VXORPS Y6, Y6, Y6;             \
	VMINPS Y1, Y0, Y12;            \
	VMINPS Y3, Y2, Y13;            \
	VMINPS Y13, Y12, Y12;          \
	VMAXPS Y1, Y0, Y13;            \
	VMAXPS Y3, Y2, Y4;             \
	VMAXPS Y4, Y13, Y13;           \
	VMAXPS Y6, Y13, Y7;            \
	VMINPS Y6, Y12, Y6;            \
	VEXTRACTF128 $1, Y6, X12;      \
	VEXTRACTF128 $1, Y7, X13;      \
	VMINPS X12, X6, X6;            \
	VMAXPS X13, X7, X7;            \
	VPERMILPS $0xEE, X6, X12;      \
	VPERMILPS $0xEE, X7, X13;      \
	VMINPS X12, X6, X6;            \
	VMAXPS X13, X7, X7;            \
	VMOVSHDUP X6, X12;             \
	VMOVSHDUP X7, X13;             \
	VMINSS X12, X6, X6;            \
	VMAXSS X13, X7, X7

// BOUNDS leaves M in R12 and R11, max(1, M−4) in R10, the sign in R9 (−1 or 0) and ±scale
// in X10.
#define BOUNDS \
	VMOVSS 20(R13), X12;           \
	VXORPS X12, X6, X6;            \
	VCMPSS $13, X6, X7, X13;       \
	VMOVD X13, R9;                 \
	VANDPS X12, X13, X12;          \
	VXORPS X12, X8, X10;           \
	VMAXSS X6, X7, X7;             \
	VDIVSS X9, X7, X7;             \
	VROUNDSS $10, X7, X7, X7;      \
	VMAXSS 8(R13), X7, X7;         \
	VMINSS 12(R13), X7, X7;        \
	VCVTTSS2SI X7, R12;            \
	MOVL R12, R11;                 \
	MOVL $1, AX;                   \
	LEAL -4(R12), R10;             \
	CMPL R10, AX;                  \
	CMOVLLT AX, R10

// CODES leaves the codes of 32 channels in order in X0 and X1, shifted to their half, and
// stores the multiplier.
#define CODES \
	STEPOF(R11);                   \
	QUANTIZE(Y0, Y0);              \
	QUANTIZE(Y1, Y1);              \
	QUANTIZE(Y2, Y2);              \
	QUANTIZE(Y3, Y3);              \
	VCVTPS2DQ Y0, Y0;              \
	VCVTPS2DQ Y1, Y1;              \
	VCVTPS2DQ Y2, Y2;              \
	VCVTPS2DQ Y3, Y3;              \
	VPACKSSDW Y1, Y0, Y0;          \
	VPACKSSDW Y3, Y2, Y2;          \
	VPACKSSWB Y2, Y0, Y0;          \
	VPBROADCASTD 24(R13), Y1;      \
	VPADDB Y1, Y0, Y0;             \
	VPSLLW X5, Y0, Y0;             \
	VEXTRACTI128 $1, Y0, X2;       \
	VPUNPCKHDQ X2, X0, X1;         \
	VPUNPCKLDQ X2, X0, X0;         \
	XORL R9, R11;                  \
	SUBL R9, R11;                  \
	MOVB R11, (DX);                \
	ADDQ $64, DX

// NEXT4 moves the next four codes to AX.
#define NEXT4 \
	VMOVD X0, AX;                  \
	VPALIGNR $4, X0, X1, X0;       \
	VPSRLDQ $4, X1, X1

// ONE stores the code in AX's low byte.
#define ONE \
	MOVBLZX (DI), R10;             \
	ANDL BX, R10;                  \
	ORL AX, R10;                   \
	MOVB R10, (DI);                \
	SHRL $8, AX

// SEARCH finds the multiplier of the group and leaves its codes, R12 of them. Its labels
// are those of the function.
#define SEARCH \
	RANGE; \
	BOUNDS; \
	VMOVSS 16(R13), X11; \
	candidate:; \
	STEPOF(R12); \
	SQUARES(Y0, Y6); \
	SQUARES(Y1, Y7); \
	SQUARES(Y2, Y4); \
	SQUARES(Y3, Y13); \
	VADDPS Y4, Y6, Y6; \
	VADDPS Y13, Y7, Y7; \
	VADDPS Y7, Y6, Y6; \
	VEXTRACTF128 $1, Y6, X7; \
	VADDPS X7, X6, X6; \
	VPERMILPS $0xEE, X6, X7; \
	VADDPS X7, X6, X6; \
	VMOVSHDUP X6, X7; \
	VADDSS X7, X6, X6; \
	VCMPSS $17, X11, X6, X7; \
	VMOVD X7, AX; \
	TESTL AX, AX; \
	JZ   worse; \
	VMOVAPS X6, X11; \
	MOVL R12, R11; \
	worse:; \
	DECL R12; \
	CMPL R12, R10; \
	JGE  candidate; \
	CODES; \
	MOVQ CX, R12; \
	MOVQ $32, AX; \
	CMPQ R12, AX; \
	CMOVQGT AX, R12; \
	SUBQ R12, CX; \
	ADDQ $128, SI

// func encI4K_avx2(dst, mult []byte, x []float32, scale float32, high bool)
TEXT ·encI4K_avx2(SB), NOSPLIT, $0-77
	SETUP

group:
	TESTQ CX, CX
	JLE  done
	CMPQ CX, $32
	JLT  partial
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3

search:
	SEARCH

store:
	NEXT4
	CMPQ R12, $4
	JLT  store1
	MOVL (DI), R10
	ANDL BX, R10
	ORL  AX, R10
	MOVL R10, (DI)
	ADDQ $64, DI
	SUBQ $4, R12
	JNZ  store
	JMP  group

store1:
	ONE
	INCQ DI
	DECQ R12
	JNZ  store1
	JMP  group

partial:
	LEAQ ·tailMask+32(SB), R12
	PART(0, Y0)
	PART(1, Y1)
	PART(2, Y2)
	PART(3, Y3)
	JMP  search

done:
	VZEROUPPER
	RET

// func encI4V_avx2(dst, mult []byte, x []float32, scale float32, high bool)
TEXT ·encI4V_avx2(SB), NOSPLIT, $0-77
	SETUP

group:
	TESTQ CX, CX
	JLE  done
	CMPQ CX, $32
	JLT  partial
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3

search:
	SEARCH

store:
	NEXT4
	CMPQ R12, $4
	JLT  store1
	ONE
	ADDQ $4, DI
	ONE
	ADDQ $4, DI
	ONE
	ADDQ $4, DI
	ONE
	ADDQ $4, DI
	SUBQ $4, R12
	JNZ  store
	JMP  group

store1:
	ONE
	ADDQ $4, DI
	DECQ R12
	JNZ  store1
	JMP  group

partial:
	LEAQ ·tailMask+32(SB), R12
	PART(0, Y0)
	PART(1, Y1)
	PART(2, Y2)
	PART(3, Y3)
	JMP  search

done:
	VZEROUPPER
	RET
