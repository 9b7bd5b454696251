//go:build !purego

#include "textflag.h"

// exp_avx2_amd64.s: the row steps of the softmax kernels and 2^x.
//
// The operations and their order are those of exp2_generic.go and softmax_generic.go,
// with no fused multiply-add, so the bits are equal. 2^e is applied in two exact
// factors, 2^(e+64) and 2⁻⁶⁴: subnormal results round once, as in the twin. NaN passes
// through the clamp because it is VMAXPS's second source.
// Sixteen elements a step: lane i of (Y0, Y1) is chain i of the sum.
// Tails: masked loads and stores; masked lanes are cleared before the sum.

// 0 −160, 4 8, 8 c3, 12 c2, 16 c1, 20 2⁻⁶⁴, 24 191, 28 −Inf, 32 2^(i/8)
DATA expConst<>+0(SB)/4, $0xc3200000
DATA expConst<>+4(SB)/4, $0x41000000
DATA expConst<>+8(SB)/4, $0x38ecfca4
DATA expConst<>+12(SB)/4, $0x3b75d12a
DATA expConst<>+16(SB)/4, $0x3db17253
DATA expConst<>+20(SB)/4, $0x1f800000
DATA expConst<>+24(SB)/4, $191
DATA expConst<>+28(SB)/4, $0xff800000
DATA expConst<>+32(SB)/4, $0x3f800000
DATA expConst<>+36(SB)/4, $0x3f8b95c2
DATA expConst<>+40(SB)/4, $0x3f9837f0
DATA expConst<>+44(SB)/4, $0x3fa5fed7
DATA expConst<>+48(SB)/4, $0x3fb504f3
DATA expConst<>+52(SB)/4, $0x3fc5672a
DATA expConst<>+56(SB)/4, $0x3fd744fd
DATA expConst<>+60(SB)/4, $0x3feac0c7
GLOBL expConst<>(SB), RODATA|NOPTR, $64

// 0 127, 4 1, 8 √2
DATA logConst<>+0(SB)/4, $127
DATA logConst<>+4(SB)/4, $0x3f800000
DATA logConst<>+8(SB)/4, $0x3fb504f3
GLOBL logConst<>(SB), RODATA|NOPTR, $12

// EXP2 turns x into 2^x; k and t are temporaries. Y8 −160, Y9 8, Y10 2^(i/8), Y11 c3,
// Y12 c2, Y13 c1, Y14 2⁻⁶⁴, Y15 191.
#define EXP2(x, k, t) \
	VMAXPS x, Y8, x;             \
	VMULPS Y9, x, x;             \
	VROUNDPS $9, x, k;           \
	VSUBPS k, x, t;              \
	VCVTPS2DQ k, k;              \
	VMULPS Y11, t, x;            \
	VADDPS Y12, x, x;            \
	VMULPS t, x, x;              \
	VADDPS Y13, x, x;            \
	VMULPS t, x, x;              \
	VPERMPS Y10, k, t;           \
	VMULPS t, x, x;              \
	VADDPS t, x, x;              \
	VPSRAD $3, k, k;             \
	VPADDD Y15, k, k;            \
	VPSLLD $23, k, k;            \
	VMULPS k, x, x;              \
	VMULPS Y14, x, x

#define CONSTANTS \
	LEAQ expConst<>(SB), BX;     \
	VBROADCASTSS (BX), Y8;       \
	VBROADCASTSS 4(BX), Y9;      \
	VMOVUPS 32(BX), Y10;         \
	VBROADCASTSS 8(BX), Y11;     \
	VBROADCASTSS 12(BX), Y12;    \
	VBROADCASTSS 16(BX), Y13;    \
	VBROADCASTSS 20(BX), Y14;    \
	VPBROADCASTD 24(BX), Y15

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

// LOG turns a logit into the weight of its code: k = RNE(Step·(m−y)), n = (k+odd)>>odd
// octaves, times √2 where k is odd and Step is 2. k and t are temporaries.
#define LOG(x, k, t) \
	VSUBPS x, Y7, x;             \
	VMULPS Y8, x, x;             \
	VROUNDPS $8, x, x;           \
	VCMPPS $17, Y9, x, t;        \
	VCVTPS2DQ x, k;              \
	VPADDD Y10, k, x;            \
	VPSRLD X14, x, x;            \
	VPSUBD x, Y11, x;            \
	VPSLLD $23, x, x;            \
	VPSLLD $31, k, k;            \
	VBLENDVPS k, Y13, Y12, k;    \
	VMULPS k, x, x;              \
	VANDPS t, x, x

// func logRow_avx2(y []float32, m float32, code LogCode) float32
TEXT ·logRow_avx2(SB), NOSPLIT, $0-44
	MOVQ y_base+0(FP), DI
	MOVQ y_len+8(FP), CX
	VBROADCASTSS m+24(FP), Y7
	VBROADCASTSS code_Step+28(FP), Y8
	VBROADCASTSS code_Zero+32(FP), Y9
	LEAQ logConst<>(SB), BX
	VPBROADCASTD (BX), Y11
	VBROADCASTSS 4(BX), Y12
	VBROADCASTSS 8(BX), Y13
	VCVTTPS2DQ Y8, Y10
	VPSRLD $1, Y10, Y10 // odd: 0 for Step 1, 1 for Step 2
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VPCMPEQD X0, X0, X0
	VPSRLQ $32, X0, X0
	VPAND  X0, X10, X14 // a shift count is a quadword
	VPTEST X14, X14
	JNZ  step
	VMOVAPS Y12, Y13 // Step 1: no odd codes

step:
	CMPQ CX, $16
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	LOG(Y0, Y2, Y3)
	LOG(Y1, Y2, Y3)
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
	LOG(Y0, Y2, Y3)
	VANDPS Y4, Y0, Y0
	VMASKMOVPS Y0, Y4, (DI)
	VADDPS Y0, Y5, Y5
	CMPQ CX, $8
	JLE  fold
	VMOVDQU 32(SI), Y4
	VMASKMOVPS 32(DI), Y4, Y1
	LOG(Y1, Y2, Y3)
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
	VMOVSS X5, ret+40(FP)
	VZEROUPPER
	RET

// func exp2F32_avx2(x []float32)
TEXT ·exp2F32_avx2(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), CX
	CONSTANTS

step16:
	CMPQ CX, $16
	JLT  step
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	EXP2(Y0, Y2, Y3)
	EXP2(Y1, Y4, Y5)
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $64, DI
	SUBQ $16, CX
	JMP  step16

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
	VBROADCASTSS 28(BX), Y0 // maximum
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

// pack16Row_avx2 writes the high and the low bytes of ⌊(e·sv·lift)·inv + ½⌋ to two planes.
//
// func pack16Row_avx2(hi, lo []byte, e, sv []float32, lift, inv float32)
TEXT ·pack16Row_avx2(SB), NOSPLIT, $0-104
	MOVQ hi_base+0(FP), DI
	MOVQ lo_base+24(FP), R8
	MOVQ e_base+48(FP), SI
	MOVQ e_len+56(FP), CX
	MOVQ sv_base+72(FP), DX
	VBROADCASTSS lift+96(FP), Y8
	VBROADCASTSS inv+100(FP), Y9
	MOVL $0x3f000000, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	LEAQ ·tailMask(SB), BX
	VPCMPEQD X11, X11, X11
	VPSRLW $8, X11, X11

step: // 8 codes
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (SI), Y0
	VMULPS (DX), Y0, Y0
	CODE(Y0)
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW X1, X0, X0
	VPSRLW $8, X0, X1
	VPAND X11, X0, X0
	VPACKUSWB X0, X1, X0 // high bytes, then low bytes
	VMOVQ X0, (DI)
	VPEXTRQ $1, X0, (R8)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $8, DI
	ADDQ $8, R8
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
	VPSRLW $8, X0, X1
	VPAND X11, X0, X0
	VPACKUSWB X0, X1, X0
	VMOVD X0, (DI)
	VPEXTRD $2, X0, (R8)
	CMPQ CX, $4
	JLE  done
	VPEXTRD $1, X0, 4(DI)
	VPEXTRD $3, X0, 4(R8)

done:
	VZEROUPPER
	RET
