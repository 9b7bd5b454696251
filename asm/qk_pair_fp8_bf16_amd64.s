//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"
#include "bf16_amd64.h"

// qk_pair_fp8_bf16_amd64.s: logits of bfloat16 queries against FP8 keys.
//
// Obstacle:  a code is widened by two lookups in tables of 128 bytes, for the high and the
//            low byte, and an operation for its sign: 5 operations for 64 codes in all.
//            They run beside VDPBF16PS, of which 4 rows have 8 to wait for, so nothing is
//            kept in memory and any number of rows reads the tile as it is stored.
// Shape:     6 rows × 2 groups of 16 tokens × 2 accumulators. A line of K holds 4 channels
//            of 16 tokens; widened, in each 128 bits of one vector the pairs of 2 tokens,
//            of another those of the next 2. 4 channels of q spread to 64 bits meet both,
//            and a score is the sum of neighbours, sorted out once at the end.
// Exactness: within the bound of the contract. A score is the sum of two chains of pairs,
//            even and odd ones in ascending order; the logit is made of it by the
//            operations of the twin.
// Reads:     ⌈n/16⌉ groups of K, m whole rows of q, 16·⌈n/16⌉ scales, the table, m
//            factors and offsets. Writes y[i][0:16·⌈n/16⌉].
// Groups:    two at a time; where one is missing the other is computed and stored twice.
// Prefetch:  in the passes of the first rows a line of next per line of K, in the order of
//            its addresses; later passes touch K itself.
// Registers: Z0–Z23 sums · Z24–Z26 K · Z25 q · up to 4 rows: Z0–Z15 sums · Z16–Z19 widened
//            K · Z20 Z23 K · Z21 Z22 lookups · Z27–Z31 see TABLES · DI y · SI q · R11 q
//            stride · R8 rows left · AX CX q of a step, its first and its fourth row · BX k
//            R13 distance to the second group · R12 that of its scores · R9 offset of the
//            groups' scores · R10 fetched line · DX steps left. Behind the steps: Z26 factor
//            Z25 offset · BX scales · DX factors · CX offsets of the block's rows

#define FIRST \
	VMOVDQU32 (BX), Z24; \
	VMOVDQA64 Z24, Z25;  \
	WIDEN((BX));         \
	PREFETCHT0 (R10)
#define SECOND \
	VMOVDQU32 (BX)(R13*1), Z24; \
	VMOVDQA64 Z24, Z25;         \
	WIDEN((BX)(R13*1));         \
	PREFETCHT0 64(R10)

#define QUAD(q, a, b) \
	VPBROADCASTQ q, Z25;  \
	VDPBF16PS(24, 25, a); \
	VDPBF16PS(26, 25, b)

#define FIRST1 FIRST;  QUAD((AX), 0, 1)
#define FIRST2 FIRST1; QUAD((AX)(R11*1), 4, 5)
#define FIRST3 FIRST2; QUAD((AX)(R11*2), 8, 9)
#define FIRST4 FIRST3; QUAD((CX), 12, 13)
#define FIRST5 FIRST4; QUAD((CX)(R11*1), 16, 17)
#define FIRST6 FIRST5; QUAD((CX)(R11*2), 20, 21)

#define SECOND1 SECOND;  QUAD((AX), 2, 3)
#define SECOND2 SECOND1; QUAD((AX)(R11*1), 6, 7)
#define SECOND3 SECOND2; QUAD((AX)(R11*2), 10, 11)
#define SECOND4 SECOND3; QUAD((CX), 14, 15)
#define SECOND5 SECOND4; QUAD((CX)(R11*1), 18, 19)
#define SECOND6 SECOND5; QUAD((CX)(R11*2), 22, 23)

// Up to 4 rows leave registers for widening codes among the products of those before. ONEr has
// products of r rows with Z16 and Z17, the first group, widens Z20, the codes of the second, to
// Z18 and Z19, and loads Z23, those of the first at the next step. TWOr has products with Z18
// and Z19, widens Z23 to Z16 and Z17 and loads Z20. Which operation stands where is worth 9 %:
// lookups wait for one of the two pipes of VDPBF16PS.
#define ONE1 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z20, Z21; \
	VDPBF16PS(16, 25, 0); \
	VMOVDQA64 Z20, Z22; \
	VDPBF16PS(17, 25, 1); \
	VMOVDQU32 (BX), Z23; \
	VPERMI2B Z30, Z29, Z22; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18
#define ONE2 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z20, Z21; \
	VDPBF16PS(16, 25, 0); \
	VMOVDQA64 Z20, Z22; \
	VDPBF16PS(17, 25, 1); \
	VPBROADCASTQ (AX)(R11*1), Z25; \
	VDPBF16PS(16, 25, 4); \
	VDPBF16PS(17, 25, 5); \
	VMOVDQU32 (BX), Z23; \
	VPERMI2B Z30, Z29, Z22; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18
#define ONE3 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z20, Z21; \
	VDPBF16PS(16, 25, 0); \
	VMOVDQA64 Z20, Z22; \
	VDPBF16PS(17, 25, 1); \
	VPBROADCASTQ (AX)(R11*1), Z25; \
	VDPBF16PS(16, 25, 4); \
	VDPBF16PS(17, 25, 5); \
	VPBROADCASTQ (AX)(R11*2), Z25; \
	VMOVDQU32 (BX), Z23; \
	VDPBF16PS(16, 25, 8); \
	VDPBF16PS(17, 25, 9); \
	VPERMI2B Z30, Z29, Z22; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18
#define ONE4 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z20, Z21; \
	VDPBF16PS(16, 25, 0); \
	VMOVDQA64 Z20, Z22; \
	VDPBF16PS(17, 25, 1); \
	VPBROADCASTQ (AX)(R11*1), Z25; \
	VDPBF16PS(16, 25, 4); \
	VDPBF16PS(17, 25, 5); \
	VPBROADCASTQ (AX)(R11*2), Z25; \
	VMOVDQU32 (BX), Z23; \
	VDPBF16PS(16, 25, 8); \
	VDPBF16PS(17, 25, 9); \
	VPERMI2B Z30, Z29, Z22; \
	VPBROADCASTQ (CX), Z25; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VDPBF16PS(16, 25, 12); \
	VPUNPCKHBW Z22, Z21, Z19; \
	VDPBF16PS(17, 25, 13); \
	VPUNPCKLBW Z22, Z21, Z18
#define TWO1 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z23, Z21; \
	VDPBF16PS(18, 25, 2); \
	VMOVDQA64 Z23, Z22; \
	VDPBF16PS(19, 25, 3); \
	VMOVDQU32 (BX)(R13*1), Z20; \
	VPERMI2B Z30, Z29, Z22; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16
#define TWO2 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z23, Z21; \
	VDPBF16PS(18, 25, 2); \
	VMOVDQA64 Z23, Z22; \
	VDPBF16PS(19, 25, 3); \
	VPBROADCASTQ (AX)(R11*1), Z25; \
	VDPBF16PS(18, 25, 6); \
	VDPBF16PS(19, 25, 7); \
	VMOVDQU32 (BX)(R13*1), Z20; \
	VPERMI2B Z30, Z29, Z22; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16
#define TWO3 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z23, Z21; \
	VDPBF16PS(18, 25, 2); \
	VMOVDQA64 Z23, Z22; \
	VDPBF16PS(19, 25, 3); \
	VPBROADCASTQ (AX)(R11*1), Z25; \
	VDPBF16PS(18, 25, 6); \
	VDPBF16PS(19, 25, 7); \
	VPBROADCASTQ (AX)(R11*2), Z25; \
	VMOVDQU32 (BX)(R13*1), Z20; \
	VDPBF16PS(18, 25, 10); \
	VDPBF16PS(19, 25, 11); \
	VPERMI2B Z30, Z29, Z22; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16
#define TWO4 \
	VPBROADCASTQ (AX), Z25; \
	VMOVDQA64 Z23, Z21; \
	VDPBF16PS(18, 25, 2); \
	VMOVDQA64 Z23, Z22; \
	VDPBF16PS(19, 25, 3); \
	VPBROADCASTQ (AX)(R11*1), Z25; \
	VDPBF16PS(18, 25, 6); \
	VDPBF16PS(19, 25, 7); \
	VPBROADCASTQ (AX)(R11*2), Z25; \
	VMOVDQU32 (BX)(R13*1), Z20; \
	VDPBF16PS(18, 25, 10); \
	VDPBF16PS(19, 25, 11); \
	VPERMI2B Z30, Z29, Z22; \
	VPBROADCASTQ (CX), Z25; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VDPBF16PS(18, 25, 14); \
	VPUNPCKHBW Z22, Z21, Z17; \
	VDPBF16PS(19, 25, 15); \
	VPUNPCKLBW Z22, Z21, Z16

// START widens the first codes.
#define START \
	VMOVDQU32 (BX), Z23;                 \
	VMOVDQA64 Z23, Z21;                  \
	VMOVDQA64 Z23, Z22;                  \
	VPERMI2B Z30, Z29, Z22;              \
	VPERMI2B Z28, Z27, Z21;              \
	VPTERNLOGD $0xF8, Z23, Z31, Z22;     \
	VPUNPCKHBW Z22, Z21, Z17;            \
	VPUNPCKLBW Z22, Z21, Z16
// NEXT moves to the codes of the next pass, or to any, for what comes behind the last step. It clobbers DX.
#define NEXT \
	MOVQ group-16(SP), DX; \
	ADDQ DX, DX;           \
	ADDQ k-32(SP), DX;     \
	MOVQ k_base+48(FP), BX; \
	LEAQ 128(R9), R13;     \
	SHRQ $2, R13;          \
	CMPQ R13, n+160(FP);   \
	CMOVQLT DX, BX;        \
	XORL R13, R13
#define LINES \
	PREFETCHT0 (R10);   \
	PREFETCHT0 64(R10); \
	ADDQ $128, R10

#define STEP \
	ADDQ $64, BX;   \
	ADDQ $128, R10; \
	ADDQ $8, AX;    \
	ADDQ $8, CX;    \
	DECQ DX

// SUM leaves the scores of 16 tokens in a, times the scales in scale.
#define SUM(a, b, scale) \
	VSHUFPS $0x88, b, a, Z24; \
	VSHUFPS $0xDD, b, a, Z25; \
	VADDPS  Z25, Z24, Z24;    \
	VMULPS  scale, Z24, a

// LOGITS makes and stores those of row i in both groups, at off(AX); BX has the scales.
#define LOGITS(i, off, a, b, c, d) \
	SUM(a, b, (BX));             \
	SUM(c, d, (BX)(R12*1));      \
	VBROADCASTSS (4*i)(DX), Z26; \
	VBROADCASTSS (4*i)(CX), Z25; \
	VMULPS  Z26, a, a;           \
	VMULPS  Z26, c, c;           \
	VADDPS  Z25, a, a;           \
	VADDPS  Z25, c, c;           \
	VMOVUPS a, off(AX);          \
	VMOVUPS c, off(AX)(R12*1)

// func qkPairFP8_bf16(y []float32, q []uint16, k []byte, scale []float32, table *FP8Table, a, b []float32, m, n, d int, next []byte)
TEXT ·qkPairFP8_bf16(SB), NOSPLIT, $32-200
	TABLES(table+96(FP))
	MOVQ y_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+152(FP), R8
	MOVQ d+168(FP), R11
	ADDQ $3, R11
	SHRQ $2, R11
	MOVQ R11, steps-8(SP)
	SHLQ $3, R11
	MOVQ next_base+176(FP), R10
	LEAQ (R11*8), DX
	MOVQ DX, group-16(SP) // bytes
	LEAQ (DX*4), CX
	HEAD(next_len+184(FP), head, headDone)

block:
	STRIP
	MOVQ AX, rows-24(SP)
	XORL R9, R9
	MOVQ k_base+48(FP), BX
	MOVQ BX, k-32(SP)

pass:
	ZERO4
	MOVQ k-32(SP), BX
	XORL R13, R13
	XORL R12, R12
	LEAQ 64(R9), AX
	SHRQ $2, AX
	CMPQ AX, n+160(FP)
	JGE  single
	MOVQ group-16(SP), R13
	MOVQ $64, R12

single:
	LEAQ (SI)(R11*2), CX
	ADDQ R11, CX
	MOVQ SI, AX
	MOVQ steps-8(SP), DX
	CMPQ rows-24(SP), $4
	JLE  few
	ZERO56

few:
	JUMP(rows-24(SP), rows1, rows2, rows3, rows4, rows5, rows6)
	PCALIGN $32

rows6:
	FIRST6
	SECOND6
	STEP
	JNZ  rows6
	JMP  summed
	PCALIGN $32

rows5:
	FIRST5
	SECOND5
	STEP
	JNZ  rows5
	JMP  summed
	PCALIGN $32

rows4:
	TESTQ R9, R9
	JNE  pass4
	START

pass4:
	VMOVDQU32 (BX)(R13*1), Z20
	DECQ DX
	JEQ  last4
	PCALIGN $32

loop4:
	ADDQ $64, BX
	ONE4
	LINES
	TWO4
	ADDQ $8, AX
	ADDQ $8, CX
	DECQ DX
	JNZ  loop4

last4:
	NEXT
	ONE4
	LINES
	TWO4
	JMP  summed
	PCALIGN $32

rows3:
	TESTQ R9, R9
	JNE  pass3
	START

pass3:
	VMOVDQU32 (BX)(R13*1), Z20
	DECQ DX
	JEQ  last3
	PCALIGN $32

loop3:
	ADDQ $64, BX
	ONE3
	LINES
	TWO3
	ADDQ $8, AX
	ADDQ $8, CX
	DECQ DX
	JNZ  loop3

last3:
	NEXT
	ONE3
	LINES
	TWO3
	JMP  summed
	PCALIGN $32

rows2:
	TESTQ R9, R9
	JNE  pass2
	START

pass2:
	VMOVDQU32 (BX)(R13*1), Z20
	DECQ DX
	JEQ  last2
	PCALIGN $32

loop2:
	ADDQ $64, BX
	ONE2
	LINES
	TWO2
	ADDQ $8, AX
	ADDQ $8, CX
	DECQ DX
	JNZ  loop2

last2:
	NEXT
	ONE2
	LINES
	TWO2
	JMP  summed
	PCALIGN $32

rows1:
	TESTQ R9, R9
	JNE  pass1
	START

pass1:
	VMOVDQU32 (BX)(R13*1), Z20
	DECQ DX
	JEQ  last1
	PCALIGN $32

loop1:
	ADDQ $64, BX
	ONE1
	LINES
	TWO1
	ADDQ $8, AX
	ADDQ $8, CX
	DECQ DX
	JNZ  loop1

last1:
	NEXT
	ONE1
	LINES
	TWO1

summed:
	LEAQ (DI)(R9*1), AX
	MOVQ scale_base+72(FP), BX
	ADDQ R9, BX
	MOVQ m+152(FP), DX
	SUBQ R8, DX
	SHLQ $2, DX
	MOVQ b_base+128(FP), CX
	ADDQ DX, CX
	ADDQ a_base+104(FP), DX
	JUMP(rows-24(SP), store1, store2, store3, store4, store5, store6)

store6:
	LOGITS(5, 1280, Z20, Z21, Z22, Z23)

store5:
	LOGITS(4, 1024, Z16, Z17, Z18, Z19)

store4:
	LOGITS(3, 768, Z12, Z13, Z14, Z15)

store3:
	LOGITS(2, 512, Z8, Z9, Z10, Z11)

store2:
	LOGITS(1, 256, Z4, Z5, Z6, Z7)

store1:
	LOGITS(0, 0, Z0, Z1, Z2, Z3)
	MOVQ group-16(SP), AX
	ADDQ AX, AX
	ADDQ AX, k-32(SP)
	ADDQ $128, R9
	MOVQ R9, AX
	SHRQ $2, AX
	CMPQ AX, n+160(FP)
	JLT  pass
	MOVQ rows-24(SP), AX
	SUBQ AX, R8
	MOVQ AX, CX
	IMULQ R11, CX
	ADDQ CX, SI
	SHLQ $8, AX
	ADDQ AX, DI
	MOVQ k_base+48(FP), R10 // nothing more to prefetch
	TESTQ R8, R8
	JNE  block
	VZEROUPPER
	RET
