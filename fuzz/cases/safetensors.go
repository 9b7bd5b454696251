package cases

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strings"
)

// Dump is a safetensors file in memory: an 8-byte header length, a JSON header, raw little-endian arrays.
type Dump struct {
	// Meta is the free-form __metadata__ of the header.
	Meta    map[string]string
	entries map[string]dumpEntry
	data    []byte
}

type dumpEntry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// LoadDump reads a safetensors file.
func LoadDump(path string) (*Dump, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b) < 8 {
		return nil, fmt.Errorf("cases: %s: %d bytes", path, len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-8) {
		return nil, fmt.Errorf("cases: %s: header of %d bytes in a file of %d", path, n, len(b))
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		return nil, fmt.Errorf("cases: %s: %w", path, err)
	}
	d := &Dump{Meta: map[string]string{}, entries: map[string]dumpEntry{}, data: b[8+n:]}
	for name, raw := range header {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &d.Meta); err != nil {
				return nil, fmt.Errorf("cases: %s: %w", path, err)
			}
			continue
		}
		var e dumpEntry
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("cases: %s: %s: %w", path, name, err)
		}
		if e.Offsets[0] < 0 || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > len(d.data) {
			return nil, fmt.Errorf("cases: %s: %s: data offsets %v in %d bytes", path, name, e.Offsets, len(d.data))
		}
		d.entries[name] = e
	}
	return d, nil
}

// Names returns the sorted tensor names.
func (d *Dump) Names() []string {
	names := make([]string, 0, len(d.entries))
	for name := range d.entries {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Tensor returns the values (F32, F64 or I32, all exact in float64) and the shape of a tensor.
func (d *Dump) Tensor(name string) ([]float64, []int, error) {
	e, ok := d.entries[name]
	if !ok {
		return nil, nil, fmt.Errorf("cases: no tensor %q", name)
	}
	n := 1
	for _, s := range e.Shape {
		n *= s
	}
	b := d.data[e.Offsets[0]:e.Offsets[1]]
	x := make([]float64, n)
	width := map[string]int{"F32": 4, "I32": 4, "F64": 8}[e.DType]
	if width == 0 || len(b) != n*width {
		return nil, nil, fmt.Errorf("cases: tensor %q: %s of %d bytes for %d elements", name, e.DType, len(b), n)
	}
	for i := range x {
		switch e.DType {
		case "F32":
			x[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		case "I32":
			x[i] = float64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		case "F64":
			x[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
	}
	return x, e.Shape, nil
}

// Layer is one attention call of a dump with its float64 golden output.
type Layer struct {
	// Attention holds the problem; WantOut and WantLSE are the golden values rounded to float32.
	Attention
	// Out is [QLen][QHeads][DV] and LSE is [QLen][QHeads], as stored.
	Out, LSE []float64
}

// Layers converts every "<name>.q, .k, .v, .o, .lse" group of the dump, in the order of the names. The scale comes from the metadata; a group is
// causal when the metadata says so, or, in a dump of encoder, decoder and cross attention, when its name says decoder self attention.
func (d *Dump) Layers() ([]Layer, error) {
	var scale Number
	if err := scale.UnmarshalJSON([]byte(d.Meta["scale"])); err != nil {
		return nil, err
	}
	var layers []Layer
	for _, name := range d.Names() {
		group, ok := strings.CutSuffix(name, ".q")
		if !ok {
			continue
		}
		part := map[string][]float64{}
		shape := map[string][]int{}
		for _, s := range []string{"q", "k", "v", "o", "lse"} {
			x, dims, err := d.Tensor(group + "." + s)
			if err != nil {
				return nil, err
			}
			part[s], shape[s] = x, dims
		}
		q, k, v := shape["q"], shape["k"], shape["v"]
		l := Layer{Attention: Attention{
			Name: group, QHeads: q[0], KVHeads: k[0], DK: q[2], DV: v[2], QLen: q[1], KVLen: k[1], Scale: float64(scale),
			Causal: d.Meta["causal"] == "true" || strings.Contains(group, ".dec"), WindowLeft: -1, WindowRight: -1, OutType: "float32",
		}}
		l.Q = narrow(tokenMajor(part["q"], 0, q[0], q[1], q[2]))
		l.K = narrow(tokenMajor(part["k"], 0, k[0], k[1], k[2]))
		l.V = narrow(tokenMajor(part["v"], 0, v[0], v[1], v[2]))
		l.Out = tokenMajor(part["o"], 0, q[0], q[1], v[2])
		l.LSE = tokenMajor(part["lse"], 0, q[0], q[1], 1)
		l.WantOut, l.WantLSE = narrow(l.Out), narrow(l.LSE)
		layers = append(layers, l)
	}
	return layers, nil
}
