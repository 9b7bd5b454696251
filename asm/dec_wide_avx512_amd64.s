//go:build !purego

#include "textflag.h"

// dec_wide_avx512_amd64.s: expansion of 16-bit tiles to float32.
//
// Obstacle:  stores; two bytes read are four written. Binary16 has its conversion. A
// dword of a bfloat16 tile holds two neighbours, channels (K) or tokens (V): one is a
// shift by 16 away from float32, the other a mask.
// Exactness: widening is exact.
// Reads:     what is expanded, once, and prefetches as much of next.
// Tails:     masked; K blocks are whole by layout, the last of an odd d stores one channel.
// Registers: Z0–Z7 elements · Z31 mask of the odd halves · K1 elements left · DI DX dst
//            SI source · R10 next or from the source to it · CX elements left

// func dec16_avx512(dst []float32, src, next []byte)
TEXT ·dec16_avx512(SB), NOSPLIT, $0-72
	MOVQ dst_base+0(FP), DI
	MOVQ dst_len+8(FP), CX
	MOVQ src_base+24(FP), SI
	MOVQ next_base+48(FP), R10
	SUBQ $64, CX
	JLT  vectors
	PCALIGN $32

step:
	PREFETCHT0 (R10)
	PREFETCHT0 64(R10)
	VCVTPH2PS (SI), Z0
	VCVTPH2PS 32(SI), Z1
	VCVTPH2PS 64(SI), Z2
	VCVTPH2PS 96(SI), Z3
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ $128, SI
	ADDQ $128, R10
	ADDQ $256, DI
	SUBQ $64, CX
	JGE  step

vectors:
	ADDQ $48, CX
	JLT  tail

vector:
	VCVTPH2PS (SI), Z0
	VMOVUPS Z0, (DI)
	ADDQ $32, SI
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
	VMOVDQU16.Z (SI), K1, Y0
	VCVTPH2PS Y0, Z0
	VMOVUPS Z0, K1, (DI)

done:
	VZEROUPPER
	RET

#define ODD \
	VPTERNLOGD $0xFF, Z31, Z31, Z31; \
	VPSLLD $16, Z31, Z31

// func decBF16K_avx512(dst []float32, k []byte, n, d int, next []byte)
TEXT ·decBF16K_avx512(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ n+48(FP), R8
	MOVQ d+56(FP), R9
	MOVQ next_base+64(FP), R10
	SUBQ SI, R10
	ODD

group:
	MOVQ R9, CX
	SUBQ $2, CX
	JLT  last
	PCALIGN $32

pair:
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (SI)(R10*1)
	VPSLLD $16, Z0, Z1
	VPANDD Z31, Z0, Z0
	VMOVUPS Z1, (DI)
	VMOVUPS Z0, 64(DI)
	ADDQ $64, SI
	ADDQ $128, DI
	SUBQ $2, CX
	JGE  pair

last: // CX is −2, or −1 with a channel left
	INCQ CX
	JNZ  next
	VPSLLD $16, (SI), Z1
	VMOVUPS Z1, (DI)
	ADDQ $64, SI
	ADDQ $64, DI

next:
	SUBQ $16, R8
	JG   group
	VZEROUPPER
	RET

// func decBF16V_avx512(dst []float32, v []byte, n, d int, next []byte)
TEXT ·decBF16V_avx512(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ n+48(FP), R8
	MOVQ d+56(FP), R9
	MOVQ next_base+64(FP), R10
	SUBQ SI, R10
	MOVQ R9, CX
	ANDQ $15, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K1 // the channels beyond whole vectors
	LEAQ (R9*4), R11
	ODD

pair: // two rows; a row without a partner is written over itself
	MOVQ R11, R12
	CMPQ R8, $1
	JNE  rows
	XORL R12, R12

rows:
	MOVQ R9, CX
	MOVQ DI, DX
	SUBQ $16, CX
	JLT  tail
	PCALIGN $32

vector:
	VMOVDQU32 (SI), Z0
	PREFETCHT0 (SI)(R10*1)
	VPSLLD $16, Z0, Z1
	VPANDD Z31, Z0, Z0
	VMOVUPS Z0, (DX)(R12*1)
	VMOVUPS Z1, (DX)
	ADDQ $64, SI
	ADDQ $64, DX
	SUBQ $16, CX
	JGE  vector

tail:
	ADDQ $16, CX
	JZ   next
	VMOVDQU32.Z (SI), K1, Z0
	VPSLLD $16, Z0, Z1
	VPANDD Z31, Z0, Z0
	VMOVUPS Z0, K1, (DX)(R12*1)
	VMOVUPS Z1, K1, (DX)
	LEAQ (SI)(CX*4), SI

next:
	LEAQ (DI)(R11*2), DI
	SUBQ $2, R8
	JG   pair
	VZEROUPPER
	RET
