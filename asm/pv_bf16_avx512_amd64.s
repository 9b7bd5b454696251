//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"

// pv_bf16_avx512_amd64.s: bfloat16 values under float32 weights, read in place.
//
// Obstacle:  widening takes vector ports from the multiply-adds. A dword of the tile
// holds two tokens of a channel: a shift widens the even one, a mask the odd one, for up
// to six rows. The second load of a dword comes from L1.
// Exactness: widening is exact and an output is one fused chain over ascending tokens in
// every form, so the bits of a row do not depend on the rows beside it.
// Reads:     ⌈n/2⌉ pairs of V, exactly dv dwords each; p[i][0:n]. Writes o[i][0:dv].
// Tails:     5 rows and fewer have loops of their own; the last channels go by masked
//            pairs of vectors; the even half of the last pair of an odd n follows the
//            loop.
// Prefetch:  in the pass of the first rows a line of next per line of V, in the order of
//            its addresses; later passes touch V itself.
// Registers: Z0–Z23 sums · Z24–Z27 v · Z28 p · Z29 mask · K1 K2 channels · DI DX o
//            SI AX p · BX R13 v · R8 rows · R9 channels left · R10 fetched line
//            R11 row bytes of o, pair bytes of v · CX pairs left

#define EVEN \
	VPSLLD $16, (R13), Z24;         \
	VPSLLD $16, 64(R13), Z25;       \
	VPSLLD $16, 128(R13), Z26;      \
	VPSLLD $16, 192(R13), Z27
#define ODD \
	VPANDD (R13), Z29, Z24;         \
	VPANDD 64(R13), Z29, Z25;       \
	VPANDD 128(R13), Z29, Z26;      \
	VPANDD 192(R13), Z29, Z27;      \
	PREFETCHT0 (R10);               \
	PREFETCHT0 64(R10);             \
	PREFETCHT0 128(R10);            \
	PREFETCHT0 192(R10);            \
	ADDQ $256, R10

#define EVEN2 \
	VPSLLD.Z $16, (R13), K1, Z24;   \
	VPSLLD.Z $16, 64(R13), K2, Z25
#define ODD2 \
	VPANDD.Z (R13), Z29, K1, Z24;   \
	VPANDD.Z 64(R13), Z29, K2, Z25; \
	PREFETCHT0 (R10);               \
	PREFETCHT0 64(R10);             \
	ADDQ $128, R10

#define NEXT \
	ADDQ R11, R13; \
	ADDQ $8, AX;   \
	DECQ CX

// START ends with the flags of the number of pairs.
#define START \
	ZERO;               \
	MOVQ BX, R13;       \
	MOVQ SI, AX;        \
	MOVQ n+80(FP), CX;  \
	SHRQ $1, CX

// LAST and LAST2 jump to store unless an even token is left.
#define LAST(store) \
	MOVQ n+80(FP), CX; \
	TESTQ $1, CX;      \
	JZ    store;       \
	EVEN
#define LAST2(store) \
	MOVQ n+80(FP), CX; \
	TESTQ $1, CX;      \
	JZ    store;       \
	EVEN2

// func pvBF16_avx512(o, p []float32, v []byte, m, n, dv int, next []byte)
TEXT ·pvBF16_avx512(SB), NOSPLIT, $0-120
	MOVQ o_base+0(FP), DI
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ dv+88(FP), R11
	SHLQ $2, R11
	VPTERNLOGD $0xFF, Z29, Z29, Z29
	VPSLLD $16, Z29, Z29
	MOVQ next_base+96(FP), R10

	// lines of next beyond those the steps fetch: its header
	MOVQ n+80(FP), CX
	SHRQ $1, CX
	IMULQ R11, CX
	MOVQ next_len+104(FP), AX
	SUBQ CX, AX
	JLE  rows

head:
	PREFETCHT0 (R10)
	ADDQ $64, R10
	SUBQ $64, AX
	JGT  head

rows:
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R9

block:
	CMPQ R9, $64
	JLT  rest
	START
	JZ   single
	DISPATCH(rows1, rows2, rows3, rows4, rows5, rows6)

single: // n = 1
	DISPATCH(last1, last2, last3, last4, last5, last6)

stored:
	ADDQ $256, BX
	ADDQ $256, DX
	SUBQ $64, R9
	JMP  block

rest:
	TESTQ R9, R9
	JLE  next
	HALF
	START
	JZ   singleHalf
	DISPATCH(half1, half2, half3, half4, half5, half6)

singleHalf:
	DISPATCH(lastHalf1, lastHalf2, lastHalf3, lastHalf4, lastHalf5, lastHalf6)

storedHalf:
	ADDQ $128, BX
	ADDQ $128, DX
	SUBQ $32, R9
	JMP  rest

next:
	LEAQ (R11)(R11*2), AX
	LEAQ (DI)(AX*2), DI
	ADDQ $1536, SI
	MOVQ v_base+48(FP), R10 // nothing more to prefetch
	SUBQ $6, R8
	JG   rows
	VZEROUPPER
	RET
	PCALIGN $32

rows6:
	EVEN
	PROWS6(0)
	ODD
	PROWS6(4)
	NEXT
	JNZ  rows6

last6:
	LAST(store6)
	PROWS6(0)

store6:
	MOVQ DX, R13
	OROWS6
	JMP  stored
	PCALIGN $32

rows5:
	EVEN
	PROWS5(0)
	ODD
	PROWS5(4)
	NEXT
	JNZ  rows5

last5:
	LAST(store5)
	PROWS5(0)

store5:
	MOVQ DX, R13
	OROWS5
	JMP  stored
	PCALIGN $32

rows4:
	EVEN
	PROWS4(0)
	ODD
	PROWS4(4)
	NEXT
	JNZ  rows4

last4:
	LAST(store4)
	PROWS4(0)

store4:
	MOVQ DX, R13
	OROWS4
	JMP  stored
	PCALIGN $32

rows3:
	EVEN
	PROWS3(0)
	ODD
	PROWS3(4)
	NEXT
	JNZ  rows3

last3:
	LAST(store3)
	PROWS3(0)

store3:
	MOVQ DX, R13
	OROWS3
	JMP  stored
	PCALIGN $32

rows2:
	EVEN
	PROWS2(0)
	ODD
	PROWS2(4)
	NEXT
	JNZ  rows2

last2:
	LAST(store2)
	PROWS2(0)

store2:
	MOVQ DX, R13
	OROWS2
	JMP  stored
	PCALIGN $32

rows1:
	EVEN
	PROWS1(0)
	ODD
	PROWS1(4)
	NEXT
	JNZ  rows1

last1:
	LAST(store1)
	PROWS1(0)

store1:
	MOVQ DX, R13
	OROWS1
	JMP  stored
	PCALIGN $32

half6:
	EVEN2
	PHALF6(0)
	ODD2
	PHALF6(4)
	NEXT
	JNZ  half6

lastHalf6:
	LAST2(storeHalf6)
	PHALF6(0)

storeHalf6:
	MOVQ DX, R13
	OHALVES6
	JMP  storedHalf
	PCALIGN $32

half5:
	EVEN2
	PHALF5(0)
	ODD2
	PHALF5(4)
	NEXT
	JNZ  half5

lastHalf5:
	LAST2(storeHalf5)
	PHALF5(0)

storeHalf5:
	MOVQ DX, R13
	OHALVES5
	JMP  storedHalf
	PCALIGN $32

half4:
	EVEN2
	PHALF4(0)
	ODD2
	PHALF4(4)
	NEXT
	JNZ  half4

lastHalf4:
	LAST2(storeHalf4)
	PHALF4(0)

storeHalf4:
	MOVQ DX, R13
	OHALVES4
	JMP  storedHalf
	PCALIGN $32

half3:
	EVEN2
	PHALF3(0)
	ODD2
	PHALF3(4)
	NEXT
	JNZ  half3

lastHalf3:
	LAST2(storeHalf3)
	PHALF3(0)

storeHalf3:
	MOVQ DX, R13
	OHALVES3
	JMP  storedHalf
	PCALIGN $32

half2:
	EVEN2
	PHALF2(0)
	ODD2
	PHALF2(4)
	NEXT
	JNZ  half2

lastHalf2:
	LAST2(storeHalf2)
	PHALF2(0)

storeHalf2:
	MOVQ DX, R13
	OHALVES2
	JMP  storedHalf
	PCALIGN $32

half1:
	EVEN2
	PHALF1(0)
	ODD2
	PHALF1(4)
	NEXT
	JNZ  half1

lastHalf1:
	LAST2(storeHalf1)
	PHALF1(0)

storeHalf1:
	MOVQ DX, R13
	OHALVES1
	JMP  storedHalf
