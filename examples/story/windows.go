package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// windows returns the token windows to measure on. The cache starts empty at each
// window, and inside it token t predicts token t+1. The held-out documents are one
// stream of tokens, each document after a BOS, cut every context tokens; a file of
// windows is taken as it is. limit > 0 keeps the windows that hold the first limit
// tokens.
func windows(lm *languageModel, file string, limit int) ([][]int32, error) {
	context := lm.model.Context
	var all [][]int32
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(data, &all); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for i, w := range all {
			if len(w) < 2 || len(w) > context {
				return nil, fmt.Errorf("%s: window %d has %d tokens, want 2 to %d", file, i, len(w), context)
			}
		}
	} else {
		var stream []int32
		for _, d := range lm.heldOut {
			stream = append(stream, lm.vocab.Encode(d)...)
		}
		for ; len(stream) >= 2; stream = stream[min(context, len(stream)):] {
			all = append(all, stream[:min(context, len(stream))])
		}
	}
	kept := 0
	for i, w := range all {
		if limit > 0 && kept >= limit {
			return all[:i], nil
		}
		kept += len(w)
	}
	return all, nil
}
