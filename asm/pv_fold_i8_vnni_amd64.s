//go:build !purego

#include "textflag.h"
#define FLOATS(a) VCVTDQ2PS a, a
#include "pv_fold_amd64.h"

// pv_fold_i8_vnni_amd64.s: sums of int8 values under u8 weights, added to the output states.
//
// Obstacle:  at most 16 steps (quads of tokens) feed a sum, so a line of V must serve
//            many rows while it is in a register, and be loaded once; and the sums would
//            be stored only to be loaded again by the kernel that adds them to the state.
//            The weights are the unsigned operand of VPDPBUSD as they are.
// Shape:     rows × blocks of 16 channels in accumulators, 6×4 at most: a step loads 4
//            lines of V and spreads 4 weights per row, which serve all blocks. Rows are
//            split so that no step is bound by its loads: 7 = 4+3, 8 = 4+4, above that
//            sixes. A row alone takes two steps in two chains of accumulators.
// Exactness: VPDPBUSD does not saturate; sums as in the contract.
// Reads:     ⌈n/4⌉ quads of V, p[i][0:4·⌈n/4⌉]. Reads and writes o[i][0:dv]; acc is not used.
// Tails:     sets of 64 channels run as 4 blocks, what is left in sets of 32 as 2, lanes
//            beyond dv masked: they are neither loaded nor stored.
// Prefetch:  a line of next per line of V, in the order of its addresses, which hardware
//            prefetchers follow; passes after that of the first rows touch V itself.
// Registers: Z0–Z23 accumulators · Z24–Z27 V · Z28 p · K1, K2 channels of 2 blocks
//            DI o · DX o of the fourth row · SI p · AX offset of the quad in p · R10 its
//            end · BX v · R9 fetched line · R11 bytes of a quad and of a row of o
//            R8 rows left · R12 channels left · R13 offset of the set of channels
//            0(SP) first fetched line
//            Behind the steps: Z28–Z30 α, β, γ · K3 α ≥ 0 · Z24–Z26 · CX factors · AX mu

// LINES4 and LINES2 load the V of one step.
#define LINES4 \
	VMOVDQU32  (BX), Z24;     \
	VMOVDQU32  64(BX), Z25;   \
	VMOVDQU32  128(BX), Z26;  \
	VMOVDQU32  192(BX), Z27;  \
	PREFETCHT0 (R9);          \
	PREFETCHT0 64(R9);        \
	PREFETCHT0 128(R9);       \
	PREFETCHT0 192(R9);       \
	ADDQ       $256, R9

#define LINES2 \
	VMOVDQU32.Z (BX), K1, Z24;    \
	VMOVDQU32.Z 64(BX), K2, Z25;  \
	PREFETCHT0  (R9);             \
	PREFETCHT0  64(R9);           \
	ADDQ        $128, R9

// DOT4 and DOT2 add a step of row i.
#define DOT4(i, a, b, c, d) \
	VPBROADCASTD (64*i)(SI)(AX*1), Z28; \
	VPDPBUSD Z24, Z28, a;               \
	VPDPBUSD Z25, Z28, b;               \
	VPDPBUSD Z26, Z28, c;               \
	VPDPBUSD Z27, Z28, d

#define DOT2(i, a, b) \
	VPBROADCASTD (64*i)(SI)(AX*1), Z28; \
	VPDPBUSD Z24, Z28, a;               \
	VPDPBUSD Z25, Z28, b

// Steps of 1 to 6 rows.
#define DOT1x4 DOT4(0, Z0, Z1, Z2, Z3)
#define DOT2x4 DOT1x4; DOT4(1, Z4, Z5, Z6, Z7)
#define DOT3x4 DOT2x4; DOT4(2, Z8, Z9, Z10, Z11)
#define DOT4x4 DOT3x4; DOT4(3, Z12, Z13, Z14, Z15)
#define DOT5x4 DOT4x4; DOT4(4, Z16, Z17, Z18, Z19)
#define DOT6x4 DOT5x4; DOT4(5, Z20, Z21, Z22, Z23)

#define DOT1x2 DOT2(0, Z0, Z1)
#define DOT2x2 DOT1x2; DOT2(1, Z4, Z5)
#define DOT3x2 DOT2x2; DOT2(2, Z8, Z9)
#define DOT4x2 DOT3x2; DOT2(3, Z12, Z13)
#define DOT5x2 DOT4x2; DOT2(4, Z16, Z17)
#define DOT6x2 DOT5x2; DOT2(5, Z20, Z21)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

#define ZERO1 ZERO(Z0, Z1, Z2, Z3)
#define ZERO2 ZERO1; ZERO(Z4, Z5, Z6, Z7)
#define ZERO3 ZERO2; ZERO(Z8, Z9, Z10, Z11)
#define ZERO4 ZERO3; ZERO(Z12, Z13, Z14, Z15)
#define ZERO5 ZERO4; ZERO(Z16, Z17, Z18, Z19)
#define ZERO6 ZERO5; ZERO(Z20, Z21, Z22, Z23)

// STEP moves on by a quad.
#define STEP \
	ADDQ R11, BX; \
	ADDQ $4, AX

// ROWS moves on by rows, and back to the first quad of the set of channels.
#define ROWS(rows) \
	MOVQ  R11, AX;           \
	IMULQ $rows, AX;         \
	ADDQ  AX, DI;            \
	ADDQ  $(64*rows), SI;    \
	MOVQ  v_base+72(FP), BX; \
	ADDQ  R13, BX;           \
	MOVQ  BX, R9;            \
	SUBQ  $rows, R8

// func pvFoldI8_vnni(o []float32, acc []int32, p, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte)
TEXT ·pvFoldI8_vnni(SB), NOSPLIT, $8-192
	MOVQ n+152(FP), R10
	ADDQ $3, R10
	ANDQ $~3, R10
	MOVQ dv+160(FP), R12
	LEAQ (R12*4), R11
	XORL R13, R13

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+168(FP), R9
	MOVQ next_len+176(FP), AX
	MOVQ R12, CX
	SHLQ $6, CX
	SUBQ CX, AX
	JLE  start

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, AX
	JGT  head

start:
	MOVQ R9, 0(SP)

set:
	MOVQ o_base+0(FP), DI
	ADDQ R13, DI
	MOVQ p_base+48(FP), SI
	MOVQ v_base+72(FP), BX
	ADDQ R13, BX
	MOVQ R13, R9
	SHLQ $4, R9
	ADDQ 0(SP), R9
	MOVQ m+144(FP), R8
	CMPQ R12, $64
	JGE  rowsx4
	MOVL $-1, AX
	CMPQ R12, $32
	JGE  masks
	MOVQ R12, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX

masks:
	KMOVD AX, K1
	KSHIFTRD $16, K1, K2
	JMP  rowsx2

rowsx4:
	LEAQ (DI)(R11*2), DX
	ADDQ R11, DX
	XORL AX, AX
	CMPQ R8, $9
	JGE  row6x4
	CMPQ R8, $7
	JGE  row4x4
	CMPQ R8, $4
	JGT  rows56x4
	JEQ  row4x4
	CMPQ R8, $2
	JGT  row3x4
	JEQ  row2x4
	JMP  row1x4

rows56x4:
	CMPQ R8, $5
	JEQ  row5x4

row6x4:
	ZERO6
	PCALIGN $32

step6x4:
	LINES4
	DOT6x4
	STEP
	CMPQ AX, R10
	JLT  step6x4
	FOLD
	JNZ  centre6x4
	SUMS6x4
	ROWS(6)
	JNZ  rowsx4
	JMP  next64

centre6x4:
	ADDQ R13, AX
	SUMS6x4C
	ROWS(6)
	JNZ  rowsx4
	JMP  next64

row5x4:
	ZERO5
	PCALIGN $32

step5x4:
	LINES4
	DOT5x4
	STEP
	CMPQ AX, R10
	JLT  step5x4
	FOLD
	JNZ  centre5x4
	SUMS5x4
	ROWS(5)
	JNZ  rowsx4
	JMP  next64

centre5x4:
	ADDQ R13, AX
	SUMS5x4C
	ROWS(5)
	JNZ  rowsx4
	JMP  next64

row4x4:
	ZERO4
	PCALIGN $32

step4x4:
	LINES4
	DOT4x4
	STEP
	CMPQ AX, R10
	JLT  step4x4
	FOLD
	JNZ  centre4x4
	SUMS4x4
	ROWS(4)
	JNZ  rowsx4
	JMP  next64

centre4x4:
	ADDQ R13, AX
	SUMS4x4C
	ROWS(4)
	JNZ  rowsx4
	JMP  next64

row3x4:
	ZERO3
	PCALIGN $32

step3x4:
	LINES4
	DOT3x4
	STEP
	CMPQ AX, R10
	JLT  step3x4
	FOLD
	JNZ  centre3x4
	SUMS3x4
	ROWS(3)
	JNZ  rowsx4
	JMP  next64

centre3x4:
	ADDQ R13, AX
	SUMS3x4C
	ROWS(3)
	JNZ  rowsx4
	JMP  next64

row2x4:
	ZERO2
	PCALIGN $32

step2x4:
	LINES4
	DOT2x4
	STEP
	CMPQ AX, R10
	JLT  step2x4
	FOLD
	JNZ  centre2x4
	SUMS2x4
	ROWS(2)
	JNZ  rowsx4
	JMP  next64

centre2x4:
	ADDQ R13, AX
	SUMS2x4C
	ROWS(2)
	JNZ  rowsx4
	JMP  next64

row1x4:
	ZERO2
	MOVQ R10, CX
	SHRQ $2, CX
	DECQ CX
	JZ   last1x4
	PCALIGN $32

step1x4:
	LINES4
	DOT4(0, Z0, Z1, Z2, Z3)
	STEP
	LINES4
	DOT4(0, Z4, Z5, Z6, Z7)
	STEP
	SUBQ $2, CX
	JG   step1x4
	JLT  join1x4

last1x4:
	LINES4
	DOT1x4

join1x4:
	VPADDD Z4, Z0, Z0
	VPADDD Z5, Z1, Z1
	VPADDD Z6, Z2, Z2
	VPADDD Z7, Z3, Z3
	FOLD
	JNZ  centre1x4
	SUMS1x4
	JMP  next64

centre1x4:
	ADDQ R13, AX
	SUMS1x4C

next64:
	ADDQ $256, R13
	SUBQ $64, R12
	JNZ  set
	VZEROUPPER
	RET

rowsx2:
	LEAQ (DI)(R11*2), DX
	ADDQ R11, DX
	XORL AX, AX
	CMPQ R8, $9
	JGE  row6x2
	CMPQ R8, $7
	JGE  row4x2
	CMPQ R8, $4
	JGT  rows56x2
	JEQ  row4x2
	CMPQ R8, $2
	JGT  row3x2
	JEQ  row2x2
	JMP  row1x2

rows56x2:
	CMPQ R8, $5
	JEQ  row5x2

row6x2:
	ZERO6
	PCALIGN $32

step6x2:
	LINES2
	DOT6x2
	STEP
	CMPQ AX, R10
	JLT  step6x2
	FOLD
	JNZ  centre6x2
	SUMS6x2
	ROWS(6)
	JNZ  rowsx2
	JMP  next32

centre6x2:
	ADDQ R13, AX
	SUMS6x2C
	ROWS(6)
	JNZ  rowsx2
	JMP  next32

row5x2:
	ZERO5
	PCALIGN $32

step5x2:
	LINES2
	DOT5x2
	STEP
	CMPQ AX, R10
	JLT  step5x2
	FOLD
	JNZ  centre5x2
	SUMS5x2
	ROWS(5)
	JNZ  rowsx2
	JMP  next32

centre5x2:
	ADDQ R13, AX
	SUMS5x2C
	ROWS(5)
	JNZ  rowsx2
	JMP  next32

row4x2:
	ZERO4
	PCALIGN $32

step4x2:
	LINES2
	DOT4x2
	STEP
	CMPQ AX, R10
	JLT  step4x2
	FOLD
	JNZ  centre4x2
	SUMS4x2
	ROWS(4)
	JNZ  rowsx2
	JMP  next32

centre4x2:
	ADDQ R13, AX
	SUMS4x2C
	ROWS(4)
	JNZ  rowsx2
	JMP  next32

row3x2:
	ZERO3
	PCALIGN $32

step3x2:
	LINES2
	DOT3x2
	STEP
	CMPQ AX, R10
	JLT  step3x2
	FOLD
	JNZ  centre3x2
	SUMS3x2
	ROWS(3)
	JNZ  rowsx2
	JMP  next32

centre3x2:
	ADDQ R13, AX
	SUMS3x2C
	ROWS(3)
	JNZ  rowsx2
	JMP  next32

row2x2:
	ZERO2
	PCALIGN $32

step2x2:
	LINES2
	DOT2x2
	STEP
	CMPQ AX, R10
	JLT  step2x2
	FOLD
	JNZ  centre2x2
	SUMS2x2
	ROWS(2)
	JNZ  rowsx2
	JMP  next32

centre2x2:
	ADDQ R13, AX
	SUMS2x2C
	ROWS(2)
	JNZ  rowsx2
	JMP  next32

row1x2:
	ZERO2
	MOVQ R10, CX
	SHRQ $2, CX
	DECQ CX
	JZ   last1x2
	PCALIGN $32

step1x2:
	LINES2
	DOT2(0, Z0, Z1)
	STEP
	LINES2
	DOT2(0, Z4, Z5)
	STEP
	SUBQ $2, CX
	JG   step1x2
	JLT  join1x2

last1x2:
	LINES2
	DOT1x2

join1x2:
	VPADDD Z4, Z0, Z0
	VPADDD Z5, Z1, Z1
	FOLD
	JNZ  centre1x2
	SUMS1x2
	JMP  next32

centre1x2:
	ADDQ R13, AX
	SUMS1x2C

next32:
	ADDQ $128, R13
	SUBQ $32, R12
	JG   set
	VZEROUPPER
	RET
