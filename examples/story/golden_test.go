package main

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/fuzz/cases"
	"github.com/qattn/qattn/quant"
)

// stories are the outputs of llama2.c for stories260K: doc/stories260K.md of that
// project, and the README of llama2.c64 for the prompt "Zoo".
var stories = []struct {
	name, args, text string
}{
	{"greedy", "-temp 0", `Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
Lily didn't want to help her mom, so she said, "I'm sorry, mom. I didn't know what to do." Her mom said, "Don't worry, Lily. We can help you.`},
	{"sampled", "-temp 1 -topp 0.9 -seed 133742", `Once upon a time, there was a little boy named Timmy. Timmy loved to play with his toys and eat sandwiches. One day, Timmy's mom told him it was time to rest for a while. Timmy's friend Billy came over and took him a down.
Timmy's mom saw that Timmy was sad, but Timmy said, "I didn't understand what is it! We need to find some leafs." Timmy thought about it and took a deep breath on a spoon. He hoped it was important to be kind and continued to find its image next time.
After they finished getting, Timmy's dad came up to his house and promised to help Timmy.
`},
	{"prompt", "-temp 0 -steps 57 -prompt Zoo", `Zoo was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but she didn't want to play with`},
}

// storiesFlags are the flags that select the stories260K model.
func storiesFlags(t testing.TB) string {
	return "-model " + cases.Sub(t, "data", "models", "stories260K.bin") +
		" -tokenizer " + cases.Sub(t, "data", "models", "tok512.bin") + " "
}

// runStory runs the program and returns what it printed.
func runStory(t *testing.T, flags string) (stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	if err := run(context.Background(), strings.Fields(flags), &out, &errs); err != nil {
		t.Fatalf("story %s: %v", flags, err)
	}
	return out.String(), errs.String()
}

func TestStoriesFloat32Cache(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			text, _ := runStory(t, storiesFlags(t)+"-k f32 -v f32 "+s.args)
			if strings.TrimSpace(text) != strings.TrimSpace(s.text) {
				t.Errorf("got\n%s\nwant\n%s", text, s.text)
			}
		})
	}
}

// An INT8 cache that rotates and centres leaves the 256 greedy choices as they are;
// plain INT8 keys, whose outlier channels set the scale, keep them for a sentence.
func TestStoriesInt8Cache(t *testing.T) {
	want := stories[0].text
	text, _ := runStory(t, storiesFlags(t)+"-temp 0 -rotate -center")
	if strings.TrimSpace(text) != want {
		t.Errorf("rotated and centred: got\n%s\nwant\n%s", text, want)
	}
	first, _, _ := strings.Cut(want, "\n")
	if text, _ = runStory(t, storiesFlags(t)+"-temp 0"); !strings.HasPrefix(text, first) {
		t.Errorf("plain: got\n%s\nwant the beginning\n%s", text, first)
	}
}

// The perplexity of stories260K on the anchor windows is known from a float64 run.
func TestPerplexityAnchor(t *testing.T) {
	o, err := parse(strings.Fields(storiesFlags(t)+"-formats int8"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	lm, err := load(o)
	if err != nil {
		t.Fatal(err)
	}
	limit, tokens, ppl := 0, 15999, 3.8097
	if testing.Short() {
		limit, tokens, ppl = 1, 510, 3.8431 // the first window, from this program
	}
	ws, err := windows(lm, cases.Sub(t, "data", "texts", "stories260k_anchor_windows.json"), limit)
	if err != nil {
		t.Fatal(err)
	}
	got, err := evaluate(context.Background(), lm, o, ws, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("perplexity %.5f over %d tokens; int8 %+v", got.ppl, got.Tokens, got.Rows)
	if got.Tokens != tokens || math.Abs(got.ppl-ppl) > 5e-4 {
		t.Errorf("perplexity %.5f over %d tokens, want %.4f over %d", got.ppl, got.Tokens, ppl, tokens)
	}
	if r := got.Rows[0]; math.Abs(r.DNLL) > 0.006 || r.KL > 0.005 {
		t.Errorf("int8 cache costs ΔNLL %.5f and KL %.5f, budget 0.006 and 0.005", r.DNLL, r.KL)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	lm, err := load(&options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &options{k: quant.Int8, v: quant.Int8, steps: 100, threads: 1, prompt: "And"}
	g, err := generate(ctx, lm, o, writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	}))
	if err != nil || g.Stop != "interrupted" || g.Tokens >= 100 {
		t.Errorf("stop %q after %d tokens, error %v", g.Stop, g.Tokens, err)
	}
	if err := measure(ctx, lm, &options{tokens: 512, threads: 2, formats: []quant.Format{quant.F32}}, io.Discard, io.Discard); err == nil ||
		err.Error() != "interrupted" {
		t.Errorf("-ppl: error %v, want interrupted", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var errFull = errors.New("disk full")

func TestWriteError(t *testing.T) {
	lm, err := load(&options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &options{k: quant.F32, v: quant.F32, p: attention.PAuto, steps: 3, threads: 1, prompt: "And"}
	_, err = generate(context.Background(), lm, o, writerFunc(func([]byte) (int, error) { return 0, errFull }))
	if !errors.Is(err, errFull) {
		t.Errorf("error %v, want %v", err, errFull)
	}
}
