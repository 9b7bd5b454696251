package asm

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A linter checks assembly source of one architecture. It needs no assembler, so every
// host checks the files of all architectures.
type linter struct {
	arch   string
	macros map[string][]string // name -> instructions of the body
	stubs  map[string]string   // function -> its declaration
	needs  map[string]Tier     // table row -> Needs
	errors []string
}

func (l *linter) errorf(format string, a ...any) {
	l.errors = append(l.errors, fmt.Sprintf(format, a...))
}

var (
	textLine        = regexp.MustCompile(`^TEXT ·(\w+)\(SB\), (?:NOSPLIT, \$(?:0|[1-3]?\d{1,2}|4[0-7]\d)|(0), \$\d+)-\d+$`) // replay leaves kernels that much of its frame
	defineLine      = regexp.MustCompile(`^#define\s+(\w+)(?:\([^)]*\))?\s*(.*)$`)
	wideRegister    = regexp.MustCompile(`^[YZ]\d+$`)
	argumentWritten = regexp.MustCompile(`^(?:V?MOV\w*|ADD[BLQ]|SUB[BLQ]|INC[BLQ]|DEC[BLQ]|AND[BLQ]|OR[BLQ]|XOR[BLQ]|NEG[BLQ]|SH[LR][LQ]|SET\w+)(?:\s.*,)?\s+(\w+)\+\d+\(FP\)$`)
	word            = regexp.MustCompile(`[\w·]+`)

	// What an instruction word needs. Registers count as words.
	classes = map[string][]struct {
		pattern *regexp.Regexp
		tier    Tier
	}{
		"amd64": {
			{regexp.MustCompile(`^VEX_VPDP`), AVX2 | AVXVNNI},
			{regexp.MustCompile(`^VPDP[BW]`), AVX2 | AVX512 | VNNI},
			{regexp.MustCompile(`BF16`), AVX2 | AVX512 | BF16},
			{regexp.MustCompile(`^(Z\d+|K[0-7]|[XY](1[6-9]|[23]\d)|VPERM(B|W|[IT]2\w+)|VPMULTISHIFTQB|VPTERNLOG\w|VSCALEF\w+|VRNDSCALE\w+|VMOVDQU(8|16|32|64)|VPMOV[SU]*[DQW][BWD]\b)$`), AVX2 | AVX512},
			{regexp.MustCompile(`^(V[A-Z]\w+|Y\d+)$`), AVX2},
		},
		"arm64": {
			{regexp.MustCompile(`^(U?S?MMLA|USDOT|SUDOT)`), NEON | DotProd | I8MM},
			{regexp.MustCompile(`^[SU]DOT`), NEON | DotProd},
			{regexp.MustCompile(`^V\w+`), NEON},
		},
	}
	forbidden = map[string]*regexp.Regexp{
		"amd64": regexp.MustCompile(`^(R14|R15|BP)$`),
		"arm64": regexp.MustCompile(`^(R18\w*|R27|R28|R29|g|BFDOT\w*|BFMMLA\w*)$`),
	}
)

// lines joins continuations, drops comments and splits at semicolons. Comments that
// declare a function and preprocessor lines stay whole.
func lines(src string) (out []string) {
	for line := range strings.Lines(strings.ReplaceAll(src, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "// func ") || strings.HasPrefix(line, "#") {
			out = append(out, line)
			continue
		}
		line, _, _ = strings.Cut(line, "//")
		for part := range strings.SplitSeq(line, ";") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// define collects the macros of a source or header.
func (l *linter) define(src string) {
	for _, line := range lines(src) {
		if m := defineLine.FindStringSubmatch(line); m != nil {
			l.macros[m[1]] = lines(m[2])
		}
	}
}

// expand returns the instructions line stands for; each keeps the words of its macro
// call, so that registers passed as arguments are seen.
func (l *linter) expand(line string, depth int) []string {
	first := word.FindString(line)
	body, ok := l.macros[first]
	if !ok || depth > 8 {
		return []string{line}
	}
	out := []string{first + " " + line}
	for _, ins := range body {
		out = append(out, l.expand(ins, depth+1)...)
	}
	return out
}

// words are those of an instruction with register names resolved.
func (l *linter) words(ins string) (all []string) {
	for _, w := range word.FindAllString(ins, -1) {
		all = append(all, w)
		if body := l.macros[w]; len(body) == 1 && len(strings.Fields(body[0])) == 1 {
			all = append(all, word.FindAllString(body[0], -1)...)
		}
	}
	return all
}

// check lints one file.
func (l *linter) check(name, src string) {
	if first, _, _ := strings.Cut(src, "\n"); first != "//go:build !purego" {
		l.errorf("%s: first line is %q", name, first)
	}
	if !strings.Contains(src, "\n// "+name) {
		l.errorf("%s: no header comment that starts with the file name", name)
	}
	l.define(src)
	symbol, previous, calls := "", "", false
	var body []string
	for _, line := range append(lines(src), "TEXT") {
		bare := strings.Fields(line)[0]
		switch {
		case bare == "TEXT":
			l.function(name, symbol, body, calls)
			body = nil
			m := textLine.FindStringSubmatch(line)
			if line == "TEXT" {
				break
			} else if m == nil {
				l.errorf("%s: want TEXT ·f(SB), NOSPLIT, $F-N with F at most 479, or flags 0: %s", name, line)
				symbol = ""
				break
			}
			symbol, calls = m[1], m[2] == "0"
			if want := l.stubs[symbol]; want == "" || previous != "// "+want {
				l.errorf("%s: %s: comment %q, Go declaration %q", name, symbol, previous, want)
			}
		case bare == "WORD" || bare == "BYTE" || bare == "LONG":
			l.errorf("%s: %s: bare %s, encodings belong in a header", name, symbol, bare)
		case bare == "DATA" || bare == "GLOBL" || bare[0] == '#' || bare[0] == '/':
		default:
			body = append(body, l.expand(line, 0)...)
		}
		previous = line
	}
}

// function checks the instructions of one symbol.
func (l *linter) function(file, symbol string, body []string, calls bool) {
	if symbol == "" {
		return
	}
	// What calls kernels has a prologue that leaves them stack, and a frame nobody may look into.
	does := slices.ContainsFunc(body, func(ins string) bool { return strings.HasPrefix(ins, "CALL ") })
	if does != calls || calls && !slices.Contains(body, "NO_LOCAL_POINTERS") {
		l.errorf("%s: %s: CALL wants TEXT with flags 0 and NO_LOCAL_POINTERS, and no CALL wants NOSPLIT", file, symbol)
	}
	var uses Tier
	wide := false
	for _, ins := range body {
		for _, w := range l.words(ins) {
			if forbidden[l.arch].MatchString(w) {
				l.errorf("%s: %s: forbidden %s in %q", file, symbol, w, ins)
			}
			wide = wide || l.arch == "amd64" && wideRegister.MatchString(w)
			for _, c := range classes[l.arch] {
				if c.pattern.MatchString(w) {
					uses |= c.tier
					break
				}
			}
		}
	}
	for _, ins := range body { // calls may be repeated on the same arguments
		if m := argumentWritten.FindStringSubmatch(ins); m != nil && !strings.Contains(resultsOf(l.stubs[symbol]), m[1]) {
			l.errorf("%s: %s: argument written in %q", file, symbol, ins)
		}
	}
	for i, ins := range body {
		if ins == "RET" && wide && (i == 0 || body[i-1] != "VZEROUPPER") {
			l.errorf("%s: %s: RET without VZEROUPPER", file, symbol)
		}
	}
	claim, err := ParseTier(symbol[strings.LastIndexByte(symbol, '_')+1:])
	if err != nil || uses&^claim != 0 {
		l.errorf("%s: %s: its name claims %v, its instructions need %v", file, symbol, claim, uses)
	}
	if needs, ok := l.needs[symbol]; ok && uses&^needs != 0 {
		l.errorf("%s: %s: the table needs %v, its instructions need %v", file, symbol, needs, uses)
	}
}

// resultsOf is the end of a declaration from its results on. A result without name is ret.
func resultsOf(declaration string) string {
	_, results, _ := strings.Cut(declaration, ") ")
	return results + " ret"
}

// declared adds the functions of a Go file.
func (l *linter) declared(file *ast.File) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			var b strings.Builder
			_ = printer.Fprint(&b, token.NewFileSet(), &ast.FuncDecl{Name: f.Name, Type: f.Type})
			l.stubs[f.Name.Name] = b.String()
		}
	}
}

func TestAssembly(t *testing.T) {
	for arch := range classes {
		l := &linter{arch: arch, macros: map[string][]string{}, stubs: map[string]string{}, needs: map[string]Tier{}}
		files, _ := filepath.Glob("*_" + arch + ".[sgh]*")
		for pass := range 2 { // declarations and headers first
			for _, file := range files {
				src, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				switch ext := filepath.Ext(file); {
				case ext == ".go" && pass == 0:
					f, err := parser.ParseFile(token.NewFileSet(), file, src, 0)
					if err != nil {
						t.Fatal(err)
					}
					l.declared(f)
					for _, r := range sourceRows(t, file) {
						l.needs[r.name] = tierOf(r.needs)
					}
				case ext == ".h" && pass == 0:
					l.define(string(src))
				case ext == ".s" && pass == 1:
					l.check(file, string(src))
				}
			}
		}
		for name := range l.needs {
			if l.stubs[name] == "" {
				t.Errorf("%s: table row %s is not declared", arch, name)
			}
		}
		for _, e := range l.errors {
			t.Error(e)
		}
	}
}
