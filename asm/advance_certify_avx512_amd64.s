//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "certify_avx512_amd64.h"

// advance_certify_avx512_amd64.s: softmax of four whole rows with 8-bit weights, the states
// past them and their certificates.
//
// Obstacle:  certificates want the squares of the weights and the factors of the states, all of
// which are in registers here; a kernel of their own reads sixteen vectors of weights again and
// waits for factors that are stored under masks.
// Shape:     states move before the codes are made, so that certificates do not wait for them.
// Exactness: the operations and their order are those of the twins.
// Reads:     y[i][0:64], sv[0:64], the record and of every row M and L of the states, Norm2, Err2,
// Squares, Sum and Most. Writes y and p[i][0:64], W[0:4] where a row is undefined, and of every row M, L,
// Stat, Fold, Squares, Sum and Most.
// Registers: see the header files · Z0–Z3 squares of the rows · Z10 Z19 Z13 α, β and γ in columns

// The row of every lane.
DATA ·certifyRows+0(SB)/8, $0x0000000000000000
DATA ·certifyRows+8(SB)/8, $0x0000000000000000
DATA ·certifyRows+16(SB)/8, $0x0000000100000001
DATA ·certifyRows+24(SB)/8, $0x0000000100000001
DATA ·certifyRows+32(SB)/8, $0x0000000200000002
DATA ·certifyRows+40(SB)/8, $0x0000000200000002
DATA ·certifyRows+48(SB)/8, $0x0000000300000003
DATA ·certifyRows+56(SB)/8, $0x0000000300000003
GLOBL ·certifyRows(SB), RODATA|NOPTR, $64

// CODE8SQUARES is CODE8 with the chains of squares of row i.
#define CODE8SQUARES(q, i, o, p) \
	LOADSQUARES(q, o);            \
	PRODUCT(Z8, Z9, Z10, Z11);    \
	CODES(i, Z8, Z9, Z10, Z11);   \
	PACK(Z8, Z9, Z10, Z11);       \
	VMOVDQU32 Z8, p

// LOADSQUARES loads the row at o(DI) for them.
#define LOADSQUARES(q, o) \
	VMOVUPS o(DI), Z8;     \
	VMOVUPS o+64(DI), Z9;  \
	VMOVUPS o+128(DI), Z10; \
	VMOVUPS o+192(DI), Z11; \
	ROWSQUARES(q, Z8, Z9, Z10, Z11)

// func advanceCertifyU8_avx512(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32) (left uint64)
TEXT ·advanceCertifyU8_avx512(SB), NOSPLIT, $8-88
	MOVQ r+0(FP), AX
	MOVQ 72(AX), R12
	XORL R13, R13
	MOVB $0, poisoned-8(SP)
	MOVQ p_base+24(FP), SI
	MOVQ t+8(FP), AX
	MOVQ 32(AX), DI
	MOVQ sv_base+48(FP), R10
	LEAQ ·softmaxConst(SB), BX
	MOVL $64, R9
	MOVL $128, DX
	MOVL $192, R11
	MOVL $0xfff, AX
	KMOVW AX, K7
	EXPCONST
	PEAK(0, R11)
	ORIGIN
	VMOVAPS Z14, Z27
	WEIGH(LESS, EXPS, 0, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, EXPS, 1, 256, (DI), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z18, Z25, 0, (DI), Z0, Z1, Z2, Z3)
	WEIGH(LESS, EXPS, 2, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z19, Z30, 256, (DI), Z4, Z5, Z6, Z7)
	JOIN(Z18, Z19, Z25, Z30)
	WEIGH(LESS, EXPS, 3, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	KEEP(STORE, SUMS, Z19, Z30, 512, (DI), Z0, Z1, Z2, Z3)
	KEEP(STORE, SUMS, Z20, Z31, 0, (DI)(R11*4), Z4, Z5, Z6, Z7)
	JOIN(Z19, Z20, Z30, Z31)
	UNITE
	VBROADCASTSS top+72(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	ADVANCE(r+0(FP), poisoned-8(SP))

	VMOVAPS X10, X4
	VMOVAPS X19, X5
	VMOVAPS X13, X6
	CODE8SQUARES(Z0, 0, 0, (SI))
	CODE8SQUARES(Z1, 1, 256, (SI)(R9*1))
	CODE8SQUARES(Z2, 2, 512, (SI)(DX*1))
	CODE8SQUARES(Z3, 3, 768, (SI)(R11*1))
	VMOVDQU32 448(BX), X29
	VPERMPS Z18, Z29, Z20
	VMOVAPS X4, X18
	VMOVAPS X5, X22
	VMOVAPS X6, X21

sums:
	SQUARES2(Z0, Z1, Z4)
	SQUARES2(Z2, Z3, Z4)
	SQUARES4(Z0, Z2, Z4)
	VPERMPS Z0, Z29, Z17
	MOVQ t+8(FP), BX
	MOVQ tile+16(FP), CX
	FOURROWS(some)

left:
	LEFT(poisoned-8(SP), left+80(FP))
	VZEROUPPER
	RET

some: // of the rows are empty, or undefined
	SOMEROWS
	KMOVB K1, BX
	MOVQ r+0(FP), AX
	MOVQ 48(AX), AX
	VMOVUPS X17, (AX)
	JMP  left

rare: // row by row
	COLUMNS($64)
	BYTES($64)
	MOVL $7, AX
	KMOVW AX, K7
	MOVQ DI, R9
	MOVL $4, R11

again:
	AGAIN
	VBROADCASTSS top+72(FP), Z24
	RARE
	STATS(Z22)
	VMOVAPS Z22, Z31
	CODES(0, Z0, Z1, Z2, Z3)
	PACK(Z0, Z1, Z2, Z3)
	VMOVDQU8 Z0, K5, (SI)
	ADVANCE(r+0(FP), poisoned-8(SP))
	ADDQ $4, R13
	ADDQ $64, SI
	ADDQ $12, R12
	ADDQ $256, R9
	DECL R11
	JNZ again
	MOVQ r+0(FP), AX
	MOVQ 96(AX), AX
	MOVL $15, CX
	KMOVW CX, K1
	MOVL $4, R11

factors:
	VBROADCASTSS (AX), K1, Z18
	VBROADCASTSS 4(AX), K1, Z22
	VBROADCASTSS 8(AX), K1, Z21
	VBROADCASTSS -44(R12), K1, Z20
	KSHIFTLW $4, K1, K1
	ADDQ $12, AX
	ADDQ $12, R12
	DECL R11
	JNZ factors
	VMOVDQU32 448(BX), X29
	VPERMPS Z18, Z29, Z18
	VPERMPS Z22, Z29, Z22
	VPERMPS Z21, Z29, Z21
	VPERMPS Z20, Z29, Z20
	LOADSQUARES(Z0, 0)
	LOADSQUARES(Z1, 256)
	LOADSQUARES(Z2, 512)
	LOADSQUARES(Z3, 768)
	JMP sums
