// certify_amd64.h: certificates of rows, after the sums of squares of their weights.
//
// Obstacle:  a chain of two dozen operations a row; four rows side by side hide it. Factors are stored
//            row by row, and change places in registers.
// Exactness: the operations of the twin, nothing fused.
// Registers: BX t · R11 record · SI y, DX st, R8 f, DI maxima of the row at hand · CX its number
//            R9 rows undefined · R10 rows left · R12 n · AX temporary · X12 the maxima of the record
//            X14 Spread·x7 · X0–X11 temporaries

// CERTIFYARGS loads the arguments, fields of t and r among them.
#define CERTIFYARGS \
	MOVQ t+0(FP), BX;            \
	MOVQ tile+8(FP), R11;        \
	MOVQ r+16(FP), CX;           \
	MOVQ m+24(FP), R10;          \
	MOVQ n+32(FP), R12;          \
	MOVQ 24(BX), DI;             \
	SHLQ $4, DI;                 \
	ADDQ 0(BX), DI;              \
	MOVQ 32(BX), SI;             \
	MOVQ 64(BX), DX;             \
	MOVQ 88(BX), R8;             \
	LEAQ (CX)(CX*2), AX;         \
	LEAQ (DX)(AX*4), DX;         \
	LEAQ (R8)(AX*4), R8;         \
	MOVQ CX, AX;                 \
	SHLQ $4, AX;                 \
	ADDQ AX, DI;                 \
	SHLQ $4, AX;                 \
	ADDQ AX, SI;                 \
	VMOVUPS (R11), X12;          \
	VBROADCASTSS 28(R11), X14;   \
	VBROADCASTSS 60(BX), X0;    \
	VMULPS X0, X14, X14;         \
	XORL R9, R9

// SUMAT sets AX to Sum.
#define SUMAT \
	MOVQ 24(BX), AX;             \
	SHLQ $2, AX;                 \
	ADDQ 0(BX), AX

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

// UPDATE adds a tile to Squares and Sum, given W in X0, α, β, γ in X6–X8 and L in X1: new ones in X1
// and X3, old ones in X10 and X11. X6 becomes the mask of the rows that stay, X2 that of those that are
// undefined. LOAD loads lanes.
#define UPDATE(LOAD) \
	VDIVPS X1, X8, X9;           \
	VMULPS X9, X9, X9;           \
	VBROADCASTSS 16(R11), X1;    \
	MOVQ 24(BX), AX;             \
	SHLQ $3, AX;                 \
	ADDQ 0(BX), AX;              \
	LOAD (AX)(CX*4), X2;         \
	VMULPS X2, X1, X1;           \
	VBROADCASTSS 20(R11), X2;    \
	MOVQ 24(BX), AX;             \
	LEAQ (AX)(AX*2), AX;         \
	SHLQ $2, AX;                 \
	ADDQ 0(BX), AX;              \
	LOAD (AX)(CX*4), X3;         \
	VMULPS X3, X2, X2;           \
	VADDPS X2, X1, X1;           \
	VBROADCASTSS 24(R11), X2;    \
	VADDPS X2, X1, X1;           \
	VMULPS X1, X0, X0;           \
	VMULPS X0, X9, X0;           \
	VMULPS X14, X7, X2;          \
	VMULPS X2, X7, X2;           \
	VADDPS X2, X0, X0;           \
	VBROADCASTSS 12(R11), X2;    \
	VMULPS X2, X8, X4;           \
	VBROADCASTSS 56(BX), X2;    \
	VMULPS X2, X7, X2;           \
	VADDPS X2, X4, X4;           \
	MOVQ 0(BX), AX;              \
	LOAD (AX)(CX*4), X10;        \
	VMULPS X6, X6, X1;           \
	VMULPS X10, X1, X1;          \
	VADDPS X0, X1, X1;           \
	SUMAT;                        \
	LOAD (AX)(CX*4), X11;        \
	VMULPS X11, X6, X3;          \
	VADDPS X4, X3, X3;           \
	VPSRAD $31, X6, X6;          \
	VCMPPS $3, X3, X1, X2;       \
	VANDNPS X2, X6, X2;          \
	VORPS X2, X6, X6

// UNDEFINED notes the rows of the mask X2; AX is a temporary.
#define UNDEFINED(r) \
	VMOVMSKPS X2, AX;            \
	SUBQ r, CX;                  \
	SHLQ CX, AX;                 \
	ADDQ r, CX;                  \
	ORQ AX, R9

// MOST updates the maxima of row i of four unless it stays.
#define MOST(i) \
	VPERMILPS $(0x55*i), X6, X2; \
	VANDNPS X12, X2, X2;         \
	VMAXPS (16*i)(DI), X2, X2;   \
	VMOVUPS X2, (16*i)(DI)

// CERTIFY4 adds a tile to the certificates of four rows, given W in X0, and moves on.
#define CERTIFY4(r) \
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
	UPDATE(VMOVUPS);             \
	UNDEFINED(r);                \
	VBLENDVPS X6, X10, X1, X1;   \
	VBLENDVPS X6, X11, X3, X3;   \
	MOVQ 0(BX), AX;              \
	VMOVUPS X1, (AX)(CX*4);      \
	SUMAT;                        \
	VMOVUPS X3, (AX)(CX*4);      \
	MOST(0);                     \
	MOST(1);                     \
	MOST(2);                     \
	MOST(3);                     \
	ADDQ $64, DI;                \
	ADDQ $1024, SI;              \
	ADDQ $48, DX;                \
	ADDQ $48, R8;                \
	ADDQ $4, CX

// CERTIFY1 adds a tile to the certificate of a row that is not empty, given W in X0, and moves on.
#define CERTIFY1(r) \
	VMOVSS 4(DX), X1;            \
	VMOVSS (R8), X6;             \
	VMOVSS 4(R8), X7;            \
	VMOVSS 8(R8), X8;            \
	UPDATE(VMOVSS);              \
	VINSERTPS $0x0E, X2, X2, X2; \
	UNDEFINED(r);                \
	VBLENDVPS X6, X10, X1, X1;   \
	VBLENDVPS X6, X11, X3, X3;   \
	MOVQ 0(BX), AX;              \
	VMOVSS X1, (AX)(CX*4);       \
	SUMAT;                        \
	VMOVSS X3, (AX)(CX*4);       \
	MOST(0);                     \
	NEXT1

// NEXT1 moves on to the next row.
#define NEXT1 \
	ADDQ $16, DI;                \
	ADDQ $256, SI;               \
	ADDQ $12, DX;                \
	ADDQ $12, R8;                \
	INCQ CX
