package llama

import (
	"fmt"
	"math"
)

// packedMagic starts the packed format, the one this project commits weights in:
//
//	magic    "QLM1", version included
//	7 int32  dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len
//	matrices embedding [vocab][dim], then per layer wq wk wv wo w1 w2 w3
//	float32  attention norms [layers][dim], feed-forward norms [layers][dim], final norm [dim]
//
// Everything is little endian. A matrix is one float32 scale per row, then the rows
// as int8: weight = scale · code, code in −127..127. The embedding is the classifier.
const packedMagic = "QLM1"

func readPacked(s *source, size int64) (*Model, error) {
	s.bytes("magic", s.buf[:len(packedMagic)])
	var c Config
	for _, f := range c.fields() {
		*f.dst = s.int32(f.name)
	}
	if s.err != nil {
		return nil, s.err
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := checkSize(c.packedSize(), size); err != nil {
		return nil, err
	}
	m := newModel(c, true)
	s.matrix(matrix{"embedding", c.Vocab, c.Dim, m.embedding}, "")
	for i := range m.layers {
		for _, t := range m.matrices(i) {
			s.matrix(t, fmt.Sprintf(" of layer %d", i))
		}
	}
	for i := range m.layers {
		s.float32s("attention norm", m.layers[i].attNorm)
	}
	for i := range m.layers {
		s.float32s("feed-forward norm", m.layers[i].ffnNorm)
	}
	s.float32s("final norm", m.finalNorm)
	if s.err != nil {
		return nil, s.err
	}
	return m, nil
}

// matrix reads row scales, then int8 rows, into t.
func (s *source) matrix(t matrix, where string) {
	scales := make([]float32, t.rows)
	s.float32s(t.name+where+" scales", scales)
	codes := make([]byte, t.cols)
	for r, scale := range scales {
		s.bytes(t.name+where, codes)
		for i, code := range codes {
			w := scale * float32(int8(code))
			if math.IsInf(float64(w), 0) {
				s.fail(t.name+where, fmt.Errorf("row %d: scale %g overflows float32", r, scale))
			}
			t.w[r*t.cols+i] = w
		}
		if s.err != nil {
			return
		}
	}
}

// packedSize is the size of a packed file in bytes.
func (c Config) packedSize() int64 {
	dim, kv, hidden := int64(c.Dim), int64(c.KVDim()), int64(c.Hidden)
	row := func(rows, cols int64) int64 { return rows * (4 + cols) }
	perLayer := 2*row(dim, dim) + 2*row(kv, dim) + 2*row(hidden, dim) + row(dim, hidden)
	norms := 4 * dim * (2*int64(c.Layers) + 1)
	return int64(len(packedMagic)) + 7*4 + row(int64(c.Vocab), dim) + int64(c.Layers)*perLayer + norms
}
