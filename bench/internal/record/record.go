// Package record is the line format of measurements: one JSON object per line, the
// same keys in every line.
package record

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
)

// Number is a float64 that JSON shows with four significant digits, and as null when
// it is NaN: not measured, or without meaning for this operation.
type Number float64

// NA is the Number that is none.
func NA() Number { return Number(math.NaN()) }

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsNaN(f) || math.IsInf(f, 0) {
		return []byte("null"), nil
	}
	return fmt.Appendf(nil, "%.4g", float64(n)), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = NA()
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// Row is one measurement.
type Row struct {
	// Op is what was measured: "decode", "prefill", "encoder"; "append", "append bulk";
	// "exp2"; "asm NAME", a kernel of the table; "read" and "peak", limits of the machine.
	Op string `json:"op"`
	// K and V name the storage formats, "+rot" when rotated; P is the arithmetic of the
	// weights, "f32" or "u8". In a peak, K is the class of arithmetic.
	K string `json:"k"`
	V string `json:"v"`
	P string `json:"p"`

	Heads   int `json:"heads"`
	KVHeads int `json:"kv_heads"`
	D       int `json:"d"`
	Q       int `json:"q"` // query rows
	N       int `json:"n"` // stored tokens; bytes of the working set in a read
	Threads int `json:"threads"`

	Tier string `json:"tier"` // CPU tier of the kernels, or name and version of another library

	MinUS    Number `json:"min_us"`
	MedianUS Number `json:"median_us"`
	// KVGBps is stored bytes, each counted once, over the smallest time; for append the
	// float32 bytes read; for a read its rate.
	KVGBps Number `json:"kv_gbps"`
	// GOps is useful operations over the smallest time, in 1e9/s: a multiply-add is two,
	// masked keys are none; elements for exp2.
	GOps Number `json:"gops"`
	// Roof names the limit that binds, RoofFraction is the time it allows over the
	// smallest time.
	Roof         string `json:"roof"`
	RoofFraction Number `json:"roof_fraction"`
	// RelL2 and MaxAbs are the error against float64 attention over the inputs before
	// quantization, on a sample of rows.
	RelL2  Number `json:"rel_l2"`
	MaxAbs Number `json:"max_abs"`
}

// New returns a row for op without any number.
func New(op string) Row {
	return Row{Op: op, MinUS: NA(), MedianUS: NA(), KVGBps: NA(), GOps: NA(), RoofFraction: NA(), RelL2: NA(), MaxAbs: NA()}
}

// Codec names the formats of a row: "int8", or "int8/int4" when they differ.
func (r Row) Codec() string {
	if r.K == r.V {
		return r.K
	}
	return r.K + "/" + r.V
}

// Foreign reports whether a row is of another library. Names of tiers have no space.
func (r Row) Foreign() bool { return strings.Contains(r.Tier, " ") }

// Name identifies what a row measured.
func (r Row) Name() string {
	if strings.HasPrefix(r.Op, "asm ") || r.Heads == 0 {
		return strings.TrimSpace(r.Op + " " + r.Codec())
	}
	return fmt.Sprintf("%s/%dx%d/d%d/q%d/n%d/%s/t%d", r.Op, r.Heads, r.KVHeads, r.D, r.Q, r.N, r.Codec(), r.Threads)
}

// Write writes rows, one per line.
func Write(w io.Writer, rows ...Row) error {
	enc := json.NewEncoder(w)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// Read reads rows until the end of r. A line with other keys is an error.
func Read(r io.Reader) (rows []Row, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		row := New("")
		dec := json.NewDecoder(strings.NewReader(lines.Text()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&row); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		rows = append(rows, row)
	}
	return rows, lines.Err()
}
