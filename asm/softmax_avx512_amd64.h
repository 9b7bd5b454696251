// softmax_avx512_amd64.h: four rows of a tile at once, for the softmax kernels.
//
// Row i of the block lies in Z(4i)–Z(4i+3), 16 columns each. A reduction folds the four
// rows together: after it the i-th 128 bits of one register hold the result of row i in
// every lane, and what follows for one number a row, the divisions too, is done once.
// A block of fewer rows repeats its last row. A column that is not there reads as −Inf.
// Registers: Z16–Z20, Z25 constants of the weights · Z26 −Inf · Z27 M, then M and L
//            Z21–Z24, Z28–Z31 temporaries · K1–K4 columns · K6 temporary · K7 floats of
//            st · DI y · R12 st · R8 rows left · BX constants · R9–R11 offsets of rows
//            1–3 in bytes of p, a quarter of those in y

// COLUMNS sets K1–K4 to the n columns.
#define COLUMNS(n) \
	MOVQ $64, CX;         \
	SUBQ n, CX;           \
	MOVQ $-1, AX;         \
	SHRQ CX, AX;          \
	KMOVQ AX, K1;         \
	KSHIFTRQ $16, K1, K2; \
	KSHIFTRQ $32, K1, K3; \
	KSHIFTRQ $48, K1, K4

// BLOCK sets the offsets of rows 1–3 and the mask of the block's 3 floats a row.
#define BLOCK \
	LEAQ -1(R8), AX;      \
	SHLQ $6, AX;          \
	MOVL $64, R9;         \
	MOVL $128, R10;       \
	MOVL $192, R11;       \
	CMPQ AX, R9;          \
	CMOVQLT AX, R9;       \
	CMPQ AX, R10;         \
	CMOVQLT AX, R10;      \
	CMPQ AX, R11;         \
	CMOVQLT AX, R11;      \
	MOVQ R11, CX;         \
	SHRQ $6, CX;          \
	LEAQ 3(CX)(CX*2), CX; \
	MOVL $1, AX;          \
	SHLL CX, AX;          \
	DECL AX;              \
	KMOVW AX, K7

#define LOADROW(row, a, b, c, d) \
	VMOVAPS Z26, a;         \
	VMOVAPS Z26, b;         \
	VMOVAPS Z26, c;         \
	VMOVAPS Z26, d;         \
	VMOVUPS 0 row, K1, a;   \
	VMOVUPS 64 row, K2, b;  \
	VMOVUPS 128 row, K3, c; \
	VMOVUPS 192 row, K4, d
#define LOADROWS \
	LOADROW((DI), Z0, Z1, Z2, Z3);             \
	LOADROW((DI)(R9*4), Z4, Z5, Z6, Z7);       \
	LOADROW((DI)(R10*4), Z8, Z9, Z10, Z11);    \
	LOADROW((DI)(R11*4), Z12, Z13, Z14, Z15)

#define STOREROW(row, a, b, c, d) \
	VMOVUPS a, K1, 0 row;   \
	VMOVUPS b, K2, 64 row;  \
	VMOVUPS c, K3, 128 row; \
	VMOVUPS d, K4, 192 row
#define STOREROWS \
	STOREROW((DI), Z0, Z1, Z2, Z3);            \
	STOREROW((DI)(R9*4), Z4, Z5, Z6, Z7);      \
	STOREROW((DI)(R10*4), Z8, Z9, Z10, Z11);   \
	STOREROW((DI)(R11*4), Z12, Z13, Z14, Z15)

// EACH applies OP with one operand a row to all rows, COLUMN with one a column.
#define EACH(OP, r0, r1, r2, r3) \
	OP(r0, Z0);  \
	OP(r0, Z1);  \
	OP(r0, Z2);  \
	OP(r0, Z3);  \
	OP(r1, Z4);  \
	OP(r1, Z5);  \
	OP(r1, Z6);  \
	OP(r1, Z7);  \
	OP(r2, Z8);  \
	OP(r2, Z9);  \
	OP(r2, Z10); \
	OP(r2, Z11); \
	OP(r3, Z12); \
	OP(r3, Z13); \
	OP(r3, Z14); \
	OP(r3, Z15)

// FOLD reduces Z28–Z31, one row each, by OP over lanes 8, 4, 2 and 1 apart.
#define FOLD(OP) \
	VSHUFF32X4 $0x44, Z29, Z28, Z21; \
	VSHUFF32X4 $0xEE, Z29, Z28, Z22; \
	VSHUFF32X4 $0x44, Z31, Z30, Z23; \
	VSHUFF32X4 $0xEE, Z31, Z30, Z24; \
	OP Z22, Z21, Z21;                \
	OP Z24, Z23, Z23;                \
	VSHUFF32X4 $0x88, Z23, Z21, Z22; \
	VSHUFF32X4 $0xDD, Z23, Z21, Z24; \
	OP Z24, Z22, Z28;                \
	VPERMILPS $0x4E, Z28, Z21;       \
	OP Z21, Z28, Z28;                \
	VPERMILPS $0xB1, Z28, Z21;       \
	OP Z21, Z28, Z28

// SPREAD sets Z28–Z31 to the number of each row in x; x may be Z30.
#define SPREAD(x) \
	VSHUFF32X4 $0x00, x, x, Z28; \
	VSHUFF32X4 $0x55, x, x, Z29; \
	VSHUFF32X4 $0xFF, x, x, Z31; \
	VSHUFF32X4 $0xAA, x, x, Z30

#define ROWMAX(a, b, c, d, r) \
	VMAXPS b, a, r;   \
	VMAXPS d, c, Z21; \
	VMAXPS Z21, r, r
// PEAK sets Z28 to the maxima. With a NaN in a row its maximum may be anything.
#define PEAK \
	ROWMAX(Z0, Z1, Z2, Z3, Z28);     \
	ROWMAX(Z4, Z5, Z6, Z7, Z29);     \
	ROWMAX(Z8, Z9, Z10, Z11, Z30);   \
	ROWMAX(Z12, Z13, Z14, Z15, Z31); \
	FOLD(VMAXPS)

// MAXIMUM sets Z27 to M: the maxima, rounded up where whole is 1.
#define MAXIMUM(whole) \
	MOVBLZX whole, AX;               \
	NEGL AX;                         \
	KMOVW AX, K6;                    \
	VMOVAPS Z28, Z27;                \
	VRNDSCALEPS $0x0A, Z28, K6, Z27

// ORIGIN sets Z28–Z31 to what is subtracted from each row: M, or 0 for −Inf, so that a
// row without visible keys gets weights and sum 0.
#define ORIGIN \
	VCMPPS $4, Z26, Z27, K6; \
	VMOVAPS.Z Z27, K6, Z21;  \
	SPREAD(Z21)

// EXPCONST loads the constants of EXP2: Z16 1.5·2²⁰, Z17 2^(i/8), Z18–Z20 the
// coefficients scaled to r/8, Z25 −160.
#define EXPCONST \
	LEAQ ·softmaxConst(SB), BX;   \
	VBROADCASTSS 0(BX), Z16;      \
	VBROADCASTF32X8 64(BX), Z17;  \
	VBROADCASTSS 4(BX), Z18;      \
	VBROADCASTSS 8(BX), Z19;      \
	VBROADCASTSS 12(BX), Z20;     \
	VBROADCASTSS 16(BX), Z25;     \
	VBROADCASTSS 20(BX), Z26

// EXP2 turns x into 2^x: the operations of exp2_generic.go on r/8 and with coefficients
// scaled by powers of two, which changes no bit. Adding 1.5·2²⁰ rounds down to eighths and
// leaves the index of the table in the low bits; VSCALEFPS uses ⌊x⌋.
#define EXP2(x) \
	VMAXPS x, Z25, x;           \
	VADDPS.RD_SAE Z16, x, Z21;  \
	VSUBPS Z16, Z21, Z22;       \
	VSUBPS Z22, x, Z22;         \
	VMULPS Z18, Z22, Z23;       \
	VADDPS Z19, Z23, Z23;       \
	VMULPS Z22, Z23, Z23;       \
	VADDPS Z20, Z23, Z23;       \
	VMULPS Z22, Z23, Z23;       \
	VPERMPS Z17, Z21, Z21;      \
	VMULPS Z21, Z23, Z23;       \
	VADDPS Z21, Z23, Z23;       \
	VSCALEFPS x, Z23, x

// EXP turns x into 2^(x−m).
#define EXP(m, x) \
	VSUBPS m, x, x; \
	EXP2(x)

// LOGCONST loads the constants of LOG for the code at step and zero: Z16 1.5·2²³/Step,
// Z17 1 and, for Step 2, √2 in the odd lanes, Z18 −Zero/Step.
#define LOGCONST(step, zero) \
	LEAQ ·softmaxConst(SB), BX;   \
	VBROADCASTSS 20(BX), Z26;     \
	VBROADCASTSS step, Z21;       \
	VBROADCASTSS 40(BX), Z16;     \
	VDIVPS Z21, Z16, Z16;         \
	VXORPS Z18, Z18, Z18;         \
	VSUBPS.BCST zero, Z18, Z18;   \
	VDIVPS Z21, Z18, Z18;         \
	MOVL step, AX;                \
	SHRL $27, AX;                 \
	ANDL $8, AX;                  \
	VBROADCASTSD 48(BX)(AX*1), Z17

// LOG turns x−m into the weight of its code: the sum with Z16 rounds to multiples of
// 1/Step, to even, and leaves the parity of the code in the low bit.
#define LOG(m, x) \
	VSUBPS m, x, x;             \
	VADDPS Z16, x, Z21;         \
	VSUBPS Z16, Z21, Z22;       \
	VPERMPS Z17, Z21, Z21;      \
	VCMPPS $0x16, Z18, Z22, K6; \
	VSCALEFPS.Z Z22, Z21, K6, x

#define ROWSUM(a, b, c, d, r) \
	VADDPS b, a, r; \
	VADDPS c, r, r; \
	VADDPS d, r, r
// SUMS sets Z28 to L and K6, tested, to the rows in which it is NaN: those that have a
// NaN or +Inf.
#define SUMS \
	ROWSUM(Z0, Z1, Z2, Z3, Z28);     \
	ROWSUM(Z4, Z5, Z6, Z7, Z29);     \
	ROWSUM(Z8, Z9, Z10, Z11, Z30);   \
	ROWSUM(Z12, Z13, Z14, Z15, Z31); \
	FOLD(VADDPS);                    \
	VCMPPS $3, Z28, Z28, K6;         \
	KORTESTW K6, K6

#define ADD(a, x) VADDPS a, x, x
#define MUL(a, x) VMULPS a, x, x

// NANS makes M and all weights of the rows in K6 NaN. Z28 is kept.
#define NANS \
	VMOVAPS Z28, K6, Z27;   \
	VMOVAPS.Z Z28, K6, Z21; \
	VMOVAPS Z28, Z22;       \
	SPREAD(Z21);            \
	EACH(ADD, Z28, Z29, Z30, Z31); \
	VMOVAPS Z22, Z28

// STATS stores M and L from Z27 and Beta from beta, and steps to the next block.
#define STATS(beta) \
	VSHUFPS $0x44, beta, Z27, Z27; \
	VPMOVZXBD 96(BX), Z21;         \
	VPERMPS Z27, Z21, Z27;         \
	VMOVUPS Z27, K7, (R12)
#define STEP \
	ADDQ $1024, DI; \
	ADDQ $48, R12;  \
	SUBQ $4, R8
