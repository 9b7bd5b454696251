//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"

// qk_bf16_avx512_amd64.s: float32 scores against bfloat16 keys, read in place.
//
// Obstacle:  widening takes vector ports from the multiply-adds. A dword of the tile
// holds two channels of a token: a shift widens the even one, a mask the odd one, for up
// to six rows. The second load of a dword comes from L1.
// Exactness: widening is exact and a score is one fused chain over ascending channels in
// every form, so the bits of a row do not depend on the rows beside it.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Tails:     5 rows and fewer have loops of their own; missing groups repeat the last;
//            the even half of the last pair of an odd d follows the loop.
// Prefetch:  in the pass of the first rows four lines of next a pair of channels, in the
//            order of its addresses; later passes touch K itself.
// Registers: Z0–Z23 sums · Z24–Z27 k · Z28 q · Z29 mask · DI s · SI q · AX CX q at the
//            channel · BX k · R13 R12 R9 groups · R8 rows · R10 fetched line · R11 q stride
//            DX pairs left

#define EVEN \
	VPSLLD $16, (BX), Z24;        \
	VPSLLD $16, (BX)(R13*1), Z25; \
	VPSLLD $16, (BX)(R12*1), Z26; \
	VPSLLD $16, (BX)(R9*1), Z27
#define ODD \
	VPANDD (BX), Z29, Z24;        \
	VPANDD (BX)(R13*1), Z29, Z25; \
	VPANDD (BX)(R12*1), Z29, Z26; \
	VPANDD (BX)(R9*1), Z29, Z27;  \
	PREFETCHT0 (R10);             \
	PREFETCHT0 64(R10);           \
	PREFETCHT0 128(R10);          \
	PREFETCHT0 192(R10)

#define NEXT \
	ADDQ $256, R10; \
	ADDQ $64, BX;   \
	ADDQ $8, AX;    \
	ADDQ $8, CX;    \
	DECQ DX

// LAST jumps to store unless an even channel is left.
#define LAST(store) \
	MOVQ d+88(FP), DX; \
	TESTQ $1, DX;      \
	JZ    store;       \
	EVEN

// func qkBF16_avx512(s, q []float32, k []byte, m, n, d int, next []byte)
TEXT ·qkBF16_avx512(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d+88(FP), DX
	MOVQ next_base+96(FP), R10
	LEAQ (DX*4), R11
	VPTERNLOGD $0xFF, Z29, Z29, Z29
	VPSLLD $16, Z29, Z29
	INCQ DX
	SHRQ $1, DX
	SHLQ $6, DX
	MOVQ n+80(FP), AX
	GROUPS(AX)

grouped:
	// lines of next beyond those the steps fetch: its header
	MOVQ d+88(FP), CX
	SHRQ $1, CX
	SHLQ $8, CX
	MOVQ next_len+104(FP), AX
	SUBQ CX, AX
	JLE  rows

head:
	PREFETCHT0 (R10)
	ADDQ $64, R10
	SUBQ $64, AX
	JGT  head

rows:
	MOVQ k_base+48(FP), BX
	MOVQ d+88(FP), DX
	MOVQ SI, AX
	LEAQ (R11)(R11*2), CX
	ADDQ SI, CX
	ZERO
	SHRQ $1, DX
	JZ   single
	DISPATCH(rows1, rows2, rows3, rows4, rows5, rows6)

single: // d = 1
	DISPATCH(last1, last2, last3, last4, last5, last6)
	PCALIGN $32

rows6:
	EVEN
	QROWS6(0)
	ODD
	QROWS6(4)
	NEXT
	JNZ  rows6

last6:
	LAST(store6)
	QROWS6(0)

store6:
	SROWS6
	LEAQ (R11)(R11*2), AX
	LEAQ (SI)(AX*2), SI
	ADDQ $1536, DI
	MOVQ k_base+48(FP), R10 // nothing more to prefetch
	SUBQ $6, R8
	JNZ  rows
	JMP  done
	PCALIGN $32

rows5:
	EVEN
	QROWS5(0)
	ODD
	QROWS5(4)
	NEXT
	JNZ  rows5

last5:
	LAST(store5)
	QROWS5(0)

store5:
	SROWS5
	JMP  done
	PCALIGN $32

rows4:
	EVEN
	QROWS4(0)
	ODD
	QROWS4(4)
	NEXT
	JNZ  rows4

last4:
	LAST(store4)
	QROWS4(0)

store4:
	SROWS4
	JMP  done
	PCALIGN $32

rows3:
	EVEN
	QROWS3(0)
	ODD
	QROWS3(4)
	NEXT
	JNZ  rows3

last3:
	LAST(store3)
	QROWS3(0)

store3:
	SROWS3
	JMP  done
	PCALIGN $32

rows2:
	EVEN
	QROWS2(0)
	ODD
	QROWS2(4)
	NEXT
	JNZ  rows2

last2:
	LAST(store2)
	QROWS2(0)

store2:
	SROWS2
	JMP  done
	PCALIGN $32

rows1:
	EVEN
	QROWS1(0)
	ODD
	QROWS1(4)
	NEXT
	JNZ  rows1

last1:
	LAST(store1)
	QROWS1(0)

store1:
	SROWS1

done:
	VZEROUPPER
	RET
