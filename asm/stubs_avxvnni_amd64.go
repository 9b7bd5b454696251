//go:build !purego

package asm

// Each works like its generic twin.

//go:noescape
func qkI8_avxvnni(s []int32, q []int8, k []byte, m, n, d4 int, next []byte)

//go:noescape
func pvU8I8_avxvnni(o []int32, p, v []byte, m, n, dv int, next []byte)
