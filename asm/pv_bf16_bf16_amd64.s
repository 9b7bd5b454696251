//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"
#include "bf16_amd64.h"

// pv_bf16_bf16_amd64.s: bfloat16 values under float32 weights, by dot products of pairs.
//
// Obstacle:  VDPBF16PS wants p in bfloat16 too. p is split into two parts, a pass over the
//            tile for each; the pass of the low parts is left out where the weights of a
//            call have none: the weights of mode PBF16, powers of two.
// Shape:     6 rows × 4 vectors of 16 channels in accumulators, 64 channels for all rows
//            before the next. A row alone takes 8 vectors at a time. 32 tokens are split
//            at a time.
// Exactness: within the bound of the contract. An output is one chain of pairs in
//            ascending order, after the chain of the low parts; passes that are left out
//            change no bit: see bf16_amd64.h.
// Reads:     ⌈n/2⌉ pairs of V, exactly dv dwords each; m whole rows of P, of which only
//            p[i][0:n] reaches a result. Writes o[i][0:dv].
// Tails:     the last channels go by masked pairs of vectors; the second token of the last
//            pair of an odd n is cleared in V and P.
// Prefetch:  the same place of next in the first pass of the first rows over a line.
// Registers: Z0–Z23 sums · Z24–Z27 V · Z28 pair of p · Z29 Z30 K7 see HILO · K5 K6 lanes of p
//            K1 K2 channels · DI o · SI p · R11 row bytes of o, pair bytes of V · R8 rows
//            left · R9 channels left · R12 bytes of channels done · BX R13 V · R10 from V to
//            next · DX tokens left · AX scratch · CX pairs left

#define LINES(o) \
	VMOVDQU32 o(R13), Z24;            \
	VMOVDQU32 (o+64)(R13), Z25;       \
	VMOVDQU32 (o+128)(R13), Z26;      \
	VMOVDQU32 (o+192)(R13), Z27;      \
	PREFETCHT0 o(R13)(R10*1);         \
	PREFETCHT0 (o+64)(R13)(R10*1);    \
	PREFETCHT0 (o+128)(R13)(R10*1);   \
	PREFETCHT0 (o+192)(R13)(R10*1)
#define LINES2 \
	VMOVDQU32.Z (R13), K1, Z24;       \
	VMOVDQU32.Z 64(R13), K2, Z25;     \
	PREFETCHT0 (R13)(R10*1);          \
	PREFETCHT0 64(R13)(R10*1)

// LAST and LAST2 load the first token of a pair.
#define LAST(o) \
	VPANDD o(R13), Z29, Z24;          \
	VPANDD (o+64)(R13), Z29, Z25;     \
	VPANDD (o+128)(R13), Z29, Z26;    \
	VPANDD (o+192)(R13), Z29, Z27
#define LAST2 \
	VPANDD.Z (R13), Z29, K1, Z24;     \
	VPANDD.Z 64(R13), Z29, K2, Z25

#define STEP \
	ADDQ R11, R13; \
	ADDQ $4, AX;   \
	DECQ CX

// func pvBF16_bf16(o, p []float32, v []byte, m, n, dv int, next []byte)
TEXT ·pvBF16_bf16(SB), NOSPLIT, $512-120
	HILO
	MOVQ m+72(FP), DX
	SHLQ $6, DX
	MOVQ p_base+24(FP), R10
	LOWBITS(lows, lowsRest, lowsLast, lowsDone)
	MOVQ AX, low-8(SP) // whether low parts count
	MOVQ dv+88(FP), R9
	LEAQ (R9*4), R11
	XORL R12, R12

set:
	MOVQ next_base+96(FP), AX
	SUBQ v_base+48(FP), AX
	MOVQ AX, next-16(SP)
	MOVQ o_base+0(FP), DI
	ADDQ R12, DI
	MOVQ p_base+24(FP), SI
	MOVQ v_base+48(FP), BX
	ADDQ R12, BX
	MOVQ m+72(FP), R8
	MOVQ $64, AX // channels of the set
	CMPQ R9, AX
	JGE  whole
	HALF
	MOVQ $32, AX
	JMP  sized

whole:
	CMPQ R8, $1
	JNE  sized
	CMPQ R9, $128
	JLT  sized
	MOVQ $128, AX

sized:
	MOVQ AX, width-24(SP)

block:
	STRIP
	MOVQ AX, rows-32(SP)
	ZERO
	MOVQ low-8(SP), AX
	MOVQ AX, part-40(SP) // whether the pass is that of low parts

pass:
	MOVQ BX, R13
	MOVQ n+80(FP), DX

chunk:
	LANES32(DX)
	SCRATCH
	MOVQ n+80(FP), CX
	SUBQ DX, CX
	LEAQ (SI)(CX*4), CX
	MOVQ rows-32(SP), R10
	CMPQ part-40(SP), $0
	JNE  splitLo

splitHi:
	SPLITHI
	ADDQ $256, CX
	ADDQ $64, AX
	DECQ R10
	JNZ  splitHi
	JMP  split

splitLo:
	SPLITLO
	ADDQ $256, CX
	ADDQ $64, AX
	DECQ R10
	JNZ  splitLo

split:
	SCRATCH
	MOVQ next-16(SP), R10
	MOVQ $32, CX
	CMPQ DX, CX
	CMOVQLT DX, CX
	SHRQ $1, CX
	JEQ  chunked
	CMPQ width-24(SP), $64
	JLT  halves
	JGT  wide
	JUMP(rows-32(SP), rows1, rows2, rows3, rows4, rows5, rows6)

halves:
	JUMP(rows-32(SP), half1, half2, half3, half4, half5, half6)
	PCALIGN $32

rows6:
	LINES(0)

rows6dot:
	BF16ROWS6
	STEP
	JNZ  rows6
	JMP  chunked
	PCALIGN $32

rows5:
	LINES(0)

rows5dot:
	BF16ROWS5
	STEP
	JNZ  rows5
	JMP  chunked
	PCALIGN $32

rows4:
	LINES(0)

rows4dot:
	BF16ROWS4
	STEP
	JNZ  rows4
	JMP  chunked
	PCALIGN $32

rows3:
	LINES(0)

rows3dot:
	BF16ROWS3
	STEP
	JNZ  rows3
	JMP  chunked
	PCALIGN $32

rows2:
	LINES(0)

rows2dot:
	BF16ROWS2
	STEP
	JNZ  rows2
	JMP  chunked
	PCALIGN $32

rows1:
	LINES(0)

rows1dot:
	BF16ROWS1
	STEP
	JNZ  rows1
	JMP  chunked
	PCALIGN $32

half6:
	LINES2

half6dot:
	BF16HALF6
	STEP
	JNZ  half6
	JMP  chunked
	PCALIGN $32

half5:
	LINES2

half5dot:
	BF16HALF5
	STEP
	JNZ  half5
	JMP  chunked
	PCALIGN $32

half4:
	LINES2

half4dot:
	BF16HALF4
	STEP
	JNZ  half4
	JMP  chunked
	PCALIGN $32

half3:
	LINES2

half3dot:
	BF16HALF3
	STEP
	JNZ  half3
	JMP  chunked
	PCALIGN $32

half2:
	LINES2

half2dot:
	BF16HALF2
	STEP
	JNZ  half2
	JMP  chunked
	PCALIGN $32

half1:
	LINES2

half1dot:
	BF16HALF1
	STEP
	JNZ  half1
	JMP  chunked
	PCALIGN $32

wide:
	LINES(0)
	BF16DOT4((AX), 0, 1, 2, 3)
	LINES(256)
	BF16DOT4((AX), 4, 5, 6, 7)
	STEP
	JNZ  wide

chunked:
	CMPQ DX, $32
	JGE  more
	TESTQ $1, DX
	JEQ  more
	DECQ DX
	MOVQ $1, CX
	CMPQ width-24(SP), $64
	JLT  lastHalf
	JGT  lastWide
	LAST(0)
	JUMP(rows-32(SP), rows1dot, rows2dot, rows3dot, rows4dot, rows5dot, rows6dot)

lastHalf:
	LAST2
	JUMP(rows-32(SP), half1dot, half2dot, half3dot, half4dot, half5dot, half6dot)

lastWide:
	LAST(0)
	BF16DOT4((AX), 0, 1, 2, 3)
	LAST(256)
	BF16DOT4((AX), 4, 5, 6, 7)

more:
	SUBQ $32, DX
	JG   chunk
	CMPQ part-40(SP), $0
	JEQ  summed
	TAME
	MOVQ $0, part-40(SP)
	MOVQ $0, next-16(SP) // nothing more to prefetch
	JMP  pass

summed:
	MOVQ $0, next-16(SP)
	MOVQ rows-32(SP), AX
	LEAQ -1(AX), R13
	IMULQ R11, R13
	ADDQ DI, R13 // the last row of the block
	CMPQ width-24(SP), $64
	JLT  storeHalves
	JGT  storeWide
	JUMP(AX, store1, store2, store3, store4, store5, store6)

store6:
	OROW(Z20, Z21, Z22, Z23)
	SUBQ R11, R13

store5:
	OROW(Z16, Z17, Z18, Z19)
	SUBQ R11, R13

store4:
	OROW(Z12, Z13, Z14, Z15)
	SUBQ R11, R13

store3:
	OROW(Z8, Z9, Z10, Z11)
	SUBQ R11, R13

store2:
	OROW(Z4, Z5, Z6, Z7)
	SUBQ R11, R13

store1:
	OROW(Z0, Z1, Z2, Z3)
	JMP  stored

storeHalves:
	JUMP(AX, storeHalf1, storeHalf2, storeHalf3, storeHalf4, storeHalf5, storeHalf6)

storeHalf6:
	OHALF(Z20, Z21)
	SUBQ R11, R13

storeHalf5:
	OHALF(Z16, Z17)
	SUBQ R11, R13

storeHalf4:
	OHALF(Z12, Z13)
	SUBQ R11, R13

storeHalf3:
	OHALF(Z8, Z9)
	SUBQ R11, R13

storeHalf2:
	OHALF(Z4, Z5)
	SUBQ R11, R13

storeHalf1:
	OHALF(Z0, Z1)
	JMP  stored

storeWide:
	OROW(Z0, Z1, Z2, Z3)
	ADDQ $256, R13
	OROW(Z4, Z5, Z6, Z7)

stored:
	MOVQ rows-32(SP), AX
	SUBQ AX, R8
	MOVQ AX, CX
	IMULQ R11, CX
	ADDQ CX, DI
	SHLQ $8, AX
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
