//go:build !purego

#include "textflag.h"

// dec_avx2_amd64.s: expansion of stored tiles to float32.
//
// The K layout holds 4 channels of a token in a dword, so channel i of 8 tokens is a
// shift and a mask away: no shuffles. Integer to float and one multiplication round as
// in the twins. Tails: a partial channel block stores fewer rows; V uses masks.

// CHANNEL expands one channel of 16 tokens from the low bytes of Y0, Y1 and shifts
// them to the next; it leaves when no channel is left (CX).
#define CHANNEL \
	VPAND Y10, Y0, Y2;    \
	VPAND Y10, Y1, Y3;    \
	VPSUBD Y11, Y2, Y2;   \
	VPSUBD Y11, Y3, Y3;   \
	VCVTDQ2PS Y2, Y2;     \
	VCVTDQ2PS Y3, Y3;     \
	VMULPS Y8, Y2, Y2;    \
	VMULPS Y9, Y3, Y3;    \
	VMOVUPS Y2, (DI);     \
	VMOVUPS Y3, 32(DI);   \
	ADDQ $64, DI;         \
	VPSRLD $8, Y0, Y0;    \
	VPSRLD $8, Y1, Y1;    \
	DECQ CX;              \
	JZ   next

// func decI8K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decI8K_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVL $0xff, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	MOVL $128, AX
	VMOVD AX, X11
	VPBROADCASTD X11, Y11

group:
	CMPQ R8, $0
	JLE  done
	VMOVUPS (DX), Y8
	VMOVUPS 32(DX), Y9
	MOVQ d+80(FP), CX

block:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	ADDQ $64, SI
	CHANNEL
	CHANNEL
	CHANNEL
	CHANNEL
	JMP  block

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JMP  group

done:
	VZEROUPPER
	RET

// TOKEN expands token i of a quad: 8 channels in the dwords of Y0.
#define TOKEN(left) \
	VPSLLD $left, Y0, Y2;  \
	VPSRAD $24, Y2, Y2;    \
	VCVTDQ2PS Y2, Y2;      \
	VBROADCASTSS (R11), Y3; \
	VMULPS Y3, Y2, Y2;     \
	VMASKMOVPS Y2, Y7, (R10); \
	ADDQ R12, R10;         \
	ADDQ $4, R11;          \
	DECQ R9;               \
	JZ   stored

// func decI8V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decI8V_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R12
	SHLQ $2, R12 // bytes of a row of floats, and of a quad of codes
	LEAQ ·tailMask+32(SB), BX

quad:
	CMPQ R8, $0
	JLE  done
	MOVQ d+80(FP), CX
	MOVQ DI, R13

channels:
	MOVQ $8, AX
	SUBQ CX, AX
	JGE  masked
	XORL AX, AX

masked:
	VMOVDQU (BX)(AX*4), Y7
	VPMASKMOVD (SI), Y7, Y0
	MOVQ R13, R10
	MOVQ DX, R11
	MOVQ R8, R9
	TOKEN(24)
	TOKEN(16)
	TOKEN(8)
	TOKEN(0)

stored:
	ADDQ $32, R13
	ADDQ $32, SI
	SUBQ $8, CX
	JG   channels
	LEAQ (SI)(CX*4), SI // back to the end of the quad
	LEAQ (DI)(R12*4), DI
	ADDQ $16, DX
	SUBQ $4, R8
	JMP  quad

done:
	VZEROUPPER
	RET

// func dec16_avx2(dst []float32, src, next []byte)
TEXT ·dec16_avx2(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), CX
	MOVQ src_base+24(FP), SI

step:
	CMPQ CX, $8
	JLT  one
	VCVTPH2PS (SI), Y0
	VMOVUPS Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step

one:
	TESTQ CX, CX
	JZ   done
	MOVWLZX (SI), AX
	VMOVD AX, X0
	VCVTPH2PS X0, X0
	VMOVSS X0, (DI)
	ADDQ $2, SI
	ADDQ $4, DI
	DECQ CX
	JMP  one

done:
	VZEROUPPER
	RET

// func absMax_avx2(x []float32) float32
TEXT ·absMax_avx2(SB), NOSPLIT, $0-28
	MOVQ x_base+0(FP), SI
	MOVQ x_len+8(FP), CX
	VPXOR Y0, Y0, Y0
	VPCMPEQD Y6, Y6, Y6
	VPSRLD $1, Y6, Y6 // magnitudes compare as integers

step:
	CMPQ CX, $8
	JLT  tail
	VPAND (SI), Y6, Y1
	VPMAXUD Y1, Y0, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JMP  step

tail:
	TESTQ CX, CX
	JZ   fold
	LEAQ ·tailMask+32(SB), BX
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y7
	VPMASKMOVD (SI), Y7, Y1
	VPAND Y6, Y1, Y1
	VPMAXUD Y1, Y0, Y0

fold:
	VEXTRACTI128 $1, Y0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0xEE, X0, X1
	VPMAXUD X1, X0, X0
	VPSHUFD $0x55, X0, X1
	VPMAXUD X1, X0, X0
	VMOVD X0, AX
	CMPL AX, $0x7f800000
	JCS  finite
	MOVL $0x7fc00000, AX

finite:
	MOVL AX, ret+24(FP)
	VZEROUPPER
	RET
