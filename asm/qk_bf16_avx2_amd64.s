//go:build !purego

#include "textflag.h"

// qk_bf16_avx2_amd64.s: float32 scores against bfloat16 keys in place.
//
// A dword of the tile holds two channels of a token: one is a shift by 16 away from
// float32, the other a mask, and neither takes a port the multiply-adds need. The rest is
// the kernel of the float32 scores. A row's chain is the same in every form: ascending
// channels, one accumulator a token. A single row takes four groups, so that there are
// chains enough.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Registers: Y0–Y7 accumulators · Y8 Y9 k · Y10 q · Y11 Y12 both channels · Y15 mask
//            DI s · SI q · BX k · R8 rows · R9 n left · R10 d · R11 q stride
//            R12 3·q stride · R13 next−k, 0 after a pass

// EVEN leaves the even channel of 16 tokens in Y8 and Y9, ODD then the odd one.
#define EVEN(addr, addr32) \
	VMOVDQU addr, Y11;     \
	VMOVDQU addr32, Y12;   \
	VPSLLD $16, Y11, Y8;   \
	VPSLLD $16, Y12, Y9

#define ODD \
	VPAND Y15, Y11, Y8;    \
	VPAND Y15, Y12, Y9

// ROW adds the products of one row: a factor with the 16 lanes of Y8 and Y9.
#define ROW(factor, lo, hi) \
	VBROADCASTSS factor, Y10;   \
	VFMADD231PS Y8, Y10, lo;    \
	VFMADD231PS Y9, Y10, hi

// PAIR adds both channels of 16 tokens, factors in Y10 and Y13.
#define PAIR(addr, addr32, lo, hi) \
	EVEN(addr, addr32);         \
	VFMADD231PS Y8, Y10, lo;    \
	VFMADD231PS Y9, Y10, hi;    \
	ODD;                        \
	VFMADD231PS Y8, Y13, lo;    \
	VFMADD231PS Y9, Y13, hi

// func qkBF16_avx2(s, q []float32, k []byte, m, n, d int, next []byte)
TEXT ·qkBF16_avx2(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d+88(FP), R10
	LEAQ (R10*4), R11
	LEAQ (R11)(R11*2), R12
	MOVQ next_base+96(FP), R13
	SUBQ k_base+48(FP), R13
	VPCMPEQD Y15, Y15, Y15
	VPSLLD $16, Y15, Y15

rows4:
	CMPQ R8, $4
	JLT  rows3
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	MOVQ DI, DX

group4:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	MOVQ SI, AX
	MOVQ R10, CX
	JMP  check4
	PCALIGN $32

channel4:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ROW((AX)(R11*2), Y4, Y5)
	ROW((AX)(R12*1), Y6, Y7)
	ODD
	ROW(4(AX), Y0, Y1)
	ROW(4(AX)(R11*1), Y2, Y3)
	ROW(4(AX)(R11*2), Y4, Y5)
	ROW(4(AX)(R12*1), Y6, Y7)
	ADDQ $64, BX
	ADDQ $8, AX

check4:
	SUBQ $2, CX
	JGE  channel4
	CMPQ CX, $-1
	JNE  store4
	EVEN((BX), 32(BX)) // the last channel of an odd number
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ROW((AX)(R11*2), Y4, Y5)
	ROW((AX)(R12*1), Y6, Y7)
	ADDQ $64, BX

store4:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 256(DX)
	VMOVUPS Y3, 288(DX)
	VMOVUPS Y4, 512(DX)
	VMOVUPS Y5, 544(DX)
	VMOVUPS Y6, 768(DX)
	VMOVUPS Y7, 800(DX)
	ADDQ $64, DX
	SUBQ $16, R9
	JG   group4
	XORL R13, R13
	LEAQ (SI)(R11*4), SI
	ADDQ $1024, DI
	SUBQ $4, R8
	JMP  rows4

rows3:
	CMPQ R8, $3
	JLT  rows2
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	MOVQ DI, DX

group3:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	MOVQ SI, AX
	MOVQ R10, CX
	JMP  check3
	PCALIGN $32

channel3:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ROW((AX)(R11*2), Y4, Y5)
	ODD
	ROW(4(AX), Y0, Y1)
	ROW(4(AX)(R11*1), Y2, Y3)
	ROW(4(AX)(R11*2), Y4, Y5)
	ADDQ $64, BX
	ADDQ $8, AX

check3:
	SUBQ $2, CX
	JGE  channel3
	CMPQ CX, $-1
	JNE  store3
	EVEN((BX), 32(BX)) // the last channel of an odd number
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ROW((AX)(R11*2), Y4, Y5)
	ADDQ $64, BX

store3:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 256(DX)
	VMOVUPS Y3, 288(DX)
	VMOVUPS Y4, 512(DX)
	VMOVUPS Y5, 544(DX)
	ADDQ $64, DX
	SUBQ $16, R9
	JG   group3
	XORL R13, R13
	JMP  done

rows2:
	CMPQ R8, $2
	JLT  row1
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	MOVQ DI, DX

group2:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ SI, AX
	MOVQ R10, CX
	JMP  check2
	PCALIGN $32

channel2:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ODD
	ROW(4(AX), Y0, Y1)
	ROW(4(AX)(R11*1), Y2, Y3)
	ADDQ $64, BX
	ADDQ $8, AX

check2:
	SUBQ $2, CX
	JGE  channel2
	CMPQ CX, $-1
	JNE  store2
	EVEN((BX), 32(BX)) // the last channel of an odd number
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ADDQ $64, BX

store2:
	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 256(DX)
	VMOVUPS Y3, 288(DX)
	ADDQ $64, DX
	SUBQ $16, R9
	JG   group2
	XORL R13, R13
	JMP  done

row1:
	TESTQ R8, R8
	JZ   done
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	LEAQ 1(R10), R8
	SHRQ $1, R8
	SHLQ $6, R8 // bytes of a group
	CMPQ R9, $48
	JLE  group1
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	LEAQ (BX)(R8*2), DX
	MOVQ R10, CX
	JMP  checks1
	PCALIGN $32

channels1: // four groups
	PREFETCHT0 (BX)(R13*1)
	LEAQ (BX)(R13*1), AX
	PREFETCHT0 (AX)(R8*1)
	LEAQ (AX)(R8*2), AX
	PREFETCHT0 (AX)
	PREFETCHT0 (AX)(R8*1)
	VBROADCASTSS (SI), Y10
	VBROADCASTSS 4(SI), Y13
	PAIR((BX), 32(BX), Y0, Y1)
	PAIR((BX)(R8*1), 32(BX)(R8*1), Y2, Y3)
	PAIR((DX), 32(DX), Y4, Y5)
	PAIR((DX)(R8*1), 32(DX)(R8*1), Y6, Y7)
	ADDQ $64, BX
	ADDQ $64, DX
	ADDQ $8, SI

checks1:
	SUBQ $2, CX
	JGE  channels1
	CMPQ CX, $-1
	JNE  stores1
	EVEN((BX), 32(BX))
	ROW((SI), Y0, Y1)
	EVEN((BX)(R8*1), 32(BX)(R8*1))
	ROW((SI), Y2, Y3)
	EVEN((DX), 32(DX))
	ROW((SI), Y4, Y5)
	EVEN((DX)(R8*1), 32(DX)(R8*1))
	ROW((SI), Y6, Y7)

stores1:
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	VMOVUPS Y4, 128(DI)
	VMOVUPS Y5, 160(DI)
	VMOVUPS Y6, 192(DI)
	VMOVUPS Y7, 224(DI)
	JMP  done

group1:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	MOVQ SI, AX
	MOVQ R10, CX
	JMP  check1

channel1:
	PREFETCHT0 (BX)(R13*1)
	EVEN((BX), 32(BX))
	ROW((AX), Y0, Y1)
	ODD
	ROW(4(AX), Y0, Y1)
	ADDQ $64, BX
	ADDQ $8, AX

check1:
	SUBQ $2, CX
	JGE  channel1
	CMPQ CX, $-1
	JNE  store1
	EVEN((BX), 32(BX))
	ROW((AX), Y0, Y1)
	ADDQ $64, BX

store1:
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ $64, DI
	SUBQ $16, R9
	JG   group1

done:
	VZEROUPPER
	RET
