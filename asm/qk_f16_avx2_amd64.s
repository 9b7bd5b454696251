//go:build !purego

#include "textflag.h"

// qk_f16_avx2_amd64.s: float32 scores against binary16 keys in place.
//
// The kernel of the float32 scores with conversions behind the loads, which pay while few
// rows share them: on Zen 1 converting a tile once (dec16) is faster from 5 rows on.
// A row's chain is the same in every form: ascending channels, one accumulator a token.
// A single row takes two groups, so that there are chains enough. Loads stand apart from
// conversions because a memory operand costs half more on Zen 1.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Registers: Y0–Y7 accumulators · Y8 Y9 k · Y10 q · DI s · SI q · BX k · R8 rows · R9 n
//            left · R10 d · R11 q stride · R12 3·q stride · R13 next−k, 0 after a pass

// CHANNEL converts 16 tokens of a channel.
#define CHANNEL(addr, addr16) \
	VMOVDQU addr, X8;    \
	VMOVDQU addr16, X9;  \
	VCVTPH2PS X8, Y8;    \
	VCVTPH2PS X9, Y9

// ROW adds the products of one row: a factor with the 16 lanes of Y8 and Y9.
#define ROW(factor, lo, hi) \
	VBROADCASTSS factor, Y10;   \
	VFMADD231PS Y8, Y10, lo;    \
	VFMADD231PS Y9, Y10, hi

// func qkF16_avx2(s, q []float32, k []byte, m, n, d int, next []byte)
TEXT ·qkF16_avx2(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d+88(FP), R10
	LEAQ (R10*4), R11
	LEAQ (R11)(R11*2), R12
	MOVQ next_base+96(FP), R13
	SUBQ k_base+48(FP), R13

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
	PCALIGN $32

channel4:
	PREFETCHT0 (BX)(R13*1)
	CHANNEL((BX), 16(BX))
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ROW((AX)(R11*2), Y4, Y5)
	ROW((AX)(R12*1), Y6, Y7)
	ADDQ $32, BX
	ADDQ $4, AX
	DECQ CX
	JNZ  channel4

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
	PCALIGN $32

channel3:
	PREFETCHT0 (BX)(R13*1)
	CHANNEL((BX), 16(BX))
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ROW((AX)(R11*2), Y4, Y5)
	ADDQ $32, BX
	ADDQ $4, AX
	DECQ CX
	JNZ  channel3

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
	PCALIGN $32

channel2:
	PREFETCHT0 (BX)(R13*1)
	CHANNEL((BX), 16(BX))
	ROW((AX), Y0, Y1)
	ROW((AX)(R11*1), Y2, Y3)
	ADDQ $32, BX
	ADDQ $4, AX
	DECQ CX
	JNZ  channel2

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
	MOVQ R10, R8
	SHLQ $5, R8 // bytes of a group
	LEAQ (R13)(R8*1), R12

groups1: // two at once
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	MOVQ SI, AX
	MOVQ R10, CX
	CMPQ R9, $16
	JLE  channel1
	PCALIGN $32

channels1:
	PREFETCHT0 (BX)(R13*1)
	PREFETCHT0 (BX)(R12*1)
	CHANNEL((BX), 16(BX))
	ROW((AX), Y0, Y1)
	CHANNEL((BX)(R8*1), 16(BX)(R8*1))
	VFMADD231PS Y8, Y10, Y2
	VFMADD231PS Y9, Y10, Y3
	ADDQ $32, BX
	ADDQ $4, AX
	DECQ CX
	JNZ  channels1

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ R8, BX
	ADDQ $128, DI
	SUBQ $32, R9
	JG   groups1
	JMP  done

channel1:
	PREFETCHT0 (BX)(R13*1)
	CHANNEL((BX), 16(BX))
	ROW((AX), Y0, Y1)
	ADDQ $32, BX
	ADDQ $4, AX
	DECQ CX
	JNZ  channel1

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)

done:
	VZEROUPPER
	RET
