//go:build !purego

#include "textflag.h"

// qk_i4_vnni_amd64.s: integer scores of int8 queries against the nibble K layout.
//
// Obstacle:  expanding nibbles to bytes costs a pass over the tile. A line of K is 16 tokens
//            of each nibble, a shift and two masks away from unsigned operands of
//            VPDPBUSD; the multiplier of a group of 32 channels waits for its sum, and the
//            −8 of every nibble is −8·Σq of the group, where the sum starts.
// Shape:     rows × 16 tokens of each nibble; up to four rows. 4 broadcasts serve 8
//            VPDPBUSD.
// Exactness: sums are modulo 2³² and the result fits.
// Reads:     ⌈n/32⌉ pairs of groups of K, m rows of q. Writes s[i][0:32·⌈n/32⌉].
// Registers: Z0–Z7 sums of the group, row r in Z(2r) for low nibbles and Z(2r+1) for high
//            ones; Z8–Z15 scores likewise · Z16, Z17 nibbles · Z18 q · Z22, Z23 multipliers
//            Z24 0x0F
//            BX k · R13 next−k · SI q · DX q of the fourth row · R11 q stride · DI start
//            R12 multipliers · R8 s of the pair · CX blocks left in the group · R9 in the
//            part · R10 n left

DATA qkI4Const<>+0(SB)/4, $0x08080808
DATA qkI4Const<>+4(SB)/4, $0x0f0f0f0f
GLOBL qkI4Const<>(SB), RODATA|NOPTR, $8

// func qkI4Start_vnni(start *qkI4Start, q []int8, rows, d4, blocks int)
TEXT ·qkI4Start_vnni(SB), NOSPLIT, $0-56
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
	MOVL $-1, BX
	CMPQ CX, $8
	JGE  whole
	MOVL $1, BX
	SHLL CX, BX
	DECL BX

whole:
	KMOVW BX, K1
	VMOVDQU32.Z (AX), K1, Y1
	VPXOR Y0, Y0, Y0
	VPDPBUSD Y1, Y15, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0xEE, X0, X1
	VPADDD X1, X0, X0
	VPSHUFD $0x55, X0, X1
	VPADDD X1, X0, X0
	VPXOR X1, X1, X1
	VPSUBD X0, X1, X0
	VMOVD X0, (DX)
	ADDQ $32, AX
	ADDQ $4, DX
	SUBQ $8, CX
	JG   group
	ADDQ $128, DI
	ADDQ R9, SI
	DECQ R8
	JNZ  row
	VZEROUPPER
	RET

// NIBBLES loads 16 tokens of each nibble.
#define NIBBLES \
	VMOVDQU32 (BX), Z17;          \
	PREFETCHT0 (BX)(R13*1);       \
	VPANDD Z24, Z17, Z16;         \
	VPSRLW $4, Z17, Z17;          \
	VPANDD Z24, Z17, Z17

// DOT adds a block of 4 channels to the sums of one row.
#define DOT(q, lo, hi) \
	VPBROADCASTD q, Z18;          \
	VPDPBUSD Z18, Z16, lo;        \
	VPDPBUSD Z18, Z17, hi

// START begins the sums of one row, GROUP adds them to its scores.
#define START(off, lo, hi) \
	VPBROADCASTD off(DI), lo;     \
	VMOVDQA32 lo, hi

#define GROUP(lo, hi, slo, shi) \
	VPMULLD Z22, lo, lo;          \
	VPMULLD Z23, hi, hi;          \
	VPADDD lo, slo, slo;          \
	VPADDD hi, shi, shi

#define CLEAR(slo, shi) \
	VPXORD slo, slo, slo;         \
	VPXORD shi, shi, shi

#define RESUME(off, slo, shi) \
	VMOVDQU32 off(R8), slo;       \
	VMOVDQU32 off+64(R8), shi

#define SCORES(off, slo, shi) \
	VMOVDQU32 slo, off(R8);       \
	VMOVDQU32 shi, off+64(R8)

// func qkI4Rows4_vnni(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Rows4_vnni(SB), NOSPLIT, $0-160
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
	VPBROADCASTD qkI4Const<>+4(SB), Z24

pair:
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
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	CLEAR(Z8, Z9)
	CLEAR(Z10, Z11)
	CLEAR(Z12, Z13)
	CLEAR(Z14, Z15)
	TESTQ CX, CX
	JZ   group
	RESUME(0, Z8, Z9)
	RESUME(256, Z10, Z11)
	RESUME(512, Z12, Z13)
	RESUME(768, Z14, Z15)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Z0, Z1)
	START(128, Z2, Z3)
	START(256, Z4, Z5)
	START(384, Z6, Z7)
	VPMOVSXBD (R12), Z22
	VPMOVSXBD 16(R12), Z23
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Z0, Z1)
	DOT((SI)(R11*1), Z2, Z3)
	DOT((SI)(R11*2), Z4, Z5)
	DOT((DX), Z6, Z7)
	ADDQ $64, BX
	ADDQ $4, SI
	ADDQ $4, DX
	DECQ CX
	JNZ  loop
	GROUP(Z0, Z1, Z8, Z9)
	GROUP(Z2, Z3, Z10, Z11)
	GROUP(Z4, Z5, Z12, Z13)
	GROUP(Z6, Z7, Z14, Z15)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	SCORES(0, Z8, Z9)
	SCORES(256, Z10, Z11)
	SCORES(512, Z12, Z13)
	SCORES(768, Z14, Z15)
	SUBQ $32, R10
	JLE  done
	MOVQ d4+112(FP), CX
	SUBQ blocks+128(FP), CX
	SHLQ $6, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  pair

done:
	VZEROUPPER
	RET

// func qkI4Rows3_vnni(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Rows3_vnni(SB), NOSPLIT, $0-160
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
	VPBROADCASTD qkI4Const<>+4(SB), Z24

pair:
	MOVQ q_base+24(FP), SI
	MOVQ block+120(FP), CX
	LEAQ (SI)(CX*4), SI
	MOVQ start+48(FP), DI
	MOVQ mult_base+80(FP), R12
	MOVQ n+104(FP), R9
	SUBQ R10, R9 // first token of the pair
	ADDQ R9, R12
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	CLEAR(Z8, Z9)
	CLEAR(Z10, Z11)
	CLEAR(Z12, Z13)
	TESTQ CX, CX
	JZ   group
	RESUME(0, Z8, Z9)
	RESUME(256, Z10, Z11)
	RESUME(512, Z12, Z13)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Z0, Z1)
	START(128, Z2, Z3)
	START(256, Z4, Z5)
	VPMOVSXBD (R12), Z22
	VPMOVSXBD 16(R12), Z23
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Z0, Z1)
	DOT((SI)(R11*1), Z2, Z3)
	DOT((SI)(R11*2), Z4, Z5)
	ADDQ $64, BX
	ADDQ $4, SI
	DECQ CX
	JNZ  loop
	GROUP(Z0, Z1, Z8, Z9)
	GROUP(Z2, Z3, Z10, Z11)
	GROUP(Z4, Z5, Z12, Z13)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	SCORES(0, Z8, Z9)
	SCORES(256, Z10, Z11)
	SCORES(512, Z12, Z13)
	SUBQ $32, R10
	JLE  done
	MOVQ d4+112(FP), CX
	SUBQ blocks+128(FP), CX
	SHLQ $6, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  pair

done:
	VZEROUPPER
	RET

// func qkI4Rows2_vnni(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Rows2_vnni(SB), NOSPLIT, $0-160
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
	VPBROADCASTD qkI4Const<>+4(SB), Z24

pair:
	MOVQ q_base+24(FP), SI
	MOVQ block+120(FP), CX
	LEAQ (SI)(CX*4), SI
	MOVQ start+48(FP), DI
	MOVQ mult_base+80(FP), R12
	MOVQ n+104(FP), R9
	SUBQ R10, R9 // first token of the pair
	ADDQ R9, R12
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	CLEAR(Z8, Z9)
	CLEAR(Z10, Z11)
	TESTQ CX, CX
	JZ   group
	RESUME(0, Z8, Z9)
	RESUME(256, Z10, Z11)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Z0, Z1)
	START(128, Z2, Z3)
	VPMOVSXBD (R12), Z22
	VPMOVSXBD 16(R12), Z23
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Z0, Z1)
	DOT((SI)(R11*1), Z2, Z3)
	ADDQ $64, BX
	ADDQ $4, SI
	DECQ CX
	JNZ  loop
	GROUP(Z0, Z1, Z8, Z9)
	GROUP(Z2, Z3, Z10, Z11)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	SCORES(0, Z8, Z9)
	SCORES(256, Z10, Z11)
	SUBQ $32, R10
	JLE  done
	MOVQ d4+112(FP), CX
	SUBQ blocks+128(FP), CX
	SHLQ $6, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  pair

done:
	VZEROUPPER
	RET

// func qkI4Row1_vnni(s []int32, q []int8, start *qkI4Start, k, mult []byte, n, d4, block, blocks int, next []byte)
TEXT ·qkI4Row1_vnni(SB), NOSPLIT, $0-160
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
	VPBROADCASTD qkI4Const<>+4(SB), Z24

pair:
	MOVQ q_base+24(FP), SI
	MOVQ block+120(FP), CX
	LEAQ (SI)(CX*4), SI
	MOVQ start+48(FP), DI
	MOVQ mult_base+80(FP), R12
	MOVQ n+104(FP), R9
	SUBQ R10, R9 // first token of the pair
	ADDQ R9, R12
	LEAQ (R12)(CX*8), R12
	MOVQ blocks+128(FP), R9
	CLEAR(Z8, Z9)
	TESTQ CX, CX
	JZ   group
	RESUME(0, Z8, Z9)

group:
	MOVQ $8, CX
	CMPQ R9, CX
	CMOVQLT R9, CX
	SUBQ CX, R9
	START(0, Z0, Z1)
	VPMOVSXBD (R12), Z22
	VPMOVSXBD 16(R12), Z23
	PCALIGN $32

loop:
	NIBBLES
	DOT((SI), Z0, Z1)
	ADDQ $64, BX
	ADDQ $4, SI
	DECQ CX
	JNZ  loop
	GROUP(Z0, Z1, Z8, Z9)
	ADDQ $4, DI
	ADDQ $64, R12
	TESTQ R9, R9
	JNZ  group
	SCORES(0, Z8, Z9)
	SUBQ $32, R10
	JLE  done
	MOVQ d4+112(FP), CX
	SUBQ blocks+128(FP), CX
	SHLQ $6, CX
	ADDQ CX, BX
	ADDQ $128, R8
	JMP  pair

done:
	VZEROUPPER
	RET
