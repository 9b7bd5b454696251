package asm

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRecorderCalls compares the files that let a Recorder call kernels with the contracts
// and the assembly; with QATTN_UPDATE set it writes them.
func TestRecorderCalls(t *testing.T) {
	entries, list := kernelEntries(t)
	for name, want := range map[string]string{
		"recorder_calls.go": recorderCallsSource(t), "entries_amd64.s": entries, "entries_amd64.go": list,
	} {
		if os.Getenv("QATTN_UPDATE") != "" {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s does not match the kernels (%v): run make kernels", name, err)
		}
	}
}

// recordedResult is the size of the results of a family's kernels, and whether calls of them can
// be recorded.
func recordedResult(f *ast.FuncType) (size int, ok bool) {
	if f.Results == nil {
		return 0, true
	}
	switch f.Results.List[0].Type.(*ast.Ident).Name {
	case "bool":
		return 1, true
	case "uint64": // bits of rows
		return 8, true
	}
	return 0, false
}

func recorderCallsSource(t *testing.T) string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "contract.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprint(&b, "// Written by make kernels from contract.go; a test keeps it true.\n\npackage asm\n\n",
		"// intercept puts recorders in the place of kernels. The struct of a call has the layout of its\n",
		"// arguments on the stack.\nfunc (recorder *Recorder) intercept() {\n")
	for _, d := range file.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		spec := gen.Specs[0].(*ast.TypeSpec)
		f, ok := spec.Type.(*ast.FuncType)
		if !ok {
			continue
		}
		size, ok := recordedResult(f)
		if !ok {
			continue
		}
		family := strings.TrimSuffix(spec.Name.Name, "Func")
		var names []string
		var fields, signature bytes.Buffer
		for _, p := range f.Params.List {
			var group []string
			for _, n := range p.Names {
				group = append(group, n.Name)
			}
			names = append(names, group...)
			var typ bytes.Buffer
			_ = printer.Fprint(&typ, fset, p.Type)
			fmt.Fprintf(&fields, "\t%s %s\n", strings.Join(group, ", "), &typ)
		}
		_ = printer.Fprint(&signature, fset, f)
		fmt.Fprintf(&b, "\t{\n\tkernel := recorder.kernel(%q)\n\trecorder.%s = %s {\n\trecord(recorder, kernel, &struct {\n%s}{%s}, %d)\n", family, family, &signature,
			&fields, strings.Join(names, ", "), size)
		if size > 0 {
			fmt.Fprintf(&b, "return %s\n", map[int]string{1: "false", 4: "0"}[size])
		}
		fmt.Fprint(&b, "}\n}\n")
	}
	fmt.Fprint(&b, "}\n")
	src, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, b.Bytes())
	}
	return string(src)
}

// kernelEntries lists the kernels that are one function of amd64 assembly.
func kernelEntries(t *testing.T) (assembly, list string) {
	functions := map[string]bool{}
	files, _ := filepath.Glob("*_amd64.s")
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines(string(src)) {
			if m := textLine.FindStringSubmatch(line); m != nil {
				functions[m[1]] = true
			}
		}
	}
	var names []string
	for _, file := range tableFiles() {
		for _, r := range sourceRows(t, file) {
			if functions[r.name] {
				names = append(names, r.name)
			}
		}
	}
	slices.Sort(names)
	var s, g strings.Builder
	fmt.Fprint(&s, "//go:build !purego\n\n#include \"textflag.h\"\n\n",
		"// entries_amd64.s: where kernels start, for calls by other assembly. Written by make kernels.\n\n")
	fmt.Fprint(&g, "//go:build !purego\n\n// Written by make kernels; a test keeps it true.\n\npackage asm\n\n",
		"// entryNames lists the kernels that are one function of assembly.\nvar entryNames = [...]string{\n")
	for i, name := range names {
		fmt.Fprintf(&s, "DATA ·entries+%d(SB)/8, $·%s(SB)\n", 8*i, name)
		fmt.Fprintf(&g, "\t%q,\n", name)
	}
	fmt.Fprintf(&s, "GLOBL ·entries(SB), NOPTR, $%d\n", 8*len(names))
	fmt.Fprintf(&g, "}\n\n// entries are their addresses.\nvar entries [%d]uintptr\n", len(names))
	return s.String(), g.String()
}
