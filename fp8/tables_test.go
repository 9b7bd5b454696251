package fp8

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

var overflows = []Overflow{Saturate, SaturateFinite, NonSaturating}

// columns names the overflow rules as the conversion data does.
var columns = map[string]Overflow{
	"sat": Saturate, "satfinite": SaturateFinite, "nonsat": NonSaturating,
}

// run says that code holds for the float32 patterns from first to the next run.
type run struct {
	first uint32
	code  uint8
}

// table is the expected behaviour of one type: testdata/<name>.txt.
type table struct {
	decode [256]uint32 // float32 pattern; nanPattern for NaN
	text   [256]string
	runs   [3][]run // by Overflow
}

const nanPattern = 0x7FC0_0000

func loadTable(tb testing.TB, name string) *table {
	tb.Helper()
	f, err := os.Open("testdata/" + name + ".txt")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()

	var t table
	code, rows := 0, (*[]run)(nil)
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		a, b, _ := strings.Cut(line, " ")
		switch {
		case a == "#" || a == "decode":
		case a == "runs":
			o, ok := columns[b]
			if !ok {
				tb.Fatalf("%s: unknown rule %q", name, b)
			}
			rows = &t.runs[o]
		case rows == nil:
			t.decode[code] = nanPattern
			if a != "nan" {
				t.decode[code] = hex(tb, a)
			}
			t.text[code] = b
			code++
		default:
			*rows = append(*rows, run{hex(tb, a), uint8(hex(tb, b))})
		}
	}
	if code != 256 || len(t.runs[0]) < 200 || len(t.runs[1]) < 200 || len(t.runs[2]) < 200 {
		tb.Fatalf("%s: truncated table", name)
	}
	return &t
}

func hex(tb testing.TB, s string) uint32 {
	v, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 32)
	if err != nil {
		tb.Fatal(err)
	}
	return uint32(v)
}

// at returns the expected code of the float32 pattern b.
func (t *table) at(o Overflow, b uint32) uint8 { return t.runs[o][t.find(o, b)].code }

// find returns the index of the run that holds the float32 pattern b.
func (t *table) find(o Overflow, b uint32) int {
	runs := t.runs[o]
	lo, hi := 0, len(runs) // runs[lo].first ≤ b < runs[hi].first
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; runs[mid].first <= b {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// oracle converts by searching the grid: it counts the midpoints below |x|. It uses
// nothing but the definition of the encoding.
type oracle struct {
	name       string
	bias, m    int
	max        int // code of the largest finite value
	inf        int // code of +Inf, or −1
	fnuz       bool
	nan        int
	hasMinus0  bool
	boundaries []float64 // boundaries[i]: midpoint of the magnitudes i and i+1
}

func newOracle(name string, bias, m, max, inf, nan int) *oracle {
	o := &oracle{name: name, bias: bias, m: m, max: max, inf: inf, nan: nan, fnuz: nan == 0x80}
	o.hasMinus0 = !o.fnuz
	for i := 0; i <= max; i++ {
		o.boundaries = append(o.boundaries, (o.magnitude(i)+o.magnitude(i+1))/2)
	}
	return o
}

// magnitude is the value of the magnitude code i, also beyond max.
func (o *oracle) magnitude(i int) float64 {
	e, f := i>>o.m, i&(1<<o.m-1)
	if e == 0 {
		return math.Ldexp(float64(f), 1-o.bias-o.m)
	}
	return math.Ldexp(float64(1<<o.m+f), e-o.bias-o.m)
}

func (o *oracle) value(c int) float64 {
	mag := c & 0x7F
	v := o.magnitude(mag)
	switch {
	case o.fnuz && c == 0x80:
		return math.NaN()
	case mag == o.inf:
		v = math.Inf(1)
	case mag > o.max:
		return math.NaN()
	}
	if c >= 0x80 {
		v = -v
	}
	return v
}

func (o *oracle) convert(x float64, rule Overflow) uint8 {
	large := o.inf
	if large < 0 {
		large = o.nan
	}
	n, a := 0, math.Abs(x)
	switch {
	case x != x:
		n = o.nan
	case math.IsInf(x, 0):
		if n = large; rule == Saturate {
			n = o.max
		}
	default:
		for n <= o.max && (a > o.boundaries[n] || a == o.boundaries[n] && n&1 == 1) {
			n++
		}
		if n > o.max {
			if n = large; rule != NonSaturating {
				n = o.max
			}
		}
	}
	if math.Signbit(x) && (n != 0 || o.hasMinus0) {
		n |= 0x80
	}
	return uint8(n)
}

// subject is one type with its generic functions bound and its expectations.
type subject struct {
	*oracle
	format    *format
	fromF32   func(float32, Overflow) uint8
	fromF64   func(float64, Overflow) uint8
	fromF16   func(uint16, Overflow) uint8
	fromBF16  func(uint16, Overflow) uint8
	random    func(x float32, r uint32, k uint, o Overflow) uint8
	encode    func(dst []uint8, src []float32, o Overflow)
	float32   func(uint8) float32
	amaxBias  func(float32) int
	absScale  func(float32) float32
	amaxScale func(float32) float32
}

func bind[T Float8](o *oracle) subject {
	var t T
	var buf []T
	return subject{
		oracle:   o,
		format:   t.format(),
		fromF32:  func(x float32, o Overflow) uint8 { return uint8(FromFloat32[T](x, o)) },
		fromF64:  func(x float64, o Overflow) uint8 { return uint8(FromFloat64[T](x, o)) },
		fromF16:  func(h uint16, o Overflow) uint8 { return uint8(FromFloat16[T](h, o)) },
		fromBF16: func(b uint16, o Overflow) uint8 { return uint8(FromBFloat16[T](b, o)) },
		random: func(x float32, r uint32, k uint, o Overflow) uint8 {
			return uint8(FromFloat32Stochastic[T](x, r, k, o))
		},
		encode: func(dst []uint8, src []float32, o Overflow) {
			buf = append(buf[:0], make([]T, len(src))...)
			if n := EncodeSliceOverflow(buf, src, o); n != len(src) {
				panic(fmt.Sprintf("EncodeSliceOverflow converted %d of %d", n, len(src)))
			}
			for i, c := range buf {
				dst[i] = uint8(c)
			}
		},
		float32:   func(c uint8) float32 { return T(c).Float32() },
		amaxBias:  AmaxBias[T],
		absScale:  AbsMaxScale[T],
		amaxScale: AmaxScale[T],
	}
}

func subjects() []subject {
	return []subject{
		bind[E4M3](newOracle("e4m3fn", 7, 3, 0x7E, -1, 0x7F)),
		bind[E5M2](newOracle("e5m2", 15, 2, 0x7B, 0x7C, 0x7E)),
		bind[E4M3FNUZ](newOracle("e4m3fnuz", 8, 3, 0x7F, -1, 0x80)),
		bind[E5M2FNUZ](newOracle("e5m2fnuz", 16, 2, 0x7F, -1, 0x80)),
	}
}

// forEach runs f as a subtest for each type.
func forEach(t *testing.T, f func(t *testing.T, s subject)) {
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) { f(t, s) })
	}
}
