//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkPairBF16_bf16(y []float32, q []uint16, k []byte, a, b []float32, m, n, d int, next []byte)

//go:noescape
func qkPairFP8_bf16(y []float32, q []uint16, k []byte, scale []float32, table *FP8Table, a, b []float32, m, n, d int, next []byte)

//go:noescape
func advanceBF16_bf16(r *RowStates, p []uint16, y, sv []float32, m, n int) (poisoned bool)

//go:noescape
func pvPairBF16_bf16(o []float32, p []uint16, v []byte, mu []float32, f []Fold, m, n, dv int, next []byte)

//go:noescape
func pvPairFP8_bf16(o []float32, p []uint16, v []byte, table *FP8Table, mu []float32, f []Fold, m, n, dv int, next []byte)
