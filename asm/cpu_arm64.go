package asm

import "golang.org/x/sys/cpu"

func detect() Tier {
	t := NEON // part of the base architecture
	if cpu.ARM64.HasASIMDDP {
		t |= DotProd
		if cpu.ARM64.HasI8MM {
			t |= I8MM
		}
	}
	return t
}
