package asm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"
)

// What a kernel may do to an element of an output.
const (
	keep uint8 = iota // must not change
	any_              // may change, value unspecified
	spec              // specified by the contract
)

// operand is one slice argument of a kernel call: exactly the extent the contract
// states, its contents at entry and, for outputs, what must be there afterwards.
type operand struct {
	init  []byte
	size  int  // bytes per element
	float bool // float32: any NaN equals any NaN
	out   bool
	mask  []uint8   // per element: keep, any_ or spec; nil means all spec
	want  []byte    // exact contents, or nil
	value []float64 // contents within tol, or nil
	tol   []float64
}

// trial is one call of a kernel of some family.
type trial struct {
	shape string
	ops   []operand
	call  func(fn any, a [][]byte)
	check func(a [][]byte) error // relations between outputs; may be nil
	work  float64                // arithmetic operations, for benchmarks
}

// raw is the memory of x.
func raw[T any](x []T) []byte {
	var z T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(z)))
}

// view reads b as elements of type T.
func view[T any](b []byte) []T {
	var z T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(z)))
}

func newOperand[T any](x []T) operand {
	var z T
	_, isFloat := any(z).(float32)
	if _, ok := any(z).(Stat); ok {
		return operand{init: raw(x), size: 4, float: true}
	}
	return operand{init: raw(x), size: int(unsafe.Sizeof(z)), float: isFloat}
}

// in is an operand that is only read.
func in[T any](x []T) operand { return newOperand(x) }

// out is an operand that is only written; want is what the contract says.
func out[T any](want []T, mask []uint8) operand {
	o := newOperand(want)
	o.want, o.init, o.mask, o.out = o.init, bytes.Repeat([]byte{0xa5}, len(o.init)), mask, true
	return o
}

// inout is an operand that is updated in place.
func inout[T any](x, want []T, mask []uint8) operand {
	o := newOperand(x)
	o.want, o.mask, o.out = raw(want), mask, true
	return o
}

// near replaces the exact contents by values and tolerances.
func (o operand) near(value, tol []float64) operand {
	o.want, o.value, o.tol = nil, value, tol
	return o
}

// matrix masks an [m][64] output of which row[:n] is specified and row[:w] written.
func matrix(m, n, w int) []uint8 {
	mask := make([]uint8, m*Tile)
	for i := range m {
		for j := range w {
			mask[i*Tile+j] = any_
			if j < n {
				mask[i*Tile+j] = spec
			}
		}
	}
	return mask
}

// placement says where in its fence an operand lies: off bytes before the upper
// page or off bytes after the lower one.
type placement struct {
	end bool
	off int
}

const (
	slotBytes = 1 << 19
	margin    = 256 // bytes of sentinel on either side
	sentinel  = 0xc3
	poison    = 0xff // around inputs: NaN, −1, 255
)

// bench holds one fence per operand of a call.
type workbench struct{ slots []*fence }

func newWorkbench() *workbench {
	w := &workbench{}
	for range 16 {
		w.slots = append(w.slots, newFence(slotBytes))
	}
	return w
}

func (w *workbench) free() {
	for _, s := range w.slots {
		s.free()
	}
}

// around returns an operand's memory at p, and the sentinels below and above it.
func around(s *fence, o *operand, p placement) (below, mem, above []byte) {
	d := s.data()
	at := p.off &^ (o.size - 1)
	if p.end {
		at = len(d) - at - len(o.init)
	}
	end := at + len(o.init)
	return d[max(at-margin, 0):at], d[at:end:end], d[end:min(end+margin, len(d))]
}

func fill(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}

// intact reports whether b still holds the sentinel everywhere.
func intact(b []byte) bool {
	for _, x := range b {
		if x != sentinel {
			return false
		}
	}
	return true
}

// run calls every entry on the trial at one placement and reports what is wrong.
// The first entry is the generic one; Exact entries must equal it bit for bit.
func (w *workbench) run(tr *trial, p placement, entries []Entry, report func(e Entry, msg string)) {
	args := make([][]byte, len(tr.ops))
	protect := p == placement{end: true} // the other placements compare inputs instead
	for i := range tr.ops {
		o, s := &tr.ops[i], w.slots[i]
		below, mem, above := around(s, o, p)
		args[i] = mem
		if !o.out {
			fill(below, poison)
			fill(above, poison)
			copy(mem, o.init)
			if protect {
				s.readOnly()
			}
		}
	}
	defer func() {
		for i := range tr.ops {
			if protect && !tr.ops[i].out {
				w.slots[i].writable()
			}
		}
	}()
	var spec [][]byte
	for n, e := range entries {
		for i := range tr.ops {
			if o := &tr.ops[i]; o.out {
				below, mem, above := around(w.slots[i], o, p)
				fill(below, sentinel)
				fill(above, sentinel)
				copy(mem, o.init)
			}
		}
		fail := func(format string, a ...any) {
			report(e, fmt.Sprintf("%s %+v: ", tr.shape, p)+fmt.Sprintf(format, a...))
		}
		if addr := faults(func() { tr.call(e.Func, args) }); addr != 0 {
			fail("memory fault at %#x%s", addr, w.locate(tr, args, addr))
			continue
		}
		bad := false
		for i := range tr.ops {
			o := &tr.ops[i]
			if !o.out {
				if !bytes.Equal(args[i], o.init) {
					fail("input %d modified", i)
				}
				continue
			}
			below, mem, above := around(w.slots[i], o, p)
			if !intact(below) || !intact(above) {
				fail("operand %d: write outside its extent", i)
			}
			if msg := o.verify(mem); msg != "" {
				bad = true
				fail("operand %d: %s", i, msg)
			} else if e.Exact && n > 0 && spec != nil {
				if msg := o.compare(mem, spec[i]); msg != "" {
					fail("operand %d differs from generic: %s", i, msg)
				}
			}
		}
		if tr.check != nil && !bad {
			if err := tr.check(args); err != nil {
				fail("%v", err)
			}
		}
		if n == 0 && len(entries) > 1 {
			for _, a := range args {
				spec = append(spec, bytes.Clone(a))
			}
		}
	}
}

// locate says which operand a fault address belongs to.
func (w *workbench) locate(tr *trial, args [][]byte, addr uintptr) string {
	where, nearest := "", slotBytes // mappings may be neighbours: name the closest operand
	for i, a := range args {
		delta := int(addr - uintptr(unsafe.Pointer(unsafe.SliceData(a))))
		if distance := max(-delta, delta-len(a)+1, 0); distance < nearest {
			kind := "input"
			if tr.ops[i].out {
				kind = "output"
			}
			where, nearest = fmt.Sprintf(" (%s %d, byte %d of %d)", kind, i, delta, len(a)), distance
		}
	}
	return where
}

// at returns element i as an integer, whatever its size.
func (o *operand) at(b []byte, i int) uint32 {
	switch o.size {
	case 1:
		return uint32(b[i])
	case 2:
		return uint32(binary.NativeEndian.Uint16(b[2*i:]))
	}
	return binary.NativeEndian.Uint32(b[4*i:])
}

// verify compares an output with the oracle and returns a description of the first
// difference.
func (o *operand) verify(got []byte) string {
	if o.mask == nil && o.want != nil {
		return o.compare(got, o.want)
	}
	for i := range len(got) / o.size {
		switch what := o.what(i); {
		case what == keep:
			if o.at(got, i) != o.at(o.init, i) {
				return fmt.Sprintf("element %d written, must be left alone", i)
			}
		case what == spec && o.value != nil:
			g := float64(math.Float32frombits(o.at(got, i)))
			if v := o.value[i]; !(math.Abs(g-v) <= o.tol[i]) && g != v && (g == g || v == v) {
				return fmt.Sprintf("element %d = %g, want %g ± %.3g", i, g, v, o.tol[i])
			}
		}
	}
	if o.want == nil {
		return ""
	}
	return o.compare(got, o.want)
}

func (o *operand) what(i int) uint8 {
	if o.mask == nil {
		return spec
	}
	return o.mask[i]
}

// compare reports the first specified element in which got and want differ.
func (o *operand) compare(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	for i := range len(got) / o.size {
		g, w := o.at(got, i), o.at(want, i)
		if g == w || o.what(i) != spec || o.float && isNaN(g) && isNaN(w) {
			continue
		}
		if o.float {
			return fmt.Sprintf("element %d = %g (%#08x), want %g (%#08x)", i, math.Float32frombits(g), g, math.Float32frombits(w), w)
		}
		return fmt.Sprintf("element %d = %#x, want %#x", i, g, w)
	}
	return ""
}

func isNaN(bits uint32) bool { return bits&0x7fffffff > 0x7f800000 }
