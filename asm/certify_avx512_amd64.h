// certify_avx512_amd64.h: certificates of four rows side by side, after the sums of squares of
// their weights.
//
// Obstacle:  two dozen operations on four numbers each, most of them waiting for one before. Rows
//            that are empty or undefined are rare, and go a way of their own.
// Exactness: the operations of the twin, nothing fused.
// Registers: X18 X22 X21 α, β, γ · X17 Σ weight² · X20 L · BX t, later the rows undefined · CX the
//            record · AX DX R9 Squares, Sum and Most of the rows · K6 rows that are empty, later those
//            that are neither, K1 that have a NaN · X19 X29 temporaries

// ROWSQUARES sets q to the chains of squares of a row in a–d.
#define ROWSQUARES(q, a, b, c, d) \
	VMULPS a, a, q;      \
	VFMADD231PS b, b, q; \
	VFMADD231PS c, c, q; \
	VFMADD231PS d, d, q

// SQUARES2 joins the chains of two rows in a and b, SQUARES4 those of two pairs; row i ends in the
// lowest lane of quarter i. t is a temporary.
#define SQUARES2(a, b, t) \
	VSHUFF64X2 $0x44, b, a, t; \
	VSHUFF64X2 $0xEE, b, a, a; \
	VADDPS a, t, a
#define SQUARES4(a, b, t) \
	VSHUFF64X2 $0x88, b, a, t; \
	VSHUFF64X2 $0xDD, b, a, a; \
	VADDPS a, t, a;            \
	VPERMILPS $0xEE, a, t;     \
	VADDPS t, a, a;            \
	VMOVSHDUP a, t;            \
	VADDPS t, a, a

// STEPALL sets x to β in b times x7, STEPSPREAD times Spread·x7 in s.
#define STEPALL(s, b, x)    VMULPS.BCST 28(CX), b, x
#define STEPSPREAD(s, b, x) VMULPS s, b, x

// ADDED sets a and g to what the tile adds to Squares and Sum, given Σ weight² in w, L in l, γ in g, β in b,
// Norm2 and Err2 at AX and DX; STEP is one of those, t a temporary.
#define ADDED(STEP, s, w, a, l, g, b, t) \
	VDIVPS l, g, l;               \
	VBROADCASTSS 16(CX), a;       \
	VBROADCASTSS 20(CX), t;       \
	VMULPS (AX), a, a;            \
	VMULPS (DX), t, t;            \
	VADDPS t, a, a;               \
	VADDPS.BCST 24(CX), a, a;     \
	VMULPS a, w, a;               \
	VMULPS l, l, l;               \
	VMULPS l, a, a;               \
	STEP(s, b, l);                \
	VMULPS l, b, l;               \
	VADDPS l, a, a;               \
	VMULPS.BCST 12(CX), g, g;     \
	VMULPS.BCST 56(BX), b, b;     \
	VADDPS b, g, g

// ROWS updates four rows at AX, DX and R9, or jumps to some.
#define ROWS(some) \
	VMULPS X18, X18, X20;         \
	VMULPS (AX), X20, X20;        \
	VADDPS X19, X20, X19;         \
	VMULPS (DX), X18, X20;        \
	VADDPS X21, X20, X20;         \
	VBROADCASTF32X4 (CX), Z22;    \
	VPMOVD2M X18, K6;             \
	VCMPPS $3, X20, X19, K1;      \
	KORTESTB K1, K6;              \
	JNE  some;                    \
	VMOVUPS X19, (AX);            \
	VMOVUPS X20, (DX);            \
	VMAXPS (R9), Z22, Z22;        \
	VMOVUPS Z22, (R9)

// SOMEROWS does that for those that are neither empty nor undefined, the latter in K1.
#define SOMEROWS \
	KANDNB K1, K6, K1;            \
	KORB K1, K6, K6;              \
	KNOTB K6, K6;                 \
	VMOVUPS X19, K6, (AX);        \
	VMOVUPS X20, K6, (DX);        \
	VPMOVM2D K6, X18;             \
	VMOVDQU32 ·certifyRows(SB), Z19; \
	VPERMD Z18, Z19, Z18;         \
	VPMOVD2M Z18, K6;             \
	VMAXPS (R9), Z22, Z22;        \
	VMOVUPS Z22, K6, (R9)

// FOURROWS is ADDED and ROWS for rows 0–3 of a tile of integer weights.
#define FOURROWS(some) \
	MOVQ 0(BX), AX;               \
	MOVQ 24(BX), R9;              \
	LEAQ (R9)(R9*2), DX;          \
	LEAQ (AX)(DX*4), DX;          \
	LEAQ (AX)(R9*8), AX;          \
	ADDED(STEPALL, X14, X17, X19, X20, X21, X22, X29); \
	MOVQ 0(BX), AX;               \
	LEAQ (AX)(R9*4), DX;          \
	SHLQ $4, R9;                  \
	ADDQ AX, R9;                  \
	XORL BX, BX;                  \
	ROWS(some)

// LEFT sets res to the rows undefined in BX and to 16 where poisoned is not 0.
#define LEFT(poisoned, res) \
	MOVBLZX poisoned, AX;         \
	NEGL AX;                      \
	SBBL AX, AX;                  \
	ANDL $16, AX;                 \
	ORL  BX, AX;                  \
	MOVQ AX, res
