package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/qattn/qattn/examples/story/kjv"
	"github.com/qattn/qattn/examples/story/llama"
	"github.com/qattn/qattn/examples/story/vocab"
)

// languageModel is a model, its vocabulary and text it was not trained on.
type languageModel struct {
	name    string
	model   *llama.Model
	vocab   *vocab.Vocab
	heldOut []string // documents
}

// load reads the model of the command line; without one, the built-in model, which
// also brings a default prompt.
func load(o *options) (*languageModel, error) {
	if o.model == "" {
		if !o.promptSet {
			o.prompt = kjv.Prompt
		}
		return builtIn()
	}
	m, err := llama.Open(o.model)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(o.tokenizer)
	if err != nil {
		return nil, err
	}
	v, err := vocab.Parse(data, m.Vocab)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.tokenizer, err)
	}
	name := filepath.Base(o.model)
	return &languageModel{name: strings.TrimSuffix(name, filepath.Ext(name)), model: m, vocab: v}, nil
}

// builtIn is the model the program carries.
func builtIn() (*languageModel, error) {
	m, err := llama.Read(bytes.NewReader(kjv.Weights), int64(len(kjv.Weights)))
	if err != nil {
		return nil, err
	}
	v, err := vocab.Parse(kjv.Tokenizer, m.Vocab)
	if err != nil {
		return nil, err
	}
	return &languageModel{"kjv", m, v, strings.Split(kjv.HeldOut, "\n\n")}, nil
}
