//go:build !purego

#include "textflag.h"

// dec_fp8_avx512_amd64.s: expansion of FP8 tiles to float32.
//
// Obstacle:  no FP8 conversion, and arithmetic on the exponent needs products of
// subnormal numbers and a patch for NaN. The value of a code has two bytes besides its
// sign, and 128 of each fit in two registers: two lookups serve 64 codes.
// Exactness: the tables hold the values of the twin; one product with the scale.
// Reads:     ⌈n/16⌉ groups of K or n rows of V, once, and the scales; prefetches next.
// Tails:     masked; K blocks are whole by layout, the last stores fewer channels.
// Registers: Z0–Z4 codes and values · Z8 scale · Z16 Z17 high bytes · Z18 Z19 low bytes
//            Z20 signs · Z21 even bytes · Z22 odd words · Z23 order of V · K1–K5 channels
//            DI dst · SI source · DX scale · R8 tokens left · R10 from the source to next

#define CONSTANTS(table) \
	LEAQ table(SB), BX;           \
	VMOVDQU32 (BX), Z16;          \
	VMOVDQU32 64(BX), Z17;        \
	VMOVDQU32 128(BX), Z18;       \
	VMOVDQU32 192(BX), Z19;       \
	VPTERNLOGD $0xFF, Z22, Z22, Z22; \
	VPSRLW $8, Z22, Z21;          \
	VPSLLD $16, Z22, Z22;         \
	MOVL $0x80808080, AX;         \
	VPBROADCASTD AX, Z20

// LOOKUP sets Z3 to the high bytes, with the sign, and Z4 to the low bytes of the values
// of the codes in Z0, SCALE multiplies the values in Z0–Z3.
#define LOOKUP \
	VMOVDQA32 Z0, Z3;                \
	VMOVDQA32 Z0, Z4;                \
	VPERMI2B Z17, Z16, Z3;           \
	VPERMI2B Z19, Z18, Z4;           \
	VPTERNLOGD $0xF8, Z20, Z0, Z3
#define SCALE \
	VMULPS Z8, Z0, Z0;               \
	VMULPS Z8, Z1, Z1;               \
	VMULPS Z8, Z2, Z2;               \
	VMULPS Z8, Z3, Z3

// KVALUES turns the codes in byte i of the dwords of Z0 into scaled values in register i,
// by words of bytes 0 and 2, of 1 and 3.
#define KVALUES \
	LOOKUP;                          \
	VPSLLW $8, Z3, Z2;               \
	VPSRLW $8, Z4, Z1;               \
	VPTERNLOGD $0xF8, Z21, Z4, Z2;   \
	VPTERNLOGD $0xF4, Z21, Z3, Z1;   \
	VPSLLD $16, Z2, Z0;              \
	VPANDD Z22, Z1, Z3;              \
	VPSLLD $16, Z1, Z1;              \
	VPANDD Z22, Z2, Z2;              \
	SCALE

// VVALUES does for codes in the order of fp8Order: bytes 2j and 2j+1 of the i-th 128 bits,
// j < 4, are lane 4i+j of Z0 and Z1, bytes 2j+8 and 2j+9 that of Z2 and Z3.
#define VVALUES \
	LOOKUP;                          \
	VPUNPCKLBW Z3, Z4, Z1;           \
	VPUNPCKHBW Z3, Z4, Z3;           \
	VPSLLD $16, Z1, Z0;              \
	VPANDD Z22, Z1, Z1;              \
	VPSLLD $16, Z3, Z2;              \
	VPANDD Z22, Z3, Z3;              \
	SCALE

// fp8Order takes channels to the registers in which VVALUES leaves them, 16 each.
DATA fp8Order<>+0(SB)/8, $0x1303120211011000
DATA fp8Order<>+8(SB)/8, $0x3323322231213020
DATA fp8Order<>+16(SB)/8, $0x1707160615051404
DATA fp8Order<>+24(SB)/8, $0x3727362635253424
DATA fp8Order<>+32(SB)/8, $0x1b0b1a0a19091808
DATA fp8Order<>+40(SB)/8, $0x3b2b3a2a39293828
DATA fp8Order<>+48(SB)/8, $0x1f0f1e0e1d0d1c0c
DATA fp8Order<>+56(SB)/8, $0x3f2f3e2e3d2d3c2c
GLOBL fp8Order<>(SB), RODATA|NOPTR, $64

// CHANNELS sets Z23 and the masks of the channels beyond whole steps of the R9: K5 all,
// K1–K4 by vectors of 16.
#define CHANNELS \
	VMOVDQU32 fp8Order<>(SB), Z23; \
	MOVQ R9, CX;          \
	ANDQ $63, CX;         \
	MOVL $1, AX;          \
	SHLQ CX, AX;          \
	DECQ AX;              \
	KMOVQ AX, K5;         \
	KMOVQ K5, K1;         \
	KSHIFTRQ $16, K5, K2; \
	KSHIFTRQ $32, K5, K3; \
	KSHIFTRQ $48, K5, K4

// func decE4M3K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decE4M3K_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	MOVQ next_base+88(FP), R10
	SUBQ SI, R10
	CONSTANTS(·e4m3Planes)

group:
	VMOVUPS (DX), Z8
	MOVQ R9, CX
	SUBQ $4, CX
	JLT  last
	PCALIGN $32

block: // four channels
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (SI)(R10*1)
	KVALUES
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $64, SI
	ADDQ $256, DI
	SUBQ $4, CX
	JGE  block

last: // CX+4 channels
	ADDQ $4, CX
	JZ   next
	VMOVDQU32 (SI), Z0
	KVALUES
	VMOVUPS Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VMOVUPS Z1, (DI)
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VMOVUPS Z2, (DI)
	ADDQ $64, DI

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET

// func decE4M3V_avx512(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decE4M3V_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	MOVQ next_base+88(FP), R10
	SUBQ SI, R10
	CONSTANTS(·e4m3Planes)
	CHANNELS

token:
	VBROADCASTSS (DX), Z8
	MOVQ R9, CX
	SUBQ $64, CX
	JLT  tail
	PCALIGN $32

step:
	VPERMB (SI), Z23, Z0
	PREFETCHT0 (SI)(R10*1)
	VVALUES
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $64, SI
	ADDQ $256, DI
	SUBQ $64, CX
	JGE  step

tail:
	ADDQ $64, CX
	JZ   next
	VMOVDQU8.Z (SI), K5, Z0
	PREFETCHT0 (SI)(R10*1)
	VPERMB Z0, Z23, Z0
	VVALUES
	VMOVUPS Z0, K1, (DI)
	VMOVUPS Z1, K2, 64(DI)
	VMOVUPS Z2, K3, 128(DI)
	VMOVUPS Z3, K4, 192(DI)
	ADDQ CX, SI
	LEAQ (DI)(CX*4), DI

next:
	ADDQ $4, DX
	DECQ R8
	JNZ  token
	VZEROUPPER
	RET

// func decE5M2K_avx512(dst []float32, k []byte, scale []float32, n, d int, next []byte)
TEXT ·decE5M2K_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	MOVQ next_base+88(FP), R10
	SUBQ SI, R10
	CONSTANTS(·e5m2Planes)

group:
	VMOVUPS (DX), Z8
	MOVQ R9, CX
	SUBQ $4, CX
	JLT  last
	PCALIGN $32

block: // four channels
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (SI)(R10*1)
	KVALUES
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $64, SI
	ADDQ $256, DI
	SUBQ $4, CX
	JGE  block

last: // CX+4 channels
	ADDQ $4, CX
	JZ   next
	VMOVDQU32 (SI), Z0
	KVALUES
	VMOVUPS Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VMOVUPS Z1, (DI)
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VMOVUPS Z2, (DI)
	ADDQ $64, DI

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET

// func decE5M2V_avx512(dst []float32, v []byte, scale []float32, n, d int, next []byte)
TEXT ·decE5M2V_avx512(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ scale_base+48(FP), DX
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	MOVQ next_base+88(FP), R10
	SUBQ SI, R10
	CONSTANTS(·e5m2Planes)
	CHANNELS

token:
	VBROADCASTSS (DX), Z8
	MOVQ R9, CX
	SUBQ $64, CX
	JLT  tail
	PCALIGN $32

step:
	VPERMB (SI), Z23, Z0
	PREFETCHT0 (SI)(R10*1)
	VVALUES
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $64, SI
	ADDQ $256, DI
	SUBQ $64, CX
	JGE  step

tail:
	ADDQ $64, CX
	JZ   next
	VMOVDQU8.Z (SI), K5, Z0
	PREFETCHT0 (SI)(R10*1)
	VPERMB Z0, Z23, Z0
	VVALUES
	VMOVUPS Z0, K1, (DI)
	VMOVUPS Z1, K2, 64(DI)
	VMOVUPS Z2, K3, 128(DI)
	VMOVUPS Z3, K4, 192(DI)
	ADDQ CX, SI
	LEAQ (DI)(CX*4), DI

next:
	ADDQ $4, DX
	DECQ R8
	JNZ  token
	VZEROUPPER
	RET
