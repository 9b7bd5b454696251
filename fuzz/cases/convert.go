package cases

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// Convert is one fp-convert/1 table: how every float32 pattern converts to a narrow float type, and what every code means.
type Convert struct {
	Type   string
	Bits   int
	Max    float64
	Decode []Bits32
	// Runs holds one table per overflow policy: "sat" (finite overflow and infinities give the largest value), "satfinite" (only finite overflow
	// does), "nonsat" (overflow gives infinity or NaN).
	Runs map[string]Runs
	// SHA256 holds, per policy, the hash of the codes of all 2^32 patterns in order.
	SHA256 map[string]string
	Points []ConvertPoint
}

// ConvertPoint is one tagged conversion: a pattern and its code per policy.
type ConvertPoint struct {
	Bits  uint32
	Codes map[string]uint8
	Tag   string
}

// Run starts a stretch of float32 patterns with one code; it holds until the next run.
type Run struct {
	First uint32
	Code  uint8
}

// Runs is a run table over the whole unsigned 32-bit pattern space in ascending order; the first run starts at 0.
type Runs []Run

// UnmarshalJSON decodes [["0x00000000", 0], ...].
func (r *Runs) UnmarshalJSON(b []byte) error {
	var rows [][2]json.RawMessage
	if err := json.Unmarshal(b, &rows); err != nil {
		return err
	}
	*r = make(Runs, len(rows))
	for i, row := range rows {
		var first Bits32
		if err := json.Unmarshal(row[0], &first); err != nil {
			return err
		}
		(*r)[i].First = uint32(first)
		if err := json.Unmarshal(row[1], &(*r)[i].Code); err != nil {
			return err
		}
	}
	if len(*r) == 0 || (*r)[0].First != 0 {
		return fmt.Errorf("cases: run table does not start at 0")
	}
	return nil
}

// Code returns the code of a float32 pattern.
func (r Runs) Code(bits uint32) uint8 {
	return r[sort.Search(len(r), func(i int) bool { return r[i].First > bits })-1].Code
}

// LoadConvert reads one fp-convert/1 file.
func LoadConvert(path string) (*Convert, error) {
	var raw map[string]json.RawMessage
	if err := LoadJSON(path, &raw); err != nil {
		return nil, err
	}
	c := &Convert{Runs: map[string]Runs{}}
	var columns []string
	var points [][]json.RawMessage
	fields := map[string]any{
		"type": &c.Type, "bits": &c.Bits, "max": &c.Max, "decode_f32_bits": &c.Decode, "sha256_of_all_2p32_codes": &c.SHA256,
		"columns": &columns, "points": &points,
	}
	for name, value := range raw {
		var err error
		if policy, ok := strings.CutPrefix(name, "runs_"); ok {
			var runs Runs
			err = json.Unmarshal(value, &runs)
			c.Runs[policy] = runs
		} else if field, ok := fields[name]; ok {
			err = json.Unmarshal(value, field)
		}
		if err != nil {
			return nil, fmt.Errorf("cases: %s: %s: %w", path, name, err)
		}
	}
	for _, row := range points {
		p := ConvertPoint{Codes: map[string]uint8{}}
		for i, column := range columns {
			var err error
			switch column {
			case "f32_bits":
				var b Bits32
				err = json.Unmarshal(row[i], &b)
				p.Bits = uint32(b)
			case "tag":
				err = json.Unmarshal(row[i], &p.Tag)
			default:
				var code uint8
				err = json.Unmarshal(row[i], &code)
				p.Codes[column] = code
			}
			if err != nil {
				return nil, fmt.Errorf("cases: %s: points: %w", path, err)
			}
		}
		c.Points = append(c.Points, p)
	}
	return c, nil
}

// NF4 is the nf4/1 table: code book, thresholds and run table of the 4-bit normal-float type.
type NF4 struct {
	Codebook   []Bits32 `json:"codebook_f32_bits"`
	Thresholds []Bits32 `json:"thresholds_f32_bits"`
	Runs       Runs     `json:"runs"`
	// Anchor holds published error statistics per block size.
	Anchor struct {
		ErrMeanStd    map[string][2]float64 `json:"err_mean_std"`
		RelErrMeanStd map[string][2]float64 `json:"rel_err_mean_std"`
	} `json:"accuracy_anchor"`
}

// LoadNF4 reads the nf4/1 file.
func LoadNF4(path string) (*NF4, error) {
	n := new(NF4)
	return n, LoadJSON(path, n)
}

// LoadLog2Q reads the log2q/1 file: one run table per code width in bits ("2" to "7").
func LoadLog2Q(path string) (map[string]Runs, error) {
	var file struct {
		Runs map[string]Runs `json:"runs"`
	}
	err := LoadJSON(path, &file)
	return file.Runs, err
}

// MathPoint is one correctly rounded function value.
type MathPoint struct {
	X, Y Bits32
	Y64  Bits64
	Tag  string
}

// UnmarshalJSON decodes ["0x..", "0x..", "0x..", "tag"].
func (p *MathPoint) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&p.X, &p.Y, &p.Y64, &p.Tag})
}

// Math is one math-f32/1 table: a function ("exp", "exp2", "log2" or "tanh") on float32 arguments.
type Math struct {
	Function string      `json:"function"`
	Points   []MathPoint `json:"points"`
}

// LoadMath reads one math-f32/1 file.
func LoadMath(path string) (*Math, error) {
	m := new(Math)
	return m, LoadJSON(path, m)
}

// CodeTable is a table of the values of all codes of a format: JSON field "values" holds numbers and the strings of [Number].
type CodeTable struct {
	Name    string   `json:"name"`
	Values  []Number `json:"values"`
	F32Bits []Bits32 `json:"f32_bits"`
}

// LoadCodeTable reads a table of code values.
func LoadCodeTable(path string) (*CodeTable, error) {
	t := new(CodeTable)
	return t, LoadJSON(path, t)
}
