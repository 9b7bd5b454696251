package main

import (
	"fmt"
	"math"
	"sync"

	"github.com/qattn/qattn/reference"
)

// shape is one attention call: q query rows over n stored tokens, the last row on the
// last token.
type shape struct {
	op             string // "decode", "prefill", "encoder"
	heads, kvHeads int
	d, q, n        int
	causal         bool
}

func decodeShape(n int) shape         { return shape{"decode", 32, 8, 128, 1, n, true} }
func prefillShape(heads, n int) shape { return shape{"prefill", heads, 8, 128, n, n, true} }

// The decode step of a model with few wide heads, and one layer of a text encoder.
var (
	gemmaShape   = shape{"decode", 4, 1, 256, 1, 4096, true}
	encoderShape = shape{"encoder", 12, 12, 64, 128, 128, false}
)

// pairs is the number of visible (query, key) pairs of one head.
func (s shape) pairs() int {
	if !s.causal {
		return s.q * s.n
	}
	return s.q*(s.n-s.q) + s.q*(s.q+1)/2
}

// ops counts the useful operations: q·k and p·v of visible keys, two per multiply-add.
// Each half of them belongs to one of the two products.
func (s shape) ops() float64 { return 4 * float64(s.d) * float64(s.heads) * float64(s.pairs()) }

func (s shape) String() string {
	return fmt.Sprintf("%s/%dx%d/d%d/q%d/n%d", s.op, s.heads, s.kvHeads, s.d, s.q, s.n)
}

// problem is a shape with inputs, and what attention over them should give.
type problem struct {
	shape
	queries, keys, values []float32 // [q][heads][d], [n][kvHeads][d]

	want func() []expected
}

// expected is one output row in float64, from inputs that were never quantized.
type expected struct {
	row, head int
	out       []float64
}

// newProblem draws standard normal inputs.
func newProblem(s shape) *problem {
	p := &problem{shape: s, queries: normals(1, s.q*s.heads*s.d),
		keys: normals(2, s.n*s.kvHeads*s.d), values: normals(3, s.n*s.kvHeads*s.d)}
	p.want = sync.OnceValue(p.solve)
	return p
}

// checked is the number of output rows compared with float64. They are spread over
// the heads and over the later query rows, which see many keys.
const checked = 8

// solve computes the checked rows.
func (p *problem) solve() []expected {
	want := make([]expected, checked)
	var wg sync.WaitGroup
	for i := range want {
		wg.Go(func() {
			e := expected{row: p.q - 1 - i*p.q/2/checked, head: i * p.heads / checked}
			e.out = p.solveRow(e.row, e.head)
			want[i] = e
		})
	}
	wg.Wait()
	return want
}

// solveRow is one row of one head, by the reference.
func (p *problem) solveRow(row, head int) []float64 {
	n := p.n
	if p.causal {
		n = p.n - p.q + row + 1
	}
	kv := head / (p.heads / p.kvHeads)
	one := reference.NewProblem(1, 1, p.d, p.d, 1, n)
	one.Q = widen(p.queries[(row*p.heads+head)*p.d:][:p.d])
	for t := range n {
		at := (t*p.kvHeads + kv) * p.d
		one.K = append(one.K, widen(p.keys[at:][:p.d])...)
		one.V = append(one.V, widen(p.values[at:][:p.d])...)
	}
	return reference.Attend(one).Out
}

// deviation is the error of out, [q][heads][d], over the checked rows: relative in the
// L2 norm, and the largest absolute one.
func (p *problem) deviation(out []float32) (relL2, maxAbs float64) {
	var err2, want2 float64
	for _, e := range p.want() {
		for c, got := range out[(e.row*p.heads+e.head)*p.d:][:p.d] {
			diff := float64(got) - e.out[c]
			err2 += diff * diff
			want2 += e.out[c] * e.out[c]
			maxAbs = max(maxAbs, math.Abs(diff))
		}
	}
	return math.Sqrt(err2 / want2), maxAbs
}

func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
