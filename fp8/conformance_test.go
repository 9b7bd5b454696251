package fp8

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// dataDir returns the folder of the shared conformance data: QATTN_DATA, or
// "shared" beside the project root. Without it the tests of this file are skipped;
// testdata holds what the others need.
func dataDir(t *testing.T) string {
	dir := os.Getenv("QATTN_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "conformance")); err != nil {
		t.Skip("no conformance data; set QATTN_DATA")
	}
	return dir
}

func readJSON(t *testing.T, v any, path ...string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestConformancePoints checks the tagged points (halfway cases, double-rounding
// traps, NaN payloads …) and that testdata still equals its source.
func TestConformancePoints(t *testing.T) {
	dir := dataDir(t)
	forEach(t, func(t *testing.T, s subject) {
		var data struct {
			Points [][]any
			Sat    [][2]any `json:"runs_sat"`
			SatFin [][2]any `json:"runs_satfinite"`
			NonSat [][2]any `json:"runs_nonsat"`
		}
		readJSON(t, &data, dir, "conformance", "open", "fp", s.name+".json")
		if len(data.Points) < 3000 {
			t.Fatalf("only %d points", len(data.Points))
		}
		for _, p := range data.Points {
			x := math.Float32frombits(hex(t, p[0].(string)))
			for o, want := range p[1:4] {
				if got := s.fromF32(x, Overflow(o)); got != uint8(want.(float64)) {
					t.Errorf("%v %s (%s): %02x, want %02x", Overflow(o), p[0], p[4], got, int(want.(float64)))
				}
			}
		}
		local := loadTable(t, s.name)
		for o, runs := range [][][2]any{data.Sat, data.SatFin, data.NonSat} {
			if len(runs) != len(local.runs[o]) {
				t.Fatalf("%v: %d runs in testdata, %d in the source", Overflow(o), len(local.runs[o]), len(runs))
			}
			for i, r := range runs {
				if (run{hex(t, r[0].(string)), uint8(r[1].(float64))}) != local.runs[o][i] {
					t.Errorf("%v: run %d of testdata differs from its source", Overflow(o), i)
				}
			}
		}
	})
}

// TestEncodeCases checks a second table of conversions, computed independently. It
// follows the ONNX documentation for saturating infinities of the FNUZ types (NaN),
// where this package follows the ONNX data (±largest): four known differences.
func TestEncodeCases(t *testing.T) {
	var data struct {
		Cases []struct {
			Bits   string `json:"f32_bits"`
			Sat    map[string]int
			NonSat map[string]int
		}
	}
	readJSON(t, &data, dataDir(t), "methods", "tables", "fp8_encode_cases.json")
	differ := 0
	for _, c := range data.Cases {
		b := hex(t, c.Bits)
		x := math.Float32frombits(b)
		for _, s := range subjects() {
			if got, want := s.fromF32(x, NonSaturating), uint8(c.NonSat[s.name]); got != want {
				t.Errorf("%s nonsat %s: %02x, want %02x", s.name, c.Bits, got, want)
			}
			got, want := s.fromF32(x, Saturate), uint8(c.Sat[s.name])
			if got != want && b&magMask == infBits && s.fnuz && want == 0x80 {
				differ++
			} else if got != want {
				t.Errorf("%s sat %s: %02x, want %02x", s.name, c.Bits, got, want)
			}
		}
	}
	if len(data.Cases) < 1000 || differ != 4 {
		t.Errorf("%d cases, %d differences about infinities; want 4", len(data.Cases), differ)
	}
}
