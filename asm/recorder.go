package asm

import (
	"reflect"
	"slices"
	"unsafe"
)

// A Recorder writes down the kernel calls of one tile of a KV head, to have them repeated by
// assembly on those that follow, with nothing between two kernels. Its Set stands in for the
// one it was made of: kernels called by way of it do not run. Between Start and Stop the
// caller does what it does to any tile; that works if what it does besides is the same for
// all tiles, so it may choose between calls by shapes, but not by data.
//
// Tiles are repeated head by head, page by page: in the order of their addresses. Arguments
// that point into the blocks of the recorded tile, or into those of one behind it, move along;
// so do those that point to what is kept for its head, or for the next (Rows). All others stay.
// A Recorder serves one goroutine.
type Recorder struct {
	Set
	blocks   [mostReach]uintptr // of the recorded tile and of those behind it
	bytes    uintptr            // of each
	rows     []rowMemory
	foreign  bool                             // a kernel was called that cannot be recorded
	args     [mostCalls][mostArguments]uint64 // what moves as its offset in a block, or for head 0
	moves    [mostReach][]uint32
	shifts   [mostReach][]uint64
	families [mostCalls]string
	calls    int
	player   Player
}

const (
	mostCalls     = 14
	mostArguments = 32  // words of a call, results included
	callBytes     = 768 // from call to call in the frame of replay
	mostReach     = 3   // tiles that calls point into
	mostMoves     = 48
	noPlace       = callBytes*(mostCalls-1) + 8*mostArguments // in the frame, behind all arguments
)

// rowMemory has something for every KV head, stride bytes apart.
type rowMemory struct{ start, bytes, stride uintptr }

// Player is what the assembly reads and writes.
type Player struct {
	entries    [mostCalls + 1]uintptr        // of the kernels, 0 behind the last
	results    [mostCalls]uint64             // place in the frame, and from bit 32 on the bits of a word that do not count; 0 without result
	moves      [mostMoves + mostReach]uint32 // places in the frame of what moves with a block, block by block
	moved      [mostReach]int                // pairs of them
	shifts     [mostMoves]uint64             // place in the frame, and from bit 32 on what to add per head, block by block
	shifted    [mostReach]int
	args       *[mostArguments]uint64
	table      *int32  // page of tile 0, 1, …, and of those behind the last
	base       uintptr // blocks of head 0 on page 0
	stride     int     // from page to page
	second     int     // from block to block of a head
	bytes      int     // from head to head
	heads      int
	reach      int // tiles that calls point into
	checked    int // offset in blocks of the tile that must be finite
	early      int // whether the heads of blocks are fetched as soon as calls point into them
	tile, head int // at hand
	todo, done int
	first      int                // call to go on with
	blocks     [mostReach]uintptr // of the tile at hand and of those behind it
	index      [mostReach]int     // their heads
	behind     [2]int             // the tile and head behind those
	before     [mostReach]uintptr // the blocks and heads that the arguments have
	turned     [mostReach]int
}

// Recorder returns a recorder of the set's kernels, or nil where nothing repeats their calls.
func (s *Set) Recorder() *Recorder {
	if !replays(s.Tier) {
		return nil
	}
	r := &Recorder{}
	for i := range mostReach { // recordings do not allocate
		r.moves[i], r.shifts[i] = make([]uint32, 0, mostCalls*mostArguments), make([]uint64, 0, mostCalls*mostArguments)
	}
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

// Start begins a recording on a tile of head 0: its blocks in one piece, then those of one or
// two tiles behind it. Given one, repeated calls stop before a tile with a token that is not
// finite; given two, before a tile whose successor has one.
func (r *Recorder) Start(tiles ...[]byte) {
	r.bytes, r.rows = uintptr(len(tiles[0])), r.rows[:0]
	for i, t := range tiles {
		r.blocks[i] = address(t)
	}
	p := &r.player
	r.calls, r.foreign = 0, false
	for i := range mostReach {
		r.moves[i], r.shifts[i] = r.moves[i][:0], r.shifts[i][:0]
	}
	p.reach, p.checked = len(tiles), int(unsafe.Sizeof(r.blocks[0]))*(len(tiles)-2)
}

// Rows tells, behind Start, of memory with stride elements for each of the heads.
func Rows[T any](r *Recorder, x []T, stride, heads int) {
	if len(x) > 0 && heads > 1 {
		size := unsafe.Sizeof(x[0]) * uintptr(stride)
		r.rows = append(r.rows, rowMemory{address(x), size * uintptr(heads), size})
	}
}

func address[T any](x []T) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(x))) }

// Stop ends it and reports whether the calls can be repeated.
func (r *Recorder) Stop() bool {
	p := &r.player
	p.entries[r.calls] = 0
	moved, shifted := 0, 0
	for i := range mostReach {
		if len(r.moves[i])%2 != 0 {
			r.moves[i] = append(r.moves[i], noPlace)
		}
		if moved+len(r.moves[i]) > len(p.moves) || shifted+len(r.shifts[i]) > len(p.shifts) {
			return false
		}
		p.moved[i], p.shifted[i] = len(r.moves[i])/2, len(r.shifts[i])
		moved += copy(p.moves[moved:], r.moves[i])
		shifted += copy(p.shifts[shifted:], r.shifts[i])
	}
	return !r.foreign && moved > 0
}

// A Course is where tiles are: arena starts with the blocks of head 0 on page 0, pages are
// stride bytes apart, the heads of a page bytes, and the blocks of a head second. table[i] is
// the page of tile i. Early has the bitmaps at the start of blocks fetched a tile ahead of the
// look at them, which nothing that follows in memory overtakes.
type Course struct {
	Arena                 []byte
	Stride, Bytes, Second int
	Heads                 int
	Table                 []int32
	Early                 bool
}

// Play starts repeating the recorded calls on n tiles, from that of a head on. The table has
// those behind the last one too.
func (r *Recorder) Play(c *Course, tile, head, n int) {
	p := &r.player
	p.args, p.base, p.table = &r.args[0], address(c.Arena), unsafe.SliceData(c.Table)
	p.stride, p.bytes, p.second, p.heads = c.Stride, c.Bytes, c.Second, c.Heads
	p.early = 0
	if c.Early {
		p.early = 1
	}
	p.tile, p.head, p.todo, p.done, p.first = tile, head, n, 0, 0
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
	if r.foreign || k.entry == 0 || i == mostCalls || len(args) >= mostArguments {
		r.foreign = true
		return
	}
	p.entries[i], p.results[i], r.families[i] = k.entry, 0, k.family
	frame := uint32(callBytes * i)
	if result > 0 {
		p.results[i] = uint64(frame) + uint64(8*len(args)) | uint64(64-8*result)<<32
	}
	copy(r.args[i][:], args)
	for j, w := range args {
		place := frame + uint32(8*j)
		if tile := slices.IndexFunc(r.blocks[:p.reach], func(b uintptr) bool { return uintptr(w)-b < r.bytes }); tile >= 0 {
			r.moves[tile] = append(r.moves[tile], place)
			r.args[i][j] = uint64(uintptr(w) - r.blocks[tile])
			continue
		}
		for _, m := range r.rows {
			if at := uintptr(w) - m.start; at < m.bytes {
				head := at / m.stride
				r.shifts[head] = append(r.shifts[head], uint64(place)|uint64(m.stride)<<32)
				r.args[i][j] = w - uint64(head*m.stride)
				break
			}
		}
	}
	r.calls++
}
