//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"
#include "softmax_codes_avx512_amd64.h"
#include "qk_advance_amd64.h"
#include "qk_advance_i8_amd64.h"

// qk_advance_i8_vnni_amd64.s: 8-bit weights of a tile and the states past it, among the scores of
// the next.
//
// Obstacle, Shape: see qk_advance_i8_amd64.h.
// Reads:     y[0:4][0:64], sv[0:64], q[0:4], K, sk[0:64], M[0:4] and L[0:4] of the states. Writes
//            y, p[0:4][0:64] and 0:4 of M, L, Stat and Fold.
// Registers: see the header files.

// func qkAdvanceI8_vnni(r *RowStates, p []byte, y, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool)
TEXT ·qkAdvanceI8_vnni(SB), NOSPLIT, $448-241
	MOVB $0, poisoned+240(FP)
	MOVQ y_base+32(FP), DI
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
	FACTORED(r+0(FP))

turn15:
	TURN
	JNE  turn15
	MOVL R8, CX
	STATES(r+0(FP), poisoned+240(FP))

logits:
	LOGITS(a_base+160(FP), b_base+184(FP), sk_base+136(FP))
	VZEROUPPER
	RET

rare:
	ONEBYONE(r+0(FP), p_base+8(FP), top+80(FP), poisoned+240(FP), again)
	CMPB poisoned+240(FP), $0
	SETNE poisoned+240(FP)
	SOLO(k_base+112(FP), q_base+88(FP), d4+208(FP))

alone:
	TURN
	JNE  alone
	JMP  logits
