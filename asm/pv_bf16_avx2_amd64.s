//go:build !purego

#include "textflag.h"

// pv_bf16_avx2_amd64.s: float32 sums of bfloat16 values in place.
//
// A dword of the tile holds two tokens of a channel: one is a shift by 16 away from
// float32, the other a mask, and neither takes a port the multiply-adds need. The rest is
// the kernel of the float32 sums. Every output is one chain over ascending tokens in each
// form, so a row's bits do not depend on the rows beside it.
// Tails:     16 channels, then 8; fewer than 8 are the last 8 of the row once more, or
//            one at a time where there are no 8. The second token of an odd n is not used.
// Reads:     ⌈n/2⌉ pairs of V, exactly dv dwords each; p[i][0:n]. Writes o[i][0:dv].
// Registers: Y0–Y7 accumulators · Y8 Y9 v · Y10 p · Y11 Y12 both tokens · Y15 mask · DI o
//            SI p · BX v · R8 rows · R9 next−v, 0 after a pass · R11 bytes of a pair of V
//            and of a row of O · R12 channels left

// FIRST16 leaves the first token of 16 channels in Y8 and Y9, SECOND16 then the other;
// FIRST8 and SECOND8 in Y8.
#define FIRST16 \
	PREFETCHT0 (R13)(R9*1); \
	VMOVDQU (R13), Y11;     \
	VMOVDQU 32(R13), Y12;   \
	VPSLLD $16, Y11, Y8;    \
	VPSLLD $16, Y12, Y9;    \
	ADDQ R11, R13

#define SECOND16 \
	VPAND Y15, Y11, Y8;     \
	VPAND Y15, Y12, Y9

#define FIRST8 \
	PREFETCHT0 (R13)(R9*1); \
	VMOVDQU (R13), Y11;     \
	VPSLLD $16, Y11, Y8;    \
	ADDQ R11, R13

#define SECOND8 \
	VPAND Y15, Y11, Y8

// PAIR8 adds two tokens of 8 channels, weights in Y10 and Y13, SINGLE8 one.
#define SINGLE8(addr, acc) \
	VMOVDQU addr, Y11;      \
	VPSLLD $16, Y11, Y8;    \
	VFMADD231PS Y8, Y10, acc

#define PAIR8(addr, acc) \
	SINGLE8(addr, acc);     \
	VPAND Y15, Y11, Y9;     \
	VFMADD231PS Y9, Y13, acc

// ROW16 and ROW8 add the products of one row: a weight with the lanes of Y8 and Y9.
#define ROW16(weight, lo, hi) \
	VBROADCASTSS weight, Y10;   \
	VFMADD231PS Y8, Y10, lo;    \
	VFMADD231PS Y9, Y10, hi

#define ROW8(weight, lo) \
	VBROADCASTSS weight, Y10;   \
	VFMADD231PS Y8, Y10, lo

// func pvBF16_avx2(o, p []float32, v []byte, m, n, dv int, next []byte)
TEXT ·pvBF16_avx2(SB), NOSPLIT, $0-120
	MOVQ o_base+0(FP), DI
	MOVQ p_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ dv+88(FP), R11
	LEAQ (R11*4), R11
	MOVQ next_base+96(FP), R9
	SUBQ v_base+48(FP), R9
	VPCMPEQD Y15, Y15, Y15
	VPSLLD $16, Y15, Y15
	CMPQ R11, $32
	JLT  narrow

rows4:
	CMPQ R8, $4
	JLT  rows3
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block4x16:
	SUBQ $16, R12
	JLT  rest4
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check4x16
	PCALIGN $32

pair4x16:
	FIRST16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ROW16(512(AX), Y4, Y5)
	ROW16(768(AX), Y6, Y7)
	SECOND16
	ROW16(4(AX), Y0, Y1)
	ROW16(260(AX), Y2, Y3)
	ROW16(516(AX), Y4, Y5)
	ROW16(772(AX), Y6, Y7)
	ADDQ $8, AX

check4x16:
	SUBQ $2, CX
	JGE  pair4x16
	CMPQ CX, $-1
	JNE  store4x16
	FIRST16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ROW16(512(AX), Y4, Y5)
	ROW16(768(AX), Y6, Y7)

store4x16:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	VMOVUPS Y5, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y6, (R13)
	VMOVUPS Y7, 32(R13)
	ADDQ $64, BX
	ADDQ $64, DX
	JMP  block4x16

rest4:
	ADDQ $16, R12
	JZ   next4

block4x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole4
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SUBQ CX, BX
	MOVQ $8, R12

whole4:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	VXORPS Y4, Y4, Y4
	VXORPS Y6, Y6, Y6
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check4x8
	PCALIGN $32

pair4x8:
	FIRST8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ROW8(512(AX), Y4)
	ROW8(768(AX), Y6)
	SECOND8
	ROW8(4(AX), Y0)
	ROW8(260(AX), Y2)
	ROW8(516(AX), Y4)
	ROW8(772(AX), Y6)
	ADDQ $8, AX

check4x8:
	SUBQ $2, CX
	JGE  pair4x8
	CMPQ CX, $-1
	JNE  store4x8
	FIRST8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ROW8(512(AX), Y4)
	ROW8(768(AX), Y6)

store4x8:
	VMOVUPS Y0, (DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	ADDQ R11, R13
	VMOVUPS Y6, (R13)
	ADDQ $32, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block4x8

next4:
	XORL R9, R9
	LEAQ (DI)(R11*4), DI
	ADDQ $1024, SI
	SUBQ $4, R8
	JMP  rows4

rows3:
	CMPQ R8, $3
	JLT  rows2
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block3x16:
	SUBQ $16, R12
	JLT  rest3
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check3x16
	PCALIGN $32

pair3x16:
	FIRST16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ROW16(512(AX), Y4, Y5)
	SECOND16
	ROW16(4(AX), Y0, Y1)
	ROW16(260(AX), Y2, Y3)
	ROW16(516(AX), Y4, Y5)
	ADDQ $8, AX

check3x16:
	SUBQ $2, CX
	JGE  pair3x16
	CMPQ CX, $-1
	JNE  store3x16
	FIRST16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	ROW16(512(AX), Y4, Y5)

store3x16:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	VMOVUPS Y5, 32(R13)
	ADDQ $64, BX
	ADDQ $64, DX
	JMP  block3x16

rest3:
	ADDQ $16, R12
	JZ   next3

block3x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole3
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SUBQ CX, BX
	MOVQ $8, R12

whole3:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	VXORPS Y4, Y4, Y4
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check3x8
	PCALIGN $32

pair3x8:
	FIRST8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ROW8(512(AX), Y4)
	SECOND8
	ROW8(4(AX), Y0)
	ROW8(260(AX), Y2)
	ROW8(516(AX), Y4)
	ADDQ $8, AX

check3x8:
	SUBQ $2, CX
	JGE  pair3x8
	CMPQ CX, $-1
	JNE  store3x8
	FIRST8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	ROW8(512(AX), Y4)

store3x8:
	VMOVUPS Y0, (DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	ADDQ R11, R13
	VMOVUPS Y4, (R13)
	ADDQ $32, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block3x8

next3:
	XORL R9, R9
	JMP  done

rows2:
	CMPQ R8, $2
	JLT  rows1
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block2x16:
	SUBQ $16, R12
	JLT  rest2
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check2x16
	PCALIGN $32

pair2x16:
	FIRST16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)
	SECOND16
	ROW16(4(AX), Y0, Y1)
	ROW16(260(AX), Y2, Y3)
	ADDQ $8, AX

check2x16:
	SUBQ $2, CX
	JGE  pair2x16
	CMPQ CX, $-1
	JNE  store2x16
	FIRST16
	ROW16((AX), Y0, Y1)
	ROW16(256(AX), Y2, Y3)

store2x16:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	VMOVUPS Y3, 32(R13)
	ADDQ $64, BX
	ADDQ $64, DX
	JMP  block2x16

rest2:
	ADDQ $16, R12
	JZ   next2

block2x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole2
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SUBQ CX, BX
	MOVQ $8, R12

whole2:
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check2x8
	PCALIGN $32

pair2x8:
	FIRST8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)
	SECOND8
	ROW8(4(AX), Y0)
	ROW8(260(AX), Y2)
	ADDQ $8, AX

check2x8:
	SUBQ $2, CX
	JGE  pair2x8
	CMPQ CX, $-1
	JNE  store2x8
	FIRST8
	ROW8((AX), Y0)
	ROW8(256(AX), Y2)

store2x8:
	VMOVUPS Y0, (DX)
	LEAQ (DX)(R11*1), R13
	VMOVUPS Y2, (R13)
	ADDQ $32, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block2x8

next2:
	XORL R9, R9
	JMP  done

rows1:
	CMPQ R8, $1
	JLT  done
	MOVQ v_base+48(FP), BX
	MOVQ DI, DX
	MOVQ dv+88(FP), R12

block1x64: // a single row has too few chains in 16 channels
	CMPQ R12, $64
	JLT  block1x16
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check1x64
	PCALIGN $32

pair1x64:
	VBROADCASTSS (AX), Y10
	VBROADCASTSS 4(AX), Y13
	PREFETCHT0 (R13)(R9*1)
	PREFETCHT0 64(R13)(R9*1)
	PREFETCHT0 128(R13)(R9*1)
	PREFETCHT0 192(R13)(R9*1)
	PAIR8((R13), Y0)
	PAIR8(32(R13), Y1)
	PAIR8(64(R13), Y2)
	PAIR8(96(R13), Y3)
	PAIR8(128(R13), Y4)
	PAIR8(160(R13), Y5)
	PAIR8(192(R13), Y6)
	PAIR8(224(R13), Y7)
	ADDQ R11, R13
	ADDQ $8, AX

check1x64:
	SUBQ $2, CX
	JGE  pair1x64
	CMPQ CX, $-1
	JNE  store1x64
	VBROADCASTSS (AX), Y10
	SINGLE8((R13), Y0)
	SINGLE8(32(R13), Y1)
	SINGLE8(64(R13), Y2)
	SINGLE8(96(R13), Y3)
	SINGLE8(128(R13), Y4)
	SINGLE8(160(R13), Y5)
	SINGLE8(192(R13), Y6)
	SINGLE8(224(R13), Y7)

store1x64:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, 128(DX)
	VMOVUPS Y5, 160(DX)
	VMOVUPS Y6, 192(DX)
	VMOVUPS Y7, 224(DX)
	ADDQ $256, BX
	ADDQ $256, DX
	SUBQ $64, R12
	JMP  block1x64

block1x16:
	SUBQ $16, R12
	JLT  rest1
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check1x16
	PCALIGN $32

pair1x16:
	FIRST16
	ROW16((AX), Y0, Y1)
	SECOND16
	ROW16(4(AX), Y0, Y1)
	ADDQ $8, AX

check1x16:
	SUBQ $2, CX
	JGE  pair1x16
	CMPQ CX, $-1
	JNE  store1x16
	FIRST16
	ROW16((AX), Y0, Y1)

store1x16:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	ADDQ $64, BX
	ADDQ $64, DX
	JMP  block1x16

rest1:
	ADDQ $16, R12
	JZ   next1

block1x8:
	MOVQ $8, AX // back when fewer are left
	SUBQ R12, AX
	JLE  whole1
	LEAQ (AX*4), CX
	SUBQ CX, DX
	SUBQ CX, BX
	MOVQ $8, R12

whole1:
	VXORPS Y0, Y0, Y0
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX
	JMP  check1x8
	PCALIGN $32

pair1x8:
	FIRST8
	ROW8((AX), Y0)
	SECOND8
	ROW8(4(AX), Y0)
	ADDQ $8, AX

check1x8:
	SUBQ $2, CX
	JGE  pair1x8
	CMPQ CX, $-1
	JNE  store1x8
	FIRST8
	ROW8((AX), Y0)

store1x8:
	VMOVUPS Y0, (DX)
	ADDQ $32, BX
	ADDQ $32, DX
	SUBQ $8, R12
	JNZ  block1x8

next1:
	XORL R9, R9
	JMP  done

narrow: // fewer than 8 channels
	TESTQ R8, R8
	JZ   done
	MOVQ v_base+48(FP), BX
	MOVQ dv+88(FP), R12

channel:
	VXORPS X0, X0, X0
	MOVQ BX, R13
	MOVQ SI, AX
	MOVQ n+80(FP), CX

token:
	VMOVD (R13), X11
	VPSLLD $16, X11, X8
	VMOVSS (AX), X10
	VFMADD231SS X8, X10, X0
	DECQ CX
	JZ   last
	VPAND X15, X11, X8
	VMOVSS 4(AX), X10
	VFMADD231SS X8, X10, X0
	ADDQ R11, R13
	ADDQ $8, AX
	DECQ CX
	JNZ  token

last:
	VMOVSS X0, (DI)
	ADDQ $4, BX
	ADDQ $4, DI
	DECQ R12
	JNZ  channel
	ADDQ $256, SI
	DECQ R8
	JMP  narrow

done:
	VZEROUPPER
	RET
