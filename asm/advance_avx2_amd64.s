//go:build !purego

#include "textflag.h"
#include "exp_avx2_amd64.h"

// advance_avx2_amd64.s: softmax states on their way past a tile.
//
// Obstacle:  three numbers a row, interleaved, on both sides. Four rows of them fill three
// vectors, and blending those leaves every field whole, if in an order of its own: fields
// then take one permutation, which is its own inverse. Both weights share one vector of 2^x.
// Exactness: the operations of the twin, nothing fused.
// Tails:     one row at a time, by scalar loads and stores.
// Registers: X1 M, X2 L, X3 β · X4 m, X5 l · X6 rows that advance · X7 −Inf · X8, X9
//            temporaries · X10 α, g·β, g·L on the way out · Y11 the NaN met · Y12 −160
//            X13 −1 · DI m · SI l · DX w · R9 st · R10 f · R8 rows left

// ADVANCE turns X1–X5 into the factors X0 α, X1 g, X2 g·L and X3 g·β and the state in X4
// and X5.
#define ADVANCE \
	VCMPPS $3, X1, X1, X9;         \
	VORPS X9, X11, X11;            \
	VCMPPS $0x1e, X7, X1, X6;      \
	VCMPPS $7, X4, X4, X8;         \
	VANDPS X8, X6, X6;             \
	VMAXPS X4, X1, X10;            \
	VSUBPS X10, X4, X0;            \
	VSUBPS X10, X1, X8;            \
	VINSERTF128 $1, X8, Y0, Y0;    \
	VBLENDVPS X6, X10, X4, X4;     \
	VBLENDVPS X9, X1, X4, X4;      \
	WEIGHT(Y0, Y8, Y10);           \
	VEXTRACTF128 $1, Y0, X8;       \
	VANDPS X6, X0, X0;             \
	VANDPS X6, X8, X8;             \
	VMULPS X2, X8, X2;             \
	VMULPS X3, X8, X3;             \
	VMULPS X5, X0, X10;            \
	VADDPS X2, X10, X10;           \
	VBLENDVPS X6, X10, X5, X5;     \
	VBLENDVPS X9, X1, X5, X5;      \
	VANDPS X6, X2, X2;             \
	VANDPS X6, X3, X3;             \
	VMOVAPS X8, X1

DATA ·minusOne+0(SB)/4, $0xbf800000
GLOBL ·minusOne(SB), RODATA|NOPTR, $4

// func advance_avx2(m, l, w []float32, st []Stat, f []Fold, rows int) (poisoned bool)
TEXT ·advance_avx2(SB), NOSPLIT, $0-129
	MOVQ m_base+0(FP), DI
	MOVQ l_base+24(FP), SI
	MOVQ w_base+48(FP), DX
	MOVQ st_base+72(FP), R9
	MOVQ f_base+96(FP), R10
	MOVQ rows+120(FP), R8
	VMOVUPS ·exp2Floor(SB), Y12
	VBROADCASTSS ·minusInf(SB), X7
	VBROADCASTSS ·minusOne(SB), X13
	VXORPS X11, X11, X11
	SUBQ $4, R8
	JLT  tail

four:
	VMOVUPS (R9), X0
	VMOVUPS 16(R9), X8
	VMOVUPS 32(R9), X9
	VBLENDPS $4, X8, X0, X1
	VBLENDPS $2, X9, X1, X1
	VBLENDPS $2, X0, X8, X2
	VBLENDPS $4, X9, X2, X2
	VBLENDPS $2, X8, X9, X3
	VBLENDPS $4, X0, X3, X3
	VPERMILPS $0x6c, X1, X1
	VPERMILPS $0xb1, X2, X2
	VPERMILPS $0xc6, X3, X3
	VMOVUPS (DI), X4
	VMOVUPS (SI), X5
	ADVANCE
	VMOVUPS X4, (DI)
	VMOVUPS X5, (SI)
	VUNPCKLPS X1, X0, X8
	VUNPCKHPS X1, X0, X9
	VMOVUPS X8, (DX)
	VMOVUPS X9, 16(DX)
	VBLENDVPS X6, X0, X13, X0
	VPERMILPS $0x6c, X0, X0
	VPERMILPS $0xb1, X3, X3
	VPERMILPS $0xc6, X2, X2
	VBLENDPS $2, X3, X0, X8
	VBLENDPS $4, X2, X8, X8
	VBLENDPS $2, X2, X3, X9
	VBLENDPS $4, X0, X9, X9
	VBLENDPS $2, X0, X2, X10
	VBLENDPS $4, X3, X10, X10
	VMOVUPS X8, (R10)
	VMOVUPS X9, 16(R10)
	VMOVUPS X10, 32(R10)
	ADDQ $16, DI
	ADDQ $16, SI
	ADDQ $32, DX
	ADDQ $48, R9
	ADDQ $48, R10
	SUBQ $4, R8
	JGE  four

tail:
	ADDQ $4, R8
	JZ   done

one:
	VMOVSS 0(R9), X1
	VMOVSS 4(R9), X2
	VMOVSS 8(R9), X3
	VMOVSS (DI), X4
	VMOVSS (SI), X5
	ADVANCE
	VMOVSS X4, (DI)
	VMOVSS X5, (SI)
	VMOVSS X0, 0(DX)
	VMOVSS X1, 4(DX)
	VBLENDVPS X6, X0, X13, X0
	VMOVSS X0, 0(R10)
	VMOVSS X3, 4(R10)
	VMOVSS X2, 8(R10)
	ADDQ $4, DI
	ADDQ $4, SI
	ADDQ $8, DX
	ADDQ $12, R9
	ADDQ $12, R10
	DECQ R8
	JNZ  one

done:
	VMOVMSKPS X11, AX
	TESTL AX, AX
	SETNE poisoned+128(FP)
	VZEROUPPER
	RET
