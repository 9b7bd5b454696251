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

// LOGCONSTANTS prepares LOG1 and LOG2, which turn a logit into the weight of its code. The
// sum of y−m and 1.5·2²³/Step rounds to multiples of 1/Step, to even, and has −code in its
// low bits: octaves, and where Step is 2 the parity below them, which picks 1 or √2. Step is
// in Y8 and Zero in Y9; k and t are temporaries. Y13 m · Y8 the constant of the sum · Y9 the
// sum of code Zero, and least-32(SP) that of last · Y7 1 and, for Step 2, √2 in the odd lanes
// Y10 all bits but the parity · X11 the bit of an octave less the exponent's.
#define LOGCONSTANTS(last) \
	VBROADCASTSS ·logConst+8(SB), Y7;  \
	VDIVPS Y8, Y7, Y6;             \
	VDIVPS Y8, Y9, Y9;             \
	VSUBPS Y9, Y6, Y9;             \
	VBROADCASTSS last, Y12;        \
	VDIVPS Y8, Y12, Y12;           \
	VSUBPS Y12, Y6, Y12;           \
	VMOVUPS Y12, least-32(SP);     \
	VCVTTPS2DQ Y8, Y10;            \
	VPSRLD $1, Y10, Y10;           \
	VBROADCASTSD ·logConst+0(SB), Y7;  \
	VPSLLD $31, Y10, Y8;           \
	VBROADCASTSS ·logConst+0(SB), Y11; \
	VBLENDVPS Y8, Y7, Y11, Y7;     \
	VMOVAPS Y6, Y8;                \
	VPMOVZXDQ X10, X6;             \
	VMOVQ ·logConst+16(SB), X11;   \
	VPSUBQ X6, X11, X11;           \
	VPCMPEQD Y6, Y6, Y6;           \
	VPXOR Y6, Y10, Y10

#define LOG1(x, t) \
	VSUBPS Y13, x, x;              \
	VADDPS Y8, x, t;               \
	VCMPPS $0x1e, Y9, t, x;        \
	VMAXPS least-32(SP), t, t

#define LOG2(x, t, k) \
	VPERMILPS t, Y7, k;            \
	VPAND Y10, t, t;               \
	VPSLLD X11, t, t;              \
	VPADDD k, t, t;                \
	VANDPS t, x, x
