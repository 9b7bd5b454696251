//go:build !purego

#include "textflag.h"
#define FLOATS(a) VCVTDQ2PS a, a
#include "pv_fold_amd64.h"

// pv_fold_n4_vnni_amd64.s: sums of nibble values under a scaled code book and u8 weights,
// added to the output states.
//
// Obstacle:  an expanded tile is stored and loaded again, and a store takes a turn of the
//            units that multiply. Nibble and multiplier are the index of a code among 256
//            bytes, four registers, which VPERMI2B looks up in both halves of the book; the
//            highest bit of the multiplier tells which one counts.
// Shape:     rows × blocks of 16 channels in accumulators, 4×4 at most. The unit is a quad of
//            tokens of 2 blocks, whose multipliers are one dword. While one is multiplied the
//            next is looked up and the indices of the one behind it are made, also across
//            sets of channels: VPERMI2B shares one of the two units of VPDPBUSD, and both
//            together keep three units busy.
// Exactness: codes are int8; sums as in the contract.
// Reads:     ⌈n/8⌉ planes of V, p[i][0:4·⌈n/4⌉]. Reads and writes o[i][0:dv].
// Tails:     sets of 64 channels run as 4 blocks, what is left in sets of 32 as 2, one unit
//            after the other, lanes beyond dv masked: they are neither loaded nor stored. A
//            last plane of one quad is half a step.
// Prefetch:  a line of next per line of V, in the order of its addresses, which hardware
//            prefetchers follow; passes after that of the first rows touch V itself.
// Registers: Z0–Z15 accumulators · Z16–Z19 book · Z20–Z23 codes of two units
//            Z27, Z31 indices of a third · Z24, Z25 V · Z28, Z29 p
//            K1, K2 channels of 2 blocks · K4, K5 codes of the upper half of the book
//            DI o · DX multipliers, behind the steps o of the fourth row · SI p · BX V
//            R9 fetched line · R10 planes left · R11 bytes of a plane and of a row of o
//            R8 rows left · R12 channels left · R13 offset of the set of channels · AX, CX
//            0(SP) whole planes · 8(SP) 1 where a quad follows them · 16(SP) DX · 24(SP)
//            first fetched line

DATA pvN4Const<>+0(SB)/4, $0x0f0f0f0f
GLOBL pvN4Const<>(SB), RODATA|NOPTR, $4

// INDEX makes indices of the low nibbles of Z24 and Z25 under multipliers m, the first block
// under the low halves, and masks of those in the upper half of the book.
#define INDEX(m) \
	VPBROADCASTD    m, Z31;                           \
	VPSLLW          $4, Z31, Z27;                     \
	VPMOVB2M        Z27, K4;                          \
	VPMOVB2M        Z31, K5;                          \
	VPTERNLOGD.BCST $0xD8, pvN4Const<>(SB), Z24, Z27; \
	VPTERNLOGD.BCST $0xD8, pvN4Const<>(SB), Z25, Z31

// LOOK turns them into codes.
#define LOOK(u, v) \
	VMOVDQA64 Z27, u;        \
	VMOVDQA64 Z31, v;        \
	VPERMI2B  Z17, Z16, u;   \
	VPERMI2B  Z17, Z16, v;   \
	VPERMI2B  Z19, Z18, Z27; \
	VPERMI2B  Z19, Z18, Z31; \
	VMOVDQU8  Z27, K4, u;    \
	VMOVDQU8  Z31, K5, v

// FIRST makes indices of the first quad of 2 blocks of the plane at hand, SECOND of the other
// one.
#define FIRST(g) \
	VMOVDQU32 (128*g)(BX), Z24;      \
	VMOVDQU32 (128*g + 64)(BX), Z25; \
	INDEX((64*g)(DX))

#define SECOND(g) \
	VPSRLW $4, Z24, Z24; \
	VPSRLW $4, Z25, Z25; \
	INDEX((64*g + 4)(DX))

// FIRSTK is FIRST and LOOK under the masks of channels, with its fetches. NEXTPLANE moves on
// behind a whole plane; flags are ≥ 0 where another plane follows.
#define FIRSTK \
	VMOVDQU32.Z (BX), K1, Z24;   \
	VMOVDQU32.Z 64(BX), K2, Z25; \
	PREFETCHT0  (R9);            \
	PREFETCHT0  64(R9);          \
	INDEX((DX));                 \
	LOOK(Z20, Z21)

#define NEXTPLANE \
	ADDQ R11, BX;   \
	ADDQ $128, R9;  \
	ADDQ $8, SI;    \
	ADDQ $8, DX;    \
	MOVQ R10, AX;   \
	ADDQ 8(SP), AX; \
	DECQ AX

// FETCH asks for the lines that go with 2 blocks of a plane.
#define FETCH(g) \
	PREFETCHT0 (128*g)(R9); \
	PREFETCHT0 (128*g + 64)(R9)

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

// STEP moves on by a plane.
#define STEP \
	ADDQ R11, BX;  \
	ADDQ $8, DX;   \
	ADDQ $256, R9; \
	DECQ R10

// AHEAD goes to the first plane of what follows a pass of rows: the same set of channels for
// more rows, the next whole set, or, behind the last one, anything that can be read.
#define AHEAD(rows) \
	XORL    CX, CX;               \
	LEAQ    256(R13), AX;         \
	CMPQ    R12, $128;            \
	CMOVQLT CX, AX;               \
	CMPQ    R8, $rows;            \
	CMOVQGT R13, AX;              \
	MOVQ    v_base+48(FP), BX;    \
	ADDQ    AX, BX;               \
	SHRQ    $1, AX;               \
	MOVQ    mult_base+72(FP), DX; \
	ADDQ    AX, DX

// STATES is FOLD, between which and ROWS DX is o of the fourth row.
#define STATES \
	MOVQ DX, 16(SP);          \
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
	MOVQ  16(SP), DX;        \
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

// func pvFoldN4_vnni(o []float32, p, v, mult []byte, book *ScaledBook, mu []float32, f []Fold, m, n, dv int, next []byte)
TEXT ·pvFoldN4_vnni(SB), NOSPLIT, $32-200
	MOVQ book+96(FP), AX
	VMOVDQU32 (AX), Z16
	VMOVDQU32 64(AX), Z17
	VMOVDQU32 128(AX), Z18
	VMOVDQU32 192(AX), Z19
	MOVQ n+160(FP), AX
	ADDQ $3, AX
	SHRQ $2, AX
	MOVQ AX, CX
	SHRQ $1, AX
	ANDL $1, CX
	MOVQ AX, 0(SP)
	MOVQ CX, 8(SP)
	MOVQ dv+168(FP), R12
	LEAQ (R12*4), R11
	XORL R13, R13
	MOVQ v_base+48(FP), BX
	MOVQ mult_base+72(FP), DX

	// lines of next beyond those the steps fetch: its header
	MOVQ next_base+176(FP), R9
	MOVQ next_len+184(FP), AX
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
	CMPQ R12, $64
	JLT  set
	FIRST(0)
	LOOK(Z20, Z21)
	SECOND(0)

set:
	MOVQ o_base+0(FP), DI
	ADDQ R13, DI
	MOVQ p_base+24(FP), SI
	MOVQ R13, R9
	SHLQ $3, R9
	ADDQ 24(SP), R9
	MOVQ m+152(FP), R8
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

laterx4:
	MOVQ BX, R9

rowsx4: // Z20 and Z21 have the first unit
	MOVQ 0(SP), R10
	CMPQ R8, $2
	JLT  row1x4
	JEQ  row2x4
	CMPQ R8, $4
	JLT  row3x4

row4x4:
	ZERO4
	TESTQ R10, R10
	JZ   half4x4
	PCALIGN $64

step4x4:
	LOOK(Z22, Z23)
	FETCH(0)
	FIRST(1)
	QUAD4(0, Z20, Z21)
	LOOK(Z20, Z21)
	FETCH(1)
	SECOND(1)
	QUAD4(1, Z22, Z23)
	LOOK(Z22, Z23)
	STEP
	JZ   last4x4

ahead4x4:
	FIRST(0)
	QUAD4H(0, Z20, Z21)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD4H(1, Z22, Z23)
	ADDQ $8, SI
	TESTQ R10, R10
	JNZ  step4x4
	CMPQ 8(SP), $0
	JEQ  fold4x4

half4x4: // a plane of one quad
	FETCH(0)
	FETCH(1)
	FIRST(1)
	LOOK(Z22, Z23)
	QUAD4(0, Z20, Z21)
	AHEAD(4)
	FIRST(0)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD4H(0, Z22, Z23)
	JMP  fold4x4

last4x4:
	CMPQ 8(SP), $0
	JNE  ahead4x4
	CMPQ R8, $4
	JGT  more4x4
	CMPQ R12, $128
	JLT  end4x4

more4x4:
	AHEAD(4)
	JMP  ahead4x4

end4x4: // nothing follows
	QUAD4H(0, Z20, Z21)
	QUAD4H(1, Z22, Z23)

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
	JZ   half3x4
	PCALIGN $64

step3x4:
	LOOK(Z22, Z23)
	FETCH(0)
	FIRST(1)
	QUAD3(0, Z20, Z21)
	LOOK(Z20, Z21)
	FETCH(1)
	SECOND(1)
	QUAD3(1, Z22, Z23)
	LOOK(Z22, Z23)
	STEP
	JZ   last3x4

ahead3x4:
	FIRST(0)
	QUAD3H(0, Z20, Z21)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD3H(1, Z22, Z23)
	ADDQ $8, SI
	TESTQ R10, R10
	JNZ  step3x4
	CMPQ 8(SP), $0
	JEQ  fold3x4

half3x4: // a plane of one quad
	FETCH(0)
	FETCH(1)
	FIRST(1)
	LOOK(Z22, Z23)
	QUAD3(0, Z20, Z21)
	AHEAD(3)
	FIRST(0)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD3H(0, Z22, Z23)
	JMP  fold3x4

last3x4:
	CMPQ 8(SP), $0
	JNE  ahead3x4
	CMPQ R8, $3
	JGT  more3x4
	CMPQ R12, $128
	JLT  end3x4

more3x4:
	AHEAD(3)
	JMP  ahead3x4

end3x4: // nothing follows
	QUAD3H(0, Z20, Z21)
	QUAD3H(1, Z22, Z23)

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
	PCALIGN $64

step2x4:
	LOOK(Z22, Z23)
	FETCH(0)
	FIRST(1)
	QUAD2(0, Z20, Z21)
	LOOK(Z20, Z21)
	FETCH(1)
	SECOND(1)
	QUAD2(1, Z22, Z23)
	LOOK(Z22, Z23)
	STEP
	JZ   last2x4

ahead2x4:
	FIRST(0)
	QUAD2H(0, Z20, Z21)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD2H(1, Z22, Z23)
	ADDQ $8, SI
	TESTQ R10, R10
	JNZ  step2x4
	CMPQ 8(SP), $0
	JEQ  fold2x4

half2x4: // a plane of one quad
	FETCH(0)
	FETCH(1)
	FIRST(1)
	LOOK(Z22, Z23)
	QUAD2(0, Z20, Z21)
	AHEAD(2)
	FIRST(0)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD2H(0, Z22, Z23)
	JMP  fold2x4

last2x4:
	CMPQ 8(SP), $0
	JNE  ahead2x4
	CMPQ R8, $2
	JGT  more2x4
	CMPQ R12, $128
	JLT  end2x4

more2x4:
	AHEAD(2)
	JMP  ahead2x4

end2x4: // nothing follows
	QUAD2H(0, Z20, Z21)
	QUAD2H(1, Z22, Z23)

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
	PCALIGN $64

step1x4:
	LOOK(Z22, Z23)
	FETCH(0)
	FIRST(1)
	QUAD1(0, Z20, Z21)
	LOOK(Z20, Z21)
	FETCH(1)
	SECOND(1)
	QUAD1(1, Z22, Z23)
	LOOK(Z22, Z23)
	STEP
	JZ   last1x4

ahead1x4:
	FIRST(0)
	QUAD1H(0, Z20, Z21)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD1H(1, Z22, Z23)
	ADDQ $8, SI
	TESTQ R10, R10
	JNZ  step1x4
	CMPQ 8(SP), $0
	JEQ  fold1x4

half1x4: // a plane of one quad
	FETCH(0)
	FETCH(1)
	FIRST(1)
	LOOK(Z22, Z23)
	QUAD1(0, Z20, Z21)
	AHEAD(1)
	FIRST(0)
	LOOK(Z20, Z21)
	SECOND(0)
	QUAD1H(0, Z22, Z23)
	JMP  fold1x4

last1x4:
	CMPQ 8(SP), $0
	JNE  ahead1x4
	CMPQ R8, $1
	JGT  more1x4
	CMPQ R12, $128
	JLT  end1x4

more1x4:
	AHEAD(1)
	JMP  ahead1x4

end1x4: // nothing follows
	QUAD1H(0, Z20, Z21)
	QUAD1H(1, Z22, Z23)

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
	MOVQ R13, DX
	SHRQ $1, DX
	ADDQ mult_base+72(FP), DX
	MOVQ 0(SP), R10
	CMPQ R8, $2
	JLT  row1x2
	JEQ  row2x2
	CMPQ R8, $4
	JLT  row3x2

row4x2:
	ZERO4

step4x2:
	FIRSTK
	QUAD4(0, Z20, Z21)
	DECQ R10
	JLT  fold4x2
	SECOND(0)
	LOOK(Z22, Z23)
	QUAD4(1, Z22, Z23)
	NEXTPLANE
	JGE  step4x2

fold4x2:
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

step3x2:
	FIRSTK
	QUAD3(0, Z20, Z21)
	DECQ R10
	JLT  fold3x2
	SECOND(0)
	LOOK(Z22, Z23)
	QUAD3(1, Z22, Z23)
	NEXTPLANE
	JGE  step3x2

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

step2x2:
	FIRSTK
	QUAD2(0, Z20, Z21)
	DECQ R10
	JLT  fold2x2
	SECOND(0)
	LOOK(Z22, Z23)
	QUAD2(1, Z22, Z23)
	NEXTPLANE
	JGE  step2x2

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

step1x2:
	FIRSTK
	QUAD1(0, Z20, Z21)
	DECQ R10
	JLT  fold1x2
	SECOND(0)
	LOOK(Z22, Z23)
	QUAD1(1, Z22, Z23)
	NEXTPLANE
	JGE  step1x2

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
