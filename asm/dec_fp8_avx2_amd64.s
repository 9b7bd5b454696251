//go:build !purego

#include "textflag.h"

// dec_fp8_avx2_amd64.s: expansion of FP8 tiles to float32.
//
// Obstacle:  AVX2 has no FP8 conversion, and a table lookup is a gather.
// A code moved to the top byte of a dword becomes a float32 by arithmetic: exponent and
// mantissa bits shifted to where float32 has them, times the exact power of two between
// the biases. That covers subnormal codes too, since the product is normal. What remains
// are the codes without a number: E4M3 has one NaN per sign, whose lanes are filled with
// ones; E5M2 has a row of them, whose exponents are filled with ones.
// Reads:     ⌈n/16⌉ groups of K, n rows of V, the scales.
// Tails:     a partial channel block stores fewer rows; V goes by 32, 8 and 1.
// Registers: Y10 magnitude · Y11 power of two · Y12 sign · Y13 limit · Y14 exponent

// 0 magnitude, 4 power, 8 sign, 12 limit, 16 exponent
DATA fp8E4M3<>+0(SB)/4, $0x07f00000
DATA fp8E4M3<>+4(SB)/4, $0x7b800000
DATA fp8E4M3<>+8(SB)/4, $0x80000000
DATA fp8E4M3<>+12(SB)/4, $0x07efffff
DATA fp8E4M3<>+16(SB)/4, $0xffffffff
GLOBL fp8E4M3<>(SB), RODATA|NOPTR, $20
DATA fp8E5M2<>+0(SB)/4, $0x0fe00000
DATA fp8E5M2<>+4(SB)/4, $0x77800000
DATA fp8E5M2<>+8(SB)/4, $0x80000000
DATA fp8E5M2<>+12(SB)/4, $0x0f7fffff
DATA fp8E5M2<>+16(SB)/4, $0x7f800000
GLOBL fp8E5M2<>(SB), RODATA|NOPTR, $20

#define CONSTANTS(table) \
	LEAQ table<>(SB), BX;      \
	VPBROADCASTD (BX), Y10;    \
	VBROADCASTSS 4(BX), Y11;   \
	VPBROADCASTD 8(BX), Y12;   \
	VPBROADCASTD 12(BX), Y13;  \
	VPBROADCASTD 16(BX), Y14

// VALUE turns the code in the top byte of each dword of x into its value. bits is 4 for
// E4M3 and 3 for E5M2: 8 less than float32's exponent bits plus the sign.
#define VALUE(bits, x, t, u) \
	VPSRLD $bits, x, t;        \
	VPAND Y10, t, t;           \
	VPCMPGTD Y13, t, u;        \
	VPAND Y14, u, u;           \
	VMULPS Y11, t, t;          \
	VPAND Y12, x, x;           \
	VPOR u, x, x;              \
	VPOR t, x, x

// CHANNEL expands one channel of 16 tokens, left bits below the top, and leaves when no
// channel is left (CX).
#define CHANNEL(bits, left) \
	VPSLLD $left, Y0, Y2;      \
	VPSLLD $left, Y1, Y3;      \
	VALUE(bits, Y2, Y4, Y5);   \
	VALUE(bits, Y3, Y6, Y7);   \
	VMULPS Y8, Y2, Y2;         \
	VMULPS Y9, Y3, Y3;         \
	VMOVUPS Y2, (DI);          \
	VMOVUPS Y3, 32(DI);        \
	ADDQ $64, DI;              \
	DECQ CX;                   \
	JZ   next

// func decE4M3K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decE4M3K_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R10
	CONSTANTS(fp8E4M3)

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
	CHANNEL(4, 24)
	CHANNEL(4, 16)
	CHANNEL(4, 8)
	CHANNEL(4, 0)
	JMP  block

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JMP  group

done:
	VZEROUPPER
	RET

// func decE4M3V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decE4M3V_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R10
	CONSTANTS(fp8E4M3)

token:
	CMPQ R8, $0
	JLE  done
	VBROADCASTSS (DX), Y8
	MOVQ d+80(FP), CX

step32:
	CMPQ CX, $32
	JLT  step8
	PREFETCHT0 (R10)
	VPMOVZXBD (SI), Y0
	VPMOVZXBD 8(SI), Y1
	VPMOVZXBD 16(SI), Y2
	VPMOVZXBD 24(SI), Y3
	VPSLLD $24, Y0, Y0
	VPSLLD $24, Y1, Y1
	VPSLLD $24, Y2, Y2
	VPSLLD $24, Y3, Y3
	VALUE(4, Y0, Y4, Y5)
	VALUE(4, Y1, Y6, Y7)
	VALUE(4, Y2, Y4, Y5)
	VALUE(4, Y3, Y6, Y7)
	VMULPS Y8, Y0, Y0
	VMULPS Y8, Y1, Y1
	VMULPS Y8, Y2, Y2
	VMULPS Y8, Y3, Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ $32, SI
	ADDQ $32, R10
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

step8:
	CMPQ CX, $8
	JLT  one
	VPMOVZXBD (SI), Y0
	VPSLLD $24, Y0, Y0
	VALUE(4, Y0, Y4, Y5)
	VMULPS Y8, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $8, SI
	ADDQ $8, R10
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step8

one:
	TESTQ CX, CX
	JZ   next
	MOVBLZX (SI), AX
	VMOVD AX, X0
	VPSLLD $24, Y0, Y0
	VALUE(4, Y0, Y4, Y5)
	VMULSS X8, X0, X0
	VMOVSS X0, (DI)
	INCQ SI
	INCQ R10
	ADDQ $4, DI
	DECQ CX
	JMP  one

next:
	ADDQ $4, DX
	DECQ R8
	JMP  token

done:
	VZEROUPPER
	RET

// func decE5M2K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decE5M2K_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R10
	CONSTANTS(fp8E5M2)

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
	CHANNEL(3, 24)
	CHANNEL(3, 16)
	CHANNEL(3, 8)
	CHANNEL(3, 0)
	JMP  block

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JMP  group

done:
	VZEROUPPER
	RET

// func decE5M2V_avx2(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decE5M2V_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R10
	CONSTANTS(fp8E5M2)

token:
	CMPQ R8, $0
	JLE  done
	VBROADCASTSS (DX), Y8
	MOVQ d+80(FP), CX

step32:
	CMPQ CX, $32
	JLT  step8
	PREFETCHT0 (R10)
	VPMOVZXBD (SI), Y0
	VPMOVZXBD 8(SI), Y1
	VPMOVZXBD 16(SI), Y2
	VPMOVZXBD 24(SI), Y3
	VPSLLD $24, Y0, Y0
	VPSLLD $24, Y1, Y1
	VPSLLD $24, Y2, Y2
	VPSLLD $24, Y3, Y3
	VALUE(3, Y0, Y4, Y5)
	VALUE(3, Y1, Y6, Y7)
	VALUE(3, Y2, Y4, Y5)
	VALUE(3, Y3, Y6, Y7)
	VMULPS Y8, Y0, Y0
	VMULPS Y8, Y1, Y1
	VMULPS Y8, Y2, Y2
	VMULPS Y8, Y3, Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ $32, SI
	ADDQ $32, R10
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

step8:
	CMPQ CX, $8
	JLT  one
	VPMOVZXBD (SI), Y0
	VPSLLD $24, Y0, Y0
	VALUE(3, Y0, Y4, Y5)
	VMULPS Y8, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $8, SI
	ADDQ $8, R10
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step8

one:
	TESTQ CX, CX
	JZ   next
	MOVBLZX (SI), AX
	VMOVD AX, X0
	VPSLLD $24, Y0, Y0
	VALUE(3, Y0, Y4, Y5)
	VMULSS X8, X0, X0
	VMOVSS X0, (DI)
	INCQ SI
	INCQ R10
	ADDQ $4, DI
	DECQ CX
	JMP  one

next:
	ADDQ $4, DX
	DECQ R8
	JMP  token

done:
	VZEROUPPER
	RET
