package attention

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// Plan is the immutable result of validating a Config: the page layout and the
// kernels. All methods may be called from any number of goroutines.
type Plan struct {
	cfg    Config
	opt    options
	ks     *asm.Set
	geo    geometry
	layout Layout

	group              int // query heads per KV head
	tokens             int // query tokens of a row block
	rows               int // rows of a row block: tokens·group
	heads              int // the most KV heads whose rows of one token make up a block
	strip              int // the most rows of a kernel call
	intK               quant.Int8Format
	inPlaceI8          quant.ScoresInt8Format // intK, when kernels read its keys as they are stored
	rowsI8             int                    // the most rows it is done for; more share one expansion
	intV               quant.Int8Format
	inPlaceFold        quant.FoldInt8Format  // intV, when kernels read the values of few rows as they are stored
	foldRows           int                   // the most rows it is done for; more share one expansion
	storedAhead        quant.AheadInt8Format // non-nil where repeated calls weigh a tile among the scores of the next, both as they are stored
	inPlaceK, inPlaceV quant.InPlaceFormat   // non-nil when kernels can read this side as it is stored
	rowsK, rowsV       int                   // the most rows it is done for; more share one expansion
	pairK              quant.BF16Format      // non-nil when score kernels multiply its codes as bfloat16
	roundV             quant.BF16Format      // of mode PBF16: scales fold into the weights before they are rounded
	pairV              bool                  // roundV is summed by kernels that multiply bfloat16
	prob               *probability
	scores, values     stage
	wholeAhead         bool // tiles out of memory are fetched a whole tile ahead
	meanK, meanV       means

	certScale, certScale2 float64 // |scale| and its square over DK, of a certified plan

	shaped  bool    // scores pass through softcap or ALiBi in natural units
	scale   float32 // factor on q·k, log2(e) included unless shaped
	scratch scratchLayout
	labels  *labels
}

type options struct {
	tier    asm.Tier
	runner  Runner
	workers int // what the runner said when the plan was made
	require []Capability
	labels  bool
}

// Option changes how a plan runs, never what it computes beyond the kernels' bounds.
type Option func(*options) error

// WithTier lowers the CPU tier the plan may use: "generic", "avx2", … (asm.TierNames).
// The environment variable QATTN_CPU does the same for a whole process.
func WithTier(name string) Option {
	return func(o *options) error {
		t, err := asm.ParseTier(name)
		if err != nil {
			return fieldErr(ErrConfig, "WithTier", "%v", err)
		}
		if t&^asm.Available() != 0 {
			return fieldErr(ErrUnsupported, "WithTier", "this process has %s, not %s", asm.Available(), name)
		}
		o.tier = t
		return nil
	}
}

// WithRunner makes Run spread its units with r. The default is Serial.
func WithRunner(r Runner) Option {
	return func(o *options) error {
		if r == nil {
			return fieldErr(ErrConfig, "WithRunner", "nil runner")
		}
		o.runner, o.workers = r, r.Workers()
		if o.workers < 1 || o.workers > maxWorkers {
			return fieldErr(ErrConfig, "WithRunner", "%d workers, outside 1..%d", o.workers, maxWorkers)
		}
		return nil
	}
}

// WithLabels sets pprof labels while units run, without allocating: attn_k and attn_v
// name the formats, attn_phase is "decode" (one query row per sequence), "prefill"
// (any other batch) or "merge". The labels of Run's context are restored after each
// unit.
func WithLabels() Option {
	return func(o *options) error { o.labels = true; return nil }
}

// Capability is a property a caller can insist on.
type Capability uint8

const (
	IntegerQK  Capability = iota // int8 × int8 scores, not keys expanded to float
	IntegerPV                    // u8 × int8 weighted sums
	Vectorized                   // assembly QK and PV kernels, not the pure-Go path
)

// String returns the constant's name.
func (c Capability) String() string { return name(c, "IntegerQK", "IntegerPV", "Vectorized") }

// WithRequire makes NewPlan fail with ErrUnsupported instead of choosing a path
// without the capabilities.
func WithRequire(c ...Capability) Option {
	return func(o *options) error { o.require = append(o.require, c...); return nil }
}

// NewPlan validates c and selects kernels. It copies what it keeps.
func NewPlan(c Config, opts ...Option) (*Plan, error) {
	if err := c.normalize(); err != nil {
		return nil, err
	}
	p := &Plan{cfg: c, opt: options{runner: Serial, workers: 1, tier: asm.Available()}}
	for _, o := range opts {
		if o == nil {
			return nil, fieldErr(ErrConfig, "Option", "nil option")
		}
		if err := o(&p.opt); err != nil {
			return nil, err
		}
	}
	var err error
	if p.geo, err = newGeometry(&p.cfg); err != nil {
		return nil, err
	}
	p.layout = Layout{PageBytes: p.geo.pageBytes, RecordBytes: p.geo.recordBytes, Tile: Tile, SinkPages: p.geo.sinkPages, ID: p.geo.id()}
	p.ks = asm.Select(p.opt.tier)
	if c.Q == QInt8 {
		p.intK = c.K.Format.(quant.Int8Format)
		if f, ok := p.intK.(quant.ScoresInt8Format); ok && (assembly(p.ks.Name(f.ScoresFamily())) || !assembly(p.ks.Name("QKScaleI8"))) {
			p.inPlaceI8 = f
		}
		if p.rowsI8 = math.MaxInt; p.ks.Used("QKScaleI8")&asm.VNNI != 0 && p.inPlaceI8 != nil {
			p.rowsI8 = storedRows(p.inPlaceI8.ScoresFamily()) // products of bytes are as fast as those of nibbles, without multipliers
		}
	}
	p.prob = probabilities[c.P]
	if p.prob.codes != nil {
		p.intV, _ = c.V.Format.(quant.Int8Format)
		if f, ok := p.intV.(quant.FoldInt8Format); ok && p.prob.planes == 1 && assembly(p.ks.Name(f.FoldFamily())) {
			p.inPlaceFold, p.foldRows = f, storedRows(f.FoldFamily())
		}
	}
	p.storedAhead = p.chooseAhead()
	if p.intK == nil {
		p.inPlaceK, _ = c.K.Format.(quant.InPlaceFormat)
	}
	if p.intV == nil {
		p.inPlaceV, _ = c.V.Format.(quant.InPlaceFormat)
	}
	p.rowsK, p.rowsV = p.inPlaceRows(p.inPlaceK), p.inPlaceRows(p.inPlaceV)
	p.choosePairs()
	p.wholeAhead = p.geo.k.size+p.geo.v.size <= smallTile || p.pairK != nil && p.pairV && p.geo.k.size+p.geo.v.size <= 2*smallTile
	p.scores, p.values = p.chooseScores(), p.chooseValues()
	if p.meanK, err = newMeans(p.ks, "Config.K.Mean", c.K, c.DK); err != nil {
		return nil, err
	}
	if p.meanV, err = newMeans(p.ks, "Config.V.Mean", c.V, c.DV); err != nil {
		return nil, err
	}
	p.group = c.QHeads / c.KVHeads
	p.tokens = max(1, rowBlock/p.group)
	p.rows = p.tokens * p.group
	p.heads = min(p.tokens, c.KVHeads)
	if p.strip = strip; max(c.DK, c.DV) > 512 {
		p.strip /= 2
	}
	p.shaped = c.Softcap > 0 || c.ALiBi != nil
	p.scale = p.cfg.Scale * log2e
	p.certScale = math.Abs(float64(p.cfg.Scale))
	p.certScale2 = p.certScale * p.certScale / float64(c.DK)
	if p.scratch, err = newScratchLayout(p); err != nil {
		return nil, err
	}
	if p.opt.labels {
		p.labels = newLabels(&p.cfg)
	}
	if err := p.checkRequired(); err != nil {
		return nil, err
	}
	return p, nil
}

// storedRows is the largest number of rows for which turning codes into int8 where they are
// multiplied beats expanding them once. Kernels do it again for every four rows, QKScaleN4 for
// every eight. A family that is not here does it for a strip.
func storedRows(family string) int {
	if n, ok := mostStored[family]; ok {
		return n
	}
	return strip
}

var mostStored = map[string]int{"PVFoldI4": 8, "PVFoldN4": 4, "PVFoldB4": 4}

// inPlaceRows is the largest number of rows for which tiles are read as they are stored.
// Beyond it one expansion of a tile costs less than widening it again and again, with the
// same bits. Float32 has nothing to widen, and AVX-512 kernels widen at no cost that shows.
func (p *Plan) inPlaceRows(f quant.InPlaceFormat) int {
	if f == nil || f == quant.F32 || p.ks.Used("QK"+f.Family(), "PV"+f.Family())&asm.AVX512 != 0 {
		return math.MaxInt
	}
	return strip
}

// choosePairs decides which sides meet bfloat16. Formats that are read in place have no
// scales: where their kernels do not multiply bfloat16, rounded weights take those of float32.
func (p *Plan) choosePairs() {
	pairs := p.ks.MultipliesBF16()
	if f, ok := p.cfg.K.Format.(quant.BF16Format); ok && pairs && (p.cfg.Q == QBF16 || p.inPlaceK != nil) {
		p.pairK = f
	}
	if f, ok := p.cfg.V.Format.(quant.BF16Format); ok && p.cfg.P == PBF16 && (pairs || p.inPlaceV == nil) {
		p.roundV, p.pairV = f, pairs
	}
}

const (
	log2e = math.Log2E
	ln2   = math.Ln2

	// rowBlock is the number of query rows that share one expansion of a tile.
	rowBlock = 64

	// smallTile is a size of the blocks of a tile: it takes memory as long to answer as to
	// deliver as much, and one thread may wait for about as much at a time. Products of
	// pairs, which look codes up, leave time for twice as much.
	smallTile = 10 << 10

	// strip is the largest number of rows of one kernel call at up to 512 channels, half
	// of it beyond: assembly cannot be preempted, so a call must stay short.
	strip = 16
)

func (p *Plan) checkRequired() error {
	for _, c := range p.opt.require {
		ok := false
		switch c {
		case IntegerQK:
			ok = p.cfg.Q == QInt8
		case IntegerPV:
			ok = p.intV != nil
		case Vectorized:
			ok = assembly(p.ks.Name(p.qkFamily())) && assembly(p.ks.Name(p.pvFamily()))
		}
		if !ok {
			return fieldErr(ErrUnsupported, "WithRequire", "%s is not available: %s", c, p.Explain())
		}
	}
	return nil
}

// assembly tells a kernel's name from that of a pure-Go one, and from none.
func assembly(name string) bool { return name != "" && !strings.HasSuffix(name, "_generic") }

// Config returns the configuration with defaults and automatic modes filled in.
func (p *Plan) Config() Config {
	c := p.cfg
	c.ALiBi = append([]float32(nil), c.ALiBi...)
	c.SinkLogits = append([]float32(nil), c.SinkLogits...)
	c.K.Mean, c.V.Mean = slices.Clone(c.K.Mean), slices.Clone(c.V.Mean)
	return c
}

// Layout describes the pages.
func (p *Plan) Layout() Layout { return p.layout }

func (p *Plan) qkFamily() string {
	switch {
	case p.inPlaceI8 != nil:
		return p.inPlaceI8.ScoresFamily()
	case p.intK != nil:
		return "QKScaleI8"
	case p.pairK != nil && p.cfg.Q == QBF16:
		return "QKPair" + p.pairK.PairFamily()
	case p.inPlaceK != nil:
		return "QK" + p.inPlaceK.Family()
	}
	return "QKF32"
}

func (p *Plan) smFamily() string {
	switch {
	case p.intV != nil:
		return p.prob.family
	case p.pairV:
		return "AdvanceBF16"
	}
	return p.prob.floatFamily
}

func (p *Plan) pvFamily() string {
	switch {
	case p.intV != nil:
		return "PVFoldI8"
	case p.pairV:
		return "PVPair" + p.roundV.PairFamily()
	case p.roundV != nil:
		return "PVF32"
	case p.inPlaceV != nil:
		return "PV" + p.inPlaceV.Family()
	}
	return "PVF32"
}

// Explanation says what a plan runs.
type Explanation struct {
	Tier         string   // CPU tier of the score and value kernels
	QK, SM, PV   string   // kernel of each stage, as profiles show it
	BitsK, BitsV float64  // stored bits per element of a full tile: codes, scales, centre, tile header, records of certificates
	Notes        []string // what a reader might not expect, such as expansion to float32
}

// Explain reports the selected kernels, the storage cost and every detour.
func (p *Plan) Explain() Explanation {
	e := Explanation{
		Tier: p.ks.Used(p.qkFamily(), p.pvFamily()).String(), QK: p.ks.Name(p.qkFamily()), PV: p.ks.Name(p.pvFamily()), SM: p.ks.Name(p.smFamily()),
		BitsK: 8 * float64(p.geo.k.size+p.records()) / float64(Tile*p.cfg.DK),
		BitsV: 8 * float64(p.geo.v.size+p.records()) / float64(Tile*p.cfg.DV),
	}
	if e.SM == "" {
		e.SM = "Go"
		e.Notes = append(e.Notes, fmt.Sprintf("weights are computed in Go: %s has no kernel", p.cfg.P))
	}
	if p.prob.prepare != nil {
		e.Notes = append(e.Notes, "scores are computed more than once: normalised weights need the row's denominator first")
	}
	e.Notes = append(e.Notes, p.weightNotes()...)
	if f, ok := p.intK.(quant.RoundedInt8Format); ok {
		e.Notes = append(e.Notes, fmt.Sprintf("keys in %s are read as int8 codes, rounded", f))
	}
	if f, ok := p.intV.(quant.RoundedInt8Format); ok {
		e.Notes = append(e.Notes, fmt.Sprintf("values in %s are read as int8 codes, rounded", f))
	}
	if p.intK == nil && p.pairK == nil && p.inPlaceK == nil && p.cfg.K.Format != quant.F32 {
		e.Notes = append(e.Notes, fmt.Sprintf("keys are expanded from %s to float32, tile by tile", p.cfg.K.Format))
	}
	if p.intV == nil && !p.pairV && p.inPlaceV == nil && p.cfg.V.Format != quant.F32 {
		e.Notes = append(e.Notes, fmt.Sprintf("values are expanded from %s to float32, tile by tile", p.cfg.V.Format))
	}
	if p.inPlaceI8 != nil && p.rows > p.rowsI8 {
		e.Notes = append(e.Notes, fmt.Sprintf("keys are expanded to int8, tile by tile, where more than %d query rows share them, and run on %s",
			p.rowsI8, p.ks.Name("QKScaleI8")))
	}
	if p.inPlaceFold != nil {
		e.Notes = append(e.Notes, fmt.Sprintf("values under up to %d query rows run on %s as they are stored", p.foldRows, p.ks.Name(p.inPlaceFold.FoldFamily())))
	}
	if p.pairK != nil && p.cfg.Q != QBF16 {
		e.Notes = append(e.Notes, fmt.Sprintf("query rows that bfloat16 holds run on %s", p.ks.Name("QKPair"+p.pairK.PairFamily())))
	}
	if p.cfg.Q != QBF16 || p.pairK == nil {
		e.Notes = append(e.Notes, p.inPlaceNote("keys", p.inPlaceK, p.rowsK)...)
	}
	if p.roundV == nil {
		e.Notes = append(e.Notes, p.inPlaceNote("values", p.inPlaceV, p.rowsV)...)
	}
	if p.cfg.Q == QInt8 && p.cfg.DK%4 != 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("keys are padded from %d to %d channels", p.cfg.DK, (p.cfg.DK+3)&^3))
	}
	if !assembly(e.QK) || !assembly(e.PV) {
		e.Notes = append(e.Notes, "pure-Go kernels: this build or machine has no assembly for them, or the tier is forced")
	}
	if p.tapes() != nil {
		e.Notes = append(e.Notes, fmt.Sprintf("kernel calls of tiles that all query rows see are recorded and repeated by replay_avx512, where there are %d or more and a recorder holds them", repeatFrom))
		if family := p.aheadFamily(); family != "" {
			near := ""
			if p.storedAhead != nil {
				near = "; those of batches beyond the caches do not"
			}
			e.Notes = append(e.Notes, fmt.Sprintf("repeated tiles under %d query rows run on %s, softmax and the scores of the next tile in one%s", aheadRows, p.ks.Name(family), near))
		}
	}
	if p.shaped {
		e.Notes = append(e.Notes, "soft-cap and ALiBi are applied in Go, between the kernels")
	}
	if p.cfg.K.Center {
		e.Notes = append(e.Notes, "the centre term q·μ is summed once per row and tile")
	}
	if n := p.geo.sinkPages; n > 0 {
		e.Notes = append(e.Notes, fmt.Sprintf("the first %d tokens of a sequence are kept in binary16 on %d page(s) and run in float32", p.cfg.SinkTokens, n))
	}
	return e
}

// weightNotes says how weights of modes other than float32 are rounded and summed over
// values that are not integers.
func (p *Plan) weightNotes() []string {
	switch {
	case p.intV != nil || p.cfg.P == PF32 || p.pairV:
		return nil
	case p.cfg.P == PBF16 || p.prob.floatFamily == "SoftmaxLogF32":
		return []string{fmt.Sprintf("%s weights are summed in float32", p.cfg.P)}
	}
	return []string{fmt.Sprintf("%s weights are rounded in Go, then summed in float32", p.cfg.P)}
}

// inPlaceNote says what becomes of a side that is read as it is stored for up to rows
// query rows.
func (p *Plan) inPlaceNote(side string, f quant.InPlaceFormat, rows int) []string {
	if f == nil || p.rows <= rows {
		return nil
	}
	return []string{fmt.Sprintf("%s are expanded from %s to float32, tile by tile, where more than %d query rows share them", side, f, rows)}
}

// String prints the explanation on a few lines.
func (e Explanation) String() string {
	s := fmt.Sprintf("tier %s: scores %s, softmax %s, values %s; %.2f bits per key element, %.2f per value element",
		e.Tier, e.QK, e.SM, e.PV, e.BitsK, e.BitsV)
	for _, n := range e.Notes {
		s += "\n  note: " + n
	}
	return s
}
