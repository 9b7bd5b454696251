// Package arena allocates the large memory that is read while a limit or a kernel is
// timed. Both use the same kind of pages, otherwise they could not be compared.
package arena

// Huge asks for huge pages where the system has them. Set it before the first Alloc.
var Huge = true

// Alloc returns n zero bytes at a 64-byte boundary and a function that frees them.
func Alloc(n int) (mem []byte, free func()) { return alloc(n) }

// Touch writes every page: memory never written is one shared page of zeros, and
// reading that would measure a cache.
func Touch(mem []byte) {
	for i := 0; i < len(mem); i += 64 {
		mem[i] = byte(i>>6) | 1
	}
}
