// softmax_codes_avx512_amd64.h: the second half of the softmax kernels with integer
// weights: products with the value scales, their largest, codes, bytes.
//
// Registers: those of softmax_avx512_amd64.h · K5 bytes of p · SI p, hi · R13 lo · R10 sv

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

// PRODUCTS multiplies the weights by sv in Z21–Z24.
#define SCALES \
	VMOVUPS.Z (R10), K1, Z21;    \
	VMOVUPS.Z 64(R10), K2, Z22;  \
	VMOVUPS.Z 128(R10), K3, Z23; \
	VMOVUPS.Z 192(R10), K4, Z24
#define PRODUCT(a, b, c, d) \
	VMULPS Z21, a, a; \
	VMULPS Z22, b, b; \
	VMULPS Z23, c, c; \
	VMULPS Z24, d, d
#define PRODUCTS \
	PRODUCT(Z0, Z1, Z2, Z3);     \
	PRODUCT(Z4, Z5, Z6, Z7);     \
	PRODUCT(Z8, Z9, Z10, Z11);   \
	PRODUCT(Z12, Z13, Z14, Z15)

// TOP and TOPROW set Z28 to the largest products, at least 0; the second source wins
// over NaN.
#define TOP4(a, b, c, d, r) \
	VXORPS r, r, r; \
	VMAXPS r, a, r; \
	VMAXPS r, b, r; \
	VMAXPS r, c, r; \
	VMAXPS r, d, r
#define TOP \
	TOP4(Z0, Z1, Z2, Z3, Z28);     \
	TOP4(Z4, Z5, Z6, Z7, Z29);     \
	TOP4(Z8, Z9, Z10, Z11, Z30);   \
	TOP4(Z12, Z13, Z14, Z15, Z31); \
	FOLD(VMAXPS, Z28, Z29, Z30, Z31)
#define TOPROW \
	VXORPS Z21, Z21, Z21;  \
	VMAXPS Z21, Z0, Z28;   \
	VMAXPS Z21, Z1, Z21;   \
	VMAXPS Z28, Z2, Z28;   \
	VMAXPS Z21, Z3, Z21;   \
	VMAXPS Z21, Z28, Z28;  \
	FOLDROW(VMAXPS)

// BETA sets Z30 to top/Z28 and Z22 to Beta = Z28/top and tests for products to lift. Z24
// is top. With Z28 = 0 the products become NaN.
#define BETA \
	VDIVPS Z28, Z24, Z30;             \
	VDIVPS Z24, Z28, Z22;             \
	VCMPPS.BCST $1, 28(BX), Z28, K6;  \
	KORTESTW K6, K6

// LIFT and LIFTROW multiply the rows in K6 by 2⁹⁶.
#define LIFT \
	VBROADCASTSS 36(BX), Z23;      \
	VBROADCASTSS 32(BX), K6, Z23;  \
	VMULPS Z23, Z28, Z28;          \
	VDIVPS Z28, Z24, Z24;          \
	SPREAD(Z23);                   \
	ROWS(MUL, Z28, Z29, Z30, Z31); \
	VMOVAPS Z24, Z30
#define LIFTROW \
	VBROADCASTSS 32(BX), Z23; \
	VMULPS Z23, Z28, Z28;     \
	VDIVPS Z28, Z24, Z30;     \
	ROW(MUL, Z23)

// HALF loads ½ and the order of the codes.
#define HALF \
	VBROADCASTSS 24(BX), Z22;  \
	VPMOVZXBD 112(BX), Z23

// CODE turns a product into a code.
#define CODE(inv, x) \
	VMULPS inv, x, x; \
	VADDPS Z22, x, x; \
	VCVTTPS2DQ x, x

// PACK turns the codes of a row into bytes in a, PACK16 into two planes, b the high one;
// Z24 is the mask of low bytes. The packs saturate what a NaN was converted to, −2³¹, to 0.
#define PACK(a, b, c, d) \
	VPACKUSDW b, a, a;      \
	VPACKUSDW d, c, c;      \
	VPACKUSWB c, a, a;      \
	VPERMD a, Z23, a
#define PACK16(a, b, c, d) \
	VPACKUSDW b, a, a;       \
	VPACKUSDW d, c, c;       \
	VPSRLW $8, a, b;         \
	VPSRLW $8, c, d;         \
	VPANDD Z24, a, a;        \
	VPANDD Z24, c, c;        \
	VPACKUSWB d, b, b;       \
	VPACKUSWB c, a, a;       \
	VPERMD b, Z23, b;        \
	VPERMD a, Z23, a

// BYTEROWS stores a vector of codes a row, BYTEPARTS where rows are not whole.
#define BYTEROWS(p, a, b, c, d) \
	VMOVDQU32 a, (p);         \
	VMOVDQU32 b, (p)(R9*1);   \
	VMOVDQU32 c, (p)(DX*1);   \
	VMOVDQU32 d, (p)(R11*1)
#define BYTEPARTS(p, a, b, c, d) \
	VMOVDQU8 a, K5, (p);         \
	VMOVDQU8 b, K5, (p)(R9*1);   \
	VMOVDQU8 c, K5, (p)(DX*1);   \
	VMOVDQU8 d, K5, (p)(R11*1)

// LOW sets Z24 to the mask of low bytes.
#define LOW \
	VPTERNLOGD $0xFF, Z24, Z24, Z24; \
	VPSRLW $8, Z24, Z24
