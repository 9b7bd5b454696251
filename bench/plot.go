package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/qattn/qattn/bench/internal/chart"
	"github.com/qattn/qattn/bench/internal/record"
)

func init() {
	register(command{"plot", "charts of results files", runPlot})
}

func runPlot(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("plot", flag.ContinueOnError)
	dir := f.String("dir", "plots", "write the charts into `DIR`")
	cpu := f.String("cpu", "", "what the charts say about the machine; the name of the first file when empty")
	f.Usage = func() {
		fmt.Fprintln(f.Output(), "usage: go run . plot [flags] [FILE ...]; without files: those of this machine in results/")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	files := f.Args()
	if len(files) == 0 {
		files = resultFiles(thisMachine())
	}
	var rows []record.Row
	for _, name := range files {
		more, err := readRows(name)
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	if *cpu == "" {
		*cpu = strings.TrimSuffix(filepath.Base(files[0]), ".jsonl")
	}
	return writeCharts(*dir, *cpu, rows)
}

func readRows(name string) ([]record.Row, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := record.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}

// kernelsFile and peersFile are where -save writes.
func kernelsFile(m machine) string { return filepath.Join("results", m.file+".jsonl") }
func peersFile(m machine) string   { return filepath.Join("results", m.file+".peers.jsonl") }

// resultFiles are the files of a machine; other libraries may not have been measured.
func resultFiles(m machine) []string {
	files := []string{kernelsFile(m)}
	if peers := peersFile(m); exists(peers) {
		files = append(files, peers)
	}
	return files
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// saveRows writes a results file.
func saveRows(name string, rows []record.Row) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = record.Write(f, rows...)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		fmt.Fprintln(os.Stderr, "wrote", name)
	}
	return err
}

// figure is a chart of either kind.
type figure interface{ Write(w io.Writer) error }

// writeCharts draws what the rows have data for.
func writeCharts(dir, cpu string, rows []record.Row) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	ours := best(slices.DeleteFunc(slices.Clone(rows), func(r record.Row) bool { return !isOurs(r) }))
	figures := map[string]figure{
		"roofline.svg":        roofline(cpu, rows, ours),
		"decode.svg":          decodeChart(cpu, ours),
		"decode-formats.svg":  formatBars("Decoding over 65536 tokens, by format", cpu, ours, longDecode, "time of a call, ms", milliseconds),
		"prefill-formats.svg": formatBars("Causal prefill of 2048 tokens, 8 heads, by format", cpu, ours, longPrefill, "useful operations, Gop/s", opsRate),
	}
	if slices.ContainsFunc(rows, record.Row.Foreign) {
		figures["peers.svg"] = peerDots(cpu, rows)
	}
	for name, fig := range figures {
		var b strings.Builder
		if err := fig.Write(&b); err != nil {
			fmt.Fprintln(os.Stderr, "no", name+":", err)
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "wrote", path)
	}
	return nil
}

// isAttention and isOurs sort rows.
func isAttention(r record.Row) bool {
	return r.Op == "decode" || r.Op == "prefill" || r.Op == "encoder"
}

// isOurs reports whether a row is attention by this library on its best tier.
func isOurs(r record.Row) bool {
	return isAttention(r) && !r.Foreign() && r.Tier != "generic"
}

// best keeps the fastest row of each name: a call may also have run on a lower tier.
func best(rows []record.Row) (kept []record.Row) {
	at := map[string]int{}
	for _, r := range rows {
		i, seen := at[r.Name()]
		switch {
		case !seen:
			at[r.Name()] = len(kept)
			kept = append(kept, r)
		case r.MinUS < kept[i].MinUS:
			kept[i] = r
		}
	}
	return kept
}

func longDecode(r record.Row) bool  { return r.Op == "decode" && r.Heads == 32 && r.N == 65536 }
func longPrefill(r record.Row) bool { return r.Op == "prefill" && r.Heads == 8 && r.N == 2048 }

func milliseconds(r record.Row) float64 { return float64(r.MinUS) / 1e3 }
func opsRate(r record.Row) float64      { return float64(r.GOps) }

// codecColors gives every pair of formats its colour in all charts.
func codecColors(rows []record.Row) (codecs []string, color map[string]string) {
	codecs = slices.Clone(formats)
	for _, m := range mixed {
		codecs = append(codecs, m[0]+"/"+m[1])
	}
	present := map[string]bool{}
	for _, r := range rows {
		present[r.Codec()] = true
	}
	color = map[string]string{}
	for i, c := range codecs {
		color[c] = chart.Colors[i%len(chart.Colors)]
	}
	return slices.DeleteFunc(codecs, func(c string) bool { return !present[c] }), color
}

// roofline draws one thread's calls below the limits: operations per stored byte
// against operations a second.
func roofline(cpu string, rows, ours []record.Row) *chart.Chart {
	c := &chart.Chart{Title: "Attention below the limits of the machine, 1 thread",
		Subtitle: cpu + ". Circles decode, squares prefill, triangles an encoder layer.",
		X:        chart.Axis{Label: "useful operations per stored byte", Log: true},
		Y:        chart.Axis{Label: "useful operations, Gop/s", Log: true}}
	var calls []record.Row
	for _, r := range ours {
		if r.Threads == 1 {
			calls = append(calls, r)
		}
	}
	codecs, color := codecColors(calls)
	const lo, hi = 0.5, 1 << 13
	c.Series = limitLines(rows, lo, hi)
	for _, codec := range codecs {
		for i, op := range []string{"decode", "prefill", "encoder"} {
			s := chart.Series{Color: color[codec], Mark: chart.Circle + chart.Mark(i)}
			for _, r := range calls {
				if r.Op == op && r.Codec() == codec {
					s.X, s.Y = append(s.X, float64(r.GOps/r.KVGBps)), append(s.Y, float64(r.GOps))
				}
			}
			if i == 0 {
				s.Name = codec
			}
			c.Series = append(c.Series, s)
		}
	}
	return c
}

// limitLines are the slopes of the read rates and the levels of the peaks.
func limitLines(rows []record.Row, lo, hi float64) (list []chart.Series) {
	slope, top := map[string]float64{}, 0.0
	var peaks []record.Row
	for _, r := range rows {
		switch {
		case r.Threads != 1:
		case r.Op == "read" && r.Roof == "dram": // of the last, and largest, working set
			slope[r.Roof] = float64(r.KVGBps)
		case r.Op == "read": // of the sizes well inside a cache
			slope[r.Roof] = max(slope[r.Roof], float64(r.KVGBps))
		case r.Op == "peak":
			top = max(top, float64(r.GOps))
			peaks = append(peaks, r)
		}
	}
	slices.SortFunc(peaks, func(a, b record.Row) int { return cmp.Compare(b.GOps, a.GOps) })
	for i := 0; i < len(peaks); {
		y, names := float64(peaks[i].GOps), peaks[i].K
		for i++; i < len(peaks) && float64(peaks[i].GOps) > 0.9*y; i++ { // one line, or their names would overlap
			names += ", " + peaks[i].K
		}
		list = append(list, chart.Series{Color: "#555", Line: true, Note: fmt.Sprintf("%s %.0f Gop/s", names, y),
			X: []float64{lo, hi}, Y: []float64{y, y}})
	}
	for _, level := range []string{"l3", "dram"} {
		if rate := slope[level]; rate > 0 && top > rate*lo {
			list = append(list, chart.Series{Color: "#888", Line: true, Dash: true,
				X: []float64{lo, top / rate}, Y: []float64{rate * lo, top}},
				chart.Series{Color: "#888", Note: fmt.Sprintf("%s %.0f GB/s", level, rate), Start: true, X: []float64{lo}, Y: []float64{rate * lo}})
		}
	}
	return list
}

// decodeChart draws time against context length.
func decodeChart(cpu string, ours []record.Row) *chart.Chart {
	c := &chart.Chart{Title: "Decoding one token: 32 query heads, 8 KV heads, 128 channels, 1 thread", Subtitle: cpu,
		X: chart.Axis{Label: "stored tokens", Log: true, Base: 2}, Y: chart.Axis{Label: "time of a call, µs", Log: true}}
	ours = slices.Clone(ours)
	slices.SortFunc(ours, func(a, b record.Row) int { return a.N - b.N })
	codecs, color := codecColors(ours)
	for _, codec := range codecs {
		s := chart.Series{Name: codec, Color: color[codec], Line: true, Mark: chart.Circle}
		for _, r := range ours {
			if r.Op == "decode" && r.Heads == 32 && r.Threads == 1 && r.Codec() == codec {
				s.X, s.Y = append(s.X, float64(r.N)), append(s.Y, float64(r.MinUS))
			}
		}
		c.Series = append(c.Series, s)
	}
	return c
}

// formatBars compares formats on the calls pick selects, one bar per number of threads.
func formatBars(title, cpu string, rows []record.Row, pick func(record.Row) bool, label string, value func(record.Row) float64) *chart.Bars {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r record.Row) bool { return !pick(r) })
	codecs, _ := codecColors(rows)
	b := &chart.Bars{Title: title, Subtitle: cpu, Labels: codecs, Y: chart.Axis{Label: label}, XLabel: "format of keys and values (keys/values)"}
	var threads []int
	for _, r := range rows {
		threads = append(threads, r.Threads)
	}
	slices.Sort(threads)
	for i, n := range slices.Compact(threads) {
		s := chart.BarSeries{Name: plural(n, "thread"), Color: chart.Colors[i%len(chart.Colors)]}
		for _, codec := range codecs {
			v := math.NaN()
			for _, r := range rows {
				if r.Codec() == codec && r.Threads == n {
					v = value(r)
				}
			}
			s.Values = append(s.Values, v)
		}
		b.Series = append(b.Series, s)
	}
	return b
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// peerDots draws the time of other libraries over ours, for formats of as many bits.
func peerDots(cpu string, rows []record.Row) *chart.Bars {
	b := &chart.Bars{Title: "Time of other libraries over qattn's, 1 thread", Subtitle: cpu + ". Above 1 qattn is faster; formats of as many bits.",
		Dots: true, Y: chart.Axis{Label: "their time / ours", Log: true}, XLabel: "call, query heads/KV heads, channels, stored tokens"}
	values := map[string]map[string]float64{}
	var names []string
	for _, r := range rows {
		ours, ok := ourRow(rows, r)
		if !r.Foreign() || r.Threads != 1 || !ok {
			continue
		}
		label := fmt.Sprintf("%s\n%d/%d d%d\nn=%d", r.Op, r.Heads, r.KVHeads, r.D, r.N)
		if !slices.Contains(b.Labels, label) {
			b.Labels = append(b.Labels, label)
		}
		name := shortLib(r.Tier) + " " + r.K
		if values[name] == nil {
			values[name] = map[string]float64{}
			names = append(names, name)
		}
		values[name][label] = float64(r.MinUS / ours.MinUS)
	}
	for i, name := range names {
		s := chart.BarSeries{Name: name, Color: chart.Colors[i%len(chart.Colors)]}
		for _, label := range b.Labels {
			v, ok := values[name][label]
			if !ok {
				v = math.NaN()
			}
			s.Values = append(s.Values, v)
		}
		b.Series = append(b.Series, s)
	}
	return b
}

// shortLib fits a library's name into a legend.
func shortLib(lib string) string {
	name, _, _ := strings.Cut(lib, " ")
	return name
}
