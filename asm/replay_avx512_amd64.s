//go:build !purego

#include "textflag.h"
#include "funcdata.h"
#include "go_asm.h"

// replay_avx512_amd64.s: the recorded kernel calls of a tile, tile after tile.
//
// Obstacle:  a decoding tile is a handful of kernels of 50 ns each, and Go spends 10 between
//            two of them: layers, slices, arguments stored one by one. Copying recorded
//            arguments in lines ahead of each call would cost as much: a kernel waits for the
//            line before it gets a word of it.
// Shape:     the arguments of every call lie in this frame, 512 bytes apart, and stay there; what
//            moves with the tile is stored on top. A call raises SP to its arguments and
//            has what is between them and those of the call before for itself: its return
//            address and its frame.
// Frame:     not NOSPLIT, so that kernels find the stack they may rely on. Nobody looks
//            for pointers in it: code that runs here cannot be stopped.
// Reads:     ahead of the calls of a tile, the bitmaps at the start of its two blocks.
// Registers: kernels keep none. DI Player · SI moves · R10 their end · BX, DX blocks of the tile
//            and of the next · AX CX R8 R9 R11 temporaries

// CALLS calls kernel i. A result that is not 0 stops the replay.
#define CALLS(i, ok) \
	MOVQ (Player_entries+8*i)(DI), AX; \
	TESTQ AX, AX;                      \
	JEQ  next;                         \
	ADDQ $(512*i), SP;                 \
	CALL AX;                           \
	SUBQ $(512*i), SP;                 \
	MOVQ p+0(FP), DI;                  \
	MOVQ (Player_results+8*i)(DI), CX; \
	TESTQ CX, CX;                      \
	JEQ  ok;                           \
	MOVL CX, R8;                       \
	SHRQ $32, CX;                      \
	MOVL $(i+1), R9;                   \
	ANDQ (SP)(R8*1), CX;               \
	JNE  stopped

// func replay_avx512(p *Player) (result uint64)
TEXT ·replay_avx512(SB), 0, $6144-16
	NO_LOCAL_POINTERS
	MOVQ p+0(FP), DI
	MOVQ Player_args(DI), SI
	LEAQ Player_entries(DI), R11
	MOVQ SP, R10

call:
	CMPQ (R11), $0
	JEQ  tile
	XORL CX, CX

word:
	MOVQ (SI)(CX*8), AX
	MOVQ AX, (R10)(CX*8)
	INCL CX
	CMPL CX, $32
	JNE  word
	ADDQ $256, SI
	ADDQ $512, R10
	ADDQ $8, R11
	JMP  call

tile:
	MOVQ Player_done(DI), CX
	CMPQ CX, Player_tiles(DI)
	JGE  over
	MOVQ Player_table(DI), AX
	MOVLQSX (AX)(CX*4), BX
	MOVLQSX 4(AX)(CX*4), DX
	IMULQ Player_stride(DI), BX
	IMULQ Player_stride(DI), DX
	ADDQ Player_head(DI), BX
	ADDQ Player_head(DI), DX
	MOVQ Player_second(DI), AX
	MOVQ (BX), CX
	ORQ  (BX)(AX*1), CX
	JNE  over
	LEAQ Player_moves(DI), SI
	MOVQ Player_moved(DI), R10

move:
	MOVL (SI), CX
	MOVQ BX, R9
	BTRL $31, CX
	CMOVQCS DX, R9
	MOVL 4(SI), R11
	ADDQ R11, R9
	MOVQ R9, (SP)(CX*1)
	ADDQ $8, SI
	DECQ R10
	JNE  move

	MOVQ Player_first(DI), CX
	TESTQ CX, CX
	JNE  resume

call0:
	CALLS(0, call1)

call1:
	CALLS(1, call2)

call2:
	CALLS(2, call3)

call3:
	CALLS(3, call4)

call4:
	CALLS(4, call5)

call5:
	CALLS(5, call6)

call6:
	CALLS(6, call7)

call7:
	CALLS(7, call8)

call8:
	CALLS(8, call9)

call9:
	CALLS(9, call10)

call10:
	CALLS(10, call11)

call11:
	CALLS(11, call12)

call12:
next:
	MOVQ $0, Player_first(DI)
	INCQ Player_done(DI)
	JMP  tile

resume:
	CMPQ CX, $1
	JEQ  call1
	CMPQ CX, $2
	JEQ  call2
	CMPQ CX, $3
	JEQ  call3
	CMPQ CX, $4
	JEQ  call4
	CMPQ CX, $5
	JEQ  call5
	CMPQ CX, $6
	JEQ  call6
	CMPQ CX, $7
	JEQ  call7
	CMPQ CX, $8
	JEQ  call8
	CMPQ CX, $9
	JEQ  call9
	CMPQ CX, $10
	JEQ  call10
	CMPQ CX, $11
	JEQ  call11
	JMP  call12

stopped:
	MOVQ R9, Player_first(DI)
	MOVQ CX, result+8(FP)
	RET

over:
	MOVQ $0, result+8(FP)
	RET
