//go:build !purego

#include "textflag.h"

// qk_i4_avx2_amd64.s: integer scores of int8 queries against the nibble K layout.
//
// Obstacle:  VPMADDUBSW saturates with bytes, not with nibbles: 2·15·127 is far below 32767,
//            and so is the sum of a group of 8 such pairs. A group of 32 channels stays in
//            words, two per token, and costs two instructions for 32 products, half of what
//            bytes cost. Its multiplier is a factor of VPMADDWD, which widens and adds the two
//            words: one more per group.
// Keys:      the −8 of every nibble is −8·Σq of the group, known before; the words start there.
//            They may wrap on the way, their end is within 8·127·16.
// Shape:     rows × 8 tokens of each nibble; four rows, two or one. Sums of groups add up in
//            s.
// Reads:     ⌈n/32⌉ pairs of groups of K, m rows of q. Writes s[i][0:32·⌈n/32⌉].
// Registers: Y0–Y7 words, row r in Y(2r) for low nibbles and Y(2r+1) for high ones · Y8, Y9
//            nibbles · Y10 q · Y11, Y12 products · Y13, Y14 multipliers in both words of a
//            token · Y15 0x0F
//            BX k · R13 next−k, 0 in the second half of a line · SI q · DX q of the fourth
//            row · R11 q stride · DI start · R12 multipliers · R8 s of the pair · AX the half,
//            0 or 32 · CX blocks left in the group · R9 in the part · R10 n left

DATA qkI4Const<>+0(SB)/4, $0x08080808
DATA qkI4Const<>+4(SB)/4, $0x0f0f0f0f
GLOBL qkI4Const<>(SB), RODATA|NOPTR, $8

// func qkI4Start_avx2(start *qkI4Start, q []int8, rows, d4, blocks int)
TEXT ·qkI4Start_avx2(SB), NOSPLIT, $0-56
	MOVQ start+0(FP), DI
	MOVQ q_base+8(FP), SI
	MOVQ rows+32(FP), R8
	MOVQ d4+40(FP), R9
	SHLQ $2, R9 // bytes of a row
	VPBROADCASTD qkI4Const<>(SB), Y15

row:
	MOVQ blocks+48(FP), CX
	MOVQ SI, AX
	MOVQ DI, DX

group:
	VPXOR Y0, Y0, Y0
	SUBQ $8, CX
	JLT  rest
	VMOVDQU (AX), Y1
	VPMADDUBSW Y1, Y15, Y0
	ADDQ $32, AX
	JMP  fold

rest:
	ADDQ $8, CX
	JZ   next

block:
	VMOVD (AX), X1
	VPMADDUBSW X1, X15, X1
	VPADDW X1, X0, X0
	ADDQ $4, AX
	DECQ CX
	JNZ  block

fold:
	VEXTRACTI128 $1, Y0, X1
	VPADDW X1, X0, X0
	VPSHUFD $0xEE, X0, X1
	VPADDW X1, X0, X0
	VPSHUFD $0x55, X0, X1
	VPADDW X1, X0, X0
	VPXOR X1, X1, X1
	VPSUBW X0, X1, X0
	VMOVD X0, (DX)
	ADDQ $4, DX
	TESTQ CX, CX
	JNZ  group

next:
	ADDQ $128, DI
	ADDQ R9, SI
	DECQ R8
	JNZ  row
	VZEROUPPER
	RET

// NIBBLES loads 8 tokens of each nibble.
#define NIBBLES \
	VMOVDQU (BX), Y8;             \
	PREFETCHT0 (BX)(R13*1);       \
	VPSRLW $4, Y8, Y9;            \
	VPAND Y15, Y8, Y8;            \
	VPAND Y15, Y9, Y9

// DOT adds a block of 4 channels to the words of one row.
#define DOT(q, lo, hi) \
	VPBROADCASTD q, Y10;          \
	VPMADDUBSW Y10, Y8, Y11;      \
	VPMADDUBSW Y10, Y9, Y12;      \
	VPADDW Y11, lo, lo;           \
	VPADDW Y12, hi, hi

// START begins the words of one row, SUM adds their group to the scores.
#define START(off, lo, hi) \
	VPBROADCASTD off(DI), lo;     \
	VMOVDQU lo, hi

#define SUM(off, lo, hi) \
	VPMADDWD Y13, lo, lo;         \
	VPMADDWD Y14, hi, hi;         \
	VPADDD off(R8)(AX*1), lo, lo; \
	VPADDD off+64(R8)(AX*1), hi, hi; \
	VMOVDQU lo, off(R8)(AX*1);    \
	VMOVDQU hi, off+64(R8)(AX*1)

#define CLEAR(off) \
	VMOVDQU Y0, off(R8)(AX*1);    \
	VMOVDQU Y0, off+64(R8)(AX*1)

// BOTH has the multipliers of 8 tokens in both words of each.
#define BOTH(off, y) \
	VPMOVSXBD off(R12), y;        \
	VPSLLD $16, y, Y11;           \
	VPBLENDW $0xAA, Y11, y, y

// func qkI4Rows4_avx2(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Rows4_avx2(SB), NOSPLIT, $0-160
	MOVQ s_base+0(FP), R8
	MOVQ k_base+56(FP), BX
	MOVQ n+104(FP), R10
	MOVQ d4+112(FP), R11
	MOVQ block+120(FP), CX
	MOVQ next_base+136(FP), R13
	SUBQ BX, R13
	SHLQ $6, CX
	ADDQ CX, BX
	SHLQ $2, R11
	VPBROADCASTD qkI4Const<>+4(SB), Y15
	XORL AX, AX

half:
	MOVQ q_base+24(FP), SI
	MOVQ block+120(FP), CX
	LEAQ (SI)(CX*4), SI
	LEAQ (R11)(R11*2), DX
	ADDQ SI, DX
	MOVQ start+48(FP), DI
	MOVQ mult_base+80(FP), R12
	MOVQ n+104(FP), R9
	SUBQ R10, R9 // first token of the pair
	ADDQ R9, R12
	MOVQ AX, R9
	SHRQ $2, R9
	ADDQ R9, R12
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	TESTQ CX, CX
	JNZ  group
	VPXOR Y0, Y0, Y0
	CLEAR(0)
	CLEAR(256)
	CLEAR(512)
	CLEAR(768)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Y0, Y1)
	START(128, Y2, Y3)
	START(256, Y4, Y5)
	START(384, Y6, Y7)
	BOTH(0, Y13)
	BOTH(16, Y14)
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Y0, Y1)
	DOT((SI)(R11*1), Y2, Y3)
	DOT((SI)(R11*2), Y4, Y5)
	DOT((DX), Y6, Y7)
	ADDQ $64, BX
	ADDQ $4, SI
	ADDQ $4, DX
	DECQ CX
	JNZ  loop
	SUM(0, Y0, Y1)
	SUM(256, Y2, Y3)
	SUM(512, Y4, Y5)
	SUM(768, Y6, Y7)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	MOVQ blocks+128(FP), CX
	SHLQ $6, CX
	SUBQ CX, BX
	XORL $32, AX
	JZ   next
	ADDQ $32, BX
	XORL R13, R13
	JMP  half

next: // pair
	SUBQ $32, R10
	JLE  done
	MOVQ next_base+136(FP), R13
	SUBQ k_base+56(FP), R13
	SUBQ $32, BX
	MOVQ R11, CX
	SHLQ $4, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  half

done:
	VZEROUPPER
	RET

// func qkI4Rows2_avx2(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Rows2_avx2(SB), NOSPLIT, $0-160
	MOVQ s_base+0(FP), R8
	MOVQ k_base+56(FP), BX
	MOVQ n+104(FP), R10
	MOVQ d4+112(FP), R11
	MOVQ block+120(FP), CX
	MOVQ next_base+136(FP), R13
	SUBQ BX, R13
	SHLQ $6, CX
	ADDQ CX, BX
	SHLQ $2, R11
	VPBROADCASTD qkI4Const<>+4(SB), Y15
	XORL AX, AX

half:
	MOVQ q_base+24(FP), SI
	MOVQ block+120(FP), CX
	LEAQ (SI)(CX*4), SI
	MOVQ start+48(FP), DI
	MOVQ mult_base+80(FP), R12
	MOVQ n+104(FP), R9
	SUBQ R10, R9 // first token of the pair
	ADDQ R9, R12
	MOVQ AX, R9
	SHRQ $2, R9
	ADDQ R9, R12
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	TESTQ CX, CX
	JNZ  group
	VPXOR Y0, Y0, Y0
	CLEAR(0)
	CLEAR(256)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Y0, Y1)
	START(128, Y2, Y3)
	BOTH(0, Y13)
	BOTH(16, Y14)
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Y0, Y1)
	DOT((SI)(R11*1), Y2, Y3)
	ADDQ $64, BX
	ADDQ $4, SI
	DECQ CX
	JNZ  loop
	SUM(0, Y0, Y1)
	SUM(256, Y2, Y3)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	MOVQ blocks+128(FP), CX
	SHLQ $6, CX
	SUBQ CX, BX
	XORL $32, AX
	JZ   next
	ADDQ $32, BX
	XORL R13, R13
	JMP  half

next: // pair
	SUBQ $32, R10
	JLE  done
	MOVQ next_base+136(FP), R13
	SUBQ k_base+56(FP), R13
	SUBQ $32, BX
	MOVQ R11, CX
	SHLQ $4, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  half

done:
	VZEROUPPER
	RET

// func qkI4Row1_avx2(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Row1_avx2(SB), NOSPLIT, $0-160
	MOVQ s_base+0(FP), R8
	MOVQ k_base+56(FP), BX
	MOVQ n+104(FP), R10
	MOVQ d4+112(FP), R11
	MOVQ block+120(FP), CX
	MOVQ next_base+136(FP), R13
	SUBQ BX, R13
	SHLQ $6, CX
	ADDQ CX, BX
	SHLQ $2, R11
	VPBROADCASTD qkI4Const<>+4(SB), Y15
	XORL AX, AX

half:
	MOVQ q_base+24(FP), SI
	MOVQ block+120(FP), CX
	LEAQ (SI)(CX*4), SI
	MOVQ start+48(FP), DI
	MOVQ mult_base+80(FP), R12
	MOVQ n+104(FP), R9
	SUBQ R10, R9 // first token of the pair
	ADDQ R9, R12
	MOVQ AX, R9
	SHRQ $2, R9
	ADDQ R9, R12
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	TESTQ CX, CX
	JNZ  group
	VPXOR Y0, Y0, Y0
	CLEAR(0)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Y0, Y1)
	BOTH(0, Y13)
	BOTH(16, Y14)
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Y0, Y1)
	ADDQ $64, BX
	ADDQ $4, SI
	DECQ CX
	JNZ  loop
	SUM(0, Y0, Y1)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	MOVQ blocks+128(FP), CX
	SHLQ $6, CX
	SUBQ CX, BX
	XORL $32, AX
	JZ   next
	ADDQ $32, BX
	XORL R13, R13
	JMP  half

next: // pair
	SUBQ $32, R10
	JLE  done
	MOVQ next_base+136(FP), R13
	SUBQ k_base+56(FP), R13
	SUBQ $32, BX
	MOVQ R11, CX
	SHLQ $4, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  half

done:
	VZEROUPPER
	RET
