package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"

	"github.com/qattn/qattn/bench/accuracy"
	"github.com/qattn/qattn/bench/emulate"
)

func init() {
	register(command{"accuracy", "error against float64 attention, next to emulated systems", runAccuracy})
}

func runAccuracy(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("accuracy", flag.ContinueOnError)
	quick := f.Bool("quick", false, "short contexts and few heads, under a minute")
	asJSON := f.Bool("json", false, "print rows as JSON, one per line, instead of tables")
	mdFile := f.String("md", "", "write the tables to `FILE` as well")
	plots := f.String("plots", "", "write one SVG per family into `DIR`")
	ablation := f.Bool("ablation", false, "take our presets apart instead: which side and which measure carries the error")
	pick := f.String("systems", "", "only systems whose name matches `REGEXP`")
	pickFamily := f.String("families", "", "only families whose name matches `REGEXP`")
	if err := f.Parse(args); err != nil {
		return err
	}
	systems, err := accuracySystems(*ablation, *pick)
	if err != nil {
		return err
	}
	families, err := accuracyFamilies(*quick, *pickFamily)
	if err != nil {
		return err
	}
	if len(systems) == 0 || len(families) == 0 {
		return errors.New("no system or no family matches")
	}
	rows, skips, err := accuracy.Run(ctx, systems, families, runtime.GOMAXPROCS(0), newProgress().report)
	if err != nil {
		return err
	}
	if err := printAccuracy(os.Stdout, rows, skips, *asJSON); err != nil {
		return err
	}
	if *mdFile != "" {
		if err := writeMarkdown(*mdFile, rows, skips); err != nil {
			return err
		}
	}
	if *plots != "" {
		return accuracy.WritePlots(*plots, rows)
	}
	return nil
}

// accuracySystems lists the systems whose name matches.
func accuracySystems(ablation bool, pattern string) (systems []emulate.System, err error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	own := accuracy.OwnSystems()
	all := emulate.Systems()
	if ablation {
		own, all = append(own[:3:3], accuracy.Ablations()...), nil
	}
	for _, o := range own {
		all = append(all, o)
	}
	for _, s := range all {
		if match.MatchString(s.Name()) {
			systems = append(systems, s)
		}
	}
	return systems, nil
}

// accuracyFamilies lists the families whose name matches. Missing dumps are no error.
func accuracyFamilies(quick bool, pattern string) (families []accuracy.Family, err error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	size, heads := accuracy.Full, 0
	if quick {
		size, heads = accuracy.Quick, 2
	}
	all := accuracy.Synthetic(size)
	dir, err := accuracy.DumpDir()
	if err == nil {
		var dumps []accuracy.Family
		dumps, err = accuracy.Dumps(dir, heads)
		all = append(all, dumps...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "skipping dumps:", err)
	}
	for _, f := range all {
		if match.MatchString(f.Name) {
			families = append(families, f)
		}
	}
	return families, nil
}

func printAccuracy(w io.Writer, rows []accuracy.Row, skips []accuracy.Skip, asJSON bool) error {
	if !asJSON {
		return accuracy.WriteMarkdown(w, rows, skips)
	}
	enc := json.NewEncoder(w)
	for _, r := range rows {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	for _, s := range skips {
		fmt.Fprintf(os.Stderr, "not measured: %s on %s: %v\n", s.System, s.Family, s.Err)
	}
	return nil
}

func writeMarkdown(file string, rows []accuracy.Row, skips []accuracy.Skip) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	err = accuracy.WriteMarkdown(f, rows, skips)
	return errors.Join(err, f.Close())
}
