//go:build !purego

package roof

import "golang.org/x/sys/cpu"

//go:noescape
func readYmm(p *byte, n int)

//go:noescape
func readYmmAhead(p *byte, n int)

//go:noescape
func readZmm(p *byte, n int)

//go:noescape
func readZmmAhead(p *byte, n int)

func fmaYmm(iters int)
func fmaZmm(iters int)
func maddYmm(iters int)
func dpbusdYmm(iters int)
func dpbusdZmm(iters int)
func dpbf16Zmm(iters int)

// wide is what the zmm loops of this package use: the register file and its masks.
func wide() bool { return cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL }

// readers lists the loops this CPU can run.
func readers() []reader {
	var rs []reader
	if cpu.X86.HasAVX2 {
		rs = append(rs, reader{"ymm", readYmm}, reader{"ymm prefetch", readYmmAhead})
	}
	if wide() {
		rs = append(rs, reader{"zmm", readZmm}, reader{"zmm prefetch", readZmmAhead})
	}
	return rs
}

// peaks lists the arithmetic this CPU has. An operation is a multiplication or an
// addition: a multiply-add counts as two.
func peaks() []peak {
	var ps []peak
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA {
		ps = append(ps, peak{FMAYmm, 12 * 8 * 2, fmaYmm}, peak{MaddYmm, 8 * 16 * 2, maddYmm})
	}
	if x.HasAVX2 && x.HasAVXVNNI {
		ps = append(ps, peak{DotYmm, 12 * 32 * 2, dpbusdYmm})
	}
	if !wide() {
		return ps
	}
	ps = append(ps, peak{FMAZmm, 24 * 16 * 2, fmaZmm})
	if x.HasAVX512VNNI {
		ps = append(ps, peak{DotZmm, 24 * 64 * 2, dpbusdZmm})
	}
	if x.HasAVX512BF16 {
		ps = append(ps, peak{BF16Zmm, 24 * 32 * 2, dpbf16Zmm})
	}
	return ps
}
