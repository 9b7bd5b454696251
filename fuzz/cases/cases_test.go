package cases

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestNumber(t *testing.T) {
	var xs []Number
	if err := json.Unmarshal([]byte(`[1.5, "-Inf", "+Inf", "Inf", "NaN", "-0", "0.25", -3e2]`), &xs); err != nil {
		t.Fatal(err)
	}
	want := []float64{1.5, math.Inf(-1), math.Inf(1), math.Inf(1), math.NaN(), math.Copysign(0, -1), 0.25, -300}
	for i, got := range Floats(xs) {
		if math.Float64bits(got) != math.Float64bits(want[i]) && !(math.IsNaN(got) && math.IsNaN(want[i])) {
			t.Errorf("number %d = %v, want %v", i, got, want[i])
		}
	}
	if json.Unmarshal([]byte(`["x"]`), &xs) == nil {
		t.Error("accepts a word")
	}
	var b Bits32
	var d Bits64
	if err := json.Unmarshal([]byte(`"0xbf800000"`), &b); err != nil || b.Float() != -1 {
		t.Errorf("%v %v", b, err)
	}
	if err := json.Unmarshal([]byte(`"0x3ff0000000000000"`), &d); err != nil || d.Float() != 1 {
		t.Errorf("%v %v", d, err)
	}
	if err := json.Unmarshal([]byte(`"nan"`), &b); err != nil || b.Float() == b.Float() {
		t.Errorf("%v %v", b, err)
	}
}

func TestTensor(t *testing.T) {
	for _, v := range []struct {
		dtype string
		data  []byte
		want  []float64
	}{
		{"float32", []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, []float64{1, -2}},
		{"float16", []byte{0, 0x3c, 0xff, 0x7b}, []float64{1, 65504}},
		{"bfloat16", []byte{0x80, 0x3f, 0x40, 0xc0}, []float64{1, -3}},
		{"float64", []byte{0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, []float64{1.5}},
		{"int64", []byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, []float64{-2}},
		{"int32", []byte{0xff, 0xff, 0xff, 0xff}, []float64{-1}},
		{"int16", []byte{0, 0x80}, []float64{-32768}},
		{"uint16", []byte{0, 0x80}, []float64{32768}},
		{"int8", []byte{0x80, 0x7f}, []float64{-128, 127}},
		{"uint8", []byte{0x80}, []float64{128}},
		{"bool", []byte{1, 0}, []float64{1, 0}},
		{"int4", []byte{0x8f, 0x07}, []float64{-1, -8, 7}},
		{"uint4", []byte{0x8f}, []float64{15, 8}},
		{"int2", []byte{0b10_01_11_00}, []float64{0, -1, 1, -2}},
		{"uint2", []byte{0b10_01_11_00, 0b01}, []float64{0, 3, 1, 2, 1}},
		{"float4e2m1", []byte{0xf7, 0x01}, []float64{6, -6, 0.5}},
		{"float8e4m3fn", []byte{0x7e, 0x01}, []float64{448, 0x1p-9}},
		{"float8e5m2", []byte{0x7b, 0xfc}, []float64{57344, math.Inf(-1)}},
		{"float8e4m3fnuz", []byte{0x7f}, []float64{240}},
		{"float8e5m2fnuz", []byte{0x7f}, []float64{57344}},
		{"float8e8m0", []byte{127, 0}, []float64{1, 0x1p-127}},
	} {
		x := Tensor{DType: v.dtype, Shape: []int{len(v.want)}, Data: v.data}
		if got, err := x.Floats(); err != nil || !reflect.DeepEqual(got, v.want) {
			t.Errorf("%s: %v %v, want %v", v.dtype, got, err, v.want)
		}
		x.Shape = []int{len(v.want) + 8}
		if _, err := x.Floats(); err == nil {
			t.Errorf("%s: accepts too few bytes", v.dtype)
		}
	}
	scalar := Tensor{DType: "uint8", Data: []byte{7}}
	if x, err := scalar.Float32s(); err != nil || x[0] != 7 {
		t.Errorf("scalar %v %v", x, err)
	}
	if _, err := (&Tensor{DType: "complex64"}).Floats(); err == nil {
		t.Error("accepts an unknown type")
	}
}

func TestPRNG(t *testing.T) {
	// The first outputs of splitmix64 with seed 0 are published.
	for i, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := splitmix64(0, uint64(i)); got != want {
			t.Errorf("splitmix64(0) output %d = %#x, want %#x", i, got, want)
		}
	}
	for dist, limit := range map[string]float64{"u1": 1, "g4": 4} {
		x := make([]float64, 1000)
		if err := (&PRNG{Seed: 5, Dist: dist, Exp2: 3}).Fill(x); err != nil {
			t.Fatal(err)
		}
		sum, top := 0.0, 0.0
		for _, v := range x {
			if float64(float32(v)) != v {
				t.Fatalf("%s: %v is not a float32", dist, v)
			}
			sum += v
			top = math.Max(top, math.Abs(v))
		}
		if top > 8*limit || top < 4 || math.Abs(sum) > 1000 {
			t.Errorf("%s: largest %v, sum %v", dist, top, sum)
		}
	}
	if (&PRNG{Dist: "normal"}).Fill(make([]float64, 1)) == nil {
		t.Error("accepts an unknown distribution")
	}
}

func TestExpandBias(t *testing.T) {
	ninf := float32(math.Inf(-1))
	for _, v := range []struct {
		shape []int
		b     int
		want  []float32 // [2 heads][2 rows][3 keys]
	}{
		{nil, 0, []float32{1, ninf, ninf, 1, ninf, ninf, 1, ninf, ninf, 1, ninf, ninf}},
		{[]int{2}, 1, []float32{1, 2, ninf, 1, 2, ninf, 1, 2, ninf, 1, 2, ninf}},
		{[]int{2, 3}, 1, []float32{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}},
		{[]int{1, 4}, 1, []float32{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}},
		{[]int{2, 1, 3}, 1, []float32{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}},
		{[]int{2, 1, 2, 2}, 1, []float32{5, 6, ninf, 7, 8, ninf, 5, 6, ninf, 7, 8, ninf}},
	} {
		n := 1
		for _, s := range v.shape {
			n *= s
		}
		mask := make([]float64, n)
		for i := range mask {
			mask[i] = float64(i + 1)
		}
		got, err := expandBias(mask, v.shape, v.b, 2, 2, 3)
		if err != nil || !reflect.DeepEqual(got, v.want) {
			t.Errorf("shape %v: %v %v, want %v", v.shape, got, err, v.want)
		}
	}
	for _, shape := range [][]int{{3, 3}, {3, 2, 3}, {1, 1, 1, 1, 1}} {
		if _, err := expandBias(make([]float64, 64), shape, 0, 2, 2, 3); err == nil {
			t.Errorf("accepts shape %v", shape)
		}
	}
}

func f32Tensor(slot int, shape []int, first float32) Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	x := Tensor{Slot: slot, DType: "float32", Shape: shape}
	for i := range n {
		x.Data = binary.LittleEndian.AppendUint32(x.Data, math.Float32bits(first+float32(i)))
	}
	return x
}

func attr(x string) OnnxValue { return OnnxValue{Value: json.RawMessage(x)} }

func TestOnnxAttention(t *testing.T) {
	// Rank 3: B 2, Sq 2, two heads of dimension 1, one past token.
	c := &Onnx{
		Name: "rank3", Op: "Attention", Attributes: map[string]OnnxValue{"q_num_heads": attr("2"), "kv_num_heads": attr("2"), "is_causal": attr("1")},
		Inputs: []Tensor{
			f32Tensor(0, []int{2, 2, 2}, 0), f32Tensor(1, []int{2, 2, 2}, 100), f32Tensor(2, []int{2, 2, 2}, 200),
			f32Tensor(4, []int{2, 2, 1, 1}, 300), f32Tensor(5, []int{2, 2, 1, 1}, 400),
		},
		Outputs: []Tensor{f32Tensor(0, []int{2, 2, 2}, 500)},
	}
	batch, err := c.Attention()
	if err != nil {
		t.Fatal(err)
	}
	a := batch[1]
	if a.Name != "rank3/1" || a.QLen != 2 || a.KVLen != 3 || a.Offset != 1 || !a.Causal || a.WindowLeft != -1 || a.WindowRight != -1 || a.Scale != 1 || a.OutType != "float32" {
		t.Errorf("%+v", a)
	}
	if !reflect.DeepEqual(a.Q, []float32{4, 5, 6, 7}) || !reflect.DeepEqual(a.K, []float32{302, 303, 104, 105, 106, 107}) ||
		!reflect.DeepEqual(a.V, []float32{402, 403, 204, 205, 206, 207}) || !reflect.DeepEqual(a.WantOut, []float32{504, 505, 506, 507}) {
		t.Errorf("q %v k %v v %v out %v", a.Q, a.K, a.V, a.WantOut)
	}

	// Rank 4 with an external cache: KVLen and the offset come from nonpad_kv_seqlen, the rest is tail.
	nonpad := Tensor{Slot: 6, DType: "int64", Shape: []int{1}, Data: []byte{1, 0, 0, 0, 0, 0, 0, 0}}
	mask := Tensor{Slot: 3, DType: "bool", Shape: []int{2, 1}, Data: []byte{1, 0}}
	c = &Onnx{
		Name: "rank4", Op: "Attention", Attributes: map[string]OnnxValue{"scale": attr("0.5"), "softcap": attr("2.0"), "left_window_size": attr("3")},
		Inputs:  []Tensor{f32Tensor(0, []int{1, 2, 2, 1}, 0), f32Tensor(1, []int{1, 1, 3, 1}, 100), f32Tensor(2, []int{1, 1, 3, 2}, 200), mask, nonpad},
		Outputs: []Tensor{f32Tensor(0, []int{1, 2, 2, 2}, 500)},
	}
	if batch, err = c.Attention(); err != nil {
		t.Fatal(err)
	}
	a = batch[0]
	if a.Name != "rank4" || a.KVLen != 1 || a.Offset != -1 || a.Causal || a.WindowLeft != 3 || a.Scale != 0.5 || a.Softcap != 2 || a.DV != 2 || a.KVHeads != 1 {
		t.Errorf("%+v", a)
	}
	if !reflect.DeepEqual(a.Q, []float32{0, 2, 1, 3}) || !reflect.DeepEqual(a.K, []float32{100}) || !reflect.DeepEqual(a.KTail, []float32{101, 102}) ||
		!reflect.DeepEqual(a.VTail, []float32{202, 203, 204, 205}) || !reflect.DeepEqual(a.WantOut, []float32{500, 501, 504, 505, 502, 503, 506, 507}) {
		t.Errorf("q %v k %v tails %v %v out %v", a.Q, a.K, a.KTail, a.VTail, a.WantOut)
	}
	ninf := float32(math.Inf(-1))
	if !reflect.DeepEqual(a.Bias, []float32{0, ninf, 0, ninf}) {
		t.Errorf("bias %v", a.Bias)
	}

	for name := range OutOfScope {
		if _, err := (&Onnx{Name: name, Op: "Attention"}).Attention(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := (&Onnx{Name: "x", Op: "Cast"}).Attention(); err == nil {
		t.Error("accepts Cast")
	}
	if _, err := (&Onnx{Name: "x", Op: "Attention"}).Attention(); err == nil {
		t.Error("accepts a case without inputs")
	}
}

func TestGridAttention(t *testing.T) {
	raw := func(xs ...float32) string {
		var b []byte
		for _, x := range xs {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	text := `{"name": "g", "dims": {"B": 2, "Hq": 2, "Hkv": 1, "Sq": 1, "Skv": 2, "D": 2, "Dv": 1},
		"params": {"causal": true, "q_offset": [0, 1], "kv_len": [1, 2], "window_left": -1, "window_right": 4, "softcap": 0, "scale": 0.25, "sinks": [1, 2]},
		"tensors": {
			"q": {"shape": [2, 2, 1, 2], "dtype": "float32", "prng": {"seed": 1, "dist": "u1", "exp2": 0}},
			"k": {"shape": [2, 1, 2, 2], "dtype": "int4", "block": 2, "codes": "` + base64.StdEncoding.EncodeToString([]byte{0x98, 0x0f, 0x21, 0x43}) + `", "scales_f32": "` + raw(1, 2, 3, 4) + `"},
			"v": {"shape": [2, 1, 2, 1], "dtype": "float32", "data": "` + raw(1, 2, 3, 4) + `"}},
		"expected": {"rows": [0, 3], "out_f32": "` + raw(10, 20) + `", "lse_f32": "` + raw(30, 40) + `"}}`
	path := filepath.Join(t.TempDir(), "g.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := LoadGrid(path)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := g.Attention()
	if err != nil {
		t.Fatal(err)
	}
	a, b := batch[0], batch[1]
	if a.Name != "g/0" || a.KVLen != 1 || a.Offset != 0 || b.Offset != 1 || a.WindowRight != 4 || !a.Causal || a.Scale != 0.25 || len(a.SinkLogits) != 2 {
		t.Errorf("%+v", a)
	}
	// codes low nibble first: 8 9 | 15 0 | 1 2 | 3 4, value (code-8)·scale
	if !reflect.DeepEqual(a.K, []float32{0, 1}) || !reflect.DeepEqual(a.KTail, []float32{14, -16}) || !reflect.DeepEqual(b.KExact, []float64{-21, -18, -20, -16}) {
		t.Errorf("k %v tail %v exact %v", a.K, a.KTail, b.KExact)
	}
	if a.VExact != nil || !reflect.DeepEqual(b.V, []float32{3, 4}) {
		t.Errorf("v %v %v", a.VExact, b.V)
	}
	if !a.Wanted(0, 0) || a.Wanted(0, 1) || b.Wanted(0, 0) || !b.Wanted(0, 1) || a.WantOut[0] != 10 || b.WantOut[1] != 20 || b.WantLSE[1] != 40 {
		t.Errorf("rows %v %v out %v %v", a.WantRows, b.WantRows, a.WantOut, b.WantOut)
	}
}

func TestDump(t *testing.T) {
	header := `{"__metadata__": {"scale": "0.5", "causal": "true"},
		"a.q": {"dtype": "F32", "shape": [2, 1, 1], "data_offsets": [0, 8]}, "a.k": {"dtype": "F32", "shape": [1, 1, 1], "data_offsets": [8, 12]},
		"a.v": {"dtype": "F32", "shape": [1, 1, 1], "data_offsets": [12, 16]}, "a.o": {"dtype": "F64", "shape": [2, 1, 1], "data_offsets": [16, 32]},
		"a.lse": {"dtype": "F64", "shape": [2, 1], "data_offsets": [32, 48]}, "n": {"dtype": "I32", "shape": [1], "data_offsets": [8, 12]}}`
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(file, header...)
	for _, x := range []float32{1, 2, 3, 4} {
		file = binary.LittleEndian.AppendUint32(file, math.Float32bits(x))
	}
	for _, x := range []float64{5, 6, 7, 8} {
		file = binary.LittleEndian.AppendUint64(file, math.Float64bits(x))
	}
	path := filepath.Join(t.TempDir(), "d.safetensors")
	write := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(file)
	d, err := LoadDump(path)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := d.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	l := layers[0]
	if !l.Causal || l.Scale != 0.5 || l.QHeads != 2 || l.Q[1] != 2 || l.K[0] != 3 || l.V[0] != 4 || l.Out[1] != 6 || l.LSE[0] != 7 || l.WantLSE[1] != 8 {
		t.Errorf("%+v", l)
	}
	if x, _, err := d.Tensor("n"); err != nil || x[0] != float64(math.Float32bits(3)) {
		t.Errorf("%v %v", x, err)
	}
	if _, _, err := d.Tensor("m"); err == nil {
		t.Error("finds a tensor that is not there")
	}
	for _, bad := range [][]byte{nil, file[:40], file[:len(file)-8], append([]byte{255, 255, 255, 255, 255, 255, 255, 255}, file[8:]...)} {
		write(bad)
		if _, err := LoadDump(path); err == nil {
			t.Errorf("accepts a broken file of %d bytes", len(bad))
		}
	}
}

func TestRuns(t *testing.T) {
	var r Runs
	if err := json.Unmarshal([]byte(`[["0x00000000", 3], ["0x00000010", 4], ["0x80000000", 5]]`), &r); err != nil {
		t.Fatal(err)
	}
	for bits, want := range map[uint32]uint8{0: 3, 15: 3, 16: 4, 0x7fffffff: 4, 0x80000000: 5, 0xffffffff: 5} {
		if got := r.Code(bits); got != want {
			t.Errorf("code of %#x = %d, want %d", bits, got, want)
		}
	}
	if json.Unmarshal([]byte(`[["0x00000010", 4]]`), &r) == nil {
		t.Error("accepts a table that does not start at 0")
	}
}

// Every stored conversion table agrees with its own points, and every file of every kind loads.
func TestStoredTables(t *testing.T) {
	for _, name := range []string{"e2m1", "e2m3", "e3m2", "e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz"} {
		c, err := LoadConvert(Sub(t, "conformance", "open", "fp", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Decode) != 1<<c.Bits || len(c.Runs) != 3 || len(c.Points) < 1000 || c.Type != name {
			t.Errorf("%s: %d codes, %d run tables, %d points", name, len(c.Decode), len(c.Runs), len(c.Points))
		}
		for policy, runs := range c.Runs {
			for _, p := range c.Points {
				got, want := runs.Code(p.Bits), p.Codes[policy]
				a, b := c.Decode[got].Float(), c.Decode[want].Float()
				if got != want && (a == a || b == b) { // NaN results are one class
					t.Errorf("%s %s: %#08x gives %#x, want %#x (%s)", name, policy, p.Bits, got, want, p.Tag)
				}
			}
		}
	}
	nf, err := LoadNF4(Sub(t, "conformance", "open", "fp", "nf4.json"))
	if err != nil || len(nf.Codebook) != 16 || len(nf.Thresholds) != 15 || nf.Runs.Code(math.Float32bits(1)) != 15 {
		t.Errorf("nf4: %v", err)
	}
	if nf.Anchor.ErrMeanStd["64"][0] != 0.072798 {
		t.Errorf("nf4 anchor %v", nf.Anchor.ErrMeanStd)
	}
	logs, err := LoadLog2Q(Sub(t, "conformance", "open", "fp", "log2q.json"))
	if err != nil || len(logs) != 6 || logs["4"].Code(math.Float32bits(1)) != 0 || logs["4"].Code(math.Float32bits(0.25)) != 2 {
		t.Errorf("log2q: %v", err)
	}
	for _, path := range Files(t, "conformance", "open", "math", "*.json") {
		m, err := LoadMath(path)
		if err != nil || len(m.Points) < 500 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A cast to a wider type keeps every value: with the files of all element types this checks their decoding.
func TestWideningCasts(t *testing.T) {
	width := map[string]int{"float64": 64, "float32": 32, "float16": 16, "int8": 8, "uint8": 8}
	seen := map[string]bool{}
	for _, path := range Files(t, "conformance", "open", "onnx", "cast", "*.json") {
		c, err := LoadOnnx(path)
		if err != nil {
			t.Fatal(err)
		}
		in, out := c.Input(0), c.Output(0)
		from := elements[in.DType].bits
		if from == 0 || width[out.DType] <= from {
			continue
		}
		seen[in.DType] = true
		x, err := in.Floats()
		if err != nil {
			t.Fatal(err)
		}
		y, err := out.Floats()
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if math.Float64bits(x[i]) != math.Float64bits(y[i]) && !(math.IsNaN(x[i]) && math.IsNaN(y[i])) {
				t.Errorf("%s: element %d: %v becomes %v", c.Name, i, x[i], y[i])
			}
		}
	}
	if len(seen) < 12 {
		t.Errorf("only %v", seen)
	}
}
