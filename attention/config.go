package attention

import (
	"math"
	"slices"

	"github.com/qattn/qattn/quant"
)

// Limits of a Config.
const (
	MaxDim   = quant.MaxDim // head dimensions
	MaxHeads = 1 << 16
	Tile     = 64 // tokens per page
)

// Config describes one class of attention layers. The zero value of every optional
// field means "plain": no cap, no window, float32 storage.
type Config struct {
	QHeads, KVHeads int // KVHeads divides QHeads; query head h reads KV head h/(QHeads/KVHeads)
	DK, DV          int // channels of keys and of values, 1..MaxDim

	K, V Codec // storage of keys and of values, independent of each other
	Q    QMode // arithmetic of QKᵀ
	P    PMode // representation of the weights in PV
	// Correction gives back the mass that normalised quantized weights lose.
	Correction Correction

	Scale   float32 // factor on q·k; 0 means 1/√DK
	Softcap float32 // c > 0: scores become c·tanh(score/c), before bias and masks

	// Causal hides key j from the query at position p unless j ≤ p. Row i of a
	// sequence is at position p = i + KVLen − QLen unless Batch.QOffset says
	// otherwise.
	Causal bool
	// Window, when Limited, hides key j unless p−Left ≤ j ≤ p+Right.
	Window Window
	// ALiBi, one slope per query head or nil, adds −slope·|p−j| to the scores (Press
	// et al. 2022, arXiv 2108.12409).
	ALiBi []float32
	// SinkLogits, one per query head or nil, adds exp(logit) to the softmax
	// denominator, as gpt-oss does. LSE includes it. −Inf switches a head's sink off.
	SinkLogits []float32

	// SinkTokens keeps the first tokens of every sequence in binary16, 0..Tile:
	// attention sinks carry mass that a centred or few-bit code would distort. One
	// head's binary16 rows must fit a page: NewPlan says so when they do not.
	SinkTokens int
	// Certify keeps six numbers, 12 bytes, per token, head and side about the error of
	// quantization, so that IO.ErrEst and IO.ErrBound can be asked for. They are stored in
	// Pages.Records. P must be PF32, or one of PU4, PU8, PU16 over values in an Int8Format, or
	// PBF16 over FP8 values.
	Certify bool
	// NonFinite says what Append does with NaN and infinities.
	NonFinite NonFinitePolicy
}

// Codec says how one side is stored.
type Codec struct {
	Format quant.Format // nil means quant.F32
	// Rotate applies the Hadamard rotation to every row. Rotated keys meet rotated
	// queries; the rotation of values is undone on the output.
	Rotate bool
	// Center subtracts the mean of the previous tile's stored rows, kept in binary16
	// with the page. The centred part re-enters exactly: q·μ in the scores, (Σp)·μ in
	// the output, so the error of quantized weights never multiplies the mean.
	Center bool
	// OwnCenter, with Center, takes the mean of the tile's own rows where one Append brings
	// the whole tile, as a prefill does, and that of the previous tile elsewhere. It helps the
	// first tile most. A token's stored bytes then depend on later tokens of its tile and on
	// how the sequence was cut into appends: chunk invariance, the prefix property and
	// Truncate's promise do not hold.
	OwnCenter bool
	// Mean, [KVHeads][D] or nil, is subtracted from every row before quantization, sink
	// tokens excepted, and put back exactly like a centre: a calibrated channel mean. For
	// keys this is the smoothing of SageAttention (Zhang et al. 2024, arXiv 2410.02367),
	// with the logits and the LSE left as they were. It also serves the first tile, which
	// Center leaves alone.
	Mean []float32
}

// Window limits the distance between query and key. The zero value is unlimited; a
// negative Left or Right leaves that side open. A "sliding window of W tokens" that
// counts the query's own is SlidingWindow(W−1, 0).
type Window struct {
	Limited     bool
	Left, Right int
}

// SlidingWindow returns a limited window: p−left ≤ j ≤ p+right.
func SlidingWindow(left, right int) Window { return Window{true, left, right} }

// QMode is the arithmetic of the scores.
type QMode uint8

const (
	QAuto QMode = iota // QInt8 where the key format allows it, QBF16 over FP8, else QF32
	QF32               // float32 queries, keys read in place or expanded to float32
	QInt8              // queries quantized per row to int8, exact integer dot products
	// QBF16 rounds queries to bfloat16, to nearest even, over keys in a BF16Format: where the
	// CPU multiplies bfloat16 pairs, scores take half the instructions of QF32. Over keys in
	// bfloat16, QF32 does as well for every query row that bfloat16 holds.
	QBF16
)

// String returns "auto", "f32", "int8" or "bf16".
func (m QMode) String() string { return name(m, "auto", "f32", "int8", "bf16") }

func name[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "invalid"
}

// NonFinitePolicy is the treatment of NaN and infinities in appended rows.
type NonFinitePolicy uint8

const (
	// Propagate stores them; exactly the query rows that can see such a token become
	// NaN. In formats with scales the whole token reads as NaN; in unscaled formats IEEE
	// arithmetic decides; static FP8 scales saturate infinities.
	Propagate NonFinitePolicy = iota
	// Reject makes Append return ErrNonFinite and store nothing.
	Reject
)

// normalize fills defaults and checks every field.
func (c *Config) normalize() error {
	if err := c.checkDims(); err != nil {
		return err
	}
	if c.Scale == 0 {
		c.Scale = float32(1 / math.Sqrt(float64(c.DK)))
	}
	for _, step := range []func() error{
		func() error { return c.K.normalize("Config.K", c.KVHeads, c.DK) },
		func() error { return c.V.normalize("Config.V", c.KVHeads, c.DV) },
		c.checkScores, c.checkTokens, c.resolve,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkDims() error {
	for _, f := range []struct {
		name string
		v    int
		max  int
	}{
		{"Config.QHeads", c.QHeads, MaxHeads}, {"Config.KVHeads", c.KVHeads, MaxHeads},
		{"Config.DK", c.DK, MaxDim}, {"Config.DV", c.DV, MaxDim},
	} {
		if f.v < 1 || f.v > f.max {
			return fieldErr(ErrConfig, f.name, "%d is outside 1..%d", f.v, f.max)
		}
	}
	if c.QHeads%c.KVHeads != 0 {
		return fieldErr(ErrConfig, "Config.KVHeads", "%d does not divide QHeads = %d", c.KVHeads, c.QHeads)
	}
	return nil
}

// normalize validates the codec of a side of d channels and copies its mean.
func (k *Codec) normalize(field string, heads, d int) error {
	if k.Format == nil {
		k.Format = quant.F32
	}
	if k.OwnCenter && !k.Center {
		return fieldErr(ErrConfig, field+".OwnCenter", "set without Center")
	}
	if k.Mean == nil {
		return nil
	}
	if len(k.Mean) != heads*d {
		return fieldErr(ErrConfig, field+".Mean", "length %d, want KVHeads·D = %d·%d", len(k.Mean), heads, d)
	}
	for i, x := range k.Mean {
		if !finite(x) {
			return fieldErr(ErrConfig, field+".Mean", "element %d is %v", i, x)
		}
	}
	k.Mean = slices.Clone(k.Mean)
	return nil
}

// checkScores validates what acts on scores and copies what is per head.
func (c *Config) checkScores() error {
	if !finite(c.Scale * log2e) {
		return fieldErr(ErrConfig, "Config.Scale", "%v or its base-2 form is not finite", c.Scale)
	}
	if !finite(c.Softcap) || c.Softcap < 0 {
		return fieldErr(ErrConfig, "Config.Softcap", "%v, want a finite value ≥ 0", c.Softcap)
	}
	for _, f := range []struct {
		name string
		v    *[]float32
	}{{"Config.ALiBi", &c.ALiBi}, {"Config.SinkLogits", &c.SinkLogits}} {
		if *f.v != nil && len(*f.v) != c.QHeads {
			return fieldErr(ErrConfig, f.name, "length %d, want QHeads = %d", len(*f.v), c.QHeads)
		}
		*f.v = slices.Clone(*f.v)
	}
	for h, s := range c.SinkLogits {
		if !finite(s*log2e) && s != negInf {
			return fieldErr(ErrConfig, "Config.SinkLogits", "logit %d is %v, want a finite base-2 form or −Inf", h, s)
		}
	}
	for h, s := range c.ALiBi {
		if !finite(s) {
			return fieldErr(ErrConfig, "Config.ALiBi", "slope %d is %v", h, s)
		}
	}
	return nil
}

// checkTokens validates what chooses tokens.
func (c *Config) checkTokens() error {
	if c.SinkTokens < 0 || c.SinkTokens > Tile {
		return fieldErr(ErrConfig, "Config.SinkTokens", "%d is outside 0..%d", c.SinkTokens, Tile)
	}
	if c.NonFinite > Reject {
		return fieldErr(ErrConfig, "Config.NonFinite", "unknown policy %d", c.NonFinite)
	}
	if w := c.Window; !w.Limited && (w.Left != 0 || w.Right != 0) {
		return fieldErr(ErrConfig, "Config.Window", "Left or Right set without Limited; use SlidingWindow(%d, %d)", w.Left, w.Right)
	}
	return nil
}

// resolve replaces the automatic modes and rejects modes the formats cannot serve.
func (c *Config) resolve() error {
	_, intK := c.K.Format.(quant.Int8Format)
	_, intV := c.V.Format.(quant.Int8Format)
	pairK, isPairK := c.K.Format.(quant.BF16Format)
	pairV, isPairV := c.V.Format.(quant.BF16Format)
	switch {
	case c.Q == QAuto && intK:
		c.Q = QInt8
	case c.Q == QAuto && isPairK && pairK.Coarse():
		c.Q = QBF16
	case c.Q == QAuto:
		c.Q = QF32
	case c.Q == QInt8 && !intK:
		return fieldErr(ErrUnsupported, "Config.Q", "int8 queries need keys in int8, int4, nf4 or nf4-dq, not %s", c.K.Format)
	case c.Q == QBF16 && !isPairK:
		return fieldErr(ErrUnsupported, "Config.Q", "bfloat16 queries need keys in bf16, e4m3 or e5m2, not %s", c.K.Format)
	case c.Q > QBF16:
		return fieldErr(ErrConfig, "Config.Q", "unknown mode %d", c.Q)
	}
	switch {
	case int(c.P) >= len(probabilities):
		return fieldErr(ErrConfig, "Config.P", "unknown mode %d", c.P)
	case c.P == PAuto && intV:
		c.P = PU8
	case c.P == PAuto && isPairV && pairV.Coarse():
		c.P = PBF16
	case c.P == PAuto:
		c.P = PF32
	}
	_, inPlaceV := c.V.Format.(quant.InPlaceFormat)
	if c.Certify && c.P != PF32 && !(intV && (c.P == PU4 || c.P == PU8 || c.P == PU16)) && !(isPairV && !inPlaceV && c.P == PBF16) {
		return fieldErr(ErrUnsupported, "Config.Certify", "no certificate for %s weights over %s values", c.P, c.V.Format)
	}
	return c.Correction.check(c)
}

// finite looks at the exponent bits: x−x would be fused with a product in x on some
// machines.
func finite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }
