// certify_amd64.h: certificates of rows, after the sums of squares of their weights.
//
// Obstacle:  two dozen dependent operations a row; four rows side by side hide them. Their
// numbers are stored row by row, and change places in registers.
// Exactness: the operations of the twin, nothing fused.
// Registers: DI c · SI y · DX st · R8 f · R9 q · BX t · R10 rows left · R12 n · CX the bit of
//            the row · R11 rows undefined · X12 KeyErr KeySize KeyErr2 KeySize2 · X15 those of
//            values · X14 Spread·ValSize2/Σ sv² · X0–X11 temporaries

// CERTIFYARGS loads the arguments, fields of t and r among them.
#define CERTIFYARGS \
	MOVQ t+0(FP), BX;            \
	MOVQ keys+8(FP), AX;         \
	VPMOVZXWD (AX), X12;         \
	MOVQ values+16(FP), AX;      \
	VPMOVZXWD (AX), X15;         \
	MOVQ r+48(FP), AX;           \
	MOVQ m+56(FP), R10;          \
	MOVQ n+64(FP), R12;          \
	MOVQ 0(BX), DI;              \
	MOVQ 24(BX), SI;             \
	MOVQ 48(BX), DX;             \
	MOVQ 72(BX), R8;             \
	MOVQ 96(BX), R9;             \
	VPSLLD $16, X12, X12;        \
	VPSLLD $16, X15, X15;        \
	LEAQ (AX)(AX*2), CX;         \
	LEAQ (DX)(CX*4), DX;         \
	LEAQ (R8)(CX*4), R8;         \
	SHLQ $4, AX;                 \
	ADDQ AX, DI;                 \
	ADDQ AX, R9;                 \
	SHLQ $4, AX;                 \
	ADDQ AX, SI;                 \
	VXORPS X14, X14, X14;        \
	XORL R11, R11;               \
	XORL CX, CX

// STEP2 divides Spread·ValSize2 by Σ sv² in X0.
#define STEP2 \
	VPERMILPS $0xFF, X15, X14;   \
	VMULSS 124(BX), X14, X14;     \
	VDIVSS X0, X14, X14;         \
	VXORPS X1, X1, X1;           \
	VCMPPS $1, X0, X1, X1;       \
	VANDPS X1, X14, X14;         \
	VBROADCASTSS X14, X14

// TRANSPOSE turns rows a–d of four numbers into columns; t and u are temporaries.
#define TRANSPOSE(a, b, c, d, t, u) \
	VUNPCKLPS b, a, t;           \
	VUNPCKHPS b, a, a;           \
	VUNPCKLPS d, c, u;           \
	VUNPCKHPS d, c, c;           \
	VUNPCKHPD u, t, b;           \
	VUNPCKHPD c, a, d;           \
	VUNPCKLPD c, a, c;           \
	VUNPCKLPD u, t, a

// FOLD4 sums rows a–d of four chains, 2 and 1 apart, into the lanes of a; t and u are
// temporaries.
#define FOLD4(a, b, c, d, t, u) \
	VUNPCKLPD b, a, t;           \
	VUNPCKHPD b, a, a;           \
	VUNPCKLPD d, c, u;           \
	VUNPCKHPD d, c, c;           \
	VADDPS a, t, t;              \
	VADDPS c, u, u;              \
	VSHUFPS $0x88, u, t, a;      \
	VSHUFPS $0xDD, u, t, t;      \
	VADDPS t, a, a

// CERTIFY4 leaves the new certificates of four rows in the columns X1 X3 X5 X7 and the old
// ones in X8–X11, given Σ weight² in X0. AX gets the rows that stay as they are, of which
// R11 notes those that are undefined.
#define CERTIFY4 \
	VMULPS (R9), X12, X1;        \
	VMULPS 16(R9), X12, X2;      \
	VMULPS 32(R9), X12, X3;      \
	VMULPS 48(R9), X12, X4;      \
	VHADDPS X2, X1, X1;          \
	VHADDPS X4, X3, X3;          \
	VSHUFPS $0xDD, X3, X1, X2;   \
	VSHUFPS $0x88, X3, X1, X5;   \
	VPERMILPS $0xFF, X15, X1;    \
	VMULPS X1, X2, X2;           \
	VPERMILPS $0xAA, X15, X1;    \
	VADDPS X1, X2, X2;           \
	VMULPS X2, X0, X0;           \
	VMOVUPS 16(DX), X1;          \
	VBLENDPS $2, (DX), X1, X1;   \
	VBLENDPS $4, 32(DX), X1, X1; \
	VPERMILPS $0xb1, X1, X1;     \
	VMOVUPS (R8), X2;            \
	VMOVUPS 16(R8), X3;          \
	VMOVUPS 32(R8), X4;          \
	VBLENDPS $4, X3, X2, X6;     \
	VBLENDPS $2, X4, X6, X6;     \
	VPERMILPS $0x6c, X6, X6;     \
	VBLENDPS $2, X2, X3, X7;     \
	VBLENDPS $4, X4, X7, X7;     \
	VPERMILPS $0xb1, X7, X7;     \
	VBLENDPS $2, X3, X4, X8;     \
	VBLENDPS $4, X2, X8, X8;     \
	VPERMILPS $0xc6, X8, X8;     \
	VDIVPS X1, X8, X1;           \
	VMULPS X1, X1, X1;           \
	VMULPS X1, X0, X0;           \
	VMULPS X14, X7, X2;          \
	VMULPS X2, X7, X2;           \
	VADDPS X2, X0, X0;           \
	VPERMILPS $0x00, X15, X2;    \
	VMULPS X2, X8, X4;           \
	VBROADCASTSS 120(BX), X2;    \
	VMULPS X2, X7, X2;           \
	VADDPS X2, X4, X4;           \
	VMOVUPS (DI), X8;            \
	VMOVUPS 16(DI), X9;          \
	VMOVUPS 32(DI), X10;         \
	VMOVUPS 48(DI), X11;         \
	TRANSPOSE(X8, X9, X10, X11, X1, X2); \
	VMULPS X9, X6, X3;           \
	VADDPS X4, X3, X3;           \
	VMULPS X6, X6, X1;           \
	VMULPS X8, X1, X1;           \
	VADDPS X0, X1, X1;           \
	VPSRAD $31, X6, X6;          \
	VPERMILPS $0x55, X15, X7;    \
	VCMPPS $3, X3, X1, X2;       \
	VCMPPS $3, X5, X10, X4;      \
	VORPS X4, X2, X2;            \
	VCMPPS $3, X7, X11, X4;      \
	VORPS X4, X2, X2;            \
	VANDNPS X2, X6, X2;          \
	VORPS X2, X6, X6;            \
	VMAXPS X10, X5, X5;          \
	VMAXPS X11, X7, X7;          \
	VMOVMSKPS X2, AX;            \
	SHLQ CX, AX;                 \
	ORQ AX, R11;                 \
	VMOVMSKPS X6, AX

// KEEP4 restores the rows that stay.
#define KEEP4 \
	VBLENDVPS X6, X8, X1, X1;    \
	VBLENDVPS X6, X9, X3, X3;    \
	VBLENDVPS X6, X10, X5, X5;   \
	VBLENDVPS X6, X11, X7, X7

// STORE4 stores four rows and moves on.
#define STORE4 \
	TRANSPOSE(X1, X3, X5, X7, X0, X2); \
	VMOVUPS X1, (DI);            \
	VMOVUPS X3, 16(DI);          \
	VMOVUPS X5, 32(DI);          \
	VMOVUPS X7, 48(DI);          \
	ADDQ $64, DI;                \
	ADDQ $1024, SI;              \
	ADDQ $48, DX;                \
	ADDQ $48, R8;                \
	ADDQ $64, R9;                \
	ADDQ $4, CX

// CERTIFY1 leaves the new certificate of a row in X0, given Σ weight² in X0; X1 is what it
// has of the tile alone, X5 the old one.
#define CERTIFY1 \
	VMULPS (R9), X12, X1;        \
	VMOVSHDUP X1, X2;            \
	VADDPS X2, X1, X1;           \
	VMOVHLPS X1, X1, X2;         \
	VPERMILPS $0xFF, X15, X4;    \
	VMULSS X4, X2, X2;           \
	VPERMILPS $0xAA, X15, X4;    \
	VADDSS X4, X2, X2;           \
	VMULSS X2, X0, X0;           \
	VMOVSS 8(R8), X3;            \
	VDIVSS 4(DX), X3, X5;        \
	VMULSS X5, X5, X5;           \
	VMULSS X5, X0, X0;           \
	VMOVSS 4(R8), X4;            \
	VMULSS X14, X4, X5;          \
	VMULSS X5, X4, X5;           \
	VADDSS X5, X0, X0;           \
	VMULSS X15, X3, X3;          \
	VMULSS 120(BX), X4, X4;      \
	VADDSS X4, X3, X3;           \
	VUNPCKLPS X3, X0, X0;        \
	VPERMILPS $0x55, X15, X2;    \
	VUNPCKLPS X2, X1, X1;        \
	VMOVLHPS X1, X0, X1;         \
	VBROADCASTSS (R8), X2;       \
	VBROADCASTSS ·liftConst+4(SB), X5; \
	VBLENDPS $2, X5, X2, X4;     \
	VMULPS X4, X2, X2;           \
	VMOVUPS (DI), X5;            \
	VMULPS X5, X2, X2;           \
	VADDPS X1, X2, X2;           \
	VBLENDPS $3, X2, X1, X1;     \
	VMAXPS X5, X1, X0;           \
	VBLENDPS $3, X2, X0, X0

// NEXT1 moves on to the next row.
#define NEXT1 \
	ADDQ $16, DI;                \
	ADDQ $256, SI;               \
	ADDQ $12, DX;                \
	ADDQ $12, R8;                \
	ADDQ $16, R9;                \
	INCQ CX
