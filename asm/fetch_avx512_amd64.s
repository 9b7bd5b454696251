//go:build !purego

#include "textflag.h"

// fetch_avx512_amd64.s: lines of memory, ahead of their use.
//
// Obstacle:  AMD CPUs with AVX-512 drop prefetches while some 64 misses are under way, and
//            the dot products ask for lines faster than DRAM delivers. What was dropped
//            is asked for again here, between them, where a line that came costs a load.
// Reads:     nothing; a prefetch cannot fault.
// Registers: SI line · CX bytes left

// func fetch_avx512(p []byte)
TEXT ·fetch_avx512(SB), NOSPLIT, $0-24
	MOVQ p_base+0(FP), SI
	MOVQ p_len+8(FP), CX
	SUBQ $256, CX
	JLT  rest
	PCALIGN $32

loop:
	PREFETCHT0 (SI)
	PREFETCHT0 64(SI)
	PREFETCHT0 128(SI)
	PREFETCHT0 192(SI)
	ADDQ $256, SI
	SUBQ $256, CX
	JGE  loop

rest:
	ADDQ $256, CX
	JLE  done

line:
	PREFETCHT0 (SI)
	ADDQ $64, SI
	SUBQ $64, CX
	JGT  line

done:
	RET
