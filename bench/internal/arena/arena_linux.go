package arena

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// hugePage is the common huge page size. Mappings are rounded up to it, so that the
// last part can be one too.
const hugePage = 2 << 20

func alloc(n int) ([]byte, func()) {
	size := (n + hugePage - 1) &^ (hugePage - 1)
	mem, err := unix.Mmap(-1, 0, max(size, hugePage), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("arena: %d bytes: %v", n, err))
	}
	advice := unix.MADV_HUGEPAGE
	if !Huge {
		advice = unix.MADV_NOHUGEPAGE
	}
	_ = unix.Madvise(mem, advice) // a kernel without huge pages refuses: small pages then
	return mem[:n:n], func() { _ = unix.Munmap(mem) }
}
