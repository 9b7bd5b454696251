package accuracy

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qattn/qattn/bench/emulate"
	"github.com/qattn/qattn/fuzz/cases"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, tol)
	}
}

// Two rows of two channels: Δ = (1, −1), (1, 3), truth of magnitude 1, 2, 3, 4.
func TestMetrics(t *testing.T) {
	inf := math.Inf(-1)
	want := emulate.Result{Out: []float64{1, -2, 3, 4}, LSE: []float64{1, inf}}
	got := emulate.Result{Out: []float64{2, -3, 4, 7}, LSE: []float64{1.25, inf}}
	s := sum(got, want, 2)
	s.add(sum(want, want, 2)) // a head without error halves the rest
	r := s.row("a", "b")
	near(t, "rel_l1", r.RelL1, 6./20, 1e-15)
	near(t, "rel_l2", r.RelL2, math.Sqrt(12./60), 1e-15)
	near(t, "rmse", r.RMSE, math.Sqrt(12./8), 1e-15)
	near(t, "bias", r.Bias, (2.+2)/20, 1e-15) // channels: 1 + 1, −1 + 3
	near(t, "cosine", r.Cosine, (2.+6+12+28+30)/math.Sqrt((4.+9+16+49+30)*60), 1e-15)
	near(t, "lse_err", r.LSEErr, 0.25, 0)

	zero := sum(emulate.Result{Out: make([]float64, 4), LSE: want.LSE}, want, 2)
	if r := zero.row("", ""); r.RelL1 != 1 || !math.IsNaN(r.Cosine) {
		t.Errorf("output of zeros: %+v", r)
	}
	missing := sum(emulate.Result{Out: want.Out, LSE: []float64{1, 0}}, want, 2)
	if !math.IsInf(missing.lse, 1) {
		t.Errorf("an LSE of 0 for an empty row counts as %v", missing.lse)
	}
}

func TestRowJSON(t *testing.T) {
	b, err := json.Marshal(Row{System: `a "b"`, Family: "f", RelL1: 0.5, RelL2: math.Inf(1), Cosine: 0.9999999, RMSE: 1e-9, Bias: 0, LSEErr: math.NaN()})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"system":"a \"b\"","family":"f","rel_l1":0.5,"rel_l2":null,"cosine":0.9999999,"rmse":1e-09,"bias":0,"lse_err":null}`
	if string(b) != want {
		t.Errorf("%s, want %s", b, want)
	}
}

// A head is the same every time, its neighbours are others.
func TestFamiliesAreFixed(t *testing.T) {
	for _, f := range Synthetic(Size{Tokens: []int{1024}, Flat: []int{1024}, Heads: 2, FlatRows: 3}) {
		a, b, c := f.Head(0), f.Head(0), f.Head(1)
		if a.NK != 1024 || len(a.K) != 1024*dim || a.NQ == 0 || a.Scale != 1/math.Sqrt(dim) {
			t.Errorf("%s: a head of %d × %d", f.Name, a.NQ, a.NK)
		}
		for i := range a.K {
			if a.K[i] != b.K[i] {
				t.Fatalf("%s: head 0 changed", f.Name)
			}
		}
		if a.K[500] == c.K[500] {
			t.Errorf("%s: heads 0 and 1 share keys", f.Name)
		}
	}
}

// The distributions have the moments their description promises.
func TestFamilyShapes(t *testing.T) {
	heads := map[string]*emulate.Head{}
	for _, f := range Synthetic(Size{Tokens: []int{1024}, Flat: []int{1024}, Heads: 1, FlatRows: 8}) {
		heads[strings.TrimSuffix(f.Name, "/1k")] = f.Head(0)
	}
	deviation := func(x []float32) float64 {
		var s float64
		for _, v := range x {
			s += float64(v) * float64(v)
		}
		return math.Sqrt(s / float64(len(x)))
	}
	near(t, "gauss keys", deviation(heads["gauss"].K), 1.5, 0.02)
	near(t, "outlier keys", deviation(heads["fa3-outlier"].K), math.Sqrt(1.1), 0.02)
	near(t, "flat queries", deviation(heads["flat"].Q), 0.05, 0.005)
	near(t, "flat values", deviation(heads["flat"].V), math.Sqrt(1.25), 0.02)

	// RoPE keeps the norm of a pair: the large channels are found in pairs
	k := heads["llm-like"].K
	for c := range dim / 2 {
		var pair float64
		for j := 0; j < len(k); j += dim {
			pair += math.Hypot(float64(k[j+c]), float64(k[j+c+dim/2]))
		}
		pair /= 1024
		large := c == 3 || c == 29 || c == 44 || c == 51 || c == 60
		if large != (pair > 6) {
			t.Errorf("channels %d and %d have magnitude %v", c, c+dim/2, pair)
		}
	}

	// the first key of llm+sink holds several times the weight of any other
	h := heads["llm+sink"]
	for _, probe := range []struct {
		first  float32
		factor float64
	}{{1, 1}, {0, 0}} {
		h.V = make([]float32, len(h.V))
		h.V[0] = probe.first
		r, _ := emulate.Exact().Attend(h)
		var weight float64
		for i := range h.NQ {
			weight += r.Out[i*dim] / float64(h.NQ)
		}
		if probe.factor == 1 && weight < 0.3 || probe.factor == 0 && weight != 0 {
			t.Errorf("the sink has weight %v", weight)
		}
	}
}

// broken fails on every head.
type broken struct{}

func (broken) Name() string { return "broken" }
func (broken) Attend(*emulate.Head) (emulate.Result, error) {
	return emulate.Result{}, errors.New("no")
}

func TestRun(t *testing.T) {
	families := Synthetic(Size{Tokens: []int{1024}, Heads: 2})[:2]
	var calls int
	rows, skips, err := Run(context.Background(), []emulate.System{emulate.Exact(), broken{}, emulate.VLLMCPU()}, families, 2,
		func(done, total int, _ string) {
			calls++
			if done != calls || total != 4 {
				t.Errorf("call %d reports %d of %d", calls, done, total)
			}
		})
	if err != nil || calls != 4 || len(skips) != 2 || len(rows) != 4 {
		t.Fatalf("%d rows, %d skips, %d calls, %v", len(rows), len(skips), calls, err)
	}
	if rows[0].System != "exact" || rows[0].RelL1 != 0 || rows[0].LSEErr != 0 || rows[0].Family != families[0].Name {
		t.Errorf("exact attention against itself: %+v", rows[0])
	}
	again, _, _ := Run(context.Background(), []emulate.System{emulate.VLLMCPU()}, families, 1, func(int, int, string) {})
	if again[1] != rows[3] {
		t.Errorf("%+v with one goroutine, %+v with two", again[1], rows[3])
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Run(ctx, []emulate.System{emulate.Exact()}, families, 1, func(int, int, string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancellation: %v", err)
	}
}

// leaderboardFamilies are the columns of the tables below.
var leaderboardFamilies = []string{"gauss/1k", "fa3-outlier/1k", "llm-like/1k", "llm+sink/1k", "flat/1k"}

// leaderboard holds the relative L1 errors of the emulations when they were written, four
// heads a family. An independent simulation of the same distributions agrees within the
// spread from head to head.
var leaderboard = map[string][]float64{
	"SageAttention2 8+8":              {0.0354, 0.0451, 0.0101, 0.0218},
	"SageAttention2++ 8+8":            {0.036, 0.0452, 0.01, 0.0217},
	"FlashAttention-3 FP8":            {0.0797, 0.0702, 0.0136, 0.0371},
	"FlashAttention-3 FP8 + Hadamard": {0.0842, 0.0575, 0.0211, 0.044},
	"INT-FlashAttention":              {0.033, 0.08, 0.0219, 0.28},
	"IntAttention":                    {0.113, 0.343, 0.244, 0.256},
	"torchao/oneDNN u8":               {0.0926, 0.31, 0.249, 0.37},
	"ONNX Runtime int8 per tensor":    {0.022, 0.0888, 0.0107, 0.0581},
	"ONNX Runtime int8 per channel":   {0.0165, 0.0246, 0.00266, 0.0195},
	"vLLM CPU e4m3":                   {0.14, 0.128, 0.0496, 0.074},
	"ggml f16":                        {0.00328, 0.00385, 0.00956, 0.0101},
	"ggml q8_0":                       {0.0149, 0.018, 0.00638, 0.0115},
	"ggml q8_0 + Hadamard":            {0.016, 0.0106, 0.00386, 0.00933},
	"ggml q4_0":                       {0.186, 0.234, 0.102, 0.145},
	"ggml q4_0 + Hadamard":            {0.181, 0.144, 0.0584, 0.0947},
	"KIVI-4":                          {0.169, 0.109, 0.0291, 0.0534},
	"KIVI-2":                          {0.87, 0.588, 0.177, 0.29},
}

// budgets are what the library may be wrong by, for all families.
var budgets = map[string][]float64{
	"qattn plain f32":            {1e-5, 1e-5, 1e-5, 1e-5, 1e-5},
	"qattn K8V8":                 {.035, .035, .0045, .005, 6e-4},
	"qattn K8V8 no Hadamard":     {.035, .045, .007, .010, 6e-4},
	"qattn K4V4":                 {.27, .20, .040, .042, .007},
	"qattn plain e4m3-static(1)": {.10, .10, .014, .032, .0026},
	"qattn P u16":                {1e-4, 1e-4, 1e-5, 2e-4, 1e-6},
	"qattn P u8":                 {.008, .009, .0015, .015, 1e-4}, // of eight times as many keys a half to a sixth
	"qattn P log2-4":             {.07, .10, .019, .035, .003},
	"qattn P log2-3-wide":        {.08, .11, .020, .035, .003},
}

// orderings are between systems of the same width, on one family.
var orderings = []struct {
	system, than, family string
	by                   float64
}{
	{"qattn K8V8", "ggml q8_0", "llm-like/1k", 0.7},
	{"qattn K8V8", "ggml q8_0", "llm+sink/1k", 0.5},
	{"qattn K8V8", "ggml q8_0 + Hadamard", "llm-like/1k", 1},
	{"qattn K8V8", "SageAttention2 8+8", "llm-like/1k", 0.5},
	{"qattn K4V4", "ggml q4_0 + Hadamard", "llm-like/1k", 0.7},
	{"qattn K4V4", "ggml q4_0 + Hadamard", "llm+sink/1k", 0.7},
	{"qattn P u8", "qattn P e4m3", "llm-like/1k", 1},
	{"qattn P u16", "qattn P u8", "gauss/1k", 0.1},
	{"qattn P static-u8, dynamic correction", "qattn P static-u8", "flat/1k", 0.1},
	{"qattn P static-u8, static correction", "qattn P static-u8", "llm-like/1k", 0.5},
}

func TestLeaderboard(t *testing.T) {
	var systems []emulate.System
	needed := map[string]bool{}
	for _, o := range orderings {
		needed[o.system], needed[o.than] = true, true
	}
	for _, s := range append(emulate.Systems(), ownAsSystems()...) {
		if name := s.Name(); leaderboard[name] != nil || budgets[name] != nil || needed[name] {
			systems = append(systems, s)
		}
	}
	rows, skips, err := Run(context.Background(), systems, Synthetic(Size{Tokens: []int{1024}, Flat: []int{1024}, Heads: 4, FlatRows: 8}), 2, func(int, int, string) {})
	if err != nil || len(skips) > 0 {
		t.Fatal(err, skips)
	}
	got := map[string]map[string]float64{}
	for _, r := range rows {
		if got[r.System] == nil {
			got[r.System] = map[string]float64{}
		}
		got[r.System][r.Family] = r.RelL1
	}
	for name, want := range leaderboard {
		for i, w := range want {
			if g := got[name][leaderboardFamilies[i]]; !(math.Abs(g-w) <= 0.02*w) {
				t.Errorf("%s on %s: relative L1 error %.4g, was %.4g", name, leaderboardFamilies[i], g, w)
			}
		}
	}
	for name, limits := range budgets {
		for i, limit := range limits {
			if g, ok := got[name][leaderboardFamilies[i]]; !ok || !(g <= limit) {
				t.Errorf("%s on %s: relative L1 error %.4g, budget %.4g", name, leaderboardFamilies[i], g, limit)
			}
		}
	}
	for _, o := range orderings {
		if a, b := got[o.system][o.family], got[o.than][o.family]; !(a > 0 && a <= o.by*b) {
			t.Errorf("%s on %s: %.4g is not at most %v times the %.4g of %s", o.system, o.family, a, o.by, b, o.than)
		}
	}
}

func ownAsSystems() (all []emulate.System) {
	for _, o := range OwnSystems() {
		all = append(all, o)
	}
	return all
}

// Every configuration can be planned, and its name is its own.
func TestOwnSystems(t *testing.T) {
	h := Synthetic(Size{Tokens: []int{1024}, Heads: 1})[2].Head(0)
	h.NQ, h.Q = 3, h.Q[:3*dim]
	want, _ := emulate.Exact().Attend(h)
	names := map[string]bool{}
	for _, o := range append(OwnSystems(), Ablations()...) {
		if names[o.Name()] {
			t.Errorf("two systems are called %s", o.Name())
		}
		names[o.Name()] = true
		got, err := o.Attend(h)
		if err != nil {
			t.Errorf("%s: %v", o.Name(), err)
			continue
		}
		if r := sum(got, want, dim).row("", ""); !(r.RelL1 < 1.2) || !(r.LSEErr < 3) {
			t.Errorf("%s: %+v", o.Name(), r)
		}
	}
}

// Exact attention over the dumps agrees with the golden outputs stored in them.
func TestDumps(t *testing.T) {
	files := cases.Files(t, "data", "qkv", "*.safetensors")
	families, err := Dumps(filepath.Dir(files[0]), 0)
	if err != nil || len(families) != len(files) {
		t.Fatalf("%d families of %d files, %v", len(families), len(files), err)
	}
	for i, f := range families {
		d, err := cases.LoadDump(files[i])
		if err != nil {
			t.Fatal(err)
		}
		layers, err := d.Layers()
		if err != nil {
			t.Fatal(err)
		}
		head := 0
		for _, l := range layers {
			for q := range l.QHeads {
				if head%5 == 0 { // every fifth, for time
					h := f.Head(head)
					r, _ := emulate.Exact().Attend(h)
					for j := range h.NQ {
						near(t, f.Name+" LSE", r.LSE[j], l.LSE[j*l.QHeads+q], 1e-9)
						near(t, f.Name+" output", r.Out[j*h.DV], l.Out[(j*l.QHeads+q)*h.DV], 1e-9)
					}
				}
				head++
			}
		}
		if head != f.Heads {
			t.Errorf("%s has %d heads, the family %d", f.Name, head, f.Heads)
		}
	}
	few, err := Dumps(filepath.Dir(files[0]), 2)
	if err != nil || few[0].Heads != 2 {
		t.Errorf("limit 2 gives %d heads, %v", few[0].Heads, err)
	}
	if _, err := Dumps(t.TempDir(), 0); err == nil {
		t.Error("no dumps is no error")
	}
}

func TestDumpDir(t *testing.T) {
	t.Setenv(cases.EnvDir, "/elsewhere")
	if dir, err := DumpDir(); err != nil || dir != filepath.Join("/elsewhere", "data", "qkv") {
		t.Errorf("%s, %v", dir, err)
	}
	t.Setenv(cases.EnvDir, "")
	root := t.TempDir()
	t.Chdir(root)
	deep := filepath.Join(root, "repo", "bench")
	if err := os.MkdirAll(deep, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	if dir, err := DumpDir(); err == nil {
		t.Skipf("a folder above the temporary one has dumps: %s", dir)
	}
	want := filepath.Join(root, "shared", "data", "qkv")
	if err := os.MkdirAll(want, 0o777); err != nil {
		t.Fatal(err)
	}
	if dir, err := DumpDir(); err != nil || filepath.Base(dir) != "qkv" {
		t.Errorf("%s, %v, want %s", dir, err, want)
	}
}

var sample = []Row{
	{System: "a<b", Family: "x+y/1k", RelL1: 0.02, Cosine: 1}, {System: "qattn K8V8", Family: "x+y/1k", RelL1: 0.002, Cosine: 1},
	{System: "a<b", Family: "z/1k", RelL1: 0, Cosine: math.NaN()},
}

func TestMarkdown(t *testing.T) {
	var b strings.Builder
	if err := WriteMarkdown(&b, sample, []Skip{{"qattn K8V8", "z/1k", errors.New("too small")}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| system | x+y/1k | z/1k |", "| a<b | 0.02 | 0 |", "| **qattn K8V8** | 0.002 | – |",
		"## z/1k", "- qattn K8V8 on z/1k: too small",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Index(b.String(), "| **qattn K8V8** | 0.002 | 0 |") > strings.Index(b.String(), "| a<b | 0.02 | 0 | 0 |") {
		t.Errorf("the table is not sorted:\n%s", b.String())
	}
}

// The charts are well-formed and larger errors lie to the right.
func TestPlots(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plots")
	if err := WritePlots(dir, sample); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"accuracy-x-y-1k.svg", "accuracy-z-1k.svg"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var xs []string
		for d := xml.NewDecoder(f); ; {
			tok, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "circle" {
				xs = append(xs, e.Attr[0].Value)
			}
		}
		f.Close()
		switch {
		case strings.Contains(name, "x-y"): // axis 0.001 … 0.1: 0.002 at 0.15 of it, 0.02 at 0.65
			if len(xs) != 2 || xs[0] != "302.2" || xs[1] != "542.2" {
				t.Errorf("%s has dots at %v", name, xs)
			}
		case len(xs) != 1 || xs[0] != "230.0":
			t.Errorf("%s has dots at %v", name, xs)
		}
	}
}
