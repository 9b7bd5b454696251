//go:build !purego

#include "textflag.h"

// enc_i8_avx512_amd64.s: magnitude of a row, its int8 codes and what they lose.
//
// Codes: a true division, a clamp and VCVTPS2DQ in the default rounding mode (nearest
// even) give the codes of the twin, 16 channels a step; division bounds the speed.
// VPMOVDB packs them. The V layout wants every fourth byte: a store with a byte mask
// takes the low bytes of the dwords as they are. The K layout wants dwords 64 bytes
// apart. Tails are masked loads and stores; nothing else is read or written.
// Registers: DI dst · SI x · CX channels left · Z8 scale · Z9 127 · Z10 −127 · K1 tail

DATA encI8Const<>+0(SB)/4, $0x42fe0000 // 127
DATA encI8Const<>+4(SB)/4, $0xc2fe0000 // −127
GLOBL encI8Const<>(SB), RODATA|NOPTR, $8

#define SETUP \
	MOVQ dst_base+0(FP), DI;           \
	MOVQ x_base+24(FP), SI;            \
	MOVQ x_len+32(FP), CX;             \
	VBROADCASTSS scale+48(FP), Z8;     \
	VBROADCASTSS encI8Const<>(SB), Z9; \
	VBROADCASTSS encI8Const<>+4(SB), Z10

// CODESOF leaves the codes of 16 numbers in x in the dwords of c, CODES in their place in Z0.
#define CODESOF(x, c) \
	VDIVPS    Z8, x, c;  \
	VMAXPS    Z10, c, c; \
	VMINPS    Z9, c, c;  \
	VCVTPS2DQ c, c
#define CODES CODESOF(Z0, Z0)

// TAIL loads the CX < 16 numbers left.
#define TAIL \
	MOVL  $1, AX;  \
	SHLL  CX, AX;  \
	DECL  AX;      \
	KMOVW AX, K1;  \
	VMOVUPS.Z (SI), K1, Z0

// func encI8_avx512(dst []int8, x []float32, scale float32)
TEXT ·encI8_avx512(SB), NOSPLIT, $0-52
	SETUP

step:
	SUBQ $16, CX
	JLT  tail
	VMOVUPS (SI), Z0
	CODES
	VPMOVDB Z0, (DI)
	ADDQ $64, SI
	ADDQ $16, DI
	JMP  step

tail:
	ADDQ $16, CX
	JZ   done
	TAIL
	CODES
	VPMOVDB Z0, K1, (DI)

done:
	VZEROUPPER
	RET

// func encI8K_avx512(dst []byte, x []float32, scale float32)
TEXT ·encI8K_avx512(SB), NOSPLIT, $0-52
	SETUP
	MOVL $0x80808080, AX
	VPBROADCASTD AX, X11

step:
	SUBQ $16, CX
	JLT  tail
	VMOVUPS (SI), Z0
	CODES
	VPMOVDB Z0, X0
	VPXOR   X11, X0, X0 // + 128
	VMOVD   X0, (DI)
	VPEXTRD $1, X0, 64(DI)
	VPEXTRD $2, X0, 128(DI)
	VPEXTRD $3, X0, 192(DI)
	ADDQ $64, SI
	ADDQ $256, DI
	JMP  step

tail:
	ADDQ $16, CX
	JZ   done
	TAIL
	CODES
	VPMOVDB Z0, X0
	VPXOR   X11, X0, X0

dword:
	CMPQ CX, $4
	JLT  bytes
	VMOVD   X0, (DI)
	VPSRLDQ $4, X0, X0
	ADDQ $64, DI
	SUBQ $4, CX
	JMP  dword

bytes:
	MOVL  $1, AX
	SHLL  CX, AX
	DECL  AX
	KMOVW AX, K1
	VMOVDQU8 X0, K1, (DI)

done:
	VZEROUPPER
	RET

// func encI8V_avx512(dst []byte, x []float32, scale float32)
TEXT ·encI8V_avx512(SB), NOSPLIT, $0-52
	SETUP
	MOVQ $0x1111111111111111, DX
	KMOVQ DX, K2

step:
	SUBQ $16, CX
	JLT  tail
	VMOVUPS (SI), Z0
	CODES
	VMOVDQU8 Z0, K2, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	JMP  step

tail:
	ADDQ $16, CX
	JZ   done
	TAIL
	CODES
	SHLL $2, CX
	MOVL $1, AX
	SHLQ CX, AX
	DECQ AX
	ANDQ DX, AX
	KMOVQ AX, K2
	VMOVDQU8 Z0, K2, (DI)

done:
	VZEROUPPER
	RET

// func absMax_avx512(x []float32) float32
TEXT ·absMax_avx512(SB), NOSPLIT, $0-28
	MOVQ x_base+0(FP), SI
	MOVQ x_len+8(FP), CX
	VPXORD Z1, Z1, Z1
	VPTERNLOGD $0xff, Z6, Z6, Z6
	VPSRLD $1, Z6, Z6 // magnitudes compare as integers

step:
	SUBQ $16, CX
	JLT  tail
	VPANDD  (SI), Z6, Z0
	VPMAXUD Z0, Z1, Z1
	ADDQ $64, SI
	JMP  step

tail:
	ADDQ $16, CX
	JZ   fold
	TAIL
	VPANDD  Z6, Z0, Z0
	VPMAXUD Z0, Z1, Z1

fold:
	VEXTRACTI64X4 $1, Z1, Y0
	VPMAXUD Y0, Y1, Y1
	VEXTRACTI128 $1, Y1, X0
	VPMAXUD X0, X1, X1
	VPSHUFD $0xEE, X1, X0
	VPMAXUD X0, X1, X1
	VPSHUFD $0x55, X1, X0
	VPMAXUD X0, X1, X1
	VMOVD X1, AX
	CMPL AX, $0x7f800000
	JCS  finite
	MOVL $0x7fc00000, AX

finite:
	MOVL AX, ret+24(FP)
	VZEROUPPER
	RET

// ERRORS adds the numbers in x and their codes in c to the chains; t is a temporary.
#define ERRORS(x, c, t) \
	VCVTDQ2PS c, c;              \
	VMULPS x, x, t;              \
	VADDPS t, Z1, Z1;            \
	VFNMADD231PS c, Z8, x;       \
	VMULPS x, x, x;              \
	VADDPS x, Z2, Z2

// func encErrI8_avx512(dst []int8, x []float32, scale float32) (size2, err2 float32)
TEXT ·encErrI8_avx512(SB), NOSPLIT, $0-64
	SETUP
	VPXORD Z1, Z1, Z1 // Σ x²
	VPXORD Z2, Z2, Z2 // Σ (x − code·scale)²
	SUBQ $32, CX
	JLT  one

two:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z6
	CODESOF(Z0, Z3)
	CODESOF(Z6, Z7)
	VPMOVDB Z3, (DI)
	VPMOVDB Z7, 16(DI)
	ERRORS(Z0, Z3, Z4)
	ERRORS(Z6, Z7, Z5)
	ADDQ $128, SI
	ADDQ $32, DI
	SUBQ $32, CX
	JGE  two

one:
	ADDQ $16, CX
	JLT  tail
	VMOVUPS (SI), Z0
	CODESOF(Z0, Z3)
	VPMOVDB Z3, (DI)
	ERRORS(Z0, Z3, Z4)
	ADDQ $64, SI
	ADDQ $16, DI
	SUBQ $16, CX

tail:
	ADDQ $16, CX
	JZ   fold
	TAIL
	CODESOF(Z0, Z3)
	ADDL  $3, CX // whole dwords
	ANDL  $-4, CX
	MOVL  $1, AX
	SHLL  CX, AX
	DECL  AX
	KMOVW AX, K1
	VPMOVDB Z3, K1, (DI)
	ERRORS(Z0, Z3, Z4)

fold: // chains 8, 4, 2, 1 apart
	VEXTRACTF64X4 $1, Z1, Y3
	VEXTRACTF64X4 $1, Z2, Y4
	VADDPS Y3, Y1, Y1
	VADDPS Y4, Y2, Y2
	VEXTRACTF128 $1, Y1, X3
	VEXTRACTF128 $1, Y2, X4
	VADDPS X3, X1, X1
	VADDPS X4, X2, X2
	VPERMILPS $0xEE, X1, X3
	VPERMILPS $0xEE, X2, X4
	VADDPS X3, X1, X1
	VADDPS X4, X2, X2
	VMOVSHDUP X1, X3
	VMOVSHDUP X2, X4
	VADDSS X3, X1, X1
	VADDSS X4, X2, X2
	VMOVSS X1, size2+56(FP)
	VMOVSS X2, err2+60(FP)
	VZEROUPPER
	RET
