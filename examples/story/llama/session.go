package llama

import (
	"context"
	"fmt"

	"github.com/qattn/qattn/attention"
)

// KV is the seam between a model and its KV cache; Cache implements it. A step appends
// n tokens to a sequence: Begin once, then Attend for each layer in turn.
type KV interface {
	// Begin prepares tokens pos to pos+n−1.
	Begin(pos, n int) error
	// Attend takes the rows of qkv, [n][Dim + 2·KVDim] with queries, keys and values
	// side by side, stores keys and values, and writes causal attention to out, [n][Dim].
	Attend(ctx context.Context, layer int, qkv, out []float32) error
}

// Session is one sequence running through a model. It is not safe for concurrent use.
type Session struct {
	model   *Model
	kv      KV
	runner  attention.Runner
	product product
	pos     int
	buf     buffers
}

// buffers are the activations of a step, grown to the longest step seen.
type buffers struct {
	x, norm, qkv, att, gateUp, hidden, cos, sin []float32
}

// NewSession starts an empty sequence cached in kv. Matrix products run on the same
// kind of runner as attention; results do not depend on its number of workers.
func NewSession(m *Model, kv KV, runner attention.Runner) *Session {
	return &Session{model: m, kv: kv, runner: runner}
}

// Pos is the number of tokens in the sequence.
func (s *Session) Pos() int { return s.pos }

// Forward appends tokens to the sequence in one step and writes the logits of its last
// rows: len(logits) is Vocab times the number of rows wanted. After an error the
// sequence is as long as before.
func (s *Session) Forward(ctx context.Context, tokens []int32, logits []float32) error {
	m, n := s.model, len(tokens)
	rows := len(logits) / m.Vocab
	if n == 0 || rows > n || len(logits)%m.Vocab != 0 {
		return fmt.Errorf("llama: %d logits for %d tokens and a vocabulary of %d", len(logits), n, m.Vocab)
	}
	if s.pos+n > m.Context {
		return fmt.Errorf("llama: %d tokens exceed the context of %d", s.pos+n, m.Context)
	}
	s.buf.grow(m.Config, n)
	for t, id := range tokens {
		if id < 0 || int(id) >= m.Vocab {
			return fmt.Errorf("llama: token %d is not in the vocabulary of %d", id, m.Vocab)
		}
		copy(s.buf.x[t*m.Dim:(t+1)*m.Dim], m.embedding[int(id)*m.Dim:])
	}
	half := m.HeadDim() / 2
	for t := range n {
		ropeAngles(s.buf.cos[t*half:(t+1)*half], s.buf.sin[t*half:(t+1)*half], s.pos+t)
	}
	if err := s.kv.Begin(s.pos, n); err != nil {
		return err
	}
	for i := range m.layers {
		if err := s.block(ctx, i, n); err != nil {
			return err
		}
	}
	s.pos += n
	first := n - rows
	x, norm := s.buf.x[first*m.Dim:n*m.Dim], s.buf.norm[:rows*m.Dim]
	normRows(norm, x, m.finalNorm)
	s.matmul(logits, norm, m.classifier, rows, m.Vocab, m.Dim)
	return nil
}

// block runs n rows through transformer block i: x += attention(x), x += ffn(x).
func (s *Session) block(ctx context.Context, i, n int) error {
	m, l, b := s.model, &s.model.layers[i], &s.buf
	wide, half := m.qkvDim(), m.HeadDim()/2
	x, norm, qkv := b.x[:n*m.Dim], b.norm[:n*m.Dim], b.qkv[:n*wide]

	normRows(norm, x, l.attNorm)
	s.matmul(qkv, norm, l.qkv, n, wide, m.Dim)
	for t := range n {
		rope(qkv[t*wide:][:m.Dim+m.KVDim()], b.cos[t*half:(t+1)*half], b.sin[t*half:(t+1)*half])
	}
	att := b.att[:n*m.Dim]
	if err := s.kv.Attend(ctx, i, qkv, att); err != nil {
		return err
	}
	s.matmul(norm, att, l.out, n, m.Dim, m.Dim)
	add(x, norm)

	normRows(norm, x, l.ffnNorm)
	gateUp, hidden := b.gateUp[:n*2*m.Hidden], b.hidden[:n*m.Hidden]
	s.matmul(gateUp, norm, l.gateUp, n, 2*m.Hidden, m.Dim)
	for t := range n {
		swiglu(hidden[t*m.Hidden:(t+1)*m.Hidden], gateUp[t*2*m.Hidden:])
	}
	s.matmul(norm, hidden, l.down, n, m.Dim, m.Hidden)
	add(x, norm)
	return nil
}

// matmul computes y[t][o] = Σ_c x[t][c] · w[o][c] for n rows.
func (s *Session) matmul(y, x, w []float32, n, outs, ins int) {
	s.product = product{y, x, w, n, outs, ins}
	s.product.run(s.runner)
}

// normRows normalises every row of x.
func normRows(y, x, gain []float32) {
	d := len(gain)
	for i := 0; i < len(x); i += d {
		rmsNorm(y[i:i+d], x[i:i+d], gain)
	}
}

func (b *buffers) grow(c Config, n int) {
	if len(b.x) >= n*c.Dim {
		return
	}
	half := c.HeadDim() / 2
	*b = buffers{
		x: make([]float32, n*c.Dim), norm: make([]float32, n*c.Dim), att: make([]float32, n*c.Dim),
		qkv: make([]float32, n*c.qkvDim()), gateUp: make([]float32, n*2*c.Hidden), hidden: make([]float32, n*c.Hidden),
		cos: make([]float32, n*half), sin: make([]float32, n*half),
	}
}
