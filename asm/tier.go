package asm

import (
	"fmt"
	"os"
	"strings"
)

// Tier is a set of CPU features a kernel needs. The empty set is the pure-Go tier.
type Tier uint32

// The features, grouped as kernels use them. A kernel names every bit it needs, so
// a CPU or hypervisor that hides one of them hides the kernel.
const (
	AVX2    Tier = 1 << iota // AVX2, FMA and F16C
	AVX512                   // AVX-512 F, BW, VL, DQ and VBMI
	VNNI                     // AVX-512 VNNI
	BF16                     // AVX-512 BF16
	AVXVNNI                  // VEX-encoded VNNI
	NEON                     // arm64 Advanced SIMD
	DotProd                  // arm64 SDOT/UDOT
	I8MM                     // arm64 SMMLA/USMMLA/USDOT
)

// Generic is the tier of the pure-Go kernels.
const Generic Tier = 0

// tiers names the tiers a user may force, each with all it implies.
var tiers = []struct {
	Name string
	Set  Tier
}{
	{"generic", Generic},
	{"avx2", AVX2},
	{"avxvnni", AVX2 | AVXVNNI},
	{"avx512", AVX2 | AVX512},
	{"vnni", AVX2 | AVX512 | VNNI},
	{"bf16", AVX2 | AVX512 | VNNI | BF16},
	{"neon", NEON},
	{"dotprod", NEON | DotProd},
	{"i8mm", NEON | DotProd | I8MM},
}

// TierNames lists the names ParseTier accepts.
func TierNames() []string {
	names := make([]string, len(tiers))
	for i, t := range tiers {
		names[i] = t.Name
	}
	return names
}

// ParseTier returns the feature set with the given name.
func ParseTier(name string) (Tier, error) {
	for _, t := range tiers {
		if t.Name == name {
			return t.Set, nil
		}
	}
	return 0, fmt.Errorf("asm: unknown tier %q, want one of %s", name, strings.Join(TierNames(), ", "))
}

// String names the largest named tier contained in t.
func (t Tier) String() string {
	name := "generic"
	for _, n := range tiers {
		if n.Set&^t == 0 {
			name = n.Name
		}
	}
	return name
}

// have is what this process may use: the CPU's features, lowered by QATTN_CPU.
var have = detect() & envMask()

// envMask reads QATTN_CPU, the name of the highest tier allowed. An unknown name
// stops the program: silently ignoring it would run another kernel than asked for.
func envMask() Tier {
	name := os.Getenv("QATTN_CPU")
	if name == "" {
		if raceEnabled {
			return Generic // the race detector cannot see into assembly
		}
		return ^Tier(0)
	}
	t, err := ParseTier(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, "QATTN_CPU:", err)
		os.Exit(2)
	}
	return t
}

// Available returns the features kernels may use in this process.
func Available() Tier { return have }
