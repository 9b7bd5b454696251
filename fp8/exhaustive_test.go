package fp8

import (
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestExhaustive compares EncodeSliceOverflow with the run tables on all 2³²
// float32 patterns, for each type and overflow rule. Set QATTN_EXHAUSTIVE=1 to run
// it; it takes a few minutes.
func TestExhaustive(t *testing.T) {
	if os.Getenv("QATTN_EXHAUSTIVE") != "1" {
		t.Skip("QATTN_EXHAUSTIVE=1 not set")
	}
	exhaustive[E4M3](t, "e4m3fn")
	exhaustive[E5M2](t, "e5m2")
	exhaustive[E4M3FNUZ](t, "e4m3fnuz")
	exhaustive[E5M2FNUZ](t, "e5m2fnuz")
}

func exhaustive[T Float8](t *testing.T, name string) {
	const (
		chunkBits = 16
		chunks    = 1 << (32 - chunkBits)
		workers   = 2
	)
	want := loadTable(t, name)
	for _, o := range overflows {
		start := time.Now()
		var next, bad atomic.Uint64
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				src, dst := make([]float32, 1<<chunkBits), make([]T, 1<<chunkBits)
				for {
					c := next.Add(1) - 1
					if c >= chunks {
						return
					}
					first := uint32(c) << chunkBits
					for i := range src {
						src[i] = math.Float32frombits(first + uint32(i))
					}
					EncodeSliceOverflow(dst, src, o)
					r := want.find(o, first)
					runs := want.runs[o]
					for i, got := range dst {
						b := first + uint32(i)
						if r+1 < len(runs) && runs[r+1].first == b {
							r++
						}
						if uint8(got) != runs[r].code && bad.Add(1) <= 10 {
							t.Errorf("%s %v %08x: %02x, want %02x", name, o, b, uint8(got), runs[r].code)
						}
					}
				}
			})
		}
		wg.Wait()
		// Printed at once, so that a long run shows its progress.
		fmt.Printf("%s %v: %d mismatches in 2^32 patterns, %v\n", name, o, bad.Load(), time.Since(start).Round(time.Millisecond))
	}
}
