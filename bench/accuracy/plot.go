package accuracy

import (
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// WritePlots writes one SVG per family into dir: a dot per system on a logarithmic
// axis, smallest error on top.
func WritePlots(dir string, rows []Row) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, g := range byFamily(rows) {
		name := strings.NewReplacer("/", "-", "+", "-").Replace(g[0].Family)
		f, err := os.Create(filepath.Join(dir, "accuracy-"+name+".svg"))
		if err != nil {
			return err
		}
		err = writeDots(f, g)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Geometry of a chart in pixels.
const (
	labelWidth = 230
	plotWidth  = 480
	lineHeight = 18
	topMargin  = 48
)

// writeDots draws the rows of one family. Errors of zero or without a value sit on the
// left edge.
func writeDots(w io.Writer, rows []Row) error {
	lo, hi := decades(rows)
	x := func(e float64) float64 {
		if !(e > 0) {
			return labelWidth
		}
		return labelWidth + plotWidth*(math.Log10(e)-float64(lo))/float64(hi-lo)
	}
	height := topMargin + lineHeight*len(rows) + 12
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", labelWidth+plotWidth+80, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n"+`<text x="8" y="18" font-size="14">%s: relative L1 error against float64 attention</text>`+"\n",
		html.EscapeString(rows[0].Family))
	for d := lo; d <= hi; d++ {
		px := x(math.Pow10(d))
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="38" text-anchor="middle" fill="#666">%g</text>`+"\n",
			px, topMargin-6, height-12, px, math.Pow10(d))
	}
	for i, r := range rows {
		y := topMargin + lineHeight*i + 8
		color, weight := "#777", "normal"
		if strings.HasPrefix(r.System, Own{}.Name()) {
			color, weight = "#0060c0", "bold"
		}
		px := x(r.RelL1)
		fmt.Fprintf(&b, `<path d="M%d %dH%.1f" stroke="#eee"/>`, labelWidth, y, px)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="%s" font-weight="%s">%s</text>`, labelWidth-8, y+4, color, weight, html.EscapeString(r.System))
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%d" r="4" fill="%s"/><text x="%.1f" y="%d" font-size="10" fill="#666">%s</text>`+"\n",
			px, y, color, px+7, y+4, figure(r.RelL1))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// decades returns the powers of ten around the positive errors.
func decades(rows []Row) (lo, hi int) {
	lo, hi = math.MaxInt, math.MinInt
	for _, r := range rows {
		if r.RelL1 > 0 && !math.IsInf(r.RelL1, 0) {
			e := math.Log10(r.RelL1)
			lo, hi = min(lo, int(math.Floor(e))), max(hi, int(math.Ceil(e)))
		}
	}
	if lo > hi {
		return -1, 0
	}
	return lo, max(hi, lo+1)
}
