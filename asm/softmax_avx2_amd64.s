//go:build !purego

#include "textflag.h"
#include "exp_avx2_amd64.h"

// softmax_avx2_amd64.s: softmax of whole tiles, row by row.
//
// One pass for the maximum, one for the weights, their sum and their largest product with a
// value scale, one for the codes. That order and every operation are those of
// softmax_generic.go, so the bits are equal; what is saved are the calls, the constants and
// a pass over the products.
// A maximum that is not finite ends the call, and so does a NaN, which the maximum may pass
// over: it shows in the sum of the weights, or, since codes of logarithms lose it, in a sum
// of the logits (which may be NaN for other reasons too; that costs time only). The caller
// goes on with the row steps, which find the NaN still in the row. All return the number of
// rows done.
// Registers: DI p or hi · R13 lo · SI y · DX sv · R8 st · R9 n, a multiple of 32 · R10 rows done · AX BX R12
//            CX of a pass · Y14 Y15 sums · Y5 lift · Y6 factor of the codes · Y4 ½

// 0 2⁻⁹⁶, 4 1, 8 2⁹⁶, 12 ½, 16 65535
DATA ·liftConst+0(SB)/4, $0x0f800000
DATA ·liftConst+4(SB)/4, $0x3f800000
DATA ·liftConst+8(SB)/4, $0x6f800000
DATA ·liftConst+12(SB)/4, $0x3f000000
DATA ·liftConst+16(SB)/4, $0x477fff00
GLOBL ·liftConst(SB), RODATA|NOPTR, $20

// FOLDMAX leaves the largest lane in x, the low part of y.
#define FOLDMAX(y, x) \
	VEXTRACTF128 $1, y, X1;        \
	VMAXPS X1, x, x;               \
	VPERMILPS $0xEE, x, X1;        \
	VMAXPS X1, x, x;               \
	VMOVSHDUP x, X1;               \
	VMAXSS X1, x, x

// MAXIMUM32 takes 32 logits into the lane maxima of Y0 and Y1.
#define MAXIMUM32 \
	VMAXPS (AX), Y0, Y0;           \
	VMAXPS 32(AX), Y1, Y1;         \
	VMAXPS 64(AX), Y0, Y0;         \
	VMAXPS 96(AX), Y1, Y1

// FOLDLOGITS leaves the largest lane of both in X0, never −0.
#define FOLDLOGITS \
	VMAXPS Y1, Y0, Y0;             \
	FOLDMAX(Y0, X0);               \
	VXORPS X1, X1, X1;             \
	VADDSS X1, X0, X0

// FINITE jumps when X0 is not.
#define FINITE(label) \
	VMOVD X0, AX;                  \
	ANDL $0x7fffffff, AX;          \
	CMPL AX, $0x7f800000;          \
	JCC  label

// LOGITS loads 32 logits less the maximum at m.
#define LOGITS(y, m) \
	VBROADCASTSS m, Y4;            \
	VMOVUPS (y), Y0;               \
	VMOVUPS 32(y), Y1;             \
	VMOVUPS 64(y), Y2;             \
	VMOVUPS 96(y), Y3;             \
	VSUBPS Y4, Y0, Y0;             \
	VSUBPS Y4, Y1, Y1;             \
	VSUBPS Y4, Y2, Y2;             \
	VSUBPS Y4, Y3, Y3

// LARGEST takes the products of weights w and scales into largest, which wins over NaN.
#define LARGEST(w, scales, largest) \
	VMULPS scales, w, w;           \
	VMAXPS largest, w, largest

// LOGSX4 turns 32 logits into weights of codes and adds them to the sums.
#define LOGSX4 \
	VMOVUPS (AX), Y0;              \
	VMOVUPS 32(AX), Y1;            \
	VMOVUPS 64(AX), Y2;            \
	VMOVUPS 96(AX), Y3;            \
	LOG1(Y0, Y4);                  \
	LOG1(Y1, Y5);                  \
	LOG2(Y0, Y4, Y12);             \
	LOG2(Y1, Y5, Y12);             \
	LOG1(Y2, Y4);                  \
	LOG1(Y3, Y5);                  \
	LOG2(Y2, Y4, Y12);             \
	LOG2(Y3, Y5, Y12);             \
	VMOVUPS Y0, (AX);              \
	VMOVUPS Y1, 32(AX);            \
	VMOVUPS Y2, 64(AX);            \
	VMOVUPS Y3, 96(AX);            \
	VADDPS Y0, Y14, Y14;           \
	VADDPS Y1, Y15, Y15;           \
	VADDPS Y2, Y14, Y14;           \
	VADDPS Y3, Y15, Y15

// func smU8Rows_avx2(p []byte, y, sv []float32, st []Stat, top float32, m, n int) int
TEXT ·smU8Rows_avx2(SB), NOSPLIT, $0-128
	MOVQ p_base+0(FP), DI
	MOVQ y_base+24(FP), SI
	MOVQ sv_base+48(FP), DX
	MOVQ st_base+72(FP), R8
	MOVQ n+112(FP), R9
	XORL R10, R10 // rows done
	VMOVUPS ·exp2Floor(SB), Y12

row:
	VBROADCASTSS ·minusInf(SB), Y0
	VMOVAPS Y0, Y1
	MOVQ R9, CX
	MOVQ SI, AX

maxima:
	MAXIMUM32
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  maxima
	FOLDLOGITS
	FINITE(special)
	VMOVSS X0, (R8)
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	VXORPS Y13, Y13, Y13 // largest product
	MOVQ R9, CX
	MOVQ SI, AX
	MOVQ DX, BX

weights:
	LOGITS(AX, (R8))
	WEIGHTX4
	VMOVUPS Y0, (AX)
	VMOVUPS Y1, 32(AX)
	VMOVUPS Y2, 64(AX)
	VMOVUPS Y3, 96(AX)
	VADDPS Y0, Y14, Y14
	VADDPS Y1, Y15, Y15
	VADDPS Y2, Y14, Y14
	VADDPS Y3, Y15, Y15
	LARGEST(Y0, (BX), Y13)
	LARGEST(Y1, 32(BX), Y13)
	LARGEST(Y2, 64(BX), Y13)
	LARGEST(Y3, 96(BX), Y13)
	ADDQ $128, AX
	ADDQ $128, BX
	SUBQ $32, CX
	JNZ  weights

	FOLDSUM
	VUCOMISS X14, X14
	JP   special
	VMOVSS X14, 4(R8)
	FOLDMAX(Y13, X13)
	VMOVSS top+96(FP), X2
	VDIVSS X2, X13, X0
	VMOVSS X0, 8(R8)
	VBROADCASTSS ·liftConst+4(SB), Y5
	VBROADCASTSS ·liftConst+12(SB), Y4
	VUCOMISS ·liftConst+0(SB), X13
	JCC  codes
	VBROADCASTSS ·liftConst+8(SB), Y5

codes:
	VMULSS X5, X13, X13
	VDIVSS X13, X2, X13
	VBROADCASTSS X13, Y6
	MOVQ R9, CX
	MOVQ SI, AX
	MOVQ DX, BX
	MOVQ DI, R12

pack:
	VMOVUPS (AX), Y0
	VMOVUPS 32(AX), Y1
	VMULPS (BX), Y0, Y0
	VMULPS 32(BX), Y1, Y1
	VMULPS Y5, Y0, Y0
	VMULPS Y5, Y1, Y1
	VMULPS Y6, Y0, Y0
	VMULPS Y6, Y1, Y1
	VADDPS Y4, Y0, Y0
	VADDPS Y4, Y1, Y1
	VCVTTPS2DQ Y0, Y0
	VCVTTPS2DQ Y1, Y1
	VEXTRACTI128 $1, Y0, X2
	VEXTRACTI128 $1, Y1, X3
	VPACKUSDW X2, X0, X0
	VPACKUSDW X3, X1, X1
	VPACKUSWB X1, X0, X0
	VMOVDQU X0, (R12)
	ADDQ $64, AX
	ADDQ $64, BX
	ADDQ $16, R12
	SUBQ $16, CX
	JNZ  pack

	ADDQ $256, SI
	ADDQ $64, DI
	ADDQ $12, R8
	INCQ R10
	CMPQ R10, m+104(FP)
	JLT  row

special:
	MOVQ R10, ret+120(FP)
	VZEROUPPER
	RET

// func smU16Rows_avx2(hi, lo []byte, y, sv []float32, st []Stat, m, n int) int
TEXT ·smU16Rows_avx2(SB), NOSPLIT, $0-144
	MOVQ hi_base+0(FP), DI
	MOVQ lo_base+24(FP), R13
	MOVQ y_base+48(FP), SI
	MOVQ sv_base+72(FP), DX
	MOVQ st_base+96(FP), R8
	MOVQ n+128(FP), R9
	XORL R10, R10 // rows done
	VMOVUPS ·exp2Floor(SB), Y12

row:
	VBROADCASTSS ·minusInf(SB), Y0
	VMOVAPS Y0, Y1
	MOVQ R9, CX
	MOVQ SI, AX

maxima:
	MAXIMUM32
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  maxima
	FOLDLOGITS
	FINITE(special)
	VMOVSS X0, (R8)
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	VXORPS Y13, Y13, Y13 // largest product
	MOVQ R9, CX
	MOVQ SI, AX
	MOVQ DX, BX

weights:
	LOGITS(AX, (R8))
	WEIGHTX4
	VMOVUPS Y0, (AX)
	VMOVUPS Y1, 32(AX)
	VMOVUPS Y2, 64(AX)
	VMOVUPS Y3, 96(AX)
	VADDPS Y0, Y14, Y14
	VADDPS Y1, Y15, Y15
	VADDPS Y2, Y14, Y14
	VADDPS Y3, Y15, Y15
	LARGEST(Y0, (BX), Y13)
	LARGEST(Y1, 32(BX), Y13)
	LARGEST(Y2, 64(BX), Y13)
	LARGEST(Y3, 96(BX), Y13)
	ADDQ $128, AX
	ADDQ $128, BX
	SUBQ $32, CX
	JNZ  weights

	FOLDSUM
	VUCOMISS X14, X14
	JP   special
	VMOVSS X14, 4(R8)
	FOLDMAX(Y13, X13)
	VMOVSS ·liftConst+16(SB), X2
	VDIVSS X2, X13, X0
	VMOVSS X0, 8(R8)
	VBROADCASTSS ·liftConst+4(SB), Y5
	VBROADCASTSS ·liftConst+12(SB), Y4
	VUCOMISS ·liftConst+0(SB), X13
	JCC  codes
	VBROADCASTSS ·liftConst+8(SB), Y5

codes:
	VMULSS X5, X13, X13
	VDIVSS X13, X2, X13
	VBROADCASTSS X13, Y6
	MOVQ R9, CX
	MOVQ SI, AX
	MOVQ DX, BX
	XORL R12, R12
	VPCMPEQW X7, X7, X7
	VPSRLW $8, X7, X7

pack:
	VMOVUPS (AX), Y0
	VMOVUPS 32(AX), Y1
	VMULPS (BX), Y0, Y0
	VMULPS 32(BX), Y1, Y1
	VMULPS Y5, Y0, Y0
	VMULPS Y5, Y1, Y1
	VMULPS Y6, Y0, Y0
	VMULPS Y6, Y1, Y1
	VADDPS Y4, Y0, Y0
	VADDPS Y4, Y1, Y1
	VCVTTPS2DQ Y0, Y0
	VCVTTPS2DQ Y1, Y1
	VEXTRACTI128 $1, Y0, X2
	VEXTRACTI128 $1, Y1, X3
	VPACKUSDW X2, X0, X0
	VPACKUSDW X3, X1, X1
	VPSRLW $8, X0, X2
	VPSRLW $8, X1, X3
	VPACKUSWB X3, X2, X2
	VPAND X7, X0, X0
	VPAND X7, X1, X1
	VPACKUSWB X1, X0, X0
	VMOVDQU X2, (DI)(R12*1)
	VMOVDQU X0, (R13)(R12*1)
	ADDQ $64, AX
	ADDQ $64, BX
	ADDQ $16, R12
	SUBQ $16, CX
	JNZ  pack

	ADDQ $256, SI
	ADDQ $64, DI
	ADDQ $64, R13
	ADDQ $12, R8
	INCQ R10
	CMPQ R10, m+120(FP)
	JLT  row

special:
	MOVQ R10, ret+136(FP)
	VZEROUPPER
	RET

// func smLogU8Rows_avx2(p []byte, y, sv []float32, st []Stat, code LogCode, top float32, m, n int) int
TEXT ·smLogU8Rows_avx2(SB), NOSPLIT, $32-144
	MOVQ p_base+0(FP), DI
	MOVQ y_base+24(FP), SI
	MOVQ sv_base+48(FP), DX
	MOVQ st_base+72(FP), R8
	MOVQ n+128(FP), R9
	XORL R10, R10 // rows done
	VBROADCASTSS code_Step+96(FP), Y8
	VBROADCASTSS code_Zero+100(FP), Y9
	LOGCONSTANTS(code_Last+104(FP))

row:
	VBROADCASTSS ·minusInf(SB), Y0
	VMOVAPS Y0, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ R9, CX
	MOVQ SI, AX

maxima:
	MAXIMUM32
	VADDPS (AX), Y2, Y2
	VADDPS 32(AX), Y3, Y3
	VADDPS 64(AX), Y2, Y2
	VADDPS 96(AX), Y3, Y3
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  maxima
	VADDPS Y3, Y2, Y2
	VCMPPS $3, Y2, Y2, Y2
	VMOVMSKPS Y2, AX
	TESTL AX, AX
	JNZ  special
	FOLDLOGITS
	FINITE(special)
	CMPB code_Whole+108(FP), $0
	JEQ  maximum
	VROUNDSS $10, X0, X0, X0
	VXORPS X1, X1, X1
	VADDSS X1, X0, X0 // −0 becomes +0

maximum:
	VMOVSS X0, (R8)
	VBROADCASTSS X0, Y13
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	VXORPS Y6, Y6, Y6 // largest product
	MOVQ R9, CX
	MOVQ SI, AX
	MOVQ DX, BX

weights:
	LOGSX4
	LARGEST(Y0, (BX), Y6)
	LARGEST(Y1, 32(BX), Y6)
	LARGEST(Y2, 64(BX), Y6)
	LARGEST(Y3, 96(BX), Y6)
	ADDQ $128, AX
	ADDQ $128, BX
	SUBQ $32, CX
	JNZ  weights

	FOLDSUM
	VMOVSS X14, 4(R8)
	FOLDMAX(Y6, X6)
	VMOVSS top+112(FP), X2
	VDIVSS X2, X6, X0
	VMOVSS X0, 8(R8)
	VBROADCASTSS ·liftConst+4(SB), Y5
	VBROADCASTSS ·liftConst+12(SB), Y4
	VUCOMISS ·liftConst+0(SB), X6
	JCC  codes
	VBROADCASTSS ·liftConst+8(SB), Y5

codes:
	VMULSS X5, X6, X6
	VDIVSS X6, X2, X6
	VBROADCASTSS X6, Y6
	MOVQ R9, CX
	MOVQ SI, AX
	MOVQ DX, BX
	MOVQ DI, R12

pack:
	VMOVUPS (AX), Y0
	VMOVUPS 32(AX), Y1
	VMULPS (BX), Y0, Y0
	VMULPS 32(BX), Y1, Y1
	VMULPS Y5, Y0, Y0
	VMULPS Y5, Y1, Y1
	VMULPS Y6, Y0, Y0
	VMULPS Y6, Y1, Y1
	VADDPS Y4, Y0, Y0
	VADDPS Y4, Y1, Y1
	VCVTTPS2DQ Y0, Y0
	VCVTTPS2DQ Y1, Y1
	VEXTRACTI128 $1, Y0, X2
	VEXTRACTI128 $1, Y1, X3
	VPACKUSDW X2, X0, X0
	VPACKUSDW X3, X1, X1
	VPACKUSWB X1, X0, X0
	VMOVDQU X0, (R12)
	ADDQ $64, AX
	ADDQ $64, BX
	ADDQ $16, R12
	SUBQ $16, CX
	JNZ  pack

	ADDQ $256, SI
	ADDQ $64, DI
	ADDQ $12, R8
	INCQ R10
	CMPQ R10, m+120(FP)
	JLT  row

special:
	MOVQ R10, ret+136(FP)
	VZEROUPPER
	RET

// func smF32Rows_avx2(y []float32, st []Stat, m, n int) int
TEXT ·smF32Rows_avx2(SB), NOSPLIT, $0-72
	MOVQ y_base+0(FP), SI
	MOVQ st_base+24(FP), R8
	MOVQ n+56(FP), R9
	XORL R10, R10
	VMOVUPS ·exp2Floor(SB), Y12
	MOVL $0x3f800000, R11

row:
	VBROADCASTSS ·minusInf(SB), Y0
	VMOVAPS Y0, Y1
	MOVQ R9, CX
	MOVQ SI, AX

maxima:
	MAXIMUM32
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  maxima
	FOLDLOGITS
	FINITE(special)
	VMOVSS X0, (R8)
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	MOVQ R9, CX
	MOVQ SI, AX

weights:
	LOGITS(AX, (R8))
	WEIGHTX4
	VMOVUPS Y0, (AX)
	VMOVUPS Y1, 32(AX)
	VMOVUPS Y2, 64(AX)
	VMOVUPS Y3, 96(AX)
	VADDPS Y0, Y14, Y14
	VADDPS Y1, Y15, Y15
	VADDPS Y2, Y14, Y14
	VADDPS Y3, Y15, Y15
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  weights

	FOLDSUM
	VUCOMISS X14, X14
	JP   special
	VMOVSS X14, 4(R8)
	MOVL R11, 8(R8)
	ADDQ $256, SI
	ADDQ $12, R8
	INCQ R10
	CMPQ R10, m+48(FP)
	JLT  row

special:
	MOVQ R10, ret+64(FP)
	VZEROUPPER
	RET

// func smLogF32Rows_avx2(y []float32, st []Stat, code LogCode, m, n int) int
TEXT ·smLogF32Rows_avx2(SB), NOSPLIT, $32-88
	MOVQ y_base+0(FP), SI
	MOVQ st_base+24(FP), R8
	MOVQ n+72(FP), R9
	XORL R10, R10 // rows done
	VBROADCASTSS code_Step+48(FP), Y8
	VBROADCASTSS code_Zero+52(FP), Y9
	LOGCONSTANTS(code_Last+56(FP))
	MOVL $0x3f800000, R11

row:
	VBROADCASTSS ·minusInf(SB), Y0
	VMOVAPS Y0, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ R9, CX
	MOVQ SI, AX

maxima:
	MAXIMUM32
	VADDPS (AX), Y2, Y2
	VADDPS 32(AX), Y3, Y3
	VADDPS 64(AX), Y2, Y2
	VADDPS 96(AX), Y3, Y3
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  maxima
	VADDPS Y3, Y2, Y2
	VCMPPS $3, Y2, Y2, Y2
	VMOVMSKPS Y2, AX
	TESTL AX, AX
	JNZ  special
	FOLDLOGITS
	FINITE(special)
	CMPB code_Whole+60(FP), $0
	JEQ  maximum
	VROUNDSS $10, X0, X0, X0
	VXORPS X1, X1, X1
	VADDSS X1, X0, X0 // −0 becomes +0

maximum:
	VMOVSS X0, (R8)
	VBROADCASTSS X0, Y13
	VXORPS Y14, Y14, Y14
	VXORPS Y15, Y15, Y15
	MOVQ R9, CX
	MOVQ SI, AX

weights:
	LOGSX4
	ADDQ $128, AX
	SUBQ $32, CX
	JNZ  weights

	FOLDSUM
	VMOVSS X14, 4(R8)
	MOVL R11, 8(R8)
	ADDQ $256, SI
	ADDQ $12, R8
	INCQ R10
	CMPQ R10, m+64(FP)
	JLT  row

special:
	MOVQ R10, ret+80(FP)
	VZEROUPPER
	RET
