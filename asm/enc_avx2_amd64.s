//go:build !purego

#include "textflag.h"

// enc_avx2_amd64.s: row quantizers and the Hadamard butterflies.
//
// Codes: a true division, a clamp and VCVTPS2DQ in the default rounding mode (nearest
// even) give the codes of the twin. Eight channels a step, the rest one by one.
// Butterflies: widths 1, 2 and 4 inside a register as swap(x) + (±x), which rounds
// like u+v and u−v; wider ones between registers.
// Registers: DI dst · SI x · CX channels left · Y8 scale · Y9 127 · Y10 −127

DATA encConst<>+0(SB)/4, $0x42fe0000  // 127
DATA encConst<>+4(SB)/4, $0xc2fe0000  // −127
DATA encConst<>+8(SB)/4, $0x80808080
GLOBL encConst<>(SB), RODATA|NOPTR, $12

#define SETUP \
	LEAQ encConst<>(SB), BX;  \
	VBROADCASTSS (BX), Y9;    \
	VBROADCASTSS 4(BX), Y10

// CODES8 leaves 8 codes as bytes in the low half of X0.
#define CODES8 \
	VMOVUPS (SI), Y0;          \
	VDIVPS Y8, Y0, Y0;         \
	VMAXPS Y10, Y0, Y0;        \
	VMINPS Y9, Y0, Y0;         \
	VCVTPS2DQ Y0, Y0;          \
	VEXTRACTI128 $1, Y0, X1;   \
	VPACKSSDW X1, X0, X0;      \
	VPACKSSWB X0, X0, X0

// CODE1 leaves one code in AX.
#define CODE1 \
	VMOVSS (SI), X0;       \
	VDIVSS X8, X0, X0;     \
	VMAXSS X10, X0, X0;    \
	VMINSS X9, X0, X0;     \
	VCVTSS2SI X0, AX

// func encI8_avx2(dst []int8, x []float32, scale float32)
TEXT ·encI8_avx2(SB), NOSPLIT, $0-52
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y8
	SETUP

step:
	CMPQ CX, $8
	JLT  one
	CODES8
	VMOVQ X0, (DI)
	ADDQ $32, SI
	ADDQ $8, DI
	SUBQ $8, CX
	JMP  step

one:
	TESTQ CX, CX
	JZ   done
	CODE1
	MOVB AX, (DI)
	ADDQ $4, SI
	INCQ DI
	DECQ CX
	JMP  one

done:
	VZEROUPPER
	RET

// func encI8K_avx2(dst []byte, x []float32, scale float32)
TEXT ·encI8K_avx2(SB), NOSPLIT, $0-52
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y8
	SETUP
	VPBROADCASTD 8(BX), X11
	XORL DX, DX // channel within a dword

step:
	CMPQ CX, $8
	JLT  one
	CODES8
	VPXOR X11, X0, X0 // + 128
	VMOVD X0, (DI)
	VPEXTRD $1, X0, 64(DI)
	ADDQ $32, SI
	ADDQ $128, DI
	SUBQ $8, CX
	JMP  step

one:
	TESTQ CX, CX
	JZ   done
	CODE1
	ADDL $128, AX
	MOVB AX, (DI)(DX*1)
	ADDQ $4, SI
	INCQ DX
	CMPQ DX, $4
	JLT  same
	XORL DX, DX
	ADDQ $64, DI

same:
	DECQ CX
	JMP  one

done:
	VZEROUPPER
	RET

// func encI8V_avx2(dst []byte, x []float32, scale float32)
TEXT ·encI8V_avx2(SB), NOSPLIT, $0-52
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y8
	SETUP

step:
	CMPQ CX, $8
	JLT  one
	CODES8
	VPEXTRB $0, X0, (DI)
	VPEXTRB $1, X0, 4(DI)
	VPEXTRB $2, X0, 8(DI)
	VPEXTRB $3, X0, 12(DI)
	VPEXTRB $4, X0, 16(DI)
	VPEXTRB $5, X0, 20(DI)
	VPEXTRB $6, X0, 24(DI)
	VPEXTRB $7, X0, 28(DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step

one:
	TESTQ CX, CX
	JZ   done
	CODE1
	MOVB AX, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ CX
	JMP  one

done:
	VZEROUPPER
	RET

DATA hadSign<>+0(SB)/8, $0x8000000000000000
DATA hadSign<>+8(SB)/8, $0x8000000000000000
DATA hadSign<>+16(SB)/8, $0x8000000000000000
DATA hadSign<>+24(SB)/8, $0x8000000000000000
DATA hadSign<>+32(SB)/8, $0
DATA hadSign<>+40(SB)/8, $0x8000000080000000
DATA hadSign<>+48(SB)/8, $0
DATA hadSign<>+56(SB)/8, $0x8000000080000000
DATA hadSign<>+64(SB)/8, $0
DATA hadSign<>+72(SB)/8, $0
DATA hadSign<>+80(SB)/8, $0x8000000080000000
DATA hadSign<>+88(SB)/8, $0x8000000080000000
GLOBL hadSign<>(SB), RODATA|NOPTR, $96

// butterflies_avx2 runs every stage over len(x) ≥ 8 elements, a power of two, and
// multiplies by s.
//
// func butterflies_avx2(x []float32, s float32)
TEXT ·butterflies_avx2(SB), NOSPLIT, $0-28
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), CX
	LEAQ hadSign<>(SB), BX
	VMOVUPS (BX), Y4
	VMOVUPS 32(BX), Y5
	VMOVUPS 64(BX), Y6
	MOVQ DI, SI
	MOVQ CX, DX

inner:
	VMOVUPS (SI), Y0
	VPERMILPS $0xB1, Y0, Y1
	VXORPS Y4, Y0, Y0
	VADDPS Y0, Y1, Y0
	VPERMILPS $0x4E, Y0, Y1
	VXORPS Y5, Y0, Y0
	VADDPS Y0, Y1, Y0
	VPERM2F128 $1, Y0, Y0, Y1
	VXORPS Y6, Y0, Y0
	VADDPS Y0, Y1, Y0
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	SUBQ $8, DX
	JNZ  inner

	LEAQ (DI)(CX*4), R9 // end
	MOVQ $32, R8        // width in bytes

stage:
	MOVQ R8, AX
	SHRQ $2, AX
	CMPQ AX, CX
	JGE  scale
	MOVQ DI, SI

pair:
	LEAQ (SI)(R8*1), DX // second half
	MOVQ DX, R10

butterfly:
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VADDPS Y1, Y0, Y2
	VSUBPS Y1, Y0, Y3
	VMOVUPS Y2, (SI)
	VMOVUPS Y3, (DX)
	ADDQ $32, SI
	ADDQ $32, DX
	CMPQ SI, R10
	JNE  butterfly
	MOVQ DX, SI
	CMPQ SI, R9
	JNE  pair
	SHLQ $1, R8
	JMP  stage

scale:
	VBROADCASTSS s+24(FP), Y8

scaled:
	VMULPS (DI), Y8, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  scaled
	VZEROUPPER
	RET
