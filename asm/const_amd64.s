//go:build !purego

#include "textflag.h"

// const_amd64.s: constants that several kernels share.

// tailMask: sixteen lanes on, then sixteen off. Loading at 4·(16−r) gives the masks of
// the last r < 16 elements in two registers; 32 bytes further, of r < 8 in one.
DATA ·tailMask+0(SB)/8, $-1
DATA ·tailMask+8(SB)/8, $-1
DATA ·tailMask+16(SB)/8, $-1
DATA ·tailMask+24(SB)/8, $-1
DATA ·tailMask+32(SB)/8, $-1
DATA ·tailMask+40(SB)/8, $-1
DATA ·tailMask+48(SB)/8, $-1
DATA ·tailMask+56(SB)/8, $-1
DATA ·tailMask+64(SB)/8, $0
DATA ·tailMask+72(SB)/8, $0
DATA ·tailMask+80(SB)/8, $0
DATA ·tailMask+88(SB)/8, $0
DATA ·tailMask+96(SB)/8, $0
DATA ·tailMask+104(SB)/8, $0
DATA ·tailMask+112(SB)/8, $0
DATA ·tailMask+120(SB)/8, $0
GLOBL ·tailMask(SB), RODATA|NOPTR, $128
