//go:build !purego

package asm

import "slices"

// arch lists the assembly kernels of this architecture, one file per tier, slow before
// fast: within a family the last row a CPU can run wins.
var arch = slices.Concat(avx2Kernels, avxvnniKernels, avx512Kernels, vnniKernels, bf16Kernels)
