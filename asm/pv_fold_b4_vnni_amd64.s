//go:build !purego

#include "textflag.h"
#define FLOATS(a) VCVTDQ2PS a, a
#include "pv_fold_amd64.h"

// pv_fold_b4_vnni_amd64.s: sums of nibble values, by a table under ratios by block, and u8
// weights, added to the output states.
//
// Obstacle:  an expanded tile is stored and loaded again. The codes of four tokens in a block
//            are a table of 64 bytes, made of levels times ratios, which VPERMB looks up.
// Shape:     rows × blocks of 16 channels in accumulators, 4×4 at most. A plane of 4 blocks
//            or of 2 shares two tables, of its low and of its high nibbles; its lines are looked
//            up two at a time, into the operands of two quads. While some are multiplied the
//            next are looked up.
// Exactness: codes are int8; sums as in the contract.
// Reads:     ⌈n/8⌉ planes of V, p[i][0:4·⌈n/4⌉]. Reads and writes o[i][0:dv].
// Tails:     sets of 64 channels run as 4 blocks, what is left in sets of 32 as 2, lanes
//            beyond dv masked: they are neither loaded nor stored. A last plane of one quad is
//            half a step.
// Prefetch:  a line of next per line of V, in the order of its addresses, which hardware
//            prefetchers follow; passes after that of the first rows touch V itself.
// Registers: Z0–Z15 accumulators · Z16, Z17 levels · Z18 nibbles of indices, Z19 their tokens
//            Z20–Z23, Z26, Z27, Z30, Z31 codes of two pairs of lines · Z24, Z25 tables
//            Z28, Z29 p and temporaries · K1, K2 channels of 2 blocks
//            DI o · DX ratios, behind the steps o of the fourth row · SI p · BX V
//            R9 fetched line · R10 planes left · R11 bytes of a plane and of a row of o
//            R8 rows left · R12 channels left · R13 offset of the set of channels · AX, CX
//            0(SP) whole planes · 8(SP) 1 where a quad follows them · 16(SP) bits of a block's
//            bytes · 24(SP) first fetched line

// Levels of the words of tables, from their bytes: the first and the second pair of four.
DATA pvB4Levels<>+0(SB)/8, $0x0101010100000000
DATA pvB4Levels<>+8(SB)/8, $0x0505050504040404
DATA pvB4Levels<>+16(SB)/8, $0x0909090908080808
DATA pvB4Levels<>+24(SB)/8, $0x0d0d0d0d0c0c0c0c
DATA pvB4Levels<>+32(SB)/8, $0x0303030302020202
DATA pvB4Levels<>+40(SB)/8, $0x0707070706060606
DATA pvB4Levels<>+48(SB)/8, $0x0b0b0b0b0a0a0a0a
DATA pvB4Levels<>+56(SB)/8, $0x0f0f0f0f0e0e0e0e
GLOBL pvB4Levels<>(SB), RODATA|NOPTR, $64

DATA pvB4Const<>+0(SB)/4, $0x3c3c3c3c
DATA pvB4Const<>+4(SB)/4, $0x03020100
GLOBL pvB4Const<>(SB), RODATA|NOPTR, $8

// TABLE makes the one of four tokens, TABLES those of a plane from off on.
#define TABLE(ratios, table) \
	VPBROADCASTQ ratios, Z28;      \
	VPMULHRSW    Z28, Z16, table;  \
	VPMULHRSW    Z28, Z17, Z28;    \
	VPACKSSWB    Z28, table, table

#define TABLES(off) \
	TABLE(off(DX), Z24); \
	TABLE(off+8(DX), Z25)

// LOOK turns the lines in a and b into codes of the first quad, in place, and of the second,
// in c and d.
#define LOOK(a, b, c, d) \
	VPSRLW     $2, a, c;           \
	VPSRLW     $2, b, d;           \
	VPSLLW     $2, a, a;           \
	VPSLLW     $2, b, b;           \
	VPTERNLOGD $0xEA, Z19, Z18, a; \
	VPTERNLOGD $0xEA, Z19, Z18, b; \
	VPTERNLOGD $0xEA, Z19, Z18, c; \
	VPTERNLOGD $0xEA, Z19, Z18, d; \
	VPERMB     Z24, a, a;          \
	VPERMB     Z24, b, b;          \
	VPERMB     Z25, c, c;          \
	VPERMB     Z25, d, d

// LOOKA and LOOKB look up the first and the second half of a plane, LOOKK one of 2 blocks
// under the masks of channels.
#define LOOKA \
	VMOVDQU32  (BX), Z20;   \
	VMOVDQU32  64(BX), Z21; \
	PREFETCHT0 (R9);        \
	PREFETCHT0 64(R9);      \
	LOOK(Z20, Z21, Z22, Z23)

#define LOOKB \
	VMOVDQU32  128(BX), Z26; \
	VMOVDQU32  192(BX), Z27; \
	PREFETCHT0 128(R9);      \
	PREFETCHT0 192(R9);      \
	LOOK(Z26, Z27, Z30, Z31)

#define LOOKK \
	VMOVDQU32.Z (BX), K1, Z20;   \
	VMOVDQU32.Z 64(BX), K2, Z21; \
	PREFETCHT0  (R9);            \
	PREFETCHT0  64(R9);          \
	LOOK(Z20, Z21, Z22, Z23)

// DOT adds a quad of row i.
#define DOT(i, quad, p, x, y, a, b) \
	VPBROADCASTD (64*i + 4*quad)(SI), p; \
	VPDPBUSD     x, p, a;                \
	VPDPBUSD     y, p, b

// Products of 1 to 4 rows with the first two blocks and with the other two.
#define QUAD1(q, x, y) DOT(0, q, Z28, x, y, Z0, Z1)
#define QUAD2(q, x, y) QUAD1(q, x, y); DOT(1, q, Z29, x, y, Z4, Z5)
#define QUAD3(q, x, y) QUAD2(q, x, y); DOT(2, q, Z28, x, y, Z8, Z9)
#define QUAD4(q, x, y) QUAD3(q, x, y); DOT(3, q, Z29, x, y, Z12, Z13)

#define QUAD1H(q, x, y) DOT(0, q, Z28, x, y, Z2, Z3)
#define QUAD2H(q, x, y) QUAD1H(q, x, y); DOT(1, q, Z29, x, y, Z6, Z7)
#define QUAD3H(q, x, y) QUAD2H(q, x, y); DOT(2, q, Z28, x, y, Z10, Z11)
#define QUAD4H(q, x, y) QUAD3H(q, x, y); DOT(3, q, Z29, x, y, Z14, Z15)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

#define ZERO1 ZERO(Z0, Z1, Z2, Z3)
#define ZERO2 ZERO1; ZERO(Z4, Z5, Z6, Z7)
#define ZERO3 ZERO2; ZERO(Z8, Z9, Z10, Z11)
#define ZERO4 ZERO3; ZERO(Z12, Z13, Z14, Z15)

// STEP moves on by a plane of as many bytes of next.
#define STEP(bytes) \
	ADDQ R11, BX;    \
	ADDQ $16, DX;    \
	ADDQ $bytes, R9; \
	ADDQ $8, SI;     \
	DECQ R10

// STATES is FOLD, with o of the fourth row in DX.
#define STATES \
	LEAQ (DI)(R11*2), DX;     \
	ADDQ R11, DX;             \
	MOVQ m+152(FP), CX;       \
	SUBQ R8, CX;              \
	LEAQ (CX)(CX*2), CX;      \
	SHLQ $2, CX;              \
	ADDQ f_base+128(FP), CX;  \
	MOVQ mu_base+104(FP), AX; \
	TESTQ AX, AX

// ROWS moves on by rows.
#define ROWS(rows) \
	MOVQ  R11, AX;           \
	IMULQ $rows, AX;         \
	ADDQ  AX, DI;            \
	MOVQ  m+152(FP), AX;     \
	SUBQ  $rows, R8;         \
	SUBQ  R8, AX;            \
	SHLQ  $6, AX;            \
	MOVQ  p_base+24(FP), SI; \
	ADDQ  AX, SI;            \
	TESTQ R8, R8

// func pvFoldB4_vnni(o []float32, p, v []byte, ratio []int16, levels *[16]int8, mu []float32, f []Fold, m, n, dv, block int, next []byte)
TEXT ·pvFoldB4_vnni(SB), NOSPLIT, $32-208
	MOVQ levels+96(FP), AX
	VBROADCASTI128 (AX), Y0
	VPSHUFB pvB4Levels<>+0(SB), Y0, Y1
	VPSHUFB pvB4Levels<>+32(SB), Y0, Y2
	VPMOVSXBW Y1, Z16
	VPMOVSXBW Y2, Z17
	VPBROADCASTD pvB4Const<>+0(SB), Z18
	VPBROADCASTD pvB4Const<>+4(SB), Z19
	MOVQ n+160(FP), AX
	ADDQ $3, AX
	SHRQ $2, AX
	MOVQ AX, CX
	SHRQ $1, AX
	ANDL $1, CX
	MOVQ AX, 0(SP)
	MOVQ CX, 8(SP)
	MOVQ block+176(FP), AX
	SHRQ $6, AX
	ADDQ $7, AX
	MOVQ AX, 16(SP)
	MOVQ dv+168(FP), R12
	LEAQ (R12*4), R11
	XORL R13, R13

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+184(FP), R9
	MOVQ next_len+192(FP), AX
	MOVQ R12, CX
	SHLQ $5, CX
	SUBQ CX, AX
	JLE  begin

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, AX
	JGT  head

begin:
	MOVQ R9, 24(SP)

set:
	MOVQ o_base+0(FP), DI
	ADDQ R13, DI
	MOVQ p_base+24(FP), SI
	MOVQ R13, R9
	SHLQ $3, R9
	ADDQ 24(SP), R9
	MOVQ m+152(FP), R8
	CMPQ R12, $64
	JGE  rows
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

rows: // of a set
	MOVQ v_base+48(FP), BX
	ADDQ R13, BX
	MOVQ 16(SP), CX
	MOVQ R13, DX
	SHRQ CX, DX
	SHLQ $7, DX
	ADDQ ratio_base+72(FP), DX
	CMPQ R8, m+152(FP)
	JEQ  first
	MOVQ BX, R9

first:
	MOVQ 0(SP), R10
	CMPQ R12, $64
	JLT  rowsx2
	CMPQ R8, $2
	JLT  row1x4
	JEQ  row2x4
	CMPQ R8, $4
	JLT  row3x4

row4x4:
	ZERO4
	TESTQ R10, R10
	JZ   half4x4
	TABLES(0)
	LOOKA
	JMP  step4x4
	PCALIGN $64

ahead4x4:
	TABLES(0)
	LOOKA
	QUAD4H(-2, Z26, Z27)
	QUAD4H(-1, Z30, Z31)

step4x4:
	CMPQ 16(SP), $8
	JEQ  same4x4
	TABLES(128)

same4x4:
	LOOKB
	QUAD4(0, Z20, Z21)
	QUAD4(1, Z22, Z23)
	STEP(256)
	JNZ  ahead4x4
	QUAD4H(-2, Z26, Z27)
	QUAD4H(-1, Z30, Z31)
	CMPQ 8(SP), $0
	JEQ  fold4x4

half4x4: // a plane of one quad
	TABLES(0)
	LOOKA
	CMPQ 16(SP), $8
	JEQ  both4x4
	TABLES(128)

both4x4:
	LOOKB
	QUAD4(0, Z20, Z21)
	QUAD4H(0, Z26, Z27)

fold4x4:
	STATES
	JNZ  centre4x4
	SUMS4x4
	ROWS(4)
	JNZ  rows
	JMP  next64

centre4x4:
	ADDQ R13, AX
	SUMS4x4C
	ROWS(4)
	JNZ  rows
	JMP  next64

row3x4:
	ZERO3
	TESTQ R10, R10
	JZ   half3x4
	TABLES(0)
	LOOKA
	JMP  step3x4
	PCALIGN $64

ahead3x4:
	TABLES(0)
	LOOKA
	QUAD3H(-2, Z26, Z27)
	QUAD3H(-1, Z30, Z31)

step3x4:
	CMPQ 16(SP), $8
	JEQ  same3x4
	TABLES(128)

same3x4:
	LOOKB
	QUAD3(0, Z20, Z21)
	QUAD3(1, Z22, Z23)
	STEP(256)
	JNZ  ahead3x4
	QUAD3H(-2, Z26, Z27)
	QUAD3H(-1, Z30, Z31)
	CMPQ 8(SP), $0
	JEQ  fold3x4

half3x4: // a plane of one quad
	TABLES(0)
	LOOKA
	CMPQ 16(SP), $8
	JEQ  both3x4
	TABLES(128)

both3x4:
	LOOKB
	QUAD3(0, Z20, Z21)
	QUAD3H(0, Z26, Z27)

fold3x4:
	STATES
	JNZ  centre3x4
	SUMS3x4
	ROWS(3)
	JMP  next64

centre3x4:
	ADDQ R13, AX
	SUMS3x4C
	ROWS(3)
	JMP  next64

row2x4:
	ZERO2
	TESTQ R10, R10
	JZ   half2x4
	TABLES(0)
	LOOKA
	JMP  step2x4
	PCALIGN $64

ahead2x4:
	TABLES(0)
	LOOKA
	QUAD2H(-2, Z26, Z27)
	QUAD2H(-1, Z30, Z31)

step2x4:
	CMPQ 16(SP), $8
	JEQ  same2x4
	TABLES(128)

same2x4:
	LOOKB
	QUAD2(0, Z20, Z21)
	QUAD2(1, Z22, Z23)
	STEP(256)
	JNZ  ahead2x4
	QUAD2H(-2, Z26, Z27)
	QUAD2H(-1, Z30, Z31)
	CMPQ 8(SP), $0
	JEQ  fold2x4

half2x4: // a plane of one quad
	TABLES(0)
	LOOKA
	CMPQ 16(SP), $8
	JEQ  both2x4
	TABLES(128)

both2x4:
	LOOKB
	QUAD2(0, Z20, Z21)
	QUAD2H(0, Z26, Z27)

fold2x4:
	STATES
	JNZ  centre2x4
	SUMS2x4
	ROWS(2)
	JMP  next64

centre2x4:
	ADDQ R13, AX
	SUMS2x4C
	ROWS(2)
	JMP  next64

row1x4:
	ZERO1
	TESTQ R10, R10
	JZ   half1x4
	TABLES(0)
	LOOKA
	JMP  step1x4
	PCALIGN $64

ahead1x4:
	TABLES(0)
	LOOKA
	QUAD1H(-2, Z26, Z27)
	QUAD1H(-1, Z30, Z31)

step1x4:
	CMPQ 16(SP), $8
	JEQ  same1x4
	TABLES(128)

same1x4:
	LOOKB
	QUAD1(0, Z20, Z21)
	QUAD1(1, Z22, Z23)
	STEP(256)
	JNZ  ahead1x4
	QUAD1H(-2, Z26, Z27)
	QUAD1H(-1, Z30, Z31)
	CMPQ 8(SP), $0
	JEQ  fold1x4

half1x4: // a plane of one quad
	TABLES(0)
	LOOKA
	CMPQ 16(SP), $8
	JEQ  both1x4
	TABLES(128)

both1x4:
	LOOKB
	QUAD1(0, Z20, Z21)
	QUAD1H(0, Z26, Z27)

fold1x4:
	STATES
	JNZ  centre1x4
	SUMS1x4
	ROWS(1)
	JMP  next64

centre1x4:
	ADDQ R13, AX
	SUMS1x4C
	ROWS(1)

next64:
	ADDQ $256, R13
	SUBQ $64, R12
	JNZ  set
	VZEROUPPER
	RET

rowsx2:
	CMPQ R8, $2
	JLT  row1x2
	JEQ  row2x2
	CMPQ R8, $4
	JLT  row3x2

row4x2:
	ZERO4
	TESTQ R10, R10
	JZ   half4x2

step4x2:
	TABLES(0)
	LOOKK
	QUAD4(0, Z20, Z21)
	QUAD4(1, Z22, Z23)
	STEP(128)
	JNZ  step4x2
	CMPQ 8(SP), $0
	JEQ  fold4x2

half4x2:
	TABLES(0)
	LOOKK
	QUAD4(0, Z20, Z21)

fold4x2:
	STATES
	JNZ  centre4x2
	SUMS4x2
	ROWS(4)
	JNZ  rows
	JMP  next32

centre4x2:
	ADDQ R13, AX
	SUMS4x2C
	ROWS(4)
	JNZ  rows
	JMP  next32

row3x2:
	ZERO3
	TESTQ R10, R10
	JZ   half3x2

step3x2:
	TABLES(0)
	LOOKK
	QUAD3(0, Z20, Z21)
	QUAD3(1, Z22, Z23)
	STEP(128)
	JNZ  step3x2
	CMPQ 8(SP), $0
	JEQ  fold3x2

half3x2:
	TABLES(0)
	LOOKK
	QUAD3(0, Z20, Z21)

fold3x2:
	STATES
	JNZ  centre3x2
	SUMS3x2
	ROWS(3)
	JMP  next32

centre3x2:
	ADDQ R13, AX
	SUMS3x2C
	ROWS(3)
	JMP  next32

row2x2:
	ZERO2
	TESTQ R10, R10
	JZ   half2x2

step2x2:
	TABLES(0)
	LOOKK
	QUAD2(0, Z20, Z21)
	QUAD2(1, Z22, Z23)
	STEP(128)
	JNZ  step2x2
	CMPQ 8(SP), $0
	JEQ  fold2x2

half2x2:
	TABLES(0)
	LOOKK
	QUAD2(0, Z20, Z21)

fold2x2:
	STATES
	JNZ  centre2x2
	SUMS2x2
	ROWS(2)
	JMP  next32

centre2x2:
	ADDQ R13, AX
	SUMS2x2C
	ROWS(2)
	JMP  next32

row1x2:
	ZERO1
	TESTQ R10, R10
	JZ   half1x2

step1x2:
	TABLES(0)
	LOOKK
	QUAD1(0, Z20, Z21)
	QUAD1(1, Z22, Z23)
	STEP(128)
	JNZ  step1x2
	CMPQ 8(SP), $0
	JEQ  fold1x2

half1x2:
	TABLES(0)
	LOOKK
	QUAD1(0, Z20, Z21)

fold1x2:
	STATES
	JNZ  centre1x2
	SUMS1x2
	ROWS(1)
	JMP  next32

centre1x2:
	ADDQ R13, AX
	SUMS1x2C
	ROWS(1)

next32:
	ADDQ $128, R13
	SUBQ $32, R12
	JG   set
	VZEROUPPER
	RET
