package attention

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fencedBytes is AlignedBytes in front of a page that nobody may touch, fewer than align bytes
// away.
func fencedBytes(t *testing.T, n, align int) []byte {
	page := syscall.Getpagesize()
	whole := (n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, whole+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { _ = syscall.Munmap(m) })
	require.NoError(t, syscall.Mprotect(m[whole:], syscall.PROT_NONE))
	at := (whole - n) / align * align
	return m[at : at+n : at+n]
}
