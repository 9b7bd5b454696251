//go:build !purego

#include "textflag.h"
#include "certify_amd64.h"
#include "certify_avx512_amd64.h"

// certify_avx512_amd64.s: weights of a tile into the certificates of its rows, by sixteens, then by fours.
//
// Obstacle:  16 chains of squares a row and a tree to add them up. The trees of sixteen rows are
//            one that halves their number at every step, and leaves sums in the order of the rows.
//            certify_amd64.h does the rows behind the last four.
// Registers: K2–K5 lanes of the four vectors of a row of weights · R13 the row, R12 from F to St · X14
//            Spread·x7 · Z24–Z26 indices of α, β and L, and γ, X27 of W · K7 rows whose factors are in the
//            third vector of F · Z0–Z11, Z15 temporaries

// Of rows 0–15: α; β and L one further, γ two further. Of rows 0–3: W.
DATA ·certifyIndex+0(SB)/8, $0x15120f0c09060300
DATA ·certifyIndex+8(SB)/8, $0x2d2a2724211e1b18
DATA ·certifyIndex+16(SB)/8, $0x0c080400
GLOBL ·certifyIndex(SB), RODATA|NOPTR, $24

// SQUARES sets z to the chains of the row at y(SI).
#define SQUARES(y, z) \
	VMOVUPS.Z y(SI), K2, z;      \
	VMOVUPS.Z 64+y(SI), K3, Z4;  \
	VMOVUPS.Z 128+y(SI), K4, Z5; \
	VMOVUPS.Z 192+y(SI), K5, Z6; \
	ROWSQUARES(z, z, Z4, Z5, Z6)

// FOURTREES sums the chains of four rows until four of each are left, row i in quarter i of d.
#define FOURTREES(o0, o1, o2, o3, d) \
	SQUARES(o0, Z0);               \
	SQUARES(o1, Z1);               \
	SQUARES2(Z0, Z1, Z4);          \
	SQUARES(o2, Z2);               \
	SQUARES(o3, Z3);               \
	SQUARES2(Z2, Z3, Z4);          \
	VSHUFF64X2 $0x88, Z2, Z0, Z4;  \
	VSHUFF64X2 $0xDD, Z2, Z0, Z0;  \
	VADDPS Z0, Z4, d

// TWOS leaves two, those of a in the lower half of every quarter.
#define TWOS(a, b, d) \
	VUNPCKLPD b, a, Z0; \
	VUNPCKHPD b, a, Z1; \
	VADDPS Z1, Z0, d

// FACTOR gathers number i of every row of three, whose rows in K7 are in the third vector.
#define FACTOR(base, i, d) \
	VMOVUPS (base), Z0;        \
	VMOVDQA32 i, d;            \
	VPERMI2PS 64(base), Z0, d; \
	VMOVUPS 128(base), Z0;     \
	VPERMPS Z0, i, K7, d

// NORMS sets AX and DX to Norm2 and Err2 of row R13, SUMSAT to its Squares and Sum.
#define NORMS \
	MOVQ 24(BX), AX;      \
	LEAQ (AX)(AX*2), DX;  \
	LEAQ (R13)(AX*2), AX; \
	ADDQ R13, DX;         \
	SHLQ $2, AX;          \
	SHLQ $2, DX;          \
	ADDQ 0(BX), AX;       \
	ADDQ 0(BX), DX
#define SUMSAT \
	MOVQ 0(BX), AX;       \
	MOVQ 24(BX), DX;      \
	LEAQ (AX)(R13*4), AX; \
	LEAQ (AX)(DX*4), DX

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
	VPMOVZXBD ·certifyIndex+0(SB), Z24
	MOVL $1, AX
	VPBROADCASTD AX, Z26
	VPADDD Z24, Z26, Z25
	VPADDD Z25, Z26, Z26
	VPMOVZXBD ·certifyIndex+16(SB), X27
	VBROADCASTSS X14, Z14
	SUBQ $16, R10
	JLT  fours

sixteen:
	FOURTREES(0, 1024, 2048, 3072, Z7)
	FOURTREES(256, 1280, 2304, 3328, Z8)
	TWOS(Z7, Z8, Z9)
	FOURTREES(512, 1536, 2560, 3584, Z10)
	FOURTREES(768, 1792, 2816, 3840, Z11)
	TWOS(Z10, Z11, Z15)
	VSHUFPS $0x88, Z15, Z9, Z0
	VSHUFPS $0xDD, Z15, Z9, Z1
	VADDPS Z1, Z0, Z17
	MOVL $0xF800, AX
	KMOVW AX, K7
	FACTOR(R8, Z24, Z18)
	FACTOR(R8, Z25, Z22)
	LEAQ (R8)(R12*1), AX
	FACTOR(AX, Z25, Z20)
	MOVL $0xFC00, AX
	KMOVW AX, K7
	FACTOR(R8, Z26, Z21)
	NORMS
	ADDED(STEPSPREAD, Z14, Z17, Z19, Z20, Z21, Z22, Z29)
	SUMSAT
	VMULPS Z18, Z18, Z20
	VMULPS (AX), Z20, Z20
	VADDPS Z19, Z20, Z19
	VMULPS (DX), Z18, Z20
	VADDPS Z21, Z20, Z20
	VBROADCASTF32X4 (CX), Z22
	VPMOVD2M Z18, K6
	VCMPPS $3, Z20, Z19, K1
	KORTESTW K1, K6
	JNE  some16
	VMOVUPS Z19, (AX)
	VMOVUPS Z20, (DX)
	VMAXPS (DI), Z22, Z0
	VMAXPS 64(DI), Z22, Z1
	VMAXPS 128(DI), Z22, Z2
	VMAXPS 192(DI), Z22, Z3
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)

moved16:
	ADDQ $256, DI
	ADDQ $4096, SI
	ADDQ $192, R8
	ADDQ $16, R13
	SUBQ $16, R10
	JGE  sixteen

fours:
	ADDQ $12, R10
	JLT  rest

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
	NORMS
	ADDED(STEPSPREAD, X14, X17, X19, X20, X21, X22, X29)
	SUMSAT
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

some16:
	KANDNW K1, K6, K1
	KORW K1, K6, K6
	KNOTW K6, K6
	VMOVUPS Z19, K6, (AX)
	VMOVUPS Z20, K6, (DX)
	KMOVW K1, AX
	MOVQ R13, CX
	SUBQ r+16(FP), CX
	SHLQ CX, AX
	ORQ  AX, undefined+40(FP)
	MOVQ R11, CX
	MOVQ DI, R9
	MOVL $4, DX
	VMOVDQU32 ·certifyRows(SB), Z19

maxima:
	VPMOVM2D K6, Z18
	KSHIFTRW $4, K6, K6
	VPERMD Z18, Z19, Z18
	VPMOVD2M Z18, K1
	VMAXPS (R9), Z22, Z0
	VMOVUPS Z0, K1, (R9)
	ADDQ $64, R9
	DECL DX
	JNZ  maxima
	JMP  moved16
