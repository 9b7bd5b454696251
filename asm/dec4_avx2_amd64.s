//go:build !purego

#include "textflag.h"

// dec4_avx2_amd64.s: expansion of 4-bit tiles.
//
// To int8 (INT4): bytes are multiplied two at a time. In a word with the nibbles x, y,
//     (x + 256·y)·m + (128 − 8·m)·257 = ((x−8)·m + 128) + 256·((y−8)·m + 128)
// and both brackets are within a byte by contract, so that nothing carries over. Keys are
// stored so; values, whose neighbours have multipliers of their own, take two products
// and a change of sign.
// To float32 (NF4): the 16-entry table sits in two registers; VPERMPS looks up the low
// three bits in both, the fourth bit chooses.
// Tails: K blocks are whole by layout; V rows end with steps of one channel. Tokens
// ≥ n of the last V quad get multiplier 0.
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

// LOOK replaces indices 0..15 in y by table values: Y8 entries 0–7, Y9 entries 8–15.
#define LOOK(y, t, u) \
	VPERMPS Y8, y, t;         \
	VPERMPS Y9, y, u;         \
	VPSLLD $28, y, y;         \
	VBLENDVPS y, u, t, y

// func dec4K_avx2(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4K_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ lut+48(FP), AX
	VMOVUPS (AX), Y8
	VMOVUPS 32(AX), Y9
	MOVL $15, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
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
	XORL R12, R12 // channels left in the dwords

channel:
	TESTQ R11, R11
	JNZ  scaled
	MOVQ block+96(FP), R11
	VMOVUPS (DX), Y11
	VMOVUPS 32(DX), Y12
	ADDQ $256, DX

scaled:
	TESTQ R12, R12
	JNZ  loaded
	MOVQ $4, R12
	PREFETCHT0 (SI)(BX*1)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPSRLD X7, Y0, Y0
	VPSRLD X7, Y1, Y1
	ADDQ $64, SI

loaded:
	VPAND Y10, Y0, Y2
	VPAND Y10, Y1, Y3
	LOOK(Y2, Y4, Y5)
	LOOK(Y3, Y4, Y5)
	VMULPS Y11, Y2, Y2
	VMULPS Y12, Y3, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	VPSRLD $8, Y0, Y0
	VPSRLD $8, Y1, Y1
	ADDQ $64, DI
	DECQ R11
	DECQ R12
	DECQ CX
	JNZ  channel
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

// func dec4V_avx2(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4V_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ lut+48(FP), AX
	VMOVUPS (AX), Y8
	VMOVUPS 32(AX), Y9
	MOVL $15, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	LEAQ ·tailMask+32(SB), BX
	XORL R10, R10 // token

token:
	CMPQ R10, n+80(FP)
	JGE  done
	MOVQ R10, AX // plane pair: token/8 · d · 4 bytes
	SHRQ $3, AX
	IMULQ d+88(FP), AX
	MOVQ v_base+24(FP), SI
	MOVQ next_base+104(FP), R13
	SUBQ SI, R13
	LEAQ (SI)(AX*4), SI
	XORL R8, R8
	TESTQ $7, R10
	CMOVQNE R8, R13
	MOVQ R10, AX // shift: token%4 · 8 + token/4%2 · 4
	ANDQ $3, AX
	SHLQ $3, AX
	MOVQ R10, R12
	ANDQ $4, R12
	ADDQ R12, AX
	VMOVQ AX, X7
	MOVQ scale_base+56(FP), DX
	LEAQ (DX)(R10*4), DX
	MOVQ d+88(FP), CX
	XORL R11, R11 // channels until the next scale

channels:
	TESTQ R11, R11
	JG   scaled
	MOVQ block+96(FP), R11
	VBROADCASTSS (DX), Y11
	ADDQ $256, DX

scaled:
	CMPQ CX, $8
	JLT  tail
	PREFETCHT0 (SI)(R13*1)
	VMOVDQU (SI), Y0
	VPSRLD X7, Y0, Y0
	VPAND Y10, Y0, Y0
	LOOK(Y0, Y4, Y5)
	VMULPS Y11, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, R11
	SUBQ $8, CX
	JNZ  channels
	JMP  next

tail:
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y6
	VPMASKMOVD (SI), Y6, Y0
	VPSRLD X7, Y0, Y0
	VPAND Y10, Y0, Y0
	LOOK(Y0, Y4, Y5)
	VMULPS Y11, Y0, Y0
	VMASKMOVPS Y0, Y6, (DI)
	LEAQ (DI)(CX*4), DI

next:
	INCQ R10
	JMP  token

done:
	VZEROUPPER
	RET
