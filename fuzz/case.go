// Package fuzz generates attention problems: one Case describes a configuration, a
// batch, an append history, a memory layout and the data, all from a few scalars.
// Property tests and fuzz targets share it, so a failure of either prints a Case
// literal that reproduces it anywhere.
package fuzz

import (
	"fmt"
	"math/rand/v2"
	"strings"

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
	Correction attention.CorrectionMode // the static one with Beta
	SinkTokens int
	Certify    bool

	Causal  bool
	Window  attention.Window
	Softcap float32
	Scale   float32 // 0 means 1/√DK
	ALiBi   bool    // slopes 2^(−8·(h+1)/Heads)
	Sinks   bool    // sink logits, uniform in ±10
	Mask    MaskKind
	Bias    BiasKind
	Offset  *int // nil means KVLen − QLen

	Chunk      int    // largest number of tokens per Append, 0 for one call; codecs with Own store other bytes
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
	Own            bool    // whole tiles are centred on their own mean
	Mean           float32 // size of the channel means, 0 for none
}

// codec looks the format up. Means come from r, for heads·d channels.
func (s Store) codec(r *rand.Rand, channels int) attention.Codec {
	c := attention.Codec{Format: s.format(), Rotate: s.Rotate, Center: s.Center, OwnCenter: s.Own}
	if s.Mean != 0 {
		c.Mean = scaled(normal(r, channels), s.Mean)
	}
	return c
}

func (s Store) format() quant.Format {
	f, err := quant.Lookup(s.Format)
	if err != nil {
		panic(err)
	}
	return f
}

// integer reports whether values of the format are scale × int8.
func (s Store) integer() bool { _, ok := s.format().(quant.Int8Format); return ok }

// fp8 reports whether the format is one of 8-bit floats.
func (s Store) fp8() bool {
	return strings.HasPrefix(s.Format, "e4m3") || strings.HasPrefix(s.Format, "e5m2")
}

// String prints a Go literal.
func (c Case) String() string {
	offset := "nil"
	if c.Offset != nil {
		offset = fmt.Sprintf("new(%d)", *c.Offset)
	}
	return fmt.Sprintf("fuzz.Case{Heads: %d, KVHeads: %d, DK: %d, DV: %d, QLen: %d, KVLen: %d, K: %#v, V: %#v, Q: %d, P: %d, Correction: %d, SinkTokens: %d, Certify: %t, "+
		"Causal: %t, Window: %#v, Softcap: %v, Scale: %v, ALiBi: %t, Sinks: %t, Mask: %d, Bias: %d, Offset: %s, "+
		"Chunk: %d, PageSeed: %d, PageGap: %d, PageOffset: %d, Workers: %d, Tier: %q, Data: %d, Seed: %#x, Raw: %#v}",
		c.Heads, c.KVHeads, c.DK, c.DV, c.QLen, c.KVLen, c.K, c.V, c.Q, c.P, c.Correction, c.SinkTokens, c.Certify,
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
	ModeBit0 // five bits: any mode but 0 replaces that of PBit0 and PBit1
	ModeBit1
	ModeBit2
	ModeBit3
	ModeBit4
	CorrectionBit0
	CorrectionBit1
	CorrectionBit2
	MeanKFlag
	MeanVFlag
	CertifyFlag
	OwnKFlag // with CenterK
	OwnVFlag // with CenterV
)

// Work bounds the size of a generated case: elements stored and products computed.
const (
	maxStored   = 1 << 14
	maxProducts = 1 << 17
)

var meanSizes = []float32{0.5, 3, 100}

// FromArgs maps any scalars to a valid Case. The arguments are those of a fuzz target:
// structure explicit, so that coverage guidance can vary one thing at a time.
func FromArgs(group, kvHeads uint8, dk, dv, qLen, kvLen uint16, formatK, formatV uint8, flags uint64, family, chunk uint8, seed uint64, raw []byte) Case {
	formats := quant.Formats()
	has := func(bit uint64) bool { return flags&bit != 0 }
	pick := func(bit0 uint64, n int) int { return int(flags / bit0 % uint64(n)) }
	c := Case{
		KVHeads: 1 + int(kvHeads)%5, DK: 1 + int(dk)%640, DV: 1 + int(dv)%640,
		QLen: int(qLen) % 200, KVLen: int(kvLen) % 2600,
		K: Store{Format: formats[int(formatK)%len(formats)].String(), Rotate: has(RotateK), Center: has(CenterK)},
		V: Store{Format: formats[int(formatV)%len(formats)].String(), Rotate: has(RotateV), Center: has(CenterV)},
		Q: attention.QMode(pick(QBit0, 4)), P: attention.PMode(pick(PBit0, 4) % 3),
		SinkTokens: []int{0, 1, 4, attention.Tile}[pick(SinkBit0, 4)],
		Causal:     has(CausalFlag), ALiBi: has(ALiBiFlag), Sinks: has(SinksFlag),
		Mask: MaskKind(pick(MaskBit0, 8)) % numMasks, Bias: BiasKind(pick(BiasBit0, 4)) % numBiases,
		Chunk: int(chunk), Workers: []int{1, 2, 3, 7}[pick(WorkerBit0, 4)],
		Data: Family(family) % NumFamilies, Seed: seed, Raw: raw,
	}
	c.Heads = c.KVHeads * (1 + int(group)%9)
	if m := pick(ModeBit0, 32); m > 0 {
		c.P = attention.PMode(m % (1 + len(attention.PModes())))
	}
	c.Correction, c.Certify = attention.CorrectionMode(pick(CorrectionBit0, 8)%5), has(CertifyFlag)
	c.K.Own, c.V.Own = has(OwnKFlag) && has(CenterK), has(OwnVFlag) && has(CenterV)
	sizes := c.rand(streamMean)
	if has(MeanKFlag) {
		c.K.Mean = meanSizes[sizes.IntN(len(meanSizes))]
	}
	if has(MeanVFlag) {
		c.V.Mean = meanSizes[sizes.IntN(len(meanSizes))]
	}
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
	flags := uint64(uint32(r.Uint64())&uint32(r.Uint64())) % ModeBit0 // a quarter of the features
	modes := rand.New(rand.NewPCG(seed, streamModes))
	if modes.IntN(2) == 0 {
		flags |= ModeBit0 * uint64(1+modes.IntN(len(attention.PModes())))
	}
	flags |= CorrectionBit0 * uint64(modes.IntN(5))
	if modes.IntN(2) == 0 {
		flags |= CertifyFlag // where the mode has certificates
	}
	flags |= uint64(modes.IntN(4)*modes.IntN(2))*MeanKFlag | uint64(modes.IntN(4)*modes.IntN(2))*OwnKFlag
	return FromArgs(uint8(r.IntN(5)), uint8(r.IntN(3)), dk, dv, qLen, kvLen, uint8(r.IntN(256)), uint8(r.IntN(256)), flags,
		uint8(r.IntN(int(NumFamilies))), []uint8{0, 1, 7, 64, 100}[r.IntN(5)], seed, nil)
}

// clamp makes sizes affordable and modes consistent.
func (c Case) clamp(r *rand.Rand, window, offset bool) Case {
	d := c.DK + c.DV
	c.KVLen = min(c.KVLen, maxStored/(d*c.KVHeads))
	c.QLen = min(c.QLen, max(1, maxProducts/(c.Heads*d*max(1, c.KVLen, d/4)))) // the reference rotates in d² steps
	if c.Q == attention.QInt8 && !c.K.integer() || c.Q == attention.QBF16 && !c.K.fp8() && c.K.Format != "bf16" {
		c.Q -= attention.QInt8
	}
	if !c.static() {
		c.Correction = attention.CorrectNone
	}
	if c.Correction == attention.CorrectExact && c.V.Mean == 0 {
		c.V.Center = true
	}
	c.Certify = c.Certify && c.certifiable()
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

// anyChunks reports whether what is stored does not depend on Chunk.
func (c Case) anyChunks() bool { return !c.K.Own && !c.V.Own }

// static reports whether P rounds normalised probabilities.
func (c Case) static() bool { return c.P == attention.PStaticU8 || c.P == attention.PStaticU4 }

// certifiable reports whether P has certificates.
func (c Case) certifiable() bool {
	switch c.P {
	case attention.PAuto, attention.PF32:
		return true
	case attention.PU4, attention.PU8, attention.PU16:
		return c.V.integer()
	case attention.PBF16:
		return c.V.fp8()
	}
	return false
}

// Beta is the offset of the static correction: a share of the mass per key that depends
// on the head and on the length of the row.
func Beta(h, n int) float64 { return (0.2 + 0.1*float64(h%3)) / float64(n) }

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
	streamModes
	streamMean
	streamMeanK
	streamMeanV
)

func (c Case) rand(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(c.Seed, stream)) }

// Config is the configuration of the case.
func (c Case) Config() attention.Config {
	cfg := attention.Config{
		QHeads: c.Heads, KVHeads: c.KVHeads, DK: c.DK, DV: c.DV, Q: c.Q, P: c.P,
		K: c.K.codec(c.rand(streamMeanK), c.KVHeads*c.DK), V: c.V.codec(c.rand(streamMeanV), c.KVHeads*c.DV),
		Scale: c.Scale, Softcap: c.Softcap, Causal: c.Causal, Window: c.Window, SinkTokens: c.SinkTokens, Certify: c.Certify,
		Correction: attention.Correction{Mode: c.Correction},
	}
	if c.Correction == attention.CorrectStatic {
		cfg.Correction.Beta = Beta
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
