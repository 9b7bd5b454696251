// softmax_avx512_amd64.h: four rows of a tile at once, or one, for the softmax kernels.
//
// Row i of a block of four lies in Z(4i)–Z(4i+3), 16 columns each. A reduction folds the
// four rows together: after it the i-th 128 bits of Z28 hold the result of row i in every
// lane, and what follows for one number a row, the divisions too, is done once. A block
// with three rows left repeats the third. One or two rows go alone, in Z0–Z3; then all of
// Z28 holds the result. A column that is not there reads as −Inf.
//
// The maxima of a block are found at the start of the block before, from memory: the
// exponentials of a block wait for nothing but registers while the divisions and codes
// of the last one drain. Whole rows are stored without masks, so that the kernels that
// read them next are served from the store queue.
// Registers: Z16–Z20, Z25 constants of the weights · Z26 maxima of the next block
//            Z27 M, then M and L · Z21–Z24, Z28–Z31 temporaries · K1–K4 columns
//            K6 temporary · K7 floats of st · DI y · R12 st · R8 rows left
//            BX constants · R9 DX R11 offsets of rows 1–3 in bytes of p, a quarter of
//            those in y · AX that of row 3 of the next block

// COLUMNS sets BX, and K1–K4 to the n columns; K1 has all 64.
#define COLUMNS(n) \
	LEAQ ·softmaxConst(SB), BX; \
	MOVQ $64, CX;         \
	SUBQ n, CX;           \
	MOVQ $-1, AX;         \
	SHRQ CX, AX;          \
	KMOVQ AX, K1;         \
	KSHIFTRQ $16, K1, K2; \
	KSHIFTRQ $32, K1, K3; \
	KSHIFTRQ $48, K1, K4

// BLOCK sets the offsets of rows 1–3 and the mask of 3 floats a row. It jumps to alone
// when fewer than three rows are left.
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
	KMOVW AX, K7

// AHEAD sets AX for the block after this one. It jumps to none when that has fewer than
// three rows.
#define AHEAD(none) \
	MOVL $192, AX;   \
	CMPQ R8, $7;     \
	JLT  none;       \
	CMOVQEQ DX, AX

// ALONE sets the mask of one row's floats.
#define ALONE \
	MOVL $7, AX; \
	KMOVW AX, K7

// IFPART jumps to part when rows are not whole.
#define IFPART(part) \
	KORTESTQ K1, K1; \
	JCC  part

// LESSROWS loads four rows less their M, the negatives of which are in Z28–Z31;
// LESSPARTS does for rows that are not whole.
#define LESSROW(o, row, m, a, b, c, d) \
	VADDPS (o)row, m, a;      \
	VADDPS (o+64)row, m, b;   \
	VADDPS (o+128)row, m, c;  \
	VADDPS (o+192)row, m, d
#define LESSROWS \
	LESSROW(0, (DI), Z28, Z0, Z1, Z2, Z3);           \
	LESSROW(256, (DI), Z29, Z4, Z5, Z6, Z7);         \
	LESSROW(512, (DI), Z30, Z8, Z9, Z10, Z11);       \
	LESSROW(0, (DI)(R11*4), Z31, Z12, Z13, Z14, Z15)
#define LESSPART(o, row, m, a, b, c, d) \
	VBROADCASTSS 20(BX), a;       \
	VBROADCASTSS 20(BX), b;       \
	VBROADCASTSS 20(BX), c;       \
	VBROADCASTSS 20(BX), d;       \
	VADDPS (o)row, m, K1, a;      \
	VADDPS (o+64)row, m, K2, b;   \
	VADDPS (o+128)row, m, K3, c;  \
	VADDPS (o+192)row, m, K4, d
#define LESSPARTS \
	LESSPART(0, (DI), Z28, Z0, Z1, Z2, Z3);           \
	LESSPART(256, (DI), Z29, Z4, Z5, Z6, Z7);         \
	LESSPART(512, (DI), Z30, Z8, Z9, Z10, Z11);       \
	LESSPART(0, (DI)(R11*4), Z31, Z12, Z13, Z14, Z15)

// LOADROW and LOADPART load a single row.
#define LOADROW \
	VMOVUPS (DI), Z0;     \
	VMOVUPS 64(DI), Z1;   \
	VMOVUPS 128(DI), Z2;  \
	VMOVUPS 192(DI), Z3
#define LOADPART \
	VBROADCASTSS 20(BX), Z0;  \
	VMOVAPS Z0, Z1;           \
	VMOVAPS Z0, Z2;           \
	VMOVAPS Z0, Z3;           \
	VMOVUPS (DI), K1, Z0;     \
	VMOVUPS 64(DI), K2, Z1;   \
	VMOVUPS 128(DI), K3, Z2;  \
	VMOVUPS 192(DI), K4, Z3

#define STOREROW(o, row, a, b, c, d) \
	VMOVUPS a, (o)row;       \
	VMOVUPS b, (o+64)row;    \
	VMOVUPS c, (o+128)row;   \
	VMOVUPS d, (o+192)row
#define STOREROWS \
	STOREROW(0, (DI), Z0, Z1, Z2, Z3);           \
	STOREROW(256, (DI), Z4, Z5, Z6, Z7);         \
	STOREROW(512, (DI), Z8, Z9, Z10, Z11);       \
	STOREROW(0, (DI)(R11*4), Z12, Z13, Z14, Z15)
#define STOREPART(o, row, a, b, c, d) \
	VMOVUPS a, K1, (o)row;     \
	VMOVUPS b, K2, (o+64)row;  \
	VMOVUPS c, K3, (o+128)row; \
	VMOVUPS d, K4, (o+192)row
#define STOREPARTS \
	STOREPART(0, (DI), Z0, Z1, Z2, Z3);           \
	STOREPART(256, (DI), Z4, Z5, Z6, Z7);         \
	STOREPART(512, (DI), Z8, Z9, Z10, Z11);       \
	STOREPART(0, (DI)(R11*4), Z12, Z13, Z14, Z15)

// ROW applies OP with the operand r to the row in Z0–Z3, ROWS with one operand a row to
// four rows, EACH without operand to all 16 vectors and EACHROW to those of one row.
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

#define EACHROW(OP) \
	OP(Z0); \
	OP(Z1); \
	OP(Z2); \
	OP(Z3)
#define EACH(OP) \
	EACHROW(OP); \
	OP(Z4);  \
	OP(Z5);  \
	OP(Z6);  \
	OP(Z7);  \
	OP(Z8);  \
	OP(Z9);  \
	OP(Z10); \
	OP(Z11); \
	OP(Z12); \
	OP(Z13); \
	OP(Z14); \
	OP(Z15)

// FOLD reduces a, b, c and d, one row each, by OP over lanes 8, 4, 2 and 1 apart into a;
// FOLDROW the row in Z28.
#define FOLD(OP, a, b, c, d) \
	VSHUFF32X4 $0x44, b, a, Z21;     \
	VSHUFF32X4 $0xEE, b, a, Z22;     \
	VSHUFF32X4 $0x44, d, c, Z23;     \
	VSHUFF32X4 $0xEE, d, c, Z24;     \
	OP Z22, Z21, Z21;                \
	OP Z24, Z23, Z23;                \
	VSHUFF32X4 $0x88, Z23, Z21, Z22; \
	VSHUFF32X4 $0xDD, Z23, Z21, Z24; \
	OP Z24, Z22, a;                  \
	VPERMILPS $0x4E, a, Z21;         \
	OP Z21, a, a;                    \
	VPERMILPS $0xB1, a, Z21;         \
	OP Z21, a, a
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

// PEAK sets Z26 to the maxima of the four rows at o(DI), r the offset of the last one,
// PEAKPART where they are not whole, and PEAKROW Z28 to that of the row in Z0–Z3. In a row
// with a NaN that may be anything.
#define MAX4(o, row, r, t) \
	VMOVUPS (o)row, r;         \
	VMOVUPS (o+128)row, t;     \
	VMAXPS (o+64)row, r, r;    \
	VMAXPS (o+192)row, t, t;   \
	VMAXPS t, r, r
#define PEAK(o, r) \
	MAX4(o, (DI), Z0, Z21);           \
	MAX4(o+256, (DI), Z1, Z22);       \
	MAX4(o+512, (DI), Z2, Z23);       \
	MAX4(o, (DI)(r*4), Z3, Z24);      \
	FOLD(VMAXPS, Z0, Z1, Z2, Z3);     \
	VMOVAPS Z0, Z26
#define MAXPART4(o, row, r) \
	VBROADCASTSS 20(BX), r;          \
	VMAXPS (o)row, r, K1, r;         \
	VMAXPS (o+64)row, r, K2, r;      \
	VMAXPS (o+128)row, r, K3, r;     \
	VMAXPS (o+192)row, r, K4, r
#define PEAKPART(o, r) \
	MAXPART4(o, (DI), Z0);            \
	MAXPART4(o+256, (DI), Z1);        \
	MAXPART4(o+512, (DI), Z2);        \
	MAXPART4(o, (DI)(r*4), Z3);       \
	FOLD(VMAXPS, Z0, Z1, Z2, Z3);     \
	VMOVAPS Z0, Z26
#define PEAKROW \
	VMAXPS Z1, Z0, Z28;  \
	VMAXPS Z3, Z2, Z21;  \
	VMAXPS Z21, Z28, Z28; \
	FOLDROW(VMAXPS)

// WHOLE sets Z27 to M: the maxima x, rounded up where whole is 1.
#define WHOLE(whole, x) \
	MOVBLZX whole, AX;             \
	NEGL AX;                       \
	KMOVW AX, K6;                  \
	VMOVAPS x, Z27;                \
	VRNDSCALEPS $0x0A, x, K6, Z27

// ORIGIN sets x to what is subtracted from the rows: M, or the lowest finite number for
// −Inf, so that a row without visible keys gets weights and sum 0. ORIGINS sets Z28–Z31
// to the negatives for four rows.
#define ORIGIN(x) \
	VMAXPS.BCST 128(BX), Z27, x
#define ORIGINS \
	ORIGIN(Z21);                  \
	VPXORD.BCST 132(BX), Z21, Z21; \
	SPREAD(Z21)

// EXPCONST loads the constants of EXP2: Z16 1.5·2²⁰, Z17 2^(i/8), Z18–Z20 the
// coefficients scaled to r/8, Z25 −160.
#define EXPCONST \
	VBROADCASTSS 0(BX), Z16;      \
	VBROADCASTF32X8 64(BX), Z17;  \
	VBROADCASTSS 4(BX), Z18;      \
	VBROADCASTSS 8(BX), Z19;      \
	VBROADCASTSS 12(BX), Z20;     \
	VBROADCASTSS 16(BX), Z25

// EXP2 turns x ≤ 0 into 2^x: the operations of exp2_generic.go on r/8 and with
// coefficients scaled by powers of two, which changes no bit. The bits of negative numbers
// grow with their magnitude, so their minimum as integers is the larger number; it loses
// a NaN, which VSCALEFPS finds in x again. Adding 1.5·2²⁰ rounds down to eighths and leaves
// the index of the table in the low bits; VSCALEFPS uses ⌊x⌋.
#define EXP2(x) \
	VPMINUD Z25, x, Z22;        \
	VADDPS.RD_SAE Z16, Z22, Z21; \
	VSUBPS Z16, Z21, Z23;       \
	VSUBPS Z23, Z22, Z22;       \
	VMULPS Z18, Z22, Z23;       \
	VADDPS Z19, Z23, Z23;       \
	VMULPS Z22, Z23, Z23;       \
	VADDPS Z20, Z23, Z23;       \
	VMULPS Z22, Z23, Z23;       \
	VPERMPS Z17, Z21, Z21;      \
	VMULPS Z21, Z23, Z23;       \
	VADDPS Z21, Z23, Z23;       \
	VSCALEFPS x, Z23, x

// LOGCONST loads the constants of LOG for the code at step, zero and last: Z16 1.5·2²³/Step,
// Z17 1 and, for Step 2, √2 in the odd lanes, Z18 and Z19 the sums of codes Zero and Last.
#define LOGCONST(step, zero, last) \
	VBROADCASTSS step, Z21;       \
	VBROADCASTSS 40(BX), Z16;     \
	VDIVPS Z21, Z16, Z16;         \
	VBROADCASTSS zero, Z18;       \
	VBROADCASTSS last, Z19;       \
	VDIVPS Z21, Z18, Z18;         \
	VDIVPS Z21, Z19, Z19;         \
	VSUBPS Z18, Z16, Z18;         \
	VSUBPS Z19, Z16, Z19;         \
	MOVL step, AX;                \
	SHRL $27, AX;                 \
	ANDL $8, AX;                  \
	VBROADCASTSD 48(BX)(AX*1), Z17

// LOG turns x ≤ 0 into the weight of the code of −x: the sum with Z16 rounds to multiples
// of 1/Step, to even, and leaves the parity of the code in the low bit.
#define LOG(x) \
	VADDPS Z16, x, Z21;         \
	VCMPPS $0x16, Z18, Z21, K6; \
	VMAXPS Z21, Z19, Z21;       \
	VSUBPS Z16, Z21, Z22;       \
	VPERMPS Z17, Z21, Z21;      \
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
	FOLD(VADDPS, Z28, Z29, Z30, Z31); \
	VCMPPS $3, Z28, Z28, K6;       \
	KORTESTW K6, K6
#define SUMROW \
	ADD4(Z0, Z1, Z2, Z3, Z28); \
	FOLDROW(VADDPS);           \
	VCMPPS $3, Z28, Z28, K6;   \
	KORTESTW K6, K6

#define ADD(a, x) VADDPS a, x, x
#define SUB(a, x) VSUBPS a, x, x
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
