package cases

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Tensor is one array of a case: row-major, little endian, 4-bit elements packed low nibble first, 2-bit elements lowest bits first.
type Tensor struct {
	// Slot is the operator input or output position.
	Slot int `json:"slot"`
	// Name is the operator's name for the slot.
	Name string `json:"name"`
	// DType is the element type: float32, float16, bfloat16, float64, bool, int2..int64, uint2..uint64, float8e4m3fn, float8e5m2, their fnuz twins,
	// float8e8m0, float4e2m1.
	DType string `json:"dtype"`
	// Shape lists the dimensions; empty means a scalar.
	Shape []int `json:"shape"`
	// Data holds the raw bytes.
	Data []byte `json:"data"`
}

// elements maps an element type to its width in bits and its value.
var elements = map[string]struct {
	bits   int
	decode func(uint32) float64
}{
	"bool":           {8, func(c uint32) float64 { return float64(min(c, 1)) }},
	"uint2":          {2, func(c uint32) float64 { return float64(c) }},
	"uint4":          {4, func(c uint32) float64 { return float64(c) }},
	"uint8":          {8, func(c uint32) float64 { return float64(c) }},
	"uint16":         {16, func(c uint32) float64 { return float64(c) }},
	"uint32":         {32, func(c uint32) float64 { return float64(c) }},
	"int2":           {2, func(c uint32) float64 { return float64(signed(c, 2)) }},
	"int4":           {4, func(c uint32) float64 { return float64(signed(c, 4)) }},
	"int8":           {8, func(c uint32) float64 { return float64(signed(c, 8)) }},
	"int16":          {16, func(c uint32) float64 { return float64(signed(c, 16)) }},
	"int32":          {32, func(c uint32) float64 { return float64(int32(c)) }},
	"float16":        {16, decodeF16},
	"bfloat16":       {16, decodeBF16},
	"float32":        {32, func(c uint32) float64 { return float64(math.Float32frombits(c)) }},
	"float8e4m3fn":   {8, decodeE4M3FN},
	"float8e4m3fnuz": {8, decodeE4M3FNUZ},
	"float8e5m2":     {8, decodeE5M2},
	"float8e5m2fnuz": {8, decodeE5M2FNUZ},
	"float8e8m0":     {8, decodeE8M0},
	"float4e2m1":     {4, decodeE2M1},
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Codes returns the raw element patterns, zero-extended. 64-bit types have none.
func (t *Tensor) Codes() ([]uint32, error) {
	e, ok := elements[t.DType]
	if !ok {
		return nil, fmt.Errorf("cases: tensor %s: no codes for type %q", t.Name, t.DType)
	}
	return unpack(t.Data, t.Len(), e.bits)
}

// Floats returns the element values; every type up to 53 significant bits is exact.
func (t *Tensor) Floats() ([]float64, error) {
	xs := make([]float64, t.Len())
	switch t.DType {
	case "float64", "int64":
		if len(t.Data) != 8*len(xs) {
			return nil, fmt.Errorf("cases: tensor %s: %d bytes for %d elements of %s", t.Name, len(t.Data), len(xs), t.DType)
		}
		for i := range xs {
			u := binary.LittleEndian.Uint64(t.Data[8*i:])
			if t.DType == "int64" {
				xs[i] = float64(int64(u))
			} else {
				xs[i] = math.Float64frombits(u)
			}
		}
		return xs, nil
	}
	codes, err := t.Codes()
	if err != nil {
		return nil, err
	}
	decode := elements[t.DType].decode
	for i, c := range codes {
		xs[i] = decode(c)
	}
	return xs, nil
}

// Float32s returns the element values rounded to float32. It is exact for every float type but float64.
func (t *Tensor) Float32s() ([]float32, error) {
	xs, err := t.Floats()
	if err != nil {
		return nil, err
	}
	ys := make([]float32, len(xs))
	for i, x := range xs {
		ys[i] = float32(x)
	}
	return ys, nil
}

// unpack splits b into n little-endian elements of 2, 4, 8, 16 or 32 bits; smaller ones are stored lowest bits first.
func unpack(b []byte, n, bits int) ([]uint32, error) {
	if want := (n*bits + 7) / 8; len(b) != want {
		return nil, fmt.Errorf("cases: %d bytes for %d elements of %d bits, want %d", len(b), n, bits, want)
	}
	codes := make([]uint32, n)
	for i := range codes {
		switch bits {
		case 2, 4:
			per := 8 / bits
			codes[i] = uint32(b[i/per]>>(i%per*bits)) & (1<<bits - 1)
		case 8:
			codes[i] = uint32(b[i])
		case 16:
			codes[i] = uint32(binary.LittleEndian.Uint16(b[2*i:]))
		case 32:
			codes[i] = binary.LittleEndian.Uint32(b[4*i:])
		}
	}
	return codes, nil
}

// float32s reads raw binary32 values.
func float32s(b []byte) []float32 {
	xs := make([]float32, len(b)/4)
	for i := range xs {
		xs[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return xs
}
