package asm

import (
	"math"
	"math/rand/v2"
)

// kind is a family of test data.
type kind int

const (
	gauss    kind = iota
	wide          // all exponents, subnormals, −0
	extreme       // largest codes and magnitudes, all equal
	special       // gauss with infinities and NaN where the contract allows them
	ties          // few distinct values, half-way cases
	zeros         // mostly zero
	numKinds      // count
)

// gen draws operands. Bytes of raw, the fuzzer's input, are used up first.
type gen struct {
	*rand.Rand
	kind kind
	raw  []byte
	same uint32 // the repeated value of extreme data
}

func newGen(seed uint64, k kind) *gen {
	r := rand.New(rand.NewPCG(seed, uint64(k)))
	return &gen{Rand: r, kind: k, same: r.Uint32()}
}

// next returns a byte from raw or the generator.
func (g *gen) next() byte {
	if len(g.raw) > 0 {
		b := g.raw[0]
		g.raw = g.raw[1:]
		return b
	}
	return byte(g.Uint32())
}

// codes returns n stored bytes.
func (g *gen) codes(n int) []byte {
	b := make([]byte, n)
	edge := [...]byte{0, 255, 127, 128, 1, 129}
	for i := range b {
		switch g.kind {
		case extreme:
			b[i] = edge[g.same%6]
		case ties:
			b[i] = edge[g.IntN(6)]
		case zeros:
			b[i] = 128 * byte(g.IntN(2))
		default:
			b[i] = g.next()
		}
	}
	return b
}

// float returns one number with magnitude below 2^top, finite.
func (g *gen) float(top int) float32 {
	switch g.kind {
	case wide:
		if g.IntN(8) == 0 {
			return float32(math.Copysign(0, float64(g.IntN(2))-1))
		}
		x := math.Ldexp(1+g.Float64(), g.IntN(top+149)-149)
		if g.IntN(2) == 0 {
			x = -x
		}
		return float32(x)
	case extreme:
		x := math.Ldexp(2-0x1p-23, top-1)
		if g.same%2 == 0 {
			x = -x
		}
		return float32(x)
	case ties:
		return float32(g.IntN(9)-4) / 2
	case zeros:
		if g.IntN(10) > 0 {
			return 0
		}
	}
	if len(g.raw) >= 4 {
		bits := uint32(g.next()) | uint32(g.next())<<8 | uint32(g.next())<<16 | uint32(g.next())<<24
		if x := math.Float32frombits(bits); math.Abs(float64(x)) < math.Ldexp(1, top) {
			return x
		}
	}
	return float32(g.NormFloat64())
}

// floats returns n numbers below 2^top; with special data one in 16 is not finite.
func (g *gen) floats(n, top int) []float32 {
	x := g.finite(n, top)
	if g.kind == special {
		for i := range x {
			if g.IntN(16) == 0 {
				x[i] = [...]float32{negInf32, -negInf32, nan32, 0}[g.IntN(4)]
			}
		}
	}
	return x
}

// finite returns n finite numbers below 2^top.
func (g *gen) finite(n, top int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = g.float(top)
	}
	return x
}

// One float32 operation each, computed in float64 and rounded once: a product of two
// float32 is exact in float64, and for sums and quotients 53 ≥ 2·24+2 bits make the
// second rounding harmless. The conversions also keep the compiler from fusing.
func mul(a, b float32) float32 { return float32(float64(a) * float64(b)) }
func add(a, b float32) float32 { return float32(float64(a) + float64(b)) }
func div(a, b float32) float32 { return float32(float64(a) / float64(b)) }

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// ulp is the spacing of float32 numbers at x.
func ulp(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-24, -149))
}

// hint is what a test passes as the tile to come: one byte beside a guard page, since
// kernels must not use it.
func (g *gen) hint() []byte { return g.codes(1) }
