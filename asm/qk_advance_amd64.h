// qk_advance_amd64.h: what kernels that set the softmax of a tile among the dot products of the next
// have in common.

// The frame: four numbers each, then lines.
#define ORIGIN4 16(SP)
#define TOPU    32(SP)
#define MAXIMA  48(SP)
#define BETAS   64(SP)
#define SUM0    192(SP)
#define TOP0    256(SP)
#define SUM1    320(SP)
#define TOP1    384(SP)

// MAXROW sets a to the maxima of a row at o(DI).
#define MAXROW(o, a, t) \
	VMOVUPS (o)(DI), a;       \
	VMOVUPS (o+128)(DI), t;   \
	VMAXPS  (o+64)(DI), a, a; \
	VMAXPS  (o+192)(DI), t, t; \
	VMAXPS  t, a, a

// MIX and MIXES are PAIR and PAIRS with temporaries of their own.
#define MIX(OP, a, b, t) \
	VUNPCKLPS b, a, t; \
	VUNPCKHPS b, a, a; \
	OP        a, t, a
#define MIXES(OP, a, b, t, u, v) \
	VUNPCKLPD  b, a, t;        \
	VUNPCKHPD  b, a, a;        \
	OP         a, t, a;        \
	VSHUFF32X4 $0x39, a, a, t; \
	VSHUFF32X4 $0x4E, a, a, u; \
	VSHUFF32X4 $0x93, a, a, v; \
	OP         t, a, a;        \
	OP         u, v, v;        \
	OP         v, a, a
