package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	for flags, want := range map[string]string{
		"-k int5":                    "-k:",
		"-v nothing":                 "-v:",
		"-p f16":                     "-p:",
		"-formats f32,int5":          "-formats:",
		"-steps 0":                   "-steps:",
		"-threads 0":                 "-threads:",
		"-temp -1":                   "-temp:",
		"-temp NaN":                  "-temp:",
		"-seed 0":                    "-seed:",
		"-tokens -1":                 "-tokens:",
		"-model x.bin":               "belong together",
		"-tokenizer x.bin":           "belong together",
		"-ppl -model x -tokenizer y": "-windows",
		"something":                  "no arguments",
		"-unknown":                   "not defined",
	} {
		if _, err := parse(strings.Fields(flags), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one that says %q", flags, err, want)
		}
	}
}

func TestPromptTooLong(t *testing.T) {
	err := run(t.Context(), []string{"-prompt", strings.Repeat("begat ", 600)}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "context is 512") {
		t.Errorf("error %v", err)
	}
}

// Generation ends when the context is full, having used all of it: the last token is
// predicted by the token at the last position.
func TestContextFull(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), []string{"-temp", "0", "-steps", "10000", "-json", "-prompt", strings.Repeat("begat ", 160)}, &out, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var g generation
	if err := json.Unmarshal([]byte(out.String()), &g); err != nil {
		t.Fatal(err)
	}
	if g.Stop != "context full" || g.PromptTokens+g.Tokens != 513 {
		t.Errorf("stopped by %q with %d + %d tokens, want the 512 of the context and one more", g.Stop, g.PromptTokens, g.Tokens)
	}
}
