//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"

// advance_avx512_amd64.s: softmax states on their way past a tile.
//
// Obstacle:  three numbers a row, interleaved, on both sides. Five rows of them are one
// vector, which a permutation per field takes apart and two put together; a GQA group of
// four or five is done in one pass.
// Exactness: the operations of the twin, nothing fused.
// Tails:     masks of one, two and three numbers a row.
// Registers: Z0 st, then f · Z1 M, Z2 L, Z3 β · Z4 m, Z5 l · Z6 top · Z7 α, Z8 g · Z9 −1
//            Z10–Z15 indices · Z16–Z25 2^x · Z27 −Inf · K1–K3 masks · K4 NaN · K5 rows that
//            advance · K6 NaN met · DI m · SI l · DX w · R9 st · R10 f · R8 rows left

DATA ·advanceIndex+0(SB)/8, $0x0000000300000000
DATA ·advanceIndex+8(SB)/8, $0x0000000900000006
DATA ·advanceIndex+16(SB)/8, $0x000000000000000c
DATA ·advanceIndex+24(SB)/8, $0x0000000600000003
DATA ·advanceIndex+32(SB)/8, $0x0000000c00000009
DATA ·advanceIndex+40(SB)/8, $0x0000000300000000
DATA ·advanceIndex+48(SB)/8, $0x0000000900000006
DATA ·advanceIndex+56(SB)/8, $0x000000000000000c
DATA ·advanceIndex+64(SB)/8, $0x0000000400000001
DATA ·advanceIndex+72(SB)/8, $0x0000000a00000007
DATA ·advanceIndex+80(SB)/8, $0x000000010000000d
DATA ·advanceIndex+88(SB)/8, $0x0000000700000004
DATA ·advanceIndex+96(SB)/8, $0x0000000d0000000a
DATA ·advanceIndex+104(SB)/8, $0x0000000400000001
DATA ·advanceIndex+112(SB)/8, $0x0000000a00000007
DATA ·advanceIndex+120(SB)/8, $0x000000010000000d
DATA ·advanceIndex+128(SB)/8, $0x0000000500000002
DATA ·advanceIndex+136(SB)/8, $0x0000000b00000008
DATA ·advanceIndex+144(SB)/8, $0x000000020000000e
DATA ·advanceIndex+152(SB)/8, $0x0000000800000005
DATA ·advanceIndex+160(SB)/8, $0x0000000e0000000b
DATA ·advanceIndex+168(SB)/8, $0x0000000500000002
DATA ·advanceIndex+176(SB)/8, $0x0000000b00000008
DATA ·advanceIndex+184(SB)/8, $0x000000020000000e
DATA ·advanceIndex+192(SB)/8, $0x0000001000000000
DATA ·advanceIndex+200(SB)/8, $0x0000000100000010
DATA ·advanceIndex+208(SB)/8, $0x0000001100000011
DATA ·advanceIndex+216(SB)/8, $0x0000001200000002
DATA ·advanceIndex+224(SB)/8, $0x0000000300000012
DATA ·advanceIndex+232(SB)/8, $0x0000001300000013
DATA ·advanceIndex+240(SB)/8, $0x0000001400000004
DATA ·advanceIndex+248(SB)/8, $0x0000000500000014
DATA ·advanceIndex+256(SB)/8, $0x0000000100000000
DATA ·advanceIndex+264(SB)/8, $0x0000000300000010
DATA ·advanceIndex+272(SB)/8, $0x0000001100000004
DATA ·advanceIndex+280(SB)/8, $0x0000000700000006
DATA ·advanceIndex+288(SB)/8, $0x0000000900000012
DATA ·advanceIndex+296(SB)/8, $0x000000130000000a
DATA ·advanceIndex+304(SB)/8, $0x0000000d0000000c
DATA ·advanceIndex+312(SB)/8, $0x0000000f00000014
DATA ·advanceIndex+320(SB)/8, $0x0000001000000000
DATA ·advanceIndex+328(SB)/8, $0x0000001100000001
DATA ·advanceIndex+336(SB)/8, $0x0000001200000002
DATA ·advanceIndex+344(SB)/8, $0x0000001300000003
DATA ·advanceIndex+352(SB)/8, $0x0000001400000004
DATA ·advanceIndex+360(SB)/8, $0x0000001500000005
DATA ·advanceIndex+368(SB)/8, $0x0000001600000006
DATA ·advanceIndex+376(SB)/8, $0x0000001700000007
GLOBL ·advanceIndex(SB), RODATA|NOPTR, $384
DATA ·advanceIdle+0(SB)/4, $0xbf800000
GLOBL ·advanceIdle(SB), RODATA|NOPTR, $4

// func advance_avx512(m, l, w []float32, st []Stat, f []Fold, rows int) (poisoned bool)
TEXT ·advance_avx512(SB), NOSPLIT, $0-129
	MOVQ m_base+0(FP), DI
	MOVQ l_base+24(FP), SI
	MOVQ w_base+48(FP), DX
	MOVQ st_base+72(FP), R9
	MOVQ f_base+96(FP), R10
	MOVQ rows+120(FP), R8
	LEAQ ·softmaxConst(SB), BX
	VBROADCASTSS 20(BX), Z27
	EXPCONST
	LEAQ ·advanceIndex(SB), BX
	VMOVUPS 0(BX), Z10
	VMOVUPS 64(BX), Z11
	VMOVUPS 128(BX), Z12
	VMOVUPS 192(BX), Z13
	VMOVUPS 256(BX), Z14
	VMOVUPS 320(BX), Z15
	VBROADCASTSS ·advanceIdle(SB), Z9
	KXORW K6, K6, K6
	MOVL $0x1f, AX
	MOVL $0x3ff, BX
	MOVL $0x7fff, CX
	SUBQ $5, R8
	JLT  tail

five:
	KMOVW AX, K1
	KMOVW BX, K2
	KMOVW CX, K3
	VMOVUPS.Z (R9), K3, Z0
	VMOVUPS.Z (DI), K1, Z4
	VMOVUPS.Z (SI), K1, Z5
	VPERMPS Z0, Z10, Z1
	VPERMPS Z0, Z11, Z2
	VPERMPS Z0, Z12, Z3
	VCMPPS $3, Z1, Z1, K1, K4
	VCMPPS $7, Z4, Z4, K1, K5
	VCMPPS $0x1e, Z27, Z1, K5, K5
	KORW K4, K6, K6
	VMAXPS Z4, Z1, Z6
	VSUBPS Z6, Z4, Z7
	VSUBPS Z6, Z1, Z8
	EXP2(Z7)
	EXP2(Z8)
	VMOVAPS.Z Z7, K5, Z7
	VMOVAPS.Z Z8, K5, Z8
	VMULPS.Z Z3, Z8, K5, Z3
	VMULPS.Z Z2, Z8, K5, Z2
	VMULPS Z5, Z7, Z28
	VADDPS Z2, Z28, K5, Z5
	VMOVAPS Z1, K4, Z5
	VMOVAPS Z6, K5, Z4
	VMOVAPS Z1, K4, Z4
	VMOVUPS Z4, K1, (DI)
	VMOVUPS Z5, K1, (SI)
	VMOVAPS Z9, Z0
	VMOVAPS Z7, K5, Z0
	VPERMT2PS Z3, Z13, Z0
	VPERMT2PS Z2, Z14, Z0
	VMOVUPS Z0, K3, (R10)
	VPERMT2PS Z8, Z15, Z7
	VMOVUPS Z7, K2, (DX)
	ADDQ $20, DI
	ADDQ $20, SI
	ADDQ $40, DX
	ADDQ $60, R9
	ADDQ $60, R10
	SUBQ $5, R8
	JGE  five

tail:
	ADDQ $5, R8
	JLE  done
	MOVQ R8, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	LEAQ (R8)(R8*1), CX
	MOVL $1, BX
	SHLL CX, BX
	DECL BX
	ADDQ R8, CX
	MOVL $1, R11
	SHLL CX, R11
	LEAL -1(R11), CX
	XORL R8, R8
	JMP  five

done:
	KORTESTW K6, K6
	SETNE poisoned+128(FP)
	VZEROUPPER
	RET
