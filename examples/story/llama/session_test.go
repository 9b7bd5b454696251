package llama

import (
	"context"
	"math"
	"testing"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

var ctx = context.Background()

func tinyModel(t testing.TB) *Model {
	t.Helper()
	m, err := read(checkpoint(tiny))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tinyTokens(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(i*i*31%tiny.Vocab+i) % int32(tiny.Vocab)
	}
	return ids
}

func paged(t testing.TB, m *Model, codec attention.Codec, r attention.Runner) *Session {
	t.Helper()
	plan, err := attention.NewPlan(m.AttentionConfig(codec, codec, attention.PAuto), attention.WithRunner(r))
	if err != nil {
		t.Fatal(err)
	}
	return NewSession(m, NewCache(m.Config, m.Context, plan), r)
}

func forward(t testing.TB, s *Session, ids []int32) []float32 {
	t.Helper()
	logits := make([]float32, len(ids)*s.model.Vocab)
	if err := s.Forward(ctx, ids, logits); err != nil {
		t.Fatal(err)
	}
	return logits
}

func maxDiff(a, b []float32) (d float64) {
	for i := range a {
		d = max(d, math.Abs(float64(a[i]-b[i])))
	}
	return d
}

// A float32 cache in pages gives what attention over plain rows gives.
func TestPagesAgainstPlainRows(t *testing.T) {
	m, ids := tinyModel(t), tinyTokens(tiny.Context)
	want := forward(t, NewSession(m, newPlain(m.Config), attention.Serial), ids)
	got := forward(t, paged(t, m, attention.Codec{}, attention.Serial), ids)
	if d := maxDiff(got, want); !(d < 1e-4) {
		t.Errorf("logits differ by %g", d)
	}
}

// Logits do not depend on how a sequence is cut into steps or on the workers.
func TestStepsAndWorkers(t *testing.T) {
	m, ids := tinyModel(t), tinyTokens(tiny.Context)
	pool := attention.NewPool(3)
	defer pool.Close()
	for _, f := range []quant.Format{quant.F32, quant.Int8, quant.Int4} {
		codec := attention.Codec{Format: f, Rotate: true, Center: true}
		whole := forward(t, paged(t, m, codec, attention.Serial), ids)
		s := paged(t, m, codec, pool)
		for from, step := 0, 1; from < len(ids); step++ {
			to := min(from+step*step, len(ids))
			got := forward(t, s, ids[from:to])
			if d := maxDiff(got, whole[from*m.Vocab:to*m.Vocab]); !(d < 1e-5) {
				t.Fatalf("%s: logits of tokens %d..%d differ by %g", f, from, to, d)
			}
			from = to
		}
		if s.Pos() != len(ids) {
			t.Errorf("Pos is %d, want %d", s.Pos(), len(ids))
		}
	}
}

// The last rows of logits alone are the last rows of all.
func TestForwardLastRows(t *testing.T) {
	m, ids := tinyModel(t), tinyTokens(40)
	all := forward(t, paged(t, m, attention.Codec{}, attention.Serial), ids)
	last := make([]float32, 2*m.Vocab)
	if err := paged(t, m, attention.Codec{}, attention.Serial).Forward(ctx, ids, last); err != nil {
		t.Fatal(err)
	}
	if d := maxDiff(last, all[38*m.Vocab:]); d != 0 {
		t.Errorf("logits differ by %g", d)
	}
}

func TestForwardErrors(t *testing.T) {
	m := tinyModel(t)
	s := paged(t, m, attention.Codec{}, attention.Serial)
	logits := make([]float32, m.Vocab)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		ids    []int32
		logits []float32
	}{
		"no tokens":         {ctx, nil, logits},
		"token too large":   {ctx, []int32{int32(m.Vocab)}, logits},
		"negative token":    {ctx, []int32{-1}, logits},
		"context exceeded":  {ctx, tinyTokens(m.Context + 1), logits},
		"more rows":         {ctx, []int32{1}, make([]float32, 2*m.Vocab)},
		"part of a row":     {ctx, []int32{1}, logits[1:]},
		"cancelled context": {cancelled, []int32{1}, logits},
	} {
		if err := s.Forward(c.ctx, c.ids, c.logits); err == nil {
			t.Errorf("%s: no error", name)
		}
		if s.Pos() != 0 {
			t.Fatalf("%s: Pos is %d", name, s.Pos())
		}
	}
	forward(t, s, tinyTokens(5)) // still usable
}

// BenchmarkDecode is one token after a context of 100.
func BenchmarkDecode(b *testing.B) {
	m := tinyModel(b)
	s := paged(b, m, attention.Codec{Format: quant.Int8}, attention.Serial)
	forward(b, s, tinyTokens(100))
	logits := make([]float32, m.Vocab)
	b.ReportAllocs()
	for b.Loop() {
		s.pos = 100
		if err := s.Forward(ctx, []int32{7}, logits); err != nil {
			b.Fatal(err)
		}
	}
}
