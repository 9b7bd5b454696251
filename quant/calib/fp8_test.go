package calib

import (
	"math"
	"testing"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/fp8"
	"github.com/qattn/qattn/quant"
)

func TestAmax(t *testing.T) {
	for _, c := range []struct {
		t    FP8Type
		amax float32
		b    int
	}{{E4M3, 1, 8}, {E4M3, 3.7, 6}, {E4M3, 241, 0}, {E4M3, 1e4, -5}, {E4M3, 0, 0}, {E5M2, 1, 15}, {E4M3, 1e-30, 31}, {E5M2, 1e30, -31}} {
		f := Amax(c.t, c.amax)
		if want := float32(math.Ldexp(1, -c.b)); f.Scale != want || f.check("f") != nil {
			t.Errorf("%+v: %+v, want scale %v", c, f, want)
		}
	}
	if f := AbsMax(E4M3, 44.8); f.Scale != 0.1 || f.check("f") != nil {
		t.Errorf("%+v", f)
	}
	if f := AbsMax(E5M2, 57344*3); f.Scale != 3 || f.check("f") != nil {
		t.Errorf("%+v", f)
	}
}

// TestFormat: scales reach the storage formats, which then saturate nothing.
func TestFormat(t *testing.T) {
	ks := asm.Select(asm.Available())
	row := []float32{-3.7, 0.25, 1, 2}
	for _, f := range []FP8{Amax(E4M3, 3.7), AbsMax(E4M3, 3.7), Amax(E5M2, 3.7), Static(E5M2, 1), Static(E4M3, 1)} {
		format := f.Format()
		if again, err := quant.Lookup(format.String()); err != nil || again != format {
			t.Errorf("%+v: format %v, %v", f, format, err)
		}
		tile, got := make([]byte, format.TileBytes(quant.Keys, 4)), make([]float32, 4)
		format.Quantize(ks, tile, quant.Keys, 4, 0, row)
		format.Decode(got, tile, quant.Keys, 4, 0)
		for c, v := range row {
			if math.Abs(float64(got[c]-v)) > math.Abs(float64(v))/8 {
				t.Errorf("%+v: %v reads back as %v", f, v, got[c])
			}
		}
	}
}

// TestCScale compares the sweep with the errors measured on the data.
func TestCScale(t *testing.T) {
	for _, kind := range []FP8Type{E4M3, E5M2} {
		round := func(x float64) float64 {
			if kind == E5M2 {
				return float64(fp8.E5M2FromFloat64(x).Float32())
			}
			return float64(fp8.E4M3FromFloat64(x).Float32())
		}
		for _, factors := range [][]float64{{1}, {1e-6, 1e-4}, {3e7, 1e3}, {1e-5, 10}} {
			var hists []*Histogram
			var cost [63]float64
			for _, factor := range factors {
				x := sample("gauss", 3000)
				var power float64
				var err [63]float64
				for i := range x {
					x[i] *= float32(factor)
					v := float64(x[i])
					power += v * v
					for b := range err {
						d := v - math.Ldexp(round(math.Ldexp(v, b-31)), 31-b)
						err[b] += d * d
					}
				}
				for b := range err {
					cost[b] += err[b] / power
				}
				h := new(Histogram)
				h.Observe(x)
				hists = append(hists, h)
			}
			zeros := new(Histogram)
			zeros.Observe(make([]float32, 3))
			f := CScale(kind, append(hists, zeros, new(Histogram))...)
			if err := f.check("f"); err != nil {
				t.Fatal(err)
			}
			got := cost[31-math.Ilogb(float64(f.Scale))]
			for b, c := range cost {
				if got > 1.02*c {
					t.Errorf("%s %v: scale %v costs %v, 2^%d costs %v", kind, factors, f.Scale, got, 31-b, c)
				}
			}
		}
		if f := CScale(kind); f.Scale != 1 {
			t.Errorf("no tensors: %+v", f)
		}
	}
}
