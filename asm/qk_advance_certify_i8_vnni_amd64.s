//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "qk_advance_amd64.h"
#include "qk_advance_i8_amd64.h"

// qk_advance_certify_i8_vnni_amd64.s: 8-bit weights of a tile, the states past it and their
// certificates, among the scores of the next.
//
// Obstacle, Shape: see qk_advance_i8_amd64.h; the squares of weights are summed where their
//            codes are made, and certificates updated behind the states.
// Reads:     y[0:4][0:64], sv[0:64], q[0:4], K, sk[0:64] and of every row M and L of the states, Q
//            and C. Writes y, p[0:4][0:64] and of every row M, L, W, Stat, Fold and C.
// Registers: see the header files · at the end Z18 Z22 Z21 α, β and γ, by rows · Z17 Σ weight²
//            Z19 what the tile adds · K1 lanes 0 and 2, K2 1, K3 0 and 1, K4 2 and 3, K5 0 of four
//            numbers · K6 rows not empty · R9 rows undefined

// Behind the maxima and factors: what a step adds, whether a row is poisoned or rare. Behind the
// sums of the weights: those of squares, and what the tile adds.
#define STEPSUM  80(SP)
#define POISONED 96(SP)
#define SINGLE   97(SP)
#define SQUARES01 192(SP)
#define TILEADDS 256(SP)

// SQUARE sets q to the chains of squares of Z17–Z20.
#define SQUARE(q, t) \
	VMULPS Z17, Z17, q;  \
	VMULPS Z18, Z18, t;  \
	VADDPS t, q, q;      \
	VMULPS Z19, Z19, t;  \
	VADDPS t, q, q;      \
	VMULPS Z20, Z20, t;  \
	VADDPS t, q, q

// SQUARE2 joins the chains of two rows in a and b, SQUARES those of two pairs, row i in quarter i.
#define SQUARE2(a, b, t) \
	VSHUFF64X2 $0x44, b, a, t; \
	VSHUFF64X2 $0xEE, b, a, a; \
	VADDPS a, t, a
#define SQUARES(a, b, t) \
	VSHUFF64X2 $0x88, b, a, t; \
	VSHUFF64X2 $0xDD, b, a, a; \
	VADDPS a, t, a;            \
	VPERMILPS $0xEE, a, t;     \
	VADDPS t, a, a;            \
	VMOVSHDUP a, t;            \
	VADDPS t, a, a

// STEPS notes what a step of the weights adds: Spread·ValSize2/Σ sv², Step.
#define STEPS \
	VMOVUPS (R10), Z17;           \
	VMOVUPS 64(R10), Z18;         \
	VMOVUPS 128(R10), Z19;        \
	VMOVUPS 192(R10), Z20;        \
	SQUARE(Z21, Z22);             \
	VEXTRACTF64X4 $1, Z21, Y17;   \
	VADDPS Y17, Y21, Y21;         \
	VEXTRACTF32X4 $1, Y21, X17;   \
	VADDPS X17, X21, X21;         \
	VPERMILPS $0xEE, X21, X17;    \
	VADDPS X17, X21, X21;         \
	VMOVSHDUP X21, X17;           \
	VADDPS X17, X21, X21;         \
	MOVQ values+24(FP), AX;       \
	VPBROADCASTW 6(AX), X17;      \
	VPSLLD $16, X17, X17;         \
	MOVQ t+8(FP), AX;             \
	VMULSS 124(AX), X17, X17;     \
	VDIVSS X21, X17, X17;         \
	VXORPS X18, X18, X18;         \
	VCMPPS $1, X21, X18, K6;      \
	VMOVAPS.Z X17, K6, X17;       \
	VINSERTPS $0x1C, 120(AX), X17, X17; \
	VMOVUPS X17, STEPSUM

// LANES sets the masks of four numbers a row.
#define LANES \
	MOVL $0x5555, AX; \
	KMOVW AX, K1;     \
	MOVL $0x2222, AX; \
	KMOVW AX, K2;     \
	MOVL $0x3333, AX; \
	KMOVW AX, K3;     \
	MOVL $0xCCCC, AX; \
	KMOVW AX, K4;     \
	MOVL $0x1111, AX; \
	KMOVW AX, K5

// ADDS notes variance, ValErr, shift and ValSize of the rows. Z16 to Z20 and Z31 stay.
#define ADDS \
	MOVQ values+24(FP), AX;       \
	VPBROADCASTQ (AX), Y29;       \
	VPMOVZXWD Y29, Z29;           \
	VPSLLD $16, Z29, Z29;         \
	MOVQ keys+16(FP), AX;         \
	VPBROADCASTQ (AX), Y30;       \
	VPMOVZXWD Y30, Z30;           \
	VPSLLD $16, Z30, Z30;         \
	MOVQ t+8(FP), AX;             \
	MOVQ 96(AX), AX;              \
	VMULPS (AX), Z30, Z30;        \
	VPERMILPS $0xB1, Z30, Z21;    \
	VADDPS Z21, Z30, Z30;         \
	VPERMILPS.Z $0x42, Z30, K1, Z30; \
	VPERMILPS $0xFF, Z29, Z21;    \
	VMULPS Z21, Z30, K5, Z30;     \
	VPERMILPS $0x42, Z29, Z29;    \
	MOVL $0xBBBB, AX;             \
	KMOVW AX, K6;                 \
	VADDPS Z29, Z30, K6, Z30;     \
	VMOVUPS Z30, TILEADDS

// func qkAdvanceCertifyI8_vnni(r *RowStates, t *CertifyTile, keys, values *[8]byte, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64)
TEXT ·qkAdvanceCertifyI8_vnni(SB), NOSPLIT, $448-248
	MOVW $0, POISONED
	MOVQ t+8(FP), AX
	MOVQ 24(AX), DI
	MOVQ sv_base+56(FP), R10
	STRIDES(d4+208(FP))
	FETCHED(next_base+216(FP), next_len+224(FP), line, start)

start:
	START(k_base+112(FP), q_base+88(FP))
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
	STEPS
	EXPCONSTS

turn2:
	TURN
	JNE  turn2
	MOVL R8, CX
	SUMSQ(q_base+88(FP), sum)

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
	UNITES(top+80(FP), r+0(FP), rare)

turn12:
	TURN
	JNE  turn12
	MOVL R8, CX
	MOVQ p_base+32(FP), AX
	LOADROW(0)
	SQUARE(Z21, Z22)
	CODES4(0)
	LOADROW(256)
	SQUARE(Z29, Z22)
	CODES4(1)
	SQUARE2(Z21, Z29, Z22)
	VMOVUPS Z21, SQUARES01

turn13:
	TURN
	JNE  turn13
	MOVL R8, CX
	MOVQ p_base+32(FP), AX
	LOADROW(512)
	SQUARE(Z21, Z22)
	CODES4(2)
	LOADROW(768)
	SQUARE(Z29, Z22)
	CODES4(3)
	SQUARE2(Z21, Z29, Z22)
	VMOVUPS SQUARES01, Z29
	SQUARES(Z29, Z21, Z22)
	VMOVUPS Z29, SQUARES01
	LANES

turn14:
	TURN
	JNE  turn14
	MOVL R8, CX
	FACTORED(r+0(FP))
	ADDS

turn15:
	TURN
	JNE  turn15
	MOVL R8, CX
	STATES(r+0(FP), POISONED)
	VMOVDQU32 ·certifyRows(SB), Z20
	VPERMPS Z18, Z20, Z18
	VPERMPS Z22, Z20, Z22
	VPERMPS Z21, Z20, Z21
	VMOVUPS SQUARES01, Z17

certificates:
	MOVQ r+0(FP), AX
	MOVQ 48(AX), AX
	VMOVDQU32 ·softmaxConst+448(SB), X29
	VPERMPS Z17, Z29, Z29
	VMOVUPS X29, (AX)
	MOVQ t+8(FP), AX
	MOVQ 0(AX), AX
	VMOVUPS (AX), Z29

	// what a step adds
	VBROADCASTF32X4 STEPSUM, Z20
	VMULPS.Z Z22, Z20, K3, Z20
	VMULPS Z22, Z20, K5, Z20

	// times Σ weight² and g², γ
	VMULPS TILEADDS, Z17, Z19
	VMULPS TILEADDS, Z21, K2, Z19
	VMOVUPS TILEADDS, K4, Z19
	VDIVPS SUML, Z21, Z21
	VMULPS Z21, Z21, Z21
	VMULPS Z21, Z19, K5, Z19
	VADDPS Z20, Z19, Z19

	XORL R9, R9
	VPMOVD2M Z18, K6
	KNOTW K6, K6
	VMULPS Z18, Z18, K5, Z18
	VMULPS Z29, Z18, Z18
	VADDPS Z19, Z18, Z18
	VMAXPS Z19, Z29, K4, Z18
	VCMPPS $3, Z29, Z18, K6, K1
	KORTESTW K1, K1
	JNZ  undefined

store:
	VMOVAPS Z18, K6, Z29
	VMOVUPS Z29, (AX)
	MOVBLZX POISONED, AX
	NEGL AX
	SBBL AX, AX
	ANDL $16, AX
	ORL  R9, AX
	MOVQ AX, left+240(FP)
	CMPB SINGLE, $0
	JNE  solo

logits:
	LOGITS(a_base+160(FP), b_base+184(FP), sk_base+136(FP))
	VZEROUPPER
	RET

undefined: // a NaN in one lane keeps the row
	KMOVW K1, CX
	MOVL CX, BX
	SHRL $1, BX
	ORL  BX, CX
	MOVL CX, BX
	SHRL $2, BX
	ORL  BX, CX
	ANDL $0x1111, CX
	IMUL3L $15, CX, BX
	KMOVW BX, K7
	KANDNW K6, K7, K6
	IMUL3L $0x249, CX, R9
	SHRL $9, R9
	ANDL $15, R9
	JMP  store

rare:
	ONEBYONE(r+0(FP), p_base+32(FP), top+80(FP), POISONED, again)
	MOVB $1, SINGLE
	LANES
	ADDS
	LOADROW(0)
	SQUARE(Z21, Z29)
	LOADROW(256)
	SQUARE(Z22, Z29)
	LOADROW(512)
	SQUARE(Z23, Z29)
	LOADROW(768)
	SQUARE(Z30, Z29)
	SQUARE2(Z21, Z22, Z29)
	SQUARE2(Z23, Z30, Z29)
	SQUARES(Z21, Z23, Z29)
	VMOVAPS Z21, Z17
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
	JMP  certificates

solo:
	SOLO(k_base+112(FP), q_base+88(FP), d4+208(FP))

alone:
	TURN
	JNE  alone
	JMP  logits
