// avxvnni_amd64.h: VPDPBUSD in its VEX encoding, for CPUs without AVX-512. The Go
// assembler knows the EVEX encoding only.

// VEX_VPDPBUSD adds to each dword of register c the products of 4 unsigned bytes of b and 4
// signed bytes of a: Go's operand order, registers by number, 256 bits wide.
//
//	VEX.256.66.0F38.W0 50 /r
#define VEX_VPDPBUSD(a, b, c) \
	BYTE $0xC4;                                   \
	BYTE $(0xE2 ^ (((c)>>3)<<7) ^ (((a)>>3)<<5)); \
	BYTE $(0x7D ^ ((b)<<3));                      \
	BYTE $0x50;                                   \
	BYTE $(0xC0 | (((c)&7)<<3) | ((a)&7))
