package roof

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Caches holds sizes in bytes: L1 data and L2 of one core, L3 of one group of cores.
type Caches struct {
	L1, L2, L3 int
	Known      bool // read from the system, not assumed
}

// Level names the memory that holds a working set spread over threads.
func (c Caches) Level(bytes, threads int) string {
	switch {
	case bytes <= c.L1*threads:
		return "l1"
	case bytes <= c.L2*threads:
		return "l2"
	case bytes <= c.L3:
		return "l3"
	}
	return "dram"
}

// readCaches asks Linux; elsewhere it assumes what is common.
func readCaches() Caches {
	c := cachesOf("/sys/devices/system/cpu/cpu0/cache")
	if !c.Known {
		return Caches{L1: 32 << 10, L2: 1 << 20, L3: 32 << 20}
	}
	return c
}

// cachesOf reads a sysfs cache directory.
func cachesOf(dir string) (c Caches) {
	indexes, _ := filepath.Glob(filepath.Join(dir, "index*"))
	for _, index := range indexes {
		field := func(name string) string {
			b, _ := os.ReadFile(filepath.Join(index, name))
			return strings.TrimSpace(string(b))
		}
		size := parseSize(field("size"))
		if size == 0 || field("type") == "Instruction" {
			continue
		}
		switch field("level") {
		case "1":
			c.L1 = size
		case "2":
			c.L2, c.Known = size, true
		case "3":
			c.L3 = size
		}
	}
	return c
}

// parseSize reads "512K" or "32M"; 0 when it cannot.
func parseSize(s string) int {
	unit := 1
	switch {
	case strings.HasSuffix(s, "K"):
		unit = 1 << 10
	case strings.HasSuffix(s, "M"):
		unit = 1 << 20
	}
	n, err := strconv.Atoi(strings.TrimRight(s, "KM"))
	if err != nil {
		return 0
	}
	return n * unit
}
