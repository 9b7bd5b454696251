package asm

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"unsafe"
)

// dims holds head dimensions around every vector width and layout edge.
var dims = []int{1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 40, 59, 63, 64, 65, 80, 96, 111, 128, 129, 192, 256, 257, 576, 1024}

// grid yields shapes in which every pair of (m, n), (m, d) and (n, d) occurs, each
// with a kind of data and a placement.
func grid(uses string, yield func(i, m, n, d int)) {
	thin := 1 // slow builds and emulators take every so many
	switch {
	case raceEnabled:
		thin = 17
	case testing.Short():
		thin = 7
	}
	i := 0
	visit := func(m, n, d int) {
		if i%thin == 0 {
			yield(i, m, n, d)
		}
		i++
	}
	switch uses {
	case "mnd":
		for n := 1; n <= Tile; n++ {
			for j, d := range dims {
				visit(1+(5*n+j)%17, n, d)
			}
		}
	case "nd":
		for n := 1; n <= Tile; n++ {
			for _, d := range dims {
				visit(1, n, d)
			}
		}
	case "mn":
		for n := 1; n <= Tile; n++ {
			for m := range 17 {
				visit(m+1, n, 1)
				visit(m+1, n, 1)
			}
		}
	case "m":
		for m := range 70 {
			for range 4 * numKinds {
				visit(m+1, 1, 1)
			}
		}
	case "md":
		for d := range 300 {
			for j := range int(numKinds) {
				visit(1+(d+3*j)%17, 1, d+1)
			}
		}
		for _, d := range dims {
			visit(3, 1, d)
		}
	case "d":
		for d := range 300 {
			for range numKinds {
				visit(1, 1, d)
			}
		}
		for _, d := range dims {
			visit(1, 1, d)
		}
	case "p":
		for d := 1; d <= 1024; d *= 2 {
			for range 4 * numKinds {
				visit(1, 1, d)
			}
		}
	default:
		panic("no grid for " + uses)
	}
}

// placements are an operand end at the upper guard page, a start at the lower one,
// and one of the unaligned starts between.
func placements(i int) []placement {
	off := [...]int{1, 3, 4, 7, 8, 12, 17, 20, 31, 32, 36, 44, 52, 60, 63}[i%15]
	return []placement{{true, 0}, {false, 0}, {i%2 == 0, off}}
}

// family returns the rows of one contract that this machine can run, generic first.
func family(name string) (rows []Entry) {
	for _, e := range All() {
		if e.Family() == name && e.Available(have) {
			rows = append(rows, e)
		}
	}
	return rows
}

// TestKernels holds every row of the table to its contract.
func TestKernels(t *testing.T) {
	for _, e := range All() {
		if !e.Available(have) {
			t.Run(e.Name, func(t *testing.T) { t.Skipf("needs %v, have %v", e.Needs, have) })
		}
		if _, ok := drivers[e.Family()]; !ok {
			t.Errorf("%s: no driver for family %s", e.Name, e.Family())
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // oracles allocate much and keep little
	w := newWorkbench()
	defer w.free()
	for name, d := range drivers {
		t.Run(name, func(t *testing.T) {
			rows := family(name)
			errors := 0
			grid(d.uses, func(i, m, n, dim int) {
				if errors > 20 {
					return
				}
				g := newGen(uint64(i), kind(i%int(numKinds)))
				tr := d.trial(g, m, n, dim)
				for _, p := range placements(i) {
					w.run(tr, p, rows, func(e Entry, msg string) {
						errors++
						t.Errorf("%s: %s", e.Name, msg)
					})
				}
			})
		})
	}
}

// TestRequire makes a missing tier an error where the environment demands it, so
// that a test machine cannot lose coverage silently: QATTN_REQUIRE lists tiers that must
// be there, QATTN_TIER is the one that must be the highest.
func TestRequire(t *testing.T) {
	for name := range strings.FieldsFuncSeq(os.Getenv("QATTN_REQUIRE"), func(r rune) bool { return r == ',' || r == ' ' }) {
		tier, err := ParseTier(name)
		if err != nil {
			t.Fatal(err)
		}
		if tier&^have != 0 {
			t.Errorf("QATTN_REQUIRE: %s is not available, only %v", name, have)
		}
	}
	if want := os.Getenv("QATTN_TIER"); want != "" && have.String() != want {
		t.Errorf("QATTN_TIER: running %v, want %s", have, want)
	}
}

// peek reads the byte i of b, which may lie outside. The result is kept alive so that
// the load is not removed.
func peek(b []byte, i int) { peeked = *(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) }

var peeked byte

func pokeAt[T any](b []T, i int, x byte) {
	*(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) = x
}

// TestHarness runs kernels with one deliberate fault each and wants it reported.
func TestHarness(t *testing.T) {
	good := func(out, o []float32, l float32) { finishF32_generic(out, o, l) }
	for _, bad := range []struct {
		name, want string
		fenced     bool
		f          FinishF32Func
	}{
		{"none", "", false, good},
		{"over-read", "(input 1, byte 68 of 68)", true, func(out, o []float32, l float32) { good(out, o, l); peek(raw(o), 4*len(o)) }},
		{"under-read", "(input 1, byte -1 of 68)", true, func(out, o []float32, l float32) { good(out, o, l); peek(raw(o), -1) }},
		{"over-write", "outside its extent", false, func(out, o []float32, l float32) {
			good(out, o, l)
			if uintptr(unsafe.Pointer(&out[0]))&0xfff == 0 || !guarded { // far from the upper page
				pokeAt(out, 4*len(out), 1)
			}
		}},
		{"over-write at the page", "(output 0, byte 68 of 68)", true, func(out, o []float32, l float32) { good(out, o, l); pokeAt(out, 4*len(out), 1) }},
		{"under-write", "memory fault", true, func(out, o []float32, l float32) { good(out, o, l); pokeAt(out, -1, 1) }},
		{"input written", "input 1 modified", false, func(out, o []float32, l float32) { good(out, o, l); o[3] = 7 }},
		{"last element", "element 16 = ", false, func(out, o []float32, l float32) { good(out[:len(out)-1], o, l) }},
		{"one bit", "element 5 = ", false, func(out, o []float32, l float32) { good(out, o, l); pokeAt(out, 20, byte(raw(out)[20]^1)) }},
	} {
		t.Run(bad.name, func(t *testing.T) {
			if bad.fenced && !guarded {
				t.Skip("no guard pages on this system")
			}
			w := newWorkbench()
			defer w.free()
			tr := drivers["FinishF32"].trial(newGen(1, gauss), 1, 1, 17)
			rows := []Entry{{Name: "under test", Func: bad.f}}
			var got []string
			for _, p := range placements(4) {
				w.run(tr, p, rows, func(_ Entry, msg string) { got = append(got, msg) })
			}
			if all := strings.Join(got, "\n"); !strings.Contains(all, bad.want) || (len(got) == 0) != (bad.name == "none") {
				t.Errorf("want a report of %q, got %q", bad.want, all)
			}
		})
	}
	t.Run("write beyond n", func(t *testing.T) {
		w := newWorkbench()
		defer w.free()
		tr := drivers["ScaleF32"].trial(newGen(1, gauss), 3, 17, 1)
		bad := ScaleF32Func(func(y, a, b []float32, m, n int) { scaleF32_generic(y, a, b, m, n+1) })
		msgs := 0
		w.run(tr, placement{}, []Entry{{Name: "bad", Func: bad}}, func(_ Entry, msg string) {
			if strings.Contains(msg, "element 17 written") {
				msgs++
			}
		})
		if msgs == 0 {
			t.Error("a write to column n went unnoticed")
		}
	})
	t.Run("exact differs from generic", func(t *testing.T) {
		w := newWorkbench()
		defer w.free()
		tr := drivers["QKF32"].trial(newGen(1, gauss), 1, 16, 64)
		descending := QKF32Func(func(s, q, k []float32, m, n, d int, _ []byte) {
			for j := range 16 {
				var sum float32
				for c := d - 1; c >= 0; c-- {
					sum += q[c] * k[c*16+j]
				}
				s[j] = sum
			}
		})
		count := map[bool]int{}
		for _, exact := range []bool{false, true} {
			rows := []Entry{{Name: "generic", Exact: true, Func: QKF32Func(qkF32_generic)}, {Name: "descending", Exact: exact, Func: descending}}
			w.run(tr, placement{}, rows, func(Entry, string) { count[exact]++ })
		}
		if count[false] != 0 || count[true] == 0 {
			t.Errorf("reports: %v; want some for an exact row only", count)
		}
	})
}
