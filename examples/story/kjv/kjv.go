// Package kjv holds the story model: weights, vocabulary and the held-out chapters of
// the King James Version. MODEL_CARD.md says how they were made.
package kjv

import _ "embed"

// Prompt is the text the program continues by default: the beginning of the book.
const Prompt = "In the beginning God created the heaven and the earth.\n"

// Weights is the model in the packed format of package llama.
//
//go:embed weights.bin
var Weights []byte

// Tokenizer is the vocabulary in the llama2.c format.
//
//go:embed tokenizer.bin
var Tokenizer []byte

// HeldOut is text the model was not trained on: whole chapters, one verse a line,
// separated by an empty line.
//
//go:embed heldout.txt
var HeldOut string
