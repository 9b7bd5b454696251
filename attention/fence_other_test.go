//go:build !linux

package attention

import "testing"

func fencedBytes(_ *testing.T, n, _ int) []byte { return AlignedBytes(n) }
