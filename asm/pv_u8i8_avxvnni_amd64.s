//go:build !purego

#include "textflag.h"
#include "avxvnni_amd64.h"

// pv_u8i8_avxvnni_amd64.s: integer sums of int8 values under u8 weights.
//
// Obstacle:  16 registers, and a sum needs 10 VPDPBUSD in flight to be bound by their
//            rate and not by their latency, while at most 16 steps (quads of tokens)
//            feed it.
// Shape:     rows × a set of 16 channels, which is two registers; 6×2 accumulators at
//            most. One row alone sums in 4 chains, two rows in 2, over the quads.
// Exactness: VPDPBUSD does not saturate; sums as in the contract.
// Reads:     ⌈n/4⌉ quads of V, p[i][0:4·⌈n/4⌉]. Writes o[i][0:dv].
// Tails:     the last set ends at dv: its first channels are summed a second time. Below
//            16 channels there is one masked set, row by row.
// Prefetch:  a line of next per line of V in the pass of the first rows; later passes
//            touch the lines of V itself.
// Registers: Y0–Y11 accumulators · Y12, Y13 V · Y14 p
//            DI o · DX o of the fourth row · SI p · AX offset of the quad in p · R10 its
//            end · BX v · R9 next · R11 bytes of a quad and of a row of o · R8 rows left
//            R12 channels left · R13 offset of the set of channels

// LINE loads the V of one step.
#define LINE \
	VMOVDQU    (BX), Y12;   \
	VMOVDQU    32(BX), Y13; \
	PREFETCHT0 (R9)

// DOT adds a step of row i to accumulators a and b.
#define DOT(i, a, b) \
	VPBROADCASTD (64*i)(SI)(AX*1), Y14; \
	VEX_VPDPBUSD(12, 14, a);            \
	VEX_VPDPBUSD(13, 14, b)

// STEP moves on by a quad.
#define STEP \
	ADDQ R11, BX; \
	ADDQ R11, R9; \
	ADDQ $4, AX

#define ZERO(a, b, c, d) \
	VPXOR a, a, a; \
	VPXOR b, b, b; \
	VPXOR c, c, c; \
	VPXOR d, d, d

// ROWS moves on by rows, and back to the first quad of the set of channels.
#define ROWS(rows) \
	MOVQ  R11, AX;           \
	IMULQ $rows, AX;         \
	ADDQ  AX, DI;            \
	ADDQ  $(64*rows), SI;    \
	MOVQ  v_base+48(FP), BX; \
	ADDQ  R13, BX;           \
	MOVQ  BX, R9;            \
	SUBQ  $rows, R8

// func pvU8I8_avxvnni(o []int32, p, v []byte, m, n, dv int, next []byte)
TEXT ·pvU8I8_avxvnni(SB), NOSPLIT, $0-120
	MOVQ n+80(FP), R10
	ADDQ $3, R10
	ANDQ $~3, R10
	MOVQ dv+88(FP), R12
	LEAQ (R12*4), R11
	XORL R13, R13
	CMPQ R12, $16
	JLT  narrow

set:
	MOVQ o_base+0(FP), DI
	ADDQ R13, DI
	MOVQ p_base+24(FP), SI
	MOVQ v_base+48(FP), BX
	ADDQ R13, BX
	MOVQ next_base+96(FP), R9
	ADDQ R13, R9
	MOVQ m+72(FP), R8

rows:
	ZERO(Y0, Y1, Y2, Y3)
	ZERO(Y4, Y5, Y6, Y7)
	CMPQ R8, $6
	JGE  row6
	CMPQ R8, $4
	JGE  row4
	MOVQ R10, CX
	SHRQ $2, CX
	CMPQ R8, $2
	JGE  row2
	CMPQ R8, $1
	JEQ  row1

	// the next set, which may have to start earlier to end at dv
	ADDQ $64, R13
	SUBQ $16, R12
	JZ   done
	CMPQ R12, $16
	JGE  set
	LEAQ -64(R13)(R12*4), R13
	MOVQ $16, R12
	JMP  set

done:
	VZEROUPPER
	RET

row6:
	XORL AX, AX
	ZERO(Y8, Y9, Y10, Y11)
	PCALIGN $32

quad6:
	LINE
	DOT(0, 0, 1)
	DOT(1, 2, 3)
	DOT(2, 4, 5)
	DOT(3, 6, 7)
	DOT(4, 8, 9)
	DOT(5, 10, 11)
	STEP
	CMPQ AX, R10
	JLT  quad6
	LEAQ (DI)(R11*2), DX
	ADDQ R11, DX
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, (DI)(R11*1)
	VMOVDQU Y3, 32(DI)(R11*1)
	VMOVDQU Y4, (DI)(R11*2)
	VMOVDQU Y5, 32(DI)(R11*2)
	VMOVDQU Y6, (DX)
	VMOVDQU Y7, 32(DX)
	VMOVDQU Y8, (DX)(R11*1)
	VMOVDQU Y9, 32(DX)(R11*1)
	VMOVDQU Y10, (DX)(R11*2)
	VMOVDQU Y11, 32(DX)(R11*2)
	ROWS(6)
	JMP  rows

row4:
	XORL AX, AX
	PCALIGN $32

quad4:
	LINE
	DOT(0, 0, 1)
	DOT(1, 2, 3)
	DOT(2, 4, 5)
	DOT(3, 6, 7)
	STEP
	CMPQ AX, R10
	JLT  quad4
	LEAQ (DI)(R11*2), DX
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, (DI)(R11*1)
	VMOVDQU Y3, 32(DI)(R11*1)
	VMOVDQU Y4, (DX)
	VMOVDQU Y5, 32(DX)
	VMOVDQU Y6, (DX)(R11*1)
	VMOVDQU Y7, 32(DX)(R11*1)
	ROWS(4)
	JMP  rows

row2:
	XORL AX, AX
	DECQ CX
	JZ   last2
	PCALIGN $32

quads2:
	LINE
	DOT(0, 0, 1)
	DOT(1, 2, 3)
	STEP
	LINE
	DOT(0, 4, 5)
	DOT(1, 6, 7)
	STEP
	SUBQ $2, CX
	JG   quads2
	JLT  join2

last2:
	LINE
	DOT(0, 0, 1)
	DOT(1, 2, 3)

join2:
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	VMOVDQU Y2, (DI)(R11*1)
	VMOVDQU Y3, 32(DI)(R11*1)
	ROWS(2)
	JMP  rows

row1:
	XORL AX, AX
	SUBQ $4, CX
	JLT  rest1
	PCALIGN $32

quads1:
	LINE
	DOT(0, 0, 1)
	STEP
	LINE
	DOT(0, 2, 3)
	STEP
	LINE
	DOT(0, 4, 5)
	STEP
	LINE
	DOT(0, 6, 7)
	STEP
	SUBQ $4, CX
	JGE  quads1

rest1:
	ADDQ $4, CX
	JZ   join1

quad1:
	LINE
	DOT(0, 0, 1)
	STEP
	DECQ CX
	JNZ  quad1

join1:
	VPADDD Y4, Y0, Y0
	VPADDD Y5, Y1, Y1
	VPADDD Y6, Y2, Y2
	VPADDD Y7, Y3, Y3
	VPADDD Y2, Y0, Y0
	VPADDD Y3, Y1, Y1
	VMOVDQU Y0, (DI)
	VMOVDQU Y1, 32(DI)
	ROWS(1)
	JMP  rows

narrow:
	MOVL $16, CX
	SUBQ R12, CX
	LEAQ ·tailMask(SB), BX
	VMOVDQU (BX)(CX*4), Y10
	VMOVDQU 32(BX)(CX*4), Y11
	MOVQ o_base+0(FP), DI
	MOVQ p_base+24(FP), SI
	MOVQ v_base+48(FP), BX
	MOVQ next_base+96(FP), R9
	MOVQ m+72(FP), R8

narrowRow:
	XORL AX, AX
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1

narrowQuad:
	VPMASKMOVD (BX), Y10, Y12
	VPMASKMOVD 32(BX), Y11, Y13
	PREFETCHT0 (R9)
	DOT(0, 0, 1)
	STEP
	CMPQ AX, R10
	JLT  narrowQuad
	VPMASKMOVD Y0, Y10, (DI)
	VPMASKMOVD Y1, Y11, 32(DI)
	ROWS(1)
	JNZ  narrowRow
	VZEROUPPER
	RET
