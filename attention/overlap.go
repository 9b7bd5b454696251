package attention

import "unsafe"

// overlap reports whether two slices share memory.
func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	pa, pb := uintptr(unsafe.Pointer(unsafe.SliceData(a))), uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	return pa < pb+uintptr(len(b)) && pb < pa+uintptr(len(a))
}

// bytesOf views a slice of numbers as its bytes.
func bytesOf[T float32 | uint16 | int32 | int8](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*int(unsafe.Sizeof(x[0])))
}

// empty reports whether no slice is set.
func (r *Rows) empty() bool { return r.F32 == nil && r.F16 == nil && r.BF16 == nil }

// overlaps reports whether the view shares memory with b.
func (r *Rows) overlaps(b []byte) bool {
	return overlap(bytesOf(r.F32), b) || overlap(bytesOf(r.F16), b) || overlap(bytesOf(r.BF16), b)
}
