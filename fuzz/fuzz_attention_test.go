package fuzz

import (
	"testing"

	"github.com/qattn/qattn/attention"
)

// verify runs everything that must hold for any case.
func verify(t *testing.T, c Case) Margin {
	t.Helper()
	in, err := c.Build(0xFF)
	if err != nil {
		t.Fatalf("%v\n%v", err, c)
	}
	out, err := in.Run()
	if err != nil {
		t.Fatalf("%v\n%v", err, c)
	}
	m, err := in.Check(out)
	if err != nil {
		t.Fatalf("%v\n%v", err, c)
	}
	if err := in.checkRead(); err != nil {
		t.Fatalf("%v\n%v", err, c)
	}
	if err := in.observe(); err != nil {
		t.Fatalf("%v\n%v", err, c)
	}
	other := c
	if c.anyChunks() {
		other.Chunk = 5
	}
	other.PageSeed, other.PageGap, other.PageOffset, other.Workers = c.Seed^7, 64, 3, 4-c.Workers%3
	twin, err := other.Build(0)
	if err != nil {
		t.Fatalf("%v\n%v", err, other)
	}
	again, err := twin.Run()
	if err != nil {
		t.Fatalf("%v\n%v", err, other)
	}
	if err := out.Same(again); err != nil {
		t.Fatalf("chunks, page ids, workers and poison change the result: %v\n%v", err, c)
	}
	return m
}

func FuzzAttention(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(uint8(seed), uint8(seed/2), uint16(63-seed), uint16(31+seed), uint16(seed), uint16(40*seed), uint8(seed), uint8(seed*5), seed*0x9e3779b97f, uint8(seed*5), uint8(seed*9), seed, []byte(nil))
	}
	f.Fuzz(func(t *testing.T, group, kvHeads uint8, dk, dv, qLen, kvLen uint16, formatK, formatV uint8, flags uint64, family, chunk uint8, seed uint64, raw []byte) {
		verify(t, FromArgs(group, kvHeads, dk, dv, qLen, kvLen, formatK, formatV, flags, family, chunk, seed, raw))
	})
}

// Cases that once failed.
func TestFoundCases(t *testing.T) {
	for name, c := range map[string]Case{
		"mean of squares beyond float32": {Heads: 6, KVHeads: 1, DK: 10, DV: 57, QLen: 3, KVLen: 78,
			K: Store{Format: "nf4-b32-s32", Rotate: true, Center: true, Mean: 0.5}, V: Store{Format: "nf4-dq"},
			P: 2, Certify: true, Causal: true, Softcap: 50, Sinks: true, Bias: 2, Chunk: 89, Workers: 1,
			Data: 5, Seed: 2, Raw: []byte("00000000000a")},
		"infinity in a static format under rounded weights": {Heads: 14, KVHeads: 2, DK: 53, DV: 1, QLen: 5, KVLen: 29,
			K: Store{Format: "nf4-b32"}, V: Store{Format: "e5m2-static(1)"}, P: attention.PBF16, Workers: 1, Data: InfV, Seed: 0x73},
		"infinity in bfloat16 under rounded weights": {Heads: 2, KVHeads: 1, DK: 16, DV: 9, QLen: 5, KVLen: 70,
			K: Store{Format: "f32"}, V: Store{Format: "bf16"}, P: attention.PBF16, Workers: 1, Data: InfV, Seed: 3},
		"sums under FP8 codes beyond float32": {Heads: 20, KVHeads: 5, DK: 13, DV: 11, QLen: 2, KVLen: 105,
			K: Store{Format: "e5m2"}, V: Store{Format: "int8-s32", Center: true, Own: true}, P: attention.PE4M3, Causal: true, Mask: 1, Chunk: 40, Workers: 1,
			Data: 1, Seed: 5, Raw: []byte("00000000000\xfe")},
		"queries whose products with FP8 codes leave float32 before the scale applies": {Heads: 6, KVHeads: 2, DK: 13, DV: 11, QLen: 3, KVLen: 105,
			K: Store{Format: "e5m2"}, V: Store{Format: "nf4-b32-s32", Center: true, Own: true}, P: 5, Causal: true, Mask: 1, Chunk: 40, Workers: 1,
			Data: 1, Seed: 0x32, Raw: []byte("000x")},
	} {
		t.Run(name, func(t *testing.T) { verify(t, c) })
	}
}

func TestRandomCases(t *testing.T) {
	n := uint64(400)
	if testing.Short() {
		n = 60
	}
	var worst Margin
	for seed := range n {
		m := verify(t, FromSeed(seed))
		worst.Add(m)
	}
	t.Logf("%d elements, worst error %.3f of its bound", worst.Checked, worst.Worst)
}
