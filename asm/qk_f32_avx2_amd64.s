//go:build !purego

#include "textflag.h"

// qk_f32_avx2_amd64.s: float32 scores against the float32 K layout.
//
// Tokens are lanes, so there are no horizontal sums: per channel two loads of 8
// tokens serve 4 query rows, 4 broadcasts and 8 fused multiply-adds. A single row has
// too few independent chains for one group of 16 tokens; it takes four groups at
// once. A row's chain is the same in both forms: ascending channels, one accumulator
// per token, so its bits do not depend on the rows beside it.
// Reads:     ⌈n/16⌉ groups of K, m rows of Q. Writes s[i][0:16·⌈n/16⌉].
// Registers: Y0–Y7 accumulators · Y8 Y9 k · Y10–Y13 q · DI s · SI q · BX k · R8 rows
//            R9 n left · R10 d · R11 q stride · R12 3·q stride · R13 group bytes

// func qkF32_avx2(s, q, k []float32, m, n, d int, next []byte)
TEXT ·qkF32_avx2(SB), NOSPLIT, $0-120
	MOVQ s_base+0(FP), DI
	MOVQ q_base+24(FP), SI
	MOVQ m+72(FP), R8
	MOVQ d+88(FP), R10
	LEAQ (R10*4), R11
	LEAQ (R11)(R11*2), R12
	MOVQ R10, R13
	SHLQ $6, R13

rows4:
	CMPQ R8, $4
	JLT  rows1
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	MOVQ DI, DX

group4:
	CMPQ R9, $0
	JLE  next4
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
	VMOVUPS (BX), Y8
	VMOVUPS 32(BX), Y9
	VBROADCASTSS (AX), Y10
	VBROADCASTSS (AX)(R11*1), Y11
	VBROADCASTSS (AX)(R11*2), Y12
	VBROADCASTSS (AX)(R12*1), Y13
	VFMADD231PS Y8, Y10, Y0
	VFMADD231PS Y9, Y10, Y1
	VFMADD231PS Y8, Y11, Y2
	VFMADD231PS Y9, Y11, Y3
	VFMADD231PS Y8, Y12, Y4
	VFMADD231PS Y9, Y12, Y5
	VFMADD231PS Y8, Y13, Y6
	VFMADD231PS Y9, Y13, Y7
	ADDQ $64, BX
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
	JMP  group4

next4:
	LEAQ (SI)(R11*4), SI
	ADDQ $1024, DI
	SUBQ $4, R8
	JMP  rows4

rows1:
	CMPQ R8, $1
	JLT  done
	MOVQ k_base+48(FP), BX
	MOVQ n+80(FP), R9
	MOVQ DI, DX
	CMPQ R9, $48
	JLE  group1

	// four groups, R13 apart
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
	LEAQ (BX)(R13*2), R9
	PCALIGN $32

channels:
	VBROADCASTSS (AX), Y10
	VFMADD231PS (BX), Y10, Y0
	VFMADD231PS 32(BX), Y10, Y1
	VFMADD231PS (BX)(R13*1), Y10, Y2
	VFMADD231PS 32(BX)(R13*1), Y10, Y3
	VFMADD231PS (R9), Y10, Y4
	VFMADD231PS 32(R9), Y10, Y5
	VFMADD231PS (R9)(R13*1), Y10, Y6
	VFMADD231PS 32(R9)(R13*1), Y10, Y7
	ADDQ $64, BX
	ADDQ $64, R9
	ADDQ $4, AX
	DECQ CX
	JNZ  channels

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	VMOVUPS Y2, 64(DX)
	VMOVUPS Y3, 96(DX)
	VMOVUPS Y4, 128(DX)
	VMOVUPS Y5, 160(DX)
	VMOVUPS Y6, 192(DX)
	VMOVUPS Y7, 224(DX)
	JMP  next1

group1:
	CMPQ R9, $0
	JLE  next1
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	MOVQ SI, AX
	MOVQ R10, CX

channel1:
	VBROADCASTSS (AX), Y10
	VFMADD231PS (BX), Y10, Y0
	VFMADD231PS 32(BX), Y10, Y1
	ADDQ $64, BX
	ADDQ $4, AX
	DECQ CX
	JNZ  channel1

	VMOVUPS Y0, (DX)
	VMOVUPS Y1, 32(DX)
	ADDQ $64, DX
	SUBQ $16, R9
	JMP  group1

next1:
	ADDQ R11, SI
	ADDQ $256, DI
	DECQ R8
	JMP  rows1

done:
	VZEROUPPER
	RET
