//go:build !purego

#include "textflag.h"
#include "round_avx512_amd64.h"

// pack_avx512_amd64.s: products with one factor per column, rounded to packed bfloat16.
//
// Obstacle:  rounding takes ten operations with the look for rare lanes, which the four
//            vectors of a row share.
// Shape:     a row of 64 a step; the factors stay in registers.
// Tails:     columns beyond n are masked: read as 0 and not written, but for the second
//            half of a pair.
// Registers: DI dst · SI y · R8 rows left · AX columns of dst · Z0–Z3 y · Z6 Z7 Z16 Z17 rounded · Z18–Z21
//            factors · Z4 Z5 K5 see RARELANES · Z8–Z15 see ROUNDING · K1–K4 columns · K6 K7
//            columns of dst · K0 rare lanes

// EACH rounds a vector and adds its rare lanes to K0.
#define EACH(x, y) \
	ROUND(x, y, K5); \
	KORW K5, K0, K0

// MEND rounds it again with care.
#define MEND(x, y) \
	ROUND(x, y, K6); \
	RARELANES(x, y, K6)

// func packBF16_avx512(dst []uint16, y, sv []float32, m, n int)
TEXT ·packBF16_avx512(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ y_base+24(FP), SI
	MOVQ m+72(FP), R8
	ROUNDING
	MOVQ n+80(FP), DX
	MOVQ $64, CX
	SUBQ DX, CX
	MOVQ $-1, AX
	SHRQ CX, AX
	KMOVQ AX, K1
	KSHIFTRQ $16, K1, K2
	KSHIFTRQ $32, K1, K3
	KSHIFTRQ $48, K1, K4
	ANDQ $1, DX
	SUBQ DX, CX
	MOVQ $-1, AX
	SHRQ CX, AX // columns of dst
	MOVL $0x3f800000, DX
	VPBROADCASTD DX, Z18
	VMOVDQA32 Z18, Z19
	VMOVDQA32 Z18, Z20
	VMOVDQA32 Z18, Z21
	CMPQ sv_len+56(FP), $0
	JEQ  row
	MOVQ sv_base+48(FP), DX
	VMOVUPS.Z (DX), K1, Z18
	VMOVUPS.Z 64(DX), K2, Z19
	VMOVUPS.Z 128(DX), K3, Z20
	VMOVUPS.Z 192(DX), K4, Z21

row:
	VMOVUPS.Z (SI), K1, Z0
	VMOVUPS.Z 64(SI), K2, Z1
	VMOVUPS.Z 128(SI), K3, Z2
	VMOVUPS.Z 192(SI), K4, Z3
	VMULPS Z18, Z0, Z0
	VMULPS Z19, Z1, Z1
	VMULPS Z20, Z2, Z2
	VMULPS Z21, Z3, Z3
	KXORW K0, K0, K0
	EACH(Z0, Z6)
	EACH(Z1, Z7)
	EACH(Z2, Z16)
	EACH(Z3, Z17)
	KTESTW K0, K0
	JNE rare

rounded:
	VPSRLD $16, Z6, Z6
	VPSRLD $16, Z7, Z7
	VPSRLD $16, Z16, Z16
	VPSRLD $16, Z17, Z17
	VPMOVDW Z6, Y6
	VPMOVDW Z7, Y7
	VPMOVDW Z16, Y16
	VPMOVDW Z17, Y17
	VINSERTI64X4 $1, Y7, Z6, Z6
	VINSERTI64X4 $1, Y17, Z16, Z16
	CMPQ AX, $-1
	JNE  tail
	VMOVDQU16 Z6, (DI)
	VMOVDQU16 Z16, 64(DI)

next:
	ADDQ $128, DI
	ADDQ $256, SI
	DECQ R8
	JNE  row
	VZEROUPPER
	RET

tail:
	KMOVQ AX, K6
	KSHIFTRQ $32, K6, K7
	VMOVDQU16 Z6, K6, (DI)
	VMOVDQU16 Z16, K7, 64(DI)
	JMP  next

rare:
	MEND(Z0, Z6)
	MEND(Z1, Z7)
	MEND(Z2, Z16)
	MEND(Z3, Z17)
	JMP  rounded
