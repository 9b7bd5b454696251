//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"
#include "bf16_amd64.h"
#define FLOATS(a)
#include "pv_fold_amd64.h"

// pv_pair_fp8_bf16_amd64.s: sums of FP8 values under bfloat16 weights, added to the output
// states.
//
// Obstacle:  VDPBF16PS wants the two tokens of a pair side by side, a tile holds rows. The
//            codes of two rows are interleaved before they are widened, one operation for
//            64 codes more than in qk_pair_fp8_bf16_amd64.s, beside VDPBF16PS too. Sums would be
//            stored only to be loaded again by the kernel that adds them to the state.
// Shape:     6 rows × 4 vectors of 16 channels in accumulators, 64 channels for all rows
//            before the next. Interleaving keeps to 128 bits, so vector i has channels 4i to
//            4i+3 of each 16: 8 operations sort them out at the end.
// Exactness: within the bound of the contract. A sum is one chain of pairs in ascending
//            order; the state is moved by the operations of the twin.
// Reads:     n rows of V, exactly dv bytes each; ⌈n/2⌉ pairs of p; the table. Reads and
//            writes o[i][0:dv].
// Tails:     channels beyond dv are masked: they are neither loaded nor stored; so is the
//            second token of the last pair of an odd n, which is 0 in p.
// Prefetch:  in the passes of the first rows a line of next per line of V, in the order of
//            its addresses; later passes touch V itself.
// Registers: Z0–Z23 sums · Z24–Z26 V · Z25 pair of p · up to 4 rows: Z0–Z15 sums · Z16–Z19
//            widened V · Z20 Z23 V · Z21 Z22 lookups · Z25 Z26 pairs of p · Z27–Z31 see
//            TABLES · K1 channels · K2 those of the second token · K4–K7 of o · DI o · SI p
//            AX pair of p · R11 row bytes of V · R8 rows left · R9 channels left · R12
//            channels done · BX R13 V · R10 fetched line · CX pairs left · DX whether a token
//            alone is left. Behind the pairs, which lose the tables, see pv_fold_amd64.h.

// LOW and HIGH widen channels 0–7 and 8–15 of every 16 of a pair, LOWPART and HIGHPART
// those there are.
#define LOW \
	VMOVDQU32 (R13), Z24;                 \
	VPUNPCKLBW (R13)(R11*1), Z24, Z26;    \
	VMOVDQA64 Z26, Z24;                   \
	VMOVDQA64 Z26, Z25;                   \
	WIDEN(Z26);                           \
	PREFETCHT0 (R10)
#define HIGH \
	VMOVDQU32 (R13), Z24;                 \
	VPUNPCKHBW (R13)(R11*1), Z24, Z26;    \
	VMOVDQA64 Z26, Z24;                   \
	VMOVDQA64 Z26, Z25;                   \
	WIDEN(Z26);                           \
	PREFETCHT0 64(R10)
#define LOWPART \
	VMOVDQU8.Z (R13), K1, Z24;            \
	VMOVDQU8.Z (R13)(R11*1), K2, Z25;     \
	VPUNPCKLBW Z25, Z24, Z26;             \
	VMOVDQA64 Z26, Z24;                   \
	VMOVDQA64 Z26, Z25;                   \
	WIDEN(Z26);                           \
	PREFETCHT0 (R10)
#define HIGHPART \
	VMOVDQU8.Z (R13), K1, Z24;            \
	VMOVDQU8.Z (R13)(R11*1), K2, Z25;     \
	VPUNPCKHBW Z25, Z24, Z26;             \
	VMOVDQA64 Z26, Z24;                   \
	VMOVDQA64 Z26, Z25;                   \
	WIDEN(Z26);                           \
	PREFETCHT0 64(R10)

#define DOT(p, a, b) \
	VPBROADCASTD p, Z25;  \
	VDPBF16PS(24, 25, a); \
	VDPBF16PS(26, 25, b)

// Dots of 1 to 6 rows.
#define FIRST1 DOT((AX), 0, 1)
#define FIRST2 FIRST1; DOT(128(AX), 4, 5)
#define FIRST3 FIRST2; DOT(256(AX), 8, 9)
#define FIRST4 FIRST3; DOT(384(AX), 12, 13)
#define FIRST5 FIRST4; DOT(512(AX), 16, 17)
#define FIRST6 FIRST5; DOT(640(AX), 20, 21)

#define SECOND1 DOT((AX), 2, 3)
#define SECOND2 SECOND1; DOT(128(AX), 6, 7)
#define SECOND3 SECOND2; DOT(256(AX), 10, 11)
#define SECOND4 SECOND3; DOT(384(AX), 14, 15)
#define SECOND5 SECOND4; DOT(512(AX), 18, 19)
#define SECOND6 SECOND5; DOT(640(AX), 22, 23)

#define STEP \
	LEAQ (R13)(R11*2), R13; \
	ADDQ $128, R10;         \
	ADDQ $4, AX;            \
	DECQ CX

// Up to 4 rows leave registers for widening codes among the products of those before. LOWr has
// products of r rows with Z16 and Z17, channels 0–7 of every 16 of a pair, widens Z20, the codes
// of channels 8–15, to Z18 and Z19, and loads Z23, those of channels 0–7 of the next pair. HIGHr
// has products with Z18 and Z19, widens Z23 to Z16 and Z17 and loads Z20. ENDLOWr and ENDHIGHr
// have no next pair. Which operation stands where is worth 5 %.
#define LOW1 \
	VMOVDQA64 Z20, Z21; \
	VPBROADCASTD (AX), Z25; \
	VDPBF16PS(16, 25, 0); \
	VMOVDQA64 Z20, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z23; \
	VPUNPCKLBW (R13)(R11*1), Z23, Z23; \
	VDPBF16PS(17, 25, 1); \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18
#define LOW2 \
	VMOVDQA64 Z20, Z21; \
	VPBROADCASTD (AX), Z25; \
	VPBROADCASTD 128(AX), Z26; \
	VDPBF16PS(16, 25, 0); \
	VDPBF16PS(16, 26, 4); \
	VMOVDQA64 Z20, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z23; \
	VPUNPCKLBW (R13)(R11*1), Z23, Z23; \
	VDPBF16PS(17, 25, 1); \
	VDPBF16PS(17, 26, 5); \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18
#define LOW3 \
	VMOVDQA64 Z20, Z21; \
	VPBROADCASTD (AX), Z25; \
	VPBROADCASTD 128(AX), Z26; \
	VDPBF16PS(16, 25, 0); \
	VDPBF16PS(16, 26, 4); \
	VMOVDQA64 Z20, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z23; \
	VPUNPCKLBW (R13)(R11*1), Z23, Z23; \
	VDPBF16PS(17, 25, 1); \
	VDPBF16PS(17, 26, 5); \
	VPBROADCASTD 256(AX), Z25; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18; \
	VDPBF16PS(16, 25, 8); \
	VDPBF16PS(17, 25, 9)
#define LOW4 \
	VMOVDQA64 Z20, Z21; \
	VPBROADCASTD (AX), Z25; \
	VPBROADCASTD 128(AX), Z26; \
	VDPBF16PS(16, 25, 0); \
	VDPBF16PS(16, 26, 4); \
	VMOVDQA64 Z20, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z23; \
	VPUNPCKLBW (R13)(R11*1), Z23, Z23; \
	VDPBF16PS(17, 25, 1); \
	VDPBF16PS(17, 26, 5); \
	VPBROADCASTD 256(AX), Z25; \
	VPERMI2B Z28, Z27, Z21; \
	VPBROADCASTD 384(AX), Z26; \
	VPTERNLOGD $0xF8, Z20, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z19; \
	VPUNPCKLBW Z22, Z21, Z18; \
	VDPBF16PS(16, 25, 8); \
	VDPBF16PS(16, 26, 12); \
	VDPBF16PS(17, 25, 9); \
	VDPBF16PS(17, 26, 13)
#define HIGH1 \
	VMOVDQA64 Z23, Z21; \
	VPBROADCASTD (AX), Z25; \
	VDPBF16PS(18, 25, 2); \
	VMOVDQA64 Z23, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z20; \
	VPUNPCKHBW (R13)(R11*1), Z20, Z20; \
	VDPBF16PS(19, 25, 3); \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16
#define HIGH2 \
	VMOVDQA64 Z23, Z21; \
	VPBROADCASTD (AX), Z25; \
	VPBROADCASTD 128(AX), Z26; \
	VDPBF16PS(18, 25, 2); \
	VDPBF16PS(18, 26, 6); \
	VMOVDQA64 Z23, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z20; \
	VPUNPCKHBW (R13)(R11*1), Z20, Z20; \
	VDPBF16PS(19, 25, 3); \
	VDPBF16PS(19, 26, 7); \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16
#define HIGH3 \
	VMOVDQA64 Z23, Z21; \
	VPBROADCASTD (AX), Z25; \
	VPBROADCASTD 128(AX), Z26; \
	VDPBF16PS(18, 25, 2); \
	VDPBF16PS(18, 26, 6); \
	VMOVDQA64 Z23, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z20; \
	VPUNPCKHBW (R13)(R11*1), Z20, Z20; \
	VDPBF16PS(19, 25, 3); \
	VDPBF16PS(19, 26, 7); \
	VPBROADCASTD 256(AX), Z25; \
	VPERMI2B Z28, Z27, Z21; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16; \
	VDPBF16PS(18, 25, 10); \
	VDPBF16PS(19, 25, 11)
#define HIGH4 \
	VMOVDQA64 Z23, Z21; \
	VPBROADCASTD (AX), Z25; \
	VPBROADCASTD 128(AX), Z26; \
	VDPBF16PS(18, 25, 2); \
	VDPBF16PS(18, 26, 6); \
	VMOVDQA64 Z23, Z22; \
	VPERMI2B Z30, Z29, Z22; \
	VMOVDQU32 (R13), Z20; \
	VPUNPCKHBW (R13)(R11*1), Z20, Z20; \
	VDPBF16PS(19, 25, 3); \
	VDPBF16PS(19, 26, 7); \
	VPBROADCASTD 256(AX), Z25; \
	VPERMI2B Z28, Z27, Z21; \
	VPBROADCASTD 384(AX), Z26; \
	VPTERNLOGD $0xF8, Z23, Z31, Z22; \
	VPUNPCKHBW Z22, Z21, Z17; \
	VPUNPCKLBW Z22, Z21, Z16; \
	VDPBF16PS(18, 25, 10); \
	VDPBF16PS(18, 26, 14); \
	VDPBF16PS(19, 25, 11); \
	VDPBF16PS(19, 26, 15)

// START widens channels 0–7 of the first pair and loads 8–15, where the last pair of the
// channels before did not, see NEXT.
#define START(start, begun) \
	CMPQ m+128(FP), $4;                 \
	JGT  start;                         \
	TESTQ R12, R12;                     \
	JNE  begun;                         \
start:                                      \
	VMOVDQU32 (R13), Z20;               \
	VPUNPCKLBW (R13)(R11*1), Z20, Z23;  \
	VPUNPCKHBW (R13)(R11*1), Z20, Z20;  \
	VMOVDQA64 Z23, Z21;                 \
	VMOVDQA64 Z23, Z22;                 \
	VPERMI2B Z30, Z29, Z22;             \
	VPERMI2B Z28, Z27, Z21;             \
	VPTERNLOGD $0xF8, Z23, Z31, Z22;    \
	VPUNPCKHBW Z22, Z21, Z17;           \
	VPUNPCKLBW Z22, Z21, Z16;           \
begun:

// NEXT moves to the first pair of the next 64 channels, or of these.
#define NEXT \
	MOVQ BX, R13;       \
	LEAQ 64(BX), CX;    \
	CMPQ R9, $128;      \
	CMOVQGE CX, R13
#define LINES \
	PREFETCHT0 (R10);   \
	PREFETCHT0 64(R10); \
	ADDQ $128, R10

// SORT puts 64 channels in order.
#define SORT(a, b, c, d) \
	VSHUFI32X4 $0x44, b, a, Z24;   \
	VSHUFI32X4 $0xEE, b, a, Z25;   \
	VSHUFI32X4 $0x44, d, c, Z26;   \
	VSHUFI32X4 $0xEE, d, c, d;     \
	VSHUFI32X4 $0x88, Z26, Z24, a; \
	VSHUFI32X4 $0xDD, Z26, Z24, b; \
	VSHUFI32X4 $0x88, d, Z25, c;   \
	VSHUFI32X4 $0xDD, d, Z25, d

// WHOLE and PART join 64 channels of row i, or those there are.
#define WHOLE(i, o, a, b, c, d) \
	SORT(a, b, c, d); \
	ROW4(i, o, a, b, c, d)
#define WHOLEC(i, o, a, b, c, d) \
	SORT(a, b, c, d); \
	ROW4C(i, o, a, b, c, d)
#define PART(i, o, a, b, c, d) \
	SORT(a, b, c, d);     \
	FACTORS(i);           \
	JOINK(o, a, K4);      \
	JOINK(64 o, b, K5);   \
	JOINK(128 o, c, K6);  \
	JOINK(192 o, d, K7)
#define PARTC(i, o, a, b, c, d) \
	SORT(a, b, c, d);               \
	FACTORSC(i);                    \
	JOINCK(o, (AX), a, K4);         \
	JOINCK(64 o, 64(AX), b, K5);    \
	JOINCK(128 o, 128(AX), c, K6);  \
	JOINCK(192 o, 192(AX), d, K7)

// func pvPairFP8_bf16(o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, m, n, dv int, next []byte)
TEXT ·pvPairFP8_bf16(SB), NOSPLIT, $16-176
	MOVQ dv+144(FP), R9
	MOVQ R9, R11
	XORL R12, R12
	MOVQ next_base+152(FP), R10
	MOVQ n+136(FP), CX
	IMULQ R11, CX
	HEAD(next_len+160(FP), head, headDone)
	MOVQ R10, next-16(SP)

set:
	MOVQ o_base+0(FP), DI
	LEAQ (DI)(R12*4), DI
	MOVQ p_base+24(FP), SI
	MOVQ v_base+48(FP), BX
	ADDQ R12, BX
	MOVQ m+128(FP), R8
	MOVQ next-16(SP), R10
	XORL CX, CX
	MOVQ $64, AX
	SUBQ R9, AX
	CMOVQGT AX, CX
	MOVQ $-1, AX
	SHRQ CX, AX
	KMOVQ AX, K1
	KMOVW K1, K4
	KSHIFTRQ $16, K1, K5
	KSHIFTRQ $32, K1, K6
	KSHIFTRQ $48, K1, K7

block:
	TABLES(table+72(FP))
	STRIP
	MOVQ AX, rows-8(SP)
	ZERO4
	CMPQ AX, $4
	JLE  few
	ZERO56

few:
	KMOVQ K1, K2
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+136(FP), CX
	MOVQ CX, DX
	ANDQ $1, DX
	SHRQ $1, CX
	JEQ  odd
	CMPQ R9, $64
	JLT  parts
	JUMP(rows-8(SP), rows1, rows2, rows3, rows4, rows5, rows6)

parts:
	JUMP(rows-8(SP), part1, part2, part3, part4, part5, part6)
	PCALIGN $32

rows6:
	LOW
	FIRST6
	HIGH
	SECOND6
	STEP
	JNZ  rows6
	JMP  odd
	PCALIGN $32

rows5:
	LOW
	FIRST5
	HIGH
	SECOND5
	STEP
	JNZ  rows5
	JMP  odd
	PCALIGN $32

rows4:
	START(start4, begun4)
	DECQ CX
	JEQ  last4
	PCALIGN $32

loop4:
	LEAQ (R13)(R11*2), R13
	LOW4
	LINES
	HIGH4
	ADDQ $4, AX
	DECQ CX
	JNZ  loop4

last4:
	NEXT
	LOW4
	LINES
	HIGH4
	ADDQ $4, AX
	JMP  odd
	PCALIGN $32

rows3:
	START(start3, begun3)
	DECQ CX
	JEQ  last3
	PCALIGN $32

loop3:
	LEAQ (R13)(R11*2), R13
	LOW3
	LINES
	HIGH3
	ADDQ $4, AX
	DECQ CX
	JNZ  loop3

last3:
	NEXT
	LOW3
	LINES
	HIGH3
	ADDQ $4, AX
	JMP  odd
	PCALIGN $32

rows2:
	START(start2, begun2)
	DECQ CX
	JEQ  last2
	PCALIGN $32

loop2:
	LEAQ (R13)(R11*2), R13
	LOW2
	LINES
	HIGH2
	ADDQ $4, AX
	DECQ CX
	JNZ  loop2

last2:
	NEXT
	LOW2
	LINES
	HIGH2
	ADDQ $4, AX
	JMP  odd
	PCALIGN $32

rows1:
	START(start1, begun1)
	DECQ CX
	JEQ  last1
	PCALIGN $32

loop1:
	LEAQ (R13)(R11*2), R13
	LOW1
	LINES
	HIGH1
	ADDQ $4, AX
	DECQ CX
	JNZ  loop1

last1:
	NEXT
	LOW1
	LINES
	HIGH1
	ADDQ $4, AX
	JMP  odd
	PCALIGN $32

part6:
	LOWPART
	FIRST6
	HIGHPART
	SECOND6
	STEP
	JNZ  part6
	JMP  odd
	PCALIGN $32

part5:
	LOWPART
	FIRST5
	HIGHPART
	SECOND5
	STEP
	JNZ  part5
	JMP  odd
	PCALIGN $32

part4:
	LOWPART
	FIRST4
	HIGHPART
	SECOND4
	STEP
	JNZ  part4
	JMP  odd
	PCALIGN $32

part3:
	LOWPART
	FIRST3
	HIGHPART
	SECOND3
	STEP
	JNZ  part3
	JMP  odd
	PCALIGN $32

part2:
	LOWPART
	FIRST2
	HIGHPART
	SECOND2
	STEP
	JNZ  part2
	JMP  odd
	PCALIGN $32

part1:
	LOWPART
	FIRST1
	HIGHPART
	SECOND1
	STEP
	JNZ  part1

odd:
	TESTQ DX, DX
	JEQ  summed
	MOVQ n+136(FP), R13
	DECQ R13
	IMULQ R11, R13
	ADDQ BX, R13
	XORL DX, DX
	MOVQ $1, CX
	KXORQ K2, K2, K2
	JUMP(rows-8(SP), part1, part2, part3, part4, part5, part6)

summed:
	LEAQ (R11)(R11*2), DX
	LEAQ (DI)(DX*4), DX
	MOVQ m+128(FP), CX
	SUBQ R8, CX
	LEAQ (CX)(CX*2), CX
	SHLQ $2, CX
	ADDQ f_base+104(FP), CX
	MOVQ mu_base+80(FP), AX
	TESTQ AX, AX
	JNE  centre
	CMPQ R9, $64
	JLT  plainPart
	JOINROWS(WHOLE, rows-8(SP), (DI)(R11*4), (DI)(R11*8), (DX)(R11*4), (DX)(R11*8), joined)
	JMP  joined

plainPart:
	JOINROWS(PART, rows-8(SP), (DI)(R11*4), (DI)(R11*8), (DX)(R11*4), (DX)(R11*8), joined)
	JMP  joined

centre:
	LEAQ (AX)(R12*4), AX
	CMPQ R9, $64
	JLT  centrePart
	JOINROWS(WHOLEC, rows-8(SP), (DI)(R11*4), (DI)(R11*8), (DX)(R11*4), (DX)(R11*8), joined)
	JMP  joined

centrePart:
	JOINROWS(PARTC, rows-8(SP), (DI)(R11*4), (DI)(R11*8), (DX)(R11*4), (DX)(R11*8), joined)

joined:
	CMPQ SI, p_base+24(FP)
	JNE  touched
	MOVQ R10, next-16(SP)

touched:
	MOVQ BX, R10 // nothing more to prefetch
	MOVQ rows-8(SP), CX
	SUBQ CX, R8
	LEAQ (R11*4), AX
	IMULQ CX, AX
	ADDQ AX, DI
	SHLQ $7, CX
	ADDQ CX, SI
	TESTQ R8, R8
	JNE  block
	ADDQ $64, R12
	SUBQ $64, R9
	JGT  set
	VZEROUPPER
	RET
