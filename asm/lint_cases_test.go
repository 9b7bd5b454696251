package asm

import (
	"strings"
	"testing"
)

// TestLinter gives the linter faults to find.
func TestLinter(t *testing.T) {
	const good = `//go:build !purego

#include "textflag.h"

// f_amd64.s: an example.

#define ACC Y7
#define DOT(v, acc) \
	VPMADDWD v, Y12, Y13; \
	VPADDD   Y13, acc, acc

// func f_avx2(x []float32, n int)
TEXT ·f_avx2(SB), NOSPLIT, $0-32
	MOVQ n+24(FP), CX // R15 in a comment
	DOT(Y1, ACC)
	VZEROUPPER
	RET
`
	for _, c := range []struct{ from, to, want string }{
		{"", "", ""},
		{"//go:build !purego", "//go:build amd64", "first line"},
		{"// f_amd64.s", "// g.s", "no header comment"},
		{"NOSPLIT, $0-32", "NOSPLIT, $480-32", "want TEXT"},
		{"SB), NOSPLIT", "SB), WRAPPER", "want TEXT"},
		{"SB), NOSPLIT", "SB), 0", "no CALL wants NOSPLIT"},
		{"NOSPLIT, $0-32\n", "0, $0-32\n\tCALL AX\n", "NO_LOCAL_POINTERS"},
		{"// func f_avx2(x []float32, n int)\n", "", "Go declaration"},
		{"n int)\n", "n int64)\n", "Go declaration"},
		{"\tVZEROUPPER\n", "", "RET without VZEROUPPER"},
		{"CX //", "R15 //", "forbidden R15"},
		{"ACC Y7", "ACC R14", "forbidden R14"},
		{"ACC Y7", "ACC Z7", "need avx512"},
		{"v, Y12, Y13", "v, Y12, Y17", "need avx512"},
		{"VPMADDWD", "VPDPBUSD", "need vnni"},
		{"\tVZERO", "\tCALL ·g(SB)\n\tVZERO", "CALL wants TEXT with flags 0"},
		{"\tVZERO", "\tSUBQ $4, n+24(FP)\n\tVZERO", "argument written"},
		{"\tVZERO", "\tBYTE $0x90\n\tVZERO", "bare BYTE"},
		{"f_avx2", "f_generic", "claims generic"},
	} {
		src := strings.ReplaceAll(good, c.from, c.to)
		if c.from == "" {
			src = good
		}
		l := &linter{arch: "amd64", macros: map[string][]string{}, needs: map[string]Tier{},
			stubs: map[string]string{"f_avx2": "func f_avx2(x []float32, n int)", "f_generic": "func f_generic(x []float32, n int)"}}
		l.check("f_amd64.s", src)
		if all := strings.Join(l.errors, "\n"); (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("%q -> %q: want %q, got %q", c.from, c.to, c.want, all)
		}
	}
	l := &linter{arch: "arm64", macros: map[string][]string{"SDOT": {"WORD $0x4E809400"}}, needs: map[string]Tier{"h_neon": NEON},
		stubs: map[string]string{"h_neon": "func h_neon(n int)"}}
	l.check("h_arm64.s", "//go:build !purego\n\n// h_arm64.s: dots.\n// func h_neon(n int)\nTEXT ·h_neon(SB), NOSPLIT, $0-8\n\tSDOT(1, 2, 3)\n\tMOVD R18, R1\n\tRET\n")
	if all := strings.Join(l.errors, "\n"); !strings.Contains(all, "need dotprod") || !strings.Contains(all, "forbidden R18") {
		t.Errorf("arm64: %q", all)
	}
}
