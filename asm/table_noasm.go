//go:build !amd64 || purego

package asm

// arch lists the assembly kernels of this architecture: none here.
var arch []Entry
