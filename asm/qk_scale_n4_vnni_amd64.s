//go:build !purego

#include "textflag.h"

// qk_scale_n4_vnni_amd64.s: logits of int8 queries against the nibble K layout under a
// scaled code book.
//
// Obstacle:  an expanded tile is stored and loaded again, and a store takes a turn of the
//            units that multiply. Nibble and multiplier are the index of a code among 256
//            bytes, four registers: VPERMI2B looks up those of the upper half of the book
//            where the highest bit of the multiplier is set, and a second one, which finds
//            the other indices untouched, the rest. Stored with 128 added, codes are the
//            unsigned operand of VPDPBUSD; what that adds, 128·Σq, is taken off at last.
// Shape:     rows × 32 tokens of a pair, eight rows or up to four, these in two chains of
//            accumulators, one for odd lines: eight alone wait for VPDPBUSD. A line, 4 channels of both groups,
//            is looked up ahead of the products of the one before, and what groups share is
//            prepared in the group before, all across groups and pairs: VPERMI2B shares one
//            of the two units of VPDPBUSD, and both together keep three units busy.
// Rows:      eight as long as there are as many; three run as four, of which the last is the third one again and not stored.
// Tails:     where channels are not a multiple of 32, lines run one by one.
// Exactness: VPDPBUSD does not saturate; sums are modulo 2³² and the result fits.
// Reads:     ⌈n/32⌉ pairs of groups of K, m rows of q, sk[0:n]. Writes y[i][0:32·⌈n/32⌉].
// Prefetch:  in the pass of the first rows a line of next per line of K, in the order of
//            its addresses, which hardware prefetchers follow; later passes touch K itself.
// Registers: Z0–Z7 sums of low and high nibbles, two for a row, Z8–Z15 those of odd lines or
//            of four more rows · Z16–Z19 book · Z20–Z23 codes of two lines
//            Z24, Z25 multipliers of low and high nibbles, those of odd blocks in high
//            halves, Z26, Z27 of even blocks · Z28, Z30 as Z24, Z25, of the next group
//            Z29, Z31 q
//            K2, K1 upper and lower half of the book for low nibbles of even blocks, K3, K4
//            for high ones · K5, K6, K7, K1 of odd blocks · K5, K6 tokens of sk at last
//            DI y · SI q · R11, R13, DX from the first row of q to the next three · CX fifth
//            row · BX K · R9 fetched line · R12 multipliers · R8 those of the next pair
//            R10 groups left · AX, CX · 0(SP) 128·Σq of four rows · 16(SP) tokens left
//            24(SP) sk · 32(SP) pairs left · 40(SP) q, y, a, b and number of the rows left
//            80(SP) 128·Σq of four more rows

DATA qkN4Const<>+0(SB)/4, $0x0f0f0f0f
DATA qkN4Const<>+4(SB)/4, $0x80808080
GLOBL qkN4Const<>(SB), RODATA|NOPTR, $8

// Four times each of 16 tokens.
DATA qkN4Spread<>+0(SB)/8, $0x0101010100000000
DATA qkN4Spread<>+8(SB)/8, $0x0303030302020202
DATA qkN4Spread<>+16(SB)/8, $0x0505050504040404
DATA qkN4Spread<>+24(SB)/8, $0x0707070706060606
DATA qkN4Spread<>+32(SB)/8, $0x0909090908080808
DATA qkN4Spread<>+40(SB)/8, $0x0b0b0b0b0a0a0a0a
DATA qkN4Spread<>+48(SB)/8, $0x0d0d0d0d0c0c0c0c
DATA qkN4Spread<>+56(SB)/8, $0x0f0f0f0f0e0e0e0e
GLOBL qkN4Spread<>(SB), RODATA|NOPTR, $64

// SPREAD loads the multipliers of 32 channels.
#define SPREAD(lo, hi) \
	VBROADCASTI32X4 (R12), lo;                \
	VBROADCASTI32X4 16(R12), hi;              \
	VPSHUFB         qkN4Spread<>(SB), lo, lo; \
	VPSHUFB         qkN4Spread<>(SB), hi, hi

// EVEN makes those of even blocks of lo and hi, and MASKS their masks but for K1.
#define EVEN(lo, hi) \
	VPSLLW $4, lo, Z26; \
	VPSLLW $4, hi, Z27

#define MASKS \
	VPMOVB2M Z26, K2; \
	VPMOVB2M Z27, K3; \
	KNOTQ    K3, K4

#define ODDMASKS \
	VPMOVB2M Z24, K5; \
	VPMOVB2M Z25, K7; \
	KNOTQ    K5, K6

// LOOK turns a line into codes of low nibbles, u, and of high ones, v, given their
// multipliers and masks.
#define LOOK(off, ml, mh, lu, ll, hu, hl, u, v) \
	VMOVDQU32       off(BX), u;                    \
	PREFETCHT0      off(R9);                       \
	VPSRLW          $4, u, v;                      \
	VPTERNLOGD.BCST $0xE4, qkN4Const<>(SB), ml, u; \
	VPTERNLOGD.BCST $0xE4, qkN4Const<>(SB), mh, v; \
	VPERMI2B        Z19, Z18, lu, u;               \
	VPERMI2B        Z19, Z18, hu, v;               \
	VPERMI2B        Z17, Z16, ll, u;               \
	VPERMI2B        Z17, Z16, hl, v

#define LOOKEVEN(off, u, v) LOOK(off, Z26, Z27, K2, K1, K3, K4, u, v)
#define LOOKODD(off, u, v) LOOK(off, Z24, Z25, K5, K6, K7, K1, u, v)

// DOT multiplies block i of 4 channels, whose codes are x and y, by 1 to 4 rows.
#define DOT1(i, x, y, a, b) \
	VPBROADCASTD (4*i)(SI), Z29; \
	VPDPBUSD     Z29, x, a;      \
	VPDPBUSD     Z29, y, b

#define DOT2(i, x, y, a, b, c, d) \
	VPBROADCASTD (4*i)(SI), Z29;        \
	VPBROADCASTD (4*i)(SI)(R11*1), Z31; \
	VPDPBUSD     Z29, x, a;             \
	VPDPBUSD     Z29, y, b;             \
	VPDPBUSD     Z31, x, c;             \
	VPDPBUSD     Z31, y, d

#define DOT4(i, x, y, a, b, c, d, e, f, g, h) \
	VPBROADCASTD (4*i)(SI), Z29;        \
	VPBROADCASTD (4*i)(SI)(R11*1), Z31; \
	VPDPBUSD     Z29, x, a;             \
	VPDPBUSD     Z29, y, b;             \
	VPBROADCASTD (4*i)(SI)(R13*1), Z29; \
	VPDPBUSD     Z31, x, c;             \
	VPDPBUSD     Z31, y, d;             \
	VPBROADCASTD (4*i)(SI)(DX*1), Z31;  \
	VPDPBUSD     Z29, x, e;             \
	VPDPBUSD     Z29, y, f;             \
	VPDPBUSD     Z31, x, g;             \
	VPDPBUSD     Z31, y, h

// Products of an even and of an odd line.
#define DOTA1(i) DOT1(i, Z20, Z21, Z0, Z1)
#define DOTB1(i) DOT1(i, Z22, Z23, Z8, Z9)
#define DOTA2(i) DOT2(i, Z20, Z21, Z0, Z1, Z2, Z3)
#define DOTB2(i) DOT2(i, Z22, Z23, Z8, Z9, Z10, Z11)
#define DOTA4(i) DOT4(i, Z20, Z21, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7)
#define DOTB4(i) DOT4(i, Z22, Z23, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)

// DOT8 multiplies by 8 rows, of even and of odd lines.
#define DOT8(i, x, y) \
	DOT4(i, x, y, Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7); \
	VPBROADCASTD (4*i)(CX), Z29;                   \
	VPBROADCASTD (4*i)(CX)(R11*1), Z31;            \
	VPDPBUSD     Z29, x, Z8;                       \
	VPDPBUSD     Z29, y, Z9;                       \
	VPBROADCASTD (4*i)(CX)(R13*1), Z29;            \
	VPDPBUSD     Z31, x, Z10;                      \
	VPDPBUSD     Z31, y, Z11;                      \
	VPBROADCASTD (4*i)(CX)(DX*1), Z31;             \
	VPDPBUSD     Z29, x, Z12;                      \
	VPDPBUSD     Z29, y, Z13;                      \
	VPDPBUSD     Z31, x, Z14;                      \
	VPDPBUSD     Z31, y, Z15

#define ZERO(a, b, c, d) \
	VPXORD a, a, a; \
	VPXORD b, b, b; \
	VPXORD c, c, c; \
	VPXORD d, d, d

#define ZERO1 ZERO(Z0, Z1, Z8, Z9)
#define ZERO2 ZERO1; ZERO(Z2, Z3, Z10, Z11)
#define ZERO4 ZERO2; ZERO(Z4, Z5, Z12, Z13); ZERO(Z6, Z7, Z14, Z15)

// PAIRS adds up what two rows hold in each 128 bits: a0+a2, b0+b2, a1+a3, b1+b3.
#define PAIRS(a, b, t) \
	VPUNPCKLDQ b, a, t; \
	VPUNPCKHDQ b, a, a; \
	VPADDD     a, t, t

// GROUPEND moves on to the next multipliers; the last group of a pair leaves zero flags.
#define GROUPEND \
	ADDQ    $64, R12; \
	DECQ    R10;      \
	CMOVQEQ R8, R12

// NEXT moves K on by a group.
#define NEXT \
	ADDQ $512, BX; \
	ADDQ $512, R9

// LAST is NEXT at the end of a pair: behind the last one it goes to what can be read.
#define LAST \
	NEXT;                         \
	MOVQ    mult_base+72(FP), R8; \
	DECQ    32(SP);               \
	CMOVQEQ k_base+48(FP), BX;    \
	CMOVQEQ BX, R9

// SCALES loads those of the tokens of a pair into Z20 and Z21, whose codes nobody needs by
// then, and the addresses of a and b.
#define SCALES(x, y) \
	MOVQ      16(SP), AX;    \
	KMOVD     AX, K5;        \
	KSHIFTRD  $16, K5, K6;   \
	SHRQ      $32, AX;       \
	MOVQ      AX, 16(SP);    \
	MOVQ      24(SP), AX;    \
	VMOVUPS.Z (AX), K5, x;   \
	VMOVUPS.Z 64(AX), K6, y; \
	ADDQ      $128, 24(SP);  \
	MOVQ      56(SP), CX;    \
	MOVQ      64(SP), AX

// LOGIT makes those of row i, whose 128·Σq is at sum.
#define LOGIT(i, sum, lo, hi) \
	VPSUBD.BCST sum(SP), lo, lo;   \
	VPSUBD.BCST sum(SP), hi, hi;   \
	VCVTDQ2PS   lo, lo;            \
	VCVTDQ2PS   hi, hi;            \
	VMULPS.BCST (4*i)(CX), lo, lo; \
	VMULPS.BCST (4*i)(CX), hi, hi; \
	VMULPS      Z22, lo, lo;       \
	VMULPS      Z23, hi, hi;       \
	VADDPS.BCST (4*i)(AX), lo, lo; \
	VADDPS.BCST (4*i)(AX), hi, hi; \
	VMOVUPS     lo, (256*i)(DI);   \
	VMOVUPS     hi, (256*i + 64)(DI)

// LOGITS adds the sums of odd lines before.
#define LOGITS(i, lo, hi, lo2, hi2) \
	VPADDD lo2, lo, lo; \
	VPADDD hi2, hi, hi; \
	LOGIT(i, 4*i, lo, hi)

#define LOGITS0 LOGITS(0, Z0, Z1, Z8, Z9)
#define LOGITS1 LOGITS(1, Z2, Z3, Z10, Z11)
#define LOGITS2 LOGITS(2, Z4, Z5, Z12, Z13)
#define LOGITS3 LOGITS(3, Z6, Z7, Z14, Z15)

// PAIREND goes to the next pair.
#define PAIREND \
	ADDQ  $128, DI;        \
	MOVQ  40(SP), SI;      \
	MOVQ  d4+192(FP), R10; \
	SHRQ  $3, R10;         \
	CMPQ  32(SP), $0

// func qkScaleN4_vnni(y []float32, q []int8, k, mult []byte, book *ScaledBook, sk, a, b []float32, m, n, d4 int, next []byte)
TEXT ·qkScaleN4_vnni(SB), NOSPLIT, $96-224
	MOVQ mult_base+72(FP), R12
	MOVQ k_base+48(FP), BX
	MOVQ next_base+200(FP), R9
	VPBROADCASTD qkN4Const<>+4(SB), Z29
	SPREAD(Z24, Z25)
	MOVQ book+96(FP), AX
	VPXORD (AX), Z29, Z16
	VPXORD 64(AX), Z29, Z17
	VPXORD 128(AX), Z29, Z18
	VPXORD 192(AX), Z29, Z19
	EVEN(Z24, Z25)
	MASKS
	KNOTQ K2, K1
	LOOKEVEN(0, Z20, Z21)
	MOVQ q_base+24(FP), AX
	MOVQ y_base+0(FP), CX
	MOVQ AX, 40(SP)
	MOVQ CX, 48(SP)
	MOVQ a_base+128(FP), AX
	MOVQ b_base+152(FP), CX
	MOVQ AX, 56(SP)
	MOVQ CX, 64(SP)
	MOVQ m+176(FP), AX
	MOVQ AX, 72(SP)

	// lines of next beyond those the steps fetch: its header
	MOVQ n+184(FP), R8
	ADDQ $31, R8
	SHRQ $5, R8 // pairs
	MOVQ d4+192(FP), AX
	IMULQ R8, AX
	SHLQ $6, AX
	MOVQ next_len+208(FP), CX
	SUBQ AX, CX
	JLE  rows

head:
	PREFETCHT0 (R9)
	ADDQ $64, R9
	SUBQ $64, CX
	JGT  head

rows:
	MOVQ d4+192(FP), R10
	LEAQ (R10*4), AX
	XORL R11, R11
	XORL R13, R13
	XORL DX, DX
	CMPQ 72(SP), $2
	CMOVQGE AX, R11
	CMOVQGE AX, R13
	CMOVQGE AX, DX
	JLE  sums
	LEAQ (AX*2), R13
	LEAQ (AX*2), DX
	CMPQ 72(SP), $3
	JEQ  sums
	ADDQ AX, DX

sums: // 128·Σq; the first line of a row may be a partial one
	MOVQ 40(SP), SI
	XORL R8, R8
	VPBROADCASTD qkN4Const<>+4(SB), Z29

four:
	ZERO(Z0, Z1, Z2, Z3)
	LEAQ -1(R10), CX
	MOVQ CX, BX
	ANDL $15, CX
	MOVL $2, AX
	SHLL CX, AX
	DECL AX
	KMOVW AX, K5
	LEAQ 4(CX*4), AX // bytes of it
	SHRQ $4, BX

sum:
	VPDPBUSD (SI), Z29, K5, Z0
	VPDPBUSD (SI)(R11*1), Z29, K5, Z1
	VPDPBUSD (SI)(R13*1), Z29, K5, Z2
	VPDPBUSD (SI)(DX*1), Z29, K5, Z3
	ADDQ AX, SI
	MOVL $64, AX
	KXNORW K5, K5, K5
	DECQ BX
	JGE  sum
	PAIRS(Z0, Z1, Z22)
	PAIRS(Z2, Z3, Z23)
	VPUNPCKLQDQ Z23, Z22, Z31
	VPUNPCKHQDQ Z23, Z22, Z22
	VPADDD Z22, Z31, Z31
	VSHUFI64X2 $0x4E, Z31, Z31, Z22
	VPADDD Z22, Z31, Z31
	VSHUFI64X2 $0xB1, Z31, Z31, Z22
	VPADDD Z22, Z31, Z31
	TESTL R8, R8
	JNZ  summed
	VMOVDQU32 X31, 0(SP)
	CMPQ 72(SP), $8
	JLT  begin
	INCL R8 // the next four rows
	MOVQ R10, SI
	SHLQ $4, SI
	ADDQ 40(SP), SI
	JMP  four

summed:
	VMOVDQU32 X31, 80(SP)

begin:

	MOVQ 48(SP), DI
	MOVQ 40(SP), SI
	MOVQ k_base+48(FP), BX
	MOVQ mult_base+72(FP), R12
	MOVQ sk_base+104(FP), AX
	MOVQ AX, 24(SP)
	MOVQ n+184(FP), CX
	LEAQ 31(CX), AX
	SHRQ $5, AX
	MOVQ AX, 32(SP)
	MOVQ R12, R8
	LEAQ 32(R12), AX
	CMPQ CX, $32
	CMOVQGT AX, R8
	MOVQ $-1, AX
	NEGQ CX
	SHRQ CX, AX // by 64 − n
	MOVQ AX, 16(SP)
	TESTQ $7, R10
	JNZ  slow
	SHRQ $3, R10
	CMPQ 72(SP), $2
	JLT  pair1
	JEQ  pair2
	CMPQ 72(SP), $8
	JGE  pair8

pair4:
	ZERO4
	PCALIGN $64

group4:
	LOOKEVEN(64, Z22, Z23)
	ODDMASKS
	DOTA4(0)
	LOOKEVEN(128, Z20, Z21)
	DOTB4(1)
	LOOKEVEN(192, Z22, Z23)
	KNOTQ K7, K1
	DOTA4(2)
	GROUPEND
	LOOKODD(256, Z20, Z21)
	SPREAD(Z28, Z30)
	DOTB4(3)
	LOOKODD(320, Z22, Z23)
	EVEN(Z28, Z30)
	DOTA4(4)
	LOOKODD(384, Z20, Z21)
	MASKS
	DOTB4(5)
	LOOKODD(448, Z22, Z23)
	VMOVDQA64 Z28, Z24
	VMOVDQA64 Z30, Z25
	KNOTQ K2, K1
	DOTA4(6)
	JZ   last4
	NEXT
	LOOKEVEN(0, Z20, Z21)
	DOTB4(7)
	ADDQ $32, SI
	JMP  group4

last4:
	LAST
	LOOKEVEN(0, Z20, Z21)
	DOTB4(7)
	SCALES(Z22, Z23)
	LOGITS0
	LOGITS1
	LOGITS2
	CMPQ 72(SP), $3
	JEQ  three
	LOGITS3

three:
	PAIREND
	JNE  pair4

next: // rows
	MOVQ d4+192(FP), AX
	SHLQ $4, AX
	ADDQ AX, 40(SP)
	ADDQ $1024, 48(SP)
	ADDQ $16, 56(SP)
	ADDQ $16, 64(SP)
	MOVQ k_base+48(FP), R9
	SUBQ $4, 72(SP)
	JG   rows
	VZEROUPPER
	RET

pair2:
	ZERO2
	PCALIGN $64

group2:
	LOOKEVEN(64, Z22, Z23)
	ODDMASKS
	DOTA2(0)
	LOOKEVEN(128, Z20, Z21)
	DOTB2(1)
	LOOKEVEN(192, Z22, Z23)
	KNOTQ K7, K1
	DOTA2(2)
	GROUPEND
	LOOKODD(256, Z20, Z21)
	SPREAD(Z28, Z30)
	DOTB2(3)
	LOOKODD(320, Z22, Z23)
	EVEN(Z28, Z30)
	DOTA2(4)
	LOOKODD(384, Z20, Z21)
	MASKS
	DOTB2(5)
	LOOKODD(448, Z22, Z23)
	VMOVDQA64 Z28, Z24
	VMOVDQA64 Z30, Z25
	KNOTQ K2, K1
	DOTA2(6)
	JZ   last2
	NEXT
	LOOKEVEN(0, Z20, Z21)
	DOTB2(7)
	ADDQ $32, SI
	JMP  group2

last2:
	LAST
	LOOKEVEN(0, Z20, Z21)
	DOTB2(7)
	SCALES(Z22, Z23)
	LOGITS0
	LOGITS1
	PAIREND
	JNE  pair2
	VZEROUPPER
	RET

pair1:
	ZERO1
	PCALIGN $64

group1:
	LOOKEVEN(64, Z22, Z23)
	ODDMASKS
	DOTA1(0)
	LOOKEVEN(128, Z20, Z21)
	DOTB1(1)
	LOOKEVEN(192, Z22, Z23)
	KNOTQ K7, K1
	DOTA1(2)
	GROUPEND
	LOOKODD(256, Z20, Z21)
	SPREAD(Z28, Z30)
	DOTB1(3)
	LOOKODD(320, Z22, Z23)
	EVEN(Z28, Z30)
	DOTA1(4)
	LOOKODD(384, Z20, Z21)
	MASKS
	DOTB1(5)
	LOOKODD(448, Z22, Z23)
	VMOVDQA64 Z28, Z24
	VMOVDQA64 Z30, Z25
	KNOTQ K2, K1
	DOTA1(6)
	JZ   last1
	NEXT
	LOOKEVEN(0, Z20, Z21)
	DOTB1(7)
	ADDQ $32, SI
	JMP  group1

last1:
	LAST
	LOOKEVEN(0, Z20, Z21)
	DOTB1(7)
	SCALES(Z22, Z23)
	LOGITS0
	PAIREND
	JNE  pair1
	VZEROUPPER
	RET

pair8: // eight rows
	ZERO4
	MOVQ d4+192(FP), CX
	SHLQ $4, CX
	ADDQ SI, CX
	PCALIGN $64

group8:
	LOOKEVEN(64, Z22, Z23)
	ODDMASKS
	DOT8(0, Z20, Z21)
	LOOKEVEN(128, Z20, Z21)
	DOT8(1, Z22, Z23)
	LOOKEVEN(192, Z22, Z23)
	KNOTQ K7, K1
	DOT8(2, Z20, Z21)
	GROUPEND
	LOOKODD(256, Z20, Z21)
	SPREAD(Z28, Z30)
	DOT8(3, Z22, Z23)
	LOOKODD(320, Z22, Z23)
	EVEN(Z28, Z30)
	DOT8(4, Z20, Z21)
	LOOKODD(384, Z20, Z21)
	MASKS
	DOT8(5, Z22, Z23)
	LOOKODD(448, Z22, Z23)
	VMOVDQA64 Z28, Z24
	VMOVDQA64 Z30, Z25
	KNOTQ K2, K1
	DOT8(6, Z20, Z21)
	JZ   last8
	NEXT
	LOOKEVEN(0, Z20, Z21)
	DOT8(7, Z22, Z23)
	ADDQ $32, SI
	ADDQ $32, CX
	JMP  group8

last8:
	LAST
	LOOKEVEN(0, Z20, Z21)
	DOT8(7, Z22, Z23)
	SCALES(Z22, Z23)
	LOGIT(0, 0, Z0, Z1)
	LOGIT(1, 4, Z2, Z3)
	LOGIT(2, 8, Z4, Z5)
	LOGIT(3, 12, Z6, Z7)
	LOGIT(4, 80, Z8, Z9)
	LOGIT(5, 84, Z10, Z11)
	LOGIT(6, 88, Z12, Z13)
	LOGIT(7, 92, Z14, Z15)
	PAIREND
	JNE  pair8
	MOVQ d4+192(FP), AX
	SHLQ $4, AX
	ADDQ AX, 40(SP)
	ADDQ $1024, 48(SP)
	ADDQ $16, 56(SP)
	ADDQ $16, 64(SP)
	SUBQ $4, 72(SP)
	JMP  next

slow: // pairs of four rows, of which those that are there are stored
	ZERO4
	MOVQ d4+192(FP), R10 // lines left

block:
	SPREAD(Z24, Z25)
	EVEN(Z24, Z25)
	MASKS
	KNOTQ K2, K1
	ODDMASKS
	MOVQ $4, CX
	CMPQ R10, CX
	CMOVQLT R10, CX
	SUBQ CX, R10

even:
	LOOKEVEN(0, Z20, Z21)
	DOTA4(0)
	ADDQ $64, BX
	ADDQ $64, R9
	ADDQ $4, SI
	DECQ CX
	JNZ  even
	KNOTQ K7, K1
	TESTQ R10, R10
	JZ   logits
	MOVQ $4, CX
	CMPQ R10, CX
	CMOVQLT R10, CX
	SUBQ CX, R10

odd:
	LOOKODD(0, Z22, Z23)
	DOTB4(0)
	ADDQ $64, BX
	ADDQ $64, R9
	ADDQ $4, SI
	DECQ CX
	JNZ  odd
	ADDQ $64, R12
	TESTQ R10, R10
	JNZ  block

logits:
	SCALES(Z22, Z23)
	LOGITS0
	CMPQ 72(SP), $2
	JLT  stored
	LOGITS1
	JEQ  stored
	LOGITS2
	CMPQ 72(SP), $3
	JEQ  stored
	LOGITS3

stored:
	ADDQ $128, DI
	MOVQ 40(SP), SI
	MOVQ R8, R12
	DECQ 32(SP)
	JNE  slow
	JMP  next
