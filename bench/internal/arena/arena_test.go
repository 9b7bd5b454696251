package arena

import (
	"testing"
	"unsafe"
)

func TestAlloc(t *testing.T) {
	for _, huge := range []bool{true, false} {
		Huge = huge
		for _, n := range []int{1, 4096, 5 << 20} {
			mem, free := Alloc(n)
			if len(mem) != n || uintptr(unsafe.Pointer(&mem[0]))%64 != 0 {
				t.Errorf("%d bytes at %p for %d", len(mem), &mem[0], n)
			}
			for i, b := range mem {
				if b != 0 {
					t.Fatalf("byte %d is %d", i, b)
				}
			}
			Touch(mem)
			for i := 0; i < n; i += 4096 {
				if mem[i] == 0 {
					t.Fatalf("page at %d was not written", i)
				}
			}
			free()
		}
	}
	Huge = true
}
