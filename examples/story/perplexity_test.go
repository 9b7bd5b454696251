package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/qattn/qattn/attention"
)

// smallWindows writes two windows of the held-out text and returns flags that use them.
func smallWindows(t *testing.T) string {
	t.Helper()
	lm, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	ids := lm.vocab.Encode(lm.heldOut[0])
	data, err := json.Marshal([][]int32{ids[:30], ids[30:50]})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "windows.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return "-ppl -windows " + path + " "
}

func TestTableJSON(t *testing.T) {
	flags := smallWindows(t) + "-formats f32,int4,int8 -json -threads "
	one, _ := runStory(t, flags+"1")
	var got table
	d := json.NewDecoder(strings.NewReader(one))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Model != "kjv" || got.Tokens != 29+19 || len(got.Rows) != 9 {
		t.Fatalf("model %q, %d tokens, %d rows", got.Model, got.Tokens, len(got.Rows))
	}
	if r := got.Rows[0]; r.K != "f32" || r.V != "f32" || r.P != "f32" || r.DNLL != 0 || r.KL != 0 {
		t.Errorf("float32 against float32: %+v", r)
	}
	for _, r := range got.Rows[1:] {
		if !(r.KL > 0 && r.KL < 0.1) || !(r.KVBits > 4 && r.KVBits < 33) || !(r.TokensPerSec > 0) || !(r.PPL > 1) {
			t.Errorf("row out of range: %+v", r)
		}
	}
	if a, b := got.Rows[4], got.Rows[8]; a.K != "int4" || b.K != "int8" || b.V != "int8" || !(a.KL > b.KL) {
		t.Errorf("int4 %+v is not worse than int8 %+v", a, b)
	}

	var again table
	three, _ := runStory(t, flags+"3")
	if err := json.Unmarshal([]byte(three), &again); err != nil {
		t.Fatal(err)
	}
	for i := range got.Rows {
		a, b := got.Rows[i], again.Rows[i]
		a.TokensPerSec, b.TokensPerSec = 0, 0
		if a != b {
			t.Errorf("one thread %+v, three threads %+v", a, b)
		}
	}
}

// The built-in model still predicts its held-out text as well as when it was trained,
// and a cache in INT8 hardly changes that.
func TestBuiltInPerplexity(t *testing.T) {
	text, _ := runStory(t, "-ppl -tokens 512 -formats int8 -json")
	var got table
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	const want = 11.2886 // of the first window, with a float32 cache
	r := got.Rows[0]
	if ppl := r.PPL / math.Exp(r.DNLL); math.Abs(ppl-want) > 0.001 {
		t.Errorf("perplexity %.4f, want %.4f", ppl, want)
	}
	if math.Abs(r.DNLL) > 0.002 || r.KL > 0.0005 {
		t.Errorf("int8 cache: ΔNLL %.5f, KL %.5f", r.DNLL, r.KL)
	}
}

func TestTableMarkdown(t *testing.T) {
	text, _ := runStory(t, smallWindows(t)+"-formats f32,int8 -p u8")
	if !strings.Contains(text, "48 predicted tokens in 2 windows") || !strings.Contains(text, "\n| int8 | int8 | u8 | ") ||
		!strings.Contains(text, "\n| f32 | f32 | u8 | ") {
		t.Errorf("table:\n%s", text)
	}
}

// TestWeights runs every mode and correction over one window, calibrated on two others.
func TestWeights(t *testing.T) {
	lm, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	ids := lm.vocab.Encode(lm.heldOut[0])
	data, err := json.Marshal([][]int32{ids[:64], ids[64:128], ids[128:192]})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "windows.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	text, _ := runStory(t, "-weights -json -windows "+path)
	var got table
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if want := len(attention.PModes()) - 2 + 2*5; len(got.Rows) != want || got.Tokens != 63 {
		t.Fatalf("%d rows of %d tokens, want %d of 63", len(got.Rows), got.Tokens, want)
	}
	kl := map[string]float64{}
	for _, r := range got.Rows {
		kl[r.Name] = r.KL
	}
	if kl["f32"] != 0 || !(kl["u16"] < 1e-7) || !(kl["u8"] < 1e-3) || !(kl["log2-4"] < 0.05) {
		t.Errorf("online modes: %v", kl)
	}
	none := kl["static-u4, none"] // rows this short lose nothing with 8 bits
	for c, part := range map[string]float64{"static": 0.5, "dynamic": 0.5, "exact": 1} {
		if got := kl["static-u4, "+c]; !(got < part*none) {
			t.Errorf("the %s correction leaves KL %g of %g", c, got, none)
		}
	}
	table, _ := runStory(t, "-weights -windows "+path)
	if !strings.Contains(table, "| static-u8, dynamic | ") || !strings.Contains(table, " % |") {
		t.Errorf("table:\n%s", table)
	}
}

func TestWindows(t *testing.T) {
	lm, err := builtIn()
	if err != nil {
		t.Fatal(err)
	}
	all, err := windows(lm, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	stream := 0
	for _, d := range lm.heldOut {
		stream += len(lm.vocab.Encode(d))
	}
	if stream != 32330 { // what the tokenizer of train/prepare.py makes of the text
		t.Errorf("the held-out text has %d tokens, want 32330", stream)
	}
	total := 0
	for _, w := range all {
		total += len(w)
	}
	if total != stream || len(all[0]) != 512 || all[0][0] != 1 {
		t.Errorf("%d of %d tokens in windows; the first has %d and begins with %d", total, stream, len(all[0]), all[0][0])
	}
	for limit, want := range map[int]int{1: 1, 512: 1, 513: 2, 1024: 2} {
		if some, _ := windows(lm, "", limit); len(some) != want {
			t.Errorf("limit %d keeps %d windows, want %d", limit, len(some), want)
		}
	}
	for _, bad := range []string{"", "{}", "[[1]]", "[[]]", "[[1,1e9]]", `[["a"]]`} {
		path := filepath.Join(t.TempDir(), "w.json")
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		ws, err := windows(lm, path, 0)
		if err == nil {
			_, err = evaluate(context.Background(), lm, &options{threads: 1}, ws, os.Stderr)
		}
		if err == nil {
			t.Errorf("windows %q: no error", bad)
		}
	}
}

func TestParallelStopsAtError(t *testing.T) {
	boom := errors.New("boom")
	var calls atomic.Int64
	err := parallel(t.Context(), 2, 1000, func(ctx context.Context, i int) error {
		calls.Add(1)
		if i == 0 {
			return boom
		}
		<-ctx.Done() // cancelled by the error of call 0
		return ctx.Err()
	})
	if err != boom || calls.Load() > 2 {
		t.Errorf("error %v after %d calls", err, calls.Load())
	}
}
