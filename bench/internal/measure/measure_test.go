package measure

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSample(t *testing.T) {
	for _, c := range []struct {
		s           Sample
		min, median float64
	}{
		{Sample{3}, 3, 3},
		{Sample{5, 1, 3}, 1, 3},
		{Sample{8, 2, 4, 6}, 2, 5},
		{Sample{2, 2, 100}, 2, 2},
	} {
		before := slices.Clone(c.s)
		if c.s.Min() != c.min || c.s.Median() != c.median {
			t.Errorf("%v: min %v, median %v, want %v, %v", c.s, c.s.Min(), c.s.Median(), c.min, c.median)
		}
		if !slices.Equal(before, c.s) {
			t.Errorf("%v became %v", before, c.s)
		}
	}
	if !math.IsNaN(Sample(nil).Min()) || !math.IsNaN(Sample(nil).Median()) {
		t.Error("an empty sample has a number")
	}
}

func TestInterleaveGoesRoundRobin(t *testing.T) {
	var log []string
	record := func(name string) func() error {
		return func() error { log = append(log, name); return nil }
	}
	cases := []Case{
		{Name: "a", Before: record("a-before"), Run: record("a")},
		{Name: "b", Run: record("b")},
	}
	var steps []string
	samples, err := Interleave(context.Background(), cases, Options{Passes: 2,
		Progress: func(done, total int, name string) {
			if total != 4 || done != len(steps) {
				t.Errorf("progress %d of %d after %d steps", done, total, len(steps))
			}
			steps = append(steps, name)
		}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(steps, " "); got != "a b a b" {
		t.Errorf("visited %s", got)
	}
	// A visit with no slice is one Run, after one that is not timed unless the case is
	// known to be longer than half a slice, which every time is here.
	if got, want := strings.Join(log, " "), "a-before a a-before a b b a-before a b"; got != want {
		t.Errorf("ran %s, want %s", got, want)
	}
	for i, s := range samples {
		if len(s) != 2 {
			t.Errorf("case %d: %d times, want 2", i, len(s))
		}
	}
}

func TestInterleaveTimes(t *testing.T) {
	const nap = 2 * time.Millisecond
	sleep := func() error { time.Sleep(nap); return nil }
	samples, err := Interleave(context.Background(), []Case{
		{Name: "one", Run: sleep},
		{Name: "ten operations", Run: sleep, Ops: 10},
		{Name: "preparation", Before: sleep, Run: func() error { return nil }},
	}, Options{Passes: 1, Slice: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got := samples[0].Min(); got < nap.Seconds() {
		t.Errorf("a nap of %v took %v s", nap, got)
	}
	if got := samples[1].Min(); got < nap.Seconds()/10 || got > samples[0].Min()/2 {
		t.Errorf("a tenth of a nap of %v took %v s", nap, got)
	}
	if got := samples[2].Min(); got > nap.Seconds()/2 {
		t.Errorf("Before was timed: %v s", got)
	}
	if n := len(samples[0]); n < 2 || n > 6 {
		t.Errorf("%d naps of %v in a slice of 10ms", n, nap)
	}
}

// A long case is visited three times only.
func TestInterleaveLimit(t *testing.T) {
	samples, err := Interleave(context.Background(), []Case{
		{Name: "long", Run: func() error { time.Sleep(2 * time.Millisecond); return nil }},
		{Name: "short", Run: func() error { return nil }},
	}, Options{Passes: 8, Limit: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(samples[0]) != 3 || len(samples[1]) != 8 {
		t.Errorf("%d long and %d short times, want 3 and 8", len(samples[0]), len(samples[1]))
	}
}

func TestInterleaveStops(t *testing.T) {
	broken := errors.New("broken")
	_, err := Interleave(context.Background(), []Case{{Name: "bad case", Run: func() error { return broken }}}, Options{Passes: 1})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "bad case") {
		t.Errorf("error %v", err)
	}
	_, err = Interleave(context.Background(), []Case{{Name: "bad start", Before: func() error { return broken }}}, Options{Passes: 1})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Interleave(ctx, []Case{{Name: "late", Run: func() error { return nil }}}, Options{Passes: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
