//go:build !purego

#include "textflag.h"
#define FLOATS(a) VCVTDQ2PS a, a
#include "pv_fold_amd64.h"

// pv_fold_i4_vnni_amd64.s: sums of nibble values with multipliers under u8 weights, added to
// the output states.
//
// Obstacle:  an expanded tile is stored and loaded again, and stores come one a cycle. The
//            multiplier changes along the sum, so codes are looked up before they are
//            multiplied: four tokens and 16 nibbles are a table of 64 bytes, which VPERMB
//            looks up by 4·nibble + token. A table serves 32 channels. It shares no port
//            with VPDPBUSD but that of one product and half of those of VPERMB.
// Tables:    the multipliers of two tokens are one word, low + 256·high, times nibble − 8;
//            0x8080 is added so that nothing is borrowed, and taken off by XOR.
// Shape:     rows × blocks of 16 channels in accumulators, 4×4 at most: a step looks up 2
//            lines of V, 8 tokens, while the 2 before are multiplied by 8 weights per row,
//            also across sets of channels and passes of rows.
// Exactness: codes fit int8; sums as in the contract.
// Reads:     ⌈n/8⌉ planes of V, p[i][0:8·⌈n/8⌉]. Reads and writes o[i][0:dv].
// Tails:     sets of 64 channels run as 4 blocks, what is left in sets of 32 as 2, lanes
//            beyond dv masked: they are neither loaded nor stored. A second quad that is
//            not there has multipliers 0.
// Prefetch:  a line of next per line of V, in the order of its addresses, which hardware
//            prefetchers follow; passes after that of the first rows touch V itself.
// Registers: Z0–Z15 accumulators · Z16 0x3C · Z17 token · Z18 0x80 · Z27 nibble − 8
//            Z20–Z23, Z19 Z26 Z29 Z30 V, low and high nibbles · Z24, Z25 tables
//            Z28 p · K1, K2 channels of 2 blocks · K5 the second quad is there, K6 in the
//            last plane, K7 in the first one · 0(SP), 64(SP) words of multipliers of the
//            groups of a set, 128(SP) first fetched line
//            DI o · DX o of the fourth row, behind the steps · SI p · AX offset of the plane
//            in p · R10 of the last one · BX v · R9 fetched line · R11 bytes of a plane and
//            of a row of o · R8 rows left · R12 channels left · R13 offset of the set of
//            channels · CX

// A dword for each nibble: its code under multiplier 1, in words.
DATA pvI4Nibbles<>+0(SB)/8, $0xfff9fff9fff8fff8
DATA pvI4Nibbles<>+8(SB)/8, $0xfffbfffbfffafffa
DATA pvI4Nibbles<>+16(SB)/8, $0xfffdfffdfffcfffc
DATA pvI4Nibbles<>+24(SB)/8, $0xfffffffffffefffe
DATA pvI4Nibbles<>+32(SB)/8, $0x0001000100000000
DATA pvI4Nibbles<>+40(SB)/8, $0x0003000300020002
DATA pvI4Nibbles<>+48(SB)/8, $0x0005000500040004
DATA pvI4Nibbles<>+56(SB)/8, $0x0007000700060006
GLOBL pvI4Nibbles<>(SB), RODATA|NOPTR, $64

DATA pvI4Const<>+0(SB)/4, $0x3c3c3c3c
DATA pvI4Const<>+4(SB)/4, $0x03020100 // token
DATA pvI4Const<>+8(SB)/4, $0x80808080
GLOBL pvI4Const<>(SB), RODATA|NOPTR, $12

// WORDS stores the multipliers of group g of the set, two bytes as the word
// low + 256·high.
#define WORDS(g) \
	VPXORD    (64*g)(CX), Z18, Z24; \
	VPSUBW    Z18, Z24, Z24;        \
	VMOVDQU32 Z24, (64*g)(SP)

// TABLES makes those of group g.
#define TABLES(g) \
	VPBROADCASTD   (64*g)(SP)(AX*1), Z24;         \
	VPBROADCASTD.Z (64*g + 4)(SP)(AX*1), K5, Z25; \
	VPMULLW        Z27, Z24, Z24;                 \
	VPMULLW        Z27, Z25, Z25;                 \
	VPADDW         Z18, Z24, Z24;                 \
	VPADDW         Z18, Z25, Z25;                 \
	VPXORD         Z18, Z24, Z24;                 \
	VPXORD         Z18, Z25, Z25

// LOOK turns the nibbles of lo into codes of both quads.
#define LOOK(lo, hi) \
	VPSRLW     $2, lo, hi;          \
	VPSLLW     $2, lo, lo;          \
	VPTERNLOGD $0xEA, Z17, Z16, hi; \
	VPTERNLOGD $0xEA, Z17, Z16, lo; \
	VPERMB     Z24, lo, lo;         \
	VPERMB     Z25, hi, hi

// LINES looks up 2 blocks of a set, LINESK those of masked channels.
#define LINES(g, a, b, c, d) \
	TABLES(g);                      \
	VMOVDQU32  (128*g)(BX), a;      \
	VMOVDQU32  (128*g + 64)(BX), c; \
	LOOK(a, b);                     \
	LOOK(c, d)

#define LINES0 LINES(0, Z20, Z21, Z22, Z23)
#define LINES1 LINES(1, Z19, Z26, Z29, Z30)

#define LINESK \
	TABLES(0);                   \
	VMOVDQU32.Z (BX), K1, Z20;   \
	VMOVDQU32.Z 64(BX), K2, Z22; \
	PREFETCHT0  (R9);            \
	PREFETCHT0  64(R9);          \
	LOOK(Z20, Z21);              \
	LOOK(Z22, Z23)

// FETCH asks for the lines that go with 2 blocks of a plane.
#define FETCH(g) \
	PREFETCHT0 (128*g)(R9); \
	PREFETCHT0 (128*g + 64)(R9)

// DOT adds a quad of row i.
#define DOT(i, quad, x, y, a, b) \
	VPBROADCASTD (64*i + 4*quad)(SI)(AX*1), Z28; \
	VPDPBUSD     x, Z28, a;                      \
	VPDPBUSD     y, Z28, b

// Steps of 1 to 4 rows over the first two blocks and the other two.
#define QUAD1(q, x, y) DOT(0, q, x, y, Z0, Z1)
#define QUAD2(q, x, y) QUAD1(q, x, y); DOT(1, q, x, y, Z4, Z5)
#define QUAD3(q, x, y) QUAD2(q, x, y); DOT(2, q, x, y, Z8, Z9)
#define QUAD4(q, x, y) QUAD3(q, x, y); DOT(3, q, x, y, Z12, Z13)

#define QUAD1H(q, x, y) DOT(0, q, x, y, Z2, Z3)
#define QUAD2H(q, x, y) QUAD1H(q, x, y); DOT(1, q, x, y, Z6, Z7)
#define QUAD3H(q, x, y) QUAD2H(q, x, y); DOT(2, q, x, y, Z10, Z11)
#define QUAD4H(q, x, y) QUAD3H(q, x, y); DOT(3, q, x, y, Z14, Z15)

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

#define ZERO1 ZERO(Z0, Z1, Z2, Z3)
#define ZERO2 ZERO1; ZERO(Z4, Z5, Z6, Z7)
#define ZERO3 ZERO2; ZERO(Z8, Z9, Z10, Z11)
#define ZERO4 ZERO3; ZERO(Z12, Z13, Z14, Z15)

// STEP moves on by a plane.
#define STEP(bytes) \
	ADDQ R11, BX;    \
	ADDQ $bytes, R9; \
	ADDQ $8, AX;     \
	CMPQ AX, R10

// AHEAD goes to the first plane of what follows a pass of rows and makes its words: the same
// set of channels for more rows, or the next one.
#define AHEAD(rows) \
	LEAQ    256(R13), CX;         \
	CMPQ    R8, $rows;            \
	CMOVQGT R13, CX;              \
	MOVQ    v_base+48(FP), BX;    \
	ADDQ    CX, BX;               \
	SHRQ    $1, CX;               \
	ADDQ    mult_base+72(FP), CX; \
	WORDS(0);                     \
	WORDS(1)

// FIRST looks up its first two blocks.
#define FIRST \
	XORL  AX, AX; \
	KMOVD K7, K5; \
	LINES0

// STATES is FOLD, for which DX is o of the fourth row.
#define STATES \
	LEAQ (DI)(R11*2), DX; \
	ADDQ R11, DX;         \
	FOLD

// ROWS moves on by rows.
#define ROWS(rows) \
	MOVQ  R11, AX;        \
	IMULQ $rows, AX;      \
	ADDQ  AX, DI;         \
	ADDQ  $(64*rows), SI; \
	SUBQ  $rows, R8

// func pvFoldI4_vnni(o []float32, p, v, mult []byte, mu []float32, f []Fold, m, n, dv int, next []byte)
TEXT ·pvFoldI4_vnni(SB), NOSPLIT, $136-192
	VPBROADCASTD pvI4Const<>+0(SB), Z16
	VPBROADCASTD pvI4Const<>+4(SB), Z17
	VPBROADCASTD pvI4Const<>+8(SB), Z18
	VMOVDQU32 pvI4Nibbles<>(SB), Z27
	MOVQ n+152(FP), R10
	DECQ R10
	MOVQ R10, AX
	ANDQ $~7, R10
	ANDL $4, AX
	NEGL AX
	SARL $31, AX
	KMOVD AX, K6
	KXNORD K7, K7, K7
	TESTQ R10, R10
	JNZ  planes
	KMOVD K6, K7

planes:
	MOVQ dv+160(FP), R12
	LEAQ (R12*4), R11
	XORL R13, R13

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+168(FP), R9
	MOVQ next_len+176(FP), AX
	MOVQ R12, CX
	SHLQ $5, CX
	SUBQ CX, AX
	JLE  start

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, AX
	JGT  head

start:
	MOVQ R9, 128(SP)
	CMPQ R12, $64
	JLT  set
	MOVQ v_base+48(FP), BX
	MOVQ mult_base+72(FP), CX
	WORDS(0)
	WORDS(1)
	FIRST

set:
	MOVQ o_base+0(FP), DI
	ADDQ R13, DI
	MOVQ p_base+24(FP), SI
	MOVQ R13, R9
	SHLQ $3, R9
	ADDQ 128(SP), R9
	MOVQ m+144(FP), R8
	CMPQ R12, $64
	JGE  rowsx4
	MOVQ R13, CX
	SHRQ $1, CX
	ADDQ mult_base+72(FP), CX
	WORDS(0)
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

laterx4:
	MOVQ BX, R9

rowsx4: // the first two blocks are looked up
	XORL AX, AX
	CMPQ R8, $2
	JLT  row1x4
	JEQ  row2x4
	CMPQ R8, $4
	JLT  row3x4

row4x4:
	ZERO4
	TESTQ R10, R10
	JZ   last4x4
	PCALIGN $64

step4x4:
	LINES1
	FETCH(0)
	QUAD4(0, Z20, Z22)
	FETCH(1)
	QUAD4(1, Z21, Z23)
	STEP(256)
	JNE  more4x4
	KMOVD K6, K5

more4x4:
	LINES0
	QUAD4H(-2, Z19, Z29)
	QUAD4H(-1, Z26, Z30)
	JNE  step4x4

last4x4:
	LINES1
	FETCH(0)
	FETCH(1)
	QUAD4(0, Z20, Z22)
	QUAD4(1, Z21, Z23)
	QUAD4H(0, Z19, Z29)
	QUAD4H(1, Z26, Z30)
	CMPQ R12, $128
	JGE  ahead4x4
	CMPQ R8, $4
	JLE  fold4x4

ahead4x4:
	AHEAD(4)
	FIRST

fold4x4:
	STATES
	JNZ  centre4x4
	SUMS4x4
	ROWS(4)
	JNZ  laterx4
	JMP  next64

centre4x4:
	ADDQ R13, AX
	SUMS4x4C
	ROWS(4)
	JNZ  laterx4
	JMP  next64

row3x4:
	ZERO3
	TESTQ R10, R10
	JZ   last3x4
	PCALIGN $64

step3x4:
	LINES1
	FETCH(0)
	QUAD3(0, Z20, Z22)
	FETCH(1)
	QUAD3(1, Z21, Z23)
	STEP(256)
	JNE  more3x4
	KMOVD K6, K5

more3x4:
	LINES0
	QUAD3H(-2, Z19, Z29)
	QUAD3H(-1, Z26, Z30)
	JNE  step3x4

last3x4:
	LINES1
	FETCH(0)
	FETCH(1)
	QUAD3(0, Z20, Z22)
	QUAD3(1, Z21, Z23)
	QUAD3H(0, Z19, Z29)
	QUAD3H(1, Z26, Z30)
	CMPQ R12, $128
	JGE  ahead3x4
	CMPQ R8, $3
	JLE  fold3x4

ahead3x4:
	AHEAD(3)
	FIRST

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
	JZ   last2x4
	PCALIGN $64

step2x4:
	LINES1
	FETCH(0)
	QUAD2(0, Z20, Z22)
	FETCH(1)
	QUAD2(1, Z21, Z23)
	STEP(256)
	JNE  more2x4
	KMOVD K6, K5

more2x4:
	LINES0
	QUAD2H(-2, Z19, Z29)
	QUAD2H(-1, Z26, Z30)
	JNE  step2x4

last2x4:
	LINES1
	FETCH(0)
	FETCH(1)
	QUAD2(0, Z20, Z22)
	QUAD2(1, Z21, Z23)
	QUAD2H(0, Z19, Z29)
	QUAD2H(1, Z26, Z30)
	CMPQ R12, $128
	JGE  ahead2x4
	CMPQ R8, $2
	JLE  fold2x4

ahead2x4:
	AHEAD(2)
	FIRST

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
	JZ   last1x4
	PCALIGN $64

step1x4:
	LINES1
	FETCH(0)
	QUAD1(0, Z20, Z22)
	FETCH(1)
	QUAD1(1, Z21, Z23)
	STEP(256)
	JNE  more1x4
	KMOVD K6, K5

more1x4:
	LINES0
	QUAD1H(-2, Z19, Z29)
	QUAD1H(-1, Z26, Z30)
	JNE  step1x4

last1x4:
	LINES1
	FETCH(0)
	FETCH(1)
	QUAD1(0, Z20, Z22)
	QUAD1(1, Z21, Z23)
	QUAD1H(0, Z19, Z29)
	QUAD1H(1, Z26, Z30)
	CMPQ R12, $128
	JGE  ahead1x4
	CMPQ R8, $1
	JLE  fold1x4

ahead1x4:
	AHEAD(1)
	FIRST

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

laterx2:
	MOVQ v_base+48(FP), R9
	ADDQ R13, R9

rowsx2:
	MOVQ v_base+48(FP), BX
	ADDQ R13, BX
	XORL AX, AX
	KXNORD K5, K5, K5
	CMPQ R8, $2
	JLT  row1x2
	JEQ  row2x2
	CMPQ R8, $4
	JLT  row3x2

row4x2:
	ZERO4
	CMPQ AX, R10
	JEQ  last4x2

step4x2:
	LINESK
	QUAD4(0, Z20, Z22)
	QUAD4(1, Z21, Z23)
	STEP(128)
	JLT  step4x2
	JGT  sums4x2

last4x2:
	KMOVD K6, K5
	JMP  step4x2

sums4x2:
	STATES
	JNZ  centre4x2
	SUMS4x2
	ROWS(4)
	JNZ  laterx2
	JMP  next32

centre4x2:
	ADDQ R13, AX
	SUMS4x2C
	ROWS(4)
	JNZ  laterx2
	JMP  next32

row3x2:
	ZERO3
	CMPQ AX, R10
	JEQ  last3x2

step3x2:
	LINESK
	QUAD3(0, Z20, Z22)
	QUAD3(1, Z21, Z23)
	STEP(128)
	JLT  step3x2
	JGT  sums3x2

last3x2:
	KMOVD K6, K5
	JMP  step3x2

sums3x2:
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
	CMPQ AX, R10
	JEQ  last2x2

step2x2:
	LINESK
	QUAD2(0, Z20, Z22)
	QUAD2(1, Z21, Z23)
	STEP(128)
	JLT  step2x2
	JGT  sums2x2

last2x2:
	KMOVD K6, K5
	JMP  step2x2

sums2x2:
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
	CMPQ AX, R10
	JEQ  last1x2

step1x2:
	LINESK
	QUAD1(0, Z20, Z22)
	QUAD1(1, Z21, Z23)
	STEP(128)
	JLT  step1x2
	JGT  sums1x2

last1x2:
	KMOVD K6, K5
	JMP  step1x2

sums1x2:
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
