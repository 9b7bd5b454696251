package accuracy

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// byFamily groups rows in the order of their first appearance and sorts each group from
// the smallest error to the largest.
func byFamily(rows []Row) (groups [][]Row) {
	at := map[string]int{}
	for _, r := range rows {
		i, ok := at[r.Family]
		if !ok {
			i, at[r.Family] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b Row) int { return cmp.Compare(a.RelL1, b.RelL1) })
	}
	return groups
}

// WriteMarkdown writes a matrix of relative L1 errors, one table per family and what was
// skipped.
func WriteMarkdown(w io.Writer, rows []Row, skips []Skip) error {
	var b strings.Builder
	groups := byFamily(rows)
	writeMatrix(&b, rows, groups)
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| system | rel L1 | rel L2 | 1 − cosine | RMSE | bias | LSE error |\n|---|---|---|---|---|---|---|\n", g[0].Family)
		for _, r := range g {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", emphasis(r.System), figure(r.RelL1), figure(r.RelL2), figure(1-r.Cosine),
				figure(r.RMSE), figure(r.Bias), figure(r.LSEErr))
		}
	}
	if len(skips) > 0 {
		b.WriteString("\n## Not measured\n\n")
		for _, s := range skips {
			fmt.Fprintf(&b, "- %s on %s: %v\n", s.System, s.Family, s.Err)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMatrix writes systems by families.
func writeMatrix(b *strings.Builder, rows []Row, groups [][]Row) {
	b.WriteString("## Relative L1 error\n\n| system |")
	for _, g := range groups {
		fmt.Fprintf(b, " %s |", g[0].Family)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(groups)) + "\n")
	cells := map[[2]string]float64{}
	var systems []string
	for _, r := range rows {
		if !slices.Contains(systems, r.System) {
			systems = append(systems, r.System)
		}
		cells[[2]string{r.System, r.Family}] = r.RelL1
	}
	for _, s := range systems {
		fmt.Fprintf(b, "| %s |", emphasis(s))
		for _, g := range groups {
			if e, ok := cells[[2]string{s, g[0].Family}]; ok {
				fmt.Fprintf(b, " %s |", figure(e))
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
}

// emphasis sets our own systems in bold.
func emphasis(system string) string {
	if strings.HasPrefix(system, Own{}.Name()) {
		return "**" + system + "**"
	}
	return system
}

// figure prints an error with three digits.
func figure(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "–"
	case x != 0 && math.Abs(x) < 1e-3:
		return fmt.Sprintf("%.2e", x)
	default:
		return fmt.Sprintf("%.3g", x)
	}
}
