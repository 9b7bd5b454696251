//go:build !purego

#include "textflag.h"

// exp_n4_avx2_amd64.s: expansion of nibble tiles to int8 by a scaled code book (NF4 with
// doubly quantized scales).
//
// A code is (level·m + 8) >> 4 with m = 1..16, and VPMULHRSW computes (a·b + 2¹⁴) >> 15:
// with a level in the high byte of a word and b = 8·m that is the code, rounded by the
// instruction. VPSHUFB looks up the levels, unpacking below zeros moves them to high bytes,
// and packing the products brings the bytes back in order: nine instructions for 32 codes.
// K: a word belongs to one token; the words of its multiplier are spread once for 16
//    channels of 16 tokens.
// V: four tokens alternate. Multipliers are made in a general register, four at a time;
//    those of tokens ≥ n are 0, and so are their codes.
// Tails: K blocks are whole. V rows end with steps of one channel.
// A plane holds two groups or two quads; the pass over its first one prefetches, with the
// distance from the tile to next as offset, the other one what is in use.

DATA expN4Const<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
DATA expN4Const<>+8(SB)/8, $0x0808080808080808
DATA expN4Const<>+16(SB)/8, $0x8080808080808080
GLOBL expN4Const<>(SB), RODATA|NOPTR, $24

// Words of the multipliers of tokens 0 1 | 4 5 and of 2 3 | 6 7, from bytes by token.
DATA expN4Spread<>+0(SB)/8, $0x8000800080008000
DATA expN4Spread<>+8(SB)/8, $0x8001800180018001
DATA expN4Spread<>+16(SB)/8, $0x8004800480048004
DATA expN4Spread<>+24(SB)/8, $0x8005800580058005
DATA expN4Spread<>+32(SB)/8, $0x8002800280028002
DATA expN4Spread<>+40(SB)/8, $0x8003800380038003
DATA expN4Spread<>+48(SB)/8, $0x8006800680068006
DATA expN4Spread<>+56(SB)/8, $0x8007800780078007
// and of tokens 8 and on
DATA expN4Spread<>+64(SB)/8, $0x8008800880088008
DATA expN4Spread<>+72(SB)/8, $0x8009800980098009
DATA expN4Spread<>+80(SB)/8, $0x800c800c800c800c
DATA expN4Spread<>+88(SB)/8, $0x800d800d800d800d
DATA expN4Spread<>+96(SB)/8, $0x800a800a800a800a
DATA expN4Spread<>+104(SB)/8, $0x800b800b800b800b
DATA expN4Spread<>+112(SB)/8, $0x800e800e800e800e
DATA expN4Spread<>+120(SB)/8, $0x800f800f800f800f
GLOBL expN4Spread<>(SB), RODATA|NOPTR, $128

// CODES turns 32 stored bytes in x into codes, with the multipliers of the low and of the
// high halves of lanes; t is a temporary.
#define CODES(x, low, high, t) \
	VPSRLW X7, x, x;           \
	VPAND Y8, x, x;            \
	VPSHUFB x, Y9, x;          \
	VPUNPCKLBW x, Y15, t;      \
	VPUNPCKHBW x, Y15, x;      \
	VPMULHRSW low, t, t;       \
	VPMULHRSW high, x, x;      \
	VPACKSSWB x, t, x

// func expN4K_avx2(dst, k, mult []byte, book *ScaledBook, n, d int, next []byte)
TEXT ·expN4K_avx2(SB), NOSPLIT, $0-120
	MOVQ dst_base+0(FP), DI
	MOVQ book+72(FP), AX
	VBROADCASTI128 240(AX), Y9 // the levels
	MOVQ d+88(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9 // blocks of 4 channels
	LEAQ expN4Const<>(SB), BX
	VPBROADCASTQ (BX), Y8
	VPBROADCASTQ 8(BX), Y14
	VPBROADCASTQ 16(BX), Y10
	VPXOR Y15, Y15, Y15
	LEAQ expN4Spread<>(SB), BX
	XORL R10, R10 // group
	XORL R13, R13

group:
	MOVQ R10, AX
	SHLQ $4, AX
	CMPQ AX, n+80(FP)
	JGE  done
	MOVQ mult_base+48(FP), DX
	ADDQ AX, DX
	MOVQ R10, AX // plane pair: R10/2 · blocks · 64 bytes
	SHRQ $1, AX
	IMULQ R9, AX
	SHLQ $6, AX
	MOVQ k_base+24(FP), SI
	MOVQ next_base+96(FP), R12
	SUBQ SI, R12
	ADDQ AX, SI
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R13, R12
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ R9, CX // blocks left

pair: // of blocks of 16 channels
	VBROADCASTI128 (DX), Y6
	ADDQ $64, DX
	VPAND Y8, Y6, Y5
	VPSLLW $3, Y5, Y5
	XORL R8, R8 // the even one

multipliers:
	VPADDB Y14, Y5, Y5
	VPSHUFB (BX), Y5, Y11
	VPSHUFB 32(BX), Y5, Y12
	VPSHUFB 64(BX), Y5, Y13
	VPSHUFB 96(BX), Y5, Y5
	MOVQ $4, R11
	CMPQ CX, R11
	CMOVQLT CX, R11
	SUBQ R11, CX

block:
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
	JNZ  block
	TESTQ CX, CX
	JZ   next
	XORL $1, R8
	JZ   pair
	VPANDN Y6, Y8, Y5
	VPSRLW $1, Y5, Y5
	JMP  multipliers

next:
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

// Bytes of tokens that are there, by their number, 4 at 0.
DATA expN4Keep<>+0(SB)/4, $0xffffffff
DATA expN4Keep<>+4(SB)/4, $0x000000ff
DATA expN4Keep<>+8(SB)/4, $0x0000ffff
DATA expN4Keep<>+12(SB)/4, $0x00ffffff
GLOBL expN4Keep<>(SB), RODATA|NOPTR, $16

// func expN4V_avx2(dst, v, mult []byte, book *ScaledBook, n, d int, next []byte)
TEXT ·expN4V_avx2(SB), NOSPLIT, $0-120
	MOVQ dst_base+0(FP), DI
	MOVQ book+72(FP), AX
	VBROADCASTI128 240(AX), Y9 // the levels
	VPBROADCASTQ expN4Const<>+0(SB), Y8
	VPXOR Y15, Y15, Y15
	MOVQ d+88(FP), R9
	LEAQ expN4Keep<>(SB), BX
	XORL R10, R10 // quad

quad:
	MOVQ R10, AX
	SHLQ $2, AX
	MOVQ n+80(FP), R8
	SUBQ AX, R8 // tokens left
	JLE  done
	MOVQ mult_base+48(FP), DX
	ADDQ AX, DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	MOVQ v_base+24(FP), SI
	MOVQ next_base+96(FP), R13
	SUBQ SI, R13
	LEAQ (SI)(AX*4), SI
	XORL R11, R11
	MOVQ R10, AX
	ANDQ $1, AX
	CMOVQNE R11, R13
	SHLQ $2, AX
	VMOVQ AX, X7
	CMPQ R8, $4
	CMOVQGE R11, R8
	MOVL (BX)(R8*4), R8 // bytes to keep
	MOVQ R9, CX

pair: // of blocks of 16 channels
	MOVL (DX), R12
	ADDQ $64, DX
	MOVL R12, AX
	BTSQ $32, R12
	ANDL $0x0f0f0f0f, AX
	SHLL $3, AX

multipliers:
	ADDL $0x08080808, AX
	ANDL R8, AX
	VMOVD AX, X11
	VPMOVZXBW X11, X11
	VPBROADCASTQ X11, Y11
	MOVQ $16, R11
	CMPQ CX, R11
	JLT  part
	PREFETCHT0 (SI)(R13*1)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	CODES(Y0, Y11, Y11, Y2)
	CODES(Y1, Y11, Y11, Y3)
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ R11, CX
	JZ   next

second: // block of the pair; R12 is 0 after it
	TESTQ R12, R12
	JZ   pair
	MOVL R12, AX
	XORL R12, R12
	SHRL $1, AX
	ANDL $0x78787878, AX
	JMP  multipliers

part: // fewer than 16 channels
	PREFETCHT0 (SI)(R13*1)
	CMPQ CX, $8
	JLT  one
	VMOVDQU (SI), Y0
	CODES(Y0, Y11, Y11, Y2)
	VMOVDQU Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JZ   next

one:
	VMOVD (SI), X0
	CODES(Y0, Y11, Y11, Y2)
	VMOVD X0, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ CX
	JNZ  one

next:
	INCQ R10
	JMP  quad

done:
	VZEROUPPER
	RET
