package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// options are the command line.
type options struct {
	k, v           quant.Format
	p              attention.PMode
	rotate, center bool

	prompt  string
	steps   int
	sampler sampler

	ppl     bool
	weights bool
	tokens  int
	windows string
	formats []quant.Format

	model, tokenizer string
	threads          int
	json             bool
	cpuProfile       string
	promptSet        bool
}

const usage = `story generates text with a small language model whose keys and values are kept in
quantized pages, or with -ppl measures what each pair of formats costs, with -weights
what each representation of the softmax weights costs.

usage: story [flags]
`

// parse reads the command line.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("story", flag.ContinueOnError)
	f.SetOutput(io.Discard) // errors are returned, -help prints below

	names := formatNames()
	k := f.String("k", "int8", "`format` of keys: "+names)
	v := f.String("v", "int8", "`format` of values")
	p := f.String("p", "auto", "softmax `weights`: auto, "+strings.Join(weightNames(), ", "))
	f.BoolVar(&o.rotate, "rotate", false, "rotate keys and values (Hadamard) before quantizing them")
	f.BoolVar(&o.center, "center", false, "subtract a running mean from keys and values before quantizing them")

	f.StringVar(&o.prompt, "prompt", "", "text to continue; the built-in model has a default")
	f.IntVar(&o.steps, "steps", 256, "tokens to generate")
	f.Float64Var(&o.sampler.temperature, "temp", 0.8, "sampling temperature; 0 takes the most probable token")
	f.Float64Var(&o.sampler.topP, "topp", 0.9, "sample from the most probable tokens of this total probability; 1 samples from all")
	f.Uint64Var(&o.sampler.state, "seed", 1, "seed of the sampler, not 0")

	f.BoolVar(&o.ppl, "ppl", false, "measure perplexity and KL divergence against a float32 cache on held-out text")
	f.BoolVar(&o.weights, "weights", false, "measure what each representation of the softmax weights costs, bias corrections included")
	f.IntVar(&o.tokens, "tokens", 1024, "held-out tokens for -ppl, rounded up to whole windows; 0 takes all")
	f.StringVar(&o.windows, "windows", "", "JSON `file` with token windows for -ppl, a list of lists of ids")
	formats := f.String("formats", "f32,f16,bf16,int8,e4m3,e5m2,nf4,nf4-dq,int4", "formats of the -ppl table, every pair is a row")

	f.StringVar(&o.model, "model", "", "model `file`: a llama2.c checkpoint or this program's packed format; default built in")
	f.StringVar(&o.tokenizer, "tokenizer", "", "llama2.c tokenizer `file` that belongs to -model")
	f.IntVar(&o.threads, "threads", runtime.GOMAXPROCS(0), "goroutines to compute with")
	f.BoolVar(&o.json, "json", false, "write one JSON object to standard output instead of text")
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile to `file`")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stderr, usage)
		f.SetOutput(stderr)
		f.PrintDefaults()
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("%w; -help lists the flags", err)
	}
	f.Visit(func(fl *flag.Flag) { o.promptSet = o.promptSet || fl.Name == "prompt" })

	var err error
	if o.k, err = quant.Lookup(*k); err != nil {
		return nil, fmt.Errorf("-k: %w", err)
	}
	if o.v, err = quant.Lookup(*v); err != nil {
		return nil, fmt.Errorf("-v: %w", err)
	}
	for _, name := range strings.Split(*formats, ",") {
		format, err := quant.Lookup(strings.TrimSpace(name))
		if err != nil {
			return nil, fmt.Errorf("-formats: %w", err)
		}
		o.formats = append(o.formats, format)
	}
	if o.p, err = weightMode(*p); err != nil {
		return nil, err
	}
	return o, o.check(f.NArg())
}

func (o *options) check(arguments int) error {
	switch {
	case arguments > 0:
		return errors.New("flags only, no arguments")
	case o.steps < 1:
		return fmt.Errorf("-steps: %d, want at least 1", o.steps)
	case o.threads < 1:
		return fmt.Errorf("-threads: %d, want at least 1", o.threads)
	case !(o.sampler.temperature >= 0):
		return fmt.Errorf("-temp: %v, want 0 or more", o.sampler.temperature)
	case o.sampler.state == 0:
		return errors.New("-seed: 0 is not a seed of this generator")
	case o.tokens < 0:
		return fmt.Errorf("-tokens: %d, want 0 or more", o.tokens)
	case (o.model == "") != (o.tokenizer == ""):
		return errors.New("-model and -tokenizer belong together")
	case (o.ppl || o.weights) && o.model != "" && o.windows == "":
		return errors.New("-ppl, -weights: the held-out text belongs to the built-in model; give -windows for another")
	}
	return nil
}

// codec stores one side in a format, with the options of the command line.
func (o *options) codec(f quant.Format) attention.Codec {
	return attention.Codec{Format: f, Rotate: o.rotate, Center: o.center}
}

// weightMode returns the mode of a name.
func weightMode(name string) (attention.PMode, error) {
	if name == "auto" {
		return attention.PAuto, nil
	}
	for _, m := range attention.PModes() {
		if m.String() == name {
			return m, nil
		}
	}
	return 0, fmt.Errorf("-p: %q, want auto, %s", name, strings.Join(weightNames(), ", "))
}

func weightNames() (names []string) {
	for _, m := range attention.PModes() {
		names = append(names, m.String())
	}
	return names
}

func formatNames() string {
	var names []string
	for _, f := range quant.Formats() {
		names = append(names, f.String())
	}
	return strings.Join(names, ", ")
}
