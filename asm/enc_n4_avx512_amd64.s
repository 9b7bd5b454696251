//go:build !purego

#include "textflag.h"

// enc_n4_avx512_amd64.s: int8 codes of a row to nibbles under a scaled code book.
//
// Obstacle:  each block of 16 channels has a multiplier of its own, and three are tried. The
//            code of every byte is a table of 256 bytes for each multiplier: two VPERMI2B,
//            for numbers that are not negative and for those that are.
// Shape:     a block at a time. Its squares fit 32 bits; the first of the least counts.
// Reads:     v[0:16·blocks]. Writes codes[0:16·blocks], mults[0:blocks].
// Registers: Z0 v · Y1 v in words · X2 X3 max|v| · Z4, Z5 codes of numbers that are not
//            negative, and of those that are, whose bytes K1 has · Y6, X7 squares
//            Z8–Z11 table · X12 the best codes
//            DI codes · DX mults · SI v · BX book · R8 its tables · CX blocks · R9 the
//            multiplier that covers · R10 the one tried · R11 the best · R12 its squares

// TRY quantizes by multiplier R10 and keeps the result if it is better.
#define TRY(kept) \
	MOVQ      R10, AX;                \
	SHLQ      $8, AX;                 \
	VMOVDQU32 (R8)(AX*1), Z8;         \
	VMOVDQU32 64(R8)(AX*1), Z9;       \
	VMOVDQU32 128(R8)(AX*1), Z10;     \
	VMOVDQU32 192(R8)(AX*1), Z11;     \
	VMOVDQA64 Z0, Z4;                 \
	VMOVDQA64 Z0, Z5;                 \
	VPERMI2B  Z9, Z8, Z4;             \
	VPERMI2B  Z11, Z10, Z5;           \
	VMOVDQU8  X5, K1, X4;             \
	SHRQ      $4, AX;                 \
	VMOVDQU   (BX)(AX*1), X6;         \
	VPSHUFB   X4, X6, X6;             \
	VPMOVSXBW X6, Y6;                 \
	VPSUBW    Y6, Y1, Y6;             \
	VPMADDWD  Y6, Y6, Y6;             \
	VEXTRACTI128 $1, Y6, X7;          \
	VPADDD    X7, X6, X6;             \
	VPSHUFD   $0x4E, X6, X7;          \
	VPADDD    X7, X6, X6;             \
	VPSHUFD   $0xB1, X6, X7;          \
	VPADDD    X7, X6, X6;             \
	VMOVD     X6, AX;                 \
	CMPL      AX, R12;                \
	JCC       kept;                   \
	MOVL      AX, R12;                \
	MOVQ      R10, R11;               \
	VMOVDQA   X4, X12

// func encN4Blocks_avx512(codes, mults []byte, v []int8, book *ScaledBook, nearest *[16][256]byte)
TEXT ·encN4Blocks_avx512(SB), NOSPLIT, $0-88
	MOVQ codes_base+0(FP), DI
	MOVQ mults_base+24(FP), DX
	MOVQ mults_len+32(FP), CX
	MOVQ v_base+48(FP), SI
	MOVQ book+72(FP), BX
	MOVQ nearest+80(FP), R8

block:
	VMOVDQU   (SI), X0
	VPMOVSXBW X0, Y1
	VPMOVB2M  X0, K1
	VPABSB    X0, X2

	// the number of multipliers whose largest level is below max|v|
	VPSRLDQ $8, X2, X3
	VPMAXUB X3, X2, X2
	VPSRLDQ $4, X2, X3
	VPMAXUB X3, X2, X2
	VPSRLDQ $2, X2, X3
	VPMAXUB X3, X2, X2
	VPSRLDQ $1, X2, X3
	VPMAXUB X3, X2, X2
	VPBROADCASTB X2, X2
	VPCMPGTB 512(BX), X2, X3
	VPMOVMSKB X3, R9
	POPCNTL R9, R9

	MOVL $-1, R12
	MOVQ R9, R10
	TRY(more)

more:
	MOVL    $15, AX
	LEAQ    1(R9), R10
	CMPQ    R10, AX
	CMOVQGT AX, R10
	TRY(less)

less:
	XORL    AX, AX
	LEAQ    -1(R9), R10
	TESTQ   R10, R10
	CMOVQLT AX, R10
	TRY(best)

best:
	VMOVDQU X12, (DI)
	MOVB    R11, (DX)
	ADDQ    $16, DI
	INCQ    DX
	ADDQ    $16, SI
	DECQ    CX
	JNZ     block
	VZEROUPPER
	RET
