//go:build !purego

#include "textflag.h"

// enc_avx2_amd64.s: row quantizers, what their codes lose, and the Hadamard butterflies.
//
// Codes: a true division, a clamp and VCVTPS2DQ in the default rounding mode (nearest
// even) give the codes of the twin. Eight channels a step, the rest one by one. A token of a
// V tile owns a byte of each dword; a step writes eight dwords back, from the byte on, or,
// the last step, up to it: both stay between the token's first and last byte.
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

// ROUND8 leaves 8 codes as dwords in Y0.
#define ROUND8 \
	VMOVUPS (SI), Y0;          \
	VDIVPS Y8, Y0, Y0;         \
	VMAXPS Y10, Y0, Y0;        \
	VMINPS Y9, Y0, Y0;         \
	VCVTPS2DQ Y0, Y0

// CODES8 leaves 8 codes as bytes in the low half of X0.
#define CODES8 \
	ROUND8;                    \
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
	VPCMPEQD Y12, Y12, Y12
	VPSLLD $24, Y12, Y13 // the last byte of a dword
	VPSRLD $24, Y12, Y12 // the first
	CMPQ CX, $8
	JLE  rest

step:
	CMPQ CX, $8
	JLT  rest
	ROUND8
	ADDQ $32, SI
	SUBQ $8, CX
	JZ   last
	VMOVDQU (DI), Y1
	VPBLENDVB Y12, Y0, Y1, Y1
	VMOVDQU Y1, (DI)
	ADDQ $32, DI
	JMP  step

last:
	VPSLLD $24, Y0, Y0
	VMOVDQU -3(DI), Y1
	VPBLENDVB Y13, Y0, Y1, Y1
	VMOVDQU Y1, -3(DI)
	JMP  done

rest:
	TESTQ CX, CX
	JZ   done

one:
	CODE1
	MOVB AX, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  one

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

// INNER runs the stages of width 1, 2 and 4 inside a register; t is a temporary.
#define INNER(x, t) \
	VPERMILPS $0xB1, x, t;      \
	VXORPS Y13, x, x;           \
	VADDPS x, t, x;             \
	VPERMILPS $0x4E, x, t;      \
	VXORPS Y14, x, x;           \
	VADDPS x, t, x;             \
	VPERM2F128 $1, x, x, t;     \
	VXORPS Y15, x, x;           \
	VADDPS x, t, x

// PAIR is a butterfly between registers.
#define PAIR(a, b, t) \
	VADDPS b, a, t;             \
	VSUBPS b, a, b;             \
	VMOVAPS t, a

// butterflies_avx2 runs every stage over len(x) ≥ 8 elements, a power of two, and
// multiplies by s. Blocks of 64 stay in registers for six stages; the wider ones pair
// elements in memory, and the last pass multiplies.
//
// func butterflies_avx2(x []float32, s float32)
TEXT ·butterflies_avx2(SB), NOSPLIT, $0-28
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), CX
	LEAQ hadSign<>(SB), BX
	VMOVUPS (BX), Y13
	VMOVUPS 32(BX), Y14
	VMOVUPS 64(BX), Y15
	VBROADCASTSS s+24(FP), Y12
	MOVQ DI, SI
	MOVQ CX, DX
	CMPQ CX, $64
	JLT  short

block:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3
	VMOVUPS 128(SI), Y4
	VMOVUPS 160(SI), Y5
	VMOVUPS 192(SI), Y6
	VMOVUPS 224(SI), Y7
	INNER(Y0, Y8)
	INNER(Y1, Y9)
	INNER(Y2, Y10)
	INNER(Y3, Y11)
	INNER(Y4, Y8)
	INNER(Y5, Y9)
	INNER(Y6, Y10)
	INNER(Y7, Y11)
	PAIR(Y0, Y1, Y8)
	PAIR(Y2, Y3, Y9)
	PAIR(Y4, Y5, Y10)
	PAIR(Y6, Y7, Y11)
	PAIR(Y0, Y2, Y8)
	PAIR(Y1, Y3, Y9)
	PAIR(Y4, Y6, Y10)
	PAIR(Y5, Y7, Y11)
	PAIR(Y0, Y4, Y8)
	PAIR(Y1, Y5, Y9)
	PAIR(Y2, Y6, Y10)
	PAIR(Y3, Y7, Y11)
	CMPQ CX, $64
	JNE  keep
	VMULPS Y12, Y0, Y0
	VMULPS Y12, Y1, Y1
	VMULPS Y12, Y2, Y2
	VMULPS Y12, Y3, Y3
	VMULPS Y12, Y4, Y4
	VMULPS Y12, Y5, Y5
	VMULPS Y12, Y6, Y6
	VMULPS Y12, Y7, Y7

keep:
	VMOVUPS Y0, (SI)
	VMOVUPS Y1, 32(SI)
	VMOVUPS Y2, 64(SI)
	VMOVUPS Y3, 96(SI)
	VMOVUPS Y4, 128(SI)
	VMOVUPS Y5, 160(SI)
	VMOVUPS Y6, 192(SI)
	VMOVUPS Y7, 224(SI)
	ADDQ $256, SI
	SUBQ $64, DX
	JNZ  block
	MOVQ $256, R8 // width in bytes
	JMP  stages

short:
	VMOVUPS (SI), Y0
	INNER(Y0, Y8)
	CMPQ CX, $8
	JNE  keepShort
	VMULPS Y12, Y0, Y0

keepShort:
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	SUBQ $8, DX
	JNZ  short
	MOVQ $32, R8

stages:
	LEAQ (DI)(CX*4), R9 // end
	SHLQ $2, CX

stage:
	CMPQ R8, CX
	JGE  done
	MOVQ DI, SI
	LEAQ (R8)(R8*1), AX
	CMPQ AX, CX
	JEQ  last

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

last:
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R8*1), Y1
	VADDPS Y1, Y0, Y2
	VSUBPS Y1, Y0, Y3
	VMULPS Y12, Y2, Y2
	VMULPS Y12, Y3, Y3
	VMOVUPS Y2, (SI)
	VMOVUPS Y3, (SI)(R8*1)
	ADDQ $32, SI
	LEAQ (DI)(R8*1), DX
	CMPQ SI, DX
	JNE  last

done:
	VZEROUPPER
	RET

// ERRORS adds the 16 numbers in Y0 and Y1 with the codes in Y2 and Y3 to the chains.
#define ERRORS \
	VCVTDQ2PS Y2, Y2;            \
	VCVTDQ2PS Y3, Y3;            \
	VMULPS Y0, Y0, Y11;          \
	VMULPS Y1, Y1, Y12;          \
	VADDPS Y11, Y4, Y4;          \
	VADDPS Y12, Y5, Y5;          \
	VFNMADD231PS Y2, Y8, Y0;     \
	VFNMADD231PS Y3, Y8, Y1;     \
	VMULPS Y0, Y0, Y0;           \
	VMULPS Y1, Y1, Y1;           \
	VADDPS Y0, Y6, Y6;           \
	VADDPS Y1, Y7, Y7

// CODES16 makes the codes of Y0 and Y1, as dwords in Y2 and Y3 and as bytes in X11.
#define CODES16 \
	VDIVPS Y8, Y0, Y2;           \
	VDIVPS Y8, Y1, Y3;           \
	VMAXPS Y10, Y2, Y2;          \
	VMAXPS Y10, Y3, Y3;          \
	VMINPS Y9, Y2, Y2;           \
	VMINPS Y9, Y3, Y3;           \
	VCVTPS2DQ Y2, Y2;            \
	VCVTPS2DQ Y3, Y3;            \
	VPACKSSDW Y3, Y2, Y11;       \
	VPERMQ $0xD8, Y11, Y11;      \
	VEXTRACTI128 $1, Y11, X12;   \
	VPACKSSWB X12, X11, X11

// func encErrI8_avx2(dst []int8, x []float32, scale float32) (size2, err2 float32)
TEXT ·encErrI8_avx2(SB), NOSPLIT, $0-64
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y8
	SETUP
	VXORPS Y4, Y4, Y4 // Σ x², chains 0–7
	VXORPS Y5, Y5, Y5 // chains 8–15
	VXORPS Y6, Y6, Y6 // Σ (x − code·scale)²
	VXORPS Y7, Y7, Y7
	SUBQ $16, CX
	JLT  tail

step:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	CODES16
	VMOVDQU X11, (DI)
	ERRORS
	ADDQ $64, SI
	ADDQ $16, DI
	SUBQ $16, CX
	JGE  step

tail:
	ADDQ $16, CX
	JZ   fold
	LEAQ ·tailMask+64(SB), BX
	LEAQ 3(CX), AX // codes are whole dwords
	ANDQ $-4, AX
	NEGQ AX
	VMOVDQU (BX)(AX*1), X13
	NEGQ CX
	LEAQ (BX)(CX*4), BX
	VMOVDQU (BX), Y0
	VMOVDQU 32(BX), Y1
	VMASKMOVPS (SI), Y0, Y0
	VMASKMOVPS 32(SI), Y1, Y1
	CODES16
	VPMASKMOVD X11, X13, (DI)
	ERRORS

fold: // chains 8, 4, 2, 1 apart
	VADDPS Y5, Y4, Y4
	VADDPS Y7, Y6, Y6
	VEXTRACTF128 $1, Y4, X5
	VEXTRACTF128 $1, Y6, X7
	VADDPS X5, X4, X4
	VADDPS X7, X6, X6
	VPERMILPS $0xEE, X4, X5
	VPERMILPS $0xEE, X6, X7
	VADDPS X5, X4, X4
	VADDPS X7, X6, X6
	VMOVSHDUP X4, X5
	VMOVSHDUP X6, X7
	VADDSS X5, X4, X4
	VADDSS X7, X6, X6
	VMOVSS X4, size2+56(FP)
	VMOVSS X6, err2+60(FP)
	VZEROUPPER
	RET
