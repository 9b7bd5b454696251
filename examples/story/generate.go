package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/examples/story/llama"
	"github.com/qattn/qattn/examples/story/vocab"
)

// generation is the record of one run.
type generation struct {
	Model         string   `json:"model"`
	Text          string   `json:"text"`
	PromptTokens  int      `json:"prompt_tokens"`
	Tokens        int      `json:"tokens"` // generated
	Stop          string   `json:"stop"`
	PrefillPerSec float64  `json:"prefill_tokens_per_s"`
	DecodePerSec  float64  `json:"decode_tokens_per_s"`
	Speedup       float64  `json:"attention_speedup"` // of attention over the pure-Go kernels; 0 when not measured
	KVBytes       float64  `json:"kv_bytes_per_token"`
	KVBytesF32    int      `json:"kv_bytes_per_token_f32"`
	K             string   `json:"k"`
	V             string   `json:"v"`
	Kernels       []string `json:"kernels"`

	ids     []int32 // prompt and generated tokens
	explain attention.Explanation
}

// generate continues the prompt, writing text to out as it appears.
func generate(ctx context.Context, lm *languageModel, o *options, out io.Writer) (*generation, error) {
	pool := attention.NewPool(o.threads)
	defer pool.Close()
	m := lm.model
	plan, err := attention.NewPlan(m.AttentionConfig(o.codec(o.k), o.codec(o.v), o.p), attention.WithRunner(pool))
	if err != nil {
		return nil, err
	}
	ids := lm.vocab.Encode(o.prompt)
	if len(ids) > m.Context {
		return nil, fmt.Errorf("the prompt has %d tokens, the model's context is %d", len(ids), m.Context)
	}
	room := min(m.Context, len(ids)+o.steps)
	s := llama.NewSession(m, llama.NewCache(m.Config, room, plan), pool)

	e := plan.Explain()
	g := &generation{
		Model: lm.name, PromptTokens: len(ids), K: o.k.String(), V: o.v.String(), Kernels: []string{e.QK, e.SM, e.PV},
		KVBytes:    float64(m.Layers*plan.Layout().PageBytes) / attention.Tile,
		KVBytesF32: m.Layers * 2 * m.KVDim() * 4,
		ids:        ids, explain: e,
	}
	w := &textWriter{out: out, vocab: lm.vocab}
	for _, id := range ids {
		w.token(id)
	}
	logits := make([]float32, m.Vocab)
	start := time.Now()
	err = s.Forward(ctx, ids, logits)
	g.PrefillPerSec = float64(len(ids)) / time.Since(start).Seconds()

	start = time.Now()
	decoded := 0
	for err == nil && w.err == nil {
		id := o.sampler.next(logits)
		if id == vocab.BOS || id == vocab.EOS {
			g.Stop = "end of text"
			break
		}
		g.ids = append(g.ids, id)
		g.Tokens++
		w.token(id)
		if g.Tokens == o.steps {
			g.Stop = "steps"
			break
		}
		if s.Pos() == m.Context {
			g.Stop = "context full"
			break
		}
		err = s.Forward(ctx, []int32{id}, logits)
		decoded++
	}
	if decoded > 0 {
		g.DecodePerSec = float64(decoded) / time.Since(start).Seconds()
	}
	if errors.Is(err, context.Canceled) {
		g.Stop, err = "interrupted", nil
	}
	g.Text = lm.vocab.Decode(g.ids)
	if err == nil && w.err == nil && g.Stop != "interrupted" {
		g.Speedup, err = speedup(ctx, m, plan, s.Pos())
	}
	return g, errors.Join(err, w.err)
}

// summary reports a run in words.
func (g *generation) summary(w io.Writer) {
	fmt.Fprintf(w, "\n\n%s: %d tokens after a prompt of %d, stopped by: %s\n", g.Model, g.Tokens, g.PromptTokens, g.Stop)
	fmt.Fprintf(w, "prefill %.0f tokens/s, decode %.0f tokens/s\n", g.PrefillPerSec, g.DecodePerSec)
	if g.Speedup > 0 {
		fmt.Fprintf(w, "attention over this cache: %.1f times as fast as with the pure-Go kernels\n", g.Speedup)
	}
	fmt.Fprintf(w, "KV cache k=%s v=%s: %.0f bytes per token, float32 takes %d (%.2f times as much)\n",
		g.K, g.V, g.KVBytes, g.KVBytesF32, float64(g.KVBytesF32)/g.KVBytes)
	fmt.Fprintln(w, g.explain)
}

// textWriter turns tokens into text as they come and remembers the first write error.
type textWriter struct {
	out    io.Writer
	vocab  *vocab.Vocab
	before int32
	buf    []byte
	err    error
}

func (w *textWriter) token(id int32) {
	w.buf = w.vocab.AppendText(w.buf[:0], w.before, id)
	w.before = id
	if w.err == nil {
		_, w.err = w.out.Write(w.buf)
	}
}
