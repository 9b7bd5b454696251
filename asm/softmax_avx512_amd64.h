// softmax_avx512_amd64.h: four rows of a tile at once, or one, for the softmax kernels.
//
// Row i of a block of four lies in Z(4i)–Z(4i+3), 16 columns each. A reduction folds the
// four rows together: after it the i-th 128 bits of Z28 hold the result of row i in every
// lane, and what follows for one number a row, the divisions too, is done once. A block
// with three rows left repeats the third. One or two rows go alone, in Z0–Z3; then all of
// Z28 holds the result. A column that is not there reads as −Inf.
// Registers: Z16–Z20, Z25 constants of the weights · Z26 −Inf · Z27 M, then M and L
//            Z21–Z24, Z28–Z31 temporaries · K1–K4 columns · K6 temporary · K7 floats of
//            st · DI y · R12 st · R8 rows left · BX constants · R9 DX R11 offsets of rows
//            1–3 in bytes of p, a quarter of those in y

// COLUMNS sets K1–K4 to the n columns; K1 has all 64.
#define COLUMNS(n) \
	MOVQ $64, CX;         \
	SUBQ n, CX;           \
	MOVQ $-1, AX;         \
	SHRQ CX, AX;          \
	KMOVQ AX, K1;         \
	KSHIFTRQ $16, K1, K2; \
	KSHIFTRQ $32, K1, K3; \
	KSHIFTRQ $48, K1, K4

// BLOCK sets the offsets of rows 1–3 and the mask of 3 floats a row, and tests for whole
// rows. It jumps to alone when fewer than three rows are left.
#define BLOCK(alone) \
	MOVL $64, R9;         \
	MOVL $128, DX;        \
	MOVL $192, R11;       \
	MOVL $0xfff, AX;      \
	MOVL $0x1ff, CX;      \
	CMPQ R8, $3;          \
	JLT  alone;           \
	CMOVLEQ DX, R11;      \
	CMOVLEQ CX, AX;       \
	KMOVW AX, K7;         \
	KORTESTQ K1, K1

// ALONE sets the mask of one row's floats and tests for whole rows.
#define ALONE \
	MOVL $7, AX;          \
	KMOVW AX, K7;         \
	KORTESTQ K1, K1

#define LOADROW(o, row, a, b, c, d) \
	VMOVUPS (o)row, a;      \
	VMOVUPS (o+64)row, b;   \
	VMOVUPS (o+128)row, c;  \
	VMOVUPS (o+192)row, d
#define LOADROWS \
	LOADROW(0, (DI), Z0, Z1, Z2, Z3);           \
	LOADROW(256, (DI), Z4, Z5, Z6, Z7);         \
	LOADROW(512, (DI), Z8, Z9, Z10, Z11);       \
	LOADROW(0, (DI)(R11*4), Z12, Z13, Z14, Z15)

#define LOADPART(o, row, a, b, c, d) \
	VMOVAPS Z26, a;            \
	VMOVAPS Z26, b;            \
	VMOVAPS Z26, c;            \
	VMOVAPS Z26, d;            \
	VMOVUPS (o)row, K1, a;     \
	VMOVUPS (o+64)row, K2, b;  \
	VMOVUPS (o+128)row, K3, c; \
	VMOVUPS (o+192)row, K4, d
#define LOADPARTS \
	LOADPART(0, (DI), Z0, Z1, Z2, Z3);           \
	LOADPART(256, (DI), Z4, Z5, Z6, Z7);         \
	LOADPART(512, (DI), Z8, Z9, Z10, Z11);       \
	LOADPART(0, (DI)(R11*4), Z12, Z13, Z14, Z15)

#define STOREROW(o, row, a, b, c, d) \
	VMOVUPS a, K1, (o)row;     \
	VMOVUPS b, K2, (o+64)row;  \
	VMOVUPS c, K3, (o+128)row; \
	VMOVUPS d, K4, (o+192)row
#define STOREROWS \
	STOREROW(0, (DI), Z0, Z1, Z2, Z3);           \
	STOREROW(256, (DI), Z4, Z5, Z6, Z7);         \
	STOREROW(512, (DI), Z8, Z9, Z10, Z11);       \
	STOREROW(0, (DI)(R11*4), Z12, Z13, Z14, Z15)

// ROW applies OP with the operand r to the row in Z0–Z3, ROWS with one operand a row to
// four rows.
#define ROW(OP, r) \
	OP(r, Z0); \
	OP(r, Z1); \
	OP(r, Z2); \
	OP(r, Z3)
#define ROWS(OP, r0, r1, r2, r3) \
	ROW(OP, r0); \
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

// FOLD reduces Z28–Z31, one row each, by OP over lanes 8, 4, 2 and 1 apart; FOLDROW the
// row in Z28.
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
#define FOLDROW(OP) \
	VSHUFF32X4 $0x4E, Z28, Z28, Z21; \
	OP Z21, Z28, Z28;                \
	VSHUFF32X4 $0xB1, Z28, Z28, Z21; \
	OP Z21, Z28, Z28;                \
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

// PEAK and PEAKROW set Z28 to the maxima. In a row with a NaN that may be anything.
#define MAX4(a, b, c, d, r) \
	VMAXPS b, a, r;   \
	VMAXPS d, c, Z21; \
	VMAXPS Z21, r, r
#define PEAK \
	MAX4(Z0, Z1, Z2, Z3, Z28);     \
	MAX4(Z4, Z5, Z6, Z7, Z29);     \
	MAX4(Z8, Z9, Z10, Z11, Z30);   \
	MAX4(Z12, Z13, Z14, Z15, Z31); \
	FOLD(VMAXPS)
#define PEAKROW \
	MAX4(Z0, Z1, Z2, Z3, Z28); \
	FOLDROW(VMAXPS)

// WHOLE sets Z27 to M: the maxima, rounded up where whole is 1.
#define WHOLE(whole) \
	MOVBLZX whole, AX;               \
	NEGL AX;                         \
	KMOVW AX, K6;                    \
	VMOVAPS Z28, Z27;                \
	VRNDSCALEPS $0x0A, Z28, K6, Z27

// ORIGIN sets x to what is subtracted from the rows: M, or 0 for −Inf, so that a row
// without visible keys gets weights and sum 0.
#define ORIGIN(x) \
	VCMPPS $4, Z26, Z27, K6; \
	VMOVAPS.Z Z27, K6, x

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

// LOG turns x into the weight of the code of x−m: the sum with Z16 rounds to multiples
// of 1/Step, to even, and leaves the parity of the code in the low bit.
#define LOG(m, x) \
	VSUBPS m, x, x;             \
	VADDPS Z16, x, Z21;         \
	VSUBPS Z16, Z21, Z22;       \
	VPERMPS Z17, Z21, Z21;      \
	VCMPPS $0x16, Z18, Z22, K6; \
	VSCALEFPS.Z Z22, Z21, K6, x

// SUM and SUMROW set Z28 to L and K6, tested, to the lanes in which it is NaN: in rows
// that have a NaN or +Inf.
#define ADD4(a, b, c, d, r) \
	VADDPS b, a, r; \
	VADDPS c, r, r; \
	VADDPS d, r, r
#define SUM \
	ADD4(Z0, Z1, Z2, Z3, Z28);     \
	ADD4(Z4, Z5, Z6, Z7, Z29);     \
	ADD4(Z8, Z9, Z10, Z11, Z30);   \
	ADD4(Z12, Z13, Z14, Z15, Z31); \
	FOLD(VADDPS);                  \
	VCMPPS $3, Z28, Z28, K6;       \
	KORTESTW K6, K6
#define SUMROW \
	ADD4(Z0, Z1, Z2, Z3, Z28); \
	FOLDROW(VADDPS);           \
	VCMPPS $3, Z28, Z28, K6;   \
	KORTESTW K6, K6

#define ADD(a, x) VADDPS a, x, x
#define MUL(a, x) VMULPS a, x, x

// NAN and NANROW make M and all weights of the rows in K6 NaN. Z28 is kept.
#define NAN \
	VMOVAPS Z28, K6, Z27;   \
	VMOVAPS.Z Z28, K6, Z21; \
	VMOVAPS Z28, Z22;       \
	SPREAD(Z21);            \
	ROWS(ADD, Z28, Z29, Z30, Z31); \
	VMOVAPS Z22, Z28
#define NANROW \
	VMOVAPS Z28, Z27; \
	ROW(ADD, Z28)

// STATS stores M and L from Z27 and Beta from beta.
#define STATS(beta) \
	VSHUFPS $0x44, beta, Z27, Z27; \
	VPMOVZXBD 96(BX), Z21;         \
	VPERMPS Z27, Z21, Z27;         \
	VMOVUPS Z27, K7, (R12)

// STEP goes to the next block, STEPROW to the next row.
#define STEP \
	ADDQ $1024, DI; \
	ADDQ $48, R12;  \
	SUBQ $4, R8
#define STEPROW \
	ADDQ $256, DI; \
	ADDQ $12, R12; \
	DECQ R8
