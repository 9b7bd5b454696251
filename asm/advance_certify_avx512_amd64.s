//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"

// advance_certify_avx512_amd64.s: softmax of four whole rows with 8-bit weights, the states
// past them and their certificates.
//
// Obstacle:  certificates want the squares of the weights and the factors of the states, all of
// which are in registers here; a kernel of their own reads sixteen vectors of weights again and
// waits for factors that are stored under masks.
// Shape:     states move before the codes are made, so that certificates do not wait for them.
// Exactness: the operations and their order are those of the twins.
// Reads:     y[i][0:64], sv[0:64] and of every row M and L of the states, Q and C. Writes y and
//            p[i][0:64] and of every row M, L, Stat, Fold and C.
// Registers: see the header files · Z0–Z3 squares of the rows, later Z0 their sums · Z14 Z25 Z16
//            α, β and γ, by rows · Z7 Σ sv² · Z18 L · Z5 the record of the values · Z6 what the tile
//            adds · K1 lanes 0 and 2, K2 1, K3 0 and 1, K4 2 and 3, K5 0 of four numbers
//            K6 rows not empty

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

// SQUARES sets q to the chains of squares of a row in Z8–Z11.
#define SQUARES(q) \
	VMULPS Z8, Z8, q;      \
	VMULPS Z9, Z9, Z12;    \
	VADDPS Z12, q, q;      \
	VMULPS Z10, Z10, Z12;  \
	VADDPS Z12, q, q;      \
	VMULPS Z11, Z11, Z12;  \
	VADDPS Z12, q, q

// ROWSQUARES loads the row at o(DI) for that.
#define ROWSQUARES(q, o) \
	VMOVUPS o(DI), Z8;     \
	VMOVUPS o+64(DI), Z9;  \
	VMOVUPS o+128(DI), Z10; \
	VMOVUPS o+192(DI), Z11; \
	SQUARES(q)

// CODE8SQUARES is CODE8 with them, of row i.
#define CODE8SQUARES(q, i, o, p) \
	ROWSQUARES(q, o);             \
	PRODUCT(Z8, Z9, Z10, Z11);    \
	CODES(i, Z8, Z9, Z10, Z11);   \
	PACK(Z8, Z9, Z10, Z11);       \
	VMOVDQU32 Z8, p

// func advanceCertifyU8_avx512(r *RowStates, t *CertifyTile, keys, values *[8]byte, p []byte, y, sv []float32, top float32) (left uint64)
TEXT ·advanceCertifyU8_avx512(SB), NOSPLIT, $8-120
	MOVQ r+0(FP), AX
	MOVQ 72(AX), R12
	XORL R13, R13
	MOVB $0, poisoned-8(SP)
	MOVQ p_base+32(FP), SI
	MOVQ y_base+56(FP), DI
	MOVQ sv_base+80(FP), R10
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
	VBROADCASTSS top+104(FP), Z24
	BETA
	STATS(Z22)
	IFRARE(rare)
	VMOVAPS Z22, Z31
	ADVANCE(r+0(FP), poisoned-8(SP))

	// factors over the lanes of their rows
	VMOVDQU32 ·certifyRows(SB), Z17
	VPERMPS Z10, Z17, Z14
	VPERMPS Z19, Z17, Z25
	VPERMPS Z13, Z17, Z16

	CODE8SQUARES(Z0, 0, 0, (SI))
	CODE8SQUARES(Z1, 1, 256, (SI)(R9*1))
	CODE8SQUARES(Z2, 2, 512, (SI)(DX*1))
	CODE8SQUARES(Z3, 3, 768, (SI)(R11*1))

sums: // Σ sv²
	XORL R11, R11
	VMOVUPS (R10), Z8
	VMOVUPS 64(R10), Z9
	VMOVUPS 128(R10), Z10
	VMOVUPS 192(R10), Z11
	SQUARES(Z7)
	VEXTRACTF64X4 $1, Z7, Y8
	VADDPS Y8, Y7, Y7
	VEXTRACTF128 $1, Y7, X8
	VADDPS X8, X7, X7
	VPERMILPS $0xEE, X7, X8
	VADDPS X8, X7, X7
	VMOVSHDUP X7, X8
	VADDPS X8, X7, X7

	// chains 8, 4, 2, 1 apart; row i ends in quarter i
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

	MOVL $0x5555, AX
	KMOVW AX, K1
	MOVL $0x2222, AX
	KMOVW AX, K2
	MOVL $0x3333, AX
	KMOVW AX, K3
	MOVL $0xCCCC, AX
	KMOVW AX, K4
	MOVL $0x1111, AX
	KMOVW AX, K5
	MOVQ t+8(FP), BX
	MOVQ 0(BX), DI
	MOVQ 96(BX), R9
	MOVQ keys+16(FP), AX
	MOVQ values+24(FP), CX
	VPBROADCASTQ (CX), Y5
	VPMOVZXWD Y5, Z5
	VPSLLD $16, Z5, Z5
	VPBROADCASTQ (AX), Y6
	VPMOVZXWD Y6, Z6
	VPSLLD $16, Z6, Z6

	// what a step adds
	VPERMILPS $0xFF, Z5, Z8
	VMULSS 124(BX), X8, X9
	VDIVSS X7, X9, X9
	VXORPS X10, X10, X10
	VCMPPS $1, X7, X10, K6
	VMOVAPS.Z X9, K6, X9
	VBROADCASTSS X9, Z9
	VBROADCASTSS 120(BX), K2, Z9
	VMULPS.Z Z25, Z9, K3, Z9
	VMULPS Z25, Z9, K5, Z9

	// variance, ValErr, shift, ValSize
	VMULPS (R9), Z6, Z6
	VPERMILPS $0xB1, Z6, Z7
	VADDPS Z7, Z6, Z6
	VPERMILPS.Z $0x42, Z6, K1, Z6
	VMULPS Z8, Z6, K5, Z6
	VPERMILPS $0x42, Z5, Z5
	MOVL $0xBBBB, AX
	KMOVW AX, K6
	VADDPS Z5, Z6, K6, Z6

	// times Σ weight² and g², γ
	VMULPS Z0, Z6, K5, Z6
	VMULPS Z16, Z6, K2, Z6
	VDIVPS Z18, Z16, Z16
	VMULPS Z16, Z16, Z16
	VMULPS Z16, Z6, K5, Z6
	VADDPS Z9, Z6, Z6

	VPMOVD2M Z14, K6
	KNOTW K6, K6
	VMULPS Z14, Z14, K5, Z14
	VMOVUPS (DI), Z7
	VMULPS Z7, Z14, Z14
	VADDPS Z6, Z14, Z14
	VMAXPS Z6, Z7, K4, Z14
	VCMPPS $3, Z7, Z14, K6, K1
	KORTESTW K1, K1
	JNZ  undefined

store:
	VMOVAPS Z14, K6, Z7
	VMOVUPS Z7, (DI)
	MOVBLZX poisoned-8(SP), AX
	NEGL AX
	SBBL AX, AX
	ANDL $16, AX
	ORL  R11, AX
	MOVQ AX, left+112(FP)
	VZEROUPPER
	RET

undefined: // a NaN in one lane keeps the row
	KMOVW K1, AX
	MOVL AX, R13
	SHRL $1, R13
	ORL  R13, AX
	MOVL AX, R13
	SHRL $2, R13
	ORL  R13, AX
	ANDL $0x1111, AX
	IMUL3L $15, AX, R13
	KMOVW R13, K0
	KANDNW K6, K0, K6
	IMUL3L $0x249, AX, R11
	SHRL $9, R11
	ANDL $15, R11
	JMP  store

rare: // row by row
	COLUMNS($64)
	BYTES($64)
	MOVL $7, AX
	KMOVW AX, K7
	MOVQ DI, R9
	MOVL $4, R11

again:
	AGAIN
	VBROADCASTSS top+104(FP), Z24
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
	VBROADCASTSS (AX), K1, Z14
	VBROADCASTSS 4(AX), K1, Z25
	VBROADCASTSS 8(AX), K1, Z16
	VBROADCASTSS -44(R12), K1, Z18
	KSHIFTLW $4, K1, K1
	ADDQ $12, AX
	ADDQ $12, R12
	DECL R11
	JNZ factors
	ROWSQUARES(Z0, 0)
	ROWSQUARES(Z1, 256)
	ROWSQUARES(Z2, 512)
	ROWSQUARES(Z3, 768)
	JMP sums
