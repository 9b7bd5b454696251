//go:build !purego

#include "textflag.h"
#include "certify_amd64.h"
#include "certify_avx512_amd64.h"

// certify_avx512_amd64.s: weights of a tile into the certificates of its rows, by fours.
//
// Obstacle:  16 chains of squares a row and a tree to add them up, which are whole vectors here, as are
//            four rows of factors or maxima. certify_amd64.h does the rows behind the last four.
// Registers: K2–K5 lanes of the four vectors of a row of weights · R13 the row, R12 from F to St · X14
//            Spread·x7 · X24–X26 indices of α, β and L, and γ, X27 of W · Z0–Z6 temporaries

// Of rows 0–3: α; β and L; γ; W.
DATA ·certifyIndex+0(SB)/8, $0x0a07040109060300
DATA ·certifyIndex+8(SB)/8, $0x0c0804000b080502
GLOBL ·certifyIndex(SB), RODATA|NOPTR, $16

// SQUARES sets z to the chains of the row at y(SI).
#define SQUARES(y, z) \
	VMOVUPS.Z y(SI), K2, z;      \
	VMOVUPS.Z 64+y(SI), K3, Z4;  \
	VMOVUPS.Z 128+y(SI), K4, Z5; \
	VMOVUPS.Z 192+y(SI), K5, Z6; \
	ROWSQUARES(z, z, Z4, Z5, Z6)

// func certify_avx512(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64)
TEXT ·certify_avx512(SB), NOSPLIT, $0-48
	CERTIFYARGS
	MOVQ CX, R13
	MOVQ $64, CX
	SUBQ R12, CX
	MOVQ $-1, AX
	SHRQ CX, AX
	KMOVW AX, K2
	SHRQ $16, AX
	KMOVW AX, K3
	SHRQ $16, AX
	KMOVW AX, K4
	SHRQ $16, AX
	KMOVW AX, K5
	MOVQ $0, undefined+40(FP)
	MOVQ DX, R12
	SUBQ R8, R12
	MOVQ R11, CX
	SUBQ $4, R10
	JLT  rest
	VPMOVZXBD ·certifyIndex+0(SB), X24
	VPMOVZXBD ·certifyIndex+4(SB), X25
	VPMOVZXBD ·certifyIndex+8(SB), X26
	VPMOVZXBD ·certifyIndex+12(SB), X27

four:
	SQUARES(0, Z0)
	SQUARES(256, Z1)
	SQUARES(512, Z2)
	SQUARES(768, Z3)
	SQUARES2(Z0, Z1, Z4)
	SQUARES2(Z2, Z3, Z4)
	SQUARES4(Z0, Z2, Z4)
	VMOVUPS (R8), Y1
	VINSERTF32X4 $2, 32(R8), Z1, Z1
	VMOVUPS (R8)(R12*1), Y2
	VINSERTF32X4 $2, 32(R8)(R12*1), Z2, Z2
	VPERMPS Z0, Z27, Z17
	VPERMPS Z1, Z24, Z18
	VPERMPS Z1, Z25, Z22
	VPERMPS Z1, Z26, Z21
	VPERMPS Z2, Z25, Z20
	MOVQ 144(BX), AX
	MOVQ 168(BX), DX
	LEAQ (AX)(R13*4), AX
	LEAQ (DX)(R13*4), DX
	ADDED(STEPSPREAD)
	MOVQ 0(BX), AX
	MOVQ 24(BX), DX
	LEAQ (AX)(R13*4), AX
	LEAQ (DX)(R13*4), DX
	MOVQ DI, R9
	ROWS(some)

moved:
	ADDQ $64, DI
	ADDQ $1024, SI
	ADDQ $48, R8
	ADDQ $4, R13
	SUBQ $4, R10
	JGE  four

rest:
	XORL R9, R9
	ADDQ $4, R10
	JZ   done
	MOVQ R13, CX
	LEAQ (R8)(R12*1), DX

row:
	CMPL (R8), $0
	JLT  next
	SQUARES(0, Z0)
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VADDPS X1, X0, X0
	VPERMILPS $0xEE, X0, X1
	VADDPS X1, X0, X0
	VMOVSHDUP X0, X1
	VADDSS X1, X0, X0
	CERTIFY1(r+16(FP))
	DECQ R10
	JNZ  row

done:
	ORQ R9, undefined+40(FP)
	VZEROUPPER
	RET

next:
	NEXT1
	DECQ R10
	JNZ  row
	JMP  done

some: // of the rows are empty, or undefined
	SOMEROWS
	KMOVB K1, AX
	MOVQ R13, CX
	SUBQ r+16(FP), CX
	SHLQ CX, AX
	ORQ  AX, undefined+40(FP)
	MOVQ R11, CX
	JMP  moved
