package asm

import (
	"runtime/debug"
	"syscall"
)

// guarded tells whether stray accesses fault on this system.
const guarded = true

// fence is memory between two inaccessible pages: [PROT_NONE][data][PROT_NONE].
type fence struct {
	mem    []byte
	lo, hi int
}

func newFence(n int) *fence {
	page := syscall.Getpagesize()
	n = max(n+page-1, page) / page * page
	m, err := syscall.Mmap(-1, 0, n+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	f := &fence{m, page, page + n}
	f.protect(m[:f.lo], syscall.PROT_NONE)
	f.protect(m[f.hi:], syscall.PROT_NONE)
	return f
}

func (f *fence) protect(b []byte, mode int) {
	if err := syscall.Mprotect(b, mode); err != nil {
		panic(err)
	}
}

func (f *fence) data() []byte { return f.mem[f.lo:f.hi:f.hi] }

// readOnly makes writes to the data fault, writable allows them again.
func (f *fence) readOnly() { f.protect(f.data(), syscall.PROT_READ) }
func (f *fence) writable() { f.protect(f.data(), syscall.PROT_READ|syscall.PROT_WRITE) }
func (f *fence) free()     { _ = syscall.Munmap(f.mem) }

// faults runs f and returns the address of the memory fault it caused, 0 for none.
// It must be called on the goroutine that runs the kernel.
func faults(f func()) (addr uintptr) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			addr = r.Addr()
		default:
			panic(r)
		}
	}()
	f()
	return 0
}
