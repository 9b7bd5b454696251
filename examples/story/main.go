// Story generates text with a small Llama-style language model whose keys and values
// are kept in quantized qattn pages.
//
//	go run ./examples/story                     # continue a text
//	go run ./examples/story -k int4 -v nf4      # with a smaller cache
//	go run ./examples/story -ppl                # what every pair of formats costs
//	go run ./examples/story -weights            # what quantized softmax weights cost
//	go run ./examples/story -help
//
// The built-in model was trained on the King James Version; kjv/MODEL_CARD.md has the
// details. -model and -tokenizer take llama2.c files.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program the hard way
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "story:", err)
			os.Exit(1)
		}
	}
}

// run is the program: flags in, text or tables out.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	lm, err := load(o)
	if err != nil {
		return err
	}
	if o.cpuProfile != "" {
		f, err := os.Create(o.cpuProfile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if o.ppl || o.weights {
		return measure(ctx, lm, o, stdout, stderr)
	}
	out := stdout
	if o.json {
		out = io.Discard
	}
	g, err := generate(ctx, lm, o, out)
	switch {
	case err != nil:
		return err
	case o.json:
		return writeJSON(stdout, g)
	}
	g.summary(stderr)
	return nil
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
