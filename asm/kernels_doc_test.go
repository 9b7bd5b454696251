package asm

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestKernelsDoc compares KERNELS.md with the tables of all architectures; with
// QATTN_UPDATE set it writes the file.
func TestKernelsDoc(t *testing.T) {
	want := kernelsDoc(t)
	if os.Getenv("QATTN_UPDATE") != "" {
		if err := os.WriteFile("KERNELS.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("KERNELS.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("KERNELS.md does not match the kernel tables: run make kernels")
	}
}

func kernelsDoc(t *testing.T) string {
	var names []string
	rows := map[string][]row{} // family -> rows
	for _, file := range tableFiles() {
		for _, r := range sourceRows(t, file) {
			family := strings.TrimSuffix(r.contract, "Func")
			rows[family] = append(rows[family], r)
		}
	}
	docs := contractDocs(t)
	for _, name := range contractOrder(t) {
		names = append(names, strings.TrimSuffix(name, "Func"))
	}
	var b strings.Builder
	fmt.Fprintln(&b, "# Kernels")
	fmt.Fprintln(&b)
	fmt.Fprintln(&b, "Written by `make kernels` from the tables; a test keeps it true. Rows are the families of contract.go, columns the tiers of tier.go.")
	fmt.Fprintln(&b, "A CPU runs the rightmost kernel of a row whose tier it has. Kernels marked ≈ stay within the bound of the contract; all others give")
	fmt.Fprintln(&b, "the bits of the pure-Go kernel, which every family has.")
	fmt.Fprintln(&b)
	var tiers []string
	for _, tier := range TierNames() {
		if slices.ContainsFunc(names, func(f string) bool { return cell(rows[f], tier) != "" }) && tier != "generic" {
			tiers = append(tiers, tier)
		}
	}
	fmt.Fprintf(&b, "| family | computes | %s |\n|---|---|%s\n", strings.Join(tiers, " | "), strings.Repeat("---|", len(tiers)))
	for _, f := range names {
		fmt.Fprintf(&b, "| %s | %s |", f, summary(docs[f+"Func"]))
		for _, tier := range tiers {
			fmt.Fprintf(&b, " %s |", cell(rows[f], tier))
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// cell names the kernel of a tier.
func cell(rows []row, tier string) string {
	for _, r := range rows {
		if isa := r.name[strings.LastIndexByte(r.name, '_')+1:]; isa == tier {
			if r.exact == "false" {
				return "`" + r.name + "` ≈"
			}
			return "`" + r.name + "`"
		}
	}
	return ""
}

// summary is the first sentence of a contract without its name, short of the formula.
func summary(doc string) string {
	_, doc, _ = strings.Cut(strings.Join(strings.Fields(doc), " "), " ")
	if i := strings.IndexAny(doc, ".:;,"); i > 0 {
		doc = doc[:i]
	}
	return strings.ReplaceAll(doc, "|", "\\|")
}

// tableFiles lists the kernel tables of all architectures.
func tableFiles() (files []string) {
	all, _ := filepath.Glob("table_*.go")
	for _, file := range all {
		if !strings.HasSuffix(file, "_test.go") {
			files = append(files, file)
		}
	}
	return files
}

// contractOrder lists the contracts as contract.go has them.
func contractOrder(t *testing.T) (names []string) {
	f, err := parser.ParseFile(token.NewFileSet(), "contract.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
			spec := gen.Specs[0].(*ast.TypeSpec)
			if _, ok := spec.Type.(*ast.FuncType); ok {
				names = append(names, spec.Name.Name)
			}
		}
	}
	return names
}
