//go:build !purego

#include "textflag.h"

// dec_avx2_amd64.s: expansion of stored tiles to float32.
//
// The K layout holds 4 channels of a token in a dword, so channel i of 8 tokens is a
// shift and a mask away: no shuffles. Integer to float and one multiplication round as
// in the twins. Tails: a partial channel block stores fewer rows; V uses masks for fewer
// than 8 channels only, since masked stores are microcode on Zen 1 and 2.
// next is read with the offset of the tile's own loads.

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
	MOVQ next_base+88(FP), R10
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
	PREFETCHT0 (R10)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	ADDQ $64, SI
	ADDQ $64, R10
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

// CODES turns the codes + 128 in the dwords of t into values, times scale.
#define CODES(scale, t) \
	VPSUBD Y13, t, t;      \
	VCVTDQ2PS t, t;        \
	VMULPS scale, t, t

// QUAD splits the bytes of Y0 into the values of four tokens, Y1 to Y4.
#define QUAD \
	VPXOR Y12, Y0, Y0;     \
	VPAND Y14, Y0, Y1;     \
	VPSRLD $8, Y0, Y2;     \
	VPSRLD $16, Y0, Y3;    \
	VPSRLD $24, Y0, Y4;    \
	VPAND Y14, Y2, Y2;     \
	VPAND Y14, Y3, Y3;     \
	CODES(Y8, Y1);         \
	CODES(Y9, Y2);         \
	CODES(Y10, Y3);        \
	CODES(Y11, Y4)

// TOKENS8 expands 8 channels of the four tokens of a quad.
#define TOKENS8(off) \
	VMOVDQU off(SI), Y0;         \
	QUAD;                        \
	VMOVUPS Y1, off(R13);        \
	VMOVUPS Y2, off(R13)(R12*1); \
	VMOVUPS Y3, off(R13)(R12*2); \
	VMOVUPS Y4, off(R13)(R11*1)

// func decI8V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decI8V_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R12
	SHLQ $2, R12 // bytes of a row of floats, and of a quad of codes
	LEAQ (R12)(R12*2), R11
	MOVQ next_base+88(FP), BX
	SUBQ SI, BX
	MOVL $128, AX
	VMOVD AX, X13
	VPBROADCASTD X13, Y13
	VPBROADCASTB X13, Y12
	MOVL $255, AX
	VMOVD AX, X14
	VPBROADCASTD X14, Y14

quad:
	CMPQ R8, $4
	JLT  tokens
	VBROADCASTSS (DX), Y8
	VBROADCASTSS 4(DX), Y9
	VBROADCASTSS 8(DX), Y10
	VBROADCASTSS 12(DX), Y11
	MOVQ d+80(FP), CX
	MOVQ DI, R13

channels16:
	CMPQ CX, $16
	JLT  channels8
	PREFETCHT0 (SI)(BX*1)
	TOKENS8(0)
	TOKENS8(32)
	ADDQ $64, R13
	ADDQ $64, SI
	SUBQ $16, CX
	JMP  channels16

channels8:
	CMPQ CX, $8
	JLT  channels
	PREFETCHT0 (SI)(BX*1)
	TOKENS8(0)
	ADDQ $32, R13
	ADDQ $32, SI
	SUBQ $8, CX

channels:
	TESTQ CX, CX
	JZ   nextQuad
	LEAQ ·tailMask+32(SB), R10
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (R10)(AX*4), Y7
	VPMASKMOVD (SI), Y7, Y0
	QUAD
	VMASKMOVPS Y1, Y7, (R13)
	VMASKMOVPS Y2, Y7, (R13)(R12*1)
	VMASKMOVPS Y3, Y7, (R13)(R12*2)
	VMASKMOVPS Y4, Y7, (R13)(R11*1)
	LEAQ (SI)(CX*4), SI

nextQuad:
	LEAQ (DI)(R12*4), DI
	ADDQ $16, DX
	SUBQ $4, R8
	JMP  quad

tokens: // of a quad that is not full, one by one
	XORL R9, R9
	LEAQ ·tailMask+32(SB), R10

token:
	TESTQ R8, R8
	JZ   done
	VMOVD R9, X9 // right shift
	VBROADCASTSS (DX), Y8
	MOVQ SI, R11
	MOVQ d+80(FP), CX

token8:
	CMPQ CX, $8
	JLT  tokenTail
	PREFETCHT0 (R11)(BX*1)
	VMOVDQU (R11), Y0
	VPXOR Y12, Y0, Y0
	VPSRLD X9, Y0, Y0
	VPAND Y14, Y0, Y0
	CODES(Y8, Y0)
	VMOVUPS Y0, (DI)
	ADDQ $32, R11
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  token8

tokenTail:
	TESTQ CX, CX
	JZ   nextToken
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (R10)(AX*4), Y7
	VPMASKMOVD (R11), Y7, Y0
	VPXOR Y12, Y0, Y0
	VPSRLD X9, Y0, Y0
	VPAND Y14, Y0, Y0
	CODES(Y8, Y0)
	VMASKMOVPS Y0, Y7, (DI)
	LEAQ (DI)(CX*4), DI

nextToken:
	XORL BX, BX // nothing more to prefetch
	ADDQ $4, DX
	ADDL $8, R9
	DECQ R8
	JMP  token

done:
	VZEROUPPER
	RET

// func dec16_avx2(dst []float32, src, next []byte)
TEXT ·dec16_avx2(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), CX
	MOVQ src_base+24(FP), SI
	MOVQ next_base+48(FP), BX
	SUBQ SI, BX

step32:
	CMPQ CX, $32
	JLT  step8
	PREFETCHT0 (SI)(BX*1)
	VMOVDQU (SI), X0 // a load of its own: a memory operand costs half more on Zen 1
	VMOVDQU 16(SI), X1
	VMOVDQU 32(SI), X2
	VMOVDQU 48(SI), X3
	VCVTPH2PS X0, Y0
	VCVTPH2PS X1, Y1
	VCVTPH2PS X2, Y2
	VCVTPH2PS X3, Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ $64, SI
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

step8:
	CMPQ CX, $8
	JLT  one
	VMOVDQU (SI), X0
	VCVTPH2PS X0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step8

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
