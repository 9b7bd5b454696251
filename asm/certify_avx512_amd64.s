//go:build !purego

#include "textflag.h"
#include "certify_amd64.h"

// certify_avx512_amd64.s: weights of a tile into the certificates of its rows, by fours.
//
// Obstacle:  two records of four numbers and two of three per row. Four rows of any of them
// are a vector, and what becomes of a certificate is α·old + new in two of its lanes and a
// maximum in the others: numbers stay in rows, and a row's factors are spread over its lanes
// by permutations. What is left of certify_amd64.h is one row, for up to three at the end.
// Registers: K1–K4 lanes of the four vectors of a row of weights · K5 Squares · K6 Shift and
//            Biggest · K7 rows not empty · Z16 the record of the keys · Z17, Z18 factors and
//            addends of a row's variance, ValErr, shift and ValSize · Z19 what a step adds
//            Z20–Z25, Z27 indices · Z26 0 · Z0–Z9 temporaries

// [0, 0, 1, 0] [1, 0, 0, 0]
DATA ·certifyOne+0(SB)/8, $0
DATA ·certifyOne+8(SB)/8, $0x3f800000
DATA ·certifyOne+16(SB)/8, $0x3f800000
DATA ·certifyOne+24(SB)/8, $0
GLOBL ·certifyOne(SB), RODATA|NOPTR, $32

// Of row r, [v, 0, shift, 0]; [β, β, 0, 0]; [β, 1, 1, 1]; [Σ weight², γ, 1, 1]; α; L; γ.
DATA ·certifyIndex+0(SB)/8, $0x1004100610001002
DATA ·certifyIndex+8(SB)/8, $0x100c100e1008100a
DATA ·certifyIndex+16(SB)/8, $0x0d0d04040d0d0101
DATA ·certifyIndex+24(SB)/8, $0x0d0d0a0a0d0d0707
DATA ·certifyIndex+32(SB)/8, $0x0c0c0c040c0c0c01
DATA ·certifyIndex+40(SB)/8, $0x0c0c0c0a0c0c0c07
DATA ·certifyIndex+48(SB)/8, $0x1c1c15041c1c1200
DATA ·certifyIndex+56(SB)/8, $0x1c1c1b0c1c1c1808
DATA ·certifyIndex+64(SB)/8, $0x0303030300000000
DATA ·certifyIndex+72(SB)/8, $0x0909090906060606
DATA ·certifyIndex+80(SB)/8, $0x0404040401010101
DATA ·certifyIndex+88(SB)/8, $0x0a0a0a0a07070707
DATA ·certifyIndex+96(SB)/8, $0x0505050502020202
DATA ·certifyIndex+104(SB)/8, $0x0b0b0b0b08080808
GLOBL ·certifyIndex(SB), RODATA|NOPTR, $112

// SQUARES sets z to the chains of the row at y of base.
#define SQUARES(base, y, z) \
	VMOVUPS.Z y(base), K1, z;      \
	VMOVUPS.Z 64+y(base), K2, Z4;  \
	VMOVUPS.Z 128+y(base), K3, Z5; \
	VMOVUPS.Z 192+y(base), K4, Z6; \
	VMULPS z, z, z;              \
	VMULPS Z4, Z4, Z4;           \
	VMULPS Z5, Z5, Z5;           \
	VMULPS Z6, Z6, Z6;           \
	VADDPS Z4, z, z;             \
	VADDPS Z5, z, z;             \
	VADDPS Z6, z, z

// FOLD1 adds the chains of Z0, 8, 4, 2, 1 apart, into X0.
#define FOLD1 \
	VEXTRACTF64X4 $1, Z0, Y1;    \
	VADDPS Y1, Y0, Y0;           \
	VEXTRACTF128 $1, Y0, X1;     \
	VADDPS X1, X0, X0;           \
	VPERMILPS $0xEE, X0, X1;     \
	VADDPS X1, X0, X0;           \
	VMOVSHDUP X0, X1;            \
	VADDSS X1, X0, X0

// func certify_avx512(t *CertifyTile, keys, values *[8]byte, sv []float32, r, m, n int) (undefined uint64)
TEXT ·certify_avx512(SB), NOSPLIT, $0-80
	CERTIFYARGS
	MOVQ $64, CX
	SUBQ R12, CX
	MOVQ $-1, AX
	SHRQ CX, AX
	KMOVW AX, K1
	SHRQ $16, AX
	KMOVW AX, K2
	SHRQ $16, AX
	KMOVW AX, K3
	SHRQ $16, AX
	KMOVW AX, K4
	XORL CX, CX
	CMPQ sv_len+32(FP), $0
	JEQ  rows
	MOVQ sv_base+24(FP), AX
	SQUARES(AX, 0, Z0)
	FOLD1
	STEP2

rows:
	SUBQ $4, R10
	JLT  rest
	VINSERTPS $0xCE, X15, X15, X0
	VORPS ·certifyOne(SB), X0, X0
	VPERMILPS $0x42, X15, X1
	VINSERTPS $0x04, X1, X1, X1
	VINSERTPS $0x1C, 120(BX), X14, X2
	VSHUFF32X4 $0, Z12, Z12, Z16
	VSHUFF32X4 $0, Z0, Z0, Z17
	VSHUFF32X4 $0, Z1, Z1, Z18
	VSHUFF32X4 $0, Z2, Z2, Z19
	VPXORD Z26, Z26, Z26
	LEAQ ·certifyIndex(SB), AX
	VPMOVZXBD 0(AX), Z20
	VPMOVZXBD 16(AX), Z21
	VPMOVZXBD 32(AX), Z22
	VPMOVZXBD 48(AX), Z23
	VPMOVZXBD 64(AX), Z24
	VPMOVZXBD 80(AX), Z25
	VPMOVZXBD 96(AX), Z27
	MOVL $0x1111, AX
	KMOVW AX, K5
	MOVL $0xCCCC, AX
	KMOVW AX, K6

four:
	SQUARES(SI, 0, Z0)
	SQUARES(SI, 256, Z1)
	SQUARES(SI, 512, Z2)
	SQUARES(SI, 768, Z3)

	// chains 8, 4, 2, 1 apart; row i ends in the lowest lane of quarter i
	VSHUFF64X2 $0x44, Z1, Z0, Z4
	VSHUFF64X2 $0xEE, Z1, Z0, Z0
	VSHUFF64X2 $0x44, Z3, Z2, Z5
	VSHUFF64X2 $0xEE, Z3, Z2, Z2
	VADDPS Z0, Z4, Z4
	VADDPS Z2, Z5, Z5
	VSHUFF64X2 $0x88, Z5, Z4, Z0
	VSHUFF64X2 $0xDD, Z5, Z4, Z4
	VADDPS Z4, Z0, Z0
	VPERMILPS $0xEE, Z0, Z1
	VADDPS Z1, Z0, Z0
	VMOVSHDUP Z0, Z1
	VADDPS Z1, Z0, Z0

	// variance, ValErr, shift, ValSize
	VMULPS (R9), Z16, Z1
	VPERMILPS $0xB1, Z1, Z2
	VADDPS Z2, Z1, Z1
	VPERMT2PS Z26, Z20, Z1
	VMULPS Z17, Z1, Z1
	VADDPS Z18, Z1, Z1

	// times Σ weight², γ, 1, 1, the first times g² too, plus what a step adds
	VMOVUPS (R8), Y2
	VINSERTF32X4 $2, 32(R8), Z2, Z2
	VINSERTF32X4 $3, ·certifyOne+16(SB), Z2, Z2
	VMOVUPS (DX), Y3
	VINSERTF32X4 $2, 32(DX), Z3, Z3
	VPERMPS Z2, Z27, Z4
	VPERMPS Z3, Z25, Z3
	VDIVPS Z3, Z4, Z4
	VPERMT2PS Z2, Z23, Z0
	VMULPS Z0, Z1, Z1
	VMULPS Z4, Z4, Z4
	VMULPS Z4, Z1, K5, Z1
	VPERMPS Z2, Z21, Z3
	VPERMPS Z2, Z22, Z4
	VMULPS Z19, Z3, Z3
	VMULPS Z4, Z3, Z3
	VADDPS Z3, Z1, Z1

	VPERMPS Z2, Z24, Z3
	VPMOVD2M Z3, K7
	KNOTW K7, K7
	VMULPS Z3, Z3, K5, Z3
	VMOVUPS (DI), Z9
	VMULPS Z9, Z3, Z2
	VADDPS Z1, Z2, Z2
	VMAXPS Z1, Z9, K6, Z2
	VCMPPS $3, Z9, Z2, K7, K0
	KORTESTW K0, K0
	JNZ  undefined4

store4:
	VMOVAPS Z2, K7, Z9
	VMOVUPS Z9, (DI)
	ADDQ $64, DI
	ADDQ $1024, SI
	ADDQ $48, DX
	ADDQ $48, R8
	ADDQ $64, R9
	ADDQ $4, CX
	SUBQ $4, R10
	JGE  four

rest:
	ADDQ $4, R10
	JZ   done

row:
	CMPL (R8), $0
	JLT  next
	SQUARES(SI, 0, Z0)
	FOLD1
	CERTIFY1
	VCMPPS $3, X1, X5, X2
	VMOVMSKPS X2, AX
	TESTL AX, AX
	JNZ  undefined
	VMOVUPS X0, (DI)

next:
	NEXT1
	DECQ R10
	JNZ  row

done:
	MOVQ R11, undefined+72(FP)
	VZEROUPPER
	RET

undefined:
	BTSQ CX, R11
	JMP  next

undefined4: // a NaN in one lane keeps the row
	KMOVW K0, AX
	MOVL AX, R13
	SHRL $1, R13
	ORL  R13, AX
	MOVL AX, R13
	SHRL $2, R13
	ORL  R13, AX
	ANDL $0x1111, AX
	IMUL3L $15, AX, R13
	KMOVW R13, K0
	KANDNW K7, K0, K7
	IMUL3L $0x249, AX, AX
	SHRL $9, AX
	ANDL $15, AX
	SHLQ CX, AX
	ORQ  AX, R11
	JMP  store4
