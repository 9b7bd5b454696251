package emulate

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/qattn/qattn/fuzz/cases"
	"github.com/qattn/qattn/reference"
)

// The blocks decode to what ggml's own quantizers stored, up to one code where x86 and
// Arm round ties to even and the portable code away from zero.
func TestBlocksAgainstGGML(t *testing.T) {
	raw, err := os.ReadFile(cases.Sub(t, "methods", "tables", "ggml_blocks_golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Name   string
			X      []cases.Bits32    `json:"x_f32_bits"`
			Blocks map[string]string `json:"blocks_hex"`
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range golden.Cases {
		x := make([]float32, blockSize)
		for i := range x {
			x[i] = c.X[i].Float()
		}
		for _, b := range []Block{Q80, Q40} {
			block, err := hex.DecodeString(c.Blocks[b.name])
			if err != nil {
				t.Fatal(err)
			}
			d := reference.F16(binary.LittleEndian.Uint16(block))
			ties := 0
			for i, got := range b.roundTrip(x) {
				var want float64
				if b.name == Q80.name {
					want = d * float64(int8(block[2+i]))
				} else {
					want = d * float64(int(block[2+i%16]>>(i/16*4)&15)-8)
				}
				if float64(got) == want {
					continue
				}
				ties++
				if math.Abs(float64(got)-want) > 1.001*math.Abs(d) {
					t.Errorf("%s, %s: element %d is %v, want %v", c.Name, b.name, i, got, want)
				}
			}
			if ties > 1 {
				t.Errorf("%s, %s: %d elements differ from ggml's", c.Name, b.name, ties)
			}
		}
	}
}

// A block of 0, 1, … has hand-made codes.
func TestBlocks(t *testing.T) {
	x := make([]float32, blockSize)
	x[0], x[1], x[2], x[3] = -8, 7.4, 0.49, 8
	got := Q40.roundTrip(x)
	for i, want := range []float32{-8, 7, 0, 7} { // d = 1: the positive end is clipped
		if got[i] != want {
			t.Errorf("q4_0 element %d is %v, want %v", i, got[i], want)
		}
	}
	x[0], x[1], x[2], x[3] = -127, 0.6, 2.4, 127
	got = Q80.roundTrip(x)
	for i, want := range []float32{-127, 1, 2, 127} {
		if got[i] != want {
			t.Errorf("q8_0 element %d is %v, want %v", i, got[i], want)
		}
	}
}

// A spike in one channel costs its block the other channels; the rotation spreads it.
func TestGGMLRotationHelpsOutliers(t *testing.T) {
	h := randomHead(8, 200, 128, false)
	for j := range h.NK {
		h.K[j*128+5] += 25
	}
	want := mustAttend(t, Exact(), h)
	plain := relL1(mustAttend(t, GGML(Q40, false), h).Out, want.Out)
	rotated := relL1(mustAttend(t, GGML(Q40, true), h).Out, want.Out)
	if !(rotated < 0.8*plain) {
		t.Errorf("relative L1 error %v with rotation, %v without", rotated, plain)
	}
}

// A binary16 accumulator adds 0.5 until it reaches 1024, where half a step of 1 is a
// tie that goes to the even 1024: the row stagnates there.
func TestF16AccumulatorStagnates(t *testing.T) {
	r := mustAttend(t, GGMLF16(), flatHead(4096, 0.5))
	near(t, "output", r.Out[0], 1024./4096, 1e-9)
	near(t, "LSE", r.LSE[0], math.Log(4096), 1e-9)
	r = mustAttend(t, GGMLF16(), flatHead(1000, 0.5))
	near(t, "output", r.Out[0], 0.5, 1e-9)
}
