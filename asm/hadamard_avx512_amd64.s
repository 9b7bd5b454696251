//go:build !purego

#include "textflag.h"

// hadamard_avx512_amd64.s: butterflies of width 1, 2, 4, … and the factor 1/√n.
//
// Obstacle:  the first four widths lie within a vector. A level there is one permutation
// and one x·(±1) + partner; the widths up to 64 stay in registers.
// Exactness: the product with ±1 is exact, so the fused form rounds as the sum and the
// difference of the twin do. The factor is 1 in all passes but the last.
// Reads:     x, once for the widths below 128, once for each above. In place.
// Tails:     fewer than 16 elements are one masked vector.
// Registers: Z0–Z7 x · Z16 temporary · Z24–Z27 signs of widths 1, 2, 4, 8 · Z30 factor
//            Z31 1/√n · DI SI x · R8 n · R9 width in bytes · R10 end · CX bytes left

#define PAIR(imm, sign, x) \
	VPERMILPS imm, x, Z16;      \
	VFMADD213PS Z16, sign, x
#define LANE(imm, sign, x) \
	VSHUFF32X4 imm, x, x, Z16;  \
	VFMADD213PS Z16, sign, x
#define WITHIN(x) \
	PAIR($0xB1, Z24, x); \
	PAIR($0x4E, Z25, x); \
	LANE($0xB1, Z26, x); \
	LANE($0x4E, Z27, x)
#define CROSS(a, b) \
	VADDPS b, a, Z16; \
	VSUBPS b, a, b;   \
	VMOVAPS Z16, a

// func hadamard_avx512(x []float32)
TEXT ·hadamard_avx512(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), R8
	TESTQ R8, R8
	JZ   done
	VXORPS X0, X0, X0
	VCVTSI2SDQ R8, X0, X0
	VSQRTSD X0, X0, X0
	MOVQ $0x3ff0000000000000, AX
	VMOVQ AX, X1
	VDIVSD X0, X1, X0
	VCVTSD2SS X0, X0, X0
	VBROADCASTSS X0, Z31
	MOVL $0x3f800000, AX
	VPBROADCASTD AX, Z30
	VMOVAPS Z30, Z24
	VMOVAPS Z30, Z25
	VMOVAPS Z30, Z26
	VMOVAPS Z30, Z27
	MOVL $0xaaaa, AX
	KMOVW AX, K1
	MOVL $0xcccc, AX
	KMOVW AX, K2
	MOVL $0xf0f0, AX
	KMOVW AX, K3
	MOVL $0xff00, AX
	KMOVW AX, K4
	MOVL $0xbf800000, AX
	VPBROADCASTD AX, K1, Z24
	VPBROADCASTD AX, K2, Z25
	VPBROADCASTD AX, K3, Z26
	VPBROADCASTD AX, K4, Z27
	LEAQ (DI)(R8*4), R10
	MOVQ DI, SI
	CMPQ R8, $32
	JLT  small
	JEQ  block32
	CMPQ R8, $64
	JEQ  block64
	CMPQ R8, $128
	JNE  block128
	VMOVAPS Z31, Z30
	PCALIGN $32

block128:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	VMOVUPS 128(SI), Z2
	VMOVUPS 192(SI), Z3
	VMOVUPS 256(SI), Z4
	VMOVUPS 320(SI), Z5
	VMOVUPS 384(SI), Z6
	VMOVUPS 448(SI), Z7
	WITHIN(Z0)
	WITHIN(Z1)
	WITHIN(Z2)
	WITHIN(Z3)
	WITHIN(Z4)
	WITHIN(Z5)
	WITHIN(Z6)
	WITHIN(Z7)
	CROSS(Z0, Z1)
	CROSS(Z2, Z3)
	CROSS(Z4, Z5)
	CROSS(Z6, Z7)
	CROSS(Z0, Z2)
	CROSS(Z1, Z3)
	CROSS(Z4, Z6)
	CROSS(Z5, Z7)
	CROSS(Z0, Z4)
	CROSS(Z1, Z5)
	CROSS(Z2, Z6)
	CROSS(Z3, Z7)
	VMULPS Z30, Z0, Z0
	VMULPS Z30, Z1, Z1
	VMULPS Z30, Z2, Z2
	VMULPS Z30, Z3, Z3
	VMULPS Z30, Z4, Z4
	VMULPS Z30, Z5, Z5
	VMULPS Z30, Z6, Z6
	VMULPS Z30, Z7, Z7
	VMOVUPS Z0, (SI)
	VMOVUPS Z1, 64(SI)
	VMOVUPS Z2, 128(SI)
	VMOVUPS Z3, 192(SI)
	VMOVUPS Z4, 256(SI)
	VMOVUPS Z5, 320(SI)
	VMOVUPS Z6, 384(SI)
	VMOVUPS Z7, 448(SI)
	ADDQ $512, SI
	CMPQ SI, R10
	JNE  block128
	MOVQ $512, R9

width: // R9 bytes, from 128 elements on
	LEAQ (DI)(R9*2), AX
	CMPQ AX, R10
	JHI  done
	JNE  pass
	VMOVAPS Z31, Z30 // the last

pass:
	MOVQ DI, SI

group:
	MOVQ R9, CX

butterfly:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	VMOVUPS (SI)(R9*1), Z2
	VMOVUPS 64(SI)(R9*1), Z3
	CROSS(Z0, Z2)
	CROSS(Z1, Z3)
	VMULPS Z30, Z0, Z0
	VMULPS Z30, Z1, Z1
	VMULPS Z30, Z2, Z2
	VMULPS Z30, Z3, Z3
	VMOVUPS Z0, (SI)
	VMOVUPS Z1, 64(SI)
	VMOVUPS Z2, (SI)(R9*1)
	VMOVUPS Z3, 64(SI)(R9*1)
	ADDQ $128, SI
	SUBQ $128, CX
	JNZ  butterfly
	ADDQ R9, SI
	CMPQ SI, R10
	JNE  group
	ADDQ R9, R9
	JMP  width

block64:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	VMOVUPS 128(SI), Z2
	VMOVUPS 192(SI), Z3
	WITHIN(Z0)
	WITHIN(Z1)
	WITHIN(Z2)
	WITHIN(Z3)
	CROSS(Z0, Z1)
	CROSS(Z2, Z3)
	CROSS(Z0, Z2)
	CROSS(Z1, Z3)
	VMULPS Z31, Z0, Z0
	VMULPS Z31, Z1, Z1
	VMULPS Z31, Z2, Z2
	VMULPS Z31, Z3, Z3
	VMOVUPS Z0, (SI)
	VMOVUPS Z1, 64(SI)
	VMOVUPS Z2, 128(SI)
	VMOVUPS Z3, 192(SI)
	VZEROUPPER
	RET

block32:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	WITHIN(Z0)
	WITHIN(Z1)
	CROSS(Z0, Z1)
	VMULPS Z31, Z0, Z0
	VMULPS Z31, Z1, Z1
	VMOVUPS Z0, (SI)
	VMOVUPS Z1, 64(SI)
	VZEROUPPER
	RET

small:
	MOVQ R8, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K5
	VMOVUPS.Z (SI), K5, Z0
	CMPQ R8, $2
	JLT  scaled
	PAIR($0xB1, Z24, Z0)
	CMPQ R8, $4
	JLT  scaled
	PAIR($0x4E, Z25, Z0)
	CMPQ R8, $8
	JLT  scaled
	LANE($0xB1, Z26, Z0)
	CMPQ R8, $16
	JLT  scaled
	LANE($0x4E, Z27, Z0)

scaled:
	VMULPS Z31, Z0, Z0
	VMOVUPS Z0, K5, (SI)

done:
	VZEROUPPER
	RET
