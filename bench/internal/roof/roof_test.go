package roof

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"
)

func sample() *Limits {
	return &Limits{
		Caches: Caches{L1: 32 << 10, L2: 512 << 10, L3: 8 << 20, Known: true},
		Reads: []Read{
			{Rate{1, 100, 90}, 1 << 20, "x"}, {Rate{1, 60, 50}, 4 << 20, "x"}, {Rate{1, 20, 10}, 16 << 20, "x"},
			{Rate{2, 200, 90}, 1 << 20, "x"}, {Rate{2, 50, 50}, 16 << 20, "x"},
		},
		Peaks: []Peak{{Rate{1, 40, 39}, FMAYmm}, {Rate{2, 80, 78}, FMAYmm}},
	}
}

func TestReadRate(t *testing.T) {
	l := sample()
	for _, c := range []struct {
		bytes, threads int
		want           float64
	}{
		{1, 1, 100}, {1 << 20, 1, 100}, {2 << 20, 1, 80}, {4 << 20, 1, 60}, {8 << 20, 1, 40}, {math.MaxInt, 1, 20},
		{4 << 20, 2, 125},
	} {
		if got := l.ReadRate(c.bytes, c.threads); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%d bytes, %d threads: %v, want %v", c.bytes, c.threads, got, c.want)
		}
	}
	if got := l.ReadRate(1<<20, 3); !math.IsNaN(got) {
		t.Errorf("3 threads were not measured and read %v", got)
	}
	if got := l.DRAMRate(2); got != 50 {
		t.Errorf("DRAM %v, want 50", got)
	}
	// √(2·512 KiB · 8 MiB) = 2.83 MiB lies 3/4 of the way from 1 to 4 MiB.
	if got := l.L3Rate(1); math.Abs(got-70) > 1e-4 {
		t.Errorf("L3 %v, want 70", got)
	}
	l.Caches.L3 = 0
	if got := l.L3Rate(1); !math.IsNaN(got) {
		t.Errorf("no L3 and %v", got)
	}
}

func TestPeak(t *testing.T) {
	l := sample()
	if got := l.Peak(FMAYmm, 2); got != 80 {
		t.Errorf("%v, want 80", got)
	}
	for _, got := range []float64{l.Peak(DotZmm, 1), l.Peak(FMAYmm, 3), l.Peak("", 1)} {
		if !math.IsNaN(got) {
			t.Errorf("unknown peak is %v", got)
		}
	}
}

func TestLevel(t *testing.T) {
	c := Caches{L1: 32 << 10, L2: 512 << 10, L3: 8 << 20}
	for _, x := range []struct {
		bytes, threads int
		want           string
	}{{32 << 10, 1, "l1"}, {33 << 10, 1, "l2"}, {33 << 10, 2, "l1"}, {1 << 20, 2, "l2"}, {1 << 20, 1, "l3"}, {8 << 20, 2, "l3"}, {9 << 20, 2, "dram"}} {
		if got := c.Level(x.bytes, x.threads); got != x.want {
			t.Errorf("%d bytes, %d threads: %s, want %s", x.bytes, x.threads, got, x.want)
		}
	}
}

func TestCachesOf(t *testing.T) {
	dir := t.TempDir()
	write := func(index, level, kind, size string) {
		d := filepath.Join(dir, index)
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"level": level, "type": kind, "size": size} {
			if err := os.WriteFile(filepath.Join(d, name), []byte(value+"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := cachesOf(dir); got.Known {
		t.Errorf("an empty directory tells %+v", got)
	}
	write("index0", "1", "Data", "48K")
	write("index1", "1", "Instruction", "64K")
	write("index2", "2", "Unified", "1024K")
	write("index3", "3", "Unified", "32M")
	if got, want := cachesOf(dir), (Caches{48 << 10, 1 << 20, 32 << 20, true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestLadder(t *testing.T) {
	if got, want := ladder(1<<20), []int{128 << 10, 256 << 10, 512 << 10, 1 << 20}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A short measurement fills every number, in order, with plausible rates.
func TestMeasure(t *testing.T) {
	threads := []int{1, 2}
	steps := 0
	l, err := Measure(context.Background(), Options{Threads: threads, MaxBytes: 512 << 10, Samples: 2, Sample: 100 * time.Microsecond,
		Progress: func(done, total int, _ string) {
			if done != steps {
				t.Errorf("progress %d after %d steps of %d", done, steps, total)
			}
			steps++
		}})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Reads) != 3*len(threads) || len(l.Peaks) != len(peaks())*len(threads) {
		t.Fatalf("%d reads, %d peaks", len(l.Reads), len(l.Peaks))
	}
	for _, r := range l.Reads {
		if r.Best < 1e6 || r.Best > 1e14 || r.Median > r.Best || r.Loop == "" {
			t.Errorf("%+v", r)
		}
	}
	for _, p := range l.Peaks {
		if p.Best < 1e8 || p.Best > 1e15 || p.Median > p.Best {
			t.Errorf("%+v", p)
		}
	}
	if runtime.GOARCH == "amd64" && len(readers()) > 0 && math.IsNaN(l.Peak(MaddYmm, 1)) {
		t.Error("a CPU that reads ymm registers has no VPMADDWD peak")
	}
}

func TestMeasureStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Measure(ctx, Options{Threads: []int{1}, MaxBytes: 128 << 10, Samples: 1, Sample: time.Microsecond})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Every reader reads without writing, whatever the size.
func TestReadersDoNotWrite(t *testing.T) {
	for _, r := range append(readers(), reader{"Go", readWords}) {
		for _, n := range []int{granule, chunkBytes, chunkBytes + granule, 3*chunkBytes - granule} {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(i)
			}
			want := slices.Clone(b)
			sweep(r, b)
			if !slices.Equal(b, want) {
				t.Errorf("%s changed %d bytes", r.name, n)
			}
		}
	}
}

// Every run calls f exactly once per worker, and its time covers all of them.
func TestTeam(t *testing.T) {
	const n = 3
	tm := newTeam(n)
	defer tm.close()
	for range 20 {
		var met [n]int
		took := tm.run(func(w int) {
			met[w]++
			time.Sleep(time.Millisecond)
		})
		if met != [n]int{1, 1, 1} {
			t.Fatalf("calls per worker: %v", met)
		}
		if took < time.Millisecond {
			t.Fatalf("took %v", took)
		}
	}
}
