package calib

import (
	"fmt"
	"math"
	"math/bits"
	"sync"
)

// ProbGrid is a uniform quantizer of softmax probabilities with a fixed range:
//
//	q = clip(RNE(p/Scale) + Zero, 0, 2^Bits−1),  p̂ = Scale·(q − Zero)
//
// in float64.
type ProbGrid struct {
	Bits  int     `json:"bits"` // 2..16
	Scale float64 `json:"scale"`
	Zero  int     `json:"zero"` // a code
}

// Prob8 is the usual grid: k/255.
var Prob8 = ProbGrid{Bits: 8, Scale: 1.0 / 255}

// Code quantizes p. NaN becomes Zero.
func (g ProbGrid) Code(p float64) int {
	if p != p {
		return g.Zero
	}
	q := math.RoundToEven(p/g.Scale) + float64(g.Zero)
	return int(min(max(q, 0), float64(int(1)<<g.Bits-1)))
}

func (g ProbGrid) check(path string) error {
	if g.Bits < 2 || g.Bits > 16 {
		return fieldErr(path+".bits", "%d is outside 2..16", g.Bits)
	}
	if !positive(g.Scale) {
		return fieldErr(path+".scale", "%v, want a positive finite value", g.Scale)
	}
	if g.Zero < 0 || g.Zero >= 1<<g.Bits {
		return fieldErr(path+".zero", "%d is no code of %d bits", g.Zero, g.Bits)
	}
	return nil
}

// biasBuckets is the number of row lengths told apart: bucket k holds 2^k ≤ n < 2^(k+1).
const biasBuckets = 32

// BiasCalibrator measures how much probability mass quantization of softmax outputs
// loses (Pandey et al., "Softmax Bias Correction for Quantized Generative Models", arXiv
// 2309.01729). A row of softmax sums to 1 by definition, so sums of codes are all it
// needs. Observe is safe for concurrent use; the other methods must not run beside it.
type BiasCalibrator struct {
	axes  Axes
	grid  ProbGrid
	mu    sync.Mutex // guards cells
	cells map[Site]*[biasBuckets]biasCell
}

// biasCell sums over rows; integers, so that order does not matter.
type biasCell struct{ rows, codes, keys int64 }

// NewBiasCalibrator returns a calibrator for probabilities on grid that keeps axes
// apart: none gives the per-tensor correction, ByHead|ByStep one per head and denoising
// step.
func NewBiasCalibrator(axes Axes, grid ProbGrid) *BiasCalibrator {
	return &BiasCalibrator{axes: axes, grid: grid, cells: map[Site]*[biasBuckets]biasCell{}}
}

// Observe takes in one row: the sum of its codes and the number n of its visible keys.
// Hidden keys count in neither. The tensor of site is ignored, and so are rows with n < 1
// or n ≥ 2³².
func (b *BiasCalibrator) Observe(site Site, codesSum int64, n int) {
	k := bucket(n)
	if k < 0 || k >= biasBuckets {
		return
	}
	site.Tensor = Probs
	site = b.axes.Pool(site)
	b.mu.Lock()
	defer b.mu.Unlock()
	cells := b.cells[site]
	if cells == nil {
		cells = new([biasBuckets]biasCell)
		b.cells[site] = cells
	}
	cells[k].add(biasCell{1, codesSum, int64(n)})
}

// ObserveRow quantizes the probabilities of one row, visible keys only, and takes in the
// sum. It does nothing at sites of other tensors, so HookFunc(b.ObserveRow) is a Hook.
func (b *BiasCalibrator) ObserveRow(site Site, p []float32) {
	if site.Tensor != Probs {
		return
	}
	var sum int64
	for _, v := range p {
		sum += int64(b.grid.Code(float64(v)))
	}
	b.Observe(site, sum, len(p))
}

// Merge takes in what o has observed with the same parameters.
func (b *BiasCalibrator) Merge(o *BiasCalibrator) error {
	if b.axes != o.axes || b.grid != o.grid || b == o {
		return mergeErr(b, o)
	}
	for site, from := range o.cells {
		to := b.cells[site]
		if to == nil {
			to = new([biasBuckets]biasCell)
			b.cells[site] = to
		}
		for k := range from {
			to[k].add(from[k])
		}
	}
	return nil
}

func (c *biasCell) add(o biasCell) {
	c.rows += o.rows
	c.codes += o.codes
	c.keys += o.keys
}

// Table returns the correction. A bucket without rows takes the mass of the nearest
// calibrated bucket of its site, the shorter one of two.
func (b *BiasCalibrator) Table() *BiasTable {
	t := &BiasTable{Axes: b.axes, ProbGrid: b.grid, Mass: map[Site][]float64{}}
	for site, cells := range b.cells {
		mass := make([]float64, biasBuckets)
		last := 0
		for k := range mass {
			c := nearest(cells, k)
			mass[k] = 1 - float64(b.grid.Scale*(float64(c.codes-int64(b.grid.Zero)*c.keys)/float64(c.rows)))
			if cells[k].rows > 0 {
				last = k
			}
		}
		t.Mass[site] = mass[:last+1]
	}
	return t
}

func nearest(cells *[biasBuckets]biasCell, k int) biasCell {
	for d := range biasBuckets {
		for _, at := range []int{k - d, k + d} {
			if at >= 0 && at < biasBuckets && cells[at].rows > 0 {
				return cells[at]
			}
		}
	}
	return biasCell{rows: 1}
}

// bucket returns ⌊log₂ n⌋, −1 for n < 1.
func bucket(n int) int {
	if n < 1 {
		return -1
	}
	return bits.Len(uint(n)) - 1
}

// BiasTable is the softmax bias correction of a model (arXiv 2309.01729). For a row of n
// visible keys it adds a constant to every dequantized probability:
//
//	μ(n) = 1 − E[Σ_j p̂_j],  β = μ(n)/n,  p̂_j + β = Scale·(q_j − z′),  z′ = Zero − β/Scale
//
// averaged over calibration rows of similar length. Because z′ multiplies column sums of
// V only, the correction costs nothing per key:
//
//	O_c = Scale·(Σ_j q_j·v_jc − z′·Σ_j v_jc)
//
// β depends on n through the identity Σ p = 1, so the table keeps the missing mass μ per
// ⌊log₂ n⌋, which serves causal rows of any length.
// Corrections suit probabilities normalised before quantization; weights quantized
// against their own sum have no bias.
type BiasTable struct {
	Axes Axes `json:"axes"`
	ProbGrid
	Mass map[Site][]float64 `json:"mass"` // μ by ⌊log₂ n⌋ of each pooled site; longer rows take the last
}

// Beta returns β for a row of n visible keys: positive where rounding loses mass. Axes
// the table was not calibrated by are ignored. It is 0 for n < 1 and for a site that was
// not calibrated.
func (t *BiasTable) Beta(layer, head, step, n int) float64 {
	mass := t.Mass[t.Axes.Pool(Site{layer, head, step, Probs})]
	if n < 1 || len(mass) == 0 {
		return 0
	}
	return mass[min(bucket(n), len(mass)-1)] / float64(n)
}

// BetaFunc returns Beta of one layer and step, as attention.Correction takes it. It does
// not allocate and may be called from any number of goroutines while t is not changed.
func (t *BiasTable) BetaFunc(layer, step int) func(head, n int) float64 {
	return func(head, n int) float64 { return t.Beta(layer, head, step, n) }
}

// ZeroPoint returns z′, which absorbs beta exactly.
func (t *BiasTable) ZeroPoint(beta float64) float64 { return float64(t.Zero) - beta/t.Scale }

// IntZeroPoint returns RNE(z′) for arithmetic that wants an integer: each element is then
// off by up to Scale/2, which is useless unless |beta| exceeds that.
func (t *BiasTable) IntZeroPoint(beta float64) int { return int(math.RoundToEven(t.ZeroPoint(beta))) }

func (t *BiasTable) check(path string) error {
	if t.Axes&^allAxes != 0 {
		return fieldErr(path+".axes", "unknown axes %d", t.Axes)
	}
	if err := t.ProbGrid.check(path); err != nil {
		return err
	}
	for _, s := range sortedSites(t.Mass) {
		at := fmt.Sprintf("%s.mass[%q]", path, s)
		if err := s.check(at); err != nil {
			return err
		}
		if s.Tensor != Probs || t.Axes.Pool(s) != s {
			return fieldErr(at, "no site of probabilities pooled by %s", t.Axes)
		}
		if n := len(t.Mass[s]); n < 1 || n > biasBuckets {
			return fieldErr(at, "%d buckets, want 1..%d", n, biasBuckets)
		}
		for k, m := range t.Mass[s] {
			if !(math.Abs(m) <= math.MaxFloat64) {
				return fieldErr(at, "bucket %d is %v", k, m)
			}
		}
	}
	return nil
}
