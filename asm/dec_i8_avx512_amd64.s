//go:build !purego

#include "textflag.h"

// dec_i8_avx512_amd64.s: expansion of stored int8 tiles to float32.
//
// Obstacle:  shifts and conversions, which share ports; stores are the limit, one per 16
// codes. Both layouts keep 4 codes in a dword, 4 channels of a token (K) or 4 tokens of a
// channel (V). The two low bytes of a dword, and after one shift the two high ones, become
// the mantissa of a float with one logical operation, of 2²³ + code in byte 0 and
// 2¹⁵ + code in byte 1; subtracting the constant is exact.
// Exactness: one product.
// Reads:     ⌈n/16⌉ groups of K, ⌈n/4⌉ quads of V. A line of next is fetched per line read.
// Tails:     the last channels of K store fewer rows; channels of V are masked, tokens of
//            its last, partial quad go one by one.
// Registers: Z0–Z4 codes and values · Z7 shift · Z8–Z11 scales · Z16 Z17 masks of bytes 0
//            and 1 · Z18 Z19 what completes them · Z20 Z21 what is subtracted

// MASKS sets Z16 and Z17, MIDDLE Z20 and Z21 to the floats 2²³+128 and 2¹⁵+128.
#define MASKS \
	VPTERNLOGD $0xFF, Z17, Z17, Z17; \
	VPSRLD $24, Z17, Z16;            \
	VPSLLD $8, Z16, Z17
#define MIDDLE \
	MOVL $0x4b000080, AX;     \
	VPBROADCASTD AX, Z20;     \
	MOVL $0x47008000, AX;     \
	VPBROADCASTD AX, Z21

// VALUES turns the codes in byte i of the dwords of Z0 into scaled values in register
// i+1. It clobbers Z0. c0 and c1 flip the bits of the floats into what the masks left.
#define VALUES(c0, c1, s0, s1, s2, s3) \
	VMOVDQA32 Z0, Z1;               \
	VMOVDQA32 Z0, Z2;               \
	VPSRLD $16, Z0, Z0;             \
	VPTERNLOGD $0x6A, c0, Z16, Z1;  \
	VPTERNLOGD $0x6A, c1, Z17, Z2;  \
	VMOVDQA32 Z0, Z3;               \
	VPTERNLOGD $0x6A, c0, Z16, Z3;  \
	VPTERNLOGD $0x6A, c1, Z17, Z0;  \
	VSUBPS Z20, Z1, Z1;             \
	VSUBPS Z21, Z2, Z2;             \
	VSUBPS Z20, Z3, Z3;             \
	VSUBPS Z21, Z0, Z4;             \
	VMULPS s0, Z1, Z1;              \
	VMULPS s1, Z2, Z2;              \
	VMULPS s2, Z3, Z3;              \
	VMULPS s3, Z4, Z4

// func decI8K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decI8K_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R9
	MASKS
	MIDDLE
	MOVL $0x4b000000, AX
	VPBROADCASTD AX, Z18
	MOVL $0x47000000, AX
	VPBROADCASTD AX, Z19

group:
	VMOVUPS (DX), Z8
	MOVQ d+80(FP), CX
	SUBQ $4, CX
	JLT  last
	PCALIGN $32

block: // four channels
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (R9)
	VALUES(Z18, Z19, Z8, Z8, Z8, Z8)
	VMOVUPS Z1, (DI)
	VMOVUPS Z2, 64(DI)
	VMOVUPS Z3, 128(DI)
	VMOVUPS Z4, 192(DI)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $256, DI
	SUBQ $4, CX
	JGE  block

last: // CX+4 channels
	ADDQ $4, CX
	JZ   next
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (R9)
	VALUES(Z18, Z19, Z8, Z8, Z8, Z8)
	VMOVUPS Z1, (DI)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VMOVUPS Z2, (DI)
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VMOVUPS Z3, (DI)
	ADDQ $64, DI

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET

// TOP widens byte 3 of the dwords of Z0 and scales it.
#define TOP(scale) \
	VPSRAD $24, Z0, Z1;  \
	VCVTDQ2PS Z1, Z1;    \
	VMULPS scale, Z1, Z1

// func decI8V_avx512(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decI8V_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ next_base+88(FP), R9
	MOVQ d+80(FP), R12
	MOVQ R12, CX
	SHLQ $2, R12 // bytes of a quad of codes and of a row of floats
	MOVQ R12, BX
	ANDQ $~63, BX // of them in whole vectors
	ANDL $15, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1
	MASKS
	MIDDLE
	MOVQ n+72(FP), R8
	SUBQ $4, R8
	JLT  rest

quad:
	VBROADCASTSS (DX), Z8
	VBROADCASTSS 4(DX), Z9
	VBROADCASTSS 8(DX), Z10
	VBROADCASTSS 12(DX), Z11
	LEAQ (DI)(R12*1), R10
	LEAQ (R10)(R12*1), R11
	LEAQ (R11)(R12*1), R13
	XORL AX, AX
	CMPQ AX, BX
	JEQ  tail
	PCALIGN $32

step:
	VMOVDQU32 (SI)(AX*1), Z0
	PREFETCHT0 (R9)(AX*1)
	VALUES(Z20, Z21, Z8, Z9, Z10, Z11) // the middle flips the sign too
	VMOVUPS Z1, (DI)(AX*1)
	VMOVUPS Z2, (R10)(AX*1)
	VMOVUPS Z3, (R11)(AX*1)
	VMOVUPS Z4, (R13)(AX*1)
	ADDQ $64, AX
	CMPQ AX, BX
	JLT  step

tail:
	CMPQ AX, R12
	JEQ  next
	VMOVDQU32.Z (SI)(AX*1), K1, Z0
	PREFETCHT0 (R9)(AX*1)
	VALUES(Z20, Z21, Z8, Z9, Z10, Z11)
	VMOVUPS Z1, K1, (DI)(AX*1)
	VMOVUPS Z2, K1, (R10)(AX*1)
	VMOVUPS Z3, K1, (R11)(AX*1)
	VMOVUPS Z4, K1, (R13)(AX*1)

next:
	ADDQ R12, SI
	ADDQ R12, R9
	ADDQ $16, DX
	LEAQ (DI)(R12*4), DI
	SUBQ $4, R8
	JGE  quad

rest:
	ADDQ $4, R8
	JZ   done
	MOVL $24, CX

token:
	VMOVD CX, X7
	VBROADCASTSS (DX), Z8
	XORL AX, AX

tokenStep:
	CMPQ AX, BX
	JEQ  tokenTail
	VMOVDQU32 (SI)(AX*1), Z0
	PREFETCHT0 (R9)(AX*1)
	VPSLLD X7, Z0, Z0
	TOP(Z8)
	VMOVUPS Z1, (DI)(AX*1)
	ADDQ $64, AX
	JMP  tokenStep

tokenTail:
	CMPQ AX, R12
	JEQ  tokenNext
	VMOVDQU32.Z (SI)(AX*1), K1, Z0
	VPSLLD X7, Z0, Z0
	TOP(Z8)
	VMOVUPS Z1, K1, (DI)(AX*1)

tokenNext:
	MOVQ SI, R9 // fetched once
	ADDQ R12, DI
	ADDQ $4, DX
	SUBL $8, CX
	DECQ R8
	JNZ  token

done:
	VZEROUPPER
	RET
