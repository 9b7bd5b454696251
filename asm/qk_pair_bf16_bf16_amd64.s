//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"
#include "bf16_amd64.h"

// qk_pair_bf16_bf16_amd64.s: logits of bfloat16 queries against bfloat16 keys.
//
// Obstacle:  none but the latency of VDPBF16PS: a line of K is what it multiplies, 24 wait
//            for 10 loads.
// Shape:     6 rows × 4 groups of 16 tokens in accumulators.
// Exactness: within the bound of the contract. A score is one chain of pairs in ascending
//            order; the logit is made of it by the operations of the twin.
// Reads:     ⌈n/16⌉ groups of K, ⌈d/2⌉ pairs of m rows of q, m factors and offsets. Writes
//            y[i][0:16·⌈n/16⌉].
// Tails:     the second channel of the last pair of an odd d is 0 in q and K.
// Prefetch:  in the pass of the first rows 4 lines of next a pair, in the order of its
//            addresses; later passes touch K itself.
// Registers: Z0–Z23 sums · Z24–Z27 K · Z28 pair of q · DI y · SI q · R11 q stride · R8 rows
//            left · AX CX q of a pair, its first and its fourth row · BX k · R13 R12 R9
//            groups · R10 fetched line · DX pairs left. Behind the
//            pairs: Z24 factor · Z25 offset · DX factors · SI offsets of the block's rows

#define LINES \
	VMOVDQU32 (BX), Z24;         \
	VMOVDQU32 (BX)(R13*1), Z25;  \
	VMOVDQU32 (BX)(R12*1), Z26;  \
	VMOVDQU32 (BX)(R9*1), Z27;   \
	PREFETCHT0 (R10);            \
	PREFETCHT0 64(R10);          \
	PREFETCHT0 128(R10);         \
	PREFETCHT0 192(R10);         \
	ADDQ $64, BX;                \
	ADDQ $256, R10

#define ROWS1        PAIR4((AX), 0, 1, 2, 3)
#define ROWS2 ROWS1; PAIR4((AX)(R11*1), 4, 5, 6, 7)
#define ROWS3 ROWS2; PAIR4((AX)(R11*2), 8, 9, 10, 11)
#define ROWS4 ROWS3; PAIR4((CX), 12, 13, 14, 15)
#define ROWS5 ROWS4; PAIR4((CX)(R11*1), 16, 17, 18, 19)
#define ROWS6 ROWS5; PAIR4((CX)(R11*2), 20, 21, 22, 23)

#define STEP \
	ADDQ $4, AX; \
	ADDQ $4, CX; \
	DECQ DX

// LOGITS makes and stores those of row i.
#define LOGITS(i, off, a, b, c, d) \
	VBROADCASTSS (4*i)(DX), Z24; \
	VBROADCASTSS (4*i)(SI), Z25; \
	VMULPS Z24, a, a;            \
	VMULPS Z24, b, b;            \
	VMULPS Z24, c, c;            \
	VMULPS Z24, d, d;            \
	VADDPS Z25, a, a;            \
	VADDPS Z25, b, b;            \
	VADDPS Z25, c, c;            \
	VADDPS Z25, d, d;            \
	SROW(off, a, b, c, d)

// func qkPairBF16_bf16(y []float32, q []uint16, k []byte, a, b []float32, m, n, d int, next []byte)
TEXT ·qkPairBF16_bf16(SB), NOSPLIT, $24-168
	MOVQ y_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+120(FP), R8
	MOVQ d+136(FP), DX
	LEAQ 3(DX), R11
	SHRQ $2, R11
	SHLQ $3, R11
	INCQ DX
	SHRQ $1, DX
	MOVQ DX, pairs-8(SP)
	MOVQ next_base+144(FP), R10
	MOVQ DX, CX
	SHLQ $8, CX
	HEAD(next_len+152(FP), head, headDone)
	SHLQ $6, DX
	MOVQ n+128(FP), AX
	GROUPS(AX)

grouped:

block:
	STRIP
	MOVQ AX, rows-16(SP)
	ZERO
	MOVQ k_base+48(FP), BX
	LEAQ (SI)(R11*2), CX
	ADDQ R11, CX
	MOVQ SI, AX
	MOVQ pairs-8(SP), DX
	JUMP(rows-16(SP), rows1, rows2, rows3, rows4, rows5, rows6)
	PCALIGN $32

rows6:
	LINES
	ROWS6
	STEP
	JNZ  rows6
	JMP  summed
	PCALIGN $32

rows5:
	LINES
	ROWS5
	STEP
	JNZ  rows5
	JMP  summed
	PCALIGN $32

rows4:
	LINES
	ROWS4
	STEP
	JNZ  rows4
	JMP  summed
	PCALIGN $32

rows3:
	LINES
	ROWS3
	STEP
	JNZ  rows3
	JMP  summed
	PCALIGN $32

rows2:
	LINES
	ROWS2
	STEP
	JNZ  rows2
	JMP  summed
	PCALIGN $32

rows1:
	LINES
	ROWS1
	STEP
	JNZ  rows1

summed:
	PLACES
	MOVQ SI, q-24(SP)
	MOVQ m+120(FP), DX
	SUBQ R8, DX
	SHLQ $2, DX
	MOVQ b_base+96(FP), SI
	ADDQ DX, SI
	ADDQ a_base+72(FP), DX
	JUMP(rows-16(SP), store1, store2, store3, store4, store5, store6)

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
	MOVQ q-24(SP), SI
	MOVQ rows-16(SP), AX
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
