//go:build !purego

package asm

var vnniKernels = []Entry{}
