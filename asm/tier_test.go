package asm

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row is a table row as the source says it, of any architecture.
type row struct{ name, needs, exact, contract, symbol string }

// sourceRows parses the Entry literals of one file.
func sourceRows(t *testing.T, file string) (rows []row) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := func(e ast.Expr) string {
		var b strings.Builder
		ast.Inspect(e, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				b.WriteString(n.Name + " ")
			case *ast.BasicLit:
				b.WriteString(n.Value)
			}
			return true
		})
		return strings.TrimSpace(b.String())
	}
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || lit.Type != nil || len(lit.Elts) != 4 {
			return true
		}
		name, _ := strconv.Unquote(text(lit.Elts[0]))
		r := row{name: name, needs: text(lit.Elts[1]), exact: text(lit.Elts[2])}
		if call, ok := lit.Elts[3].(*ast.CallExpr); ok && len(call.Args) == 1 {
			r.contract, r.symbol = text(call.Fun), text(call.Args[0])
		}
		rows = append(rows, r)
		return true
	})
	return rows
}

// TestTableSource checks the tables of all architectures, on any of them.
func TestTableSource(t *testing.T) {
	files, _ := filepath.Glob("table_*.go")
	found := false
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		names := map[string]bool{}
		for _, r := range sourceRows(t, file) {
			found = true
			if r.name == "" || r.name != r.symbol {
				t.Errorf("%s: row %q names symbol %q", file, r.name, r.symbol)
			}
			if names[r.name] {
				t.Errorf("%s: %q listed twice", file, r.name)
			}
			names[r.name] = true
			if _, ok := drivers[strings.TrimSuffix(r.contract, "Func")]; !ok {
				t.Errorf("%s: %s: no driver for contract %q", file, r.name, r.contract)
			}
			isa := r.name[strings.LastIndexByte(r.name, '_')+1:]
			claim, err := ParseTier(isa)
			if err != nil {
				t.Errorf("%s: %s: %v", file, r.name, err)
			}
			if needs := tierOf(r.needs); needs&claim != claim {
				t.Errorf("%s: %s needs only %v", file, r.name, needs)
			}
		}
	}
	if !found {
		t.Error("no table rows found")
	}
}

// tierOf evaluates the Needs column: names joined by |.
func tierOf(expr string) (t Tier) {
	bits := map[string]Tier{"Generic": Generic, "AVX2": AVX2, "AVX512": AVX512, "VNNI": VNNI, "BF16": BF16,
		"AVXVNNI": AVXVNNI, "NEON": NEON, "DotProd": DotProd, "I8MM": I8MM}
	for name := range strings.FieldsSeq(expr) {
		bit, ok := bits[name]
		if !ok {
			panic("unknown tier " + name)
		}
		t |= bit
	}
	return t
}

// TestTable checks the rows compiled into this binary.
func TestTable(t *testing.T) {
	generics := map[string]int{}
	names := map[string]bool{}
	for i, e := range All() {
		if names[e.Name] {
			t.Errorf("%s listed twice", e.Name)
		}
		names[e.Name] = true
		symbol := runtime.FuncForPC(reflect.ValueOf(e.Func).Pointer()).Name()
		if symbol[strings.LastIndexByte(symbol, '.')+1:] != e.Name {
			t.Errorf("row %s holds symbol %s", e.Name, symbol)
		}
		if e.Needs == Generic {
			generics[e.Family()]++
		}
		if i < len(generic) && (e.Needs != Generic || !e.Exact) {
			t.Errorf("%s: a generic row needs nothing and is exact", e.Name)
		}
	}
	set := reflect.TypeFor[Set]()
	contracts := contractDocs(t)
	for f := range set.Fields() {
		if f.Type.Kind() != reflect.Func {
			continue
		}
		if want := f.Name + "Func"; f.Type.Name() != want {
			t.Errorf("Set.%s has type %v", f.Name, f.Type)
		}
		if generics[f.Name] != 1 {
			t.Errorf("family %s has %d generic rows", f.Name, generics[f.Name])
		}
		if _, ok := contracts[f.Type.Name()]; !ok {
			t.Errorf("Set.%s: no contract", f.Name)
		}
		delete(contracts, f.Type.Name())
		if _, ok := drivers[f.Name]; !ok {
			t.Errorf("family %s has no test driver", f.Name)
		}
	}
	for name := range contracts {
		t.Errorf("contract %s has no field in Set", name)
	}
}

// contractDocs returns the kernel types of contract.go; each must have a comment that
// starts with its name and says how exact it is.
func contractDocs(t *testing.T) map[string]string {
	f, err := parser.ParseFile(token.NewFileSet(), "contract.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{}
	for _, d := range f.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		spec := gen.Specs[0].(*ast.TypeSpec)
		if _, ok := spec.Type.(*ast.FuncType); !ok {
			continue
		}
		doc := gen.Doc.Text()
		docs[spec.Name.Name] = doc
		if !strings.HasPrefix(doc, spec.Name.Name+" ") {
			t.Errorf("%s: comment starts %.30q", spec.Name.Name, doc)
		}
	}
	return docs
}

func TestSelect(t *testing.T) {
	for _, name := range TierNames() {
		tier, err := ParseTier(name)
		if err != nil {
			t.Fatal(err)
		}
		s := Select(tier)
		if s.Tier != tier&Available() {
			t.Errorf("Select(%s).Tier = %v", name, s.Tier)
		}
		v := reflect.ValueOf(s).Elem()
		for f, value := range v.Fields() {
			if f.Type.Kind() != reflect.Func {
				continue
			}
			var best Entry
			for _, e := range All() {
				if e.Family() == f.Name && e.Available(s.Tier) {
					best = e
				}
			}
			if value.IsNil() || value.Pointer() != reflect.ValueOf(best.Func).Pointer() || s.Name(f.Name) != best.Name {
				t.Errorf("Select(%s).%s is %q, want %q", name, f.Name, s.Name(f.Name), best.Name)
			}
			if name == "generic" && !strings.HasSuffix(s.Name(f.Name), "_generic") {
				t.Errorf("Select(generic).%s = %s", f.Name, s.Name(f.Name))
			}
		}
	}
	if s := Select(Generic); s.Name("NoSuchFamily") != "" {
		t.Error("a name for an unknown family")
	}
}

func TestTierNames(t *testing.T) {
	for _, name := range TierNames() {
		tier, err := ParseTier(name)
		if err != nil || tier.String() != name {
			t.Errorf("ParseTier(%q) = %v, %v", name, tier, err)
		}
	}
	for _, name := range []string{"", "AVX2", "avx", "generic ", "sse"} {
		if _, err := ParseTier(name); err == nil || !strings.Contains(err.Error(), "generic, avx2") {
			t.Errorf("ParseTier(%q): error %v", name, err)
		}
	}
	if got := (AVX512 | BF16).String(); got != "generic" {
		t.Errorf("AVX512 without AVX2 is called %q", got)
	}
	if got := (NEON | AVX2 | I8MM).String(); got != "neon" {
		t.Errorf("NEON|AVX2|I8MM is called %q", got)
	}
}

// TestEnvironment runs this binary again under QATTN_CPU.
func TestEnvironment(t *testing.T) {
	const probe = "QATTN_TEST_PROBE"
	if os.Getenv(probe) != "" {
		fmt.Printf("tier=%v pv=%s\n", Available(), Select(^Tier(0)).Name("PVU8I8"))
		return
	}
	run := func(value string) (string, int) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestEnvironment$", "-test.count=1")
		cmd.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "QATTN_") })
		cmd.Env = append(cmd.Env, probe+"=1", "QATTN_CPU="+value)
		b, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Skip("cannot run a child process:", err)
		}
		return string(b), cmd.ProcessState.ExitCode()
	}
	if out, code := run("generic"); code != 0 || !strings.Contains(out, "tier=generic pv=pvU8I8_generic") {
		t.Errorf("QATTN_CPU=generic: exit %d, %s", code, out)
	}
	if out, code := run("pentium"); code != 2 || !strings.Contains(out, "QATTN_CPU") || !strings.Contains(out, `"pentium"`) {
		t.Errorf("QATTN_CPU=pentium: exit %d, %s", code, out)
	}
	for _, name := range TierNames() {
		tier, _ := ParseTier(name)
		out, code := run(name)
		if want := fmt.Sprintf("tier=%v ", tier&detect()); code != 0 || !strings.Contains(out, want) {
			t.Errorf("QATTN_CPU=%s: exit %d, %s, want %s", name, code, out, want)
		}
	}
}
