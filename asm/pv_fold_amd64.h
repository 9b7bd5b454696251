// Sums of values join the output states: kernels of the PVFold families hold the sums of up
// to six rows in Z0–Z23, four registers to a row. FLOATS(a) turns sums into float32, the
// kernels define it before they include this file.
//
// Registers: Z28–Z30 α, β, γ · K3 α ≥ 0 · Z24–Z26 · DI o of the first row · DX of the fourth
//            R11 bytes of a row · CX factors · AX mu · K1, K2 channels of 2 blocks

// JOIN adds the sums a to 16 channels of the state at o: o = α·o + β·a, where α is not
// negative. JOINC adds γ·mu to β·a before.
#define JOIN(o, a) \
	FLOATS(a);                \
	VMULPS    Z29, a, a;      \
	VMOVUPS   o, Z25;         \
	VMULPS    Z28, Z25, Z26;  \
	VADDPS    a, Z26, K3, Z25; \
	VMOVUPS   Z25, o

#define JOINC(o, mu, a) \
	FLOATS(a);                \
	VMULPS    Z29, a, a;      \
	VMULPS    mu, Z30, Z24;   \
	VADDPS    Z24, a, a;      \
	VMOVUPS   o, Z25;         \
	VMULPS    Z28, Z25, Z26;  \
	VADDPS    a, Z26, K3, Z25; \
	VMOVUPS   Z25, o

// The same under a mask of channels.
#define JOINK(o, a, k) \
	FLOATS(a);                \
	VMULPS    Z29, a, a;      \
	VMOVUPS.Z o, k, Z25;      \
	VMULPS    Z28, Z25, Z26;  \
	VADDPS    a, Z26, K3, Z25; \
	VMOVUPS   Z25, k, o

#define JOINCK(o, mu, a, k) \
	FLOATS(a);                \
	VMULPS    Z29, a, a;      \
	VMULPS.Z  mu, Z30, k, Z24; \
	VADDPS    Z24, a, a;      \
	VMOVUPS.Z o, k, Z25;      \
	VMULPS    Z28, Z25, Z26;  \
	VADDPS    a, Z26, K3, Z25; \
	VMOVUPS   Z25, k, o

// FACTORS loads what row i is multiplied by.
#define FACTORS(i) \
	VBROADCASTSS (12*i)(CX), Z28;     \
	VBROADCASTSS (12*i + 4)(CX), Z29; \
	VPMOVD2M     Z28, K3;             \
	KNOTW        K3, K3

#define FACTORSC(i) \
	FACTORS(i);                       \
	VBROADCASTSS (12*i + 8)(CX), Z30

// ROW4 and ROW2 join the blocks of row i, given its address.
#define ROW4(i, o, a, b, c, d) \
	FACTORS(i);     \
	JOIN(o, a);     \
	JOIN(64 o, b);  \
	JOIN(128 o, c); \
	JOIN(192 o, d)

#define ROW4C(i, o, a, b, c, d) \
	FACTORSC(i);               \
	JOINC(o, (AX), a);         \
	JOINC(64 o, 64(AX), b);    \
	JOINC(128 o, 128(AX), c);  \
	JOINC(192 o, 192(AX), d)

#define ROW2(i, o, a, b) \
	FACTORS(i);         \
	JOINK(o, a, K1);    \
	JOINK(64 o, b, K2)

#define ROW2C(i, o, a, b) \
	FACTORSC(i);                 \
	JOINCK(o, (AX), a, K1);      \
	JOINCK(64 o, 64(AX), b, K2)

#define SUMS1x4 ROW4(0, (DI), Z0, Z1, Z2, Z3)
#define SUMS2x4 SUMS1x4; ROW4(1, (DI)(R11*1), Z4, Z5, Z6, Z7)
#define SUMS3x4 SUMS2x4; ROW4(2, (DI)(R11*2), Z8, Z9, Z10, Z11)
#define SUMS4x4 SUMS3x4; ROW4(3, (DX), Z12, Z13, Z14, Z15)
#define SUMS5x4 SUMS4x4; ROW4(4, (DX)(R11*1), Z16, Z17, Z18, Z19)
#define SUMS6x4 SUMS5x4; ROW4(5, (DX)(R11*2), Z20, Z21, Z22, Z23)

#define SUMS1x2 ROW2(0, (DI), Z0, Z1)
#define SUMS2x2 SUMS1x2; ROW2(1, (DI)(R11*1), Z4, Z5)
#define SUMS3x2 SUMS2x2; ROW2(2, (DI)(R11*2), Z8, Z9)
#define SUMS4x2 SUMS3x2; ROW2(3, (DX), Z12, Z13)
#define SUMS5x2 SUMS4x2; ROW2(4, (DX)(R11*1), Z16, Z17)
#define SUMS6x2 SUMS5x2; ROW2(5, (DX)(R11*2), Z20, Z21)

#define SUMS1x4C ROW4C(0, (DI), Z0, Z1, Z2, Z3)
#define SUMS2x4C SUMS1x4C; ROW4C(1, (DI)(R11*1), Z4, Z5, Z6, Z7)
#define SUMS3x4C SUMS2x4C; ROW4C(2, (DI)(R11*2), Z8, Z9, Z10, Z11)
#define SUMS4x4C SUMS3x4C; ROW4C(3, (DX), Z12, Z13, Z14, Z15)
#define SUMS5x4C SUMS4x4C; ROW4C(4, (DX)(R11*1), Z16, Z17, Z18, Z19)
#define SUMS6x4C SUMS5x4C; ROW4C(5, (DX)(R11*2), Z20, Z21, Z22, Z23)

#define SUMS1x2C ROW2C(0, (DI), Z0, Z1)
#define SUMS2x2C SUMS1x2C; ROW2C(1, (DI)(R11*1), Z4, Z5)
#define SUMS3x2C SUMS2x2C; ROW2C(2, (DI)(R11*2), Z8, Z9)
#define SUMS4x2C SUMS3x2C; ROW2C(3, (DX), Z12, Z13)
#define SUMS5x2C SUMS4x2C; ROW2C(4, (DX)(R11*1), Z16, Z17)
#define SUMS6x2C SUMS5x2C; ROW2C(5, (DX)(R11*2), Z20, Z21)

// FOLD leaves the factors of the first of the rows at hand in CX and their centre in AX.
#define FOLD \
	MOVQ m+144(FP), CX;      \
	SUBQ R8, CX;             \
	LEAQ (CX)(CX*2), CX;     \
	SHLQ $2, CX;             \
	ADDQ f_base+120(FP), CX; \
	MOVQ mu_base+96(FP), AX; \
	TESTQ AX, AX

// JOINROWS joins r rows and leaves for joined, or falls through. ROW takes a row's number,
// address and four registers; b, c, e and f are the addresses of rows 1, 2, 4 and 5.
#define JOINROWS(ROW, r, b, c, e, f, joined) \
	ROW(0, (DI), Z0, Z1, Z2, Z3);   \
	CMPQ r, $2;                     \
	JLT  joined;                    \
	ROW(1, b, Z4, Z5, Z6, Z7);      \
	JEQ  joined;                    \
	ROW(2, c, Z8, Z9, Z10, Z11);    \
	CMPQ r, $4;                     \
	JLT  joined;                    \
	ROW(3, (DX), Z12, Z13, Z14, Z15); \
	JEQ  joined;                    \
	ROW(4, e, Z16, Z17, Z18, Z19);  \
	CMPQ r, $6;                     \
	JLT  joined;                    \
	ROW(5, f, Z20, Z21, Z22, Z23)
