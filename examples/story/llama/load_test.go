package llama

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// tiny has odd sizes, so that no block of the matrix product comes out even.
var tiny = Config{Dim: 24, Hidden: 37, Layers: 2, Heads: 6, KVHeads: 2, Vocab: 67, Context: 150}

func header(c Config) []byte {
	var b []byte
	for _, f := range c.fields() {
		b = binary.LittleEndian.AppendUint32(b, uint32(int32(*f.dst)))
	}
	return b
}

func appendFloats(b []byte, x ...float32) []byte {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// checkpoint returns a version 0 file with random weights; c.Vocab < 0 gives it a
// classifier of its own.
func checkpoint(c Config) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	b := header(c)
	tied := c.Vocab > 0
	if !tied {
		c.Vocab = -c.Vocab
	}
	for int64(len(b)) < c.checkpointSize(tied) {
		b = appendFloats(b, float32(rng.NormFloat64())/4)
	}
	return b
}

// packed returns a packed file and the model it should load as.
func packed(c Config) ([]byte, *Model) {
	rng := rand.New(rand.NewPCG(3, 4))
	m := newModel(c, true)
	b := append([]byte(packedMagic), header(c)...)
	add := func(w []float32, rows int) {
		cols := len(w) / rows
		scales := make([]float32, rows)
		for r := range scales {
			scales[r] = float32(rng.Float64()) / 300
		}
		b = appendFloats(b, scales...)
		for i := range w {
			code := int8(rng.IntN(255) - 127)
			b = append(b, byte(code))
			w[i] = scales[i/cols] * float32(code)
		}
	}
	norm := func(g []float32) {
		for i := range g {
			g[i] = float32(rng.Float64())
		}
		b = appendFloats(b, g...)
	}
	add(m.embedding, c.Vocab)
	for i := range m.layers {
		for _, t := range m.matrices(i) {
			add(t.w, t.rows)
		}
	}
	for i := range m.layers {
		norm(m.layers[i].attNorm)
	}
	for i := range m.layers {
		norm(m.layers[i].ffnNorm)
	}
	norm(m.finalNorm)
	return b, m
}

func read(b []byte) (*Model, error) { return Read(bytes.NewReader(b), int64(len(b))) }

func TestReadPacked(t *testing.T) {
	b, want := packed(tiny)
	got, err := read(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Config != want.Config {
		t.Fatalf("config %+v, want %+v", got.Config, want.Config)
	}
	same := func(name string, a, b []float32) {
		t.Helper()
		for i := range b {
			if a[i] != b[i] {
				t.Fatalf("%s[%d] is %v, want %v", name, i, a[i], b[i])
			}
		}
	}
	same("embedding", got.embedding, want.embedding)
	same("classifier", got.classifier, want.embedding)
	same("final norm", got.finalNorm, want.finalNorm)
	for i := range want.layers {
		a, b := got.matrices(i), want.matrices(i)
		for k := range b {
			same(b[k].name, a[k].w, b[k].w)
		}
		same("attention norm", got.layers[i].attNorm, want.layers[i].attNorm)
		same("feed-forward norm", got.layers[i].ffnNorm, want.layers[i].ffnNorm)
	}
}

func TestReadCheckpoint(t *testing.T) {
	for _, tied := range []bool{true, false} {
		c := tiny
		if !tied {
			c.Vocab = -c.Vocab
		}
		b := checkpoint(c)
		m, err := read(b)
		if err != nil {
			t.Fatal(err)
		}
		if m.Config != tiny {
			t.Fatalf("config %+v, want %+v", m.Config, tiny)
		}
		float := func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[28+4*i:])) }
		d, kv := tiny.Dim, tiny.KVDim()
		wk := tiny.Vocab*d + tiny.Layers*(d+d*d) // after embedding, attention norms, wq
		if got, want := m.layers[1].qkv[d*d], float(wk+kv*d); got != want {
			t.Errorf("wk of layer 1 starts with %v, want %v", got, want)
		}
		last := float((len(b)-28)/4 - 1)
		if got := m.classifier[len(m.classifier)-1]; !tied && got != last {
			t.Errorf("classifier ends with %v, want %v", got, last)
		}
		if (&m.classifier[0] == &m.embedding[0]) != tied {
			t.Errorf("classifier shares the embedding: %v, want %v", !tied, tied)
		}
	}
}

func TestReadHostile(t *testing.T) {
	good := checkpoint(tiny)
	small, _ := packed(tiny)
	field := func(i int, v int32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[4*i:], uint32(v))
		return b
	}
	weight := func(b []byte, at int, v float64) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[at:], math.Float32bits(float32(v)))
		return b
	}
	norm := len(small) - 4*tiny.Dim*(2*tiny.Layers+1)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "header"},
		{"header cut", good[:20], "vocab_size: unexpected EOF"},
		{"zero dim", field(0, 0), "dim is 0"},
		{"negative dim", field(0, -24), "dim is -24"},
		{"huge dim", field(0, math.MaxInt32), "dim is 2147483647"},
		{"huge hidden", field(1, math.MaxInt32), "hidden_dim"},
		{"huge layers", field(2, math.MaxInt32), "n_layers"},
		{"layers beyond the file", field(2, 200), "file size"},
		{"heads do not divide", field(3, 7), "n_heads 7 does not divide"},
		{"odd head dimension", field(3, 8), "odd"},
		{"kv heads do not divide", field(4, 4), "n_kv_heads 4 does not divide"},
		{"no kv heads", field(4, 0), "n_kv_heads is 0"},
		{"no vocabulary", field(5, 0), "vocab_size is 0"},
		{"most negative vocabulary", field(5, math.MinInt32), "vocab_size"},
		{"negative vocabulary, no classifier", field(5, -int32(tiny.Vocab)), "file size"},
		{"huge context", field(6, math.MaxInt32), "seq_len"},
		{"short file", good[:len(good)-1], "file size"},
		{"long file", append(bytes.Clone(good), 0), "file size"},
		{"NaN embedding", weight(good, 28, math.NaN()), "token_embedding_table: weight NaN"},
		{"infinite wq", weight(good, 28+4*(tiny.Vocab*tiny.Dim+2*tiny.Dim), math.Inf(1)), "wq of layer 0"},
		{"packed header cut", small[:9], "hidden_dim"},
		{"packed short", small[:len(small)-4], "file size"},
		{"packed NaN scale", weight(small, 32, math.NaN()), "embedding scales"},
		{"packed scale overflows", weight(small, 32, math.MaxFloat32), "embedding: row 0"},
		{"packed NaN norm", weight(small, norm, math.NaN()), "attention norm"},
	} {
		m, err := read(c.file)
		if err == nil || m != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that names %q", c.name, err, c.want)
		}
	}
}

// A file may shrink between its size being taken and its reading.
func TestReadTruncated(t *testing.T) {
	for _, b := range [][]byte{checkpoint(tiny), func() []byte { b, _ := packed(tiny); return b }()} {
		for n := 0; n < len(b); n += 97 {
			if _, err := Read(io.LimitReader(bytes.NewReader(b), int64(n)), int64(len(b))); err == nil {
				t.Fatalf("%d of %d bytes load without an error", n, len(b))
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	small, _ := packed(Config{Dim: 2, Hidden: 1, Layers: 1, Heads: 1, KVHeads: 1, Vocab: 1, Context: 1})
	f.Add(small)
	f.Add(checkpoint(Config{Dim: 2, Hidden: 1, Layers: 1, Heads: 1, KVHeads: 1, Vocab: -1, Context: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := read(b)
		if (m == nil) == (err == nil) {
			t.Fatalf("model %v, error %v", m, err)
		}
	})
}
