//go:build !purego

#include "textflag.h"

// exp_avx2_amd64.s: the row steps of the softmax kernels and 2^x.
//
// The operations and their order are those of exp2_generic.go and softmax_generic.go,
// with no fused multiply-add, so the bits are equal. 2^k is applied in two exact
// factors, 2^(k+64) and 2⁻⁶⁴: subnormal results round once, as in the twin. Lanes
// below −151 (−Inf too) are cleared; NaN passes through.
// Sixteen elements a step: lane i of (Y0, Y1) is chain i of the sum.
// Tails: masked loads and stores; masked lanes are cleared before the sum.

// 0 magic, 4 −151, 8 c6 … 28 c1, 32 1, 36 2⁻⁶⁴, 40 191, 44 −Inf
DATA expConst<>+0(SB)/4, $0x4b400000
DATA expConst<>+4(SB)/4, $0xc3170000
DATA expConst<>+8(SB)/4, $0x3920b5af
DATA expConst<>+12(SB)/4, $0x3aaf8417
DATA expConst<>+16(SB)/4, $0x3c1d96f0
DATA expConst<>+20(SB)/4, $0x3d6357be
DATA expConst<>+24(SB)/4, $0x3e75fdee
DATA expConst<>+28(SB)/4, $0x3f317218
DATA expConst<>+32(SB)/4, $0x3f800000
DATA expConst<>+36(SB)/4, $0x1f800000
DATA expConst<>+40(SB)/4, $191
DATA expConst<>+44(SB)/4, $0xff800000
GLOBL expConst<>(SB), RODATA|NOPTR, $48

// EXP2 turns x into 2^x. Uses Y8–Y14 for constants: Y8 magic, Y9 c6, Y10 c5, Y11 c4,
// Y12 c3, Y13 c2, Y14 c1; k, t are temporaries.
#define EXP2(x, k, t) \
	VADDPS Y8, x, k;             \
	VSUBPS Y8, k, k;             \
	VSUBPS k, x, t;              \
	VBROADCASTSS 4(BX), Y15;     \
	VCMPPS $17, Y15, x, x;       \
	VMULPS Y9, t, Y15;           \
	VADDPS Y10, Y15, Y15;        \
	VMULPS t, Y15, Y15;          \
	VADDPS Y11, Y15, Y15;        \
	VMULPS t, Y15, Y15;          \
	VADDPS Y12, Y15, Y15;        \
	VMULPS t, Y15, Y15;          \
	VADDPS Y13, Y15, Y15;        \
	VMULPS t, Y15, Y15;          \
	VADDPS Y14, Y15, Y15;        \
	VMULPS t, Y15, Y15;          \
	VBROADCASTSS 32(BX), t;      \
	VADDPS t, Y15, Y15;          \
	VCVTPS2DQ k, k;              \
	VPBROADCASTD 40(BX), t;      \
	VPADDD t, k, k;              \
	VPSLLD $23, k, k;            \
	VMULPS k, Y15, Y15;          \
	VBROADCASTSS 36(BX), t;      \
	VMULPS t, Y15, Y15;          \
	VANDNPS Y15, x, x

#define CONSTANTS \
	LEAQ expConst<>(SB), BX;     \
	VBROADCASTSS (BX), Y8;       \
	VBROADCASTSS 8(BX), Y9;      \
	VBROADCASTSS 12(BX), Y10;    \
	VBROADCASTSS 16(BX), Y11;    \
	VBROADCASTSS 20(BX), Y12;    \
	VBROADCASTSS 24(BX), Y13;    \
	VBROADCASTSS 28(BX), Y14

// func expRow_avx2(y []float32, m float32) float32
TEXT ·expRow_avx2(SB), NOSPLIT, $0-36
	MOVQ y_base+0(FP), DI
	MOVQ y_len+8(FP), CX
	VBROADCASTSS m+24(FP), Y7
	CONSTANTS
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6

step:
	CMPQ CX, $16
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VSUBPS Y7, Y0, Y0
	VSUBPS Y7, Y1, Y1
	EXP2(Y0, Y2, Y3)
	EXP2(Y1, Y2, Y3)
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VADDPS Y0, Y5, Y5
	VADDPS Y1, Y6, Y6
	ADDQ $64, DI
	SUBQ $16, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   fold
	LEAQ ·tailMask(SB), SI
	MOVQ $16, AX
	SUBQ CX, AX
	LEAQ (SI)(AX*4), SI
	VMOVDQU (SI), Y4
	VMASKMOVPS (DI), Y4, Y0
	VSUBPS Y7, Y0, Y0
	EXP2(Y0, Y2, Y3)
	VANDPS Y4, Y0, Y0
	VMASKMOVPS Y0, Y4, (DI)
	VADDPS Y0, Y5, Y5
	CMPQ CX, $8
	JLE  fold
	VMOVDQU 32(SI), Y4
	VMASKMOVPS 32(DI), Y4, Y1
	VSUBPS Y7, Y1, Y1
	EXP2(Y1, Y2, Y3)
	VANDPS Y4, Y1, Y1
	VMASKMOVPS Y1, Y4, 32(DI)
	VADDPS Y1, Y6, Y6

fold: // chains 8, 4, 2, 1 apart
	VADDPS Y6, Y5, Y5
	VEXTRACTF128 $1, Y5, X6
	VADDPS X6, X5, X5
	VPERMILPS $0xEE, X5, X6
	VADDPS X6, X5, X5
	VMOVSHDUP X5, X6
	VADDSS X6, X5, X5
	VMOVSS X5, ret+32(FP)
	VZEROUPPER
	RET

// func exp2F32_avx2(x []float32)
TEXT ·exp2F32_avx2(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), CX
	CONSTANTS

step:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y0
	EXP2(Y0, Y2, Y3)
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   done
	LEAQ ·tailMask(SB), SI
	MOVQ $16, AX
	SUBQ CX, AX
	VMOVDQU (SI)(AX*4), Y4
	VMASKMOVPS (DI), Y4, Y0
	EXP2(Y0, Y2, Y3)
	VMASKMOVPS Y0, Y4, (DI)

done:
	VZEROUPPER
	RET

// func rowMax_avx2(y []float32) float32
TEXT ·rowMax_avx2(SB), NOSPLIT, $0-28
	MOVQ y_base+0(FP), DI
	MOVQ y_len+8(FP), CX
	LEAQ expConst<>(SB), BX
	VBROADCASTSS 44(BX), Y0 // maximum
	VMOVAPS Y0, Y3
	VXORPS Y1, Y1, Y1 // lanes that met a NaN

step:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y2
	VCMPPS $3, Y2, Y2, Y4
	VORPS Y4, Y1, Y1
	VMAXPS Y2, Y0, Y0
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   fold
	LEAQ ·tailMask(SB), SI
	MOVQ $16, AX
	SUBQ CX, AX
	VMOVDQU (SI)(AX*4), Y4
	VMASKMOVPS (DI), Y4, Y2
	VBLENDVPS Y4, Y2, Y3, Y2
	VCMPPS $3, Y2, Y2, Y4
	VORPS Y4, Y1, Y1
	VMAXPS Y2, Y0, Y0

fold:
	VMOVMSKPS Y1, AX
	TESTL AX, AX
	JNZ  nan
	VEXTRACTF128 $1, Y0, X2
	VMAXPS X2, X0, X0
	VPERMILPS $0xEE, X0, X2
	VMAXPS X2, X0, X0
	VMOVSHDUP X0, X2
	VMAXSS X2, X0, X0
	VXORPS X2, X2, X2
	VADDSS X2, X0, X0 // −0 becomes +0
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

nan:
	MOVL $0x7fc00000, ret+24(FP)
	VZEROUPPER
	RET

// func rowTop_avx2(e, sv []float32) float32
TEXT ·rowTop_avx2(SB), NOSPLIT, $0-52
	MOVQ e_base+0(FP), DI
	MOVQ e_len+8(FP), CX
	MOVQ sv_base+24(FP), SI
	VXORPS Y0, Y0, Y0

step:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y2
	VMULPS (SI), Y2, Y2
	VMAXPS Y0, Y2, Y0 // the second source wins over NaN
	ADDQ $32, DI
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   fold
	LEAQ ·tailMask(SB), BX
	MOVQ $16, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y4
	VMASKMOVPS (DI), Y4, Y2
	VMASKMOVPS (SI), Y4, Y3
	VMULPS Y3, Y2, Y2
	VMAXPS Y0, Y2, Y0

fold:
	VEXTRACTF128 $1, Y0, X2
	VMAXPS X2, X0, X0
	VPERMILPS $0xEE, X0, X2
	VMAXPS X2, X0, X0
	VMOVSHDUP X0, X2
	VMAXSS X2, X0, X0
	VMOVSS X0, ret+48(FP)
	VZEROUPPER
	RET

// CODE turns 8 products e·sv into integer codes.
#define CODE(x) \
	VMULPS Y8, x, x;   \
	VMULPS Y9, x, x;   \
	VADDPS Y10, x, x;  \
	VCVTTPS2DQ x, x

// packRow_avx2 writes p[j] = ⌊(e[j]·sv[j]·lift)·inv + ½⌋ and zero bytes up to a
// multiple of 4; p is that long.
//
// func packRow_avx2(p []byte, e, sv []float32, lift, inv float32)
TEXT ·packRow_avx2(SB), NOSPLIT, $0-80
	MOVQ p_base+0(FP), DI
	MOVQ e_base+24(FP), SI
	MOVQ e_len+32(FP), CX
	MOVQ sv_base+48(FP), DX
	VBROADCASTSS lift+72(FP), Y8
	VBROADCASTSS inv+76(FP), Y9
	MOVL $0x3f000000, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	LEAQ ·tailMask(SB), BX

step: // 8 codes
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMULPS (DX), Y0, Y0
	CODE(Y0)
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW X1, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVQ X0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $8, DI
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   done
	MOVQ $16, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y4
	VMASKMOVPS (SI), Y4, Y0
	VMASKMOVPS (DX), Y4, Y1
	VMULPS Y1, Y0, Y0
	CODE(Y0)
	VPAND Y4, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW X1, X0, X0
	VPACKUSWB X0, X0, X0
	VMOVD X0, (DI)
	CMPQ CX, $4
	JLE  done
	VPEXTRD $1, X0, 4(DI)

done:
	VZEROUPPER
	RET
