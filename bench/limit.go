package main

import (
	"math"
	"strings"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/bench/internal/roof"
)

// classOf names the arithmetic of a QK or PV kernel by its symbol: the suffix is the
// instruction set, and kernels on integer operands end in I8, I4, N4 or B4 before it. Pure Go and
// architectures without measured peaks have no class. Nibbles multiply as bytes on avx2,
// at up to twice the peak of its class.
func classOf(kernel string) roof.Class {
	family, isa, _ := strings.Cut(kernel, "_")
	integer := strings.HasSuffix(family, "I8") || strings.HasSuffix(family, "I4") || strings.HasSuffix(family, "N4") || strings.HasSuffix(family, "B4")
	switch {
	case integer && isa == "vnni":
		return roof.DotZmm
	case integer && isa == "avxvnni":
		return roof.DotYmm
	case integer && (isa == "avx2" || isa == "avx512"): // the zmm peak is not measured
		return roof.MaddYmm
	case !integer && isa == "bf16":
		return roof.BF16Zmm
	case !integer && isa == "avx512":
		return roof.FMAZmm
	case !integer && isa == "avx2":
		return roof.FMAYmm
	}
	return ""
}

// integerClass and floatClass are the fastest arithmetic a tier has for int8 and for
// float32 products, whether or not a kernel uses it.
func integerClass(t asm.Tier) roof.Class {
	switch {
	case t&asm.VNNI != 0:
		return roof.DotZmm
	case t&asm.AVXVNNI != 0:
		return roof.DotYmm
	case t&asm.AVX2 != 0:
		return roof.MaddYmm
	}
	return ""
}

func floatClass(t asm.Tier) roof.Class {
	switch {
	case t&asm.AVX512 != 0:
		return roof.FMAZmm
	case t&asm.AVX2 != 0:
		return roof.FMAYmm
	}
	return ""
}

// work is the least an attention call has to do: read its stored bytes once, and do the
// useful operations of both products.
type work struct {
	bytes  int
	qk, pv float64
	qkBy   roof.Class
	pvBy   roof.Class
}

// bound returns the limit that binds and the seconds it allows, NaN when no limit is
// known. Without a measured peak only the read counts.
func (w work) bound(l *roof.Limits, threads int) (name string, seconds float64) {
	name, seconds = l.Caches.Level(w.bytes, threads), float64(w.bytes)/l.ReadRate(w.bytes, threads)
	if compute := w.qk/l.Peak(w.qkBy, threads) + w.pv/l.Peak(w.pvBy, threads); compute > seconds || math.IsNaN(seconds) {
		name, seconds = string(w.qkBy), compute
		if w.pvBy != w.qkBy {
			name += "+" + string(w.pvBy)
		}
	}
	if math.IsNaN(seconds) {
		return "", seconds
	}
	return name, seconds
}
