//go:build !purego

#include "textflag.h"
#include "softmax_avx512_amd64.h"

// exp2_avx512_amd64.s: 2^x.
//
// Obstacle:  conversions for the index of the table, and 2^e in two factors. The sum that
// rounds x down to eighths has the index in its low bits; VSCALEFPS takes ⌊x⌋ from x
// itself and rounds subnormal results once.
// Exactness: the operations and their order are those of exp2_generic.go, see EXP2.
// Tails:     one masked vector.
// Registers: Z0–Z3 x · Z16, Z17 constants · Z21–Z23 temporaries · DI x · BX constants
//            CX elements left

// func exp2F32_avx512(x []float32)
TEXT ·exp2F32_avx512(SB), NOSPLIT, $0-24
	MOVQ x_base+0(FP), DI
	MOVQ x_len+8(FP), CX
	LEAQ ·softmaxConst(SB), BX
	EXPCONST
	SUBQ $64, CX
	JLT  vectors
	PCALIGN $32

step:
	VMOVUPS (DI), Z0
	VMOVUPS 64(DI), Z1
	VMOVUPS 128(DI), Z2
	VMOVUPS 192(DI), Z3
	EXP2(Z0, Z21, Z22, Z23)
	EXP2(Z1, Z21, Z22, Z23)
	EXP2(Z2, Z21, Z22, Z23)
	EXP2(Z3, Z21, Z22, Z23)
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $256, DI
	SUBQ $64, CX
	JGE  step

vectors:
	ADDQ $48, CX
	JLT  tail

vector:
	VMOVUPS (DI), Z0
	EXP2(Z0, Z21, Z22, Z23)
	VMOVUPS Z0, (DI)
	ADDQ $64, DI
	SUBQ $16, CX
	JGE  vector

tail:
	ADDQ $16, CX
	JZ   done
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1
	VMOVUPS.Z (DI), K1, Z0
	EXP2(Z0, Z21, Z22, Z23)
	VMOVUPS Z0, K1, (DI)

done:
	VZEROUPPER
	RET
