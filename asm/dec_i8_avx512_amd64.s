//go:build !purego

#include "textflag.h"

// dec_i8_avx512_amd64.s: expansion of stored int8 tiles to float32.
//
// Both layouts keep 4 codes in a dword, 4 channels of a token (K) or 4 tokens of a channel
// (V), so a pair of shifts widens one of them in all 16 lanes: no shuffles. Integer to
// float and one multiplication round as in the twins.
// Reads:    ⌈n/16⌉ groups of K, ⌈n/4⌉ quads of V. A line of next is fetched per line read.
// Tails:    a partial block of channels of K stores fewer rows; channels of V are masked,
//           tokens of its last, partial quad go one by one.

// TOP widens byte 3 of the dwords of z and leaves its values in Z1; FLOAT takes the byte
// that left bits move there, of Z0.
#define TOP(z, scale) \
	VPSRAD $24, z, Z1;   \
	VCVTDQ2PS Z1, Z1;    \
	VMULPS scale, Z1, Z1

#define FLOAT(left, scale) \
	VPSLLD $left, Z0, Z1; \
	TOP(Z1, scale)

// func decI8K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decI8K_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R9
	MOVL $0x80808080, AX
	VPBROADCASTD AX, Z9

group:
	VMOVUPS (DX), Z8
	MOVQ d+80(FP), CX
	SUBQ $4, CX
	JLT  partial

block:
	VPXORD (SI), Z9, Z0 // code + 128 to two's complement
	PREFETCHT0 (R9)
	FLOAT(24, Z8)
	VMOVUPS Z1, (DI)
	FLOAT(16, Z8)
	VMOVUPS Z1, 64(DI)
	FLOAT(8, Z8)
	VMOVUPS Z1, 128(DI)
	TOP(Z0, Z8)
	VMOVUPS Z1, 192(DI)
	ADDQ $64, SI
	ADDQ $64, R9
	ADDQ $256, DI
	SUBQ $4, CX
	JGE  block

partial:
	ADDQ $4, CX
	JZ   next
	VPXORD (SI), Z9, Z0
	PREFETCHT0 (R9)
	ADDQ $64, SI
	ADDQ $64, R9

channel:
	FLOAT(24, Z8)
	VMOVUPS Z1, (DI)
	VPSRLD $8, Z0, Z0
	ADDQ $64, DI
	DECQ CX
	JNZ  channel

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET

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

step:
	VMOVDQU32 (SI)(AX*1), Z0
	PREFETCHT0 (R9)(AX*1)
	FLOAT(24, Z8)
	VMOVUPS Z1, (DI)(AX*1)
	FLOAT(16, Z9)
	VMOVUPS Z1, (R10)(AX*1)
	FLOAT(8, Z10)
	VMOVUPS Z1, (R11)(AX*1)
	TOP(Z0, Z11)
	VMOVUPS Z1, (R13)(AX*1)
	ADDQ $64, AX
	CMPQ AX, BX
	JLT  step

tail:
	CMPQ AX, R12
	JEQ  next
	VMOVDQU32.Z (SI)(AX*1), K1, Z0
	PREFETCHT0 (R9)(AX*1)
	FLOAT(24, Z8)
	VMOVUPS Z1, K1, (DI)(AX*1)
	FLOAT(16, Z9)
	VMOVUPS Z1, K1, (R10)(AX*1)
	FLOAT(8, Z10)
	VMOVUPS Z1, K1, (R11)(AX*1)
	TOP(Z0, Z11)
	VMOVUPS Z1, K1, (R13)(AX*1)

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
	TOP(Z0, Z8)
	VMOVUPS Z1, (DI)(AX*1)
	ADDQ $64, AX
	JMP  tokenStep

tokenTail:
	CMPQ AX, R12
	JEQ  tokenNext
	VMOVDQU32.Z (SI)(AX*1), K1, Z0
	VPSLLD X7, Z0, Z0
	TOP(Z0, Z8)
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
