//go:build !purego

#include "textflag.h"

// dec_wide_avx2_amd64.s: expansion of bfloat16 tiles, and of byte tiles by table.
//
// A dword of a bfloat16 tile holds two neighbours, channels (K) or tokens (V): one is a
// shift by 16 away from float32, the other a mask. Bytes go through VGATHERDPS: the
// table of 256 floats sits in L1.
// Tails: K blocks are whole by layout, the last stores fewer channels; V uses masks.

// func decBF16K_avx2(dst []float32, k []byte, n, d int)
TEXT ·decBF16K_avx2(SB), NOSPLIT, $0-64
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

// func decBF16V_avx2(dst []float32, v []byte, n, d int)
TEXT ·decBF16V_avx2(SB), NOSPLIT, $0-64
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

// LOOKUP replaces the indices in x by table values; mask and t are temporaries.
#define LOOKUP(x, t, mask) \
	VPCMPEQD mask, mask, mask;       \
	VGATHERDPS mask, (R13)(x*4), t

// func dec8K_avx2(dst []float32, k []byte, lut *[256]float32, scale []float32, n, d int)
TEXT ·dec8K_avx2(SB), NOSPLIT, $0-96
	MOVQ dst_base+0(FP), DI
	MOVQ k_base+24(FP), SI
	MOVQ lut+48(FP), R13
	MOVQ scale_base+56(FP), DX
	MOVQ n+80(FP), R8
	MOVL $0xff, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10

group:
	CMPQ R8, $0
	JLE  done
	VMOVUPS (DX), Y8
	VMOVUPS 32(DX), Y9
	MOVQ d+88(FP), CX

block:
	MOVQ $4, R9
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	ADDQ $64, SI

channel:
	VPAND Y10, Y0, Y2
	VPAND Y10, Y1, Y3
	LOOKUP(Y2, Y4, Y6)
	LOOKUP(Y3, Y5, Y7)
	VMULPS Y8, Y4, Y4
	VMULPS Y9, Y5, Y5
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, 32(DI)
	ADDQ $64, DI
	VPSRLD $8, Y0, Y0
	VPSRLD $8, Y1, Y1
	DECQ CX
	JZ   next
	DECQ R9
	JNZ  channel
	JMP  block

next:
	ADDQ $64, DX
	SUBQ $16, R8
	JMP  group

done:
	VZEROUPPER
	RET

// func dec8V_avx2(dst []float32, v []byte, lut *[256]float32, scale []float32, n, d int)
TEXT ·dec8V_avx2(SB), NOSPLIT, $0-96
	MOVQ dst_base+0(FP), DI
	MOVQ v_base+24(FP), SI
	MOVQ lut+48(FP), R13
	MOVQ scale_base+56(FP), DX
	MOVQ n+80(FP), R8

token:
	CMPQ R8, $0
	JLE  done
	VBROADCASTSS (DX), Y8
	MOVQ d+88(FP), CX

step:
	CMPQ CX, $8
	JLT  one
	VPMOVZXBD (SI), Y0
	LOOKUP(Y0, Y2, Y6)
	VMULPS Y8, Y2, Y2
	VMOVUPS Y2, (DI)
	ADDQ $8, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JMP  step

one:
	TESTQ CX, CX
	JZ   next
	MOVBLZX (SI), AX
	VMOVSS (R13)(AX*4), X2
	VMULSS X8, X2, X2
	VMOVSS X2, (DI)
	INCQ SI
	ADDQ $4, DI
	DECQ CX
	JMP  one

next:
	ADDQ $4, DX
	DECQ R8
	JMP  token

done:
	VZEROUPPER
	RET
