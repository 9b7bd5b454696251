package cases

import (
	"fmt"
	"math"
)

// Grid is one attn-grid/1 case: attention at SIMD sizes with the expected rows of a float64 oracle.
type Grid struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Why      string `json:"why"`
	Dims     struct {
		B, Hq, Hkv, Sq, Skv, D, Dv int
	} `json:"dims"`
	Params struct {
		Causal      bool      `json:"causal"`
		QOffset     []int     `json:"q_offset"`
		KVLen       []int     `json:"kv_len"`
		WindowLeft  int       `json:"window_left"`
		WindowRight int       `json:"window_right"`
		Softcap     float64   `json:"softcap"`
		Scale       float64   `json:"scale"`
		ALiBiSlopes []float32 `json:"alibi_slopes"`
		Sinks       []float32 `json:"sinks"`
	} `json:"params"`
	Tensors  map[string]*GridTensor `json:"tensors"`
	Expected struct {
		Rows []int  `json:"rows"`
		Out  []byte `json:"out_f32"`
		LSE  []byte `json:"lse_f32"`
	} `json:"expected"`
}

// GridTensor is a tensor in one of three forms: a generator, raw float32, or codes with block scales.
type GridTensor struct {
	Shape  []int  `json:"shape"`
	DType  string `json:"dtype"`
	PRNG   *PRNG  `json:"prng"`
	Data   []byte `json:"data"`
	Codes  []byte `json:"codes"`
	Scales []byte `json:"scales_f32"`
	Block  int    `json:"block"`
}

// PRNG names a reproducible tensor: dist "u1" is uniform on [-1, 1), "g4" a bell of standard deviation 1.15; both times 2^Exp2.
type PRNG struct {
	Seed uint64 `json:"seed"`
	Dist string `json:"dist"`
	Exp2 int    `json:"exp2"`
}

// LoadGrid reads one attn-grid/1 file.
func LoadGrid(path string) (*Grid, error) {
	g := new(Grid)
	return g, LoadJSON(path, g)
}

// splitmix64 returns output i of the generator.
func splitmix64(seed, i uint64) uint64 {
	z := seed + (i+1)*0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Fill writes the generated values, all exact in float32.
func (p *PRNG) Fill(x []float64) error {
	for i := range x {
		u := splitmix64(p.Seed, uint64(i))
		switch p.Dist {
		case "u1":
			x[i] = float64(int64(u>>40)-1<<23) * 0x1p-23
		case "g4":
			sum := int64(u&0xffff) + int64(u>>16&0xffff) + int64(u>>32&0xffff) + int64(u>>48)
			x[i] = float64(sum-131070) * 0x1p-15
		default:
			return fmt.Errorf("cases: unknown distribution %q", p.Dist)
		}
		x[i] = math.Ldexp(x[i], p.Exp2)
	}
	return nil
}

// gridCodes maps the quantized types of a grid to their width and value.
var gridCodes = map[string]struct {
	bits   int
	decode func(uint32) float64
}{
	"e4m3fn": {8, decodeE4M3FN},
	"e5m2":   {8, decodeE5M2},
	"int8":   {8, decodeInt8},
	"int4":   {4, decodeInt4Offset},
	"nf4":    {4, decodeNF4},
	"mxfp4":  {4, decodeE2M1},
}

// Values returns the decoded tensor in its own order; exact tells whether every value is a float32.
func (t *GridTensor) Values() (x []float64, exact bool, err error) {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	x = make([]float64, n)
	switch {
	case t.PRNG != nil:
		return x, true, t.PRNG.Fill(x)
	case t.Codes != nil:
		format, ok := gridCodes[t.DType]
		if !ok {
			return nil, false, fmt.Errorf("cases: unknown code type %q", t.DType)
		}
		codes, err := unpack(t.Codes, n, format.bits)
		if err != nil {
			return nil, false, err
		}
		scales := float32s(t.Scales)
		if t.Block <= 0 || len(scales)*t.Block < n {
			return nil, false, fmt.Errorf("cases: %d scales of block %d for %d elements", len(scales), t.Block, n)
		}
		for i, c := range codes {
			x[i] = format.decode(c) * float64(scales[i/t.Block])
		}
		return x, false, nil
	case len(t.Data) == 4*n:
		for i, v := range float32s(t.Data) {
			x[i] = float64(v)
		}
		return x, true, nil
	}
	return nil, false, fmt.Errorf("cases: tensor of type %q with %d bytes for %d elements", t.DType, len(t.Data), n)
}

// Attention converts the case to one problem per batch element. Rows at and behind kv_len go to KTail and VTail.
func (g *Grid) Attention() ([]Attention, error) {
	d, p := g.Dims, &g.Params
	want := map[string][]int{"q": {d.B, d.Hq, d.Sq, d.D}, "k": {d.B, d.Hkv, d.Skv, d.D}, "v": {d.B, d.Hkv, d.Skv, d.Dv}}
	values := map[string][]float64{}
	inexact := map[string]bool{}
	for _, name := range []string{"q", "k", "v"} {
		t := g.Tensors[name]
		if t == nil || fmt.Sprint(t.Shape) != fmt.Sprint(want[name]) {
			return nil, fmt.Errorf("cases: %s: tensor %s missing or not of shape %v", g.Name, name, want[name])
		}
		x, exact, err := t.Values()
		if err != nil {
			return nil, fmt.Errorf("cases: %s: %s: %w", g.Name, name, err)
		}
		values[name], inexact[name] = x, !exact
	}
	var mask []float64
	var maskShape []int
	if t := g.Tensors["mask"]; t != nil {
		x, _, err := t.Values()
		if err != nil {
			return nil, fmt.Errorf("cases: %s: mask: %w", g.Name, err)
		}
		mask, maskShape = x, t.Shape
	}
	out, lse := float32s(g.Expected.Out), float32s(g.Expected.LSE)
	rows := g.Expected.Rows
	if rows == nil {
		rows = make([]int, d.B*d.Hq*d.Sq)
		for r := range rows {
			rows[r] = r
		}
	}
	if len(out) != len(rows)*d.Dv || len(lse) != len(rows) {
		return nil, fmt.Errorf("cases: %s: %d outputs and %d LSE for %d rows", g.Name, len(out), len(lse), len(rows))
	}

	batch := make([]Attention, d.B)
	for b := range batch {
		n := p.KVLen[b]
		a := Attention{
			Name: g.Name, QHeads: d.Hq, KVHeads: d.Hkv, DK: d.D, DV: d.Dv, QLen: d.Sq, KVLen: n,
			Scale: p.Scale, Softcap: p.Softcap, Causal: p.Causal, Offset: p.QOffset[b], WindowLeft: p.WindowLeft, WindowRight: p.WindowRight,
			ALiBi: p.ALiBiSlopes, SinkLogits: p.Sinks, OutType: "float32",
		}
		if d.B > 1 {
			a.Name = fmt.Sprintf("%s/%d", g.Name, b)
		}
		a.Q = narrow(tokenMajor(values["q"], b, d.Hq, d.Sq, d.D))
		k := tokenMajor(values["k"], b, d.Hkv, d.Skv, d.D)
		v := tokenMajor(values["v"], b, d.Hkv, d.Skv, d.Dv)
		k32, v32 := narrow(k), narrow(v)
		nk, nv := n*d.Hkv*d.D, n*d.Hkv*d.Dv
		a.K, a.KTail, a.V, a.VTail = k32[:nk:nk], k32[nk:], v32[:nv:nv], v32[nv:]
		if inexact["k"] {
			a.KExact = k[:nk:nk]
		}
		if inexact["v"] {
			a.VExact = v[:nv:nv]
		}
		if mask != nil {
			bias, err := expandBias(mask, maskShape, b, d.Hq, d.Sq, n)
			if err != nil {
				return nil, fmt.Errorf("cases: %s: %w", g.Name, err)
			}
			a.Bias = bias
		}
		a.WantOut = make([]float32, d.Sq*d.Hq*d.Dv)
		a.WantLSE = make([]float32, d.Sq*d.Hq)
		if g.Expected.Rows != nil {
			a.WantRows = make([]bool, d.Sq*d.Hq)
		}
		for r, flat := range rows {
			if flat/d.Sq/d.Hq != b {
				continue
			}
			row := flat%d.Sq*d.Hq + flat/d.Sq%d.Hq
			copy(a.WantOut[row*d.Dv:][:d.Dv], out[r*d.Dv:])
			a.WantLSE[row] = lse[r]
			if a.WantRows != nil {
				a.WantRows[row] = true
			}
		}
		batch[b] = a
	}
	return batch, nil
}

// narrow rounds to float32.
func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// expandBias broadcasts an additive mask of rank 0 to 4, aligned at the right with [B][heads][rows][keys], for batch element b. A last dimension
// shorter than the number of keys is padded with -Inf; a longer one is cut. The other dimensions are full or 1.
func expandBias(mask []float64, shape []int, b, heads, rows, keys int) ([]float32, error) {
	if len(shape) > 4 {
		return nil, fmt.Errorf("mask of rank %d", len(shape))
	}
	full := [4]int{1, 1, 1, 1}
	copy(full[4-len(shape):], shape)
	if full[0] != 1 && full[0] <= b || full[1] != 1 && full[1] != heads || full[2] != 1 && full[2] != rows {
		return nil, fmt.Errorf("mask shape %v does not broadcast to %d heads and %d rows", shape, heads, rows)
	}
	bias := make([]float32, heads*rows*keys)
	for h := range heads {
		for i := range rows {
			src := (((b%full[0])*full[1]+h%full[1])*full[2] + i%full[2]) * full[3]
			dst := bias[(h*rows+i)*keys:][:keys]
			for j := range dst {
				if j < full[3] {
					dst[j] = float32(mask[src+j])
				} else {
					dst[j] = float32(math.Inf(-1))
				}
			}
		}
	}
	return bias, nil
}
