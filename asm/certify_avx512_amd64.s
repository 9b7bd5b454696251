//go:build !purego

#include "textflag.h"
#include "certify_amd64.h"

// certify_avx512_amd64.s: weights of a tile into the certificates of its rows, by fours, as
// certify_amd64.h has it. A vector is the 16 chains of a row; tails are masked loads.
// Registers: K1–K4 lanes of the four vectors of a row · Z0–Z3 chains · Z4–Z7 temporaries

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

// func certify_avx512(c []Certificate, y []float32, st []Stat, w, sv []float32, q []QueryError, t *TileError, m, n int) (undefined uint64)
TEXT ·certify_avx512(SB), NOSPLIT, $0-176
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
	CMPQ sv_len+104(FP), $0
	JEQ  rows
	MOVQ sv_base+96(FP), AX
	SQUARES(AX, 0, Z0)
	FOLD1
	STEP2

rows:
	SUBQ $4, R10
	JLT  rest

four:
	SQUARES(SI, 0, Z0)
	SQUARES(SI, 256, Z1)
	SQUARES(SI, 512, Z2)
	SQUARES(SI, 768, Z3)

	// chains 8, 4, 2, 1 apart
	VEXTRACTF64X4 $1, Z0, Y4
	VEXTRACTF64X4 $1, Z1, Y5
	VEXTRACTF64X4 $1, Z2, Y6
	VEXTRACTF64X4 $1, Z3, Y7
	VADDPS Y4, Y0, Y0
	VADDPS Y5, Y1, Y1
	VADDPS Y6, Y2, Y2
	VADDPS Y7, Y3, Y3
	VEXTRACTF128 $1, Y0, X4
	VEXTRACTF128 $1, Y1, X5
	VEXTRACTF128 $1, Y2, X6
	VEXTRACTF128 $1, Y3, X7
	VADDPS X4, X0, X0
	VADDPS X5, X1, X1
	VADDPS X6, X2, X2
	VADDPS X7, X3, X3
	FOLD4(X0, X1, X2, X3, X4, X5)
	CERTIFY4
	TESTL AX, AX
	JZ   store4
	KEEP4

store4:
	STORE4
	SUBQ $4, R10
	JGE  four

rest:
	ADDQ $4, R10
	JZ   done

row:
	CMPQ (R8), $0
	JEQ  next // a weight is never −0
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
	MOVQ R11, undefined+168(FP)
	VZEROUPPER
	RET

undefined:
	BTSQ CX, R11
	JMP  next
