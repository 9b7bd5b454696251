package main

import (
	"context"
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/examples/story/llama"
	"github.com/qattn/qattn/quant"
)

// table is what -ppl measures.
type table struct {
	Model  string `json:"model"`
	Tokens int    `json:"tokens"` // predicted tokens
	Rows   []row  `json:"rows"`

	windows int
	ppl     float64 // with a float32 cache
}

// row is one pair of formats, or one representation of the weights.
type row struct {
	Name         string  `json:"name,omitempty"`
	K            string  `json:"k"`
	V            string  `json:"v"`
	P            string  `json:"p"`       // representation of the softmax weights
	PPL          float64 `json:"ppl"`     // perplexity
	DNLL         float64 `json:"dnll"`    // mean negative log-likelihood minus that of the float32 cache
	KL           float64 `json:"kl"`      // mean KL divergence of predictions from those of the float32 cache, nats
	KVBits       float64 `json:"kv_bits"` // stored bits per element, mean of K and V, scales and headers included
	TokensPerSec float64 `json:"tokens_per_s"`
}

// score sums what one window says about one plan.
type score struct {
	nll, kl float64
	seconds float64
}

// measure runs the table and writes it.
func measure(ctx context.Context, lm *languageModel, o *options, stdout, stderr io.Writer) error {
	ws, err := windows(lm, o.windows, o.tokens)
	if err != nil {
		return err
	}
	if o.weights {
		return measureWeights(ctx, lm, o, ws, stdout, stderr)
	}
	t, err := evaluate(ctx, lm, o, ws, stderr)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case err != nil:
		return err
	case o.json:
		return writeJSON(stdout, t)
	}
	return t.markdown(stdout)
}

// subject is one configuration of the model's attention: a plan for all layers, or one
// for each.
type subject struct {
	name  string
	plans []*attention.Plan
}

// evaluate measures every pair of formats over the windows.
func evaluate(ctx context.Context, lm *languageModel, o *options, ws [][]int32, stderr io.Writer) (*table, error) {
	var subjects []subject
	for _, k := range o.formats {
		for _, v := range o.formats {
			plan, err := attention.NewPlan(lm.model.AttentionConfig(o.codec(k), o.codec(v), o.p))
			if err != nil {
				return nil, err
			}
			subjects = append(subjects, subject{plans: []*attention.Plan{plan}})
		}
	}
	return compare(ctx, lm, o, ws, subjects, stderr)
}

// compare measures subjects against a float32 cache over the windows. A unit of work is
// one window of one subject, so any number of threads has something to do, and sums are
// taken in window order: they do not depend on the threads.
func compare(ctx context.Context, lm *languageModel, o *options, ws [][]int32, subjects []subject, stderr io.Writer) (*table, error) {
	t := &table{Model: lm.name, windows: len(ws)}
	for _, w := range ws {
		t.Tokens += len(w) - 1
	}
	if t.Tokens == 0 {
		return nil, errors.New("no tokens to predict")
	}
	base, err := attention.NewPlan(lm.model.AttentionConfig(
		attention.Codec{Format: quant.F32}, attention.Codec{Format: quant.F32}, attention.PF32))
	if err != nil {
		return nil, err
	}
	bar := newProgress(stderr, len(ws)*(len(subjects)+1))
	defer bar.end()

	reference := make([][]float32, len(ws)) // logits of each window
	nll := make([]score, len(ws))
	err = parallel(ctx, o.threads, len(ws), func(ctx context.Context, i int) (err error) {
		defer bar.step()
		reference[i], nll[i], err = predict(ctx, lm.model, ws[i], base)
		return err
	})
	if err != nil {
		return nil, err
	}
	scores := make([]score, len(ws)*len(subjects))
	err = parallel(ctx, o.threads, len(scores), func(ctx context.Context, i int) error {
		defer bar.step()
		w := i % len(ws)
		logits, s, err := predict(ctx, lm.model, ws[w], subjects[i/len(ws)].plans...)
		if err != nil {
			return err
		}
		for r := 0; r < len(logits); r += lm.model.Vocab {
			s.kl += divergence(reference[w][r:r+lm.model.Vocab], logits[r:r+lm.model.Vocab])
		}
		scores[i] = s
		return nil
	})
	if err != nil {
		return nil, err
	}
	n := float64(t.Tokens)
	ref := sum(nll).nll / n
	t.ppl = math.Exp(ref)
	for i, subject := range subjects {
		s, c, e := sum(scores[i*len(ws):(i+1)*len(ws)]), subject.plans[0].Config(), subject.plans[0].Explain()
		t.Rows = append(t.Rows, row{
			Name: subject.name, K: c.K.Format.String(), V: c.V.Format.String(), P: c.P.String(),
			PPL: math.Exp(s.nll / n), DNLL: s.nll/n - ref, KL: s.kl / n,
			KVBits: (e.BitsK + e.BitsV) / 2, TokensPerSec: n / s.seconds,
		})
	}
	return t, nil
}

// predict runs all but the last token of a window through an empty cache in one step
// and returns the logits after each.
func predict(ctx context.Context, m *llama.Model, window []int32, plans ...*attention.Plan) ([]float32, score, error) {
	in := window[:len(window)-1]
	logits := make([]float32, len(in)*m.Vocab)
	s := llama.NewSession(m, llama.NewCache(m.Config, len(in), plans...), attention.Serial)
	start := time.Now()
	if err := s.Forward(ctx, in, logits); err != nil {
		return nil, score{}, err
	}
	sc := score{seconds: time.Since(start).Seconds()}
	for i, next := range window[1:] {
		row := logits[i*m.Vocab : (i+1)*m.Vocab]
		sc.nll += logSum(row) - float64(row[next])
	}
	return logits, sc, nil
}

func sum(scores []score) (total score) {
	for _, s := range scores {
		total.nll += s.nll
		total.kl += s.kl
		total.seconds += s.seconds
	}
	return total
}

// parallel calls f for 0 to n−1 on some goroutines and returns the first error, which
// also cancels the calls under way.
func parallel(ctx context.Context, workers, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
