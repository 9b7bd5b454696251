package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAccuracyCommand(t *testing.T) {
	dir := t.TempDir()
	md, plots := filepath.Join(dir, "a.md"), filepath.Join(dir, "plots")
	args := []string{"-quick", "-systems", "^(vLLM CPU e4m3|qattn K8V8)$", "-families", "^flat/1k$", "-md", md, "-plots", plots}
	if err := runAccuracy(context.Background(), args); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(md)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"vLLM CPU e4m3", "qattn K8V8", "## flat/1k"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the tables", want)
		}
	}
	if _, err := os.Stat(filepath.Join(plots, "accuracy-flat-1k.svg")); err != nil {
		t.Error(err)
	}
	for _, args := range [][]string{{"-systems", "("}, {"-families", "("}, {"-systems", "nobody"}, {"-quick", "-families", "nothing"}} {
		if err := runAccuracy(context.Background(), args); err == nil {
			t.Errorf("%v succeeds", args)
		}
	}
}

func TestAccuracyAblationHasOwnSystemsOnly(t *testing.T) {
	systems, err := accuracySystems(true, "")
	if err != nil || len(systems) < 20 {
		t.Fatalf("%d systems, %v", len(systems), err)
	}
	for _, s := range systems {
		if !strings.HasPrefix(s.Name(), "qattn ") {
			t.Errorf("%s is among the ablations", s.Name())
		}
	}
}
