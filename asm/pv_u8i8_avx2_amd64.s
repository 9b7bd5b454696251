//go:build !purego

#include "textflag.h"

// pv_u8i8_avx2_amd64.s: integer sums of int8 values under u8 weights.
//
// The int8 V layout keeps 4 tokens of a channel in a dword, so these are the kernels of the
// scores with channels in the place of tokens: even bytes are a mask away from words, odd
// ones a shift, and VPMADDWD sums within a channel. Values are made unsigned first;
// −128·Σp, the bias, is where the sums start. Weights are widened once per call into words
// of tokens 0 2 1 3, 4 6 5 7, …
// Four rows share 16 channels, or two; a single row takes 32.
// Exactness: |p·v| pair ≤ 2·255·255 in int32; sums of any order are those of the contract.
// Reads:     ⌈n/4⌉ quads of V, p[i][0:4·⌈n/4⌉]. Writes o[i][0:dv].
// Tails:     16 channels, then 8; fewer than 8 are the last 8 of the row once more.

DATA pvOrder<>+0(SB)/8, $0xff03ff01ff02ff00 // words of bytes 0 2 1 3, 4 6 5 7
DATA pvOrder<>+8(SB)/8, $0xff07ff05ff06ff04
GLOBL pvOrder<>(SB), RODATA|NOPTR, $16

// func pvU8I8Widen_avx2(w *pvU8Row, p []byte, rows, quads int)
TEXT ·pvU8I8Widen_avx2(SB), NOSPLIT, $0-48
	MOVQ w+0(FP), DI
	MOVQ p_base+8(FP), SI
	MOVQ rows+32(FP), R8
	VMOVDQU pvOrder<>(SB), X14
	VPXOR X15, X15, X15

row:
	MOVQ quads+40(FP), CX
	MOVQ SI, AX
	MOVQ DI, DX
	VPXOR X2, X2, X2

quads2:
	SUBQ $2, CX
	JLT  rest
	VMOVQ (AX), X0
	VPSADBW X15, X0, X1
	VPADDD X1, X2, X2
	VPSHUFB X14, X0, X0
	VMOVDQU X0, (DX)
	ADDQ $8, AX
	ADDQ $16, DX
	JMP  quads2

rest:
	ADDQ $2, CX
	JZ   bias
	VMOVD (AX), X0
	VPSADBW X15, X0, X1
	VPADDD X1, X2, X2
	VPSHUFB X14, X0, X0
	VMOVQ X0, (DX)

bias:
	VPSLLD $7, X2, X2
	VPSUBD X2, X15, X2
	VMOVD X2, 128(DI)
	ADDQ $132, DI
	ADDQ $64, SI
	DECQ R8
	JNZ  row
	VZEROUPPER
	RET

// EVEN16 leaves the words of tokens 0 and 2 of 16 channels in Y8 and Y9, ODD16 those of 1
// and 3 in Y10 and Y11. The work stands before each half of the products, not before both:
// the multiplier stays busy. EVEN8 and ODD8 use Y8 and Y10.
#define EVEN16 \
	VPXOR (DX), Y15, Y10;     \
	VPXOR 32(DX), Y15, Y11;   \
	VPAND Y14, Y10, Y8;       \
	VPAND Y14, Y11, Y9

#define ODD16 \
	VPSRLW $8, Y10, Y10;      \
	VPSRLW $8, Y11, Y11

#define EVEN8 \
	VPXOR (DX), Y15, Y10;     \
	VPAND Y14, Y10, Y8

#define ODD8 \
	VPSRLW $8, Y10, Y10

// DOT16 adds two tokens to the sums of 16 channels of one row, DOT8 to those of 8.
#define DOT16(v0, v1, off, lo, hi) \
	VPBROADCASTD off(AX), Y12;   \
	VPMADDWD v0, Y12, Y13;       \
	VPMADDWD v1, Y12, Y12;       \
	VPADDD Y13, lo, lo;          \
	VPADDD Y12, hi, hi

#define DOT8(v, off, lo) \
	VPBROADCASTD off(AX), Y12;   \
	VPMADDWD v, Y12, Y13;        \
	VPADDD Y13, lo, lo

// ADDRESSES prepares a pass: DI o · SI w · BX v · R8 quads · R11 bytes of a quad of V and of
// a row of O · R12 channels left · R13 next−v · Y14 0x00ff · Y15 0x80 in each byte.
#define ADDRESSES \
	MOVQ R12, R11;               \
	SHLQ $2, R11;                \
	SUBQ BX, R13;                \
	VPCMPEQB Y15, Y15, Y15;      \
	VPSLLW $15, Y15, Y15;        \
	VPACKSSWB Y15, Y15, Y15;     \
	VPCMPEQW Y14, Y14, Y14;      \
	VPSRLW $8, Y14, Y14

// func pvU8I8Rows4_avx2(o []int32, w *pvU8Row, v []byte, quads, dv int, next []byte)
TEXT ·pvU8I8Rows4_avx2(SB), NOSPLIT, $0-96
	MOVQ o_base+0(FP), DI
	MOVQ w+24(FP), SI
	MOVQ v_base+32(FP), BX
	MOVQ quads+56(FP), R8
	MOVQ dv+64(FP), R12
	MOVQ next_base+72(FP), R13
	ADDRESSES

block16:
	SUBQ $16, R12
	JLT  rest
	VPBROADCASTD 128(SI), Y0
	VMOVDQU Y0, Y1
	VPBROADCASTD 260(SI), Y2
	VMOVDQU Y2, Y3
	VPBROADCASTD 392(SI), Y4
	VMOVDQU Y4, Y5
	VPBROADCASTD 524(SI), Y6
	VMOVDQU Y6, Y7
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad16:
	PREFETCHT0 (DX)(R13*1)
	EVEN16
	ADDQ R11, DX
	DOT16(Y8, Y9, 0, Y0, Y1)
	DOT16(Y8, Y9, 132, Y2, Y3)
	DOT16(Y8, Y9, 264, Y4, Y5)
	DOT16(Y8, Y9, 396, Y6, Y7)
	ODD16
	DOT16(Y10, Y11, 4, Y0, Y1)
	DOT16(Y10, Y11, 136, Y2, Y3)
	DOT16(Y10, Y11, 268, Y4, Y5)
	DOT16(Y10, Y11, 400, Y6, Y7)
	ADDQ $8, AX
	DECQ CX
	JNZ  quad16

	LEAQ (R11)(R11*2), DX
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, (DI)(R11*1)
	VMOVDQU Y3, 32(DI)(R11*1)
	VMOVDQU Y4, (DI)(R11*2)
	VMOVDQU Y5, 32(DI)(R11*2)
	VMOVDQU Y6, (DI)(DX*1)
	VMOVDQU Y7, 32(DI)(DX*1)
	ADDQ $64, BX
	ADDQ $64, DI
	JMP  block16

rest:
	ADDQ $16, R12
	JZ   done

block8:
	CMPQ R12, $8 // back when fewer are left
	JGE  whole
	LEAQ -32(BX)(R12*4), BX
	LEAQ -32(DI)(R12*4), DI
	MOVQ $8, R12

whole:
	VPBROADCASTD 128(SI), Y0
	VPBROADCASTD 260(SI), Y2
	VPBROADCASTD 392(SI), Y4
	VPBROADCASTD 524(SI), Y6
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad8:
	PREFETCHT0 (DX)(R13*1)
	EVEN8
	ADDQ R11, DX
	DOT8(Y8, 0, Y0)
	DOT8(Y8, 132, Y2)
	DOT8(Y8, 264, Y4)
	DOT8(Y8, 396, Y6)
	ODD8
	DOT8(Y10, 4, Y0)
	DOT8(Y10, 136, Y2)
	DOT8(Y10, 268, Y4)
	DOT8(Y10, 400, Y6)
	ADDQ $8, AX
	DECQ CX
	JNZ  quad8

	LEAQ (R11)(R11*2), DX
	VMOVDQU Y0, (DI)
	VMOVDQU Y2, (DI)(R11*1)
	VMOVDQU Y4, (DI)(R11*2)
	VMOVDQU Y6, (DI)(DX*1)
	ADDQ $32, BX
	ADDQ $32, DI
	SUBQ $8, R12
	JNZ  block8

done:
	VZEROUPPER
	RET

// func pvU8I8Rows2_avx2(o []int32, w *pvU8Row, v []byte, quads, dv int, next []byte)
TEXT ·pvU8I8Rows2_avx2(SB), NOSPLIT, $0-96
	MOVQ o_base+0(FP), DI
	MOVQ w+24(FP), SI
	MOVQ v_base+32(FP), BX
	MOVQ quads+56(FP), R8
	MOVQ dv+64(FP), R12
	MOVQ next_base+72(FP), R13
	ADDRESSES

block16:
	SUBQ $16, R12
	JLT  rest
	VPBROADCASTD 128(SI), Y0
	VMOVDQU Y0, Y1
	VPBROADCASTD 260(SI), Y2
	VMOVDQU Y2, Y3
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad16:
	PREFETCHT0 (DX)(R13*1)
	EVEN16
	ADDQ R11, DX
	DOT16(Y8, Y9, 0, Y0, Y1)
	DOT16(Y8, Y9, 132, Y2, Y3)
	ODD16
	DOT16(Y10, Y11, 4, Y0, Y1)
	DOT16(Y10, Y11, 136, Y2, Y3)
	ADDQ $8, AX
	DECQ CX
	JNZ  quad16

	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, (DI)(R11*1)
	VMOVDQU Y3, 32(DI)(R11*1)
	ADDQ $64, BX
	ADDQ $64, DI
	JMP  block16

rest:
	ADDQ $16, R12
	JZ   done

block8:
	CMPQ R12, $8 // back when fewer are left
	JGE  whole
	LEAQ -32(BX)(R12*4), BX
	LEAQ -32(DI)(R12*4), DI
	MOVQ $8, R12

whole:
	VPBROADCASTD 128(SI), Y0
	VPBROADCASTD 260(SI), Y2
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad8:
	PREFETCHT0 (DX)(R13*1)
	EVEN8
	ADDQ R11, DX
	DOT8(Y8, 0, Y0)
	DOT8(Y8, 132, Y2)
	ODD8
	DOT8(Y10, 4, Y0)
	DOT8(Y10, 136, Y2)
	ADDQ $8, AX
	DECQ CX
	JNZ  quad8

	VMOVDQU Y0, (DI)
	VMOVDQU Y2, (DI)(R11*1)
	ADDQ $32, BX
	ADDQ $32, DI
	SUBQ $8, R12
	JNZ  block8

done:
	VZEROUPPER
	RET

// DOT32 adds two tokens to the sums of 32 channels of one row.
#define DOT32(w, v0, v1, v2, v3) \
	VPMADDWD v0, w, v0;   \
	VPMADDWD v1, w, v1;   \
	VPMADDWD v2, w, v2;   \
	VPMADDWD v3, w, v3;   \
	VPADDD v0, Y0, Y0;    \
	VPADDD v1, Y1, Y1;    \
	VPADDD v2, Y2, Y2;    \
	VPADDD v3, Y3, Y3

// func pvU8I8Row1_avx2(o []int32, w *pvU8Row, v []byte, quads, dv int, next []byte)
TEXT ·pvU8I8Row1_avx2(SB), NOSPLIT, $0-96
	MOVQ o_base+0(FP), DI
	MOVQ w+24(FP), SI
	MOVQ v_base+32(FP), BX
	MOVQ quads+56(FP), R8
	MOVQ dv+64(FP), R12
	MOVQ next_base+72(FP), R13
	ADDRESSES

block32:
	SUBQ $32, R12
	JLT  rest32
	VPBROADCASTD 128(SI), Y0
	VMOVDQU Y0, Y1
	VMOVDQU Y0, Y2
	VMOVDQU Y0, Y3
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad32:
	PREFETCHT0 (DX)(R13*1)
	PREFETCHT0 64(DX)(R13*1)
	VPBROADCASTD (AX), Y12
	VPBROADCASTD 4(AX), Y13
	VPXOR (DX), Y15, Y4
	VPXOR 32(DX), Y15, Y5
	VPXOR 64(DX), Y15, Y6
	VPXOR 96(DX), Y15, Y7
	VPAND Y14, Y4, Y8
	VPAND Y14, Y5, Y9
	VPAND Y14, Y6, Y10
	VPAND Y14, Y7, Y11
	DOT32(Y12, Y8, Y9, Y10, Y11)
	VPSRLW $8, Y4, Y4
	VPSRLW $8, Y5, Y5
	VPSRLW $8, Y6, Y6
	VPSRLW $8, Y7, Y7
	DOT32(Y13, Y4, Y5, Y6, Y7)
	ADDQ R11, DX
	ADDQ $8, AX
	DECQ CX
	JNZ  quad32

	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, 64(DI)
	VMOVDQU Y3, 96(DI)
	ADDQ $128, BX
	ADDQ $128, DI
	JMP  block32

rest32:
	ADDQ $32, R12

block16:
	SUBQ $16, R12
	JLT  rest
	VPBROADCASTD 128(SI), Y0
	VMOVDQU Y0, Y1
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad16:
	PREFETCHT0 (DX)(R13*1)
	EVEN16
	ADDQ R11, DX
	DOT16(Y8, Y9, 0, Y0, Y1)
	ODD16
	DOT16(Y10, Y11, 4, Y0, Y1)
	ADDQ $8, AX
	DECQ CX
	JNZ  quad16

	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ADDQ $64, BX
	ADDQ $64, DI
	JMP  block16

rest:
	ADDQ $16, R12
	JZ   done

block8:
	CMPQ R12, $8 // back when fewer are left
	JGE  whole
	LEAQ -32(BX)(R12*4), BX
	LEAQ -32(DI)(R12*4), DI
	MOVQ $8, R12

whole:
	VPBROADCASTD 128(SI), Y0
	MOVQ BX, DX
	MOVQ SI, AX
	MOVQ R8, CX
	PCALIGN $32

quad8:
	PREFETCHT0 (DX)(R13*1)
	EVEN8
	ADDQ R11, DX
	DOT8(Y8, 0, Y0)
	ODD8
	DOT8(Y10, 4, Y0)
	ADDQ $8, AX
	DECQ CX
	JNZ  quad8

	VMOVDQU Y0, (DI)
	ADDQ $32, BX
	ADDQ $32, DI
	SUBQ $8, R12
	JNZ  block8

done:
	VZEROUPPER
	RET
