package calib_test

import (
	"fmt"
	"math"
	"os"

	"github.com/qattn/qattn/quant/calib"
)

// Quantizers for the keys of two heads, from rows fed by attention calls.
func ExampleRecorder() {
	rec := calib.NewRecorder(calib.ByLayer|calib.ByHead, func(s calib.Site) calib.Observer {
		if s.Tensor != calib.Keys {
			return nil // not needed
		}
		return calib.NewMinMax(calib.Symmetric(8))
	})
	var hook calib.Hook = rec // what attention calls are given
	hook.Observe(calib.Site{Layer: 0, Head: 0, Tensor: calib.Keys}, []float32{-1, 0.5, 127})
	hook.Observe(calib.Site{Layer: 0, Head: 1, Tensor: calib.Keys}, []float32{0.5, -31.75})
	hook.Observe(calib.Site{Layer: 0, Head: 1, Tensor: calib.Values}, []float32{9})

	uniform, err := rec.Uniform()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := (&calib.File{Uniform: uniform}).Save(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {
	//   "version": 1,
	//   "uniform": {
	//     "k/0/0/*": {
	//       "bits": 8,
	//       "signed": true,
	//       "symmetric": true,
	//       "scale": 1,
	//       "zero": 0
	//     },
	//     "k/0/1/*": {
	//       "bits": 8,
	//       "signed": true,
	//       "symmetric": true,
	//       "scale": 0.25,
	//       "zero": 0
	//     }
	//   }
	// }
}

// Four observers of the same data: exponentially distributed, and one outlier.
func ExampleObserver() {
	grid := calib.Unsigned(4)
	for _, o := range []calib.Observer{calib.NewMinMax(grid), calib.NewPercentile(grid, 0.999), calib.NewMSE(grid), calib.NewEntropy(grid)} {
		for i := range 10000 {
			o.Observe([]float32{float32(-math.Log((float64(i) + 0.5) / 10000))})
		}
		o.Observe([]float32{30})
		u, err := o.Quantizer()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T: largest value %.1f\n", o, u.Value(15))
	}
	// Output:
	// *calib.MinMax: largest value 30.0
	// *calib.Percentile: largest value 7.0
	// *calib.MSE: largest value 7.5
	// *calib.Entropy: largest value 7.1
}

// A scale for all keys of a head, given to a storage format.
func ExampleAmax() {
	m := calib.NewMinMax(calib.Symmetric(8))
	m.Observe([]float32{-3.5, 1, 2})
	lo, hi := m.Range()
	f := calib.Amax(calib.E4M3, max(-lo, hi))
	fmt.Println(f.Scale, f.Format())
	fmt.Println(calib.AbsMax(calib.E4M3, 3.5).Format())
	fmt.Println(calib.Static(calib.E5M2, 1).Format())
	// Output:
	// 0.0078125 e4m3-static(0.0078125)
	// e4m3-static(0.0078125)
	// e5m2-static(1)
}

// One scale for two tensors of very different size.
func ExampleCScale() {
	var small, large calib.Histogram
	small.Observe([]float32{0.001, 0.003, 0.002})
	large.Observe([]float32{10, 30, 70})
	fmt.Println(calib.CScale(calib.E4M3, &small, &large).Scale)
	// Output: 0.5
}

// Channel-wise scales of a LayerNorm output become one scale for the layer.
func ExampleRepQ() {
	channels := calib.NewPerChannel(2, func(int) calib.Observer { return calib.NewMinMax(calib.Unsigned(8)) })
	channels.Observe([]float32{-1, 0, 1.55, 127.5, 0, 255}) // three rows of two channels
	quantizers, err := channels.Quantizers()
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := calib.NewRepQ(quantizers)
	if err != nil {
		fmt.Println(err)
		return
	}
	gamma, beta := []float32{1, 100}, []float32{0, 120}
	weight, bias := []float32{1, 1}, []float32{0}
	if err := calib.AdjustNorm(r, gamma, beta); err != nil {
		fmt.Println(err)
		return
	}
	if err := calib.AdjustLinear(r, weight, bias); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("channels %v and %v, layer %v\n", quantizers[0].Scale, quantizers[1].Scale, r.Layer.Scale)
	fmt.Printf("gamma %.3f beta %.3f weight %.3f bias %.3f\n", gamma, beta, weight, bias)
	// Output:
	// channels 0.01 and 1, layer 0.505
	// gamma [50.500 50.500] beta [25.250 35.350] weight [0.020 1.980] bias [49.500]
}

// Probabilities as shifts.
func ExampleLog2() {
	l := calib.Log2{Bits: 4}
	p := []float64{0.7, 0.2, 0.1, 0.00001}
	codes := make([]int16, len(p))
	for j := range p {
		codes[j] = int16(l.Code(p[j]))
	}
	acc := make([]int64, 1)
	l.ShiftPV(acc, codes, []int8{100, -50, 20, 127})
	fmt.Println(codes, float64(acc[0])/(1<<15))
	// Output: [1 2 3 -1] 40
}

// Twice the resolution in the exponent, for one multiplication more.
func ExampleLogSqrt2() {
	l := calib.LogSqrt2{Bits: 4, Scale: 1}
	for _, p := range []float64{0.7, 0.2, 0.004} {
		q := l.Code(p)
		fmt.Printf("%v: code %d, value %.4f\n", p, q, l.Value(q))
	}
	// Output:
	// 0.7: code 1, value 0.7071
	// 0.2: code 5, value 0.1768
	// 0.004: code -1, value 0.0000
}

// Softmax of integer logits in units of 1/16, coded without floating point.
func ExampleLogInt() {
	l := calib.LogInt{Bits: 4, Scale: 1.0 / 16}
	codes := make([]int16, 4)
	l.Codes(codes, []int32{80, 64, 48, -160})
	fmt.Println(codes)
	// Output: [1 2 3 -1]
}

// Rows of 600 equal probabilities all round to 0; the correction restores their mass.
func ExampleBiasCalibrator() {
	cal := calib.NewBiasCalibrator(calib.ByHead, calib.Prob8)
	row := make([]float32, 600)
	for j := range row {
		row[j] = 1.0 / 600
	}
	cal.ObserveRow(calib.Site{Layer: 2, Head: 1, Tensor: calib.Probs}, row)

	table := cal.Table()
	beta := table.Beta(0, 1, 0, 600) // layers and steps are pooled
	fmt.Printf("beta %.6f, zero point %.3f instead of %d\n", beta, table.ZeroPoint(beta), table.Zero)
	// Output: beta 0.001667, zero point -0.425 instead of 0
}
