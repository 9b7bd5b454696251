package llama

// Model holds the weights, all float32, matrices row-major [out][in]. A Model is
// read only once loaded: any number of sessions may share it.
type Model struct {
	Config
	embedding  []float32 // [Vocab][Dim]
	layers     []layer
	finalNorm  []float32 // [Dim]
	classifier []float32 // [Vocab][Dim]; the embedding itself when tied
}

// layer holds one transformer block. Matrices that read the same input are stored
// as one: a single product gives a query, key and value row, another gate and up.
type layer struct {
	attNorm []float32 // [Dim]
	qkv     []float32 // [Dim + 2·KVDim][Dim]: wq, wk, wv
	out     []float32 // [Dim][Dim]
	ffnNorm []float32 // [Dim]
	gateUp  []float32 // [2·Hidden][Dim]: w1, w3
	down    []float32 // [Dim][Hidden]: w2
}

// newModel allocates the weights of a validated configuration.
func newModel(c Config, tied bool) *Model {
	m := &Model{
		Config:    c,
		embedding: make([]float32, c.Vocab*c.Dim),
		layers:    make([]layer, c.Layers),
		finalNorm: make([]float32, c.Dim),
	}
	for i := range m.layers {
		m.layers[i] = layer{
			attNorm: make([]float32, c.Dim),
			qkv:     make([]float32, c.qkvDim()*c.Dim),
			out:     make([]float32, c.Dim*c.Dim),
			ffnNorm: make([]float32, c.Dim),
			gateUp:  make([]float32, 2*c.Hidden*c.Dim),
			down:    make([]float32, c.Dim*c.Hidden),
		}
	}
	m.classifier = m.embedding
	if !tied {
		m.classifier = make([]float32, c.Vocab*c.Dim)
	}
	return m
}

// matrix is one matrix of a layer under the name checkpoints give it.
type matrix struct {
	name       string
	rows, cols int
	w          []float32 // [rows][cols], a view into the layer
}

// matrices lists the matrices of layer i in the order of checkpoint files.
func (m *Model) matrices(i int) [7]matrix {
	l, d, kv, h := &m.layers[i], m.Dim, m.KVDim(), m.Hidden
	return [7]matrix{
		{"wq", d, d, l.qkv[:d*d]},
		{"wk", kv, d, l.qkv[d*d : (d+kv)*d]},
		{"wv", kv, d, l.qkv[(d+kv)*d:]},
		{"wo", d, d, l.out},
		{"w1", h, d, l.gateUp[:h*d]},
		{"w2", d, h, l.down},
		{"w3", h, d, l.gateUp[h*d:]},
	}
}
