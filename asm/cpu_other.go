//go:build !amd64 && !arm64

package asm

func detect() Tier { return Generic }
