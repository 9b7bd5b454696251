//go:build !purego

#include "textflag.h"
#include "exp_avx2_amd64.h"

// exp_avx2_amd64.s: the row steps of the softmax kernels and 2^x.
//
// The operations and their order are those of exp2_generic.go and softmax_generic.go,
// with no fused multiply-add, so the bits are equal; see exp_avx2_amd64.h.
// Lane i of the two sums is chain i: of 16 elements, eight belong to each.
// Tails: masked loads and stores; masked lanes are cleared before the sum.

DATA ·exp2Floor+0(SB)/8, $0xc3200000c3200000 // −160
DATA ·exp2Floor+8(SB)/8, $0xc3200000c3200000
DATA ·exp2Floor+16(SB)/8, $0xc3200000c3200000
DATA ·exp2Floor+24(SB)/8, $0xc3200000c3200000
GLOBL ·exp2Floor(SB), RODATA|NOPTR, $32
DATA ·exp2Eight+0(SB)/8, $0x4100000041000000 // 8
DATA ·exp2Eight+8(SB)/8, $0x4100000041000000
DATA ·exp2Eight+16(SB)/8, $0x4100000041000000
DATA ·exp2Eight+24(SB)/8, $0x4100000041000000
GLOBL ·exp2Eight(SB), RODATA|NOPTR, $32
DATA ·exp2C3+0(SB)/8, $0x38ecfca438ecfca4 // c3
DATA ·exp2C3+8(SB)/8, $0x38ecfca438ecfca4
DATA ·exp2C3+16(SB)/8, $0x38ecfca438ecfca4
DATA ·exp2C3+24(SB)/8, $0x38ecfca438ecfca4
GLOBL ·exp2C3(SB), RODATA|NOPTR, $32
DATA ·exp2C2+0(SB)/8, $0x3b75d12a3b75d12a // c2
DATA ·exp2C2+8(SB)/8, $0x3b75d12a3b75d12a
DATA ·exp2C2+16(SB)/8, $0x3b75d12a3b75d12a
DATA ·exp2C2+24(SB)/8, $0x3b75d12a3b75d12a
GLOBL ·exp2C2(SB), RODATA|NOPTR, $32
DATA ·exp2C1+0(SB)/8, $0x3db172533db17253 // c1
DATA ·exp2C1+8(SB)/8, $0x3db172533db17253
DATA ·exp2C1+16(SB)/8, $0x3db172533db17253
DATA ·exp2C1+24(SB)/8, $0x3db172533db17253
GLOBL ·exp2C1(SB), RODATA|NOPTR, $32
DATA ·exp2Tiny+0(SB)/8, $0x1f8000001f800000 // 2⁻⁶⁴
DATA ·exp2Tiny+8(SB)/8, $0x1f8000001f800000
DATA ·exp2Tiny+16(SB)/8, $0x1f8000001f800000
DATA ·exp2Tiny+24(SB)/8, $0x1f8000001f800000
GLOBL ·exp2Tiny(SB), RODATA|NOPTR, $32
DATA ·exp2Magic+0(SB)/8, $0x4b4005f84b4005f8 // 3·2²² + 8·191
DATA ·exp2Magic+8(SB)/8, $0x4b4005f84b4005f8
DATA ·exp2Magic+16(SB)/8, $0x4b4005f84b4005f8
DATA ·exp2Magic+24(SB)/8, $0x4b4005f84b4005f8
GLOBL ·exp2Magic(SB), RODATA|NOPTR, $32
DATA ·exp2Mask+0(SB)/8, $0x00000ff800000ff8 // all but the low three bits
DATA ·exp2Mask+8(SB)/8, $0x00000ff800000ff8
DATA ·exp2Mask+16(SB)/8, $0x00000ff800000ff8
DATA ·exp2Mask+24(SB)/8, $0x00000ff800000ff8
GLOBL ·exp2Mask(SB), RODATA|NOPTR, $32
// 2^(i/8)
DATA ·exp2Table+0(SB)/4, $0x3f800000
DATA ·exp2Table+4(SB)/4, $0x3f8b95c2
DATA ·exp2Table+8(SB)/4, $0x3f9837f0
DATA ·exp2Table+12(SB)/4, $0x3fa5fed7
DATA ·exp2Table+16(SB)/4, $0x3fb504f3
DATA ·exp2Table+20(SB)/4, $0x3fc5672a
DATA ·exp2Table+24(SB)/4, $0x3fd744fd
DATA ·exp2Table+28(SB)/4, $0x3feac0c7
GLOBL ·exp2Table(SB), RODATA|NOPTR, $32
DATA ·minusInf+0(SB)/4, $0xff800000
GLOBL ·minusInf(SB), RODATA|NOPTR, $4

// 0 1, 4 √2, 8 1.5·2²³, 16 23
DATA ·logConst+0(SB)/4, $0x3f800000
DATA ·logConst+4(SB)/4, $0x3fb504f3
DATA ·logConst+8(SB)/8, $0x4b400000
DATA ·logConst+16(SB)/8, $23
GLOBL ·logConst(SB), RODATA|NOPTR, $24

// func expRow_avx2(y []float32, m float32) float32
TEXT ·expRow_avx2(SB), NOSPLIT, $0-36
	MOVQ y_base+0(FP), DI
	MOVQ y_len+8(FP), CX
	VBROADCASTSS m+24(FP), Y13
	VMOVUPS ·exp2Floor(SB), Y12
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15

step32:
	CMPQ CX, $32
	JLT  step16
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS 64(DI), Y2
	VMOVUPS 96(DI), Y3
	VSUBPS Y13, Y0, Y0
	VSUBPS Y13, Y1, Y1
	VSUBPS Y13, Y2, Y2
	VSUBPS Y13, Y3, Y3
	WEIGHTX4
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VADDPS Y0, Y14, Y14
	VADDPS Y1, Y15, Y15
	VADDPS Y2, Y14, Y14
	VADDPS Y3, Y15, Y15
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

step16:
	CMPQ CX, $16
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VSUBPS Y13, Y0, Y0
	VSUBPS Y13, Y1, Y1
	WEIGHT(Y0, Y4, Y8)
	WEIGHT(Y1, Y5, Y9)
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VADDPS Y0, Y14, Y14
	VADDPS Y1, Y15, Y15
	ADDQ $64, DI
	SUBQ $16, CX

tail:
	TESTQ CX, CX
	JZ   fold
	LEAQ ·tailMask(SB), SI
	MOVQ $16, AX
	SUBQ CX, AX
	LEAQ (SI)(AX*4), SI
	VMOVDQU (SI), Y3
	VMASKMOVPS (DI), Y3, Y0
	VSUBPS Y13, Y0, Y0
	WEIGHT(Y0, Y4, Y8)
	VANDPS Y3, Y0, Y0
	VMASKMOVPS Y0, Y3, (DI)
	VADDPS Y0, Y14, Y14
	CMPQ CX, $8
	JLE  fold
	VMOVDQU 32(SI), Y3
	VMASKMOVPS 32(DI), Y3, Y1
	VSUBPS Y13, Y1, Y1
	WEIGHT(Y1, Y5, Y9)
	VANDPS Y3, Y1, Y1
	VMASKMOVPS Y1, Y3, 32(DI)
	VADDPS Y1, Y15, Y15

fold:
	FOLDSUM
	VMOVSS X14, ret+32(FP)
	VZEROUPPER
	RET

// func logRow_avx2(y []float32, m float32, code LogCode) float32
TEXT ·logRow_avx2(SB), NOSPLIT, $32-52
	MOVQ y_base+0(FP), DI
	MOVQ y_len+8(FP), CX
	VBROADCASTSS m+24(FP), Y13
	VBROADCASTSS code_Step+28(FP), Y8
	VBROADCASTSS code_Zero+32(FP), Y9
	LOGCONSTANTS(code_Last+36(FP))
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15

step:
	CMPQ CX, $16
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	LOG1(Y0, Y2)
	LOG1(Y1, Y3)
	LOG2(Y0, Y2, Y4)
	LOG2(Y1, Y3, Y5)
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VADDPS Y0, Y14, Y14
	VADDPS Y1, Y15, Y15
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
	VMOVDQU (SI), Y5
	VMASKMOVPS (DI), Y5, Y0
	LOG1(Y0, Y2)
	LOG2(Y0, Y2, Y4)
	VANDPS Y5, Y0, Y0
	VMASKMOVPS Y0, Y5, (DI)
	VADDPS Y0, Y14, Y14
	CMPQ CX, $8
	JLE  fold
	VMOVDQU 32(SI), Y5
	VMASKMOVPS 32(DI), Y5, Y1
	LOG1(Y1, Y3)
	LOG2(Y1, Y3, Y4)
	VANDPS Y5, Y1, Y1
	VMASKMOVPS Y1, Y5, 32(DI)
	VADDPS Y1, Y15, Y15

fold:
	FOLDSUM
	VMOVSS X14, ret+48(FP)
	VZEROUPPER
	RET

// func exp2F32_avx2(x []float32)
TEXT ·exp2F32_avx2(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), CX
	VMOVUPS ·exp2Floor(SB), Y12

step32:
	CMPQ CX, $32
	JLT  step8
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS 64(DI), Y2
	VMOVUPS 96(DI), Y3
	WEIGHTX4
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

step8:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y0
	WEIGHT(Y0, Y4, Y8)
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step8

tail:
	TESTQ CX, CX
	JZ   done
	LEAQ ·tailMask(SB), SI
	MOVQ $16, AX
	SUBQ CX, AX
	VMOVDQU (SI)(AX*4), Y3
	VMASKMOVPS (DI), Y3, Y0
	WEIGHT(Y0, Y4, Y8)
	VMASKMOVPS Y0, Y3, (DI)

done:
	VZEROUPPER
	RET

// func rowMax_avx2(y []float32) float32
TEXT ·rowMax_avx2(SB), NOSPLIT, $0-28
	MOVQ y_base+0(FP), DI
	MOVQ y_len+8(FP), CX
	VBROADCASTSS ·minusInf(SB), Y0 // maximum
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
