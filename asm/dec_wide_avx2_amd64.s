//go:build !purego

#include "textflag.h"

// dec_wide_avx2_amd64.s: expansion of bfloat16 tiles.
//
// A dword of a bfloat16 tile holds two neighbours, channels (K) or tokens (V): one is a
// shift by 16 away from float32, the other a mask.
// Tails: K blocks are whole by layout, the last stores fewer channels; V uses masks.

// func decBF16K_avx2(dst []float32, k []byte, n, d int, next []byte)
TEXT ·decBF16K_avx2(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ n+48(FP), R8
	VPCMPEQD Y6, Y6, Y6
	VPSLLD $16, Y6, Y6

group:
	CMPQ R8, $0
	JLE  done
	MOVQ d+56(FP), CX

block: // two channels
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	ADDQ $64, SI
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

// func decBF16V_avx2(dst []float32, v []byte, n, d int, next []byte)
TEXT ·decBF16V_avx2(SB), NOSPLIT, $0-88
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ n+48(FP), R8
	MOVQ d+56(FP), R9
	SHLQ $2, R9 // bytes of a row of floats, and of a pair of rows of codes
	VPCMPEQD Y6, Y6, Y6
	VPSLLD $16, Y6, Y6
	LEAQ ·tailMask+32(SB), BX

pair:
	CMPQ R8, $0
	JLE  done
	MOVQ d+56(FP), CX
	MOVQ DI, DX

channels:
	MOVQ $8, AX
	SUBQ CX, AX
	JGE  masked
	XORL AX, AX

masked:
	VMOVDQU (BX)(AX*4), Y7
	VPMASKMOVD (SI), Y7, Y0
	VPSLLD $16, Y0, Y2
	VMASKMOVPS Y2, Y7, (DX)
	CMPQ R8, $1
	JE   stored
	VPAND Y6, Y0, Y0
	VMASKMOVPS Y0, Y7, (DX)(R9*1)

stored:
	ADDQ $32, DX
	ADDQ $32, SI
	SUBQ $8, CX
	JG   channels
	LEAQ (SI)(CX*4), SI // back to the end of the pair
	LEAQ (DI)(R9*2), DI
	SUBQ $2, R8
	JMP  pair

done:
	VZEROUPPER
	RET
