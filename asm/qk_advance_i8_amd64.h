// qk_advance_i8_amd64.h: softmax of a tile and the states past it, among the dot products of
// the next tile's int8 keys.
//
// Obstacle:  the softmax of four rows is a chain of some 250 cycles with work for half of
//            them, and the dot products next to it have no chains but those of their sums.
//            Schedulers of vector operations hold too few to find one behind the
//            other, so they take turns here: sixteen times a few steps of the dot product and
//            a piece of the softmax.
// Shape:     four rows, 64 tokens. A step of 4 channels loads a line of K per 16 tokens and
//            spreads 4 codes of q per row. Pieces of the softmax: maxima; 128·Σq of the queries
//            (see qk_scale_i8_vnni_amd64.s); 32 weights each; denominators
//            and largest products; codes of two rows; states. What they leave is in the frame.
// Exactness: the operations and their order are those of the twins. Rows with a NaN, or
//            products too small for the plain division, go one by one, then the dot product
//            starts again alone.
// Prefetch:  a line of next per line of K, in the order of its addresses.
// Registers: Z0–Z15 sums, four of a row · Z24–Z27 K · Z28 q · Z16, Z23 constants of the weights
//            Z17–Z22 weights · Z29 sum, Z30 largest product, Z31 −M of a row
//            BX k · SI q · DX q of the fourth row · R11 q stride · R9 fetched line · R12 distance
//            to group 1 · R13 to group 3 · R8 steps of a turn · CX those left · DI y · R10 sv
//            AX temporary

// In the frame besides.
#define SUMQ   0(SP)
#define SUML   128(SP)

// STRIDES sets the distances for 4·d4 channels.
#define STRIDES(d4) \
	MOVQ d4, R12;       \
	LEAQ (R12*4), R11;  \
	MOVQ R12, R8;       \
	SHRQ $4, R8;        \
	SHLQ $6, R12;       \
	LEAQ (R12)(R12*2), R13

// FETCHED sets R9 to next, and fetches what it has beyond the lines of the steps, its header.
#define FETCHED(next, len, line, none) \
	MOVQ next, R9;   \
	MOVQ len, AX;    \
	LEAQ (R12*4), CX; \
	SUBQ CX, AX;     \
	JLE  none;       \
line:                \
	PREFETCHT0 (R9); \
	ADDQ $64, R9;    \
	SUBQ $64, AX;    \
	JGT  line

// TURN is a step of the dot product.
#define DOTS(q, a, b, c, d) \
	VPBROADCASTD q, Z28;    \
	VPDPBUSD Z28, Z24, a;   \
	VPDPBUSD Z28, Z25, b;   \
	VPDPBUSD Z28, Z26, c;   \
	VPDPBUSD Z28, Z27, d
#define TURN \
	VMOVDQU32  (BX), Z24;                \
	VMOVDQU32  (BX)(R12*1), Z25;         \
	VMOVDQU32  (BX)(R12*2), Z26;         \
	VMOVDQU32  (BX)(R13*1), Z27;         \
	PREFETCHT0 (R9);                     \
	PREFETCHT0 64(R9);                   \
	PREFETCHT0 128(R9);                  \
	PREFETCHT0 192(R9);                  \
	DOTS((SI), Z0, Z1, Z2, Z3);          \
	DOTS((SI)(R11*1), Z4, Z5, Z6, Z7);   \
	DOTS((SI)(R11*2), Z8, Z9, Z10, Z11); \
	DOTS((DX), Z12, Z13, Z14, Z15);      \
	ADDQ $64, BX;                        \
	ADDQ $256, R9;                       \
	ADDQ $4, SI;                         \
	ADDQ $4, DX;                         \
	DECL CX

// START goes to the start of K and q and clears the sums.
#define START(k, q) \
	MOVQ k, BX;              \
	MOVQ q, SI;              \
	LEAQ (SI)(R11*2), DX;    \
	ADDQ R11, DX;            \
	VPXORD Z0, Z0, Z0;       \
	VPXORD Z1, Z1, Z1;       \
	VPXORD Z2, Z2, Z2;       \
	VPXORD Z3, Z3, Z3;       \
	VPXORD Z4, Z4, Z4;       \
	VPXORD Z5, Z5, Z5;       \
	VPXORD Z6, Z6, Z6;       \
	VPXORD Z7, Z7, Z7;       \
	VPXORD Z8, Z8, Z8;       \
	VPXORD Z9, Z9, Z9;       \
	VPXORD Z10, Z10, Z10;    \
	VPXORD Z11, Z11, Z11;    \
	VPXORD Z12, Z12, Z12;    \
	VPXORD Z13, Z13, Z13;    \
	VPXORD Z14, Z14, Z14;    \
	VPXORD Z15, Z15, Z15

// PEAKS01 and PEAKS23 find the maxima of pairs of rows in Z17 and Z19, PEAKS those of all in
// the columns of Z17; PEAKED notes them and what is subtracted from the rows.
#define PEAKS01 \
	MAXROW(0, Z17, Z21);   \
	MAXROW(256, Z18, Z22)
#define PEAKS23 \
	MAXROW(512, Z19, Z29); \
	MAXROW(768, Z20, Z30); \
	MIX(VMAXPS, Z17, Z18, Z21); \
	MIX(VMAXPS, Z19, Z20, Z22)
#define PEAKS MIXES(VMAXPS, Z17, Z19, Z21, Z22, Z29)
#define PEAKED \
	VMOVUPS X17, MAXIMA;   \
	VMAXPS.BCST ·softmaxConst+128(SB), Z17, Z17; \
	VPXORD.BCST ·softmaxConst+132(SB), Z17, Z17; \
	VMOVUPS X17, ORIGIN4

// SUMSQ notes 128·Σq of the rows.
#define SUMSQ(q, sum) \
	MOVL $0x80808080, AX;     \
	VPBROADCASTD AX, Z29;     \
	VPXORD Z17, Z17, Z17;     \
	VPXORD Z18, Z18, Z18;     \
	VPXORD Z19, Z19, Z19;     \
	VPXORD Z20, Z20, Z20;     \
	MOVQ q, AX;               \
sum:                          \
	VPDPBUSD (AX), Z29, Z17;  \
	VPDPBUSD (AX)(R11*2), Z29, Z19; \
	ADDQ R11, AX;             \
	VPDPBUSD (AX), Z29, Z18;  \
	VPDPBUSD (AX)(R11*2), Z29, Z20; \
	SUBQ R11, AX;             \
	ADDQ $64, AX;             \
	DECL CX;                  \
	JNE  sum;                 \
	MOVL R8, CX;              \
	VPUNPCKLDQ Z18, Z17, Z21; \
	VPUNPCKHDQ Z18, Z17, Z17; \
	VPUNPCKLDQ Z20, Z19, Z22; \
	VPUNPCKHDQ Z20, Z19, Z19; \
	VPADDD Z17, Z21, Z21;     \
	VPADDD Z19, Z22, Z22;     \
	VPUNPCKLQDQ Z22, Z21, Z30; \
	VPUNPCKHQDQ Z22, Z21, Z21; \
	VPADDD Z21, Z30, Z30;     \
	VSHUFI64X2 $0x4E, Z30, Z30, Z21; \
	VPADDD Z21, Z30, Z30;     \
	VSHUFI64X2 $0xB1, Z30, Z30, Z21; \
	VPADDD Z21, Z30, Z30;     \
	VMOVDQU32 X30, SUMQ

// EXPCONSTS loads the constants of WEIGHTS: Z16 1.5·2²⁰, Z23 2^(i/8). WEIGHTS turns 32 logits at
// o(DI) into weights, as EXP2S does.
#define EXPCONSTS \
	VBROADCASTSS ·softmaxConst+0(SB), Z16; \
	VBROADCASTF32X8 ·softmaxConst+64(SB), Z23
#define WEIGHTS(o, JOINED) \
	VADDPS (o)(DI), Z31, Z17;             \
	VADDPS (o+64)(DI), Z31, Z20;          \
	VPMINUD.BCST ·softmaxConst+16(SB), Z17, Z17; \
	VPMINUD.BCST ·softmaxConst+16(SB), Z20, Z20; \
	VADDPS.RD_SAE Z16, Z17, Z18;          \
	VADDPS.RD_SAE Z16, Z20, Z21;          \
	VSUBPS Z16, Z18, Z19;                 \
	VSUBPS Z16, Z21, Z22;                 \
	VSUBPS Z19, Z17, Z17;                 \
	VSUBPS Z22, Z20, Z20;                 \
	VMULPS.BCST ·softmaxConst+4(SB), Z17, Z19;   \
	VMULPS.BCST ·softmaxConst+4(SB), Z20, Z22;   \
	VADDPS.BCST ·softmaxConst+8(SB), Z19, Z19;   \
	VADDPS.BCST ·softmaxConst+8(SB), Z22, Z22;   \
	VMULPS Z17, Z19, Z19;                 \
	VMULPS Z20, Z22, Z22;                 \
	VADDPS.BCST ·softmaxConst+12(SB), Z19, Z19;  \
	VADDPS.BCST ·softmaxConst+12(SB), Z22, Z22;  \
	VMULPS Z17, Z19, Z19;                 \
	VMULPS Z20, Z22, Z22;                 \
	VPERMPS Z23, Z18, Z18;                \
	VPERMPS Z23, Z21, Z21;                \
	VMULPS Z18, Z19, Z19;                 \
	VMULPS Z21, Z22, Z22;                 \
	VADDPS Z18, Z19, Z19;                 \
	VADDPS Z21, Z22, Z22;                 \
	VADDPS (o)(DI), Z31, Z17;             \
	VADDPS (o+64)(DI), Z31, Z20;          \
	VSCALEFPS Z17, Z19, Z17;              \
	VSCALEFPS Z20, Z22, Z20;              \
	VMOVUPS Z17, (o)(DI);                 \
	VMOVUPS Z20, (o+64)(DI);              \
	JOINED
// FIRST2 begins the sums and largest products of a row with 32 weights, MORE2 goes on with it.
#define FIRST2 \
	VADDPS Z20, Z17, Z29;         \
	VMULPS (R10), Z17, Z17;       \
	VMULPS 64(R10), Z20, Z20;     \
	VPMAXSD Z20, Z17, Z30
#define MORE2 \
	VADDPS Z17, Z29, Z29;         \
	VADDPS Z20, Z29, Z29;         \
	VMULPS 128(R10), Z17, Z17;    \
	VMULPS 192(R10), Z20, Z20;    \
	VPMAXSD Z17, Z30, Z30;        \
	VPMAXSD Z20, Z30, Z30

// KEEP2 joins a row to the one before, in SUM0 and TOP0.
#define KEEP2(t, u, s, top) \
	VMOVUPS SUM0, s;                \
	VMOVUPS TOP0, top;              \
	VSHUFF32X4 $0x44, Z29, s, t;    \
	VSHUFF32X4 $0xEE, Z29, s, u;    \
	VADDPS u, t, s;                 \
	MIX(VPMAXSD, top, Z30, t)

#define KEEP1 \
	VMOVUPS Z29, SUM0; \
	VMOVUPS Z30, TOP0
#define KEEP01 \
	KEEP2(Z17, Z18, Z19, Z20); \
	VMOVUPS Z19, SUM1; \
	VMOVUPS Z20, TOP1

// UNITES finds L and U of all rows, divides by them and stores Stat. It jumps to rare as IFRARE
// does.
#define UNITES(top, r, rare) \
	KEEP2(Z17, Z18, Z19, Z20);      \
	VMOVUPS SUM1, Z29;              \
	VMOVUPS TOP1, Z30;              \
	MIXES(VPMAXSD, Z30, Z20, Z17, Z18, Z31); \
	VSHUFF32X4 $0x88, Z19, Z29, Z21; \
	VSHUFF32X4 $0xDD, Z19, Z29, Z22; \
	VADDPS Z22, Z21, Z29;           \
	VPERMILPS $0x4E, Z29, Z21;      \
	VADDPS Z21, Z29, Z29;           \
	VPERMILPS $0xB1, Z29, Z21;      \
	VADDPS Z21, Z29, Z29;           \
	VBROADCASTSS top, Z17;          \
	VDIVPS Z30, Z17, Z18;           \
	VDIVPS Z17, Z30, Z19;           \
	VMOVUPS X18, TOPU;              \
	VMOVUPS X19, BETAS;             \
	VMOVUPS Z29, SUML;              \
	MOVQ r, AX;                     \
	MOVQ 72(AX), AX;                \
	VBROADCASTF32X4 MAXIMA, Z20;    \
	VMOVDQU32 ·softmaxConst+192(SB), Z21; \
	VMOVDQU32 ·softmaxConst+256(SB), Z22; \
	VPERMI2PS Z19, Z20, Z21;        \
	VPERMT2PS Z29, Z22, Z21;        \
	VMOVUPS Y21, (AX);              \
	VEXTRACTF32X4 $2, Z21, 32(AX);  \
	VCMPPS $3, Z29, Z29, K6;        \
	VCMPPS.BCST $9, ·softmaxConst+28(SB), Z30, K7; \
	KORTESTW K7, K6;                \
	JNE  rare

// CODED stores the codes of row i, whose weights are at o(DI), at AX: LOADROW loads them, CODES4 makes
// the codes.
#define LOADROW(o) \
	VMOVUPS (o)(DI), Z17;     \
	VMOVUPS (o+64)(DI), Z18;  \
	VMOVUPS (o+128)(DI), Z19; \
	VMOVUPS (o+192)(DI), Z20
#define CODES4(i) \
	VBROADCASTSS (4*i+32)(SP), Z31;     \
	VMULPS (R10), Z17, Z17;             \
	VMULPS 64(R10), Z18, Z18;           \
	VMULPS 128(R10), Z19, Z19;          \
	VMULPS 192(R10), Z20, Z20;          \
	VMULPS Z31, Z17, Z17;               \
	VMULPS Z31, Z18, Z18;               \
	VMULPS Z31, Z19, Z19;               \
	VMULPS Z31, Z20, Z20;               \
	VADDPS.BCST ·softmaxConst+24(SB), Z17, Z17; \
	VADDPS.BCST ·softmaxConst+24(SB), Z18, Z18; \
	VADDPS.BCST ·softmaxConst+24(SB), Z19, Z19; \
	VADDPS.BCST ·softmaxConst+24(SB), Z20, Z20; \
	VCVTTPS2DQ Z17, Z17;                \
	VCVTTPS2DQ Z18, Z18;                \
	VCVTTPS2DQ Z19, Z19;                \
	VCVTTPS2DQ Z20, Z20;                \
	VPACKUSDW Z18, Z17, Z17;            \
	VPACKUSDW Z20, Z19, Z19;            \
	VPACKUSWB Z19, Z17, Z17;            \
	VMOVDQU32 ·softmaxConst+320(SB), Z18; \
	VPERMD Z17, Z18, Z17;               \
	VMOVDQU32 Z17, (64*i)(AX)
#define CODED(i, o) \
	LOADROW(o); \
	CODES4(i)

// EXP2BYC is EXP2BY with constants at their symbol.
#define EXP2BYC(round, table, x, t, r, p) \
	VPMINUD.BCST ·softmaxConst+16(SB), x, r; \
	VADDPS.RD_SAE round, r, t;               \
	VSUBPS round, t, p;                      \
	VSUBPS p, r, r;                          \
	VMULPS.BCST ·softmaxConst+4(SB), r, p;   \
	VADDPS.BCST ·softmaxConst+8(SB), p, p;   \
	VMULPS r, p, p;                          \
	VADDPS.BCST ·softmaxConst+12(SB), p, p;  \
	VMULPS r, p, p;                          \
	VPERMPS table, t, t;                     \
	VMULPS t, p, p;                          \
	VADDPS t, p, p;                          \
	VSCALEFPS x, p, x

// FACTORED computes what STATES stores: the states in X16 to X18 and X31, 2^x in X19 and X20.
// Z23 is 2^(i/8).
#define FACTORED(r) \
	MOVQ r, AX;                    \
	MOVQ 0(AX), AX;                \
	VMOVUPS (AX), X16;             \
	VMOVUPS MAXIMA, X31;           \
	VMAXPS X16, X31, X18;          \
	VSUBPS X18, X16, X19;          \
	VSUBPS X18, X31, X20;          \
	VINSERTF32X4 $1, X20, Z19, Z19; \
	VBROADCASTSS ·softmaxConst+0(SB), Z29; \
	EXP2BYC(Z29, Z23, Z19, Z20, Z21, Z22); \
	VEXTRACTF32X4 $1, Z19, X20
#define STATES(r, poisoned) \
	MOVQ r, AX;                    \
	VCMPPS.BCST $0x1e, ·softmaxConst+20(SB), X31, K6; \
	VCMPPS $7, X16, X16, K6, K6;   \
	VMOVDQU32 ·softmaxConst+448(SB), X21; \
	VPERMPS SUML, Z21, Z21;        \
	VMULPS.Z X21, X20, K6, X21;    \
	VMULPS.Z BETAS, X20, K6, X22;  \
	MOVQ 24(AX), AX;               \
	VMOVUPS (AX), X17;             \
	VMULPS X17, X19, X30;          \
	VADDPS X21, X30, K6, X17;      \
	VMOVAPS X18, K6, X16;          \
	VBROADCASTSS ·softmaxConst+140(SB), X18; \
	VMOVAPS X19, K6, X18;          \
	VCMPPS $3, X31, X31, K6;       \
	VMOVAPS X31, K6, X16;          \
	VMOVAPS X31, K6, X17;          \
	VMOVUPS X17, (AX);             \
	KMOVW K6, AX;                  \
	TESTL AX, AX;                  \
	SETNE poisoned;                \
	MOVQ r, AX;                    \
	MOVQ 0(AX), AX;                \
	VMOVUPS X16, (AX);             \
	MOVQ r, AX;                    \
	MOVQ 96(AX), AX;               \
	VMOVDQU32 ·softmaxConst+192(SB), Z20; \
	VPERMI2PS Z21, Z18, Z20;       \
	VMOVDQU32 ·softmaxConst+384(SB), Z30; \
	VPERMT2PS Z22, Z30, Z20;       \
	VMOVUPS Y20, (AX);             \
	VEXTRACTF32X4 $2, Z20, 32(AX)

// LOGIT turns the sums of row i into logits.
#define LOGIT(i, sk, o, x) \
	VPSUBD.BCST (4*i)(SP), x, x;    \
	VCVTDQ2PS   x, x;               \
	VMULPS.BCST (4*i)(CX), x, x;    \
	VMULPS      sk, x, x;           \
	VADDPS.BCST (4*i)(BX), x, x;    \
	VMOVUPS     x, (256*i+o)(DI)
#define LOGITS4(i, a, b, c, d) \
	LOGIT(i, Z24, 0, a);   \
	LOGIT(i, Z25, 64, b);  \
	LOGIT(i, Z26, 128, c); \
	LOGIT(i, Z27, 192, d)
#define LOGITS(a, b, sk) \
	MOVQ a, CX;          \
	MOVQ b, BX;          \
	MOVQ sk, DX;         \
	VMOVUPS (DX), Z24;   \
	VMOVUPS 64(DX), Z25; \
	VMOVUPS 128(DX), Z26; \
	VMOVUPS 192(DX), Z27; \
	LOGITS4(0, Z0, Z1, Z2, Z3);   \
	LOGITS4(1, Z4, Z5, Z6, Z7);   \
	LOGITS4(2, Z8, Z9, Z10, Z11); \
	LOGITS4(3, Z12, Z13, Z14, Z15)

// ONEBYONE finishes rows that are rare, one by one. It ends the dot product.
#define ONEBYONE(r, p, top, poisoned, again) \
	LEAQ ·softmaxConst(SB), BX; \
	MOVQ DI, R9;            \
	MOVL $4, R11;           \
	MOVQ r, AX;             \
	MOVQ 72(AX), R12;       \
	MOVQ p, SI;             \
	XORL R13, R13;          \
	KXNORQ K1, K1, K1;      \
	KXNORQ K2, K2, K2;      \
	KXNORQ K3, K3, K3;      \
	KXNORQ K4, K4, K4;      \
	MOVL $7, AX;            \
	KMOVW AX, K7;           \
again:                      \
	AGAIN;                  \
	VBROADCASTSS top, Z24;  \
	RARE;                   \
	STATS(Z22);             \
	VMOVAPS Z22, Z31;       \
	CODES(0, Z0, Z1, Z2, Z3); \
	PACK(Z0, Z1, Z2, Z3);   \
	VMOVDQU32 Z0, (SI);     \
	ADVANCE(r, poisoned);   \
	ADDQ $4, R13;           \
	ADDQ $64, SI;           \
	ADDQ $12, R12;          \
	ADDQ $256, R9;          \
	DECL R11;               \
	JNE  again

// SOLO starts the dot product again, without fetching.
#define SOLO(k, q, d4) \
	STRIDES(d4);            \
	MOVQ R8, CX;            \
	SHLQ $4, CX;            \
	MOVQ k, R9;             \
	START(k, q)
