package chart

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Bars is a chart of bars in groups: one group per label, one bar per series.
type Bars struct {
	Title, Subtitle string
	Labels          []string // below the groups, up to three lines each
	Dots            bool     // ratios: a dot instead of a bar, and a line at 1
	Y               Axis
	Series          []BarSeries
	XLabel          string
}

// BarSeries is one bar in every group; NaN leaves a gap.
type BarSeries struct {
	Name   string
	Color  string
	Values []float64
}

// Write draws b. A chart without bars is an error.
func (b *Bars) Write(w io.Writer) error {
	var values []float64
	for _, s := range b.Series {
		values = append(values, s.Values...)
	}
	ySpan, ok := b.Y.cover(values)
	if !ok {
		return fmt.Errorf("chart %q has no bars", b.Title)
	}
	if b.Dots {
		ySpan, _ = b.Y.cover(append(values, 1))
	}
	var out canvas
	out.begin(b.Title, b.Subtitle)
	out.yAxis(b.Y, ySpan)
	if b.Dots {
		y := py(b.Y.at(ySpan, 1))
		out.addf(`<path d="M%d %.1fH%d" stroke="#000"/>`, left, y, width-right)
	}
	lines, group := 1, 1/float64(len(b.Labels))
	bar := 0.8 * group / float64(len(b.Series))
	for g, label := range b.Labels {
		for i, s := range b.Series {
			if g < len(s.Values) && !math.IsNaN(s.Values[g]) {
				b.bar(&out, ySpan, (float64(g)+0.1)*group+float64(i)*bar, bar, s.Values[g], s.Color)
			}
		}
		text := strings.Split(label, "\n")
		lines = max(lines, len(text))
		for i, line := range text {
			out.text(px((float64(g)+0.5)*group), float64(height-bottom+16+14*i), "middle", `fill="#333" font-size="11"`, line)
		}
	}
	out.xLabel(b.XLabel, lines)
	out.frame()
	var legend []Series
	for _, s := range b.Series {
		legend = append(legend, Series{Name: s.Name, Color: s.Color, Mark: Square})
	}
	out.legend(legend)
	return out.end(w)
}

// bar draws one bar with its value on top.
func (b *Bars) bar(out *canvas, ySpan span, x, w, value float64, color string) {
	y := py(b.Y.at(ySpan, value))
	if b.Dots {
		out.mark(Square, px(x+w/2), y, color)
		return
	}
	out.addf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, px(x)+1, y, px(x+w)-px(x)-2, py(0)-y, color)
	out.text(px(x+w/2), y-4, "middle", `font-size="10" fill="#333"`, fmt.Sprintf("%.3g", value))
}
