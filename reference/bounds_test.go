package reference

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestQuantizers(t *testing.T) {
	for _, v := range []struct {
		x    float64
		want int8
	}{{0, 0}, {0.5, 0}, {1.5, 2}, {2.5, 2}, {-0.5, 0}, {-1.5, -2}, {126.6, 127}, {1000, 127}, {-1000, -127}} {
		if got := Int8(v.x, 1); got != v.want {
			t.Errorf("Int8(%v) = %d, want %d", v.x, got, v.want)
		}
	}
	if Int8(3, 0) != 0 || Int4(3, 0) != 0 || Int4(9, 1) != 7 || Int4(-9, 1) != -7 || Int4(2.5, 1) != 2 {
		t.Error("limits")
	}
	codes, scale := Int8Row([]float64{-254, 127, 3})
	if scale != 2 || codes[0] != -127 || codes[1] != 64 || codes[2] != 2 {
		t.Errorf("row %v scale %v", codes, scale)
	}
	if codes, scale = Int8Row([]float64{0, 0}); scale != 0 || codes[0] != 0 {
		t.Errorf("zero row %v scale %v", codes, scale)
	}
	for _, v := range []struct {
		x    float64
		want uint8
	}{{0, 0}, {1, 255}, {0.5, 128}, {0.5 / 255, 1}, {0.499 / 255, 0}} {
		if got := P8(v.x); got != v.want {
			t.Errorf("P8(%v) = %d, want %d", v.x, got, v.want)
		}
	}
	for c := range byte(16) {
		if got := NearestNF4(NF4(c)); got != c {
			t.Errorf("NF4 code %d becomes %d", c, got)
		}
	}
}

// No element may be off by more than its bound, and some element must come close.
func TestSteps(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	closest := map[string]float64{}
	check := func(name string, x, got, bound float64) {
		t.Helper()
		if e := math.Abs(x - got); e > bound*(1+1e-12) {
			t.Errorf("%s: %v becomes %v, off by more than %v", name, x, got, bound)
		} else if bound > 0 {
			closest[name] = math.Max(closest[name], e/bound)
		}
	}
	for range 3000 {
		x, scale := 2*rng.Float64()-1, 0.3
		step := scale * 1 / 127
		check("int8", x*scale, float64(Int8(x*scale, step))*step, StepInt8(step))
		check("int4", x*scale, float64(Int4(x*scale, scale/7))*scale/7, StepInt4(scale/14, 2))
		check("nf4", x*scale, scale*NF4(NearestNF4(x)), StepNF4(x*scale, scale))
		y := x * math.Ldexp(1, rng.IntN(20)-12)
		if math.Abs(y) <= 448 {
			check("e4m3", y*scale, scale*E4M3(NearestCode(y, 256, E4M3)), StepFloat(y*scale, scale, 3, -6))
		}
		check("e5m2", y*scale, scale*E5M2(NearestCode(y, 256, E5M2)), StepFloat(y*scale, scale, 2, -14))
		check("f32", x, float64(float32(x)), StepFloat(x, 1, 23, -126))
	}
	for name, c := range closest {
		if c < 0.9 {
			t.Errorf("%s: the bound is never approached, %v", name, c)
		}
	}
}

func TestWeightShift(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	closest := 0.0
	for range 3000 {
		n, delta := 2+rng.IntN(6), rng.ExpFloat64()
		x := random(rng, n)
		y := append([]float64(nil), x...)
		for j := range y {
			y[j] += delta * float64(2*rng.IntN(2)-1)
		}
		p, _ := Softmax(x, nil)
		q, _ := Softmax(y, nil)
		sum := 0.0
		for j := range p {
			sum += math.Abs(p[j] - q[j])
		}
		if sum > WeightShift(delta)*(1+1e-12) {
			t.Fatalf("weights move by %v, bound %v", sum, WeightShift(delta))
		}
		closest = math.Max(closest, sum/WeightShift(delta))
	}
	if closest < 0.9 {
		t.Errorf("the bound is never approached: %v", closest)
	}
}

// The int8 path, simulated with the plain quantizers: int8 queries, keys and values, u8 probabilities per tile. The bound must hold for every row.
func TestInt8OutBound(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 100 {
		const d, dv, tile = 16, 4, 8
		n := 1 + rng.IntN(40)
		p := randomProblem(rng, 1, 1, d, dv, 1, n)
		scaleRow(p.Q, 1+rng.Float64()*5)
		exact := Attend(p)
		hat := *p
		hat.Q, hat.K, hat.V = nil, nil, nil
		dequantize := func(x []float64) ([]float64, []int8, float64) {
			codes, s := Int8Row(x)
			y := make([]float64, len(x))
			for c, k := range codes {
				y[c] = float64(k) * s
			}
			return y, codes, s
		}
		hat.Q, _, _ = dequantize(p.Q)
		var vScale []float64
		var vCodes [][]int8
		tiles := make([]int, n)
		delta := 0.0
		for j := range n {
			k, _, _ := dequantize(p.K[j*d:][:d])
			v, codes, s := dequantize(p.V[j*dv:][:dv])
			hat.K, hat.V = append(hat.K, k...), append(hat.V, v...)
			vScale, vCodes, tiles[j] = append(vScale, s), append(vCodes, codes), j/tile
			delta = math.Max(delta, LogitShift(p.scale(), p.Q, hat.Q, p.K[j*d:][:d], k))
		}
		w := hat.Weights(0, 0)
		for c := range dv {
			out := 0.0
			v, codes := make([]float64, n), make([]float64, n)
			for j := range n {
				v[j], codes[j] = p.V[j*dv+c], float64(vCodes[j][c])
				top := 0.0
				for k := range n {
					if tiles[k] == tiles[j] {
						top = math.Max(top, w[k]*vScale[k])
					}
				}
				out += float64(P8(w[j]*vScale[j]/top)) / 255 * top * codes[j]
			}
			e, bound := math.Abs(out-exact.Out[c]), Int8OutBound(delta, v, vScale, codes, w, tiles)
			if e > bound {
				t.Errorf("n %d: off by %v, bound %v", n, e, bound)
			}
		}
	}
}

func TestTolerances(t *testing.T) {
	if got := Tolerance32(2, 6); got != 4*0x1p-24*2*10+0x1p-149 {
		t.Errorf("Tolerance32 = %v", got)
	}
	if got := ToleranceLSE32(-3, 1); got != 4*0x1p-24*8 {
		t.Errorf("ToleranceLSE32 = %v", got)
	}
	if got := StepFloat(0, 1, 3, -6); got != 0x1p-10 {
		t.Errorf("StepFloat(0) = %v", got)
	}
}
