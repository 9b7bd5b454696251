//go:build !purego

#include "textflag.h"

// dec_fp8_avx2_amd64.s: expansion of FP8 tiles to float32.
//
// Obstacle:  AVX2 has no FP8 conversion, and a table lookup is a gather.
// A code moved to the top byte of a dword becomes a float32 by arithmetic: shifted right with
// its sign, masked to sign, exponent and mantissa where float32 has them, times the exact
// power of two between the biases. That covers subnormal codes too, since the product is
// normal. What remains are the codes without a number, which tiles of finite rows do not
// have: one comparison of bytes tells whether a block has one, and such a block takes a
// longer path. E4M3 has one NaN per sign, whose lanes are filled with ones; E5M2 has a row of
// them, whose exponents are filled with ones.
// Reads:     ⌈n/16⌉ groups of K, n rows of V, the scales.
// Tails:     a partial channel block stores fewer rows; V goes by 32, 8 and 1.
// Registers: Y0 Y1 codes · Y8 Y9 scales · Y10 sign, exponent and mantissa · Y11 power of two ·
//            Y12–Y14 shuffles · Y15 bits of a code without a number · BX constants

// 0 sign and magnitude, 4 power, 8 bytes of a NaN, 12 magnitude, 16 sign, 20 limit, 24 fill
DATA fp8E4M3<>+0(SB)/4, $0x87f00000
DATA fp8E4M3<>+4(SB)/4, $0x7b800000
DATA fp8E4M3<>+8(SB)/4, $0x7f7f7f7f
DATA fp8E4M3<>+12(SB)/4, $0x07f00000
DATA fp8E4M3<>+16(SB)/4, $0x80000000
DATA fp8E4M3<>+20(SB)/4, $0x07efffff
DATA fp8E4M3<>+24(SB)/4, $0xffffffff
GLOBL fp8E4M3<>(SB), RODATA|NOPTR, $28
DATA fp8E5M2<>+0(SB)/4, $0x8fe00000
DATA fp8E5M2<>+4(SB)/4, $0x77800000
DATA fp8E5M2<>+8(SB)/4, $0x7c7c7c7c
DATA fp8E5M2<>+12(SB)/4, $0x0fe00000
DATA fp8E5M2<>+16(SB)/4, $0x80000000
DATA fp8E5M2<>+20(SB)/4, $0x0f7fffff
DATA fp8E5M2<>+24(SB)/4, $0x7f800000
GLOBL fp8E5M2<>(SB), RODATA|NOPTR, $28

// Byte i of each dword to its top: i = 0, 1, 2.
DATA fp8Lift<>+0(SB)/8, $0x0480808000808080
DATA fp8Lift<>+8(SB)/8, $0x0c80808008808080
DATA fp8Lift<>+16(SB)/8, $0x0580808001808080
DATA fp8Lift<>+24(SB)/8, $0x0d80808009808080
DATA fp8Lift<>+32(SB)/8, $0x0680808002808080
DATA fp8Lift<>+40(SB)/8, $0x0e8080800a808080
GLOBL fp8Lift<>(SB), RODATA|NOPTR, $48

// Bytes 0–3 and 4–7, then 8–11 and 12–15, to the tops of the dwords of both lanes.
DATA fp8Spread<>+0(SB)/8, $0x0180808000808080
DATA fp8Spread<>+8(SB)/8, $0x0380808002808080
DATA fp8Spread<>+16(SB)/8, $0x0580808004808080
DATA fp8Spread<>+24(SB)/8, $0x0780808006808080
DATA fp8Spread<>+32(SB)/8, $0x0980808008808080
DATA fp8Spread<>+40(SB)/8, $0x0b8080800a808080
DATA fp8Spread<>+48(SB)/8, $0x0d8080800c808080
DATA fp8Spread<>+56(SB)/8, $0x0f8080800e808080
GLOBL fp8Spread<>(SB), RODATA|NOPTR, $64

#define CONSTANTS(table) \
	LEAQ table<>(SB), BX;      \
	VPBROADCASTD (BX), Y10;    \
	VBROADCASTSS 4(BX), Y11;   \
	VPBROADCASTD 8(BX), Y15

// NUMBERS turns the codes in the top bytes of two dword vectors into values. bits is 4 for
// E4M3 and 3 for E5M2: 8 less than float32's exponent bits plus the sign.
#define NUMBERS(bits, x, y) \
	VPSRAD $bits, x, x;        \
	VPSRAD $bits, y, y;        \
	VPAND Y10, x, x;           \
	VPAND Y10, y, y;           \
	VMULPS Y11, x, x;          \
	VMULPS Y11, y, y

// ANY does so for all codes.
#define ANY(bits, x, t, u, w) \
	VPBROADCASTD 12(BX), w;    \
	VPSRLD $bits, x, t;        \
	VPAND w, t, t;             \
	VPBROADCASTD 20(BX), w;    \
	VPCMPGTD w, t, u;          \
	VPBROADCASTD 24(BX), w;    \
	VPAND w, u, u;             \
	VMULPS Y11, t, t;          \
	VPBROADCASTD 16(BX), w;    \
	VPAND w, x, x;             \
	VPOR u, x, x;              \
	VPOR t, x, x

// CHANNEL stores one channel of 16 tokens, Y2 and Y3, and leaves when no channel is left
// (CX).
#define CHANNEL \
	VMULPS Y8, Y2, Y2;         \
	VMULPS Y9, Y3, Y3;         \
	VMOVUPS Y2, (DI);          \
	VMOVUPS Y3, 32(DI);        \
	ADDQ $64, DI;              \
	DECQ CX;                   \
	JZ   next

#define LIFTED(bits, lift) \
	VPSHUFB lift, Y0, Y2;      \
	VPSHUFB lift, Y1, Y3;      \
	NUMBERS(bits, Y2, Y3);     \
	CHANNEL

#define LIFTEDANY(bits, left) \
	VPSLLD $left, Y0, Y2;      \
	VPSLLD $left, Y1, Y3;      \
	ANY(bits, Y2, Y4, Y5, Y6); \
	ANY(bits, Y3, Y4, Y5, Y6); \
	CHANNEL

// VECTOR stores 8 channels of a token.
#define VECTOR(off, x) \
	VMULPS Y8, x, x;           \
	VMOVUPS x, off(DI)

// func decE4M3K_avx2(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decE4M3K_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ next_base+88(FP), R10
	CONSTANTS(fp8E4M3)
	VBROADCASTI128 fp8Lift<>+0(SB), Y12
	VBROADCASTI128 fp8Lift<>+16(SB), Y13
	VBROADCASTI128 fp8Lift<>+32(SB), Y14

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
	VPAND Y15, Y0, Y2
	VPAND Y15, Y1, Y3
	VPCMPEQB Y15, Y2, Y2
	VPCMPEQB Y15, Y3, Y3
	VPOR Y2, Y3, Y3
	VPTEST Y3, Y3
	JNZ  any
	LIFTED(4, Y12)
	LIFTED(4, Y13)
	LIFTED(4, Y14)
	VMOVDQU Y0, Y2
	VMOVDQU Y1, Y3
	NUMBERS(4, Y2, Y3)
	CHANNEL
	JMP  block

any:
	LIFTEDANY(4, 24)
	LIFTEDANY(4, 16)
	LIFTEDANY(4, 8)
	LIFTEDANY(4, 0)
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
	VMOVDQU fp8Spread<>+0(SB), Y12
	VMOVDQU fp8Spread<>+32(SB), Y13

token:
	CMPQ R8, $0
	JLE  done
	VBROADCASTSS (DX), Y8
	MOVQ d+80(FP), CX

step32:
	CMPQ CX, $32
	JLT  step8
	PREFETCHT0 (R10)
	VPAND (SI), Y15, Y2
	VPCMPEQB Y15, Y2, Y2
	VBROADCASTI128 (SI), Y0
	VBROADCASTI128 16(SI), Y1
	VPTEST Y2, Y2
	VPSHUFB Y13, Y0, Y3
	VPSHUFB Y12, Y0, Y2
	VPSHUFB Y13, Y1, Y5
	VPSHUFB Y12, Y1, Y4
	JNZ  any32
	NUMBERS(4, Y2, Y3)
	NUMBERS(4, Y4, Y5)

store32:
	VECTOR(0, Y2)
	VECTOR(32, Y3)
	VECTOR(64, Y4)
	VECTOR(96, Y5)
	ADDQ $32, SI
	ADDQ $32, R10
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

any32:
	ANY(4, Y2, Y0, Y1, Y6)
	ANY(4, Y3, Y0, Y1, Y6)
	ANY(4, Y4, Y0, Y1, Y6)
	ANY(4, Y5, Y0, Y1, Y6)
	JMP  store32

step8:
	CMPQ CX, $8
	JLT  one
	VPBROADCASTQ (SI), Y2
	VPSHUFB Y12, Y2, Y2
	ANY(4, Y2, Y0, Y1, Y6)
	VECTOR(0, Y2)
	ADDQ $8, SI
	ADDQ $8, R10
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step8

one:
	TESTQ CX, CX
	JZ   next
	MOVBLZX (SI), AX
	VMOVD AX, X2
	VPSLLD $24, Y2, Y2
	ANY(4, Y2, Y0, Y1, Y6)
	VMULSS X8, X2, X2
	VMOVSS X2, (DI)
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
	VBROADCASTI128 fp8Lift<>+0(SB), Y12
	VBROADCASTI128 fp8Lift<>+16(SB), Y13
	VBROADCASTI128 fp8Lift<>+32(SB), Y14

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
	VPAND Y15, Y0, Y2
	VPAND Y15, Y1, Y3
	VPCMPEQB Y15, Y2, Y2
	VPCMPEQB Y15, Y3, Y3
	VPOR Y2, Y3, Y3
	VPTEST Y3, Y3
	JNZ  any
	LIFTED(3, Y12)
	LIFTED(3, Y13)
	LIFTED(3, Y14)
	VMOVDQU Y0, Y2
	VMOVDQU Y1, Y3
	NUMBERS(3, Y2, Y3)
	CHANNEL
	JMP  block

any:
	LIFTEDANY(3, 24)
	LIFTEDANY(3, 16)
	LIFTEDANY(3, 8)
	LIFTEDANY(3, 0)
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
	VMOVDQU fp8Spread<>+0(SB), Y12
	VMOVDQU fp8Spread<>+32(SB), Y13

token:
	CMPQ R8, $0
	JLE  done
	VBROADCASTSS (DX), Y8
	MOVQ d+80(FP), CX

step32:
	CMPQ CX, $32
	JLT  step8
	PREFETCHT0 (R10)
	VPAND (SI), Y15, Y2
	VPCMPEQB Y15, Y2, Y2
	VBROADCASTI128 (SI), Y0
	VBROADCASTI128 16(SI), Y1
	VPTEST Y2, Y2
	VPSHUFB Y13, Y0, Y3
	VPSHUFB Y12, Y0, Y2
	VPSHUFB Y13, Y1, Y5
	VPSHUFB Y12, Y1, Y4
	JNZ  any32
	NUMBERS(3, Y2, Y3)
	NUMBERS(3, Y4, Y5)

store32:
	VECTOR(0, Y2)
	VECTOR(32, Y3)
	VECTOR(64, Y4)
	VECTOR(96, Y5)
	ADDQ $32, SI
	ADDQ $32, R10
	ADDQ $128, DI
	SUBQ $32, CX
	JMP  step32

any32:
	ANY(3, Y2, Y0, Y1, Y6)
	ANY(3, Y3, Y0, Y1, Y6)
	ANY(3, Y4, Y0, Y1, Y6)
	ANY(3, Y5, Y0, Y1, Y6)
	JMP  store32

step8:
	CMPQ CX, $8
	JLT  one
	VPBROADCASTQ (SI), Y2
	VPSHUFB Y12, Y2, Y2
	ANY(3, Y2, Y0, Y1, Y6)
	VECTOR(0, Y2)
	ADDQ $8, SI
	ADDQ $8, R10
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step8

one:
	TESTQ CX, CX
	JZ   next
	MOVBLZX (SI), AX
	VMOVD AX, X2
	VPSLLD $24, Y2, Y2
	ANY(3, Y2, Y0, Y1, Y6)
	VMULSS X8, X2, X2
	VMOVSS X2, (DI)
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
