//go:build !purego

#include "textflag.h"

// probe_amd64.s: loops that keep one unit of the CPU busy and nothing else.
//
// read*:  every byte of a slice enters one of eight accumulators, so that no load waits
//         for another. The *Ahead forms prefetch each line a fixed distance before it
//         is read; they may touch lines behind the slice, which cannot fault.
// Others: independent chains, more of them than latency times ports of any CPU so far
//         (12 ymm, 24 zmm), on operands that stay in registers.
//
// A call must stay short, because assembly cannot be preempted: callers pass at most
// chunkBytes bytes or chunkIters iterations.

// VEX form of VPDPBUSD, c += u8(b)·s8(a): the assembler knows the EVEX form only, which
// a CPU with AVX-VNNI and without AVX-512 rejects.
#define VEX_VPDPBUSD(a, b, c) \
	BYTE $0xC4; \
	BYTE $(0xE2 ^ (((c)>>3)<<7) ^ (((a)>>3)<<5)); \
	BYTE $(0x7D ^ ((b)<<3)); \
	BYTE $0x50; \
	BYTE $(0xC0 | (((c)&7)<<3) | ((a)&7))

// VDPBF16PS on zmm, c += bf16(b)·bf16(a), EVEX.512.F3.0F38.W0 52 /r: unknown to the
// assembler.
#define EVEX_VDPBF16PS(a, b, c) \
	BYTE $0x62; \
	BYTE $(0xF2 ^ ((((c)>>3)&1)<<7) ^ ((((a)>>4)&1)<<6) ^ ((((a)>>3)&1)<<5) ^ ((((c)>>4)&1)<<4)); \
	BYTE $(0x7E ^ (((b)&15)<<3)); \
	BYTE $(0x48 ^ (((b)>>4)<<3)); \
	BYTE $0x52; \
	BYTE $(0xC0 | (((c)&7)<<3) | ((a)&7))

#define ZERO12 \
	VPXOR Y0, Y0, Y0; \
	VPXOR Y1, Y1, Y1; \
	VPXOR Y2, Y2, Y2; \
	VPXOR Y3, Y3, Y3; \
	VPXOR Y4, Y4, Y4; \
	VPXOR Y5, Y5, Y5; \
	VPXOR Y6, Y6, Y6; \
	VPXOR Y7, Y7, Y7; \
	VPXOR Y8, Y8, Y8; \
	VPXOR Y9, Y9, Y9; \
	VPXOR Y10, Y10, Y10; \
	VPXOR Y11, Y11, Y11

// Writing a ymm register clears the rest of its zmm register.
#define ZERO24 \
	ZERO12; \
	VPXORD Z12, Z12, Z12; \
	VPXORD Z13, Z13, Z13; \
	VPXORD Z14, Z14, Z14; \
	VPXORD Z15, Z15, Z15; \
	VPXORD Z16, Z16, Z16; \
	VPXORD Z17, Z17, Z17; \
	VPXORD Z18, Z18, Z18; \
	VPXORD Z19, Z19, Z19; \
	VPXORD Z20, Z20, Z20; \
	VPXORD Z21, Z21, Z21; \
	VPXORD Z22, Z22, Z22; \
	VPXORD Z23, Z23, Z23

// Operands are ones, not zeros: multipliers fed zeros draw less power and may clock
// higher than real work does.
#define ONES_Y(bits) \
	MOVL $bits, AX; \
	VMOVD AX, X12; \
	VPBROADCASTD X12, Y12; \
	VMOVDQA Y12, Y13

#define ONES_Z(bits) \
	MOVL $bits, AX; \
	VPBROADCASTD AX, Z24; \
	VMOVDQA32 Z24, Z25

#define READ_YMM \
	VPOR 0(SI), Y0, Y0; \
	VPOR 32(SI), Y1, Y1; \
	VPOR 64(SI), Y2, Y2; \
	VPOR 96(SI), Y3, Y3; \
	VPOR 128(SI), Y4, Y4; \
	VPOR 160(SI), Y5, Y5; \
	VPOR 192(SI), Y6, Y6; \
	VPOR 224(SI), Y7, Y7

#define READ_ZMM \
	VPORD 0(SI), Z0, Z0; \
	VPORD 64(SI), Z1, Z1; \
	VPORD 128(SI), Z2, Z2; \
	VPORD 192(SI), Z3, Z3; \
	VPORD 256(SI), Z4, Z4; \
	VPORD 320(SI), Z5, Z5; \
	VPORD 384(SI), Z6, Z6; \
	VPORD 448(SI), Z7, Z7

#define AHEAD4(off) \
	PREFETCHT0 (off+0)(SI); \
	PREFETCHT0 (off+64)(SI); \
	PREFETCHT0 (off+128)(SI); \
	PREFETCHT0 (off+192)(SI)

// func readYmm(p *byte, n int)
TEXT ·readYmm(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	PCALIGN $32

loop:
	READ_YMM
	ADDQ $256, SI
	SUBQ $256, CX
	JGT  loop
	VZEROUPPER
	RET

// func readYmmAhead(p *byte, n int)
TEXT ·readYmmAhead(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	PCALIGN $32

loop:
	AHEAD4(2048)
	READ_YMM
	ADDQ $256, SI
	SUBQ $256, CX
	JGT  loop
	VZEROUPPER
	RET

// func readZmm(p *byte, n int)
TEXT ·readZmm(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	PCALIGN $64

loop:
	READ_ZMM
	ADDQ $512, SI
	SUBQ $512, CX
	JGT  loop
	VZEROUPPER
	RET

// func readZmmAhead(p *byte, n int)
TEXT ·readZmmAhead(SB), NOSPLIT, $0-16
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	PCALIGN $64

loop:
	AHEAD4(4096)
	AHEAD4(4352)
	READ_ZMM
	ADDQ $512, SI
	SUBQ $512, CX
	JGT  loop
	VZEROUPPER
	RET

// func fmaYmm(iters int)
TEXT ·fmaYmm(SB), NOSPLIT, $0-8
	MOVQ iters+0(FP), CX
	ZERO12
	ONES_Y(0x3f800000)
	PCALIGN $32

loop:
	VFMADD231PS Y12, Y13, Y0
	VFMADD231PS Y12, Y13, Y1
	VFMADD231PS Y12, Y13, Y2
	VFMADD231PS Y12, Y13, Y3
	VFMADD231PS Y12, Y13, Y4
	VFMADD231PS Y12, Y13, Y5
	VFMADD231PS Y12, Y13, Y6
	VFMADD231PS Y12, Y13, Y7
	VFMADD231PS Y12, Y13, Y8
	VFMADD231PS Y12, Y13, Y9
	VFMADD231PS Y12, Y13, Y10
	VFMADD231PS Y12, Y13, Y11
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// A product needs a free register before it can be added: four take turns.
#define MADD(acc, t) \
	VPMADDWD Y12, Y13, t; \
	VPADDD t, acc, acc

// func maddYmm(iters int)
TEXT ·maddYmm(SB), NOSPLIT, $0-8
	MOVQ iters+0(FP), CX
	ZERO12
	ONES_Y(0x00010001)
	PCALIGN $32

loop:
	MADD(Y0, Y8)
	MADD(Y1, Y9)
	MADD(Y2, Y10)
	MADD(Y3, Y11)
	MADD(Y4, Y8)
	MADD(Y5, Y9)
	MADD(Y6, Y10)
	MADD(Y7, Y11)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func dpbusdYmm(iters int)
TEXT ·dpbusdYmm(SB), NOSPLIT, $0-8
	MOVQ iters+0(FP), CX
	ZERO12
	ONES_Y(0x01010101)
	PCALIGN $32

loop:
	VEX_VPDPBUSD(12, 13, 0)
	VEX_VPDPBUSD(12, 13, 1)
	VEX_VPDPBUSD(12, 13, 2)
	VEX_VPDPBUSD(12, 13, 3)
	VEX_VPDPBUSD(12, 13, 4)
	VEX_VPDPBUSD(12, 13, 5)
	VEX_VPDPBUSD(12, 13, 6)
	VEX_VPDPBUSD(12, 13, 7)
	VEX_VPDPBUSD(12, 13, 8)
	VEX_VPDPBUSD(12, 13, 9)
	VEX_VPDPBUSD(12, 13, 10)
	VEX_VPDPBUSD(12, 13, 11)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func fmaZmm(iters int)
TEXT ·fmaZmm(SB), NOSPLIT, $0-8
	MOVQ iters+0(FP), CX
	ZERO24
	ONES_Z(0x3f800000)
	PCALIGN $64

loop:
	VFMADD231PS Z24, Z25, Z0
	VFMADD231PS Z24, Z25, Z1
	VFMADD231PS Z24, Z25, Z2
	VFMADD231PS Z24, Z25, Z3
	VFMADD231PS Z24, Z25, Z4
	VFMADD231PS Z24, Z25, Z5
	VFMADD231PS Z24, Z25, Z6
	VFMADD231PS Z24, Z25, Z7
	VFMADD231PS Z24, Z25, Z8
	VFMADD231PS Z24, Z25, Z9
	VFMADD231PS Z24, Z25, Z10
	VFMADD231PS Z24, Z25, Z11
	VFMADD231PS Z24, Z25, Z12
	VFMADD231PS Z24, Z25, Z13
	VFMADD231PS Z24, Z25, Z14
	VFMADD231PS Z24, Z25, Z15
	VFMADD231PS Z24, Z25, Z16
	VFMADD231PS Z24, Z25, Z17
	VFMADD231PS Z24, Z25, Z18
	VFMADD231PS Z24, Z25, Z19
	VFMADD231PS Z24, Z25, Z20
	VFMADD231PS Z24, Z25, Z21
	VFMADD231PS Z24, Z25, Z22
	VFMADD231PS Z24, Z25, Z23
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func dpbusdZmm(iters int)
TEXT ·dpbusdZmm(SB), NOSPLIT, $0-8
	MOVQ iters+0(FP), CX
	ZERO24
	ONES_Z(0x01010101)
	PCALIGN $64

loop:
	VPDPBUSD Z24, Z25, Z0
	VPDPBUSD Z24, Z25, Z1
	VPDPBUSD Z24, Z25, Z2
	VPDPBUSD Z24, Z25, Z3
	VPDPBUSD Z24, Z25, Z4
	VPDPBUSD Z24, Z25, Z5
	VPDPBUSD Z24, Z25, Z6
	VPDPBUSD Z24, Z25, Z7
	VPDPBUSD Z24, Z25, Z8
	VPDPBUSD Z24, Z25, Z9
	VPDPBUSD Z24, Z25, Z10
	VPDPBUSD Z24, Z25, Z11
	VPDPBUSD Z24, Z25, Z12
	VPDPBUSD Z24, Z25, Z13
	VPDPBUSD Z24, Z25, Z14
	VPDPBUSD Z24, Z25, Z15
	VPDPBUSD Z24, Z25, Z16
	VPDPBUSD Z24, Z25, Z17
	VPDPBUSD Z24, Z25, Z18
	VPDPBUSD Z24, Z25, Z19
	VPDPBUSD Z24, Z25, Z20
	VPDPBUSD Z24, Z25, Z21
	VPDPBUSD Z24, Z25, Z22
	VPDPBUSD Z24, Z25, Z23
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// func dpbf16Zmm(iters int)
TEXT ·dpbf16Zmm(SB), NOSPLIT, $0-8
	MOVQ iters+0(FP), CX
	ZERO24
	ONES_Z(0x3f803f80)
	PCALIGN $64

loop:
	EVEX_VDPBF16PS(24, 25, 0)
	EVEX_VDPBF16PS(24, 25, 1)
	EVEX_VDPBF16PS(24, 25, 2)
	EVEX_VDPBF16PS(24, 25, 3)
	EVEX_VDPBF16PS(24, 25, 4)
	EVEX_VDPBF16PS(24, 25, 5)
	EVEX_VDPBF16PS(24, 25, 6)
	EVEX_VDPBF16PS(24, 25, 7)
	EVEX_VDPBF16PS(24, 25, 8)
	EVEX_VDPBF16PS(24, 25, 9)
	EVEX_VDPBF16PS(24, 25, 10)
	EVEX_VDPBF16PS(24, 25, 11)
	EVEX_VDPBF16PS(24, 25, 12)
	EVEX_VDPBF16PS(24, 25, 13)
	EVEX_VDPBF16PS(24, 25, 14)
	EVEX_VDPBF16PS(24, 25, 15)
	EVEX_VDPBF16PS(24, 25, 16)
	EVEX_VDPBF16PS(24, 25, 17)
	EVEX_VDPBF16PS(24, 25, 18)
	EVEX_VDPBF16PS(24, 25, 19)
	EVEX_VDPBF16PS(24, 25, 20)
	EVEX_VDPBF16PS(24, 25, 21)
	EVEX_VDPBF16PS(24, 25, 22)
	EVEX_VDPBF16PS(24, 25, 23)
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
