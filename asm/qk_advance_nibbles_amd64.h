// The softmax of a tile of four rows and the states past it in steps of some ten instructions,
// which kernels set among the dot products of the next tile. Those leave nine registers, so
// constants come from memory, and what a step leaves for later ones is in the frame. POISONED is the
// result of the kernel.
//
// What waits long fills the schedulers and keeps dot products out: weights are made step by
// step, two by two, and the factors of the states, which need the maxima alone, first of all. Multiplications
// share the two ports of dot products, additions have two of their own.
//
// Registers: Z26 r, Z27 t, Z28 p of an exponential, R1, T1, P1 of another one · Z29 sum, Z30
//            largest product of a row · Z31 1.5·2²⁰ · K6 K7 · DI y · R10 value scales · AX temporary

// In the frame besides: factors of the states, as one, and sums.
#define ALPHAS   80(SP)
#define SHARES   96(SP)
#define SUML     SUM0

// Twice 2^(i/8).
#define TABLE ·softmaxConst+512(SB)

#define NOTHING

// SCALES widens the value scales into W.
#define SCALES \
	MOVQ      r+0(FP), R10;       \
	MOVQ      48(R10), R10;       \
	MOVQ      sv_base+56(FP), AX; \
	VCVTPH2PS (AX), Z26;          \
	VCVTPH2PS 32(AX), Z27;        \
	VCVTPH2PS 64(AX), Z28;        \
	VCVTPH2PS 96(AX), Z29;        \
	VMOVUPS   Z26, (R10);         \
	VMOVUPS   Z27, 64(R10);       \
	VMOVUPS   Z28, 128(R10);      \
	VMOVUPS   Z29, 192(R10)

// PEAK1 to PEAK6 find the maxima of rows and what is subtracted from them.
#define PEAK1 MAXROW(0, Z26, Z27)
#define PEAK2 MAXROW(256, Z28, Z27); MIX(VMAXPS, Z26, Z28, Z27)
#define PEAK3 MAXROW(512, Z28, Z29)
#define PEAK4 MAXROW(768, Z27, Z29); MIX(VMAXPS, Z28, Z27, Z29)
#define PEAK5 MIXES(VMAXPS, Z26, Z28, Z27, Z29, Z30)
#define PEAK6 \
	VMOVUPS      X26, MAXIMA;                      \
	VMAXPS.BCST  ·softmaxConst+128(SB), Z26, Z26; \
	VPXORD.BCST  ·softmaxConst+132(SB), Z26, Z26; \
	VMOVUPS      X26, ORIGIN4;                     \
	VBROADCASTSS ·softmaxConst+0(SB), Z31

// EXP21 and EXP22 are EXP2 of x, with p in Z28, r in Z26 and t in Z27, up to the scaling.
#define EXP21(x) \
	VPMINUD.BCST  ·softmaxConst+16(SB), x, Z26;   \
	VADDPS.RD_SAE Z31, Z26, Z27;                  \
	VSUBPS        Z31, Z27, Z28;                  \
	VSUBPS        Z28, Z26, Z26;                  \
	VMULPS.BCST   ·softmaxConst+4(SB), Z26, Z28;  \
	VADDPS.BCST   ·softmaxConst+8(SB), Z28, Z28
#define EXP22 \
	VMULPS      Z26, Z28, Z28;                  \
	VADDPS.BCST ·softmaxConst+12(SB), Z28, Z28; \
	VMULPS      Z26, Z28, Z28;                  \
	VPERMPS     TABLE, Z27, Z27;                \
	VMULPS      Z27, Z28, Z28;                  \
	VADDPS      Z27, Z28, Z28

// GROW1 and GROW2 make the factors of the states.
#define GROW1 \
	MOVQ         r+0(FP), AX;        \
	MOVQ         0(AX), AX;          \
	VMOVUPS      (AX), X29;          \
	VMOVUPS      MAXIMA, X30;        \
	VMAXPS       X29, X30, X28;      \
	VSUBPS       X28, X29, X29;      \
	VSUBPS       X28, X30, X30;      \
	VINSERTF32X4 $1, X30, Z29, Z29;  \
	EXP21(Z29)
#define GROW2 \
	EXP22;                   \
	VSCALEFPS Z29, Z28, Z28; \
	VMOVUPS   Y28, ALPHAS

// WEIGHT1 to WEIGHT4 turn 32 logits of row i at o(DI) into weights, step by step two by two:
// operations that wait for one another fill the schedulers. FIRST begins the sum and the
// largest product of the row, MORE goes on with them.
#define WEIGHT1(i, o) \
	VMOVUPS       (o)(DI), Z26;                   \
	VMOVUPS       (o+64)(DI), R1;                 \
	VADDPS.BCST   (4*i+16)(SP), Z26, Z26;         \
	VADDPS.BCST   (4*i+16)(SP), R1, R1;           \
	VPMINUD.BCST  ·softmaxConst+16(SB), Z26, Z26; \
	VPMINUD.BCST  ·softmaxConst+16(SB), R1, R1;   \
	VADDPS.RD_SAE Z31, Z26, Z27;                  \
	VADDPS.RD_SAE Z31, R1, T1;                    \
	VSUBPS        Z31, Z27, Z28;                  \
	VSUBPS        Z31, T1, P1
#define WEIGHT2 \
	VSUBPS      Z28, Z26, Z26;                  \
	VSUBPS      P1, R1, R1;                     \
	VMULPS.BCST ·softmaxConst+4(SB), Z26, Z28;  \
	VMULPS.BCST ·softmaxConst+4(SB), R1, P1;    \
	VADDPS.BCST ·softmaxConst+8(SB), Z28, Z28;  \
	VADDPS.BCST ·softmaxConst+8(SB), P1, P1;    \
	VMULPS      Z26, Z28, Z28;                  \
	VMULPS      R1, P1, P1;                     \
	VADDPS.BCST ·softmaxConst+12(SB), Z28, Z28; \
	VADDPS.BCST ·softmaxConst+12(SB), P1, P1
#define WEIGHT3 \
	VPERMPS TABLE, Z27, Z27; \
	VPERMPS TABLE, T1, T1;   \
	VMULPS  Z26, Z28, Z28;   \
	VMULPS  R1, P1, P1;      \
	VMULPS  Z27, Z28, Z28;   \
	VMULPS  T1, P1, P1;      \
	VADDPS  Z27, Z28, Z28;   \
	VADDPS  T1, P1, P1
#define WEIGHT4(i, o) \
	VMOVUPS     (o)(DI), Z26;             \
	VMOVUPS     (o+64)(DI), R1;           \
	VADDPS.BCST (4*i+16)(SP), Z26, Z26;   \
	VADDPS.BCST (4*i+16)(SP), R1, R1;     \
	VSCALEFPS   Z26, Z28, Z28;            \
	VSCALEFPS   R1, P1, P1;               \
	VMOVUPS     Z28, (o)(DI);             \
	VMOVUPS     P1, (o+64)(DI)
#define FIRST(i) \
	WEIGHT4(i, 256*i);        \
	VADDPS  P1, Z28, Z29;     \
	VMULPS  (R10), Z28, Z28;  \
	VMULPS  64(R10), P1, P1;  \
	VPMAXSD P1, Z28, Z30
#define MORE(i) \
	WEIGHT4(i, (256*i+128));  \
	VADDPS  Z28, Z29, Z29;    \
	VMULPS  128(R10), Z28, Z28; \
	VADDPS  P1, Z29, Z29;     \
	VMULPS  192(R10), P1, P1; \
	VPMAXSD Z28, Z30, Z30;    \
	VPMAXSD P1, Z30, Z30

// PUTASIDE keeps what a row leaves, JOINED joins it to the next, in Z29 and Z26, and PAIRED
// keeps two.
#define PUTASIDE \
	VMOVUPS Z29, SUM0; \
	VMOVUPS Z30, TOP0
#define JOINED \
	VMOVUPS    SUM0, Z26;             \
	VSHUFF32X4 $0x44, Z29, Z26, Z27;  \
	VSHUFF32X4 $0xEE, Z29, Z26, Z28;  \
	VADDPS     Z28, Z27, Z29;         \
	VMOVUPS    TOP0, Z26;             \
	MIX(VPMAXSD, Z26, Z30, Z27)
#define PAIRED \
	JOINED;            \
	VMOVUPS Z29, SUM1; \
	VMOVUPS Z26, TOP1

// STATS1 to STATS4 leave the denominators and what weights are multiplied by. Rows with a NaN
// or tiny products go to rare.
#define STATS1 \
	JOINED;             \
	VMOVUPS TOP1, Z30
#define STATS2 \
	MIXES(VPMAXSD, Z30, Z26, Z27, Z28, Z31); \
	VBROADCASTSS top+80(FP), Z31
#define STATS3 \
	VDIVPS     Z30, Z31, Z27;         \
	VMOVUPS    X27, TOPU;             \
	VDIVPS     Z31, Z30, Z31;         \
	VMOVUPS    X31, BETAS;            \
	VMOVUPS    SUM1, Z26;             \
	VSHUFF32X4 $0x88, Z29, Z26, Z27;  \
	VSHUFF32X4 $0xDD, Z29, Z26, Z28;  \
	VADDPS     Z28, Z27, Z29;         \
	VPERMILPS  $0x4E, Z29, Z27;       \
	VADDPS     Z27, Z29, Z29;         \
	VPERMILPS  $0xB1, Z29, Z27;       \
	VADDPS     Z27, Z29, Z29
#define STATS4 \
	VMOVUPS         Z29, SUML;                   \
	MOVQ            r+0(FP), AX;                 \
	MOVQ            72(AX), AX;                  \
	VBROADCASTF32X4 MAXIMA, Z26;                 \
	VMOVDQU32       ·softmaxConst+192(SB), Z27; \
	VMOVDQU32       ·softmaxConst+256(SB), Z28; \
	VPERMI2PS       Z31, Z26, Z27;               \
	VPERMT2PS       Z29, Z28, Z27;               \
	VMOVUPS         Y27, (AX);                   \
	VEXTRACTF32X4   $2, Z27, 32(AX);             \
	VCMPPS          $3, Z29, Z29, K6;            \
	VCMPPS.BCST     $9, ·softmaxConst+28(SB), Z30, K7; \
	KORTESTW        K7, K6;                      \
	JNE             rare

// CODES1 and CODES2 make the codes of row i.
#define CODES1(i) \
	VBROADCASTSS (4*i+32)(SP), Z31;               \
	VMOVUPS      (256*i)(DI), Z26;                \
	VMOVUPS      (256*i+64)(DI), Z27;             \
	VMULPS       (R10), Z26, Z26;                 \
	VMULPS       64(R10), Z27, Z27;               \
	VMULPS       Z31, Z26, Z26;                   \
	VMULPS       Z31, Z27, Z27;                   \
	VADDPS.BCST  ·softmaxConst+24(SB), Z26, Z26; \
	VADDPS.BCST  ·softmaxConst+24(SB), Z27, Z27; \
	VCVTTPS2DQ   Z26, Z26;                        \
	VCVTTPS2DQ   Z27, Z27;                        \
	VPACKUSDW    Z27, Z26, Z29
#define CODES2(i) \
	VMOVUPS      (256*i+128)(DI), Z26;            \
	VMOVUPS      (256*i+192)(DI), Z27;            \
	VMULPS       128(R10), Z26, Z26;              \
	VMULPS       192(R10), Z27, Z27;              \
	VMULPS       Z31, Z26, Z26;                   \
	VMULPS       Z31, Z27, Z27;                   \
	VADDPS.BCST  ·softmaxConst+24(SB), Z26, Z26; \
	VADDPS.BCST  ·softmaxConst+24(SB), Z27, Z27; \
	VCVTTPS2DQ   Z26, Z26;                        \
	VCVTTPS2DQ   Z27, Z27;                        \
	VPACKUSDW    Z27, Z26, Z26;                   \
	VPACKUSWB    Z26, Z29, Z29;                   \
	VMOVDQU32    ·softmaxConst+320(SB), Z30;     \
	MOVQ         p_base+8(FP), AX;                \
	VPERMD       Z29, Z30, Z29;                   \
	VMOVDQU32    Z29, (64*i)(AX)

// ADVANCE1 and ADVANCE2 move the states.
#define ADVANCE1 \
	MOVQ        r+0(FP), AX;                   \
	MOVQ        0(AX), AX;                     \
	VMOVUPS     (AX), X26;                     \
	VMOVUPS     MAXIMA, X27;                   \
	VMAXPS      X26, X27, X28;                 \
	VCMPPS.BCST $0x1e, ·softmaxConst+20(SB), X27, K6; \
	VCMPPS      $7, X26, X26, K6, K6;          \
	VCMPPS      $3, X27, X27, K7;              \
	VMOVAPS     X28, K6, X26;                  \
	VMOVAPS     X27, K7, X26;                  \
	VMOVUPS     X26, (AX);                     \
	VMOVDQU32   ·softmaxConst+448(SB), X29;   \
	VPERMPS     SUML, Z29, Z29;                \
	VMOVUPS     BETAS, X30;                    \
	VMULPS.Z    SHARES, X29, K6, X29;          \
	VMULPS.Z    SHARES, X30, K6, X30
#define ADVANCE2 \
	MOVQ          r+0(FP), AX;                 \
	MOVQ          24(AX), AX;                  \
	VMOVUPS       (AX), X31;                   \
	VMULPS        ALPHAS, X31, K6, X31;        \
	VADDPS        X29, X31, K6, X31;           \
	VMOVAPS       X27, K7, X31;                \
	VMOVUPS       X31, (AX);                   \
	KMOVW         K7, AX;                      \
	TESTL         AX, AX;                      \
	SETNE         POISONED;                    \
	MOVQ          r+0(FP), AX;                 \
	MOVQ          96(AX), AX;                  \
	VBROADCASTSS  ·softmaxConst+140(SB), X28; \
	VMOVUPS       ALPHAS, K6, X28;             \
	VMOVDQU32     ·softmaxConst+192(SB), Z31; \
	VMOVDQU32     ·softmaxConst+384(SB), Z26; \
	VPERMI2PS     Z29, Z28, Z31;               \
	VPERMT2PS     Z30, Z26, Z31;               \
	VMOVUPS       Y31, (AX);                   \
	VEXTRACTF32X4 $2, Z31, 32(AX)
