//go:build !purego

#include "textflag.h"

// qk_i8_avx2_amd64.s: integer scores of int8 queries against the int8 K layout.
//
// Obstacle:  bytes have no exact product sum in AVX2: VPMADDUBSW saturates, since 2·255·127
//            is above 32767. So VPMADDWD, the scarce unit, gets words, and everything
//            around it has to be cheap.
// Keys:      a dword is one token's four channels. Its even bytes are a mask away from
//            words, its odd ones a shift, so that a product sum belongs to one token and
//            nothing crosses lanes. The 128 in each byte stays; −128·Σq, the bias, is where
//            the sums start.
// Queries:   widened once per call into words ordered as the keys come apart, channels
//            0 2 1 3; a broadcast from there is a load without other work.
// Four rows share 16 tokens, or two; a single row takes 32. Beyond 128 channels the sums wait in s
// from one part of the row to the next.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Exactness: |k·q| pair ≤ 2·255·127 in int32; sums of any order are those of the contract.

DATA qkI8Order<>+0(SB)/8, $0x0706030205040100 // words 0 2 1 3, 4 6 5 7
DATA qkI8Order<>+8(SB)/8, $0x0f0e0b0a0d0c0908
DATA qkI8Order<>+16(SB)/8, $0x0706030205040100
DATA qkI8Order<>+24(SB)/8, $0x0f0e0b0a0d0c0908
GLOBL qkI8Order<>(SB), RODATA|NOPTR, $32

// func qkI8Widen_avx2(w *qkI8Row, q []int8, rows, d4, blocks int)
TEXT ·qkI8Widen_avx2(SB), NOSPLIT, $0-56
	MOVQ w+0(FP), DI
	MOVQ q_base+8(FP), SI
	MOVQ rows+32(FP), R8
	MOVQ d4+40(FP), R9
	SHLQ $2, R9 // bytes of a row
	VMOVDQU qkI8Order<>(SB), Y14
	VPCMPEQW Y15, Y15, Y15
	VPSRLW $15, Y15, Y15 // ones

row:
	MOVQ blocks+48(FP), CX
	MOVQ SI, AX
	MOVQ DI, DX
	VPXOR Y2, Y2, Y2

blocks4:
	SUBQ $4, CX
	JLT  rest
	VPMOVSXBW (AX), Y0
	VPMADDWD Y15, Y0, Y1
	VPADDD Y1, Y2, Y2
	VPSHUFB Y14, Y0, Y0
	VMOVDQU Y0, (DX)
	ADDQ $16, AX
	ADDQ $32, DX
	JMP  blocks4

rest:
	ADDQ $4, CX
	JZ   bias

block:
	VMOVD (AX), X0
	VPMOVSXBW X0, X0
	VPMADDWD X15, X0, X1
	VPADDD Y1, Y2, Y2
	VPSHUFB X14, X0, X0
	VMOVQ X0, (DX)
	ADDQ $4, AX
	ADDQ $8, DX
	DECQ CX
	JNZ  block

bias:
	VEXTRACTI128 $1, Y2, X0
	VPADDD X0, X2, X2
	VPSHUFD $0xEE, X2, X0
	VPADDD X0, X2, X2
	VPSHUFD $0x55, X2, X0
	VPADDD X0, X2, X2
	VPSLLD $7, X2, X2
	VPXOR X0, X0, X0
	VPSUBD X2, X0, X0
	VMOVD X0, 256(DI)
	ADDQ $260, DI
	ADDQ R9, SI
	DECQ R8
	JNZ  row
	VZEROUPPER
	RET

// EVEN leaves the words of channels 0 and 2 of 16 tokens in Y8 and Y9, ODD those of 1 and 3
// in Y10 and Y11. The work stands before each half of the products, not before both: the
// multiplier stays busy.
#define EVEN(addr, addr32) \
	VMOVDQU addr, Y10;       \
	VMOVDQU addr32, Y11;     \
	VPAND Y15, Y10, Y8;      \
	VPAND Y15, Y11, Y9

#define ODD \
	VPSRLW $8, Y10, Y10;     \
	VPSRLW $8, Y11, Y11

// DOT adds two channels to the sums of 16 tokens of one row.
#define DOT(k0, k1, off, lo, hi) \
	VPBROADCASTD off(AX), Y12;   \
	VPMADDWD k0, Y12, Y13;       \
	VPMADDWD k1, Y12, Y12;       \
	VPADDD Y13, lo, lo;          \
	VPADDD Y12, hi, hi

// START begins the sums of 16 tokens with the bias, RESUME adds those of earlier channels.
#define START(bias, lo, hi) \
	VPBROADCASTD bias(SI), lo; \
	VMOVDQU lo, hi

#define RESUME(off, lo, hi) \
	VPADDD off(DX), lo, lo;    \
	VPADDD off+32(DX), hi, hi

// ADDRESSES turns arguments into addresses: SI w · DX s · BX k at block R8 · R11 bytes from
// the end of a part of a group to the next one · R12 bytes of a group · R13 next−k.
// R9 is n left, R10 blocks.
#define ADDRESSES \
	SUBQ BX, R13;                \
	MOVQ R8, AX;                 \
	SHLQ $6, AX;                 \
	ADDQ AX, BX;                 \
	MOVQ R11, R12;               \
	SHLQ $6, R12;                \
	SUBQ R10, R11;               \
	SHLQ $6, R11;                \
	VPCMPEQW Y15, Y15, Y15;      \
	VPSRLW $8, Y15, Y15

// func qkI8Rows4_avx2(s []int32, w *qkI8Row, k []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI8Rows4_avx2(SB), NOSPLIT, $0-112
	MOVQ s_base+0(FP), DX
	MOVQ w+24(FP), SI
	MOVQ k_base+32(FP), BX
	MOVQ n+56(FP), R9
	MOVQ d4+64(FP), R11
	MOVQ block+72(FP), R8
	MOVQ blocks+80(FP), R10
	MOVQ next_base+88(FP), R13
	ADDRESSES

group:
	START(256, Y0, Y1)
	START(516, Y2, Y3)
	START(776, Y4, Y5)
	START(1036, Y6, Y7)
	MOVQ SI, AX
	MOVQ R10, CX
	TESTQ R8, R8
	JZ   loop
	RESUME(0, Y0, Y1)
	RESUME(256, Y2, Y3)
	RESUME(512, Y4, Y5)
	RESUME(768, Y6, Y7)
	PCALIGN $32

loop:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	DOT(Y8, Y9, 0, Y0, Y1)
	DOT(Y8, Y9, 260, Y2, Y3)
	DOT(Y8, Y9, 520, Y4, Y5)
	DOT(Y8, Y9, 780, Y6, Y7)
	ODD
	DOT(Y10, Y11, 4, Y0, Y1)
	DOT(Y10, Y11, 264, Y2, Y3)
	DOT(Y10, Y11, 524, Y4, Y5)
	DOT(Y10, Y11, 784, Y6, Y7)
	ADDQ $64, BX
	ADDQ $8, AX
	DECQ CX
	JNZ  loop

	VMOVDQU Y0, (DX)
	VMOVDQU Y1, 32(DX)
	VMOVDQU Y2, 256(DX)
	VMOVDQU Y3, 288(DX)
	VMOVDQU Y4, 512(DX)
	VMOVDQU Y5, 544(DX)
	VMOVDQU Y6, 768(DX)
	VMOVDQU Y7, 800(DX)
	ADDQ R11, BX
	ADDQ $64, DX
	SUBQ $16, R9
	JG   group
	VZEROUPPER
	RET

// func qkI8Rows2_avx2(s []int32, w *qkI8Row, k []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI8Rows2_avx2(SB), NOSPLIT, $0-112
	MOVQ s_base+0(FP), DX
	MOVQ w+24(FP), SI
	MOVQ k_base+32(FP), BX
	MOVQ n+56(FP), R9
	MOVQ d4+64(FP), R11
	MOVQ block+72(FP), R8
	MOVQ blocks+80(FP), R10
	MOVQ next_base+88(FP), R13
	ADDRESSES

group:
	START(256, Y0, Y1)
	START(516, Y2, Y3)
	MOVQ SI, AX
	MOVQ R10, CX
	TESTQ R8, R8
	JZ   loop
	RESUME(0, Y0, Y1)
	RESUME(256, Y2, Y3)
	PCALIGN $32

loop:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	DOT(Y8, Y9, 0, Y0, Y1)
	DOT(Y8, Y9, 260, Y2, Y3)
	ODD
	DOT(Y10, Y11, 4, Y0, Y1)
	DOT(Y10, Y11, 264, Y2, Y3)
	ADDQ $64, BX
	ADDQ $8, AX
	DECQ CX
	JNZ  loop

	VMOVDQU Y0, (DX)
	VMOVDQU Y1, 32(DX)
	VMOVDQU Y2, 256(DX)
	VMOVDQU Y3, 288(DX)
	ADDQ R11, BX
	ADDQ $64, DX
	SUBQ $16, R9
	JG   group
	VZEROUPPER
	RET

// DOT4 adds two channels to the sums of 32 tokens of one row.
#define DOT4(q, k0, k1, k2, k3) \
	VPMADDWD k0, q, k0;   \
	VPMADDWD k1, q, k1;   \
	VPMADDWD k2, q, k2;   \
	VPMADDWD k3, q, k3;   \
	VPADDD k0, Y0, Y0;    \
	VPADDD k1, Y1, Y1;    \
	VPADDD k2, Y2, Y2;    \
	VPADDD k3, Y3, Y3

// func qkI8Row1_avx2(s []int32, w *qkI8Row, k []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI8Row1_avx2(SB), NOSPLIT, $0-112
	MOVQ s_base+0(FP), DX
	MOVQ w+24(FP), SI
	MOVQ k_base+32(FP), BX
	MOVQ n+56(FP), R9
	MOVQ d4+64(FP), R11
	MOVQ block+72(FP), R8
	MOVQ blocks+80(FP), R10
	MOVQ next_base+88(FP), R13
	ADDRESSES
	LEAQ (R13)(R12*1), DI

groups:
	START(256, Y0, Y1)
	VMOVDQU Y0, Y2
	VMOVDQU Y0, Y3
	MOVQ SI, AX
	MOVQ R10, CX
	CMPQ R9, $16
	JLE  group
	TESTQ R8, R8
	JZ   loop2
	RESUME(0, Y0, Y1)
	RESUME(64, Y2, Y3)
	PCALIGN $32

loop2:
	PREFETCHT0 (BX)(R13*1)
	PREFETCHT0 (BX)(DI*1)
	VPBROADCASTD (AX), Y12
	VPBROADCASTD 4(AX), Y13
	VMOVDQU (BX), Y4
	VMOVDQU 32(BX), Y5
	VMOVDQU (BX)(R12*1), Y6
	VMOVDQU 32(BX)(R12*1), Y7
	VPAND Y15, Y4, Y8
	VPAND Y15, Y5, Y9
	VPAND Y15, Y6, Y10
	VPAND Y15, Y7, Y11
	DOT4(Y12, Y8, Y9, Y10, Y11)
	VPSRLW $8, Y4, Y4
	VPSRLW $8, Y5, Y5
	VPSRLW $8, Y6, Y6
	VPSRLW $8, Y7, Y7
	DOT4(Y13, Y4, Y5, Y6, Y7)
	ADDQ $64, BX
	ADDQ $8, AX
	DECQ CX
	JNZ  loop2

	VMOVDQU Y0, (DX)
	VMOVDQU Y1, 32(DX)
	VMOVDQU Y2, 64(DX)
	VMOVDQU Y3, 96(DX)
	ADDQ R11, BX
	ADDQ R12, BX
	ADDQ $128, DX
	SUBQ $32, R9
	JG   groups
	VZEROUPPER
	RET

group:
	TESTQ R8, R8
	JZ   loop1
	RESUME(0, Y0, Y1)

loop1:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	DOT(Y8, Y9, 0, Y0, Y1)
	ODD
	DOT(Y10, Y11, 4, Y0, Y1)
	ADDQ $64, BX
	ADDQ $8, AX
	DECQ CX
	JNZ  loop1

	VMOVDQU Y0, (DX)
	VMOVDQU Y1, 32(DX)
	VZEROUPPER
	RET
