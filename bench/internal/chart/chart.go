// Package chart draws line, point and bar charts as SVG: enough for benchmark results,
// with axes that say what they show.
package chart

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Colors tells ten series apart. The first eight also serve readers who confuse red and
// green (Okabe & Ito 2008, with grey for their yellow).
var Colors = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999", "#000000", "#8b5a2b", "#6a3d9a"}

// Mark is the shape of a point.
type Mark int

// The marks.
const (
	NoMark Mark = iota
	Circle
	Square
	Triangle
)

// Series is a set of points of one look.
type Series struct {
	Name  string // in the legend; "" keeps it out
	Color string
	X, Y  []float64
	Line  bool // join the points
	Dash  bool
	Mark  Mark
	Note  string // beside the last point, left of it
	Start bool   // the note is right of the point instead
}

// Chart is a diagram of series.
type Chart struct {
	Title, Subtitle string
	X, Y            Axis
	Series          []Series
}

// Geometry in pixels.
const (
	width, height = 860, 460
	left, right   = 80, 190 // the legend is on the right
	top, bottom   = 64, 80
)

// canvas collects SVG.
type canvas struct{ strings.Builder }

func (c *canvas) addf(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// text writes s at a point; anchor is "start", "middle" or "end".
func (c *canvas) text(x, y float64, anchor, style, s string) {
	c.addf(`<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>`, x, y, anchor, style, html.EscapeString(s))
}

// begin opens the image with titles and a background of its own.
func (c *canvas) begin(title, subtitle string) {
	c.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`, width, height, width, height)
	c.addf(`<rect width="100%%" height="100%%" fill="#fff"/>`)
	c.text(left, 26, "start", `font-size="16" font-weight="bold"`, title)
	c.text(left, 46, "start", `fill="#555"`, subtitle)
}

// end closes the image and writes it.
func (c *canvas) end(w io.Writer) error {
	c.addf("</svg>")
	_, err := io.WriteString(w, c.String())
	return err
}

func px(f float64) float64 { return left + f*(width-left-right) }
func py(f float64) float64 { return height - bottom - f*(height-top-bottom) }

// yAxis draws grid lines, tick labels and the label of a vertical axis.
func (c *canvas) yAxis(a Axis, s span) {
	for _, v := range a.ticks(s, 8) {
		y := py(a.at(s, v))
		c.addf(`<path d="M%d %.1fH%d" stroke="#e4e4e4"/>`, left, y, width-right)
		c.text(left-8, y+4, "end", `fill="#333"`, a.tick(v))
	}
	c.addf(`<text transform="translate(18 %.1f) rotate(-90)" text-anchor="middle" fill="#333">%s</text>`, py(0.5), html.EscapeString(a.Label))
}

// xAxis draws grid lines, tick labels and the label of a horizontal axis.
func (c *canvas) xAxis(a Axis, s span) {
	for _, v := range a.ticks(s, 10) {
		x := px(a.at(s, v))
		c.addf(`<path d="M%.1f %dV%d" stroke="#e4e4e4"/>`, x, top, height-bottom)
		c.text(x, height-bottom+16, "middle", `fill="#333"`, a.tick(v))
	}
	c.xLabel(a.Label, 1)
}

// xLabel writes the label of a horizontal axis below the given lines of tick labels.
func (c *canvas) xLabel(s string, lines int) {
	c.text(px(0.5), float64(height-bottom+22+14*lines), "middle", `fill="#333"`, s)
}

func (c *canvas) frame() {
	c.addf(`<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#888"/>`, left, top, width-left-right, height-top-bottom)
}

// mark draws one point.
func (c *canvas) mark(m Mark, x, y float64, color string) {
	switch m {
	case Circle:
		c.addf(`<circle cx="%.1f" cy="%.1f" r="4.5" fill="%s" fill-opacity="0.85"/>`, x, y, color)
	case Square:
		c.addf(`<rect x="%.1f" y="%.1f" width="9" height="9" fill="%s" fill-opacity="0.85"/>`, x-4.5, y-4.5, color)
	case Triangle:
		c.addf(`<path d="M%.1f %.1fl5.5 9.5h-11z" fill="%s" fill-opacity="0.85"/>`, x, y-6, color)
	}
}

// legend lists names beside the plot.
func (c *canvas) legend(entries []Series) {
	y := float64(top + 10)
	for _, e := range entries {
		if e.Name == "" {
			continue
		}
		x := float64(width - right + 14)
		if e.Line {
			c.addf(`<path d="M%.1f %.1fh22" stroke="%s" stroke-width="2"%s/>`, x, y-4, e.Color, dash(e.Dash))
		}
		c.mark(e.Mark, x+11, y-4, e.Color)
		c.text(x+28, y, "start", `fill="#333"`, e.Name)
		y += 18
	}
}

func dash(on bool) string {
	if on {
		return ` stroke-dasharray="5 4"`
	}
	return ""
}

// Write draws c. Points the axes cannot show are left out; a chart without points is an
// error.
func (c *Chart) Write(w io.Writer) error {
	var xs, ys []float64
	for _, s := range c.Series {
		xs, ys = append(xs, s.X...), append(ys, s.Y...)
	}
	xSpan, ok1 := c.X.cover(xs)
	ySpan, ok2 := c.Y.cover(ys)
	if !ok1 || !ok2 {
		return fmt.Errorf("chart %q has no points", c.Title)
	}
	var out canvas
	out.begin(c.Title, c.Subtitle)
	out.xAxis(c.X, xSpan)
	out.yAxis(c.Y, ySpan)
	for _, s := range c.Series {
		c.draw(&out, s, xSpan, ySpan)
	}
	out.frame()
	out.legend(c.Series)
	return out.end(w)
}

// draw draws one series.
func (c *Chart) draw(out *canvas, s Series, xSpan, ySpan span) {
	var path strings.Builder
	var lastX, lastY float64
	drawn := 0
	for i := range s.X {
		x, y := px(c.X.at(xSpan, s.X[i])), py(c.Y.at(ySpan, s.Y[i]))
		if math.IsNaN(x+y) || math.IsInf(x+y, 0) {
			continue
		}
		command := 'L'
		if drawn == 0 {
			command = 'M'
		}
		fmt.Fprintf(&path, "%c%.1f %.1f", command, x, y)
		out.mark(s.Mark, x, y, s.Color)
		lastX, lastY = x, y
		drawn++
	}
	if s.Line && drawn > 1 {
		out.addf(`<path d="%s" fill="none" stroke="%s" stroke-width="1.8"%s/>`, path.String(), s.Color, dash(s.Dash))
	}
	if s.Note != "" && drawn > 0 {
		anchor, x := "end", lastX-4
		if s.Start {
			anchor, x = "start", lastX+14
		}
		out.text(x, lastY-5, anchor, fmt.Sprintf(`fill="%s" font-size="11"`, s.Color), s.Note)
	}
}
