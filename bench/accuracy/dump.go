package accuracy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/qattn/qattn/bench/emulate"
	"github.com/qattn/qattn/fuzz/cases"
)

// Dumps returns a family for every safetensors dump of queries, keys and values in dir,
// with at most limit heads each, spread over the layers; 0 means all.
func Dumps(dir string, limit int) (fs []Family, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no *.safetensors in %s", dir)
	}
	for _, file := range files {
		d, err := cases.LoadDump(file)
		if err != nil {
			return nil, err
		}
		layers, err := d.Layers()
		if err != nil {
			return nil, err
		}
		heads := dumpHeads(layers)
		if limit > 0 && limit < len(heads) {
			kept := heads[:0:0]
			for i := range limit {
				kept = append(kept, heads[i*len(heads)/limit])
			}
			heads = kept
		}
		name, _, _ := strings.Cut(filepath.Base(file), ".")
		fs = append(fs, Family{Name: name, Heads: len(heads), Head: func(i int) *emulate.Head { return heads[i] }})
	}
	return fs, nil
}

// dumpHeads splits layers into their query heads.
func dumpHeads(layers []cases.Layer) (heads []*emulate.Head) {
	for _, l := range layers {
		for h := range l.QHeads {
			kv := h / (l.QHeads / l.KVHeads)
			heads = append(heads, &emulate.Head{NQ: l.QLen, NK: l.KVLen, DK: l.DK, DV: l.DV, Scale: l.Scale, Causal: l.Causal,
				Q: column(l.Q, h, l.QHeads, l.DK), K: column(l.K, kv, l.KVHeads, l.DK), V: column(l.V, kv, l.KVHeads, l.DV)})
		}
	}
	return heads
}

// column extracts head h of [tokens][heads][d].
func column(x []float32, h, heads, d int) []float32 {
	y := make([]float32, 0, len(x)/heads)
	for i := h * d; i < len(x); i += heads * d {
		y = append(y, x[i:i+d]...)
	}
	return y
}

// DumpDir finds the dumps: $QATTN_DATA/data/qkv, or data/qkv of a folder "shared" beside
// a folder above the working directory.
func DumpDir() (string, error) {
	if dir := os.Getenv(cases.EnvDir); dir != "" {
		return filepath.Join(dir, "data", "qkv"), nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		parent := filepath.Dir(dir)
		candidate := filepath.Join(parent, "shared", "data", "qkv")
		if info, err := os.Stat(candidate); err == nil && info.IsDir() {
			return candidate, nil
		}
		if parent == dir {
			return "", fmt.Errorf("no dumps of real tensors: set %s to the folder that contains data/qkv", cases.EnvDir)
		}
		dir = parent
	}
}
