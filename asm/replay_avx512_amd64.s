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
// Shape:     the arguments of every call lie in this frame, 768 bytes apart, and stay there; what
//            moves with the tile is stored on top. A call raises SP to its arguments and
//            has what is between them and those of the call before for itself: its return
//            address and its frame.
// Frame:     not NOSPLIT, so that kernels find the stack they may rely on. Nobody looks
//            for pointers in it: code that runs here cannot be stopped.
// Reads:     ahead of the calls of a tile, the bitmaps at the start of two blocks.
// Registers: kernels keep none. DI Player · SI moves · R10 those left · AX BX CX R8 R9 R11
//            temporaries; R8 tile and R9 head while addresses are found

// FIND leaves the entry of kernel i in AX, unless there is none.
#define FIND(i) \
	MOVQ (Player_entries+8*i)(DI), AX; \
	TESTQ AX, AX;                      \
	JEQ  done

// RESULT looks at the result of kernel i. One that is not 0 stops the replay.
#define RESULT(i, ok) \
	MOVQ p+0(FP), DI;                  \
	MOVQ (Player_results+8*i)(DI), CX; \
	TESTQ CX, CX;                      \
	JEQ  ok;                           \
	MOVL CX, R8;                       \
	SHRQ $32, CX;                      \
	MOVL $(i+1), R9;                   \
	MOVQ (SP)(R8*1), R8;               \
	SHLQ CX, R8;                       \
	TESTQ R8, R8;                      \
	JNE  stopped

// MOVES adds to what moves with block i how far that is from the one before, SHIFTS to what
// belongs to its head.
#define MOVES(i, more, none) \
	MOVQ (Player_blocks+8*i)(DI), BX; \
	MOVQ BX, R11;                     \
	SUBQ (Player_before+8*i)(DI), BX; \
	MOVQ R11, (Player_before+8*i)(DI); \
	MOVQ (Player_moved+8*i)(DI), R10; \
	TESTQ R10, R10;                   \
	JEQ  none;                        \
more:                                 \
	MOVL (SI), CX;                    \
	MOVL 4(SI), R9;                   \
	ADDQ BX, (SP)(CX*1);              \
	ADDQ BX, (SP)(R9*1);              \
	ADDQ $8, SI;                      \
	DECQ R10;                         \
	JNE  more;                        \
none:
#define SHIFTS(i, more, none) \
	MOVQ (Player_index+8*i)(DI), BX;  \
	MOVQ BX, R11;                     \
	SUBQ (Player_turned+8*i)(DI), BX; \
	MOVQ R11, (Player_turned+8*i)(DI); \
	MOVQ (Player_shifted+8*i)(DI), R10; \
	TESTQ R10, R10;                   \
	JEQ  none;                        \
more:                                 \
	MOVL (SI), CX;                    \
	MOVL 4(SI), R11;                  \
	IMULQ BX, R11;                    \
	ADDQ R11, (SP)(CX*1);             \
	ADDQ $8, SI;                      \
	DECQ R10;                         \
	JNE  more;                        \
none:

// CALLS calls kernel i, not the first. ADJSP moves SP in the eyes of profilers and panics too:
// an ADDQ would end their view of the stack here.
#define CALLS(i, ok) \
	FIND(i);         \
	ADJSP $(-768*i); \
	CALL AX;         \
	ADJSP $(768*i);  \
	RESULT(i, ok)

// func replay_avx512(p *Player) (result uint64)
TEXT ·replay_avx512(SB), 0, $10752-16
	NO_LOCAL_POINTERS
	MOVQ p+0(FP), DI
	MOVQ Player_args(DI), SI
	LEAQ Player_entries(DI), R11
	MOVQ SP, R10

call:
	CMPQ (R11), $0
	JEQ  first
	XORL CX, CX

word:
	MOVQ (SI)(CX*8), AX
	MOVQ AX, (R10)(CX*8)
	INCL CX
	CMPL CX, $32
	JNE  word
	ADDQ $256, SI
	ADDQ $768, R10
	ADDQ $8, R11
	JMP  call

first: // the tile at hand and those behind it
	MOVQ $0, Player_before(DI)
	MOVQ $0, (Player_before+8)(DI)
	MOVQ $0, (Player_before+16)(DI)
	MOVQ $0, Player_turned(DI)
	MOVQ $0, (Player_turned+8)(DI)
	MOVQ $0, (Player_turned+16)(DI)
	MOVQ Player_tile(DI), R8
	MOVQ Player_head(DI), R9
	XORL CX, CX
	JMP  block

tile: // blocks move up
	MOVQ (Player_blocks+8)(DI), AX
	MOVQ (Player_blocks+16)(DI), BX
	MOVQ AX, Player_blocks(DI)
	MOVQ BX, (Player_blocks+8)(DI)
	MOVQ (Player_index+8)(DI), AX
	MOVQ (Player_index+16)(DI), BX
	MOVQ AX, Player_index(DI)
	MOVQ BX, (Player_index+8)(DI)
	MOVQ Player_behind(DI), R8
	MOVQ (Player_behind+8)(DI), R9
	MOVQ Player_reach(DI), CX
	DECQ CX

block:
	MOVQ Player_done(DI), AX
	CMPQ AX, Player_todo(DI)
	JGE  over

next:
	MOVQ Player_table(DI), SI
	MOVLQSX (SI)(R8*4), AX
	IMULQ Player_stride(DI), AX
	MOVQ R9, R10
	IMULQ Player_bytes(DI), R10
	ADDQ Player_base(DI), AX
	ADDQ R10, AX
	MOVQ AX, Player_blocks(DI)(CX*8)
	MOVQ R9, Player_index(DI)(CX*8)
	XORL AX, AX
	INCQ R9
	CMPQ R9, Player_heads(DI)
	CMOVQEQ AX, R9
	SETEQ AX
	ADDQ AX, R8
	INCQ CX
	CMPQ CX, Player_reach(DI)
	JNE  next
	MOVQ R8, Player_behind(DI)
	MOVQ R9, (Player_behind+8)(DI)
	MOVQ Player_second(DI), AX
	CMPQ Player_early(DI), $0
	JEQ  check
	MOVQ (Player_blocks-8)(DI)(CX*8), BX
	PREFETCHT0 (BX)
	PREFETCHT0 (BX)(AX*1)

check:
	MOVQ Player_checked(DI), CX
	MOVQ Player_blocks(DI)(CX*1), BX
	MOVQ (BX), CX
	ORQ  (BX)(AX*1), CX
	JNE  over
	LEAQ Player_moves(DI), SI
	MOVES(0, move0, moved0)
	MOVES(1, move1, moved1)
	MOVES(2, move2, moved2)
	LEAQ Player_shifts(DI), SI
	SHIFTS(0, shift0, shifted0)
	SHIFTS(1, shift1, shifted1)
	SHIFTS(2, shift2, shifted2)
	MOVQ Player_first(DI), CX
	TESTQ CX, CX
	JNE  resume

call0:
	FIND(0)
	CALL AX
	RESULT(0, call1)

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
	CALLS(12, call13)

call13:
	CALLS(13, call14)

call14:
done:
	MOVQ $0, Player_first(DI)
	INCQ Player_done(DI)
	MOVQ (Player_index)(DI), R9
	XORL AX, AX
	INCQ R9
	CMPQ R9, Player_heads(DI)
	CMOVQEQ AX, R9
	SETEQ AX
	ADDQ AX, Player_tile(DI)
	MOVQ R9, Player_head(DI)
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
	CMPQ CX, $12
	JEQ  call12
	CMPQ CX, $13
	JEQ  call13
	JMP  call14

stopped:
	MOVQ R9, Player_first(DI)
	SHRQ CX, R8
	MOVQ R8, result+8(FP)
	RET

over:
	MOVQ $0, result+8(FP)
	RET
