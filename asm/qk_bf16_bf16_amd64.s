//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"
#include "bf16_amd64.h"

// qk_bf16_bf16_amd64.s: float32 scores against bfloat16 keys, by dot products of pairs.
//
// Obstacle:  VDPBF16PS wants q in bfloat16 too. q is split into two parts, a pass over the
//            tile for each; the pass of the low parts is left out where the rows of a call
//            have none, which is what queries that came as bfloat16 are like. A line of K
//            is never widened: 24 VDPBF16PS wait for 10 loads.
// Shape:     6 rows × 4 groups of 16 tokens in accumulators. A row's channels go in two
//            halves, one sum each, added at the end: a row alone takes both at a time and
//            has 8 sums to hide the latency behind. The first half is a multiple of 32
//            channels, which are split at a time.
// Exactness: within the bound of the contract. The order of a score depends on d alone, and
//            passes that are left out change no bit: see bf16_amd64.h.
// Reads:     ⌈n/16⌉ groups of K, m rows of q. Writes s[i][0:16·⌈n/16⌉], the first half of
//            the sum in between.
// Tails:     the second channel of the last pair of an odd d is 0 in q and K.
// Prefetch:  4 lines of next a pair in the first pass of the first rows over each half.
// Registers: Z0–Z23 sums · Z24–Z27 K · Z28 pair of q · Z29 Z30 K7 see HILO · K5 K6 lanes of q
//            DI s · SI q · R11 q stride · R8 rows left · BX k · R13 R12 R9 groups
//            R10 next · DX channels left · AX scratch · CX pairs left

#define LINES(k) \
	VMOVDQU32 (k), Z24;         \
	VMOVDQU32 (k)(R13*1), Z25;  \
	VMOVDQU32 (k)(R12*1), Z26;  \
	VMOVDQU32 (k)(R9*1), Z27;   \
	PREFETCHT0 (R10);           \
	PREFETCHT0 64(R10);         \
	PREFETCHT0 128(R10);        \
	PREFETCHT0 192(R10);        \
	ADDQ $64, k;                \
	ADDQ $256, R10

#define STEP \
	ADDQ $4, AX; \
	DECQ CX

// SADD adds the row of scores at off(DI) in the places of SROW.
#define SADD(off, a, b, c, d) \
	VADDPS off(DI), a, a;        \
	VADDPS off(DI)(AX*1), b, b;  \
	VADDPS off(DI)(CX*1), c, c;  \
	VADDPS off(DI)(BX*1), d, d

// func qkBF16_bf16(s, q []float32, k []byte, m, n, d int, next []byte)
TEXT ·qkBF16_bf16(SB), NOSPLIT, $512-120
	HILO
	MOVQ m+72(FP), R8
	MOVQ d+88(FP), DX
	LEAQ 63(DX), AX
	SHRQ $6, AX
	SHLQ $5, AX
	CMPQ AX, DX
	CMOVQGT DX, AX
	MOVQ AX, first-8(SP) // channels of the first half
	IMULQ R8, DX
	MOVQ q_base+24(FP), R10
	LOWBITS(lows, lowsRest, lowsLast, lowsDone)
	MOVQ AX, low-16(SP) // whether low parts count
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ d+88(FP), DX
	LEAQ (DX*4), R11
	INCQ DX
	SHRQ $1, DX
	SHLQ $6, DX
	MOVQ n+80(FP), AX
	GROUPS(AX)

grouped:
	CMPQ R8, $1
	JEQ  alone

block:
	STRIP
	MOVQ AX, rows-24(SP)
	MOVQ first-8(SP), DX
	MOVQ DX, size-32(SP) // channels of the half
	MOVQ DX, end-40(SP)

half:
	ZERO
	MOVQ low-16(SP), AX
	MOVQ AX, part-48(SP) // whether the pass is that of low parts
	MOVQ k_base+48(FP), AX
	CMPQ SI, q_base+24(FP)
	JNE  ahead
	MOVQ end-40(SP), AX
	SUBQ size-32(SP), AX
	SHLQ $7, AX
	ADDQ next_base+96(FP), AX

ahead:
	MOVQ AX, next-56(SP)

pass:
	MOVQ size-32(SP), DX
	MOVQ end-40(SP), BX
	SUBQ DX, BX
	SHLQ $5, BX
	ADDQ k_base+48(FP), BX

chunk:
	LANES32(DX)
	SCRATCH
	MOVQ end-40(SP), CX
	SUBQ DX, CX
	LEAQ (SI)(CX*4), CX
	MOVQ rows-24(SP), R10
	CMPQ part-48(SP), $0
	JNE  splitLo

splitHi:
	SPLITHI
	ADDQ R11, CX
	ADDQ $64, AX
	DECQ R10
	JNZ  splitHi
	JMP  split

splitLo:
	SPLITLO
	ADDQ R11, CX
	ADDQ $64, AX
	DECQ R10
	JNZ  splitLo

split:
	SCRATCH
	PAIRS32(DX)
	MOVQ next-56(SP), R10
	JUMP(rows-24(SP), rows2, rows2, rows3, rows4, rows5, rows6)
	PCALIGN $32

rows6:
	LINES(BX)
	BF16ROWS6
	STEP
	JNZ  rows6
	JMP  chunked
	PCALIGN $32

rows5:
	LINES(BX)
	BF16ROWS5
	STEP
	JNZ  rows5
	JMP  chunked
	PCALIGN $32

rows4:
	LINES(BX)
	BF16ROWS4
	STEP
	JNZ  rows4
	JMP  chunked
	PCALIGN $32

rows3:
	LINES(BX)
	BF16ROWS3
	STEP
	JNZ  rows3
	JMP  chunked
	PCALIGN $32

rows2:
	LINES(BX)
	BF16ROWS2
	STEP
	JNZ  rows2

chunked:
	MOVQ R10, next-56(SP)
	SUBQ $32, DX
	JG   chunk
	CMPQ part-48(SP), $0
	JEQ  summed
	TAME
	MOVQ $0, part-48(SP)
	MOVQ k_base+48(FP), AX // nothing more to prefetch
	MOVQ AX, next-56(SP)
	JMP  pass

summed:
	PLACES
	MOVQ end-40(SP), DX
	CMPQ DX, size-32(SP)
	JEQ  store
	JUMP(rows-24(SP), add2, add2, add3, add4, add5, add6)

add6:
	SADD(1280, Z20, Z21, Z22, Z23)

add5:
	SADD(1024, Z16, Z17, Z18, Z19)

add4:
	SADD(768, Z12, Z13, Z14, Z15)

add3:
	SADD(512, Z8, Z9, Z10, Z11)

add2:
	SADD(256, Z4, Z5, Z6, Z7)
	SADD(0, Z0, Z1, Z2, Z3)

store:
	JUMP(rows-24(SP), store2, store2, store3, store4, store5, store6)

store6:
	SROW(1280, Z20, Z21, Z22, Z23)

store5:
	SROW(1024, Z16, Z17, Z18, Z19)

store4:
	SROW(768, Z12, Z13, Z14, Z15)

store3:
	SROW(512, Z8, Z9, Z10, Z11)

store2:
	SROW(256, Z4, Z5, Z6, Z7)
	SROW(0, Z0, Z1, Z2, Z3)
	MOVQ d+88(FP), DX
	MOVQ DX, AX
	SUBQ end-40(SP), AX
	MOVQ AX, size-32(SP)
	MOVQ DX, end-40(SP)
	JNE  half
	MOVQ rows-24(SP), AX
	SUBQ AX, R8
	MOVQ AX, CX
	IMULQ R11, CX
	ADDQ CX, SI
	SHLQ $8, AX
	ADDQ AX, DI
	TESTQ R8, R8
	JNE  block
	VZEROUPPER
	RET

alone: // the halves side by side
	ZERO
	MOVQ low-16(SP), AX
	MOVQ AX, part-48(SP)
	MOVQ next_base+96(FP), AX
	MOVQ AX, next-56(SP)

alonePass:
	MOVQ first-8(SP), DX
	MOVQ k_base+48(FP), BX

aloneChunk:
	MOVQ first-8(SP), CX
	MOVQ CX, R10
	SUBQ DX, R10
	MOVQ d+88(FP), R8
	SUBQ CX, R8
	SUBQ R10, R8 // channels left of the second half
	LEAQ (SI)(R10*4), R10
	LANES32(DX)
	SCRATCH
	MOVQ R10, CX
	CMPQ part-48(SP), $0
	JNE  aloneLo
	SPLITHI
	TESTQ R8, R8
	JLE  aloneOne
	LANES32(R8)
	SCRATCH
	ADDQ $64, AX
	MOVQ first-8(SP), CX
	LEAQ (R10)(CX*4), CX
	SPLITHI
	JMP  aloneBoth

aloneLo:
	SPLITLO
	TESTQ R8, R8
	JLE  aloneOne
	LANES32(R8)
	SCRATCH
	ADDQ $64, AX
	MOVQ first-8(SP), CX
	LEAQ (R10)(CX*4), CX
	SPLITLO

aloneBoth:
	PAIRS32(R8)
	MOVQ CX, R8
	PAIRS32(DX)
	XCHGQ CX, R8
	SUBQ CX, R8 // pairs of the first half behind those of both
	MOVQ DX, left-64(SP)
	MOVQ first-8(SP), DX
	SHLQ $5, DX
	ADDQ BX, DX
	MOVQ next-56(SP), R10
	SCRATCH

both:
	LINES(BX)
	BF16DOT4((AX), 0, 1, 2, 3)
	LINES(DX)
	BF16DOT4(64(AX), 4, 5, 6, 7)
	STEP
	JNZ  both
	MOVQ left-64(SP), DX
	MOVQ R8, CX
	TESTQ CX, CX
	JNE  rows1
	JMP  aloneChunked

aloneOne:
	PAIRS32(DX)
	MOVQ next-56(SP), R10
	SCRATCH

rows1:
	LINES(BX)
	BF16ROWS1
	STEP
	JNZ  rows1

aloneChunked:
	MOVQ R10, next-56(SP)
	SUBQ $32, DX
	JG   aloneChunk
	CMPQ part-48(SP), $0
	JEQ  aloneSummed
	TAME4(Z0, Z1, Z2, Z3)
	TAME4(Z4, Z5, Z6, Z7)
	MOVQ $0, part-48(SP)
	MOVQ k_base+48(FP), AX
	MOVQ AX, next-56(SP)
	JMP  alonePass

aloneSummed:
	MOVQ first-8(SP), AX
	CMPQ AX, d+88(FP)
	JEQ  aloneStore
	VADDPS Z4, Z0, Z0
	VADDPS Z5, Z1, Z1
	VADDPS Z6, Z2, Z2
	VADDPS Z7, Z3, Z3

aloneStore:
	PLACES
	SROW(0, Z0, Z1, Z2, Z3)
	VZEROUPPER
	RET
