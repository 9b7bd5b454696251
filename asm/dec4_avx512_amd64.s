//go:build !purego

#include "textflag.h"

// dec4_avx512_amd64.s: expansion of 4-bit tiles to float32 by table.
//
// Obstacle:  stores; half a byte read is four written. VPERMPS takes its index from the
// low four bits of a dword, so a value of K is a shift, a lookup and a product. A block of
// V has one scale a token, which is multiplied into the table. All that share a dword are
// expanded from one load: 4 channels of two groups, or 8 tokens.
// Exactness: one product.
// Reads:     ⌈n/32⌉ pairs of K or ⌈n/8⌉ planes of V, once, and the scales; prefetches as
//            much of next.
// Tails:     K blocks are whole by layout, the last stores fewer channels, and a group
//            that is not there is overwritten by its partner; V masks channels and leaves
//            the last plane after token n.
// Registers: Z0 codes · Z1–Z4 values · Z8 Z9 scales of K, Z8–Z15 tables of V · Z16 table
//            K1 channels, K2 of the last vector · DI DX dst · SI codes · BX AX scales
//            CX channels left · R8 tokens left · R10 from the codes to next

// CHANNEL expands a channel of both groups; the lower one, whose codes are low, is stored
// last. CHANNEL0 does where those are not to be shifted.
#define CHANNEL(low, high, off) \
	VPSRLD low, Z0, Z1;             \
	SCALED(Z1, high, off)
#define CHANNEL0(high, off) \
	SCALED(Z0, high, off)
#define SCALED(low, high, off) \
	VPSRLD high, Z0, Z2;            \
	VPERMPS Z16, low, Z1;           \
	VPERMPS Z16, Z2, Z2;            \
	VMULPS Z9, Z2, Z2;              \
	VMULPS Z8, Z1, Z1;              \
	VMOVUPS Z2, off(DI)(R11*1);     \
	VMOVUPS Z1, off(DI)

// func dec4K_avx512(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4K_avx512(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ lut+48(FP), AX
	VMOVUPS (AX), Z16
	MOVQ scale_base+56(FP), BX
	MOVQ n+80(FP), R8
	MOVQ d+88(FP), R11
	SHLQ $6, R11 // bytes of a group of floats
	MOVQ block+96(FP), R12
	MOVQ next_base+104(FP), R10
	SUBQ SI, R10

pair:
	CMPQ R8, $16
	JGT  both
	XORL R11, R11

both:
	MOVQ BX, DX
	MOVQ d+88(FP), CX

scales: // R13 channels share them
	VMOVUPS (DX), Z8
	VMOVUPS 64(DX), Z9
	ADDQ $256, DX
	MOVQ R12, R13
	CMPQ CX, R13
	CMOVQLT CX, R13
	SUBQ R13, CX
	SUBQ $4, R13
	JLT  last
	PCALIGN $32

channels:
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (SI)(R10*1)
	CHANNEL0($4, 0)
	CHANNEL($8, $12, 64)
	CHANNEL($16, $20, 128)
	CHANNEL($24, $28, 192)
	ADDQ $64, SI
	ADDQ $256, DI
	SUBQ $4, R13
	JGE  channels

last: // R13+4 channels of d
	ADDQ $4, R13
	JZ   next
	VMOVDQU32 (SI), Z0
	ADDQ $64, SI
	CHANNEL0($4, 0)
	ADDQ $64, DI
	DECQ R13
	JZ   next
	CHANNEL($8, $12, 0)
	ADDQ $64, DI
	DECQ R13
	JZ   next
	CHANNEL($16, $20, 0)
	ADDQ $64, DI

next:
	TESTQ CX, CX
	JNZ  scales
	ADDQ R11, DI
	ADDQ $128, BX
	SUBQ $32, R8
	JG   pair
	VZEROUPPER
	RET

// VALUE sets x to the values of the codes shift bits up in Z0.
#define VALUE(shift, table, x) \
	VPSRLD shift, Z0, x;   \
	VPERMPS table, x, x

// TOKEN expands a token of the last plane and leaves when it is the last.
#define TOKEN(shift, table) \
	VALUE(shift, table, Z1); \
	VMOVUPS Z1, K1, (R12);   \
	ADDQ R11, R12;           \
	DECQ R13;                \
	JZ   stored

// func dec4V_avx512(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4V_avx512(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ lut+48(FP), AX
	VMOVUPS (AX), Z16
	MOVQ scale_base+56(FP), BX
	MOVQ n+80(FP), R8
	MOVQ d+88(FP), R11
	MOVQ R11, CX
	ANDQ $15, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K2
	SHLQ $2, R11 // bytes of a row of floats
	MOVQ next_base+104(FP), R10
	SUBQ SI, R10

plane:
	MOVQ BX, AX
	MOVQ DI, DX
	MOVQ d+88(FP), CX
	XORL R9, R9 // channels until the next tables
	KXNORW K1, K1, K1

vector:
	TESTQ R9, R9
	JG   tables
	VMULPS.BCST (AX), Z16, Z8
	VMULPS.BCST 4(AX), Z16, Z9
	VMULPS.BCST 8(AX), Z16, Z10
	VMULPS.BCST 12(AX), Z16, Z11
	VMULPS.BCST 16(AX), Z16, Z12
	VMULPS.BCST 20(AX), Z16, Z13
	VMULPS.BCST 24(AX), Z16, Z14
	VMULPS.BCST 28(AX), Z16, Z15
	ADDQ $256, AX
	MOVQ block+96(FP), R9

tables:
	CMPQ CX, $16
	JGE  whole
	KMOVW K2, K1

whole:
	VMOVDQU32.Z (SI), K1, Z0
	PREFETCHT0 (SI)(R10*1)
	MOVQ DX, R12
	CMPQ R8, $8
	JLT  few
	LEAQ (DX)(R11*4), R13
	VPERMPS Z8, Z0, Z1
	VALUE($8, Z9, Z2)
	VALUE($16, Z10, Z3)
	VALUE($24, Z11, Z4)
	VMOVUPS Z1, K1, (R12)
	VMOVUPS Z2, K1, (R12)(R11*1)
	VMOVUPS Z3, K1, (R12)(R11*2)
	ADDQ R11, R12
	VMOVUPS Z4, K1, (R12)(R11*2)
	VALUE($4, Z12, Z1)
	VALUE($12, Z13, Z2)
	VALUE($20, Z14, Z3)
	VALUE($28, Z15, Z4)
	VMOVUPS Z1, K1, (R13)
	VMOVUPS Z2, K1, (R13)(R11*1)
	VMOVUPS Z3, K1, (R13)(R11*2)
	ADDQ R11, R13
	VMOVUPS Z4, K1, (R13)(R11*2)
	JMP  stored

few: // R8 tokens
	MOVQ R8, R13
	TOKEN($0, Z8)
	TOKEN($8, Z9)
	TOKEN($16, Z10)
	TOKEN($24, Z11)
	TOKEN($4, Z12)
	TOKEN($12, Z13)
	TOKEN($20, Z14)

stored:
	ADDQ $64, SI
	ADDQ $64, DX
	SUBQ $16, R9
	SUBQ $16, CX
	JG   vector
	LEAQ (SI)(CX*4), SI // back to the end of the plane
	LEAQ (DI)(R11*8), DI
	ADDQ $32, BX
	SUBQ $8, R8
	JG   plane
	VZEROUPPER
	RET
