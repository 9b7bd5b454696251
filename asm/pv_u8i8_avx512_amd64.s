//go:build !purego

#include "textflag.h"

// pv_u8i8_avx512_amd64.s: integer sums of int8 values under u8 weights, for CPUs without
// VNNI.
//
// As the scores of this tier: the words of tokens 0 and 2 and those of 1 and 3 of a
// channel are shifts of the stored dword away, and both VPMADDWD leave a sum per channel
// in its own lane.
// Shape:     rows × blocks of 16 channels in accumulators, 4×4 at most. Per step of 4
//            tokens a line of V is split once, 4 weights once per row.
// Exactness: |pair| ≤ 2·255·128, sums as in the contract.
// Reads:     ⌈n/4⌉ quads of V, p[i][0:4·⌈n/4⌉]. Writes o[i][0:dv].
// Tails:     sets of 64 channels run as 4 blocks, what is left in sets of 32 as 2, lanes
//            beyond dv masked: they are neither loaded nor stored.
// Prefetch:  a line of next per line of V in the pass of the first rows; later passes
//            touch the lines of V itself.
// Registers: Z0–Z15 accumulators · Z16–Z23 V, even and odd · Z24, Z25 p · Z26, Z27 products
//            Z31 mask of the even bytes · K1, K2 channels of 2 blocks
//            DI o · DX o of the fourth row · SI p · AX offset of the quad in p · R10 its
//            end · BX v · R9 next · R11 bytes of a quad and of a row of o · R8 rows left
//            R12 channels left · R13 offset of the set of channels

// SPLIT widens the line of V in odd.
#define SPLIT(even, odd) \
	VPSLLW $8, odd, even;  \
	VPSRAW $8, even, even; \
	VPSRAW $8, odd, odd

#define LINES4 \
	VMOVDQU32  (BX), Z20;    \
	VMOVDQU32  64(BX), Z21;  \
	VMOVDQU32  128(BX), Z22; \
	VMOVDQU32  192(BX), Z23; \
	PREFETCHT0 (R9);         \
	PREFETCHT0 64(R9);       \
	PREFETCHT0 128(R9);      \
	PREFETCHT0 192(R9);      \
	SPLIT(Z16, Z20);         \
	SPLIT(Z17, Z21);         \
	SPLIT(Z18, Z22);         \
	SPLIT(Z19, Z23)

#define LINES2 \
	VMOVDQU32.Z (BX), K1, Z20;   \
	VMOVDQU32.Z 64(BX), K2, Z21; \
	PREFETCHT0  (R9);            \
	PREFETCHT0  64(R9);          \
	SPLIT(Z16, Z20);             \
	SPLIT(Z17, Z21)

// WEIGHTS spreads 4 weights of row i.
#define WEIGHTS(i) \
	VPBROADCASTD (64*i)(SI)(AX*1), Z25; \
	VPANDD Z31, Z25, Z24;               \
	VPSRLW $8, Z25, Z25

#define DOT(even, odd, acc) \
	VPMADDWD Z24, even, Z26; \
	VPMADDWD Z25, odd, Z27;  \
	VPADDD   Z27, Z26, Z26;  \
	VPADDD   Z26, acc, acc

// DOT4 and DOT2 add a step of row i.
#define DOT4(i, a, b, c, d) \
	WEIGHTS(i);       \
	DOT(Z16, Z20, a); \
	DOT(Z17, Z21, b); \
	DOT(Z18, Z22, c); \
	DOT(Z19, Z23, d)

#define DOT2(i, a, b) \
	WEIGHTS(i);       \
	DOT(Z16, Z20, a); \
	DOT(Z17, Z21, b)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

// STEP moves on by a quad.
#define STEP \
	ADDQ R11, BX; \
	ADDQ R11, R9; \
	ADDQ $4, AX;  \
	CMPQ AX, R10

// SUMS4 and SUMS2 store a row, given its address.
#define SUMS4(o, a, b, c, d) \
	VMOVDQU32 a, o;     \
	VMOVDQU32 b, 64 o;  \
	VMOVDQU32 c, 128 o; \
	VMOVDQU32 d, 192 o

#define SUMS2(o, a, b) \
	VMOVDQU32 a, K1, o;    \
	VMOVDQU32 b, K2, 64 o

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

// func pvU8I8_avx512(o []int32, p, v []byte, m, n, dv int, next []byte)
TEXT ·pvU8I8_avx512(SB), NOSPLIT, $0-120
	MOVL $0x00ff00ff, AX
	VPBROADCASTD AX, Z31
	MOVQ n+80(FP), R10
	ADDQ $3, R10
	ANDQ $~3, R10
	MOVQ dv+88(FP), R12
	LEAQ (R12*4), R11
	XORL R13, R13

set:
	MOVQ o_base+0(FP), DI
	ADDQ R13, DI
	MOVQ p_base+24(FP), SI
	MOVQ v_base+48(FP), BX
	ADDQ R13, BX
	MOVQ next_base+96(FP), R9
	ADDQ R13, R9
	MOVQ m+72(FP), R8
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
	XORL AX, AX
	ZERO(Z0, Z1, Z2, Z3)
	CMPQ R8, $4
	JGE  row4x4
	CMPQ R8, $2
	JGE  row2x4
	CMPQ R8, $1
	JEQ  row1x4
	ADDQ $256, R13
	SUBQ $64, R12
	JG   set
	VZEROUPPER
	RET

row4x4:
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	PCALIGN $32

quad4x4:
	LINES4
	DOT4(0, Z0, Z1, Z2, Z3)
	DOT4(1, Z4, Z5, Z6, Z7)
	DOT4(2, Z8, Z9, Z10, Z11)
	DOT4(3, Z12, Z13, Z14, Z15)
	STEP
	JLT  quad4x4
	LEAQ (DI)(R11*2), DX
	ADDQ R11, DX
	SUMS4((DI), Z0, Z1, Z2, Z3)
	SUMS4((DI)(R11*1), Z4, Z5, Z6, Z7)
	SUMS4((DI)(R11*2), Z8, Z9, Z10, Z11)
	SUMS4((DX), Z12, Z13, Z14, Z15)
	ROWS(4)
	JMP  rowsx4

row2x4:
	ZERO(Z4, Z5, Z6, Z7)
	PCALIGN $32

quad2x4:
	LINES4
	DOT4(0, Z0, Z1, Z2, Z3)
	DOT4(1, Z4, Z5, Z6, Z7)
	STEP
	JLT  quad2x4
	SUMS4((DI), Z0, Z1, Z2, Z3)
	SUMS4((DI)(R11*1), Z4, Z5, Z6, Z7)
	ROWS(2)
	JMP  rowsx4

row1x4:
	LINES4
	DOT4(0, Z0, Z1, Z2, Z3)
	STEP
	JLT  row1x4
	SUMS4((DI), Z0, Z1, Z2, Z3)
	ROWS(1)
	JMP  rowsx4

rowsx2:
	XORL AX, AX
	ZERO(Z0, Z1, Z2, Z3)
	CMPQ R8, $4
	JGE  row4x2
	CMPQ R8, $2
	JGE  row2x2
	CMPQ R8, $1
	JEQ  row1x2
	ADDQ $128, R13
	SUBQ $32, R12
	JG   set
	VZEROUPPER
	RET

row4x2:
	ZERO(Z4, Z5, Z6, Z7)
	ZERO(Z8, Z9, Z10, Z11)
	ZERO(Z12, Z13, Z14, Z15)
	PCALIGN $32

quad4x2:
	LINES2
	DOT2(0, Z0, Z1)
	DOT2(1, Z4, Z5)
	DOT2(2, Z8, Z9)
	DOT2(3, Z12, Z13)
	STEP
	JLT  quad4x2
	LEAQ (DI)(R11*2), DX
	ADDQ R11, DX
	SUMS2((DI), Z0, Z1)
	SUMS2((DI)(R11*1), Z4, Z5)
	SUMS2((DI)(R11*2), Z8, Z9)
	SUMS2((DX), Z12, Z13)
	ROWS(4)
	JMP  rowsx2

row2x2:
	ZERO(Z4, Z5, Z6, Z7)
	PCALIGN $32

quad2x2:
	LINES2
	DOT2(0, Z0, Z1)
	DOT2(1, Z4, Z5)
	STEP
	JLT  quad2x2
	SUMS2((DI), Z0, Z1)
	SUMS2((DI)(R11*1), Z4, Z5)
	ROWS(2)
	JMP  rowsx2

row1x2:
	LINES2
	DOT2(0, Z0, Z1)
	STEP
	JLT  row1x2
	SUMS2((DI), Z0, Z1)
	ROWS(1)
	JMP  rowsx2
