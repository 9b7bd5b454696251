// softmax_codes_avx512_amd64.h: the second half of the softmax kernels with integer
// weights: products with the value scales, their largest U, codes, bytes.
//
// Registers: those of softmax_avx512_amd64.h · Z15 top/U · Z25, Z30, Z31 largest products
//            K5 bytes of p · SI p, hi · R13 lo · R10 sv

// BYTES sets K5 to the codes of n columns.
#define BYTES(n) \
	MOVQ n, AX;    \
	ADDQ $3, AX;   \
	ANDQ $-4, AX;  \
	MOVQ $64, CX;  \
	SUBQ AX, CX;   \
	MOVQ $-1, AX;  \
	SHRQ CX, AX;   \
	KMOVQ AX, K5

// PRODUCT multiplies a row by sv, PRODUCTPART one that is not whole.
#define PRODUCT(a, b, c, d) \
	VMULPS (R10), a, a;    \
	VMULPS 64(R10), b, b;  \
	VMULPS 128(R10), c, c; \
	VMULPS 192(R10), d, d
#define PRODUCTPART(a, b, c, d) \
	VMULPS.Z (R10), a, K1, a;    \
	VMULPS.Z 64(R10), b, K2, b;  \
	VMULPS.Z 128(R10), c, K3, c; \
	VMULPS.Z 192(R10), d, K4, d

// SUMS is SUM and sets u to the largest products, as integers: a NaN is one of them or
// below all. JOIN joins two rows, UNITE leaves L in the lanes of Z18 and U in the columns of
// Z25.
#define LARGEST(u, a, b, c, d) \
	VPMAXSD b, a, u;       \
	VPMAXSD d, c, Z21;     \
	VPMAXSD Z21, u, u
#define SUMS(s, u, a, b, c, d) \
	SUM(s, u, a, b, c, d); \
	PRODUCT(a, b, c, d);   \
	LARGEST(u, a, b, c, d)
#define SUMSPART(s, u, a, b, c, d) \
	SUM(s, u, a, b, c, d);     \
	PRODUCTPART(a, b, c, d);   \
	LARGEST(u, a, b, c, d)
#define JOIN(s, t, u, v) \
	ADD8(s, t, u, v);     \
	PAIR(VPMAXSD, u, v)
#define UNITE \
	PAIRS(VPMAXSD, Z25, Z30); \
	TOTAL
#define UNITEPAIR \
	TWO(VPMAXSD, Z25);        \
	TOTALPAIR
#define UNITEROW \
	TURNS(VPMAXSD, Z25);   \
	ADDROW(Z18)

// BETA sets Z15 to top/U and Z22 to Beta = U/top, top being in Z24. With U = 0 the products
// become NaN.
#define BETA \
	VDIVPS Z25, Z24, Z15; \
	VDIVPS Z24, Z25, Z22

// IFRARE jumps to rare when some L or U is NaN or some U below 2⁻⁹⁶.
#define IFRARE(rare) \
	VCMPPS $3, Z18, Z18, K6;           \
	VCMPPS.BCST $9, 28(BX), Z25, K0;   \
	KORTESTW K0, K6;                   \
	JNZ rare

// RARE makes the products of a row that AGAIN has prepared and what BETA does, top being in
// Z24, for any scales; the second source of a maximum wins over NaN. Products with U below
// 2⁻⁹⁶ are lifted by 2⁹⁶ around the division.
#define RARE \
	PRODUCTPART(Z0, Z1, Z2, Z3);       \
	VXORPS Z25, Z25, Z25;              \
	VMAXPS Z25, Z0, Z25;               \
	VMAXPS Z25, Z1, Z25;               \
	VMAXPS Z25, Z2, Z25;               \
	VMAXPS Z25, Z3, Z25;               \
	TURNS(VMAXPS, Z25);                \
	VDIVPS Z24, Z25, Z22;              \
	VCMPPS.BCST $1, 28(BX), Z25, K6;   \
	VBROADCASTSS 36(BX), Z23;          \
	VBROADCASTSS 32(BX), K6, Z23;      \
	VMULPS Z23, Z25, Z25;              \
	VDIVPS Z25, Z24, Z15;              \
	VMULPS Z23, Z0, Z0;                \
	VMULPS Z23, Z1, Z1;                \
	VMULPS Z23, Z2, Z2;                \
	VMULPS Z23, Z3, Z3

// CODES turns the products of row i into codes.
#define CODES(i, a, b, c, d) \
	VPERMILPS $(i*0x55), Z15, Z13;  \
	VMULPS Z13, a, a;               \
	VMULPS Z13, b, b;               \
	VMULPS Z13, c, c;               \
	VMULPS Z13, d, d;               \
	VADDPS.BCST 24(BX), a, a;       \
	VADDPS.BCST 24(BX), b, b;       \
	VADDPS.BCST 24(BX), c, c;       \
	VADDPS.BCST 24(BX), d, d;       \
	VCVTTPS2DQ a, a;                \
	VCVTTPS2DQ b, b;                \
	VCVTTPS2DQ c, c;                \
	VCVTTPS2DQ d, d

// PACK turns the codes of a row into bytes in a, PACK16 into two planes, b the high one. The
// packs saturate what a NaN was converted to, −2³¹, to 0.
#define PACK(a, b, c, d) \
	VMOVDQU32 320(BX), Z13; \
	VPACKUSDW b, a, a;      \
	VPACKUSDW d, c, c;      \
	VPACKUSWB c, a, a;      \
	VPERMD a, Z13, a
#define PACK16(a, b, c, d) \
	VMOVDQU32 320(BX), Z13;   \
	VPACKUSDW b, a, a;        \
	VPACKUSDW d, c, c;        \
	VPSRLW $8, a, b;          \
	VPSRLW $8, c, d;          \
	VPANDD.BCST 136(BX), a, a; \
	VPANDD.BCST 136(BX), c, c; \
	VPACKUSWB d, b, b;        \
	VPACKUSWB c, a, a;        \
	VPERMD b, Z13, b;         \
	VPERMD a, Z13, a

// CODE8 makes the codes of row i from its weights at o(row) and stores them at p, CODE16 at p
// and q. CODE8PART and CODE16PART do for rows that are not whole.
#define PRODUCTS(o, row) \
	VMOVUPS (o)row, Z8;      \
	VMOVUPS (o+64)row, Z9;   \
	VMOVUPS (o+128)row, Z10; \
	VMOVUPS (o+192)row, Z11; \
	PRODUCT(Z8, Z9, Z10, Z11)
#define PRODUCTPARTS(o, row) \
	LOADPART(o, row, Z8, Z9, Z10, Z11); \
	PRODUCTPART(Z8, Z9, Z10, Z11)
#define CODE8(i, o, row, p) \
	PRODUCTS(o, row);         \
	CODES(i, Z8, Z9, Z10, Z11); \
	PACK(Z8, Z9, Z10, Z11);   \
	VMOVDQU32 Z8, p
#define CODE8PART(i, o, row, p) \
	PRODUCTPARTS(o, row);     \
	CODES(i, Z8, Z9, Z10, Z11); \
	PACK(Z8, Z9, Z10, Z11);   \
	VMOVDQU8 Z8, K5, p
#define CODE16(i, o, row, p, q) \
	PRODUCTS(o, row);         \
	CODES(i, Z8, Z9, Z10, Z11); \
	PACK16(Z8, Z9, Z10, Z11); \
	VMOVDQU32 Z9, p;      \
	VMOVDQU32 Z8, q
#define CODE16PART(i, o, row, p, q) \
	PRODUCTPARTS(o, row);     \
	CODES(i, Z8, Z9, Z10, Z11); \
	PACK16(Z8, Z9, Z10, Z11); \
	VMOVDQU8 Z9, K5, p;   \
	VMOVDQU8 Z8, K5, q

// ADVANCE moves the states of rows past the tile, given M in Z27, L in Z18, Beta in Z31, the
// RowStates at r and four times the number of the first row in R13. Every third bit of K7 is
// a row. DX is left 128.
#define ADVANCE(r, poisoned) \
	KMOVW K7, CX;                      \
	SHRL $2, CX;                       \
	MOVL $1, DX;                       \
	MOVL CX, AX;                       \
	ANDL $2, AX;                       \
	ORL AX, DX;                        \
	SHRL $2, CX;                       \
	MOVL CX, AX;                       \
	ANDL $4, AX;                       \
	ORL AX, DX;                        \
	SHRL $2, CX;                       \
	ANDL $8, CX;                       \
	ORL CX, DX;                        \
	KMOVW DX, K6;                      \
	MOVQ r, AX;                        \
	MOVQ 0(AX), CX;                    \
	VMOVUPS.Z (CX)(R13*1), K6, X8;     \
	MOVQ 24(AX), CX;                   \
	VMOVUPS.Z (CX)(R13*1), K6, X9;     \
	VMAXPS X8, X27, X10;               \
	VSUBPS X10, X8, X11;               \
	VSUBPS X10, X27, X12;              \
	VINSERTF32X4 $1, X12, Z11, Z11;    \
	VBROADCASTSS 0(BX), Z25;           \
	VBROADCASTF32X8 64(BX), Z30;       \
	EXP2BY(Z25, Z30, Z11, Z12, Z13, Z19); \
	VEXTRACTF32X4 $1, Z11, X12;        \
	VCMPPS.BCST $0x1e, 20(BX), X27, K6; \
	VCMPPS $7, X8, X8, K6, K6;         \
	VMOVDQU32 448(BX), X13;            \
	VPERMPS Z18, Z13, Z13;             \
	VMULPS.Z X13, X12, K6, X13;        \
	VMULPS.Z X31, X12, K6, X19;        \
	VMULPS X9, X11, X20;               \
	VADDPS X13, X20, K6, X9;           \
	VMOVAPS X10, K6, X8;               \
	VBROADCASTSS 140(BX), X10;         \
	VMOVAPS X11, K6, X10;              \
	VCMPPS $3, X27, X27, K6;           \
	VMOVAPS X27, K6, X8;               \
	VMOVAPS X27, K6, X9;               \
	KMOVW K6, CX;                      \
	ANDL DX, CX;                       \
	ORB CX, poisoned;                  \
	VMOVDQU32 192(BX), Z12;            \
	VPERMI2PS Z13, Z10, Z12;           \
	VMOVDQU32 384(BX), Z20;            \
	VPERMT2PS Z19, Z20, Z12;           \
	KMOVW DX, K6;                      \
	MOVQ 0(AX), CX;                    \
	VMOVUPS X8, K6, (CX)(R13*1);       \
	MOVQ 24(AX), CX;                   \
	VMOVUPS X9, K6, (CX)(R13*1);       \
	MOVQ 96(AX), CX;                   \
	LEAQ (R13)(R13*2), AX;             \
	VMOVUPS Z12, K7, (CX)(AX*1);       \
	MOVL $128, DX
