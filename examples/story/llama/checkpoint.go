package llama

import "fmt"

// readCheckpoint reads a llama2.c "version 0" checkpoint: seven int32 dimensions,
// then float32 tensors, each for all layers in turn. A negative vocab_size says
// that a separate classifier follows. The two rotary tables near the end are
// recomputed, not used.
func readCheckpoint(s *source, size int64) (*Model, error) {
	var c Config
	for _, f := range c.fields() {
		*f.dst = s.int32(f.name)
	}
	if s.err != nil {
		return nil, s.err
	}
	tied := c.Vocab > 0
	if !tied {
		c.Vocab = -c.Vocab
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	if err := checkSize(c.checkpointSize(tied), size); err != nil {
		return nil, err
	}
	m := newModel(c, tied)
	s.float32s("token_embedding_table", m.embedding)
	m.readLayers(s, "rms_att_weight", 0, 4, func(l *layer) []float32 { return l.attNorm })
	m.readLayers(s, "rms_ffn_weight", 4, 7, func(l *layer) []float32 { return l.ffnNorm })
	s.float32s("rms_final_weight", m.finalNorm)
	if _, err := s.r.Discard(4 * c.Context * c.HeadDim()); err != nil {
		s.fail("freq_cis", err)
	}
	if !tied {
		s.float32s("wcls", m.classifier)
	}
	if s.err != nil {
		return nil, s.err
	}
	return m, nil
}

// readLayers reads a norm of every layer, then matrices from to to−1.
func (m *Model) readLayers(s *source, norm string, from, to int, of func(*layer) []float32) {
	for i := range m.layers {
		s.float32s(norm, of(&m.layers[i]))
	}
	for k := from; k < to; k++ {
		for i := range m.layers {
			t := m.matrices(i)[k]
			s.float32s(fmt.Sprintf("%s of layer %d", t.name, i), t.w)
		}
	}
}

// checkpointSize is the size of a version 0 file in bytes.
func (c Config) checkpointSize(tied bool) int64 {
	dim, kv, hidden := int64(c.Dim), int64(c.KVDim()), int64(c.Hidden)
	perLayer := 2*dim + 2*dim*dim + 2*kv*dim + 3*hidden*dim
	floats := int64(c.Vocab)*dim + int64(c.Layers)*perLayer + dim + int64(c.Context)*int64(c.HeadDim())
	if !tied {
		floats += int64(c.Vocab) * dim
	}
	return 4 * (7 + floats)
}
