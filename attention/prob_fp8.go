package attention

import (
	"math"

	"github.com/qattn/qattn/fp8"
)

func roundE4M3(x float32) float32 { return fp8.E4M3FromFloat32(x).Float32() }
func roundE5M2(x float32) float32 { return fp8.E5M2FromFloat32(x).Float32() }

// fp8Weights is the mode of weights times top rounded to an 8-bit float, against the
// running maximum of the split. What is far below it becomes subnormal and then zero, as
// on hardware that sees the tiles in the same order.
func fp8Weights(name string, round func(float32) float32, top float32) *probability {
	unit := unitOf(top)
	return &probability{name: name, floatFamily: "SoftmaxF32", weigh: func(b *block, n int) {
		weighExp(b, n)
		for r := range b.rows {
			st, running := &b.w.stat[r], b.w.split.m[r]
			if !(st.M > negInf) {
				continue
			}
			down := float32(1) // from the tile's maximum to the running one
			if running > st.M {
				down = float32(math.Exp2(float64(st.M - running)))
				st.M, st.L = running, float32(st.L*down)
			}
			st.Beta = unit / top
			w := b.w.y[r*Tile:][:n]
			for j, x := range w {
				w[j] = round(float32(x*down)*top) / unit
			}
		}
	}}
}
