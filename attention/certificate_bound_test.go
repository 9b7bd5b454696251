package attention

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTanhBound: what stands for tanh in a rigorous bound is no less, and a fiftieth more at most.
func TestTanhBound(t *testing.T) {
	for x := 0.0; x < 40; x += 1.0 / 1024 {
		got, want := tanhBound(x), math.Tanh(x)
		require.GreaterOrEqual(t, got, want*(1-0x1p-50), "x = %v", x)
		require.LessOrEqual(t, got, want*1.02, "x = %v", x)
	}
	require.Equal(t, 1., tanhBound(math.Inf(1)))
	require.True(t, math.IsNaN(tanhBound(math.NaN())))
}
