package fp8_test

import (
	"fmt"
	"math"

	"github.com/qattn/qattn/fp8"
)

func Example() {
	x := fp8.E4M3FromFloat32(0.3)
	fmt.Printf("code %#x is %v\n", uint8(x), x)
	fmt.Println(x.Neg(), x.IsSubnormal(), fp8.E4M3FromFloat32(0.01).IsSubnormal())
	// Output:
	// code 0x2a is 0.3125
	// -0.3125 false true
}

func ExampleFromFloat32() {
	inf := float32(math.Inf(1))
	for _, o := range []fp8.Overflow{fp8.Saturate, fp8.SaturateFinite, fp8.NonSaturating} {
		fmt.Println(o,
			fp8.FromFloat32[fp8.E4M3](1e6, o), fp8.FromFloat32[fp8.E4M3](inf, o),
			fp8.FromFloat32[fp8.E5M2](1e6, o), fp8.FromFloat32[fp8.E5M2](inf, o))
	}
	// Output:
	// Saturate 448 448 57344 57344
	// SaturateFinite 448 NaN 57344 +Inf
	// NonSaturating NaN NaN +Inf +Inf
}

func ExampleFromFloat64() {
	// Just above the midpoint of 1 and 1.125. As a float32 it is the midpoint.
	const x = 1.0625 + 0x1p-40
	fmt.Println(fp8.E4M3FromFloat64(x), fp8.E4M3FromFloat32(float32(x)))
	// Output: 1.125 1
}

func ExampleFromFloat32Stochastic() {
	// 1.03125 is a quarter of the way from 1 to 1.125.
	for r := range uint32(4) {
		fmt.Print(fp8.E4M3FromFloat32Stochastic(1.03125, r, 2), " ")
	}
	// Output: 1 1 1 1.125
}

func ExampleEncodeScaled() {
	x := []float32{0.004, -0.02, 0.011, 0}
	scale := fp8.AmaxScale[fp8.E4M3](fp8.AbsMax(x)) // 2^−14
	codes := make([]fp8.E4M3, len(x))
	fp8.EncodeScaled(codes, x, scale)

	y := make([]float32, len(x))
	fp8.DecodeScaled(y, codes, scale)
	fmt.Println(fp8.AmaxBias[fp8.E4M3](fp8.AbsMax(x)), codes)
	fmt.Println(y)
	// Output:
	// 14 [64 -320 176 0]
	// [0.00390625 -0.01953125 0.0107421875 0]
}

func ExampleAbsMaxScale() {
	fmt.Println(fp8.AbsMaxScale[fp8.E4M3](896), fp8.AbsMaxScale[fp8.E5M2FNUZ](28672))
	// Output: 2 0.5
}

func ExampleDecodeSlice() {
	dst := make([]float32, 8)
	n := fp8.DecodeSlice(dst, []fp8.E5M2{0x3C, 0xBC, 0x7B, 0x7C})
	fmt.Println(n, dst[:n])
	// Output: 4 [1 -1 57344 +Inf]
}
