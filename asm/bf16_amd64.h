// bf16_amd64.h: dot products of bfloat16 pairs, and float32 operands in two bfloat16
// parts. Include float_avx512_amd64.h first.
//
// The Go assembler knows neither of the two instructions. Registers are numbers, in Go's
// operand order:
//
//	VDPBF16PS     EVEX.512.F3.0F38.W0 52 /r  c += pairs of a · pairs of b
//	VCVTNEPS2BF16 EVEX.512.F3.0F38.W0 72 /r  b = 16 floats of a, rounded, 256 bits
//
// Both round to nearest even whatever MXCSR says and take subnormal numbers, on the way
// in and out, for zeros.
#define VDPBF16PS(a, b, c)  EVEX512_F3(0x52, a, b, c)
#define VCVTNEPS2BF16(a, b) EVEX512_F3(0x72, a, 0, b)

#define EVEX512_F3(op, a, b, c) \
	BYTE $0x62;                                                                                   \
	BYTE $(0xF2 ^ ((((c)>>3)&1)<<7) ^ ((((a)>>4)&1)<<6) ^ ((((a)>>3)&1)<<5) ^ ((((c)>>4)&1)<<4)); \
	BYTE $(0x7E ^ (((b)&15)<<3));                                                                 \
	BYTE $(0x48 ^ (((b)>>4)<<3));                                                                 \
	BYTE $(op);                                                                                   \
	BYTE $(0xC0 | (((c)&7)<<3) | ((a)&7))

// A factor x of a product is split into hi = bf16(x) and lo = bf16(x − hi), and a sum is
//
//	lo products in ascending order | what is not finite becomes +0 | hi products on top
//
// The middle step keeps the answers of infinities: ∞·lo may be NaN, or an infinity of the
// other sign, where ∞·hi is what ∞·x is. With it the first step may be left out where every
// lo is ±0, and the bits of a row are those it has beside rows that need that step: from +0
// on, products with ±0 leave +0, or, when the other factor is not finite, a NaN that
// becomes +0.
//
// lo is ±0 for every finite x whose lower 16 bits are 0. For an infinite or NaN one it is a
// NaN, the sum too, and becomes +0 again.

// Up to 6 rows × 4 vectors accumulate in Z0–Z23 as in float_avx512_amd64.h. Pairs of a row
// are spread from scratch memory on the stack, 64 bytes a row: loads have a port to spare,
// shuffles have not.

// HILO prepares what the other macros need: Z30 picks 16 words into the high halves of
// dwords, under K7. Z29 is the low half of every dword. It clobbers AX and Z31.
#define HILO \
	MOVQ $0x0706050403020100, AX;    \
	VMOVQ AX, X30;                   \
	MOVQ $0x0F0E0D0C0B0A0908, AX;    \
	VMOVQ AX, X31;                   \
	VPUNPCKLQDQ X31, X30, X30;       \
	VPMOVZXBD X30, Z30;              \
	VPSLLD $16, Z30, Z30;            \
	MOVL $0xAAAAAAAA, AX;            \
	KMOVD AX, K7;                    \
	VPTERNLOGD $0xFF, Z29, Z29, Z29; \
	VPSRLD $16, Z29, Z29

// SPLITHI stores hi of the floats at (CX) that K5 and K6 select at (AX), SPLITLO lo.
#define SPLITHI \
	VMOVUPS.Z (CX), K5, Z24;   \
	VMOVUPS.Z 64(CX), K6, Z25; \
	VCVTNEPS2BF16(24, 24);     \
	VCVTNEPS2BF16(25, 25);     \
	VMOVDQU32 Y24, (AX);       \
	VMOVDQU32 Y25, 32(AX)
#define SPLITLO \
	VMOVUPS.Z (CX), K5, Z24;    \
	VMOVUPS.Z 64(CX), K6, Z25;  \
	VCVTNEPS2BF16(24, 26);      \
	VCVTNEPS2BF16(25, 27);      \
	VPERMW.Z Z26, Z30, K7, Z26; \
	VPERMW.Z Z27, Z30, K7, Z27; \
	VSUBPS Z26, Z24, Z24;       \
	VSUBPS Z27, Z25, Z25;       \
	VCVTNEPS2BF16(24, 24);      \
	VCVTNEPS2BF16(25, 25);      \
	VMOVDQU32 Y24, (AX);        \
	VMOVDQU32 Y25, 32(AX)

// SCRATCH sets AX to the scratch memory in a frame of 512 bytes, whose upper 64 are for
// variables.
#define SCRATCH \
	LEAQ 63(SP), AX; \
	ANDQ $~63, AX

// LANES32 sets K5 and K6 to the first n ≥ 1 of 32 lanes. It clobbers AX and CX.
#define LANES32(n) \
	XORL CX, CX;    \
	MOVQ $32, AX;   \
	SUBQ n, AX;     \
	CMOVQGT AX, CX; \
	MOVL $-1, AX;   \
	SHRL CX, AX;    \
	KMOVW AX, K5;   \
	SHRL $16, AX;   \
	KMOVW AX, K6

// PAIRS32 sets CX to the pairs of the first n ≥ 1 of 32 numbers.
#define PAIRS32(n) \
	MOVQ $32, CX;   \
	CMPQ n, CX;     \
	CMOVQLT n, CX;  \
	INCQ CX;        \
	SHRQ $1, CX

// LOWBITS leaves in AX whether one of the DX ≥ 1 floats at R10 has a bit below bfloat16. It
// clobbers CX, DX, R10, K5, K6 and Z24–Z27. Its arguments are labels.
#define LOWBITS(loop, rest, last, done) \
	VPXORD Z24, Z24, Z24;                 \
	VPXORD Z25, Z25, Z25;                 \
	SUBQ $64, DX;                         \
	JLT  rest;                            \
loop:                                         \
	VMOVDQU32 (R10), Z26;                 \
	VMOVDQU32 64(R10), Z27;               \
	VPTERNLOGD $0xFE, 128(R10), Z26, Z24; \
	VPTERNLOGD $0xFE, 192(R10), Z27, Z25; \
	ADDQ $256, R10;                       \
	SUBQ $64, DX;                         \
	JGE  loop;                            \
rest:                                         \
	ADDQ $64, DX;                         \
	JZ   done;                            \
last:                                         \
	LANES32(DX);                          \
	VPORD (R10), Z24, K5, Z24;            \
	VPORD 64(R10), Z25, K6, Z25;          \
	ADDQ $128, R10;                       \
	SUBQ $32, DX;                         \
	JG   last;                            \
done:                                         \
	VPORD Z24, Z25, Z24;                  \
	VPTESTMD Z29, Z24, K5;                \
	KMOVW K5, AX

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

// TAME turns what is not finite in the block into +0, TAME4 in a row. They
// clobber K5.
#define TAME1(a) \
	VFPCLASSPSZ $0x99, a, K5; \
	VPXORD a, a, K5, a
#define TAME4(a, b, c, d) \
	TAME1(a); \
	TAME1(b); \
	TAME1(c); \
	TAME1(d)
#define TAME \
	TAME4(Z0, Z1, Z2, Z3);     \
	TAME4(Z4, Z5, Z6, Z7);     \
	TAME4(Z8, Z9, Z10, Z11);   \
	TAME4(Z12, Z13, Z14, Z15); \
	TAME4(Z16, Z17, Z18, Z19); \
	TAME4(Z20, Z21, Z22, Z23)

// BF16DOT4 adds the pair at q times four vectors of pairs to a row, BF16DOT2 two of them.
#define BF16DOT4(q, a, b, c, d) \
	VPBROADCASTD q, Z28;  \
	VDPBF16PS(24, 28, a); \
	VDPBF16PS(25, 28, b); \
	VDPBF16PS(26, 28, c); \
	VDPBF16PS(27, 28, d)
#define BF16DOT2(q, a, b) \
	VPBROADCASTD q, Z28;  \
	VDPBF16PS(24, 28, a); \
	VDPBF16PS(25, 28, b)

// BF16ROWS and BF16HALF are steps of 1 to 6 rows whose pairs are at (AX), 64(AX), …
#define BF16ROWS1            BF16DOT4((AX), 0, 1, 2, 3)
#define BF16ROWS2 BF16ROWS1; BF16DOT4(64(AX), 4, 5, 6, 7)
#define BF16ROWS3 BF16ROWS2; BF16DOT4(128(AX), 8, 9, 10, 11)
#define BF16ROWS4 BF16ROWS3; BF16DOT4(192(AX), 12, 13, 14, 15)
#define BF16ROWS5 BF16ROWS4; BF16DOT4(256(AX), 16, 17, 18, 19)
#define BF16ROWS6 BF16ROWS5; BF16DOT4(320(AX), 20, 21, 22, 23)

#define BF16HALF1            BF16DOT2((AX), 0, 1)
#define BF16HALF2 BF16HALF1; BF16DOT2(64(AX), 4, 5)
#define BF16HALF3 BF16HALF2; BF16DOT2(128(AX), 8, 9)
#define BF16HALF4 BF16HALF3; BF16DOT2(192(AX), 12, 13)
#define BF16HALF5 BF16HALF4; BF16DOT2(256(AX), 16, 17)
#define BF16HALF6 BF16HALF5; BF16DOT2(320(AX), 20, 21)
