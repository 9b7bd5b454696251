//go:build !purego

#include "textflag.h"
#include "certify_amd64.h"

// certify_avx2_amd64.s: weights of a tile into the certificates of its rows, by fours, as
// certify_amd64.h has it. Tails are masked loads.
// Registers: R13 y · AX columns left · Y0–Y7 the chains of four rows · Y8, Y9 temporaries
//            Y10, Y11 masks

// SQUARES adds 16 squares of the row at y to the chains a and b.
#define SQUARES(y, a, b) \
	VMOVUPS y(R13), Y8;          \
	VMOVUPS 32+y(R13), Y9;       \
	VFMADD231PS Y8, Y8, a;       \
	VFMADD231PS Y9, Y9, b

// SQUARESTAIL is SQUARES under the masks.
#define SQUARESTAIL(y, a, b) \
	VMASKMOVPS y(R13), Y10, Y8;    \
	VMASKMOVPS 32+y(R13), Y11, Y9; \
	VFMADD231PS Y8, Y8, a;         \
	VFMADD231PS Y9, Y9, b

// MASKS sets the masks of the last AX columns of a row, and y to the first of them.
#define MASKS \
	LEAQ ·tailMask+64(SB), R13;  \
	SHLQ $2, AX;                 \
	SUBQ AX, R13;                \
	VMOVDQU (R13), Y10;          \
	VMOVDQU 32(R13), Y11;        \
	LEAQ (SI)(R12*4), R13;       \
	SUBQ AX, R13

// func certify_avx2(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64)
TEXT ·certify_avx2(SB), NOSPLIT, $0-48
	CERTIFYARGS
	SUBQ $4, R10
	JLT  rest

four:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ SI, R13
	MOVQ R12, AX
	SUBQ $16, AX
	JLT  tail4

columns4:
	SQUARES(0, Y0, Y1)
	SQUARES(256, Y2, Y3)
	SQUARES(512, Y4, Y5)
	SQUARES(768, Y6, Y7)
	ADDQ $64, R13
	SUBQ $16, AX
	JGE  columns4

tail4:
	ADDQ $16, AX
	JZ   fold4
	MASKS
	SQUARESTAIL(0, Y0, Y1)
	SQUARESTAIL(256, Y2, Y3)
	SQUARESTAIL(512, Y4, Y5)
	SQUARESTAIL(768, Y6, Y7)

fold4: // chains 8, 4, 2, 1 apart
	VADDPS Y1, Y0, Y0
	VADDPS Y3, Y2, Y2
	VADDPS Y5, Y4, Y4
	VADDPS Y7, Y6, Y6
	VEXTRACTF128 $1, Y0, X1
	VEXTRACTF128 $1, Y2, X3
	VEXTRACTF128 $1, Y4, X5
	VEXTRACTF128 $1, Y6, X7
	VADDPS X1, X0, X0
	VADDPS X3, X2, X2
	VADDPS X5, X4, X4
	VADDPS X7, X6, X6
	FOLD4(X0, X2, X4, X6, X1, X3)
	CERTIFY4(r+16(FP))
	SUBQ $4, R10
	JGE  four

rest:
	ADDQ $4, R10
	JZ   done

row:
	CMPL (R8), $0
	JLT  next
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	MOVQ SI, R13
	MOVQ R12, AX
	SUBQ $16, AX
	JLT  tail

columns:
	SQUARES(0, Y0, Y1)
	ADDQ $64, R13
	SUBQ $16, AX
	JGE  columns

tail:
	ADDQ $16, AX
	JZ   fold
	MASKS
	SQUARESTAIL(0, Y0, Y1)

fold:
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
	MOVQ R9, undefined+40(FP)
	VZEROUPPER
	RET

next:
	NEXT1
	DECQ R10
	JNZ  row
	JMP  done
