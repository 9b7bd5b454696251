//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "qk_advance_amd64.h"
#include "qk_advance_i8_amd64.h"

// qk_advance_log_i8_vnni_amd64.s: logarithmic weights of a tile and the states past it, among the
// scores of the next.
//
// Obstacle, Shape: see qk_advance_i8_amd64.h.
// Reads:     y[0:4][0:64], sv[0:64], code, q[0:4], K, sk[0:64], M[0:4] and L[0:4] of the states. Writes
//            y, p[0:4][0:64] and 0:4 of M, L, Stat and Fold.
// Registers: see the header files · Z16 1.5·2²³/Step · Z23 1 and, for Step 2, √2 in the odd lanes

// The sums of codes Zero and Last with Z16.
#define ZERO 80(SP)
#define LAST 84(SP)

// LOGS2 turns 32 logits at o(DI) into weights, as LOG does. Sums that are not masked are not
// negative, so the larger one is that of integers, which NaN of both signs are above.
#define LOGS2(o, JOINED) \
	VADDPS (o)(DI), Z31, Z17;           \
	VADDPS (o+64)(DI), Z31, Z20;        \
	VADDPS Z16, Z17, Z17;               \
	VADDPS Z16, Z20, Z20;               \
	VCMPPS.BCST $0x16, ZERO, Z17, K6;   \
	VCMPPS.BCST $0x16, ZERO, Z20, K7;   \
	VPMAXUD.BCST LAST, Z17, Z17;        \
	VPMAXUD.BCST LAST, Z20, Z20;        \
	VSUBPS Z16, Z17, Z18;               \
	VSUBPS Z16, Z20, Z21;               \
	VPERMPS Z23, Z17, Z17;              \
	VPERMPS Z23, Z20, Z20;              \
	VSCALEFPS.Z Z18, Z17, K6, Z17;      \
	VSCALEFPS.Z Z21, Z20, K7, Z20;      \
	VMOVUPS Z17, (o)(DI);               \
	VMOVUPS Z20, (o+64)(DI);            \
	JOINED

// func qkAdvanceLogI8_vnni(r *RowStates, p []byte, y, sv []float32, code *LogCode, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool)
TEXT ·qkAdvanceLogI8_vnni(SB), NOSPLIT, $448-249
	MOVB $0, poisoned+248(FP)
	MOVQ y_base+32(FP), DI
	MOVQ sv_base+56(FP), R10
	STRIDES(d4+216(FP))
	FETCHED(next_base+224(FP), next_len+232(FP), line, start)

start:
	START(k_base+120(FP), q_base+96(FP))
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
	MOVQ code+80(FP), AX
	VBROADCASTSS (AX), Z18
	VBROADCASTSS ·softmaxConst+40(SB), Z16
	VDIVPS Z18, Z16, Z16
	VMOVSD 4(AX), X19
	VDIVPS X18, X19, X19
	VSUBPS X19, X16, X19
	VMOVSD X19, ZERO
	MOVBLZX 12(AX), AX
	NEGL AX
	KMOVW AX, K6
	VRNDSCALEPS $0x0A, Z17, K6, Z17
	MOVQ code+80(FP), AX
	MOVL (AX), AX
	SHRL $27, AX
	ANDL $8, AX
	LEAQ ·softmaxConst+48(SB), CX
	VBROADCASTSD (CX)(AX*1), Z23
	MOVL R8, CX
	PEAKED

turn2:
	TURN
	JNE  turn2
	MOVL R8, CX
	SUMSQ(q_base+96(FP), sum)

turn3:
	TURN
	JNE  turn3
	MOVL R8, CX
	VBROADCASTSS (4*0+16)(SP), Z31
	LOGS2(0, FIRST2)

turn4:
	TURN
	JNE  turn4
	MOVL R8, CX
	LOGS2(128, MORE2)
	KEEP1

turn5:
	TURN
	JNE  turn5
	MOVL R8, CX
	VBROADCASTSS (4*1+16)(SP), Z31
	LOGS2(256, FIRST2)

turn6:
	TURN
	JNE  turn6
	MOVL R8, CX
	LOGS2(384, MORE2)
	KEEP01

turn7:
	TURN
	JNE  turn7
	MOVL R8, CX
	VBROADCASTSS (4*2+16)(SP), Z31
	LOGS2(512, FIRST2)

turn8:
	TURN
	JNE  turn8
	MOVL R8, CX
	LOGS2(640, MORE2)
	KEEP1

turn9:
	TURN
	JNE  turn9
	MOVL R8, CX
	VBROADCASTSS (4*3+16)(SP), Z31
	LOGS2(768, FIRST2)

turn10:
	TURN
	JNE  turn10
	MOVL R8, CX
	LOGS2(896, MORE2)

turn11:
	TURN
	JNE  turn11
	MOVL R8, CX
	UNITES(top+88(FP), r+0(FP), rare)

turn12:
	TURN
	JNE  turn12
	MOVL R8, CX
	MOVQ p_base+8(FP), AX
	CODED(0, 0)
	CODED(1, 256)

turn13:
	TURN
	JNE  turn13
	MOVL R8, CX
	MOVQ p_base+8(FP), AX
	CODED(2, 512)
	CODED(3, 768)

turn14:
	TURN
	JNE  turn14
	MOVL R8, CX
	VBROADCASTF32X8 ·softmaxConst+64(SB), Z23
	FACTORED(r+0(FP))

turn15:
	TURN
	JNE  turn15
	MOVL R8, CX
	STATES(r+0(FP), poisoned+248(FP))

logits:
	LOGITS(a_base+168(FP), b_base+192(FP), sk_base+144(FP))
	VZEROUPPER
	RET

rare:
	ONEBYONE(r+0(FP), p_base+8(FP), top+88(FP), poisoned+248(FP), again)
	CMPB poisoned+248(FP), $0
	SETNE poisoned+248(FP)
	SOLO(k_base+120(FP), q_base+96(FP), d4+216(FP))

alone:
	TURN
	JNE  alone
	JMP  logits
