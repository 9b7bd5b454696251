//go:build !purego

#include "textflag.h"
#include "float_avx512_amd64.h"

// pv_f32_avx512_amd64.s: float32 values under float32 weights.
//
// Obstacle:  outputs that do not fit in registers must be loaded and stored at every
// token. Blocks of 6 rows × 64 channels stay there over all tokens of the tile.
// Exactness: an output is one fused chain over ascending tokens in every form, so the
// bits of a row do not depend on the rows beside it.
// Reads:     n rows of V, exactly dv floats each; p[i][0:n]. Writes o[i][0:dv].
// Tails:     5 rows and fewer have loops of their own; the last channels go by masked
//            pairs of vectors.
// Prefetch:  in the pass of the first rows a line of next per line of V, in the order of
//            its addresses, which hardware prefetchers follow; later passes touch V itself.
// Registers: Z0–Z23 sums · Z24–Z27 v · Z28 p · K1 K2 channels · DI DX o · SI AX p
//            BX R13 v · R8 rows · R9 channels left · R10 fetched line · R11 row bytes
//            CX tokens left

#define VALUES \
	VMOVUPS (R13), Z24;       \
	VMOVUPS 64(R13), Z25;     \
	VMOVUPS 128(R13), Z26;    \
	VMOVUPS 192(R13), Z27;    \
	PREFETCHT0 (R10);         \
	PREFETCHT0 64(R10);       \
	PREFETCHT0 128(R10);      \
	PREFETCHT0 192(R10);      \
	ADDQ $256, R10

#define VALUES2 \
	VMOVUPS.Z (R13), K1, Z24;   \
	VMOVUPS.Z 64(R13), K2, Z25; \
	PREFETCHT0 (R10);           \
	PREFETCHT0 64(R10);         \
	ADDQ $128, R10

#define NEXT \
	ADDQ R11, R13; \
	ADDQ $4, AX;   \
	DECQ CX

#define START \
	ZERO;               \
	MOVQ BX, R13;       \
	MOVQ SI, AX;        \
	MOVQ n+80(FP), CX

// func pvF32_avx512(o, p, v []float32, m, n, dv int, next []byte)
TEXT ·pvF32_avx512(SB), NOSPLIT, $0-120
	MOVQ o_base+0(FP), DI
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ dv+88(FP), R11
	SHLQ $2, R11
	MOVQ next_base+96(FP), R10

	// lines of next beyond those the steps fetch: its header
	MOVQ dv+88(FP), CX
	ADDQ $31, CX
	ANDQ $~31, CX
	SHLQ $2, CX
	IMULQ n+80(FP), CX
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
	DISPATCH(rows1, rows2, rows3, rows4, rows5, rows6)

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
	DISPATCH(half1, half2, half3, half4, half5, half6)

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
	VALUES
	PROWS6(0)
	NEXT
	JNZ  rows6
	MOVQ DX, R13
	OROWS6
	JMP  stored
	PCALIGN $32

rows5:
	VALUES
	PROWS5(0)
	NEXT
	JNZ  rows5
	MOVQ DX, R13
	OROWS5
	JMP  stored
	PCALIGN $32

rows4:
	VALUES
	PROWS4(0)
	NEXT
	JNZ  rows4
	MOVQ DX, R13
	OROWS4
	JMP  stored
	PCALIGN $32

rows3:
	VALUES
	PROWS3(0)
	NEXT
	JNZ  rows3
	MOVQ DX, R13
	OROWS3
	JMP  stored
	PCALIGN $32

rows2:
	VALUES
	PROWS2(0)
	NEXT
	JNZ  rows2
	MOVQ DX, R13
	OROWS2
	JMP  stored
	PCALIGN $32

rows1:
	VALUES
	PROWS1(0)
	NEXT
	JNZ  rows1
	MOVQ DX, R13
	OROWS1
	JMP  stored
	PCALIGN $32

half6:
	VALUES2
	PHALF6(0)
	NEXT
	JNZ  half6
	MOVQ DX, R13
	OHALVES6
	JMP  storedHalf
	PCALIGN $32

half5:
	VALUES2
	PHALF5(0)
	NEXT
	JNZ  half5
	MOVQ DX, R13
	OHALVES5
	JMP  storedHalf
	PCALIGN $32

half4:
	VALUES2
	PHALF4(0)
	NEXT
	JNZ  half4
	MOVQ DX, R13
	OHALVES4
	JMP  storedHalf
	PCALIGN $32

half3:
	VALUES2
	PHALF3(0)
	NEXT
	JNZ  half3
	MOVQ DX, R13
	OHALVES3
	JMP  storedHalf
	PCALIGN $32

half2:
	VALUES2
	PHALF2(0)
	NEXT
	JNZ  half2
	MOVQ DX, R13
	OHALVES2
	JMP  storedHalf
	PCALIGN $32

half1:
	VALUES2
	PHALF1(0)
	NEXT
	JNZ  half1
	MOVQ DX, R13
	OHALVES1
	JMP  storedHalf
