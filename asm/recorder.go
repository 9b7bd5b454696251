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
	foreign  bool // a kernel was called that cannot be recorded
	args     [mostCalls][mostArguments]uint64
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
)

// rowMemory has something for every KV head, stride bytes apart.
type rowMemory struct{ start, bytes, stride uintptr }

// Player is what the assembly reads and writes.
type Player struct {
	entries    [mostCalls + 1]uintptr // of the kernels, 0 behind the last
	results    [mostCalls]uint64      // place in the frame, and from bit 32 on the bits that count; 0 without result
	moves      [mostMoves]uint64      // place in the frame, from bit 30 on the tile, from bit 32 on the place in its blocks
	moved      int
	shifts     [2 * mostMoves]uint64 // place in the frame, from bit 30 on the tile, from bit 32 on what to add per head; address for head 0
	shifted    int
	args       *[mostArguments]uint64
	table      *int32  // page of tile 0, 1, …, and of those behind the last
	base       uintptr // blocks of head 0 on page 0
	stride     int     // from page to page
	second     int     // from block to block of a head
	bytes      int     // from head to head
	heads      int
	reach      int // tiles that calls point into
	checked    int // offset in blocks of the tile that must be finite
	tile, head int // at hand
	todo, done int
	first      int                // call to go on with
	blocks     [mostReach]uintptr // of the tile at hand and of those behind it
	index      [mostReach]int     // their heads
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

// Start begins a recording on the tile of head 0, given its blocks in one piece and those of
// one or two tiles behind it. Repeated calls stop before a tile with tokens that are not finite,
// of two tiles behind before those of the tile in front of it.
func (r *Recorder) Start(tiles ...[]byte) {
	r.bytes, r.rows = uintptr(len(tiles[0])), r.rows[:0]
	for i, t := range tiles {
		r.blocks[i] = address(t)
	}
	p := &r.player
	r.calls, r.foreign, p.moved, p.shifted = 0, false, 0, 0
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
	r.player.entries[r.calls] = 0
	return !r.foreign && r.player.moved > 0
}

// A Course is where tiles are: arena starts with the blocks of head 0 on page 0, pages are
// stride bytes apart, the heads of a page bytes, and the blocks of a head second. table[i] is
// the page of tile i.
type Course struct {
	Arena                 []byte
	Stride, Bytes, Second int
	Heads                 int
	Table                 []int32
}

// Play starts repeating the recorded calls on n tiles, from that of a head on. The table has
// those behind the last one too.
func (r *Recorder) Play(c *Course, tile, head, n int) {
	p := &r.player
	p.args, p.base, p.table = &r.args[0], address(c.Arena), unsafe.SliceData(c.Table)
	p.stride, p.bytes, p.second, p.heads = c.Stride, c.Bytes, c.Second, c.Heads
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
	if r.foreign || k.entry == 0 || i == mostCalls || len(args) >= mostArguments || p.moved+len(args) > len(p.moves) || p.shifted+2*len(args) > len(p.shifts) {
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
		if tile := slices.IndexFunc(r.blocks[:p.reach], func(b uintptr) bool { return uintptr(w)-b < r.bytes }); tile >= 0 {
			p.moves[p.moved] = place | uint64(tile)<<30 | uint64(uintptr(w)-r.blocks[tile])<<32
			p.moved++
			continue
		}
		for _, m := range r.rows {
			if at := uintptr(w) - m.start; at < m.bytes {
				head := at / m.stride
				p.shifts[p.shifted] = place | uint64(head)<<30 | uint64(m.stride)<<32
				p.shifts[p.shifted+1] = w - uint64(head*m.stride)
				p.shifted += 2
			}
		}
	}
	r.calls++
}
