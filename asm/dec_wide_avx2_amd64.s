//go:build !purego

#include "textflag.h"

// dec_wide_avx2_amd64.s: expansion of bfloat16 tiles.
//
// A dword of a bfloat16 tile holds two neighbours, channels (K) or tokens (V): one is a
// shift by 16 away from float32, the other a mask.
// Tails: K blocks are whole by layout, the last stores fewer channels; V uses masks for
// fewer than 8 channels only, since masked stores are microcode on Zen 1 and 2.

// func decBF16K_avx2(dst []float32, k []byte, n, d int, next []byte)
TEXT ·decBF16K_avx2(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ n+48(FP), R8
	MOVQ next_base+64(FP), R10
	VPCMPEQD Y6, Y6, Y6
	VPSLLD $16, Y6, Y6

group:
	CMPQ R8, $0
	JLE  done
	MOVQ d+56(FP), CX

block: // two channels
	PREFETCHT0 (R10)
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	ADDQ $64, SI
	ADDQ $64, R10
	VPSLLD $16, Y0, Y2
	VPSLLD $16, Y1, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	ADDQ $64, DI
	DECQ CX
	JZ   next
	VPAND Y6, Y0, Y0
	VPAND Y6, Y1, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $64, DI
	DECQ CX
	JNZ  block

next:
	SUBQ $16, R8
	JMP  group

done:
	VZEROUPPER
	RET

// PAIR8 expands 8 channels of two tokens.
#define PAIR8(off) \
	VMOVDQU off(SI), Y0;     \
	VPSLLD $16, Y0, Y1;      \
	VPAND Y6, Y0, Y2;        \
	VMOVUPS Y1, off(DX);     \
	VMOVUPS Y2, off(DX)(R9*1)

// func decBF16V_avx2(dst []float32, v []byte, n, d int, next []byte)
TEXT ·decBF16V_avx2(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ n+48(FP), R8
	MOVQ d+56(FP), R9
	SHLQ $2, R9 // bytes of a row of floats, and of a pair of rows of codes
	MOVQ next_base+64(FP), R10
	SUBQ SI, R10
	VPCMPEQD Y6, Y6, Y6
	VPSLLD $16, Y6, Y6
	LEAQ ·tailMask+32(SB), BX

pair:
	CMPQ R8, $2
	JLT  single
	MOVQ d+56(FP), CX
	MOVQ DI, DX

pair16:
	CMPQ CX, $16
	JLT  pair8
	PREFETCHT0 (SI)(R10*1)
	PAIR8(0)
	PAIR8(32)
	ADDQ $64, DX
	ADDQ $64, SI
	SUBQ $16, CX
	JMP  pair16

pair8:
	CMPQ CX, $8
	JLT  pairTail
	PREFETCHT0 (SI)(R10*1)
	PAIR8(0)
	ADDQ $32, DX
	ADDQ $32, SI
	SUBQ $8, CX

pairTail:
	TESTQ CX, CX
	JZ   nextPair
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y7
	VPMASKMOVD (SI), Y7, Y0
	VPSLLD $16, Y0, Y1
	VPAND Y6, Y0, Y2
	VMASKMOVPS Y1, Y7, (DX)
	VMASKMOVPS Y2, Y7, (DX)(R9*1)
	LEAQ (SI)(CX*4), SI

nextPair:
	LEAQ (DI)(R9*2), DI
	SUBQ $2, R8
	JMP  pair

single: // the first token of a pair that is not full
	TESTQ R8, R8
	JZ   done
	MOVQ d+56(FP), CX

single8:
	CMPQ CX, $8
	JLT  singleTail
	PREFETCHT0 (SI)(R10*1)
	VMOVDQU (SI), Y0
	VPSLLD $16, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  single8

singleTail:
	TESTQ CX, CX
	JZ   done
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y7
	VPMASKMOVD (SI), Y7, Y0
	VPSLLD $16, Y0, Y0
	VMASKMOVPS Y0, Y7, (DI)

done:
	VZEROUPPER
	RET
