// bf16_amd64.h: dot products of bfloat16 pairs, bfloat16 of float32. Include float_avx512_amd64.h
// first for the products.
//
// The Go assembler does not know the instructions. Registers are numbers, in Go's operand
// order:
//
//	VDPBF16PS EVEX.512.F3.0F38.W0 52 /r  c += pairs of a · pairs of b
//
// It rounds to nearest even whatever MXCSR says and takes subnormal numbers, on the way in
// and out, for zeros.
#define VDPBF16PS(a, b, c) EVEX512(0x7E, 0x52, a, b, c)

//	VCVTNE2PS2BF16 EVEX.512.F2.0F38.W0 72 /r  c = bfloat16 of a, then of b
//
// rounds likewise and does not saturate.
#define VCVTNE2PS2BF16(a, b, c) EVEX512(0x7F, 0x72, a, b, c)

#define EVEX512(pp, op, a, b, c) \
	BYTE $0x62;                                                                                   \
	BYTE $(0xF2 ^ ((((c)>>3)&1)<<7) ^ ((((a)>>4)&1)<<6) ^ ((((a)>>3)&1)<<5) ^ ((((c)>>4)&1)<<4)); \
	BYTE $((pp) ^ (((b)&15)<<3));                                                                 \
	BYTE $(0x48 ^ (((b)>>4)<<3));                                                                 \
	BYTE $(op);                                                                                   \
	BYTE $(0xC0 | (((c)&7)<<3) | ((a)&7))

// STRIP sets AX to the number of rows of the next block, R8 rows being left: none is alone
// unless it is the only one, for want of sums that hide the latency of VDPBF16PS. It
// clobbers CX.
#define STRIP \
	MOVQ R8, AX;     \
	MOVQ $4, CX;     \
	CMPQ R8, $6;     \
	CMOVQGT CX, AX;  \
	MOVQ $6, CX;     \
	CMPQ R8, $9;     \
	CMOVQGE CX, AX

// JUMP goes to the label of 1 to 6 rows.
#define JUMP(rows, l1, l2, l3, l4, l5, l6) \
	CMPQ rows, $4; \
	JEQ  l4;       \
	CMPQ rows, $6; \
	JEQ  l6;       \
	CMPQ rows, $3; \
	JEQ  l3;       \
	JGT  l5;       \
	CMPQ rows, $2; \
	JEQ  l2;       \
	JMP  l1

// HEAD prefetches the lines of next, len bytes at R10, that a kernel of size bytes, in CX,
// would leave out: those of a header, 16 at most. It moves R10 past them and clobbers CX.
#define HEAD(len, loop, done) \
	NEGQ CX;          \
	ADDQ len, CX;     \
	CMPQ CX, $1024;   \
	JGT  done;        \
loop:                     \
	SUBQ $64, CX;     \
	JLT  done;        \
	PREFETCHT0 (R10); \
	ADDQ $64, R10;    \
	JMP  loop;        \
done:

// PAIR4 adds the pair at q times four vectors of pairs to a row, PAIR2 two of them.
#define PAIR4(q, a, b, c, d) \
	VPBROADCASTD q, Z28;  \
	VDPBF16PS(24, 28, a); \
	VDPBF16PS(25, 28, b); \
	VDPBF16PS(26, 28, c); \
	VDPBF16PS(27, 28, d)
#define PAIR2(q, a, b) \
	VPBROADCASTD q, Z28;  \
	VDPBF16PS(24, 28, a); \
	VDPBF16PS(25, 28, b)

// FP8 codes. TABLES loads the table at t: Z27 Z28 have the low bytes and Z29 Z30 the high
// bytes of the bfloat16 of 128 codes, Z31 the sign bit of every byte. It clobbers AX.
#define TABLES(t) \
	MOVQ t, AX;             \
	VMOVDQU32 (AX), Z27;    \
	VMOVDQU32 64(AX), Z28;  \
	VMOVDQU32 128(AX), Z29; \
	VMOVDQU32 192(AX), Z30; \
	MOVL $0x80808080, AX;   \
	VPBROADCASTD AX, Z31

// WIDEN makes bfloat16 of 64 codes in lo and hi; code is the register or memory that has
// them too. Z24 gets the low and Z26 the high half of every 16 bytes.
#define WIDEN(code) \
	VPERMI2B Z28, Z27, Z24;           \
	VPERMI2B Z30, Z29, Z25;           \
	VPTERNLOGD $0xF8, code, Z31, Z25; \
	VPUNPCKHBW Z25, Z24, Z26;         \
	VPUNPCKLBW Z25, Z24, Z24
