package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// elements parses an image and counts its elements by name.
func elements(t *testing.T, svg string) map[string]int {
	t.Helper()
	count := map[string]int{}
	dec := xml.NewDecoder(strings.NewReader(svg))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return count
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, svg)
		}
		if e, ok := tok.(xml.StartElement); ok {
			count[e.Name.Local]++
		}
	}
}

func TestChart(t *testing.T) {
	c := &Chart{Title: "a < b & c", Subtitle: "sub", X: Axis{Label: "tokens", Log: true, Base: 2}, Y: Axis{Label: "time, µs", Log: true},
		Series: []Series{
			{Name: "one", Color: "#123", X: []float64{512, 1024, 2048}, Y: []float64{1, 2, math.NaN()}, Line: true, Mark: Circle, Note: "last"},
			{Name: "two", Color: "#456", X: []float64{512, 4096}, Y: []float64{10, 0}, Mark: Square},
			{Color: "#789", X: []float64{512}, Y: []float64{5}, Mark: Triangle},
		}}
	var b strings.Builder
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	svg := b.String()
	n := elements(t, svg)
	if n["circle"] != 3 { // two points and the legend; NaN is left out
		t.Errorf("%d circles, want 3", n["circle"])
	}
	for _, want := range []string{"a &lt; b &amp; c", "sub", "tokens", "time, µs", ">one<", ">two<", ">last<", ">1024<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in the image", want)
		}
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("a coordinate is not a number")
	}
}

func TestBars(t *testing.T) {
	b := &Bars{Title: "bars", Labels: []string{"f32", "int8"}, Y: Axis{Label: "ms"}, XLabel: "format",
		Series: []BarSeries{{"1 thread", "#111", []float64{4, 2}}, {"2 threads", "#222", []float64{math.NaN(), 1}}}}
	var out strings.Builder
	if err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	// Background, frame, three bars, two legend marks.
	if n := elements(t, out.String()); n["rect"] != 7 {
		t.Errorf("%d rectangles, want 7", n["rect"])
	}
}

// The length of a bar on a linear axis is proportional to its value.
func TestBarLength(t *testing.T) {
	a := Axis{}
	s, _ := a.cover([]float64{10, 30})
	if got := a.at(s, 30) / a.at(s, 10); math.Abs(got-3) > 1e-9 {
		t.Errorf("a value three times as large is %v times as long", got)
	}
}

func TestEmptyCharts(t *testing.T) {
	for _, f := range []interface{ Write(io.Writer) error }{
		&Chart{Title: "none"}, &Bars{Title: "none"},
		&Chart{Title: "none", Y: Axis{Log: true}, Series: []Series{{X: []float64{1}, Y: []float64{-1}}}},
	} {
		var b strings.Builder
		if err := f.Write(&b); err == nil || b.Len() > 0 {
			t.Errorf("error %v, %d bytes", err, b.Len())
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		name string
		axis Axis
		s    span
		n    int
		want []float64
	}{
		{"decades", Axis{Log: true}, span{0.9, 2000}, 8, []float64{1, 10, 100, 1000}},
		{"within a decade", Axis{Log: true}, span{15, 300}, 8, []float64{20, 50, 100, 200}},
		{"powers of two", Axis{Log: true, Base: 2}, span{500, 5000}, 8, []float64{512, 1024, 2048, 4096}},
		{"many powers", Axis{Log: true, Base: 2}, span{1, 64}, 4, []float64{1, 4, 16, 64}},
		{"linear", Axis{}, span{0, 47}, 5, []float64{0, 10, 20, 30, 40}},
		{"small", Axis{}, span{0, 0.9}, 5, []float64{0, 0.2, 0.4, 0.6000000000000001, 0.8}},
	} {
		if got := c.axis.ticks(c.s, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAt(t *testing.T) {
	a := Axis{Log: true}
	if got := a.at(span{1, 100}, 10); math.Abs(got-0.5) > 1e-12 {
		t.Errorf("10 of 1..100 sits at %v", got)
	}
}
