package reference

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/qattn/qattn/fuzz/cases"
)

var testDims = []int{1, 2, 3, 5, 31, 32, 33, 59, 63, 64, 65, 80, 96, 111, 128, 192, 576}

// walk calls visit for every stored element in storage order with its token and channel, written from the table of the storage layout: the inverse
// direction of Decode. index counts elements (bytes of code arrays for nibbles, with the nibble given).
func walk(layout string, d int, visit func(index, half, t, c int)) {
	i := 0
	loop := func(n0, n1, n2, n3, halves int, f func(i0, i1, i2, i3, half int) (t, c int)) {
		for i0 := range n0 {
			for i1 := range n1 {
				for i2 := range n2 {
					for i3 := range n3 {
						for half := range halves {
							t, c := f(i0, i1, i2, i3, half)
							visit(i, half, t, c)
						}
						i++
					}
				}
			}
		}
	}
	switch layout {
	case "K plain":
		loop(4, d, 16, 1, 1, func(i0, i1, i2, i3, _ int) (int, int) { return 16*i0 + i2, i1 })
	case "K pair":
		loop(4, (d+1)/2, 16, 2, 1, func(i0, i1, i2, i3, _ int) (int, int) { return 16*i0 + i2, 2*i1 + i3 })
	case "K quad":
		loop(4, (d+3)/4, 16, 4, 1, func(i0, i1, i2, i3, _ int) (int, int) { return 16*i0 + i2, 4*i1 + i3 })
	case "K nibble":
		loop(2, (d+3)/4, 16, 4, 2, func(i0, i1, i2, i3, half int) (int, int) { return 32*i0 + 16*half + i2, 4*i1 + i3 })
	case "V plain":
		loop(64, d, 1, 1, 1, func(i0, i1, _, _, _ int) (int, int) { return i0, i1 })
	case "V pair":
		loop(32, d, 2, 1, 1, func(i0, i1, i2, _, _ int) (int, int) { return 2*i0 + i2, i1 })
	case "V quad":
		loop(16, d, 4, 1, 1, func(i0, i1, i2, _, _ int) (int, int) { return 4*i0 + i2, i1 })
	case "V nibble":
		loop(8, d, 4, 1, 2, func(i0, i1, i2, _, half int) (int, int) { return 8*i0 + 4*half + i2, i1 })
	default:
		panic(layout)
	}
}

// code is an arbitrary but fixed pattern for token t, channel c.
func code(t, c int) uint32 { return (uint32(t)*2654435761 + uint32(c)*40503 + 12345) >> 7 }

// codec tells the test how a format lays out its elements.
type codec struct {
	k, v      string
	bits      int
	scaleSize int                     // bytes per scale, 0 for none
	block     int                     // channels per scale, 0 for all
	mults     func(t, group int) byte // of 32 channels, nil for none
	value     func(side Side, code uint32) float64
	scaled    func(mult byte, c int, code uint32) float64 // value under a multiplier, when it is not the product
}

func signed8(side Side, c uint32) float64 {
	if side == Keys {
		return float64(c&255) - 128
	}
	return float64(int8(c))
}

var codecs = map[string]codec{
	"f32": {k: "K plain", v: "V plain", bits: 32, value: func(_ Side, c uint32) float64 { return float64(math.Float32frombits(c)) }},
	"f16": {k: "K plain", v: "V plain", bits: 16, value: func(_ Side, c uint32) float64 { return F16(uint16(c)) }},
	"bf16": {k: "K pair", v: "V pair", bits: 16, value: func(_ Side, c uint32) float64 {
		return float64(math.Float32frombits(c << 16))
	}},
	"int8":        {k: "K quad", v: "V quad", bits: 8, scaleSize: 2, value: signed8},
	"int8-s32":    {k: "K quad", v: "V quad", bits: 8, scaleSize: 4, value: signed8},
	"e4m3":        {k: "K quad", v: "V plain", bits: 8, scaleSize: 4, value: func(_ Side, c uint32) float64 { return E4M3(byte(c)) }},
	"e5m2":        {k: "K quad", v: "V plain", bits: 8, scaleSize: 4, value: func(_ Side, c uint32) float64 { return E5M2(byte(c)) }},
	"e4m3-static": {k: "K quad", v: "V plain", bits: 8, value: func(_ Side, c uint32) float64 { return E4M3(byte(c)) }},
	"e5m2-static": {k: "K quad", v: "V plain", bits: 8, value: func(_ Side, c uint32) float64 { return E5M2(byte(c)) }},
	"nf4":         {k: "K nibble", v: "V nibble", bits: 4, scaleSize: 2, block: 64, value: func(_ Side, c uint32) float64 { return NF4(byte(c)) }},
	"nf4-b32":     {k: "K nibble", v: "V nibble", bits: 4, scaleSize: 2, block: 32, value: func(_ Side, c uint32) float64 { return NF4(byte(c)) }},
	"nf4-s32":     {k: "K nibble", v: "V nibble", bits: 4, scaleSize: 4, block: 64, value: func(_ Side, c uint32) float64 { return NF4(byte(c)) }},
	"nf4-b32-s32": {k: "K nibble", v: "V nibble", bits: 4, scaleSize: 4, block: 32, value: func(_ Side, c uint32) float64 { return NF4(byte(c)) }},
	"int4":        {k: "K nibble", v: "V nibble", bits: 4, scaleSize: 2, mults: multOf, value: func(_ Side, c uint32) float64 { return float64(c&15) - 8 }},
	"nf4-dq": {k: "K nibble", v: "V nibble", bits: 4, scaleSize: 2, mults: multPairOf, scaled: func(mult byte, c int, code uint32) float64 {
		if c/16%2 == 1 {
			mult /= 16
		}
		return float64((nf4Levels[code]*int(mult%16+1)+8+16*200)/16 - 200)
	}},
}

// scaleOf and multOf are exact in every stored type.
func scaleOf(t, block int) float64 { return float64(1+t) * math.Ldexp(1, block-12) }

func multOf(t, group int) byte { return byte(1 + (t+5*group)%18) }

func multPairOf(t, group int) byte { return byte(37*t + 101*group) }

// nf4Levels is 127 times the NF4 code book, rounded by hand.
var nf4Levels = [16]int{-127, -88, -67, -50, -36, -23, -12, 0, 10, 20, 31, 43, 56, 71, 92, 127}

// build writes a tile of known codes and scales and returns it.
func build(x codec, side Side, d int) []byte {
	var tile []byte
	pad := func() {
		for len(tile)%64 != 0 {
			tile = append(tile, 0xee)
		}
	}
	if x.scaleSize > 0 {
		blocks := 1
		if x.block > 0 {
			blocks = (d + x.block - 1) / x.block
		}
		for b := range blocks {
			for t := range Tokens {
				if x.scaleSize == 4 {
					tile = binary.LittleEndian.AppendUint32(tile, math.Float32bits(float32(scaleOf(t, b))))
				} else {
					tile = binary.LittleEndian.AppendUint16(tile, exactF16(scaleOf(t, b)))
				}
			}
		}
		pad()
	}
	if x.mults != nil {
		for g := range (d + 31) / 32 {
			for t := range Tokens {
				tile = append(tile, x.mults(t, g))
			}
		}
		pad()
	}
	start := len(tile)
	layout := x.k
	if side == Values {
		layout = x.v
	}
	walk(layout, d, func(i, half, t, c int) {
		at := start + i*max(x.bits, 8)/8
		for len(tile) < at+max(x.bits, 8)/8 {
			tile = append(tile, 0)
		}
		switch x.bits {
		case 4:
			tile[at] |= byte(code(t, c)&15) << (4 * half)
		case 8:
			tile[at] = byte(code(t, c))
		case 16:
			binary.LittleEndian.PutUint16(tile[at:], uint16(code(t, c)))
		case 32:
			binary.LittleEndian.PutUint32(tile[at:], code(t, c))
		}
	})
	pad()
	return tile
}

// exactF16 encodes a value that binary16 represents as a normal number.
func exactF16(x float64) uint16 {
	frac, exp := math.Frexp(x) // x = frac·2^exp, frac in [½, 1)
	return uint16(exp-1+15)<<10 | uint16((frac*2-1)*1024)
}

func TestDecode(t *testing.T) {
	if len(codecs) != len(Formats) {
		t.Errorf("%d formats, %d tested", len(Formats), len(codecs))
	}
	for _, f := range Formats {
		x, ok := codecs[f.Name]
		if !ok {
			t.Errorf("format %s is not tested", f.Name)
			continue
		}
		for _, d := range testDims {
			for _, side := range []Side{Keys, Values} {
				tile := build(x, side, d)
				if got := f.Bytes(side, d); got != len(tile) {
					t.Errorf("%s side %d d %d: %d bytes, want %d", f.Name, side, d, got, len(tile))
					continue
				}
				static := 0.0
				if f.Static {
					static = 0.375
				}
				for tok := range Tokens {
					for c := range d {
						stored, want := code(tok, c)&(1<<x.bits-1), 1.0
						switch {
						case x.scaled != nil:
							want = x.scaled(x.mults(tok, c/32), c, stored)
						case x.mults != nil:
							want = x.value(side, stored) * float64(x.mults(tok, c/32))
						default:
							want = x.value(side, stored)
						}
						switch {
						case f.Static:
							want *= static
						case x.block > 0:
							want *= scaleOf(tok, c/x.block)
						case x.scaleSize > 0:
							want *= scaleOf(tok, 0)
						}
						got := f.Decode(tile, side, d, tok, c, static)
						if got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
							t.Fatalf("%s side %d d %d token %d channel %d = %v, want %v", f.Name, side, d, tok, c, got, want)
						}
					}
				}
			}
		}
	}
}

// Sizes worked out by hand for one head dimension.
func TestBytes(t *testing.T) {
	want := map[string][2]int{ // d = 80: keys, values
		"f32": {20480, 20480}, "f16": {10240, 10240}, "bf16": {10240, 10240},
		"int8": {128 + 5120, 128 + 5120}, "int8-s32": {256 + 5120, 256 + 5120},
		"e4m3": {256 + 5120, 256 + 5120}, "e5m2": {256 + 5120, 256 + 5120}, "e4m3-static": {5120, 5120}, "e5m2-static": {5120, 5120},
		"nf4": {256 + 2560, 256 + 2560}, "nf4-b32": {384 + 2560, 384 + 2560}, "nf4-s32": {512 + 2560, 512 + 2560}, "nf4-b32-s32": {768 + 2560, 768 + 2560},
		"int4": {128 + 192 + 2560, 128 + 192 + 2560}, "nf4-dq": {128 + 192 + 2560, 128 + 192 + 2560},
	}
	for _, f := range Formats {
		if got := [2]int{f.Bytes(Keys, 80), f.Bytes(Values, 80)}; got != want[f.Name] {
			t.Errorf("%s: %v bytes, want %v", f.Name, got, want[f.Name])
		}
	}
	int4, _ := FormatByName("int4")
	if k, v := int4.Bytes(Keys, 59), int4.Bytes(Values, 59); k != 128+128+1920 || v != 128+128+1920 {
		t.Errorf("int4 d 59: %d and %d bytes", k, v)
	}
	bf16, _ := FormatByName("bf16")
	if k, v := bf16.Bytes(Keys, 59), bf16.Bytes(Values, 59); k != 7680 || v != 7552 {
		t.Errorf("bf16 d 59: %d and %d bytes", k, v)
	}
	if _, ok := FormatByName("q8_0"); ok {
		t.Error("unknown format found")
	}
}

// byteTypes are the 8-bit decoders with the names of their tables.
var byteTypes = map[string]func(byte) float64{"e4m3fn": E4M3, "e5m2": E5M2, "e4m3fnuz": E4M3FNUZ, "e5m2fnuz": E5M2FNUZ}

func same(a, b float64) bool {
	return math.IsNaN(a) && math.IsNaN(b) || a == b && math.Signbit(a) == math.Signbit(b)
}

func TestCodeTables(t *testing.T) {
	for name, decode := range byteTypes {
		table, err := cases.LoadCodeTable(cases.Sub(t, "methods", "tables", "fp8_"+name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		conv, err := cases.LoadConvert(cases.Sub(t, "conformance", "open", "fp", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if len(table.Values) != 256 || len(conv.Decode) != 256 {
			t.Fatalf("%s: %d and %d codes", name, len(table.Values), len(conv.Decode))
		}
		for c := range 256 {
			got := decode(byte(c))
			if !same(got, float64(table.Values[c])) || !same(got, float64(conv.Decode[c].Float())) {
				t.Errorf("%s code %#02x = %v, want %v", name, c, got, table.Values[c])
			}
		}
	}
	var table struct {
		F32Bits []cases.Bits32 `json:"f32_bits"`
	}
	if err := cases.LoadJSON(cases.Sub(t, "methods", "tables", "nf4.json"), &table); err != nil {
		t.Fatal(err)
	}
	nf, err := cases.LoadNF4(cases.Sub(t, "conformance", "open", "fp", "nf4.json"))
	if err != nil {
		t.Fatal(err)
	}
	for c := range 16 {
		if got := NF4(byte(c)); got != float64(table.F32Bits[c].Float()) || got != float64(nf.Codebook[c].Float()) {
			t.Errorf("NF4 code %d = %v", c, got)
		}
	}
}

// Without external data: values that the standards state.
func TestScalars(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, v := range []struct {
		what      string
		got, want float64
	}{
		{"f32 1", F32(0x3f800000), 1}, {"f32 min", F32(1), 0x1p-149}, {"f32 -inf", F32(0xff800000), -inf}, {"f32 nan", F32(0x7fc00001), nan},
		{"f32 -0", F32(0x80000000), math.Copysign(0, -1)}, {"f32 max", F32(0x7f7fffff), math.MaxFloat32},
		{"f16 max", F16(0x7bff), 65504}, {"f16 min", F16(1), 0x1p-24}, {"f16 inf", F16(0x7c00), inf}, {"f16 nan", F16(0x7e00), nan},
		{"bf16 1", BF16(0x3f80), 1}, {"bf16 -2", BF16(0xc000), -2}, {"bf16 inf", BF16(0x7f80), inf}, {"bf16 min", BF16(1), 0x1p-133},
		{"e4m3 max", E4M3(0x7e), 448}, {"e4m3 nan", E4M3(0xff), nan}, {"e4m3 min", E4M3(1), 0x1p-9},
		{"e5m2 max", E5M2(0x7b), 57344}, {"e5m2 inf", E5M2(0xfc), -inf}, {"e5m2 nan", E5M2(0x7d), nan},
		{"e4m3fnuz max", E4M3FNUZ(0x7f), 240}, {"e4m3fnuz nan", E4M3FNUZ(0x80), nan},
		{"e5m2fnuz max", E5M2FNUZ(0x7f), 57344}, {"e5m2fnuz nan", E5M2FNUZ(0x80), nan}, {"e5m2fnuz min", E5M2FNUZ(1), 0x1p-17},
	} {
		if !same(v.got, v.want) {
			t.Errorf("%s = %v, want %v", v.what, v.got, v.want)
		}
	}
	for bits := range uint32(1 << 16) { // binary16 and bfloat16 against binary32 arithmetic
		if got, want := BF16(uint16(bits)), float64(math.Float32frombits(bits<<16)); !same(got, want) {
			t.Fatalf("bf16 %#04x = %v, want %v", bits, got, want)
		}
	}
	for i := range uint32(1 << 16) {
		bits := i * 65521
		if got, want := F32(bits), float64(math.Float32frombits(bits)); !same(got, want) {
			t.Fatalf("f32 %#08x = %v, want %v", bits, got, want)
		}
	}
}

// The saturating run tables are the proof that NearestCode means what the standards mean.
func TestNearestCode(t *testing.T) {
	for name, decode := range byteTypes {
		conv, err := cases.LoadConvert(cases.Sub(t, "conformance", "open", "fp", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		check := func(bits uint32, want byte) {
			x := float64(math.Float32frombits(bits))
			if math.IsNaN(x) {
				return
			}
			n++
			if got := NearestCode(x, 256, decode); got != want {
				t.Errorf("%s: %v (%#08x) gives %#02x, want %#02x", name, x, bits, got, want)
			}
		}
		for _, p := range conv.Points {
			check(p.Bits, p.Codes["sat"])
		}
		runs := conv.Runs["sat"]
		for i, r := range runs {
			check(r.First, r.Code)
			if i > 0 {
				check(r.First-1, runs[i-1].Code)
			}
		}
		if n < 2000 {
			t.Errorf("%s: only %d points", name, n)
		}
	}
}

func TestHadamard(t *testing.T) {
	if got := fmt.Sprint(Hadamard([]float64{1, 2, 3, 4})); got != "[5 -1 -2 0]" {
		t.Errorf("H4 = %s", got)
	}
	for _, d := range testDims {
		x := make([]float64, d)
		for c := range x {
			x[c] = math.Sin(float64(c*c + d))
		}
		y := Hadamard(x)
		if n := norm(y); math.Abs(n-norm(x)) > 1e-12 {
			t.Errorf("d %d: norm %v becomes %v", d, norm(x), n)
		}
		if e := distance(Hadamard(y), x); e > 1e-12 {
			t.Errorf("d %d: not its own inverse, error %v", d, e)
		}
	}
	// 80 = 64 + 16: a unit vector spreads over its own part only.
	x := make([]float64, 80)
	x[64] = 1
	for c, v := range Hadamard(x) {
		want := 0.0
		if c >= 64 {
			want = 0.25
		}
		if v != want {
			t.Errorf("unit vector 64, channel %d = %v, want %v", c, v, want)
		}
	}
}

// Integer arithmetic reads nf4 under the largest scale of a token. Values by hand: ratios 1 − 2⁻¹⁵, 1/2 and −1.
func TestNF4Integers(t *testing.T) {
	f, _ := FormatByName("nf4-b32-s32")
	const d, token = 96, 9
	tile := make([]byte, f.Bytes(Values, d))
	put := func(scales ...float32) {
		for b, s := range scales {
			binary.LittleEndian.PutUint32(tile[4*(b*Tokens+token):], math.Float32bits(s))
		}
	}
	codes := tile[4*3*Tokens:]
	for c := range d {
		codes[(token/8*d+c)*4+token%4] = 0x11 * byte(c%16)
	}
	put(254, 127, -254)
	scale, got := f.Integers(tile, Values, d, token)
	if scale != 2 {
		t.Fatalf("scale %v, want 2", scale)
	}
	for c, q := range got {
		level := float64(nf4Levels[c%16])
		want := [...]float64{level, math.Floor(level/2 + 0.5), math.Floor(-level + 0.5)}[c/32]
		if q != want {
			t.Errorf("code %v of channel %d, want %v", q, c, want)
		}
	}
	for _, c := range []struct {
		scales []float32
		nan    bool
	}{{[]float32{0, 0, 0}, false}, {[]float32{1, float32(math.NaN()), float32(math.Inf(1))}, true}, {[]float32{float32(math.Inf(1)), 1, 1}, true}} {
		put(c.scales...)
		scale, got := f.Integers(tile, Values, d, token)
		for i, q := range got {
			if q != 0 {
				t.Errorf("scales %v: code %v of channel %d", c.scales, q, i)
			}
		}
		if x := scale * got[0]; math.IsNaN(x) != c.nan || !c.nan && x != 0 {
			t.Errorf("scales %v: value %v", c.scales, x)
		}
	}
}
