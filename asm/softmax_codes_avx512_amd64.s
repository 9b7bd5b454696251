//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"

// softmax_codes_avx512_amd64.s: softmax of a tile with integer weights.
//
// Obstacle:  the weights are needed twice, for their largest product with a value scale
// and for the codes. They stay in registers from the logits to the bytes; the divisions
// of four rows are one.
// Exactness: the operations and their order are those of softmax_generic.go. The lift of
// a small maximum is multiplied where there is one; elsewhere it is 1.
// Reads:     y[i][0:n] and sv[0:n]. Writes y[i][0:n], p[i][0:4·⌈n/4⌉] and st[0:m].
// Tails:     masked columns, whose codes are 0; a block of fewer rows computes its last
//            row again.
// Registers: see softmax_avx512_amd64.h · K5 bytes of p · SI p, hi · R13 lo · DX sv

// BYTES sets K5 to the codes of n columns.
#define BYTES(n) \
	MOVQ n, AX;    \
	ADDQ $3, AX;   \
	ANDQ $-4, AX;  \
	MOVQ $64, CX;  \
	SUBQ AX, CX;   \
	MOVQ $-1, AX;  \
	SHRQ CX, AX;   \
	KMOVQ AX, K5

// PRODUCTS multiplies the weights by sv.
#define PRODUCTS \
	VMOVUPS.Z (DX), K1, Z21;    \
	VMOVUPS.Z 64(DX), K2, Z22;  \
	VMOVUPS.Z 128(DX), K3, Z23; \
	VMOVUPS.Z 192(DX), K4, Z24; \
	VMULPS Z21, Z0, Z0;         \
	VMULPS Z22, Z1, Z1;         \
	VMULPS Z23, Z2, Z2;         \
	VMULPS Z24, Z3, Z3;         \
	VMULPS Z21, Z4, Z4;         \
	VMULPS Z22, Z5, Z5;         \
	VMULPS Z23, Z6, Z6;         \
	VMULPS Z24, Z7, Z7;         \
	VMULPS Z21, Z8, Z8;         \
	VMULPS Z22, Z9, Z9;         \
	VMULPS Z23, Z10, Z10;       \
	VMULPS Z24, Z11, Z11;       \
	VMULPS Z21, Z12, Z12;       \
	VMULPS Z22, Z13, Z13;       \
	VMULPS Z23, Z14, Z14;       \
	VMULPS Z24, Z15, Z15

#define ROWTOP(a, b, c, d, r) \
	VXORPS r, r, r; \
	VMAXPS r, a, r; \
	VMAXPS r, b, r; \
	VMAXPS r, c, r; \
	VMAXPS r, d, r
// TOP sets Z28 to the largest products, at least 0; the second source wins over NaN.
#define TOP \
	ROWTOP(Z0, Z1, Z2, Z3, Z28);     \
	ROWTOP(Z4, Z5, Z6, Z7, Z29);     \
	ROWTOP(Z8, Z9, Z10, Z11, Z30);   \
	ROWTOP(Z12, Z13, Z14, Z15, Z31); \
	FOLD(VMAXPS)

// BETA stores st with Beta = Z28/Z25 and tests for products to lift. Z25 is top.
#define BETA \
	VDIVPS Z25, Z28, Z30;         \
	STATS(Z30);                   \
	VBROADCASTSS 28(BX), Z21;     \
	VCMPPS $1, Z21, Z28, K6;      \
	KORTESTW K6, K6

// LIFT multiplies the rows in K6 by 2⁹⁶.
#define LIFT \
	VBROADCASTSS 36(BX), Z21;     \
	VBROADCASTSS 32(BX), K6, Z21; \
	VMULPS Z21, Z28, Z22;         \
	SPREAD(Z21);                  \
	EACH(MUL, Z28, Z29, Z30, Z31); \
	VMOVAPS Z22, Z28

#define CODE(inv, x) \
	VMULPS inv, x, x; \
	VADDPS Z22, x, x; \
	VCVTTPS2DQ x, x
// CODES turns products into codes; a row whose largest is 0 gets 0.
#define CODES \
	VPTESTMD Z28, Z28, K6;        \
	VDIVPS.Z Z28, Z25, K6, Z30;   \
	SPREAD(Z30);                  \
	VBROADCASTSS 24(BX), Z22;     \
	EACH(CODE, Z28, Z29, Z30, Z31); \
	VPMOVZXBD 112(BX), Z23

// PACK stores the codes of a row as bytes, PACK16 as two planes. The packs saturate
// what a NaN was converted to, −2³¹, to 0.
#define PACK(a, b, c, d, row) \
	VPACKUSDW b, a, a;     \
	VPACKUSDW d, c, c;     \
	VPACKUSWB c, a, a;     \
	VPERMD a, Z23, a;      \
	VMOVDQU8 a, K5, (SI)row
#define PACK16(a, b, c, d, row) \
	VPACKUSDW b, a, a;     \
	VPACKUSDW d, c, c;     \
	VPSRLW $8, a, b;       \
	VPSRLW $8, c, d;       \
	VPANDD Z24, a, a;      \
	VPANDD Z24, c, c;      \
	VPACKUSWB d, b, b;     \
	VPACKUSWB c, a, a;     \
	VPERMD b, Z23, b;      \
	VPERMD a, Z23, a;      \
	VMOVDQU8 b, K5, (SI)row; \
	VMOVDQU8 a, K5, (R13)row

#define PACKS \
	PACK(Z0, Z1, Z2, Z3, (CX*1));      \
	PACK(Z4, Z5, Z6, Z7, (R9*1));      \
	PACK(Z8, Z9, Z10, Z11, (R10*1));   \
	PACK(Z12, Z13, Z14, Z15, (R11*1)); \
	ADDQ $256, SI

// func smU8_avx512(p []byte, y, sv []float32, st []Stat, top float32, m, n int)
TEXT ·smU8_avx512(SB), NOSPLIT, $0-120
	MOVQ p_base+0(FP), SI
	MOVQ y_base+24(FP), DI
	MOVQ sv_base+48(FP), DX
	MOVQ st_base+72(FP), R12
	MOVQ m+104(FP), R8
	COLUMNS(n+112(FP))
	BYTES(n+112(FP))

block:
	EXPCONST
	BLOCK
	LOADROWS
	PEAK
	VMOVAPS Z28, Z27
	ORIGIN
	EACH(EXP, Z28, Z29, Z30, Z31)
	SUMS
	JNZ  nan

weighed:
	STOREROWS
	VUNPCKLPS Z28, Z27, Z27
	PRODUCTS
	TOP
	VBROADCASTSS top+96(FP), Z25
	BETA
	JNZ  lift

lifted:
	CODES
	XORL CX, CX
	PACKS
	STEP
	JG   block
	VZEROUPPER
	RET

nan:
	NANS
	JMP  weighed

lift:
	LIFT
	JMP  lifted

// func smLogU8_avx512(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int)
TEXT ·smLogU8_avx512(SB), NOSPLIT, $0-128
	MOVQ p_base+0(FP), SI
	MOVQ y_base+24(FP), DI
	MOVQ sv_base+48(FP), DX
	MOVQ st_base+72(FP), R12
	MOVQ m+112(FP), R8
	COLUMNS(n+120(FP))
	BYTES(n+120(FP))
	LOGCONST(code_Step+96(FP), code_Zero+100(FP))

block:
	BLOCK
	LOADROWS
	PEAK
	MAXIMUM(code_Whole+104(FP))
	ORIGIN
	EACH(LOG, Z28, Z29, Z30, Z31)
	SUMS
	JNZ  nan

weighed:
	STOREROWS
	VUNPCKLPS Z28, Z27, Z27
	PRODUCTS
	TOP
	VBROADCASTSS top+108(FP), Z25
	BETA
	JNZ  lift

lifted:
	CODES
	XORL CX, CX
	PACKS
	STEP
	JG   block
	VZEROUPPER
	RET

nan:
	NANS
	JMP  weighed

lift:
	LIFT
	JMP  lifted

// func smU16_avx512(hi, lo []byte, y, sv []float32, st []Stat, m, n int)
TEXT ·smU16_avx512(SB), NOSPLIT, $0-136
	MOVQ hi_base+0(FP), SI
	MOVQ lo_base+24(FP), R13
	MOVQ y_base+48(FP), DI
	MOVQ sv_base+72(FP), DX
	MOVQ st_base+96(FP), R12
	MOVQ m+120(FP), R8
	COLUMNS(n+128(FP))
	BYTES(n+128(FP))

block:
	EXPCONST
	BLOCK
	LOADROWS
	PEAK
	VMOVAPS Z28, Z27
	ORIGIN
	EACH(EXP, Z28, Z29, Z30, Z31)
	SUMS
	JNZ  nan

weighed:
	STOREROWS
	VUNPCKLPS Z28, Z27, Z27
	PRODUCTS
	TOP
	VBROADCASTSS 44(BX), Z25
	BETA
	JNZ  lift

lifted:
	CODES
	VPTERNLOGD $0xFF, Z24, Z24, Z24
	VPSRLW $8, Z24, Z24
	XORL CX, CX
	PACK16(Z0, Z1, Z2, Z3, (CX*1))
	PACK16(Z4, Z5, Z6, Z7, (R9*1))
	PACK16(Z8, Z9, Z10, Z11, (R10*1))
	PACK16(Z12, Z13, Z14, Z15, (R11*1))
	ADDQ $256, SI
	ADDQ $256, R13
	STEP
	JG   block
	VZEROUPPER
	RET

nan:
	NANS
	JMP  weighed

lift:
	LIFT
	JMP  lifted
