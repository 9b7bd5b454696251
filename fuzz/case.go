// Package fuzz generates attention problems: one Case describes a configuration, a
// batch, an append history, a memory layout and the data, all from a few scalars.
// Property tests and fuzz targets share it, so a failure of either prints a Case
// literal that reproduces it anywhere.
package fuzz

import (
	"fmt"
	"math/rand/v2"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/quant"
)

// Case is one attention call of one sequence and how it came about.
type Case struct {
	Heads, KVHeads, DK, DV int
	QLen, KVLen            int

	K, V       Store
	Q          attention.QMode
	P          attention.PMode
	SinkTokens int

	Causal  bool
	Window  attention.Window
	Softcap float32
	Scale   float32 // 0 means 1/√DK
	ALiBi   bool    // slopes 2^(−8·(h+1)/Heads)
	Sinks   bool    // sink logits, uniform in ±10
	Mask    MaskKind
	Bias    BiasKind
	Offset  *int // nil means KVLen − QLen

	Chunk      int    // largest number of tokens per Append, 0 for one call
	PageSeed   uint64 // order of the pages in the arena, 0 for ascending
	PageGap    int    // bytes between pages, a view with a stride
	PageOffset int    // bytes ahead of page 0
	Workers    int    // of a runner that shuffles the units; ≤ 1 is Serial
	Tier       string // CPU tier, "" for the best

	Data Family
	Seed uint64
	Raw  []byte // overlaid on the start of Q, K and V as float32 bit patterns
}

// Store is a codec by format name, so that a Case prints as Go.
type Store struct {
	Format         string
	Rotate, Center bool
}

// Codec looks the format up.
func (s Store) Codec() attention.Codec {
	f, err := quant.Lookup(s.Format)
	if err != nil {
		panic(err)
	}
	return attention.Codec{Format: f, Rotate: s.Rotate, Center: s.Center}
}

// String prints a Go literal.
func (c Case) String() string {
	offset := "nil"
	if c.Offset != nil {
		offset = fmt.Sprintf("new(%d)", *c.Offset)
	}
	return fmt.Sprintf("fuzz.Case{Heads: %d, KVHeads: %d, DK: %d, DV: %d, QLen: %d, KVLen: %d, K: %#v, V: %#v, Q: %d, P: %d, SinkTokens: %d, "+
		"Causal: %t, Window: %#v, Softcap: %v, Scale: %v, ALiBi: %t, Sinks: %t, Mask: %d, Bias: %d, Offset: %s, "+
		"Chunk: %d, PageSeed: %d, PageGap: %d, PageOffset: %d, Workers: %d, Tier: %q, Data: %d, Seed: %#x, Raw: %#v}",
		c.Heads, c.KVHeads, c.DK, c.DV, c.QLen, c.KVLen, c.K, c.V, c.Q, c.P, c.SinkTokens,
		c.Causal, c.Window, c.Softcap, c.Scale, c.ALiBi, c.Sinks, c.Mask, c.Bias, offset,
		c.Chunk, c.PageSeed, c.PageGap, c.PageOffset, c.Workers, c.Tier, c.Data, c.Seed, c.Raw)
}

// MaskKind is a pattern of visible keys.
type MaskKind uint8

// The patterns. Bits of keys behind KVLen are set.
const (
	NoMask      MaskKind = iota
	RandomMask           // each key with probability ½
	OneKeyMask           // one key per row
	HeadMask             // RandomMask, different for every head
	NothingMask          // no key at all
	TreeMask             // the first half, then every other key: a speculation tree
	numMasks
)

// BiasKind is a pattern of additive biases.
type BiasKind uint8

// The patterns.
const (
	NoBias     BiasKind = iota
	RandomBias          // Gauss
	HoleBias            // Gauss with a quarter of −Inf
	HeadBias            // HoleBias, different for every head
	numBiases
)

// Flags of FromArgs.
const (
	RotateK = 1 << iota
	CenterK
	RotateV
	CenterV
	QBit0
	QBit1
	PBit0
	PBit1
	CausalFlag
	WindowFlag
	SoftcapFlag
	ALiBiFlag
	SinksFlag
	MaskBit0
	MaskBit1
	MaskBit2
	BiasBit0
	BiasBit1
	OffsetFlag
	ShuffleFlag
	SinkBit0
	SinkBit1
	WorkerBit0
	WorkerBit1
	ScaleFlag
	StrideFlag
	GenericFlag
)

// Work bounds the size of a generated case: elements stored and products computed.
const (
	maxStored   = 1 << 14
	maxProducts = 1 << 17
)

// FromArgs maps any scalars to a valid Case. The arguments are those of a fuzz target:
// structure explicit, so that coverage guidance can vary one thing at a time.
func FromArgs(group, kvHeads uint8, dk, dv, qLen, kvLen uint16, formatK, formatV uint8, flags uint32, family, chunk uint8, seed uint64, raw []byte) Case {
	formats := quant.Formats()
	has := func(bit uint32) bool { return flags&bit != 0 }
	pick := func(bit0 uint32, n int) int { return int(flags/bit0) % n }
	c := Case{
		KVHeads: 1 + int(kvHeads)%5, DK: 1 + int(dk)%640, DV: 1 + int(dv)%640,
		QLen: int(qLen) % 200, KVLen: int(kvLen) % 2600,
		K: Store{formats[int(formatK)%len(formats)].String(), has(RotateK), has(CenterK)},
		V: Store{formats[int(formatV)%len(formats)].String(), has(RotateV), has(CenterV)},
		Q: attention.QMode(pick(QBit0, 4) % 3), P: attention.PMode(pick(PBit0, 4) % 3),
		SinkTokens: []int{0, 1, 4, attention.Tile}[pick(SinkBit0, 4)],
		Causal:     has(CausalFlag), ALiBi: has(ALiBiFlag), Sinks: has(SinksFlag),
		Mask: MaskKind(pick(MaskBit0, 8)) % numMasks, Bias: BiasKind(pick(BiasBit0, 4)) % numBiases,
		Chunk: int(chunk), Workers: []int{1, 2, 3, 7}[pick(WorkerBit0, 4)],
		Data: Family(family) % NumFamilies, Seed: seed, Raw: raw,
	}
	c.Heads = c.KVHeads * (1 + int(group)%9)
	r := c.rand(streamShape)
	if has(SoftcapFlag) {
		c.Softcap = []float32{10, 30, 50}[r.IntN(3)]
	}
	if has(ScaleFlag) {
		c.Scale = []float32{1, 0.01, -0.125, 0.3}[r.IntN(4)]
	}
	if has(StrideFlag) {
		c.PageGap, c.PageOffset = []int{1, 64, 4096 + 3}[r.IntN(3)], r.IntN(130)
	}
	if has(GenericFlag) {
		c.Tier = "generic"
	}
	if has(ShuffleFlag) {
		c.PageSeed = 1 + seed>>1
	}
	return c.clamp(r, has(WindowFlag), has(OffsetFlag))
}

// FromSeed returns a random Case of moderate size.
func FromSeed(seed uint64) Case {
	r := rand.New(rand.NewPCG(seed, streamShape))
	sizes := func(common []uint16, limit int) uint16 {
		if r.IntN(2) == 0 {
			return common[r.IntN(len(common))] - 1
		}
		return uint16(r.IntN(limit))
	}
	dk := sizes([]uint16{1, 5, 32, 40, 59, 63, 64, 65, 72, 80, 96, 111, 128}, 96)
	dv := dk
	if r.IntN(3) == 0 {
		dv = sizes([]uint16{1, 5, 63, 64, 65, 128}, 96)
	}
	qLen := uint16([]int{1, 1, 1, 2, 3, 5, 17, 33}[r.IntN(8)])
	kvLen := uint16([]int{0, 1, 3, 4, 5, 63, 64, 65, 127, 128, 129, 191, r.IntN(300), r.IntN(300), r.IntN(1500)}[r.IntN(15)])
	flags := uint32(r.Uint64()) & uint32(r.Uint64()) // a quarter of the features
	return FromArgs(uint8(r.IntN(5)), uint8(r.IntN(3)), dk, dv, qLen, kvLen, uint8(r.IntN(256)), uint8(r.IntN(256)), flags,
		uint8(r.IntN(int(NumFamilies))), []uint8{0, 1, 7, 64, 100}[r.IntN(5)], seed, nil)
}

// clamp makes sizes affordable and modes consistent.
func (c Case) clamp(r *rand.Rand, window, offset bool) Case {
	d := c.DK + c.DV
	c.KVLen = min(c.KVLen, maxStored/(d*c.KVHeads))
	c.QLen = min(c.QLen, max(1, maxProducts/(c.Heads*d*max(1, c.KVLen, d/4)))) // the reference rotates in d² steps
	integer := func(s Store) bool { _, ok := s.Codec().Format.(quant.Int8Format); return ok }
	if !integer(c.K) {
		c.Q %= attention.QInt8
	}
	if !integer(c.V) {
		c.P %= attention.PU8
	}
	if c.SinkTokens > 4 && attention.Tile*2*d > c.KVHeads*attention.Tile*d/4 {
		c.SinkTokens = 4 // many binary16 tokens need not fit a page of few-bit heads
	}
	if window {
		c.Window = attention.SlidingWindow(r.IntN(2+c.KVLen), r.IntN(1+c.KVLen/4))
		if r.IntN(4) == 0 {
			c.Window.Right = -1
		}
	}
	if offset {
		p := r.IntN(2*(c.KVLen+c.QLen)+1) - c.KVLen - c.QLen
		c.Offset = &p
	}
	return c
}

// FirstPosition is the position of query row 0.
func (c Case) FirstPosition() int {
	if c.Offset != nil {
		return *c.Offset
	}
	return c.KVLen - c.QLen
}

// Streams keep the random sequences of a seed apart: changing one aspect of a case
// does not reshuffle the others.
const (
	streamShape = iota
	streamQ
	streamK
	streamV
	streamFamily
	streamMask
	streamBias
	streamSinks
	streamChunks
	streamUnits
)

func (c Case) rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

// Config is the configuration of the case.
func (c Case) Config() attention.Config {
	cfg := attention.Config{
		QHeads: c.Heads, KVHeads: c.KVHeads, DK: c.DK, DV: c.DV, K: c.K.Codec(), V: c.V.Codec(), Q: c.Q, P: c.P,
		Scale: c.Scale, Softcap: c.Softcap, Causal: c.Causal, Window: c.Window, SinkTokens: c.SinkTokens,
	}
	if c.ALiBi {
		cfg.ALiBi = make([]float32, c.Heads)
		for h := range cfg.ALiBi {
			cfg.ALiBi[h] = exp2(-8 * float64(h+1) / float64(c.Heads))
		}
	}
	if c.Sinks {
		cfg.SinkLogits = make([]float32, c.Heads)
		r := c.rand(streamSinks)
		for h := range cfg.SinkLogits {
			cfg.SinkLogits[h] = 20*r.Float32() - 10
		}
	}
	return cfg
}

// Mask returns the caller's mask, or nil.
func (c Case) mask() *attention.Mask {
	if c.Mask == NoMask {
		return nil
	}
	r, heads := c.rand(streamMask), 1
	if c.Mask == HeadMask {
		heads = c.Heads
	}
	stride := int64(c.QLen*c.KVLen + 3)
	m := &attention.Mask{Bits: make([]byte, (int64(heads)*stride+5+7)/8), Start: make([]int64, c.QLen)}
	if heads > 1 {
		m.HeadStride = stride
	}
	for i := range c.QLen {
		m.Start[i] = int64(5 + i*c.KVLen)
		one := r.IntN(max(1, c.KVLen))
		for h := range heads {
			for j := range c.KVLen {
				var on bool
				switch c.Mask {
				case RandomMask, HeadMask:
					on = r.Uint32()&1 != 0
				case OneKeyMask:
					on = j == one
				case TreeMask:
					on = j < c.KVLen/2 || (j+i)%2 == 0
				}
				if on {
					bit := m.Start[i] + int64(h)*m.HeadStride + int64(j)
					m.Bits[bit/8] |= 1 << (bit % 8)
				}
			}
		}
	}
	return m
}

// bias returns the caller's bias, or nil.
func (c Case) bias() *attention.Bias {
	if c.Bias == NoBias {
		return nil
	}
	r, heads := c.rand(streamBias), 1
	if c.Bias == HeadBias {
		heads = c.Heads
	}
	b := &attention.Bias{Values: make([]float32, heads*c.QLen*c.KVLen+2), Start: make([]int64, c.QLen)}
	if heads > 1 {
		b.HeadStride = int64(c.QLen * c.KVLen)
	}
	for i := range b.Values {
		b.Values[i] = float32(r.NormFloat64())
		if c.Bias != RandomBias && r.IntN(4) == 0 {
			b.Values[i] = negInf
		}
	}
	for i := range b.Start {
		b.Start[i] = int64(1 + i*c.KVLen)
	}
	return b
}
