//go:build !purego

#include "textflag.h"

// exp_b4_avx2_amd64.s: expansion of nibble tiles to int8 by a table under ratios by block
// (NF4 with a scale per 32 or 64 channels).
//
// VPMULHRSW computes (a·b + 2¹⁴) >> 15, which is a code. VPSHUFB looks up the levels,
// unpacking with themselves and a shift widens them to words, and packing the products
// brings the bytes back in order: ten instructions for 32 codes.
// K: a word belongs to one token; the words of its ratio are spread once for a block.
// V: four tokens alternate, as do the words of their ratios.
// Tails: K blocks are whole. V rows end with steps of one channel.
// A plane holds two groups or two quads; the pass over its first one prefetches, with the
// distance from the tile to next as offset, the other one what is in use.

DATA expB4Low<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA expB4Low<>+8(SB)/8, $0x8080808080808080
GLOBL expB4Low<>(SB), RODATA|NOPTR, $16

// Ratios of tokens 0 1 | 4 5 and of 2 3 | 6 7, from words by token.
DATA expB4Spread<>+0(SB)/8, $0x0100010001000100
DATA expB4Spread<>+8(SB)/8, $0x0302030203020302
DATA expB4Spread<>+16(SB)/8, $0x0908090809080908
DATA expB4Spread<>+24(SB)/8, $0x0b0a0b0a0b0a0b0a
DATA expB4Spread<>+32(SB)/8, $0x0504050405040504
DATA expB4Spread<>+40(SB)/8, $0x0706070607060706
DATA expB4Spread<>+48(SB)/8, $0x0d0c0d0c0d0c0d0c
DATA expB4Spread<>+56(SB)/8, $0x0f0e0f0e0f0e0f0e
GLOBL expB4Spread<>(SB), RODATA|NOPTR, $64

// CODES turns 32 stored bytes in x into codes, with the ratios of the low and of the high
// halves of lanes; t is a temporary.
#define CODES(x, low, high, t) \
	VPSRLW X7, x, x;           \
	VPAND Y8, x, x;            \
	VPSHUFB x, Y9, x;          \
	VPUNPCKLBW x, x, t;        \
	VPUNPCKHBW x, x, x;        \
	VPSRAW $8, t, t;           \
	VPSRAW $8, x, x;           \
	VPMULHRSW low, t, t;       \
	VPMULHRSW high, x, x;      \
	VPACKSSWB x, t, x

// func expB4K_avx2(dst, k []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)
TEXT ·expB4K_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ levels+72(FP), AX
	VBROADCASTI128 (AX), Y9
	MOVQ d+88(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9 // blocks of 4 channels
	LEAQ expB4Low<>(SB), BX
	VPBROADCASTQ (BX), Y8
	VPBROADCASTQ 8(BX), Y10
	LEAQ expB4Spread<>(SB), BX
	VMOVDQU (BX), Y14
	VMOVDQU 32(BX), Y15
	XORL R10, R10 // group
	XORL R13, R13

group:
	MOVQ R10, AX
	SHLQ $4, AX
	CMPQ AX, n+80(FP)
	JGE  done
	MOVQ ratio_base+48(FP), DX
	LEAQ (DX)(AX*2), DX
	MOVQ R10, AX // plane pair: R10/2 · blocks · 64 bytes
	SHRQ $1, AX
	IMULQ R9, AX
	SHLQ $6, AX
	MOVQ k_base+24(FP), SI
	MOVQ next_base+104(FP), R12
	SUBQ SI, R12
	ADDQ AX, SI
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R13, R12
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ R9, CX // lines left

ratios:
	VBROADCASTI128 (DX), Y11
	VBROADCASTI128 16(DX), Y13
	ADDQ $128, DX
	VPSHUFB Y15, Y11, Y12
	VPSHUFB Y14, Y11, Y11
	VPSHUFB Y15, Y13, Y5
	VPSHUFB Y14, Y13, Y13
	MOVQ block+96(FP), R11
	SHRQ $2, R11
	CMPQ CX, R11
	CMOVQLT CX, R11
	SUBQ R11, CX

line:
	PREFETCHT0 (SI)(R12*1)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	CODES(Y0, Y11, Y12, Y2)
	CODES(Y1, Y13, Y5, Y3)
	VPXOR Y10, Y0, Y0
	VPXOR Y10, Y1, Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ R11
	JNZ  line
	TESTQ CX, CX
	JNZ  ratios
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

// func expB4V_avx2(dst, v []byte, ratio []int16, levels *[16]int8, n, d, block int, next []byte)
TEXT ·expB4V_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ levels+72(FP), AX
	VBROADCASTI128 (AX), Y9
	VPBROADCASTQ expB4Low<>+0(SB), Y8
	MOVQ d+88(FP), R9
	MOVQ block+96(FP), BX
	XORL R10, R10 // quad

quad:
	MOVQ R10, AX
	SHLQ $2, AX
	CMPQ AX, n+80(FP)
	JGE  done
	MOVQ ratio_base+48(FP), DX
	LEAQ (DX)(AX*2), DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	MOVQ v_base+24(FP), SI
	MOVQ next_base+104(FP), R13
	SUBQ SI, R13
	LEAQ (SI)(AX*4), SI
	XORL R11, R11
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R11, R13
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ R9, CX // channels left

ratios:
	VPBROADCASTQ (DX), Y11
	ADDQ $128, DX
	MOVQ BX, R11
	CMPQ CX, R11
	CMOVQLT CX, R11
	SUBQ R11, CX
	SUBQ $16, R11
	JLT  part

line: // 16 channels
	PREFETCHT0 (SI)(R13*1)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	CODES(Y0, Y11, Y11, Y2)
	CODES(Y1, Y11, Y11, Y3)
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, R11
	JGE  line

part: // fewer
	ADDQ $16, R11
	JZ   next
	PREFETCHT0 (SI)(R13*1)
	SUBQ $8, R11
	JLT  few
	VMOVDQU (SI), Y0
	CODES(Y0, Y11, Y11, Y2)
	VMOVDQU Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, R11

few:
	ADDQ $8, R11
	JZ   next

one:
	VMOVD (SI), X0
	CODES(Y0, Y11, Y11, Y2)
	VMOVD X0, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ R11
	JNZ  one

next:
	TESTQ CX, CX
	JNZ  ratios
	INCQ R10
	JMP  quad

done:
	VZEROUPPER
	RET

DATA splitScalesNumbers<>+0(SB)/4, $0x7fffffff // magnitude
DATA splitScalesNumbers<>+4(SB)/4, $0x3f800000 // 1
DATA splitScalesNumbers<>+8(SB)/4, $0x3c010204 // 1/127
DATA splitScalesNumbers<>+12(SB)/4, $0x47000000 // 2¹⁵
DATA splitScalesNumbers<>+16(SB)/4, $0x46fffe00 // 2¹⁵ − 1
GLOBL splitScalesNumbers<>(SB), RODATA|NOPTR, $20

// HIGHER takes the scales in s into the tops in m: magnitudes are in the order of their
// patterns, NaN above all.
#define HIGHER(s, m) \
	VPAND Y8, s, s;  \
	VPMAXSD s, m, m

// RATIO turns scales into ratios, under the inverse of their tops.
#define RATIO(s, inverse, t) \
	VMULPS inverse, s, s;    \
	VMULPS Y11, s, s;        \
	VCMPPS $7, s, s, t;      \
	VMINPS Y12, s, s;        \
	VCVTPS2DQ s, s;          \
	VPAND t, s, s

// RATIOS stores those of the scales in Y0 and Y1.
#define RATIOS \
	RATIO(Y0, Y4, Y6);    \
	RATIO(Y1, Y5, Y7);    \
	VPACKSSDW Y1, Y0, Y0; \
	VPERMQ $0xD8, Y0, Y0; \
	VMOVDQU Y0, (DX);     \
	ADDQ $128, DX

// func splitScales_avx2(scale []float32, ratio []int16, src []byte, size, n, blocks int)
TEXT ·splitScales_avx2(SB), NOSPLIT, $0-96
	MOVQ scale_base+0(FP), DI
	MOVQ ratio_base+24(FP), R13
	MOVQ src_base+48(FP), SI
	MOVQ size+72(FP), R10
	MOVQ n+80(FP), R8
	MOVQ blocks+88(FP), R9
	MOVQ R10, R11
	SHLQ $6, R11 // bytes of a block's scales
	SHLQ $4, R10 // of 16 of them
	VPBROADCASTD splitScalesNumbers<>+0(SB), Y8
	VBROADCASTSS splitScalesNumbers<>+4(SB), Y9
	VBROADCASTSS splitScalesNumbers<>+8(SB), Y10
	VBROADCASTSS splitScalesNumbers<>+12(SB), Y11
	VBROADCASTSS splitScalesNumbers<>+16(SB), Y12

group: // of 16 tokens
	MOVQ SI, BX
	MOVQ R9, CX
	VPXOR Y2, Y2, Y2
	VPXOR Y3, Y3, Y3
	CMPQ R10, $32
	JNE  wide

high:
	VCVTPH2PS (BX), Y0
	VCVTPH2PS 16(BX), Y1
	HIGHER(Y0, Y2)
	HIGHER(Y1, Y3)
	ADDQ R11, BX
	DECQ CX
	JNZ  high
	JMP  top

wide:
	VMOVUPS (BX), Y0
	VMOVUPS 32(BX), Y1
	HIGHER(Y0, Y2)
	HIGHER(Y1, Y3)
	ADDQ R11, BX
	DECQ CX
	JNZ  wide

top:
	VDIVPS Y2, Y9, Y4
	VDIVPS Y3, Y9, Y5
	VMULPS Y10, Y2, Y2
	VMULPS Y10, Y3, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	MOVQ SI, BX
	MOVQ R13, DX
	MOVQ R9, CX
	CMPQ R10, $32
	JNE  ratioWide

ratio:
	VCVTPH2PS (BX), Y0
	VCVTPH2PS 16(BX), Y1
	RATIOS
	ADDQ R11, BX
	DECQ CX
	JNZ  ratio
	JMP  next

ratioWide:
	VMOVUPS (BX), Y0
	VMOVUPS 32(BX), Y1
	RATIOS
	ADDQ R11, BX
	DECQ CX
	JNZ  ratioWide

next:
	ADDQ R10, SI
	ADDQ $64, DI
	ADDQ $32, R13
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET
