//go:build !purego

#include "textflag.h"

// dec4_avx2_amd64.s: expansion of 4-bit tiles.
//
// To int8 (INT4): bytes are multiplied two at a time. In a word with the nibbles x, y,
//     (x + 256·y)·m + (128 − 8·m)·257 = ((x−8)·m + 128) + 256·((y−8)·m + 128)
// and both brackets are within a byte by contract, so that nothing carries over. Keys are
// stored so; values, whose neighbours have multipliers of their own, take two products
// and a change of sign.
// To float32 (NF4): each of the four bytes of a float has a table of sixteen entries, a
// register of VPSHUFB; unpacking joins them. Nibbles are transposed before, so that what
// comes out is eight tokens of a channel (K) or eight channels of a token (V). VPERMPS looks
// up floats at once, but eight entries of the table only, and is slow on Zen 1 and 2.
// Tails: the last K block stores fewer channels. V rows end with steps of one channel (INT4)
// or masks (NF4). Tokens ≥ n of the last V quad get multiplier 0.
// A plane holds two groups, two quads or eight tokens; the pass over its first one
// prefetches, with the distance from the tile to next as offset. The distance of the
// other passes is 0: to prefetch the line in use costs next to nothing.

DATA d4Const<>+0(SB)/4, $0x0f0f0f0f
DATA d4Const<>+4(SB)/4, $0x08080808
DATA d4Const<>+8(SB)/4, $0x80808080
DATA d4Const<>+12(SB)/4, $0x00ff00ff
GLOBL d4Const<>(SB), RODATA|NOPTR, $16

// MULTIPLIERS spreads those of 8 tokens over their words, with the constants that belong
// to them.
#define MULTIPLIERS(off, m, c) \
	VPMOVSXBD off(DX), m;     \
	VPSLLD $16, m, c;         \
	VPBLENDW $0xAA, c, m, m;  \
	VPMULLW Y9, m, c;         \
	VPSUBW c, Y10, c

// func expI4K_avx2(dst, k, mult []byte, n, d int, next []byte)
TEXT ·expI4K_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9 // blocks of 4 channels
	LEAQ d4Const<>(SB), BX
	VPBROADCASTD (BX), Y8
	VPBROADCASTD 4(BX), Y9
	VPBROADCASTD 8(BX), Y10
	XORL R10, R10 // group
	XORL R13, R13

group:
	MOVQ R10, AX
	SHLQ $4, AX
	CMPQ AX, R8
	JGE  done
	MOVQ mult_base+48(FP), DX
	ADDQ AX, DX
	MOVQ R10, AX // plane pair: R10/2 · blocks · 64 bytes
	SHRQ $1, AX
	IMULQ R9, AX
	SHLQ $6, AX
	MOVQ k_base+24(FP), SI
	MOVQ next_base+88(FP), R12
	SUBQ SI, R12
	ADDQ AX, SI
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R13, R12
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ R9, CX
	XORL R11, R11 // blocks until the next multipliers

block:
	TESTQ R11, R11
	JNZ  multiply
	MOVQ $8, R11
	MULTIPLIERS(0, Y11, Y12)
	MULTIPLIERS(8, Y13, Y14)
	ADDQ $64, DX

multiply:
	PREFETCHT0 (SI)(R12*1)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPSRLW X7, Y0, Y0
	VPSRLW X7, Y1, Y1
	VPAND Y8, Y0, Y0
	VPAND Y8, Y1, Y1
	VPMULLW Y11, Y0, Y0
	VPMULLW Y13, Y1, Y1
	VPADDW Y12, Y0, Y0
	VPADDW Y14, Y1, Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ R11
	DECQ CX
	JNZ  block
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

DATA d4Keep<>+0(SB)/4, $0xffffffff
DATA d4Keep<>+4(SB)/4, $0x000000ff
DATA d4Keep<>+8(SB)/4, $0x0000ffff
DATA d4Keep<>+12(SB)/4, $0x00ffffff
GLOBL d4Keep<>(SB), RODATA|NOPTR, $16

// VALUES multiplies the nibbles of x: low bytes of words by Y12, high ones by Y13.
#define VALUES(x, t) \
	VPSRLW X7, x, x;      \
	VPAND Y8, x, x;       \
	VPAND Y11, x, t;      \
	VPANDN x, Y11, x;     \
	VPMULLW Y12, t, t;    \
	VPMULLW Y13, x, x;    \
	VPADDW Y14, t, t;     \
	VPADDW t, x, x;       \
	VPXOR Y10, x, x

// func expI4V_avx2(dst, v, mult []byte, n, d int, next []byte)
TEXT ·expI4V_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	LEAQ d4Const<>(SB), BX
	VPBROADCASTD (BX), Y8
	VPBROADCASTD 8(BX), Y10
	VPBROADCASTD 12(BX), Y11
	LEAQ d4Keep<>(SB), BX
	XORL R10, R10 // quad

quad:
	MOVQ R10, AX
	SHLQ $2, AX
	MOVQ R8, R12
	SUBQ AX, R12 // tokens left
	JLE  done
	MOVQ mult_base+48(FP), DX
	ADDQ AX, DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	MOVQ v_base+24(FP), SI
	MOVQ next_base+88(FP), R13
	SUBQ SI, R13
	LEAQ (SI)(AX*4), SI
	XORL R11, R11
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R11, R13
	SHLQ $2, AX
	VMOVQ AX, X7
	CMPQ R12, $4
	CMOVQGE R11, R12 // keep all four
	MOVQ R9, CX

multipliers: // of the next 32 channels
	MOVL (DX), AX
	ANDL (BX)(R12*4), AX
	VMOVD AX, X12
	VPBROADCASTD X12, Y12
	VPSRAW $8, Y12, Y13
	VPSLLW $8, Y12, Y12
	VPSRAW $8, Y12, Y12
	VPSLLW $3, Y12, Y14
	VPSLLW $11, Y13, Y0
	VPADDW Y0, Y14, Y14
	VPSUBW Y14, Y10, Y14
	ADDQ $64, DX
	MOVQ $32, R11
	CMPQ CX, R11
	CMOVQLT CX, R11
	SUBQ R11, CX

channels16:
	CMPQ R11, $16
	JLT  channels8
	PREFETCHT0 (SI)(R13*1)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VALUES(Y0, Y2)
	VALUES(Y1, Y3)
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, R11
	JMP  channels16

channels8:
	TESTQ R11, R11
	JZ   nextGroup
	PREFETCHT0 (SI)(R13*1)
	CMPQ R11, $8
	JLT  one
	VMOVDQU (SI), Y0
	VALUES(Y0, Y2)
	VMOVDQU Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, R11
	JZ   nextGroup

one:
	VMOVD (SI), X0
	VALUES(Y0, Y2)
	VMOVD X0, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ R11
	JNZ  one

nextGroup:
	TESTQ CX, CX
	JNZ  multipliers
	INCQ R10
	JMP  quad

done:
	VZEROUPPER
	RET

// Bytes of a group of four floats by place, and 4×4 bytes transposed, which is the same.
DATA d4Places<>+0(SB)/8, $0x0d0905010c080400
DATA d4Places<>+8(SB)/8, $0x0f0b07030e0a0602
DATA d4Places<>+16(SB)/8, $0x0d0905010c080400
DATA d4Places<>+24(SB)/8, $0x0f0b07030e0a0602
GLOBL d4Places<>(SB), RODATA|NOPTR, $32

// PLANES splits the table at AX into the four bytes of its floats, Y8 to Y11. Y12 becomes
// d4Places, Y13 masks nibbles.
#define PLANES \
	VMOVDQU d4Places<>(SB), Y12;   \
	VPBROADCASTD d4Const<>+0(SB), Y13; \
	VMOVDQU (AX), X0;              \
	VMOVDQU 16(AX), X1;            \
	VMOVDQU 32(AX), X2;            \
	VMOVDQU 48(AX), X3;            \
	VPSHUFB X12, X0, X0;           \
	VPSHUFB X12, X1, X1;           \
	VPSHUFB X12, X2, X2;           \
	VPSHUFB X12, X3, X3;           \
	VPUNPCKLDQ X1, X0, X4;         \
	VPUNPCKHDQ X1, X0, X5;         \
	VPUNPCKLDQ X3, X2, X6;         \
	VPUNPCKHDQ X3, X2, X7;         \
	VPUNPCKLQDQ X6, X4, X8;        \
	VPUNPCKHQDQ X6, X4, X9;        \
	VPUNPCKLQDQ X7, X5, X10;       \
	VPUNPCKHQDQ X7, X5, X11;       \
	VINSERTI128 $1, X8, Y8, Y8;    \
	VINSERTI128 $1, X9, Y9, Y9;    \
	VINSERTI128 $1, X10, Y10, Y10; \
	VINSERTI128 $1, X11, Y11, Y11

// LOOK looks up 32 nibbles of Y0, at the shift in X7, dwords of four in each of eight lanes:
// the first of each in Y0, the second in Y1, to Y3.
#define LOOK \
	VPSRLW X7, Y0, Y0;             \
	VPAND Y13, Y0, Y0;             \
	VPSHUFB Y12, Y0, Y0;           \
	VPSHUFB Y0, Y8, Y1;            \
	VPSHUFB Y0, Y9, Y2;            \
	VPSHUFB Y0, Y10, Y3;           \
	VPSHUFB Y0, Y11, Y4;           \
	VPUNPCKLBW Y2, Y1, Y5;         \
	VPUNPCKHBW Y2, Y1, Y6;         \
	VPUNPCKLBW Y4, Y3, Y2;         \
	VPUNPCKHBW Y4, Y3, Y4;         \
	VPUNPCKLWD Y2, Y5, Y0;         \
	VPUNPCKHWD Y2, Y5, Y1;         \
	VPUNPCKLWD Y4, Y6, Y2;         \
	VPUNPCKHWD Y4, Y6, Y3

// CHANNEL stores 8 tokens of a channel, times scale.
#define CHANNEL(off, y, scale) \
	VMULPS scale, y, y;            \
	VMOVUPS y, off(DI)

// func dec4K_avx2(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4K_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ lut+48(FP), AX
	PLANES
	MOVQ d+88(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9
	XORL R10, R10 // group
	XORL R8, R8

group:
	MOVQ R10, AX
	SHLQ $4, AX
	CMPQ AX, n+80(FP)
	JGE  done
	MOVQ scale_base+56(FP), DX
	LEAQ (DX)(AX*4), DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	SHLQ $6, AX
	MOVQ k_base+24(FP), SI
	MOVQ next_base+104(FP), BX
	SUBQ SI, BX
	ADDQ AX, SI
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R8, BX
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ d+88(FP), CX
	XORL R11, R11 // channels until the next scales

block:
	TESTQ R11, R11
	JNZ  scaled
	MOVQ block+96(FP), R11
	VMOVUPS (DX), Y14
	VMOVUPS 32(DX), Y15
	ADDQ $256, DX

scaled:
	PREFETCHT0 (SI)(BX*1)
	CMPQ CX, $4
	JLT  partial
	VMOVDQU (SI), Y0
	LOOK
	CHANNEL(0, Y0, Y14)
	CHANNEL(64, Y1, Y14)
	CHANNEL(128, Y2, Y14)
	CHANNEL(192, Y3, Y14)
	VMOVDQU 32(SI), Y0
	LOOK
	CHANNEL(32, Y0, Y15)
	CHANNEL(96, Y1, Y15)
	CHANNEL(160, Y2, Y15)
	CHANNEL(224, Y3, Y15)
	ADDQ $64, SI
	ADDQ $256, DI
	SUBQ $4, R11
	SUBQ $4, CX
	JNZ  block
	INCQ R10
	JMP  group

partial: // fewer than 4 channels
	VMOVDQU (SI), Y0
	LOOK
	CHANNEL(0, Y0, Y14)
	CMPQ CX, $2
	JLT  upper
	CHANNEL(64, Y1, Y14)
	JEQ  upper
	CHANNEL(128, Y2, Y14)

upper:
	VMOVDQU 32(SI), Y0
	LOOK
	CHANNEL(32, Y0, Y15)
	CMPQ CX, $2
	JLT  last
	CHANNEL(96, Y1, Y15)
	JEQ  last
	CHANNEL(160, Y2, Y15)

last:
	SHLQ $6, CX
	ADDQ CX, DI
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

// ROW stores 8 channels of a token, times scale, and leaves when it was the last (R12).
#define ROW(i, y, label) \
	VBROADCASTSS (4*i)(DX), Y4;    \
	VMULPS Y4, y, y;               \
	VMOVUPS y, (R13);              \
	CMPQ R12, $(i+1);              \
	JEQ  label;                    \
	ADDQ R9, R13

#define ROWTAIL(i, y, label) \
	VBROADCASTSS (4*i)(DX), Y4;    \
	VMULPS Y4, y, y;               \
	VMASKMOVPS y, Y14, (R13);      \
	CMPQ R12, $(i+1);              \
	JEQ  label;                    \
	ADDQ R9, R13

// func dec4V_avx2(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4V_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ lut+48(FP), AX
	PLANES
	MOVQ d+88(FP), R9
	SHLQ $2, R9 // bytes of a row of floats, and of a plane
	XORL R10, R10 // quad

quad:
	MOVQ R10, AX
	SHLQ $2, AX
	MOVQ n+80(FP), R12
	SUBQ AX, R12 // tokens left
	JLE  done
	MOVQ scale_base+56(FP), DX
	LEAQ (DX)(AX*4), DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	MOVQ v_base+24(FP), SI
	MOVQ next_base+104(FP), BX
	SUBQ SI, BX
	ADDQ AX, SI
	XORL R8, R8
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R8, BX
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ DI, R8 // first row of the quad
	MOVQ d+88(FP), CX
	MOVQ block+96(FP), R11 // channels until the next scales

channels8:
	CMPQ CX, $8
	JLT  tail
	PREFETCHT0 (SI)(BX*1)
	VMOVDQU (SI), Y0
	LOOK
	MOVQ R8, R13
	ROW(0, Y0, stored)
	ROW(1, Y1, stored)
	ROW(2, Y2, stored)
	ROW(3, Y3, stored)

stored:
	ADDQ $32, SI
	ADDQ $32, R8
	SUBQ $8, CX
	SUBQ $8, R11
	JNZ  channels8
	MOVQ block+96(FP), R11
	ADDQ $256, DX
	JMP  channels8

tail:
	TESTQ CX, CX
	JZ   next
	LEAQ ·tailMask+32(SB), R13
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (R13)(AX*4), Y14
	VPMASKMOVD (SI), Y14, Y0
	LOOK
	MOVQ R8, R13
	ROWTAIL(0, Y0, next)
	ROWTAIL(1, Y1, next)
	ROWTAIL(2, Y2, next)
	ROWTAIL(3, Y3, next)

next:
	LEAQ (DI)(R9*4), DI
	INCQ R10
	JMP  quad

done:
	VZEROUPPER
	RET
