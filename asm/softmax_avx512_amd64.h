// softmax_avx512_amd64.h: four rows of a tile at once, or one, for the softmax kernels.
//
// What reductions leave for one number a row, the divisions too, is done for four rows at
// once: numbers in columns are those of rows 0–3 in every 128 bits, numbers in lanes have
// that of row i in the whole of 128 bits i. A block with three rows left repeats the third.
// Two rows that are left repeat in columns and lanes; those of a row alone, and of a pair that
// is not whole, are all one number. A column that is not there reads as −Inf.
//
// Schedulers of vector operations hold few that wait, so nothing that waits long stands
// right behind what it waits for: the maxima of a block are found, and the codes of a block
// are made, among the exponentials of the block between, the codes from weights in memory.
// A row is stored and summed behind the exponentials of the next one, which also lets the
// third row of three be its own fourth. Additions, comparisons, shifts and VSCALEFPS, which
// counts twice, share two ports, so the maxima of products, which are not negative, are
// those of integers. Whole rows are stored without masks, so that the kernels that read them
// next are served from the store queue.
// Registers: Z0–Z3, Z4–Z7 rows · Z8–Z13 maxima and codes of other blocks · Z14 maxima in
//            columns of the next block, then M · Z15 of codes · Z16, Z17 constants of the
//            weights · Z18–Z20 sums · Z26 origins · Z27 M in columns · Z21–Z24, Z28, Z29
//            temporaries · K1–K4 columns · K0, K6 temporaries · K7 floats of st · DI y
//            R12 st · R8 rows left · BX constants · R9 DX R11 offsets of rows 1–3 in bytes
//            of p, a quarter of those in y · AX that of row 3 of the next block

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

// BLOCK sets the offsets of rows 1–3 and the mask of 3 floats a row for three rows or more.
#define BLOCK \
	MOVL $64, R9;         \
	MOVL $128, DX;        \
	MOVL $192, R11;       \
	MOVL $0xfff, AX;      \
	MOVL $0x1ff, CX;      \
	CMPQ R8, $3;          \
	CMOVQEQ DX, R11;      \
	CMOVLEQ CX, AX;       \
	KMOVW AX, K7

// AHEAD sets AX for the block after this one. It jumps to none when that has fewer than
// three rows.
#define AHEAD(none) \
	MOVL $192, AX;   \
	CMPQ R8, $7;     \
	JLT  none;       \
	CMOVQEQ DX, AX

// ALONE sets the mask of one row's floats, DOUBLE that of two rows and the offset of the second.
#define DOUBLE \
	MOVL $64, R9;   \
	MOVL $0x3f, AX; \
	KMOVW AX, K7
#define ALONE \
	MOVL $7, AX; \
	KMOVW AX, K7

// IFPART jumps to part when rows are not whole.
#define IFPART(part) \
	KORTESTQ K1, K1; \
	JCC  part

// LESS sets a–d to a row less its M, the negative of which is in m; LESSPART does for a row
// that is not whole.
#define LESS(o, row, m, a, b, c, d) \
	VADDPS (o)row, m, a;      \
	VADDPS (o+64)row, m, b;     \
	VADDPS (o+128)row, m, c;    \
	VADDPS (o+192)row, m, d
#define LESSPART(o, row, m, a, b, c, d) \
	VBROADCASTSS 20(BX), a;      \
	VMOVAPS a, b;                \
	VMOVAPS a, c;                \
	VMOVAPS a, d;                \
	VADDPS (o)row, m, K1, a;      \
	VADDPS (o+64)row, m, K2, b;     \
	VADDPS (o+128)row, m, K3, c;    \
	VADDPS (o+192)row, m, K4, d

#define STORE(o, row, a, b, c, d) \
	VMOVUPS a, (o)row;        \
	VMOVUPS b, (o+64)row;       \
	VMOVUPS c, (o+128)row;      \
	VMOVUPS d, (o+192)row
#define STOREPART(o, row, a, b, c, d) \
	VMOVUPS a, K1, (o)row;      \
	VMOVUPS b, K2, (o+64)row;     \
	VMOVUPS c, K3, (o+128)row;    \
	VMOVUPS d, K4, (o+192)row

// LOADPART loads a row, absent columns as zeros.
#define LOADPART(o, row, a, b, c, d) \
	VMOVUPS.Z (o)row, K1, a;     \
	VMOVUPS.Z (o+64)row, K2, b;    \
	VMOVUPS.Z (o+128)row, K3, c;   \
	VMOVUPS.Z (o+192)row, K4, d

// PEAK sets Z14 to the maxima of the four rows at o(DI), r the offset of the last one, in
// columns, PEAKPART where they are not whole, PEAKROW and PEAKROWPART to that of one row. In
// a row with a NaN that may be anything.
#define MAX4(o, row, r, t) \
	VMOVUPS (o)row, r;          \
	VMOVUPS (o+128)row, t;        \
	VMAXPS (o+64)row, r, r;       \
	VMAXPS (o+192)row, t, t;      \
	VMAXPS t, r, r
#define MAXPART4(o, row, r) \
	VBROADCASTSS 20(BX), r;          \
	VMAXPS (o)row, r, K1, r;          \
	VMAXPS (o+64)row, r, K2, r;         \
	VMAXPS (o+128)row, r, K3, r;        \
	VMAXPS (o+192)row, r, K4, r
#define PEAK(o, r) \
	MAX4(o, (DI), Z14, Z8);           \
	MAX4(o+256, (DI), Z9, Z10);       \
	MAX4(o+512, (DI), Z11, Z12);      \
	MAX4(o, (DI)(r*4), Z13, Z8);      \
	PAIR(VMAXPS, Z14, Z9);            \
	PAIR(VMAXPS, Z11, Z13);           \
	PAIRS(VMAXPS, Z14, Z11)
#define PEAKPART(o, r) \
	MAXPART4(o, (DI), Z14);           \
	MAXPART4(o+256, (DI), Z9);        \
	MAXPART4(o+512, (DI), Z11);       \
	MAXPART4(o, (DI)(r*4), Z13);      \
	PAIR(VMAXPS, Z14, Z9);            \
	PAIR(VMAXPS, Z11, Z13);           \
	PAIRS(VMAXPS, Z14, Z11)
#define PEAKROW \
	MAX4(0, (DI), Z14, Z8);           \
	TURNS(VMAXPS, Z14)
#define PEAKROWPART \
	MAXPART4(0, (DI), Z14);           \
	TURNS(VMAXPS, Z14)

// PAIR and PAIRS reduce four rows by an OP that may take numbers in any order, into the
// columns of a: PAIR rows a and b of two into a, PAIRS those pairs of rows. TURNS reduces the
// row in a.
#define PAIR(OP, a, b) \
	VUNPCKLPS b, a, Z21;             \
	VUNPCKHPS b, a, a;               \
	OP a, Z21, a
#define TURN4(OP, a) \
	VSHUFF32X4 $0x39, a, a, Z21;     \
	VSHUFF32X4 $0x4E, a, a, Z22;     \
	VSHUFF32X4 $0x93, a, a, Z23;     \
	OP Z21, a, a;                    \
	OP Z22, Z23, Z23;                \
	OP Z23, a, a
#define PAIRS(OP, a, b) \
	VUNPCKLPD b, a, Z21;             \
	VUNPCKHPD b, a, a;               \
	OP a, Z21, a;                    \
	TURN4(OP, a)
#define TURNS(OP, a) \
	TURN4(OP, a);                    \
	VPERMILPS $0x39, a, Z21;         \
	VPERMILPS $0x4E, a, Z22;         \
	VPERMILPS $0x93, a, Z23;         \
	OP Z21, a, a;                    \
	OP Z22, Z23, Z23;                \
	OP Z23, a, a

// PEAKPAIR and TOTALPAIR are PEAK and TOTAL for two rows, which repeat as the third and fourth.
#define TWO(OP, a) \
	VPERMILPS $0x4E, a, Z21;         \
	OP Z21, a, a;                    \
	TURN4(OP, a)
#define PEAKPAIR \
	MAX4(0, (DI), Z14, Z8);          \
	MAX4(256, (DI), Z9, Z10);        \
	PAIR(VMAXPS, Z14, Z9);           \
	TWO(VMAXPS, Z14)
#define TOTALPAIR ADD4(Z18, Z18)

// WHOLE rounds Z14 up where whole is 1.
#define WHOLE(whole) \
	MOVBLZX whole, AX;             \
	NEGL AX;                       \
	KMOVW AX, K6;                  \
	VRNDSCALEPS $0x0A, Z14, K6, Z14

// ORIGIN sets Z26 to the negative of what is subtracted from the rows: M, in Z14, or the
// lowest finite number for −Inf, so that a row without visible keys gets weights and sum 0.
#define ORIGIN \
	VMAXPS.BCST 128(BX), Z14, Z26; \
	VPXORD.BCST 132(BX), Z26, Z26

// EXPCONST loads the constants of EXP2: Z16 1.5·2²⁰, Z17 2^(i/8).
#define EXPCONST \
	VBROADCASTSS 0(BX), Z16;      \
	VBROADCASTF32X8 64(BX), Z17

// EXP2 turns x ≤ 0 into 2^x: the operations of exp2_generic.go on r/8 and with
// coefficients scaled by powers of two, which changes no bit. The bits of negative numbers
// grow with their magnitude, so their minimum as integers is the larger number; it loses
// a NaN, which VSCALEFPS finds in x again. Adding 1.5·2²⁰ rounds down to eighths and leaves
// the index of the table in the low bits; VSCALEFPS uses ⌊x⌋. t, r and p are temporaries. EXP2BY
// has the constants elsewhere.
#define EXP2(x, t, r, p) EXP2BY(Z16, Z17, x, t, r, p)
#define EXP2BY(round, table, x, t, r, p) \
	VPMINUD.BCST 16(BX), x, r;    \
	VADDPS.RD_SAE round, r, t;      \
	VSUBPS round, t, p;             \
	VSUBPS p, r, r;               \
	VMULPS.BCST 4(BX), r, p;      \
	VADDPS.BCST 8(BX), p, p;      \
	VMULPS r, p, p;               \
	VADDPS.BCST 12(BX), p, p;     \
	VMULPS r, p, p;               \
	VPERMPS table, t, t;            \
	VMULPS t, p, p;               \
	VADDPS t, p, p;               \
	VSCALEFPS x, p, x

// EXP2S is EXP2 of two, step by step: schedulers hold too few operations to find the second
// behind all of the first.
#define EXP2S(x, y) \
	VPMINUD.BCST 16(BX), x, Z22;  \
	VPMINUD.BCST 16(BX), y, Z28;  \
	VADDPS.RD_SAE Z16, Z22, Z21;  \
	VADDPS.RD_SAE Z16, Z28, Z24;  \
	VSUBPS Z16, Z21, Z23;         \
	VSUBPS Z16, Z24, Z29;         \
	VSUBPS Z23, Z22, Z22;         \
	VSUBPS Z29, Z28, Z28;         \
	VMULPS.BCST 4(BX), Z22, Z23;  \
	VMULPS.BCST 4(BX), Z28, Z29;  \
	VADDPS.BCST 8(BX), Z23, Z23;  \
	VADDPS.BCST 8(BX), Z29, Z29;  \
	VMULPS Z22, Z23, Z23;         \
	VMULPS Z28, Z29, Z29;         \
	VADDPS.BCST 12(BX), Z23, Z23; \
	VADDPS.BCST 12(BX), Z29, Z29; \
	VMULPS Z22, Z23, Z23;         \
	VMULPS Z28, Z29, Z29;         \
	VPERMPS Z17, Z21, Z21;        \
	VPERMPS Z17, Z24, Z24;        \
	VMULPS Z21, Z23, Z23;         \
	VMULPS Z24, Z29, Z29;         \
	VADDPS Z21, Z23, Z23;         \
	VADDPS Z24, Z29, Z29;         \
	VSCALEFPS x, Z23, x;          \
	VSCALEFPS y, Z29, y

// LOGCONST loads the constants of LOG for the code at step, zero and last: Z16 1.5·2²³/Step,
// Z17 1 and, for Step 2, √2 in the odd lanes, Z28 and Z29 the sums of codes Zero and Last.
#define LOGCONST(step, zero, last) \
	VBROADCASTSS step, Z21;       \
	VBROADCASTSS 40(BX), Z16;     \
	VDIVPS Z21, Z16, Z16;         \
	VBROADCASTSS zero, Z28;       \
	VBROADCASTSS last, Z29;       \
	VDIVPS Z21, Z28, Z28;         \
	VDIVPS Z21, Z29, Z29;         \
	VSUBPS Z28, Z16, Z28;         \
	VSUBPS Z29, Z16, Z29;         \
	MOVL step, AX;                \
	SHRL $27, AX;                 \
	ANDL $8, AX;                  \
	VBROADCASTSD 48(BX)(AX*1), Z17

// LOG turns x ≤ 0 into the weight of the code of −x: the sum with Z16 rounds to multiples
// of 1/Step, to even, and leaves the parity of the code in the low bit.
#define LOG(x) \
	VADDPS Z16, x, Z21;         \
	VCMPPS $0x16, Z28, Z21, K6; \
	VMAXPS Z21, Z29, Z21;       \
	VSUBPS Z16, Z21, Z22;       \
	VPERMPS Z17, Z21, Z21;      \
	VSCALEFPS.Z Z22, Z21, K6, x

// EXPS and LOGS make the weights of a row. SUM adds them up in s; u is for kernels that have
// more to do with them.
#define EXPS(a, b, c, d) \
	EXP2S(a, b);               \
	EXP2S(c, d)
#define LOGS(a, b, c, d) \
	LOG(a); \
	LOG(b); \
	LOG(c); \
	LOG(d)
#define SUM(s, u, a, b, c, d) \
	VADDPS b, a, s;  \
	VADDPS c, s, s;  \
	VADDPS d, s, s

// ADD8 adds chains of rows a and b 8 apart, ADD4 those of four rows 4, 2 and 1 apart, into
// the lanes of a; ADDROW those of the row in a, 8, 4, 2 and 1 apart.
#define ADD8(a, b, u, v) \
	VSHUFF32X4 $0x44, b, a, Z21;     \
	VSHUFF32X4 $0xEE, b, a, Z22;     \
	VADDPS Z22, Z21, a
#define ADD2(a) \
	VPERMILPS $0x4E, a, Z21;         \
	VADDPS Z21, a, a;                \
	VPERMILPS $0xB1, a, Z21;         \
	VADDPS Z21, a, a
#define ADD4(a, b) \
	VSHUFF32X4 $0x88, b, a, Z21;     \
	VSHUFF32X4 $0xDD, b, a, Z22;     \
	VADDPS Z22, Z21, a;              \
	ADD2(a)
#define ADDROW(a) \
	VSHUFF32X4 $0x4E, a, a, Z21;     \
	VADDPS Z21, a, a;                \
	VSHUFF32X4 $0xB1, a, a, Z21;     \
	VADDPS Z21, a, a;                \
	ADD2(a)

// WEIGH makes the weights of row i in a–d. LESS is that of whole rows or parts, EXPS may be
// LOGS. KEEP stores them and adds them up.
#define WEIGH(LESS, EXPS, i, o, row, a, b, c, d) \
	VPERMILPS $(i*0x55), Z26, Z21;  \
	LESS(o, row, Z21, a, b, c, d);  \
	EXPS(a, b, c, d)
#define KEEP(STORE, SUM, s, u, o, row, a, b, c, d) \
	STORE(o, row, a, b, c, d);      \
	SUM(s, u, a, b, c, d)

// TOTAL leaves the sums L of a block of four rows in the lanes of Z18.
#define TOTAL ADD4(Z18, Z19)

// IFVOID jumps to void when some L is NaN.
#define IFVOID(void) \
	VCMPPS $3, Z18, Z18, K6;   \
	KORTESTW K6, K6;           \
	JNZ void

// STATS stores M and beta, both in columns, and L, from Z27 and Z18.
#define STATS(beta) \
	VMOVDQU32 192(BX), Z21;        \
	VMOVDQU32 256(BX), Z23;        \
	VPERMI2PS beta, Z27, Z21;      \
	VPERMT2PS Z18, Z23, Z21;       \
	VMOVUPS Z21, K7, (R12)

// STEP and STEPROW go to the next block or row of y.
#define STEP \
	ADDQ $1024, DI; \
	SUBQ $4, R8
#define STEPROW \
	ADDQ $256, DI; \
	DECQ R8

// AGAIN prepares a row of weights at (R9) to be finished alone: Z27 M and Z18 L from st. In a
// row whose L is NaN, which has a NaN or +Inf, M and the weights become NaN too.
#define AGAIN \
	VBROADCASTSS 0(R12), Z27;         \
	VBROADCASTSS 4(R12), Z18;         \
	LOADPART(0, (R9), Z0, Z1, Z2, Z3); \
	VCMPPS $3, Z18, Z18, K6;          \
	VMOVAPS Z18, K6, Z27;             \
	VMOVAPS.Z Z18, K6, Z21;           \
	VADDPS Z21, Z0, Z0;               \
	VADDPS Z21, Z1, Z1;               \
	VADDPS Z21, Z2, Z2;               \
	VADDPS Z21, Z3, Z3;               \
	STOREPART(0, (R9), Z0, Z1, Z2, Z3)

// AGAINROWS sets R9 to the first of the last block's rows and R11 to their number.
#define AGAINROWS \
	LEAQ -1024(DI), R9; \
	SHRL $6, R11;       \
	INCL R11
#define AGAINPAIR \
	LEAQ -512(DI), R9;  \
	MOVL $2, R11
#define AGAINROW \
	LEAQ -256(DI), R9;  \
	MOVL $1, R11
