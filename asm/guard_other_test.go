//go:build !linux

package asm

// guarded is false: only the sentinels around operands catch stray accesses.
const guarded = false

type fence struct{ mem []byte }

func newFence(n int) *fence { return &fence{make([]byte, n)} }

func (f *fence) data() []byte { return f.mem }
func (f *fence) readOnly()    {}
func (f *fence) writable()    {}
func (f *fence) free()        {}

func faults(f func()) uintptr { f(); return 0 }
