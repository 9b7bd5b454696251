//go:build !purego

#include "textflag.h"

// enc_float_avx2_amd64.s: row encoders to 16-bit and 8-bit floats.
//
// binary16: VCVTPS2PH rounds; finite values are clamped before, the others kept.
// bfloat16: half a unit and the parity of the last kept bit are added to the magnitude;
// finite ones are limited to the largest before, the others take a path of their own.
// FP8: the same addition for normal results; the float32 adder rounds subnormal ones, since
// the unit in the last place of magic + |x| is the smallest of them.
// Eight channels a step, the rest one by one. A token of a V tile owns one part of each
// dword, and a step writes eight dwords back: from the part on, except for the last step,
// which has the part at the end, so that both stay between the token's first and last byte.
// Registers: DI dst · SI x · CX channels left · R8 stride · Y8–Y15 constants

// 0 65504, 4 −65504, 8 magnitude, 12 largest finite
DATA encF16<>+0(SB)/4, $0x477fe000
DATA encF16<>+4(SB)/4, $0xc77fe000
DATA encF16<>+8(SB)/4, $0x7fffffff
DATA encF16<>+12(SB)/4, $0x7f7fffff
GLOBL encF16<>(SB), RODATA|NOPTR, $16

// HALVES rounds Y0 to binary16 in X2.
#define HALVES \
	VANDPS Y10, Y0, Y1;         \
	VPCMPGTD Y11, Y1, Y1;       \
	VMINPS Y8, Y0, Y2;          \
	VMAXPS Y9, Y2, Y2;          \
	VBLENDVPS Y1, Y0, Y2, Y2;   \
	VCVTPS2PH $0, Y2, X2

// func encF16_avx2(dst []byte, x []float32, stride int)
TEXT ·encF16_avx2(SB), NOSPLIT, $0-56
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	MOVQ stride+48(FP), R8
	LEAQ (R8)(R8*2), R9
	LEAQ encF16<>(SB), BX
	VBROADCASTSS (BX), Y8
	VBROADCASTSS 4(BX), Y9
	VBROADCASTSS 8(BX), Y10
	VPBROADCASTD 12(BX), Y11

step:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	HALVES
	ADDQ $32, SI
	CMPQ R8, $2
	JNE  apart
	VMOVDQU X2, (DI)
	ADDQ $16, DI
	JMP  step

apart:
	VPEXTRW $0, X2, (DI)
	VPEXTRW $1, X2, (DI)(R8*1)
	VPEXTRW $2, X2, (DI)(R8*2)
	VPEXTRW $3, X2, (DI)(R9*1)
	LEAQ (DI)(R8*4), DI
	VPEXTRW $4, X2, (DI)
	VPEXTRW $5, X2, (DI)(R8*1)
	VPEXTRW $6, X2, (DI)(R8*2)
	VPEXTRW $7, X2, (DI)(R9*1)
	LEAQ (DI)(R8*4), DI
	JMP  step

rest:
	ADDQ $8, CX
	JZ   done

one:
	VMOVSS (SI), X0
	HALVES
	VPEXTRW $0, X2, (DI)
	ADDQ $4, SI
	ADDQ R8, DI
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET

// 0 magnitude, 4 largest finite, 8 infinity, 12 largest bfloat16, 16 half less one, 20 one,
// 24 quiet
DATA encBrain<>+0(SB)/4, $0x7fffffff
DATA encBrain<>+4(SB)/4, $0x7f7fffff
DATA encBrain<>+8(SB)/4, $0x7f800000
DATA encBrain<>+12(SB)/4, $0x7f7f0000
DATA encBrain<>+16(SB)/4, $0x00007fff
DATA encBrain<>+20(SB)/4, $0x00000001
DATA encBrain<>+24(SB)/4, $0x00400000
GLOBL encBrain<>(SB), RODATA|NOPTR, $28

#define CONSTANTS \
	LEAQ encBrain<>(SB), BX;     \
	VPBROADCASTD (BX), Y8;      \
	VPBROADCASTD 4(BX), Y9;     \
	VPBROADCASTD 8(BX), Y10;    \
	VPBROADCASTD 12(BX), Y11;   \
	VPBROADCASTD 16(BX), Y12;   \
	VPBROADCASTD 20(BX), Y13;   \
	VPBROADCASTD 24(BX), Y14

// BRAINS rounds Y0 to bfloat16 in the high halves of the dwords of Y1.
#define BRAINS \
	VPAND Y8, Y0, Y1;           \
	VPXOR Y1, Y0, Y0;           \
	VPCMPGTD Y9, Y1, Y2;        \
	VPCMPGTD Y10, Y1, Y3;       \
	VPAND Y14, Y3, Y3;          \
	VPOR Y1, Y3, Y3;            \
	VPMINSD Y11, Y1, Y1;        \
	VPSRLD $16, Y1, Y4;         \
	VPAND Y13, Y4, Y4;          \
	VPADDD Y12, Y1, Y1;         \
	VPADDD Y4, Y1, Y1;          \
	VBLENDVPS Y2, Y3, Y1, Y1;   \
	VPOR Y0, Y1, Y1

// func encBF16K_avx2(dst []byte, x []float32)
TEXT ·encBF16K_avx2(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	CONSTANTS

step:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	BRAINS
	VPSRLD $16, Y1, Y1
	VEXTRACTI128 $1, Y1, X2
	VPACKUSDW X2, X1, X1
	VMOVD X1, (DI)
	VPEXTRD $1, X1, 64(DI)
	VPEXTRD $2, X1, 128(DI)
	VPEXTRD $3, X1, 192(DI)
	ADDQ $32, SI
	ADDQ $256, DI
	JMP  step

rest:
	ADDQ $8, CX
	JZ   done
	XORL DX, DX // 2 for the odd channel of a pair

one:
	VMOVSS (SI), X0
	BRAINS
	VPEXTRW $1, X1, (DI)(DX*1)
	ADDQ $4, SI
	XORQ $2, DX
	JNZ  same
	ADDQ $64, DI

same:
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET

// func encBF16V_avx2(dst []byte, x []float32)
TEXT ·encBF16V_avx2(SB), NOSPLIT, $0-48
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	CONSTANTS
	CMPQ CX, $8
	JLE  rest

step:
	CMPQ CX, $8
	JLT  rest
	VMOVUPS (SI), Y0
	BRAINS
	ADDQ $32, SI
	SUBQ $8, CX
	JZ   last
	VPSRLD $16, Y1, Y1
	VPBLENDW $0xAA, (DI), Y1, Y1
	VMOVDQU Y1, (DI)
	ADDQ $32, DI
	JMP  step

last:
	VPBLENDW $0x55, -2(DI), Y1, Y1
	VMOVDQU Y1, -2(DI)
	JMP  done

rest:
	TESTQ CX, CX
	JZ   done

one:
	VMOVSS (SI), X0
	BRAINS
	VPEXTRW $1, X1, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET

// 0 magnitude, 4 largest value, 8 one, 12 half less one less biases, 16 magic, 20 smallest
// normal, 24 NaN, 28 sign of a code
DATA encE4M3<>+0(SB)/4, $0x7fffffff
DATA encE4M3<>+4(SB)/4, $0x43e00000
DATA encE4M3<>+8(SB)/4, $0x00000001
DATA encE4M3<>+12(SB)/4, $0xc407ffff
DATA encE4M3<>+16(SB)/4, $0x46800000
DATA encE4M3<>+20(SB)/4, $0x3c800000
DATA encE4M3<>+24(SB)/4, $0x0000007f
DATA encE4M3<>+28(SB)/4, $0x00000080
GLOBL encE4M3<>(SB), RODATA|NOPTR, $32
DATA encE5M2<>+0(SB)/4, $0x7fffffff
DATA encE5M2<>+4(SB)/4, $0x47600000
DATA encE5M2<>+8(SB)/4, $0x00000001
DATA encE5M2<>+12(SB)/4, $0xc80fffff
DATA encE5M2<>+16(SB)/4, $0x43000000
DATA encE5M2<>+20(SB)/4, $0x38800000
DATA encE5M2<>+24(SB)/4, $0x0000007e
DATA encE5M2<>+28(SB)/4, $0x00000080
GLOBL encE5M2<>(SB), RODATA|NOPTR, $32

#define FP8CONSTANTS(table) \
	LEAQ table<>(SB), BX;       \
	VPBROADCASTD (BX), Y8;      \
	VBROADCASTSS 4(BX), Y9;     \
	VPBROADCASTD 8(BX), Y10;    \
	VPBROADCASTD 12(BX), Y11;   \
	VPBROADCASTD 16(BX), Y12;   \
	VPBROADCASTD 20(BX), Y13;   \
	VPBROADCASTD 24(BX), Y14;   \
	VPBROADCASTD 28(BX), Y15

// FP8 divides Y0 by Y7 and rounds it to codes, bytes in the low half of X1. shift is 20 for
// E4M3 and 21 for E5M2: the mantissa bits that go.
#define FP8(shift) \
	VDIVPS Y7, Y0, Y0;          \
	VPAND Y8, Y0, Y1;           \
	VCMPPS $3, Y0, Y0, Y2;      \
	VMINPS Y9, Y1, Y1;          \
	VPSRLD $shift, Y1, Y3;      \
	VPAND Y10, Y3, Y3;          \
	VPADDD Y11, Y1, Y4;         \
	VPADDD Y3, Y4, Y4;          \
	VPSRLD $shift, Y4, Y4;      \
	VADDPS Y12, Y1, Y5;         \
	VPSUBD Y12, Y5, Y5;         \
	VPCMPGTD Y1, Y13, Y6;       \
	VBLENDVPS Y6, Y5, Y4, Y4;   \
	VBLENDVPS Y2, Y14, Y4, Y4;  \
	VPSRLD $24, Y0, Y0;         \
	VPAND Y15, Y0, Y0;          \
	VPOR Y0, Y4, Y1;            \
	VEXTRACTI128 $1, Y1, X2;    \
	VPACKUSDW X2, X1, X1;       \
	VPACKUSWB X1, X1, X1

// func encE4M3_avx2(dst []byte, x []float32, scale float32, stride int)
TEXT ·encE4M3_avx2(SB), NOSPLIT, $0-64
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y7
	MOVQ stride+56(FP), R8
	FP8CONSTANTS(encE4M3)

step:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	FP8(20)
	VMOVD X1, (DI)
	VPEXTRD $1, X1, (DI)(R8*1)
	ADDQ $32, SI
	LEAQ (DI)(R8*2), DI
	JMP  step

rest:
	ADDQ $8, CX
	JZ   done
	XORL DX, DX // channel within four

one:
	VMOVSS (SI), X0
	FP8(20)
	VPEXTRB $0, X1, (DI)(DX*1)
	ADDQ $4, SI
	INCQ DX
	ANDQ $3, DX
	JNZ  same
	ADDQ R8, DI

same:
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET

// func encE5M2_avx2(dst []byte, x []float32, scale float32, stride int)
TEXT ·encE5M2_avx2(SB), NOSPLIT, $0-64
	MOVQ dst_base+0(FP), DI
	MOVQ x_base+24(FP), SI
	MOVQ x_len+32(FP), CX
	VBROADCASTSS scale+48(FP), Y7
	MOVQ stride+56(FP), R8
	FP8CONSTANTS(encE5M2)

step:
	SUBQ $8, CX
	JLT  rest
	VMOVUPS (SI), Y0
	FP8(21)
	VMOVD X1, (DI)
	VPEXTRD $1, X1, (DI)(R8*1)
	ADDQ $32, SI
	LEAQ (DI)(R8*2), DI
	JMP  step

rest:
	ADDQ $8, CX
	JZ   done
	XORL DX, DX // channel within four

one:
	VMOVSS (SI), X0
	FP8(21)
	VPEXTRB $0, X1, (DI)(DX*1)
	ADDQ $4, SI
	INCQ DX
	ANDQ $3, DX
	JNZ  same
	ADDQ R8, DI

same:
	DECQ CX
	JNZ  one

done:
	VZEROUPPER
	RET
