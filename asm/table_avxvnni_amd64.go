//go:build !purego

package asm

var avxvnniKernels = []Entry{}
