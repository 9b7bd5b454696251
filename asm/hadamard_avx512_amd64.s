//go:build !purego

#include "textflag.h"

// hadamard_avx512_amd64.s: butterflies of width 1, 2, 4, … and the factor 1/√n.
//
// Obstacle:  the first four widths lie within a vector. A level there is one permutation
// and one x·(±1) + partner; the widths up to 128 stay in registers. A root and a division
// would take longer than the butterflies of a head: 1/√n is made of bits.
// Exactness: the product with ±1 is exact, so the fused form rounds as the sum and the
// difference of the twin do. The factor is 1 in all passes but the last.
// Reads:     x, once for the widths below 256, once for each above. In place.
// Tails:     fewer than 16 elements are one masked vector.
// Registers: Z0–Z15 x · Z16 temporary · Z24–Z27 signs of widths 1, 2, 4, 8 · Z30 factor
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
#define WITHIN8(a, b, c, d, e, f, g, h) \
	WITHIN(a); \
	WITHIN(b); \
	WITHIN(c); \
	WITHIN(d); \
	WITHIN(e); \
	WITHIN(f); \
	WITHIN(g); \
	WITHIN(h)

// CROSS is a butterfly of two vectors, CROSS8 are the three widths of eight.
#define CROSS(a, b) \
	VADDPS b, a, Z16; \
	VSUBPS b, a, b;   \
	VMOVAPS Z16, a
#define CROSS8(a, b, c, d, e, f, g, h) \
	CROSS(a, b); \
	CROSS(c, d); \
	CROSS(e, f); \
	CROSS(g, h); \
	CROSS(a, c); \
	CROSS(b, d); \
	CROSS(e, g); \
	CROSS(f, h); \
	CROSS(a, e); \
	CROSS(b, f); \
	CROSS(c, g); \
	CROSS(d, h)

#define LOAD8(o, a, b, c, d, e, f, g, h) \
	VMOVUPS o(SI), a;       \
	VMOVUPS (o+64)(SI), b;  \
	VMOVUPS (o+128)(SI), c; \
	VMOVUPS (o+192)(SI), d; \
	VMOVUPS (o+256)(SI), e; \
	VMOVUPS (o+320)(SI), f; \
	VMOVUPS (o+384)(SI), g; \
	VMOVUPS (o+448)(SI), h

// STORE8 multiplies by the factor z and stores.
#define STORE8(o, z, a, b, c, d, e, f, g, h) \
	VMULPS z, a, a;         \
	VMULPS z, b, b;         \
	VMULPS z, c, c;         \
	VMULPS z, d, d;         \
	VMULPS z, e, e;         \
	VMULPS z, f, f;         \
	VMULPS z, g, g;         \
	VMULPS z, h, h;         \
	VMOVUPS a, o(SI);       \
	VMOVUPS b, (o+64)(SI);  \
	VMOVUPS c, (o+128)(SI); \
	VMOVUPS d, (o+192)(SI); \
	VMOVUPS e, (o+256)(SI); \
	VMOVUPS f, (o+320)(SI); \
	VMOVUPS g, (o+384)(SI); \
	VMOVUPS h, (o+448)(SI)

// func hadamard_avx512(x []float32)
TEXT ·hadamard_avx512(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), R8
	TESTQ R8, R8
	JZ   done
	BSFQ R8, CX
	MOVL $0x3f800000, AX // 1/√n of a square: 2^−k/2
	MOVL $0x3f3504f3, DX // of twice a square: 2^(1−k)/2 · 1/√2
	SHRL $1, CX
	CMOVLCS DX, AX
	SHLL $23, CX
	SUBL CX, AX
	VPBROADCASTD AX, Z31
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
	CMPQ R8, $256
	JLT  block128
	JNE  block256
	VMOVAPS Z31, Z30
	PCALIGN $32

block256:
	LOAD8(0, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	LOAD8(512, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	WITHIN8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	WITHIN8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	CROSS8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	CROSS8(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	CROSS(Z0, Z8)
	CROSS(Z1, Z9)
	CROSS(Z2, Z10)
	CROSS(Z3, Z11)
	CROSS(Z4, Z12)
	CROSS(Z5, Z13)
	CROSS(Z6, Z14)
	CROSS(Z7, Z15)
	STORE8(0, Z30, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	STORE8(512, Z30, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	ADDQ $1024, SI
	CMPQ SI, R10
	JNE  block256
	MOVQ $1024, R9

width: // R9 bytes, from 256 elements on
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

block128:
	LOAD8(0, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	WITHIN8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	CROSS8(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	STORE8(0, Z31, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
	VZEROUPPER
	RET

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
