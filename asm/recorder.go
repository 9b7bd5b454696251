package asm

import (
	"reflect"
	"unsafe"
)

// A Recorder writes down the kernel calls of one tile, to have them repeated by assembly on
// the tiles that follow, with nothing between two kernels. Its Set stands in for the one it
// was made of: kernels called by way of it do not run. Between Start and Stop the caller does
// what it does to any tile; that works if what it does besides is the same for all tiles, so
// it may choose between calls by shapes, but not by data. Arguments that point into the blocks
// of the recorded tile, or into those of the next, move along when the calls are repeated;
// all others stay. A Recorder serves one goroutine.
type Recorder struct {
	Set
	tile, next uintptr // blocks of the recorded tile, and of the one behind
	bytes      uintptr // of either
	foreign    bool    // a kernel was called that cannot be recorded
	args       [mostCalls][mostArguments]uint64
	families   [mostCalls]string
	calls      int
	player     Player
}

const (
	mostCalls     = 12
	mostArguments = 32  // words of a call, results included
	callBytes     = 512 // from call to call in the frame of replay
)

// Player is what the assembly reads and writes.
type Player struct {
	entries        [mostCalls + 1]uintptr // of the kernels, 0 behind the last
	results        [mostCalls]uint64      // place in the frame, and from bit 32 on the bits that count; 0 without result
	moves          [48]uint64             // place in the frame, bit 31 for the next tile, and from bit 32 on the place in its blocks
	moved          int
	args           *[mostArguments]uint64
	table          *int32  // page of tile 0, 1, …, tiles
	head           uintptr // blocks of a tile on page 0
	stride, second int     // from page to page, from block to block
	tiles, done    int
	first          int // call to go on with
}

// Recorder returns a recorder of the set's kernels, or nil where nothing repeats their calls.
func (s *Set) Recorder() *Recorder {
	if !replays(s.Tier) {
		return nil
	}
	r := &Recorder{}
	r.Tier, r.names = s.Tier, s.names
	fields := reflect.ValueOf(&r.Set).Elem()
	for i := range fields.NumField() {
		f := fields.Field(i)
		if f.Kind() != reflect.Func {
			continue
		}
		results := make([]reflect.Value, f.Type().NumOut())
		for j := range results {
			results[j] = reflect.Zero(f.Type().Out(j))
		}
		f.Set(reflect.MakeFunc(f.Type(), func([]reflect.Value) []reflect.Value {
			r.foreign = true
			return results
		}))
	}
	r.intercept()
	return r
}

// Start begins a recording on a tile, given its two blocks in one piece and those of the
// next tile.
func (r *Recorder) Start(tile, next []byte) {
	r.tile, r.next = uintptr(unsafe.Pointer(unsafe.SliceData(tile))), uintptr(unsafe.Pointer(unsafe.SliceData(next)))
	r.bytes = uintptr(len(tile))
	r.calls, r.foreign, r.player.moved = 0, false, 0
}

// Stop ends it and reports whether the calls can be repeated.
func (r *Recorder) Stop() bool {
	r.player.entries[r.calls] = 0
	return !r.foreign && r.player.moved > 0
}

// Play starts repeating the recorded calls on tiles of pages stride bytes apart: arena starts
// with the tile's blocks on page 0, second is the distance of the second block, table[i] the
// page of tile i; its last entry is the tile behind the last one.
func (r *Recorder) Play(arena []byte, stride, second int, table []int32) {
	p := &r.player
	p.args, p.head, p.table = &r.args[0], uintptr(unsafe.Pointer(unsafe.SliceData(arena))), unsafe.SliceData(table)
	p.stride, p.second, p.tiles, p.done, p.first = stride, second, len(table)-1, 0, 0
}

// Continue goes on until all tiles are done, or before one with tokens that are not finite, or
// behind a call whose result is not 0. It returns the number of tiles that are done and, in
// the last case, the result and the family of the call; then a tile is in progress. The
// memory all arguments point to must be kept alive by the caller.
func (r *Recorder) Continue() (done int, result uint64, family string) {
	if result = replay(&r.player); result != 0 {
		family = r.families[r.player.first-1]
	}
	return r.player.done, result, family
}

// kernel is the chosen kernel of a family, as assembly calls it.
type kernel struct {
	family string
	entry  uintptr // 0 where it is not one function of assembly
}

// kernel finds the chosen kernel of a family.
func (r *Recorder) kernel(family string) kernel { return kernel{family, entryOf(r.names[family])} }

// record appends a call. args has the layout of the arguments on the stack, result bytes of
// result behind them.
func record[T any](r *Recorder, k kernel, args *T, result int) {
	size := int(unsafe.Sizeof(*args)) / 8
	r.add(k, unsafe.Slice((*uint64)(unsafe.Pointer(args)), size), result)
}

func (r *Recorder) add(k kernel, args []uint64, result int) {
	p, i := &r.player, r.calls
	if r.foreign || k.entry == 0 || i == mostCalls || len(args) >= mostArguments || p.moved+len(args) > len(p.moves) {
		r.foreign = true
		return
	}
	p.entries[i], p.results[i], r.families[i] = k.entry, 0, k.family
	frame := uint64(callBytes * i)
	if result > 0 {
		p.results[i] = frame + uint64(8*len(args)) | (1<<(8*result)-1)<<32
	}
	copy(r.args[i][:], args)
	for j, w := range args {
		place := frame + uint64(8*j)
		if at := uintptr(w) - r.tile; at < r.bytes {
			place |= uint64(at) << 32
		} else if at := uintptr(w) - r.next; at < r.bytes {
			place |= 1<<31 | uint64(at)<<32
		} else {
			continue
		}
		p.moves[p.moved] = place
		p.moved++
	}
	r.calls++
}
