//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "qk_advance_amd64.h"
#include "qk_advance_i8_amd64.h"
#include "certify_avx512_amd64.h"

// qk_advance_certify_i8_vnni_amd64.s: 8-bit weights of a tile, the states past it and their
// certificates, among the scores of the next.
//
// Obstacle, Shape: see qk_advance_i8_amd64.h; the squares of weights are summed where their
//            codes are made, and certificates updated behind the states.
// Reads:     y[0:4][0:64], sv[0:64], q[0:4], K, sk[0:64], the record and of every row M and L of the states,
//            Norm2, Err2, Squares, Sum and Most. Writes y, p[0:4][0:64], W[0:4] and of every row M, L, Stat,
//            Fold, Squares, Sum and Most.
// Registers: see the header files.

// Behind the factors: whether a row is poisoned or rare. Over the sums of the weights: those of squares.
#define POISONED 80(SP)
#define SINGLE   81(SP)
#define SQUARES01 192(SP)

// SQUARE sets q to the chains of squares of Z17–Z20.
#define SQUARE(q) ROWSQUARES(q, Z17, Z18, Z19, Z20)

// func qkAdvanceCertifyI8_vnni(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64)
TEXT ·qkAdvanceCertifyI8_vnni(SB), NOSPLIT, $448-240
	MOVW $0, POISONED
	MOVQ t+8(FP), AX
	MOVQ 32(AX), DI
	MOVQ sv_base+48(FP), R10
	STRIDES(d4+200(FP))
	FETCHED(next_base+208(FP), next_len+216(FP), line, start)

start:
	START(k_base+104(FP), q_base+80(FP))
	MOVL R8, CX
	PEAKS01

turn0:
	TURN
	JNE  turn0
	MOVL R8, CX
	PEAKS23

turn1:
	TURN
	JNE  turn1
	MOVL R8, CX
	PEAKS
	PEAKED
	EXPCONSTS

turn2:
	TURN
	JNE  turn2
	MOVL R8, CX
	SUMSQ(q_base+80(FP), sum)

turn3:
	TURN
	JNE  turn3
	MOVL R8, CX
	VBROADCASTSS (4*0+16)(SP), Z31
	WEIGHTS(0, FIRST2)

turn4:
	TURN
	JNE  turn4
	MOVL R8, CX
	WEIGHTS(128, MORE2)
	KEEP1

turn5:
	TURN
	JNE  turn5
	MOVL R8, CX
	VBROADCASTSS (4*1+16)(SP), Z31
	WEIGHTS(256, FIRST2)

turn6:
	TURN
	JNE  turn6
	MOVL R8, CX
	WEIGHTS(384, MORE2)
	KEEP01

turn7:
	TURN
	JNE  turn7
	MOVL R8, CX
	VBROADCASTSS (4*2+16)(SP), Z31
	WEIGHTS(512, FIRST2)

turn8:
	TURN
	JNE  turn8
	MOVL R8, CX
	WEIGHTS(640, MORE2)
	KEEP1

turn9:
	TURN
	JNE  turn9
	MOVL R8, CX
	VBROADCASTSS (4*3+16)(SP), Z31
	WEIGHTS(768, FIRST2)

turn10:
	TURN
	JNE  turn10
	MOVL R8, CX
	WEIGHTS(896, MORE2)

turn11:
	TURN
	JNE  turn11
	MOVL R8, CX
	UNITES(top+72(FP), r+0(FP), rare)

turn12:
	TURN
	JNE  turn12
	MOVL R8, CX
	MOVQ p_base+24(FP), AX
	LOADROW(0)
	SQUARE(Z21)
	CODES4(0)
	LOADROW(256)
	SQUARE(Z29)
	CODES4(1)
	SQUARES2(Z21, Z29, Z22)
	VMOVUPS Z21, SQUARES01

turn13:
	TURN
	JNE  turn13
	MOVL R8, CX
	MOVQ p_base+24(FP), AX
	LOADROW(512)
	SQUARE(Z21)
	CODES4(2)
	LOADROW(768)
	SQUARE(Z29)
	CODES4(3)
	SQUARES2(Z21, Z29, Z22)
	VMOVUPS SQUARES01, Z29
	SQUARES4(Z29, Z21, Z22)
	VMOVUPS Z29, SQUARES01

turn14:
	TURN
	JNE  turn14
	MOVL R8, CX
	FACTORED(r+0(FP))

turn15:
	TURN
	JNE  turn15
	MOVL R8, CX
	STATES(r+0(FP), POISONED)

certificates:
	MOVQ t+8(FP), BX
	MOVQ tile+16(FP), CX
	VMOVDQU32 ·softmaxConst+448(SB), X29
	VPERMPS SQUARES01, Z29, Z17
	VPERMPS SUML, Z29, Z20
	FOURROWS(some)

left:
	LEFT(POISONED, left+232(FP))
	CMPB SINGLE, $0
	JNE  solo

logits:
	LOGITS(a_base+152(FP), b_base+176(FP), sk_base+128(FP))
	VZEROUPPER
	RET

some: // of the rows are empty, or undefined
	SOMEROWS
	KMOVB K1, BX
	MOVQ r+0(FP), AX
	MOVQ 48(AX), AX
	VMOVUPS X17, (AX)
	JMP  left

rare:
	ONEBYONE(r+0(FP), p_base+24(FP), top+72(FP), POISONED, again)
	MOVB $1, SINGLE
	LOADROW(0)
	SQUARE(Z21)
	LOADROW(256)
	SQUARE(Z22)
	LOADROW(512)
	SQUARE(Z23)
	LOADROW(768)
	SQUARE(Z30)
	SQUARES2(Z21, Z22, Z29)
	SQUARES2(Z23, Z30, Z29)
	SQUARES4(Z21, Z23, Z29)
	VMOVUPS Z21, SQUARES01
	MOVQ r+0(FP), AX
	MOVQ 72(AX), CX
	MOVQ 96(AX), AX
	MOVL $15, BX
	KMOVW BX, K7
	MOVL $4, R11

factors:
	VBROADCASTSS (AX), K7, Z18
	VBROADCASTSS 4(AX), K7, Z22
	VBROADCASTSS 8(AX), K7, Z21
	VBROADCASTSS 4(CX), K7, Z20
	KSHIFTLW $4, K7, K7
	ADDQ $12, AX
	ADDQ $12, CX
	DECL R11
	JNE  factors
	VMOVUPS Z20, SUML
	VMOVDQU32 ·softmaxConst+448(SB), X29
	VPERMPS Z18, Z29, Z18
	VPERMPS Z22, Z29, Z22
	VPERMPS Z21, Z29, Z21
	JMP  certificates

solo:
	SOLO(k_base+104(FP), q_base+80(FP), d4+200(FP))

alone:
	TURN
	JNE  alone
	JMP  logits
