package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/arena"
)

// machine describes where and how a measurement ran.
type machine struct {
	cpu  string // model, family and number where the system tells
	file string // base name of its results
	load string // running processes when the measurement began, "" when unknown
}

// thisMachine asks Linux for the names; elsewhere the architecture has to do.
func thisMachine() machine {
	m := machine{cpu: runtime.GOARCH}
	info, _ := os.ReadFile("/proc/cpuinfo")
	f := cpuFields(info)
	switch {
	case f["model name"] != "":
		m.cpu = fmt.Sprintf("%s, family %s, model %s", f["model name"], f["cpu family"], f["model"])
	case f["CPU part"] != "":
		m.cpu = fmt.Sprintf("arm64 implementer %s, part %s", f["CPU implementer"], f["CPU part"])
	}
	m.file = fileName(m.cpu)
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.load, _, _ = strings.Cut(string(b), " ")
	}
	return m
}

// cpuFields reads the first CPU of /proc/cpuinfo.
func cpuFields(info []byte) map[string]string {
	fields := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(info))
	for lines.Scan() && lines.Text() != "" {
		name, value, _ := strings.Cut(lines.Text(), ":")
		fields[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return fields
}

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// fileName turns a CPU's description into a file name.
func fileName(cpu string) string {
	return strings.Trim(notWord.ReplaceAllString(strings.ToLower(cpu), "-"), "-")
}

// String is the header of every report.
func (m machine) String() string {
	s := fmt.Sprintf("cpu     %s, %d logical CPUs in use, %s, %s\ntier    %s", m.cpu, runtime.GOMAXPROCS(0), runtime.GOARCH, runtime.Version(), asm.Available())
	if forced := os.Getenv("QATTN_CPU"); forced != "" {
		s += fmt.Sprintf(" (QATTN_CPU=%s)", forced)
	}
	pages := "small"
	if arena.Huge {
		pages = "huge where the system has them"
	}
	s += "\npages   " + pages
	if m.load != "" {
		s += fmt.Sprintf("\nload    %s processes in the last minute; numbers of a busy machine say little", m.load)
	}
	return s
}
