// float_avx512_amd64.h: the register block of the float QK and PV kernels.
//
// Up to 6 rows × 4 vectors of 16 lanes accumulate in Z0–Z23, row i in Z(4i)–Z(4i+3):
// with 4 operand vectors in Z24–Z27 and one broadcast in Z28 the block fills the
// register file as far as fused multiply-adds hide each other's latency. An operand
// vector is loaded, and where it must be widened, once for all rows of the block.

// ZERO clears the block, ZERO4 its first four rows and ZERO56 the others.
#define ZERO ZERO4; ZERO56
#define ZERO4 \
	VPXORD Z0, Z0, Z0; \
	VPXORD Z1, Z1, Z1; \
	VPXORD Z2, Z2, Z2; \
	VPXORD Z3, Z3, Z3; \
	VPXORD Z4, Z4, Z4; \
	VPXORD Z5, Z5, Z5; \
	VPXORD Z6, Z6, Z6; \
	VPXORD Z7, Z7, Z7; \
	VPXORD Z8, Z8, Z8; \
	VPXORD Z9, Z9, Z9; \
	VPXORD Z10, Z10, Z10; \
	VPXORD Z11, Z11, Z11; \
	VPXORD Z12, Z12, Z12; \
	VPXORD Z13, Z13, Z13; \
	VPXORD Z14, Z14, Z14; \
	VPXORD Z15, Z15, Z15
#define ZERO56 \
	VPXORD Z16, Z16, Z16; \
	VPXORD Z17, Z17, Z17; \
	VPXORD Z18, Z18, Z18; \
	VPXORD Z19, Z19, Z19; \
	VPXORD Z20, Z20, Z20; \
	VPXORD Z21, Z21, Z21; \
	VPXORD Z22, Z22, Z22; \
	VPXORD Z23, Z23, Z23

// FMA4 adds the scalar at q times the four operand vectors to a row, FMA2 two of them.
#define FMA4(q, a, b, c, d) \
	VBROADCASTSS q, Z28;       \
	VFMADD231PS Z24, Z28, a;   \
	VFMADD231PS Z25, Z28, b;   \
	VFMADD231PS Z26, Z28, c;   \
	VFMADD231PS Z27, Z28, d
#define FMA2(q, a, b) \
	VBROADCASTSS q, Z28;       \
	VFMADD231PS Z24, Z28, a;   \
	VFMADD231PS Z25, Z28, b

// DISPATCH jumps to the loop for the R8 rows that are left.
#define DISPATCH(l1, l2, l3, l4, l5, l6) \
	CMPQ R8, $4; \
	JEQ  l4;     \
	CMPQ R8, $6; \
	JGE  l6;     \
	CMPQ R8, $3; \
	JEQ  l3;     \
	JGT  l5;     \
	CMPQ R8, $2; \
	JEQ  l2;     \
	JMP  l1

// QK: rows of q start at AX and, from the fourth on, at CX, R11 apart. o is the byte
// offset of the channel.
#define QROWS1(o)            FMA4(o(AX), Z0, Z1, Z2, Z3)
#define QROWS2(o) QROWS1(o); FMA4(o(AX)(R11*1), Z4, Z5, Z6, Z7)
#define QROWS3(o) QROWS2(o); FMA4(o(AX)(R11*2), Z8, Z9, Z10, Z11)
#define QROWS4(o) QROWS3(o); FMA4(o(CX), Z12, Z13, Z14, Z15)
#define QROWS5(o) QROWS4(o); FMA4(o(CX)(R11*1), Z16, Z17, Z18, Z19)
#define QROWS6(o) QROWS5(o); FMA4(o(CX)(R11*2), Z20, Z21, Z22, Z23)

// GROUPS sets the byte offsets R13, R12, R9 of groups 1–3 of n tokens, group bytes DX
// apart. A group that is not there repeats the last one: its lanes are summed again.
#define GROUPS(n) \
	XORL R13, R13;     \
	XORL R12, R12;     \
	XORL R9, R9;       \
	CMPQ n, $16;       \
	JLE  grouped;      \
	MOVQ DX, R13;      \
	MOVQ DX, R12;      \
	MOVQ DX, R9;       \
	CMPQ n, $32;       \
	JLE  grouped;      \
	ADDQ DX, R12;      \
	ADDQ DX, R9;       \
	CMPQ n, $48;       \
	JLE  grouped;      \
	ADDQ DX, R9

// PLACES sets the byte offsets AX, CX, BX of groups 1–3 in a row of scores. One that is
// not there is stored where the last one is, as the same bits: the kernel that reads the
// scores next is served from the store queue, which a masked store might not do.
#define PLACES \
	MOVL $64, AX;     \
	MOVL $128, CX;    \
	MOVL $192, BX;    \
	TESTQ R13, R13;   \
	CMOVQEQ R13, AX;  \
	CMPQ R12, R13;    \
	CMOVQEQ AX, CX;   \
	CMPQ R9, R12;     \
	CMOVQEQ CX, BX

#define SROW(off, a, b, c, d) \
	VMOVUPS a, off(DI);         \
	VMOVUPS b, off(DI)(AX*1);   \
	VMOVUPS c, off(DI)(CX*1);   \
	VMOVUPS d, off(DI)(BX*1)

// SROWS stores rows of scores at DI. It clobbers AX, BX and CX.
#define SROWS1 PLACES; SROW(0, Z0, Z1, Z2, Z3)
#define SROWS2 SROWS1; SROW(256, Z4, Z5, Z6, Z7)
#define SROWS3 SROWS2; SROW(512, Z8, Z9, Z10, Z11)
#define SROWS4 SROWS3; SROW(768, Z12, Z13, Z14, Z15)
#define SROWS5 SROWS4; SROW(1024, Z16, Z17, Z18, Z19)
#define SROWS6 SROWS5; SROW(1280, Z20, Z21, Z22, Z23)

// PV: rows of p start at AX, 256 bytes apart. o is the byte offset of the token.
#define PROWS1(o)            FMA4(o(AX), Z0, Z1, Z2, Z3)
#define PROWS2(o) PROWS1(o); FMA4((256+o)(AX), Z4, Z5, Z6, Z7)
#define PROWS3(o) PROWS2(o); FMA4((512+o)(AX), Z8, Z9, Z10, Z11)
#define PROWS4(o) PROWS3(o); FMA4((768+o)(AX), Z12, Z13, Z14, Z15)
#define PROWS5(o) PROWS4(o); FMA4((1024+o)(AX), Z16, Z17, Z18, Z19)
#define PROWS6(o) PROWS5(o); FMA4((1280+o)(AX), Z20, Z21, Z22, Z23)

#define PHALF1(o)            FMA2(o(AX), Z0, Z1)
#define PHALF2(o) PHALF1(o); FMA2((256+o)(AX), Z4, Z5)
#define PHALF3(o) PHALF2(o); FMA2((512+o)(AX), Z8, Z9)
#define PHALF4(o) PHALF3(o); FMA2((768+o)(AX), Z12, Z13)
#define PHALF5(o) PHALF4(o); FMA2((1024+o)(AX), Z16, Z17)
#define PHALF6(o) PHALF5(o); FMA2((1280+o)(AX), Z20, Z21)

// HALF sets the masks K1 and K2 of the first R9 of 32 channels. It clobbers AX and CX.
#define HALF \
	XORL CX, CX;     \
	MOVQ $32, AX;    \
	SUBQ R9, AX;     \
	CMOVQGT AX, CX;  \
	MOVL $-1, AX;    \
	SHRL CX, AX;     \
	KMOVW AX, K1;    \
	SHRL $16, AX;    \
	KMOVW AX, K2

#define OROW(a, b, c, d) \
	VMOVUPS a, (R13);    \
	VMOVUPS b, 64(R13);  \
	VMOVUPS c, 128(R13); \
	VMOVUPS d, 192(R13)
#define OHALF(a, b) \
	VMOVUPS a, K1, (R13);   \
	VMOVUPS b, K2, 64(R13)

// OROWS stores 64 channels of rows of o, OHALVES up to 32, from R13 on, R11 apart.
#define OROWS1                   OROW(Z0, Z1, Z2, Z3)
#define OROWS2 OROWS1; ADDQ R11, R13; OROW(Z4, Z5, Z6, Z7)
#define OROWS3 OROWS2; ADDQ R11, R13; OROW(Z8, Z9, Z10, Z11)
#define OROWS4 OROWS3; ADDQ R11, R13; OROW(Z12, Z13, Z14, Z15)
#define OROWS5 OROWS4; ADDQ R11, R13; OROW(Z16, Z17, Z18, Z19)
#define OROWS6 OROWS5; ADDQ R11, R13; OROW(Z20, Z21, Z22, Z23)

#define OHALVES1                     OHALF(Z0, Z1)
#define OHALVES2 OHALVES1; ADDQ R11, R13; OHALF(Z4, Z5)
#define OHALVES3 OHALVES2; ADDQ R11, R13; OHALF(Z8, Z9)
#define OHALVES4 OHALVES3; ADDQ R11, R13; OHALF(Z12, Z13)
#define OHALVES5 OHALVES4; ADDQ R11, R13; OHALF(Z16, Z17)
#define OHALVES6 OHALVES5; ADDQ R11, R13; OHALF(Z20, Z21)
