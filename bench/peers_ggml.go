//go:build ggml

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"

	"github.com/ollama/ollama/fs/ggml"
	"github.com/ollama/ollama/ml"
	_ "github.com/ollama/ollama/ml/backend/ggml" // registers the backend
	"github.com/x448/float16"

	"github.com/qattn/qattn/bench/internal/measure"
	"github.com/qattn/qattn/bench/internal/record"
	"github.com/qattn/qattn/bench/internal/roof"
)

// ggmlFormats are the cache types compared with ours.
var ggmlFormats = []struct {
	name  string
	dtype ml.DType
}{{"f16", ml.DTypeF16}, {"q8_0", ml.DTypeQ80}, {"q4_0", ml.DTypeQ40}}

// ggmlPeers lists ggml's flash attention on its CPU backend for the given shapes. The
// backend of an earlier call takes on the number of threads too.
func ggmlPeers(shapes []shape, threads int) (list []subject, err error) {
	b, err := ggmlBackend(threads)
	if err != nil {
		return nil, err
	}
	for _, s := range shapes {
		for _, f := range ggmlFormats {
			for _, tokenMajor := range []bool{false, true} {
				list = append(list, &ggmlAttend{shape: s, format: f.name, dtype: f.dtype, tokenMajor: tokenMajor, threads: threads, backend: b})
			}
		}
	}
	return list, nil
}

// ggmlBackend loads a model file without tensors, which is what a backend is made from.
func ggmlBackend(threads int) (ml.Backend, error) {
	f, err := os.CreateTemp("", "qattn-*.gguf")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	err = ggml.WriteGGUF(f, ggml.KV{"general.architecture": "none"}, nil)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return ml.NewBackend(f.Name(), ml.BackendParams{AllocMemory: true, NumThreads: threads, FlashAttention: ml.FlashAttentionEnabled})
}

// ggmlVersion names the layout of the cache and the version of the module ggml is compiled from.
func ggmlVersion(tokenMajor bool) string {
	name := "ggml"
	if tokenMajor {
		name = "ggml/token-major"
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/ollama/ollama" {
				return name + " of ollama " + m.Version
			}
		}
	}
	return name + " cache"
}

// ggmlAttend is flash attention over a head-major cache, the layout ggml is fastest on, or over a
// token-major one, as llama.cpp and Ollama keep theirs.
type ggmlAttend struct {
	shape
	format     string
	dtype      ml.DType
	tokenMajor bool
	threads    int
	backend    ml.Backend

	p       *problem
	bytes   int // of the cache
	inputs  ml.Context
	q, k, v ml.Tensor
	mask    ml.Tensor
	graph   ml.Context // of the call to come
	out     ml.Tensor
}

func (a *ggmlAttend) name() string {
	layout := "head-major"
	if a.tokenMajor {
		layout = "token-major"
	}
	return fmt.Sprintf("ggml %s/%s/%s/t%d", a.shape, a.format, layout, a.threads)
}

// prepare converts the inputs once and hands them to ggml.
func (a *ggmlAttend) prepare(b *bench) error {
	if a.threads > b.cpus {
		return unavailable(fmt.Sprintf("needs %d CPUs", a.threads))
	}
	a.p = b.problem(a.shape)
	a.inputs = a.backend.NewContext().Input()
	a.q = a.inputs.FromFloats(a.p.queries, a.d, a.heads, a.shape.q)
	cache := func(x []float32) ml.Tensor {
		if a.tokenMajor {
			stored := ggmlBlocks(a.dtype, x)
			a.bytes += len(stored)
			return a.inputs.FromBytes(a.dtype, stored, a.d, a.kvHeads, a.n)
		}
		stored := ggmlBlocks(a.dtype, headMajor(x, a.n, a.kvHeads, a.d))
		a.bytes += len(stored)
		return a.inputs.FromBytes(a.dtype, stored, a.d, a.n, a.kvHeads)
	}
	a.bytes = 0
	a.k, a.v = cache(a.p.keys), cache(a.p.values)
	if a.causal && a.shape.q > 1 {
		a.mask = a.inputs.FromBytes(ml.DTypeF16, causalMask(a.shape.q, a.n), a.n, a.shape.q)
	}
	return nil
}

// before builds the graph of one call, which the call itself does not pay for.
func (a *ggmlAttend) before() error {
	if a.graph != nil {
		a.graph.Close()
	}
	a.graph = a.backend.NewContextSize(64)
	k, v := a.k, a.v
	if !a.tokenMajor {
		k, v = k.Permute(a.graph, 0, 2, 1, 3), v.Permute(a.graph, 0, 2, 1, 3)
	}
	sdpa, ok := a.q.(ml.ScaledDotProductAttention)
	if !ok {
		return errors.New("this ggml backend has no fused attention")
	}
	a.out = sdpa.ScaledDotProductAttention(a.graph, k, v, a.mask, nil, nil, 1/math.Sqrt(float64(a.d)), true)
	a.graph.Forward(a.out)
	return nil
}

func (a *ggmlAttend) cases() []measure.Case {
	return []measure.Case{{Name: a.name(), Before: a.before, Run: a.compute}}
}

func (a *ggmlAttend) compute() error {
	a.graph.Compute(a.out)
	return nil
}

// output computes once more: calls of one backend share the memory of their results.
func (a *ggmlAttend) output() ([]float32, error) {
	if err := a.before(); err != nil {
		return nil, err
	}
	err := a.compute()
	return a.out.Floats(), err
}

func (a *ggmlAttend) result(s []measure.Sample, l *roof.Limits) record.Row {
	r := record.New(a.op)
	r.K, r.V, r.P = a.format, a.format, "f32"
	r.Heads, r.KVHeads, r.D, r.Q, r.N, r.Threads, r.Tier = a.heads, a.kvHeads, a.d, a.shape.q, a.n, a.threads, ggmlVersion(a.tokenMajor)
	sec := s[0].Min()
	r.MinUS, r.MedianUS = record.Number(sec*1e6), record.Number(s[0].Median()*1e6)
	r.KVGBps, r.GOps = record.Number(float64(a.bytes)/sec/1e9), record.Number(a.ops()/sec/1e9)
	if out, err := a.output(); err == nil {
		rel, abs := a.p.deviation(out)
		r.RelL2, r.MaxAbs = record.Number(rel), record.Number(abs)
	}
	return r
}

// headMajor turns [n][heads][d] into [heads][n][d].
func headMajor(x []float32, n, heads, d int) []float32 {
	y := make([]float32, len(x))
	spread(n, 1024, func(lo, hi int) {
		for t := lo; t < hi; t++ {
			for h := range heads {
				copy(y[(h*n+t)*d:][:d], x[(t*heads+h)*d:])
			}
		}
	})
	return y
}

// causalMask is ggml's additive mask [q][n] in binary16.
func causalMask(q, n int) []byte {
	m := make([]byte, 2*q*n)
	for i := range q {
		for j := n - q + i + 1; j < n; j++ {
			binary.LittleEndian.PutUint16(m[2*(i*n+j):], 0xfc00) // −Inf
		}
	}
	return m
}

// ggmlBlocks stores rows in a ggml type. Quantized blocks hold 32 elements: a binary16
// scale, then the codes; q4_0 keeps elements i and i+16 in one byte.
func ggmlBlocks(dtype ml.DType, x []float32) []byte {
	const block = 32
	bytes := map[ml.DType]int{ml.DTypeF16: 2 * block, ml.DTypeQ80: 2 + block, ml.DTypeQ40: 2 + block/2}[dtype]
	encode := map[ml.DType]func(dst []byte, x []float32){ml.DTypeF16: blockF16, ml.DTypeQ80: blockQ80, ml.DTypeQ40: blockQ40}[dtype]
	out := make([]byte, len(x)/block*bytes)
	spread(len(x)/block, 1<<14, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			encode(out[i*bytes:][:bytes], x[i*block:][:block])
		}
	})
	return out
}

func blockF16(dst []byte, x []float32) {
	for i, v := range x {
		binary.LittleEndian.PutUint16(dst[2*i:], float16.Fromfloat32(v).Bits())
	}
}

// extreme is the element of largest magnitude.
func extreme(x []float32) (top float32) {
	for _, v := range x {
		if math.Abs(float64(v)) > math.Abs(float64(top)) {
			top = v
		}
	}
	return top
}

func blockQ80(dst []byte, x []float32) {
	scale := math.Abs(float64(extreme(x))) / 127
	binary.LittleEndian.PutUint16(dst, float16.Fromfloat32(float32(scale)).Bits())
	for i, v := range x {
		if scale > 0 {
			dst[2+i] = byte(int8(math.Round(float64(v) / scale)))
		}
	}
}

func blockQ40(dst []byte, x []float32) {
	scale := float64(extreme(x)) / -8
	binary.LittleEndian.PutUint16(dst, float16.Fromfloat32(float32(scale)).Bits())
	code := func(v float32) byte {
		if scale == 0 {
			return 8
		}
		return byte(min(15, int(float64(v)/scale+8.5)))
	}
	for i := range 16 {
		dst[2+i] = code(x[i]) | code(x[i+16])<<4
	}
}
