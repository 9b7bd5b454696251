package fp8

import (
	"math"
	"math/rand/v2"
	"testing"
)

func BenchmarkEncodeSlice(b *testing.B) {
	src, dst := make([]float32, 4096), make([]E4M3, 4096)
	rng := rand.New(rand.NewPCG(sampleSeed, 7))
	for i := range src { // a quarter of the results are subnormal
		src[i] = float32(math.Ldexp(rng.NormFloat64(), -rng.IntN(9)))
	}
	b.SetBytes(int64(4 * len(src)))
	for b.Loop() {
		EncodeSlice(dst, src)
	}
}

func BenchmarkEncodeStochastic(b *testing.B) {
	src, dst, r := make([]float32, 4096), make([]E4M3, 4096), make([]uint32, 4096)
	rng := rand.New(rand.NewPCG(sampleSeed, 8))
	for i := range src {
		src[i], r[i] = float32(rng.NormFloat64()), rng.Uint32()
	}
	b.SetBytes(int64(4 * len(src)))
	for b.Loop() {
		EncodeStochastic(dst, src, r, 20, Saturate)
	}
}

func BenchmarkDecodeSlice(b *testing.B) {
	src, dst := make([]E4M3, 4096), make([]float32, 4096)
	for i := range src {
		src[i] = E4M3(i * 37)
	}
	b.SetBytes(int64(4 * len(dst)))
	for b.Loop() {
		DecodeSlice(dst, src)
	}
}
