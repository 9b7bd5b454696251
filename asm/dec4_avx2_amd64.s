//go:build !purego

#include "textflag.h"

// dec4_avx2_amd64.s: expansion of 4-bit tiles.
//
// To int8 (INT4): 16 nibbles become words, one VPMULLW applies the group multipliers,
// a saturating pack that cannot saturate (7·18 < 128) narrows them again.
// To float32 (NF4): the 16-entry table sits in two registers; VPERMPS looks up the low
// three bits in both, the fourth bit chooses.
// Tails: K blocks are whole by layout; V rows end with steps of one channel. Tokens
// ≥ n of the last V quad get multiplier 0.

DATA d4Const<>+0(SB)/8, $0x0101010100000000 // spread 4 bytes over 4 lanes each
DATA d4Const<>+8(SB)/8, $0x0303030302020202
DATA d4Const<>+16(SB)/4, $0x0f0f0f0f
DATA d4Const<>+20(SB)/4, $0x08080808
DATA d4Const<>+24(SB)/4, $0x00800080
GLOBL d4Const<>(SB), RODATA|NOPTR, $28

// NIBBLES16 loads 16 bytes and leaves nibble−8 as 16 words in y. X7 is the shift.
#define NIBBLES16(off, x, y) \
	VMOVDQU off(SI), x;  \
	VPSRLW X7, x, x;     \
	VPAND X8, x, x;      \
	VPSUBB X9, x, x;     \
	VPMOVSXBW x, y

// STORE16 narrows 16 words to bytes.
#define STORE16(x, y, off) \
	VEXTRACTI128 $1, y, X6;   \
	VPACKUSWB X6, x, x;       \
	VMOVDQU x, off(DI)

// func expI4K_avx2(dst, k, mult []byte, n, d int, next []byte)
TEXT ·expI4K_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9 // blocks of 4 channels
	LEAQ d4Const<>(SB), BX
	VMOVDQU (BX), X14
	VPBROADCASTD 16(BX), X8
	VPBROADCASTD 20(BX), X9
	VPBROADCASTD 24(BX), Y15
	XORL R10, R10 // group

group:
	MOVQ R10, AX
	SHLQ $4, AX
	CMPQ AX, R8
	JGE  done
	MOVQ mult_base+48(FP), DX
	ADDQ AX, DX
	MOVQ R10, AX // plane pair: R10/2 · blocks · 64 bytes
	SHRQ $1, AX
	IMULQ R9, AX
	SHLQ $6, AX
	MOVQ k_base+24(FP), SI
	ADDQ AX, SI
	MOVQ R10, AX
	ANDQ $1, AX
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ R9, CX
	XORL R11, R11 // blocks until the next multipliers

block:
	TESTQ R11, R11
	JNZ  multiply
	MOVQ $8, R11
	VMOVD (DX), X0
	VPSHUFB X14, X0, X0
	VPMOVZXBW X0, Y10
	VMOVD 4(DX), X0
	VPSHUFB X14, X0, X0
	VPMOVZXBW X0, Y11
	VMOVD 8(DX), X0
	VPSHUFB X14, X0, X0
	VPMOVZXBW X0, Y12
	VMOVD 12(DX), X0
	VPSHUFB X14, X0, X0
	VPMOVZXBW X0, Y13
	ADDQ $64, DX

multiply:
	NIBBLES16(0, X0, Y0)
	NIBBLES16(16, X1, Y1)
	NIBBLES16(32, X2, Y2)
	NIBBLES16(48, X3, Y3)
	VPMULLW Y10, Y0, Y0
	VPMULLW Y11, Y1, Y1
	VPMULLW Y12, Y2, Y2
	VPMULLW Y13, Y3, Y3
	VPADDW Y15, Y0, Y0
	VPADDW Y15, Y1, Y1
	VPADDW Y15, Y2, Y2
	VPADDW Y15, Y3, Y3
	STORE16(X0, Y0, 0)
	STORE16(X1, Y1, 16)
	STORE16(X2, Y2, 32)
	STORE16(X3, Y3, 48)
	ADDQ $64, SI
	ADDQ $64, DI
	DECQ R11
	DECQ CX
	JNZ  block
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

DATA d4Keep<>+0(SB)/4, $0xffffffff
DATA d4Keep<>+4(SB)/4, $0x000000ff
DATA d4Keep<>+8(SB)/4, $0x0000ffff
DATA d4Keep<>+12(SB)/4, $0x00ffffff
GLOBL d4Keep<>(SB), RODATA|NOPTR, $16

// func expI4V_avx2(dst, v, mult []byte, n, d int, next []byte)
TEXT ·expI4V_avx2(SB), NOSPLIT, $0-112
	MOVQ dst_base+0(FP), DI
	MOVQ n+72(FP), R8
	MOVQ d+80(FP), R9
	LEAQ d4Const<>(SB), BX
	VPBROADCASTD 16(BX), X8
	VPBROADCASTD 20(BX), X9
	LEAQ d4Keep<>(SB), BX
	XORL R10, R10 // quad

quad:
	MOVQ R10, AX
	SHLQ $2, AX
	MOVQ R8, R12
	SUBQ AX, R12 // tokens left
	JLE  done
	MOVQ mult_base+48(FP), DX
	ADDQ AX, DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	MOVQ v_base+24(FP), SI
	LEAQ (SI)(AX*4), SI
	MOVQ R10, AX
	ANDQ $1, AX
	SHLQ $2, AX
	VMOVQ AX, X7
	CMPQ R12, $4
	JLT  partial
	XORL R12, R12 // keep all four

partial:
	MOVQ R9, CX
	XORL R11, R11 // channels until the next multipliers

channels:
	TESTQ R11, R11
	JG   multiply
	MOVQ $32, R11
	MOVL (DX), AX
	ANDL (BX)(R12*4), AX
	VMOVD AX, X10
	VPBROADCASTD X10, X10
	VPMOVZXBW X10, Y10
	ADDQ $64, DX

multiply:
	CMPQ CX, $4
	JLT  one
	NIBBLES16(0, X0, Y0)
	VPMULLW Y10, Y0, Y0
	VEXTRACTI128 $1, Y0, X6
	VPACKSSWB X6, X0, X0
	VMOVDQU X0, (DI)
	ADDQ $16, SI
	ADDQ $16, DI
	SUBQ $4, R11
	SUBQ $4, CX
	JNZ  channels
	JMP  next

one:
	VMOVD (SI), X0
	VPSRLW X7, X0, X0
	VPAND X8, X0, X0
	VPSUBB X9, X0, X0
	VPMOVSXBW X0, X0
	VPMULLW X10, X0, X0
	VPACKSSWB X0, X0, X0
	VMOVD X0, (DI)
	ADDQ $4, SI
	ADDQ $4, DI
	DECQ R11
	DECQ CX
	JNZ  channels

next:
	INCQ R10
	JMP  quad

done:
	VZEROUPPER
	RET

// LOOK replaces indices 0..15 in y by table values: Y8 entries 0–7, Y9 entries 8–15.
#define LOOK(y, t, u) \
	VPERMPS Y8, y, t;         \
	VPERMPS Y9, y, u;         \
	VPSLLD $28, y, y;         \
	VBLENDVPS y, u, t, y

// func dec4K_avx2(dst []float32, k []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4K_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ lut+48(FP), AX
	VMOVUPS (AX), Y8
	VMOVUPS 32(AX), Y9
	MOVL $15, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	MOVQ d+88(FP), R9
	ADDQ $3, R9
	SHRQ $2, R9
	XORL R10, R10 // group

group:
	MOVQ R10, AX
	SHLQ $4, AX
	CMPQ AX, n+80(FP)
	JGE  done
	MOVQ scale_base+56(FP), DX
	LEAQ (DX)(AX*4), DX
	MOVQ R10, AX
	SHRQ $1, AX
	IMULQ R9, AX
	SHLQ $6, AX
	MOVQ k_base+24(FP), SI
	ADDQ AX, SI
	MOVQ R10, AX
	ANDQ $1, AX
	SHLQ $2, AX
	VMOVQ AX, X7
	MOVQ d+88(FP), CX
	XORL R11, R11 // channels until the next scales
	XORL R12, R12 // channels left in the dwords

channel:
	TESTQ R11, R11
	JNZ  scaled
	MOVQ block+96(FP), R11
	VMOVUPS (DX), Y11
	VMOVUPS 32(DX), Y12
	ADDQ $256, DX

scaled:
	TESTQ R12, R12
	JNZ  loaded
	MOVQ $4, R12
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPSRLD X7, Y0, Y0
	VPSRLD X7, Y1, Y1
	ADDQ $64, SI

loaded:
	VPAND Y10, Y0, Y2
	VPAND Y10, Y1, Y3
	LOOK(Y2, Y4, Y5)
	LOOK(Y3, Y4, Y5)
	VMULPS Y11, Y2, Y2
	VMULPS Y12, Y3, Y3
	VMOVUPS Y2, (DI)
	VMOVUPS Y3, 32(DI)
	VPSRLD $8, Y0, Y0
	VPSRLD $8, Y1, Y1
	ADDQ $64, DI
	DECQ R11
	DECQ R12
	DECQ CX
	JNZ  channel
	INCQ R10
	JMP  group

done:
	VZEROUPPER
	RET

// func dec4V_avx2(dst []float32, v []byte, lut *[16]float32, scale []float32, n, d, block int, next []byte)
TEXT ·dec4V_avx2(SB), NOSPLIT, $0-128
	MOVQ dst_base+0(FP), DI
	MOVQ lut+48(FP), AX
	VMOVUPS (AX), Y8
	VMOVUPS 32(AX), Y9
	MOVL $15, AX
	VMOVD AX, X10
	VPBROADCASTD X10, Y10
	LEAQ ·tailMask+32(SB), BX
	XORL R10, R10 // token

token:
	CMPQ R10, n+80(FP)
	JGE  done
	MOVQ R10, AX // plane pair: token/8 · d · 4 bytes
	SHRQ $3, AX
	IMULQ d+88(FP), AX
	MOVQ v_base+24(FP), SI
	LEAQ (SI)(AX*4), SI
	MOVQ R10, AX // shift: token%4 · 8 + token/4%2 · 4
	ANDQ $3, AX
	SHLQ $3, AX
	MOVQ R10, R12
	ANDQ $4, R12
	ADDQ R12, AX
	VMOVQ AX, X7
	MOVQ scale_base+56(FP), DX
	LEAQ (DX)(R10*4), DX
	MOVQ d+88(FP), CX
	XORL R11, R11 // channels until the next scale

channels:
	TESTQ R11, R11
	JG   scaled
	MOVQ block+96(FP), R11
	VBROADCASTSS (DX), Y11
	ADDQ $256, DX

scaled:
	CMPQ CX, $8
	JLT  tail
	VMOVDQU (SI), Y0
	VPSRLD X7, Y0, Y0
	VPAND Y10, Y0, Y0
	LOOK(Y0, Y4, Y5)
	VMULPS Y11, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, R11
	SUBQ $8, CX
	JNZ  channels
	JMP  next

tail:
	MOVQ $8, AX
	SUBQ CX, AX
	VMOVDQU (BX)(AX*4), Y6
	VPMASKMOVD (SI), Y6, Y0
	VPSRLD X7, Y0, Y0
	VPAND Y10, Y0, Y0
	LOOK(Y0, Y4, Y5)
	VMULPS Y11, Y0, Y0
	VMASKMOVPS Y0, Y6, (DI)
	LEAQ (DI)(CX*4), DI

next:
	INCQ R10
	JMP  token

done:
	VZEROUPPER
	RET
