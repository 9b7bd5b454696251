package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// markdown writes the table for people.
func (t *table) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Model %s, %d predicted tokens in %d windows; perplexity %.4f with a float32 cache.\n",
		t.Model, t.Tokens, t.windows, t.ppl)
	b.WriteString("ΔNLL and KL are nats per token against the float32 cache; bits are per stored element, headers included; tokens/s of one thread.\n\n")
	b.WriteString("| K | V | P | perplexity | ΔNLL | KL | bits | tokens/s |\n|---|---|---|---:|---:|---:|---:|---:|\n")
	for _, r := range t.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %.4f | %+.5f | %.2e | %.2f | %.0f |\n",
			r.K, r.V, r.P, r.PPL, r.DNLL, r.KL, r.KVBits, r.TokensPerSec)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// progress draws a bar on a terminal; elsewhere it is silent.
type progress struct {
	mu          sync.Mutex
	w           io.Writer // nil when silent
	done, total int
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{total: total}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			p.w = w
		}
	}
	return p
}

// step counts one more unit of work.
func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.w != nil {
		const width = 40
		full := p.done * width / p.total
		fmt.Fprintf(p.w, "\r[%s%s] %d/%d", strings.Repeat("#", full), strings.Repeat(".", width-full), p.done, p.total)
	}
}

// end clears the bar.
func (p *progress) end() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
