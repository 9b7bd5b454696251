// exp_avx2_amd64.h: weights of logits, for the softmax kernels.
//
// 2^e is applied in two exact factors, 2^(e+64) and 2⁻⁶⁴: subnormal results round once, as
// in the twin. NaN passes through the clamp because it is VMAXPS's second source.
// A weight is a chain of a dozen dependent operations. Several chains stand side by side,
// stage by stage, because a scheduler of 36 entries (Zen 1) does not see from one chain into
// the next; constants of 2^x are memory operands to leave the registers to them.

// WEIGHT turns x into 2^x; k and t are temporaries, Y12 is −160. Adding exp2Magic leaves the
// whole number k + 8·191 in the low bits, whose low three index the table and whose rest is
// the biased exponent.
#define STAGE1(x, k) \
	VMAXPS x, Y12, x;              \
	VMULPS ·exp2Eight(SB), x, x;  \
	VROUNDPS $9, x, k

#define STAGE2(x, k, t) \
	VSUBPS k, x, t;                \
	VADDPS ·exp2Magic(SB), k, k;  \
	VMULPS ·exp2C3(SB), t, x;     \
	VADDPS ·exp2C2(SB), x, x

#define STAGE3(x, k, t) \
	VMULPS t, x, x;                \
	VADDPS ·exp2C1(SB), x, x;     \
	VMULPS t, x, x;                \
	VPERMPS ·exp2Table(SB), k, t

#define STAGE4(x, k, t) \
	VMULPS t, x, x;                \
	VADDPS t, x, x;                \
	VPAND ·exp2Mask(SB), k, k;    \
	VPSLLD $20, k, k

#define STAGE5(x, k) \
	VMULPS k, x, x;                \
	VMULPS ·exp2Tiny(SB), x, x

#define WEIGHT(x, k, t) \
	STAGE1(x, k);                  \
	STAGE2(x, k, t);               \
	STAGE3(x, k, t);               \
	STAGE4(x, k, t);               \
	STAGE5(x, k)

// WEIGHTX4 is WEIGHT of Y0 to Y3, with temporaries up to Y11.
#define WEIGHTX4 \
	STAGE1(Y0, Y4);                \
	STAGE1(Y1, Y5);                \
	STAGE1(Y2, Y6);                \
	STAGE1(Y3, Y7);                \
	STAGE2(Y0, Y4, Y8);            \
	STAGE2(Y1, Y5, Y9);            \
	STAGE2(Y2, Y6, Y10);           \
	STAGE2(Y3, Y7, Y11);           \
	STAGE3(Y0, Y4, Y8);            \
	STAGE3(Y1, Y5, Y9);            \
	STAGE3(Y2, Y6, Y10);           \
	STAGE3(Y3, Y7, Y11);           \
	STAGE4(Y0, Y4, Y8);            \
	STAGE4(Y1, Y5, Y9);            \
	STAGE4(Y2, Y6, Y10);           \
	STAGE4(Y3, Y7, Y11);           \
	STAGE5(Y0, Y4);                \
	STAGE5(Y1, Y5);                \
	STAGE5(Y2, Y6);                \
	STAGE5(Y3, Y7)

// FOLDSUM adds the chains of Y14 and Y15, 8, 4, 2, 1 apart, into X14.
#define FOLDSUM \
	VADDPS Y15, Y14, Y14;          \
	VEXTRACTF128 $1, Y14, X15;     \
	VADDPS X15, X14, X14;          \
	VPERMILPS $0xEE, X14, X15;     \
	VADDPS X15, X14, X14;          \
	VMOVSHDUP X14, X15;            \
	VADDSS X15, X14, X14

// LOGCONSTANTS prepares LOG1 to LOG3, which turn a logit into the weight of its code: k =
// RNE(Step·(m−y)), n = (k+odd)>>odd octaves, times √2 where k is odd and Step is 2; x and k
// are in use, t is a mask. Y13 m · Y8 Step · Y9 Zero · Y10 odd: 0 for Step 1, 1 for Step 2 ·
// X11 the same as a shift count · Y12 1 · Y7 √2, or 1 when there are no odd codes.
#define LOGCONSTANTS \
	VBROADCASTSS ·logConst+0(SB), Y12;  \
	VCVTTPS2DQ Y8, Y10;            \
	VPSRLD $1, Y10, Y10;           \
	VPMOVZXDQ X10, X11;            \
	VPSLLD $31, Y10, Y6;           \
	VBROADCASTSS ·logConst+4(SB), Y7;   \
	VBLENDVPS Y6, Y7, Y12, Y7

#define LOG1(x, k, t) \
	VSUBPS x, Y13, x;              \
	VMULPS Y8, x, x;               \
	VROUNDPS $8, x, x;             \
	VCMPPS $17, Y9, x, t;          \
	VCVTPS2DQ x, k

#define LOG2(x, k) \
	VPADDD Y10, k, x;              \
	VPSRLD X11, x, x;              \
	VPSLLD $23, x, x;              \
	VPSLLD $31, k, k

#define LOG3(x, k, t) \
	VPSUBD x, Y12, x;              \
	VBLENDVPS k, Y7, Y12, k;       \
	VMULPS k, x, x;                \
	VANDPS t, x, x
