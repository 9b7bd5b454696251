package quant_test

import (
	"fmt"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// A format stores rows as tokens of a tile and reads them back.
func Example() {
	ks := asm.Select(asm.Available())
	f, err := quant.Lookup("int8")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v: %g bits per element at d = 128\n", f, quant.Bits(f, quant.Keys, 128))

	const d = 4
	tile := make([]byte, f.TileBytes(quant.Keys, d))
	finite := f.Quantize(ks, tile, quant.Keys, d, 0, []float32{0.25, -1, 0.5, 127})
	row := make([]float32, d)
	f.Decode(row, tile, quant.Keys, d, 0)
	fmt.Println(row, finite)
	// Output:
	// int8: 8.125 bits per element at d = 128
	// [0 -1 0 127] true
}

// The formats and their cost for a head of 128 channels.
func ExampleFormats() {
	for _, f := range quant.Formats() {
		fmt.Printf("%-15v %g\n", f, quant.Bits(f, quant.Values, 128))
	}
	// Output:
	// f32             32
	// f16             16
	// bf16            16
	// int8            8.125
	// int8-s32        8.25
	// e4m3            8.25
	// e5m2            8.25
	// e4m3-static(1)  8
	// e5m2-static(1)  8
	// nf4             4.25
	// nf4-b32         4.5
	// nf4-s32         4.5
	// nf4-b32-s32     5
	// nf4-dq          4.375
	// int4            4.375
}
