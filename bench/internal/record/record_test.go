package record

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// The keys of a line, in order.
const keys = "op k v p heads kv_heads d q n threads tier min_us median_us kv_gbps gops roof roof_fraction rel_l2 max_abs"

func TestSchema(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, New("decode"), New("read")); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines for 2 rows", len(lines))
	}
	dec := json.NewDecoder(strings.NewReader(lines[0]))
	var got []string
	for depth, key := 0, true; ; {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		switch tok {
		case json.Delim('{'):
			depth++
		case json.Delim('}'):
			depth--
		default:
			if key {
				got = append(got, tok.(string))
			}
			key = !key
		}
	}
	if s := strings.Join(got, " "); s != keys {
		t.Errorf("keys %q, want %q", s, keys)
	}
}

func TestRoundTrip(t *testing.T) {
	r := New("decode")
	r.K, r.V, r.P, r.Heads, r.KVHeads, r.D, r.Q, r.N, r.Threads = "int8", "int4", "u8", 32, 8, 128, 1, 4096, 2
	r.Tier, r.MinUS, r.MedianUS, r.Roof, r.RoofFraction, r.RelL2 = "avx2", 123.4, 130, "dram", 0.75, 1.3e-2
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	rows, err := Read(&b)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	got := rows[0]
	for _, n := range []Number{got.KVGBps, got.GOps, got.MaxAbs} {
		if !math.IsNaN(float64(n)) {
			t.Errorf("null became %v", n)
		}
	}
	got.KVGBps, got.GOps, got.MaxAbs, r.KVGBps, r.GOps, r.MaxAbs = 0, 0, 0, 0, 0, 0 // NaN is not equal to itself
	if got != r {
		t.Errorf("%+v became %+v", r, got)
	}
	if name := got.Name(); name != "decode/32x8/d128/q1/n4096/int8/int4/t2" {
		t.Error(name)
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		n    Number
		want string
	}{{1.0 / 3, "0.3333"}, {123456, "1.235e+05"}, {0, "0"}, {NA(), "null"}, {Number(math.Inf(1)), "null"}} {
		if b, err := json.Marshal(c.n); err != nil || string(b) != c.want {
			t.Errorf("%v: %s, %v, want %s", float64(c.n), b, err, c.want)
		}
	}
}

func TestReadRejects(t *testing.T) {
	for _, line := range []string{`{"op":"decode","speed":1}`, `{"op":`, `[]`} {
		if _, err := Read(strings.NewReader("\n" + line)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: error %v", line, err)
		}
	}
}
