//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"

// qk_f32_avx512_amd64.s: float32 scores against the float32 K layout.
//
// Obstacle:  a load slot for every broadcast of q. One serves the four groups of a tile,
// and a vector of keys up to six rows, so that the multiply-adds are the limit.
// Exactness: a score is one fused chain over ascending channels in every form, so the
// bits of a row do not depend on the rows beside it.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Tails:     5 rows and fewer have loops of their own; missing groups repeat the last.
// Prefetch:  in the pass of the first rows a line of next per line of K, in the order of
//            its addresses, which hardware prefetchers follow; later passes touch K itself.
// Registers: Z0–Z23 sums · Z24–Z27 k · Z28 q · DI s · SI q · AX CX q at the channel
//            BX k · R13 R12 R9 groups · R8 rows · R10 fetched line · R11 q stride
//            DX channels left

#define KEYS \
	VMOVUPS (BX), Z24;          \
	VMOVUPS (BX)(R13*1), Z25;   \
	VMOVUPS (BX)(R12*1), Z26;   \
	VMOVUPS (BX)(R9*1), Z27;    \
	PREFETCHT0 (R10);           \
	PREFETCHT0 64(R10);         \
	PREFETCHT0 128(R10);        \
	PREFETCHT0 192(R10)

#define NEXT \
	ADDQ $256, R10; \
	ADDQ $64, BX;   \
	ADDQ $4, AX;    \
	ADDQ $4, CX;    \
	DECQ DX

// func qkF32_avx512(s, q, k []float32, m, n, d int, next []byte)
TEXT ·qkF32_avx512(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d+88(FP), DX
	LEAQ (DX*4), R11
	SHLQ $6, DX
	MOVQ next_base+96(FP), R10
	MOVQ n+80(FP), AX
	GROUPS(AX)

grouped:
	// lines of next beyond those the steps fetch: its header
	MOVQ d+88(FP), CX
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
	DISPATCH(rows1, rows2, rows3, rows4, rows5, rows6)
	PCALIGN $32

rows6:
	KEYS
	QROWS6(0)
	NEXT
	JNZ  rows6
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
	KEYS
	QROWS5(0)
	NEXT
	JNZ  rows5
	SROWS5
	JMP  done
	PCALIGN $32

rows4:
	KEYS
	QROWS4(0)
	NEXT
	JNZ  rows4
	SROWS4
	JMP  done
	PCALIGN $32

rows3:
	KEYS
	QROWS3(0)
	NEXT
	JNZ  rows3
	SROWS3
	JMP  done
	PCALIGN $32

rows2:
	KEYS
	QROWS2(0)
	NEXT
	JNZ  rows2
	SROWS2
	JMP  done
	PCALIGN $32

rows1:
	KEYS
	QROWS1(0)
	NEXT
	JNZ  rows1
	SROWS1

done:
	VZEROUPPER
	RET
