//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"
#include "bf16_amd64.h"
#define FLOATS(a)
#include "pv_fold_amd64.h"

// pv_pair_bf16_bf16_amd64.s: sums of bfloat16 values under bfloat16 weights, added to the
// output states.
//
// Obstacle:  the latency of VDPBF16PS; a line of V is what it multiplies. Sums would be stored
//            only to be loaded again by the kernel that adds them to the state.
// Shape:     6 rows × 4 vectors of 16 channels in accumulators, 64 channels for all rows
//            before the next.
// Exactness: within the bound of the contract. A sum is one chain of pairs in ascending
//            order; the state is moved by the operations of the twin.
// Reads:     ⌈n/2⌉ pairs of V, exactly dv dwords each, and of p. Reads and writes o[i][0:dv].
// Tails:     the last channels go by masked pairs of vectors; of the last pair of an odd n
//            the second token is cleared in V, and it is 0 in p.
// Prefetch:  in the passes of the first rows 4 lines of next a pair, or 2, in the order of
//            its addresses; later passes touch V itself.
// Registers: Z0–Z23 sums · Z24–Z27 V · Z28 pair of p · Z31 low halves · K1 K2 channels
//            DI o · SI p · AX pair of p · R11 row bytes of o, pair bytes of V · R8 rows left
//            R9 channels left · R12 bytes of channels done · BX R13 V · R10 fetched line
//            CX pairs left · DX whether a token alone is left. Behind the pairs, see
//            pv_fold_amd64.h.

#define LINES \
	VMOVDQU32 (R13), Z24;     \
	VMOVDQU32 64(R13), Z25;   \
	VMOVDQU32 128(R13), Z26;  \
	VMOVDQU32 192(R13), Z27;  \
	PREFETCHT0 (R10);         \
	PREFETCHT0 64(R10);       \
	PREFETCHT0 128(R10);      \
	PREFETCHT0 192(R10);      \
	ADDQ $256, R10
#define LINES2 \
	VMOVDQU32.Z (R13), K1, Z24;    \
	VMOVDQU32.Z 64(R13), K2, Z25;  \
	PREFETCHT0 (R10);              \
	PREFETCHT0 64(R10);            \
	ADDQ $128, R10

// LAST and LAST2 load the first token of a pair.
#define LAST \
	VPANDD (R13), Z31, Z24;     \
	VPANDD 64(R13), Z31, Z25;   \
	VPANDD 128(R13), Z31, Z26;  \
	VPANDD 192(R13), Z31, Z27
#define LAST2 \
	VPANDD.Z (R13), Z31, K1, Z24;    \
	VPANDD.Z 64(R13), Z31, K2, Z25

#define ROWS1        PAIR4((AX), 0, 1, 2, 3)
#define ROWS2 ROWS1; PAIR4(128(AX), 4, 5, 6, 7)
#define ROWS3 ROWS2; PAIR4(256(AX), 8, 9, 10, 11)
#define ROWS4 ROWS3; PAIR4(384(AX), 12, 13, 14, 15)
#define ROWS5 ROWS4; PAIR4(512(AX), 16, 17, 18, 19)
#define ROWS6 ROWS5; PAIR4(640(AX), 20, 21, 22, 23)

#define HALF1        PAIR2((AX), 0, 1)
#define HALF2 HALF1; PAIR2(128(AX), 4, 5)
#define HALF3 HALF2; PAIR2(256(AX), 8, 9)
#define HALF4 HALF3; PAIR2(384(AX), 12, 13)
#define HALF5 HALF4; PAIR2(512(AX), 16, 17)
#define HALF6 HALF5; PAIR2(640(AX), 20, 21)

// Joining halves of rows.
#define JOIN2(i, o, a, b, c, d) ROW2(i, o, a, b)
#define JOIN2C(i, o, a, b, c, d) ROW2C(i, o, a, b)

#define STEP \
	ADDQ R11, R13; \
	ADDQ $4, AX;   \
	DECQ CX

// func pvPairBF16_bf16(o []float32, p []uint16, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte)
TEXT ·pvPairBF16_bf16(SB), NOSPLIT, $24-168
	VPTERNLOGD $0xFF, Z31, Z31, Z31
	VPSRLD $16, Z31, Z31
	MOVQ dv+136(FP), R9
	LEAQ (R9*4), R11
	XORL R12, R12
	MOVQ next_base+144(FP), R10
	MOVQ n+128(FP), CX
	INCQ CX
	SHRQ $1, CX
	IMULQ R11, CX
	HEAD(next_len+152(FP), head, headDone)
	MOVQ R10, next-16(SP)

set:
	MOVQ o_base+0(FP), DI
	ADDQ R12, DI
	MOVQ p_base+24(FP), SI
	MOVQ v_base+48(FP), BX
	ADDQ R12, BX
	MOVQ m+120(FP), R8
	MOVQ next-16(SP), R10
	MOVQ $64, AX // channels of the set
	CMPQ R9, AX
	JGE  sized
	HALF
	MOVQ $32, AX

sized:
	MOVQ AX, width-24(SP)

block:
	STRIP
	MOVQ AX, rows-8(SP)
	ZERO
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+128(FP), CX
	MOVQ CX, DX
	ANDQ $1, DX
	SHRQ $1, CX
	JEQ  odd
	CMPQ width-24(SP), $64
	JNE  halves
	JUMP(rows-8(SP), rows1, rows2, rows3, rows4, rows5, rows6)

halves:
	JUMP(rows-8(SP), half1, half2, half3, half4, half5, half6)
	PCALIGN $32

rows6:
	LINES

rows6dot:
	ROWS6
	STEP
	JNZ  rows6
	JMP  odd
	PCALIGN $32

rows5:
	LINES

rows5dot:
	ROWS5
	STEP
	JNZ  rows5
	JMP  odd
	PCALIGN $32

rows4:
	LINES

rows4dot:
	ROWS4
	STEP
	JNZ  rows4
	JMP  odd
	PCALIGN $32

rows3:
	LINES

rows3dot:
	ROWS3
	STEP
	JNZ  rows3
	JMP  odd
	PCALIGN $32

rows2:
	LINES

rows2dot:
	ROWS2
	STEP
	JNZ  rows2
	JMP  odd
	PCALIGN $32

rows1:
	LINES

rows1dot:
	ROWS1
	STEP
	JNZ  rows1
	JMP  odd
	PCALIGN $32

half6:
	LINES2

half6dot:
	HALF6
	STEP
	JNZ  half6
	JMP  odd
	PCALIGN $32

half5:
	LINES2

half5dot:
	HALF5
	STEP
	JNZ  half5
	JMP  odd
	PCALIGN $32

half4:
	LINES2

half4dot:
	HALF4
	STEP
	JNZ  half4
	JMP  odd
	PCALIGN $32

half3:
	LINES2

half3dot:
	HALF3
	STEP
	JNZ  half3
	JMP  odd
	PCALIGN $32

half2:
	LINES2

half2dot:
	HALF2
	STEP
	JNZ  half2
	JMP  odd
	PCALIGN $32

half1:
	LINES2

half1dot:
	HALF1
	STEP
	JNZ  half1

odd:
	TESTQ DX, DX
	JEQ  summed
	XORL DX, DX
	MOVQ $1, CX
	CMPQ width-24(SP), $64
	JNE  oddHalf
	LAST
	JUMP(rows-8(SP), rows1dot, rows2dot, rows3dot, rows4dot, rows5dot, rows6dot)

oddHalf:
	LAST2
	JUMP(rows-8(SP), half1dot, half2dot, half3dot, half4dot, half5dot, half6dot)

summed:
	LEAQ (DI)(R11*2), DX
	ADDQ R11, DX
	MOVQ m+120(FP), CX
	SUBQ R8, CX
	LEAQ (CX)(CX*2), CX
	SHLQ $2, CX
	ADDQ f_base+96(FP), CX
	MOVQ mu_base+72(FP), AX
	TESTQ AX, AX
	JNE  centre
	CMPQ width-24(SP), $64
	JNE  plainHalf
	JOINROWS(ROW4, rows-8(SP), (DI)(R11*1), (DI)(R11*2), (DX)(R11*1), (DX)(R11*2), joined)
	JMP  joined

plainHalf:
	JOINROWS(JOIN2, rows-8(SP), (DI)(R11*1), (DI)(R11*2), (DX)(R11*1), (DX)(R11*2), joined)
	JMP  joined

centre:
	ADDQ R12, AX
	CMPQ width-24(SP), $64
	JNE  centreHalf
	JOINROWS(ROW4C, rows-8(SP), (DI)(R11*1), (DI)(R11*2), (DX)(R11*1), (DX)(R11*2), joined)
	JMP  joined

centreHalf:
	JOINROWS(JOIN2C, rows-8(SP), (DI)(R11*1), (DI)(R11*2), (DX)(R11*1), (DX)(R11*2), joined)

joined:
	CMPQ SI, p_base+24(FP)
	JNE  touched
	MOVQ R10, next-16(SP)

touched:
	MOVQ BX, R10 // nothing more to prefetch
	MOVQ rows-8(SP), AX
	SUBQ AX, R8
	MOVQ AX, CX
	IMULQ R11, CX
	ADDQ CX, DI
	SHLQ $7, AX
	ADDQ AX, SI
	TESTQ R8, R8
	JNE  block
	MOVQ width-24(SP), AX
	SUBQ AX, R9
	LEAQ (R12)(AX*4), R12
	TESTQ R9, R9
	JGT  set
	VZEROUPPER
	RET
