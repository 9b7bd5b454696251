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
	FOLD(VMAXPS)
#define TOPROW \
	TOP4(Z0, Z1, Z2, Z3, Z28); \
	FOLDROW(VMAXPS)

// BETA stores st with Beta = Z28/top and tests for products to lift. Z24 is top.
#define BETA \
	VDIVPS Z24, Z28, Z30;         \
	STATS(Z30);                   \
	VBROADCASTSS 28(BX), Z21;     \
	VCMPPS $1, Z21, Z28, K6;      \
	KORTESTW K6, K6

// LIFT and LIFTROW multiply the rows in K6 by 2⁹⁶.
#define LIFT \
	VBROADCASTSS 36(BX), Z21;      \
	VBROADCASTSS 32(BX), K6, Z21;  \
	VMULPS Z21, Z28, Z22;          \
	SPREAD(Z21);                   \
	ROWS(MUL, Z28, Z29, Z30, Z31); \
	VMOVAPS Z22, Z28
#define LIFTROW \
	VBROADCASTSS 32(BX), Z21; \
	VMULPS Z21, Z28, Z28;     \
	ROW(MUL, Z21)

// INVERSE sets Z30 to top/Z28, or 0 for 0, and loads ½ and the order of the codes.
#define INVERSE \
	VPTESTMD Z28, Z28, K6;        \
	VDIVPS.Z Z28, Z24, K6, Z30;   \
	VBROADCASTSS 24(BX), Z22;     \
	VPMOVZXBD 112(BX), Z23

// CODE turns a product into a code.
#define CODE(inv, x) \
	VMULPS inv, x, x; \
	VADDPS Z22, x, x; \
	VCVTTPS2DQ x, x

// PACK stores the codes of a row as bytes, PACK16 as two planes; Z24 is the mask of low
// bytes. The packs saturate what a NaN was converted to, −2³¹, to 0.
#define PACK(row, a, b, c, d) \
	VPACKUSDW b, a, a;      \
	VPACKUSDW d, c, c;      \
	VPACKUSWB c, a, a;      \
	VPERMD a, Z23, a;       \
	VMOVDQU8 a, K5, (SI)row
#define PACK16(row, a, b, c, d) \
	VPACKUSDW b, a, a;       \
	VPACKUSDW d, c, c;       \
	VPSRLW $8, a, b;         \
	VPSRLW $8, c, d;         \
	VPANDD Z24, a, a;        \
	VPANDD Z24, c, c;        \
	VPACKUSWB d, b, b;       \
	VPACKUSWB c, a, a;       \
	VPERMD b, Z23, b;        \
	VPERMD a, Z23, a;        \
	VMOVDQU8 b, K5, (SI)row; \
	VMOVDQU8 a, K5, (R13)row
#define LOW \
	VPTERNLOGD $0xFF, Z24, Z24, Z24; \
	VPSRLW $8, Z24, Z24
