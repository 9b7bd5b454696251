package asm

import "golang.org/x/sys/cpu"

// detect ANDs every prerequisite of a tier: a feature flag alone is not enough when
// a hypervisor or GODEBUG hides part of its family.
func detect() Tier {
	var t Tier
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA && x.HasF16C {
		t |= AVX2
		if x.HasAVXVNNI {
			t |= AVXVNNI
		}
		if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL && x.HasAVX512DQ && x.HasAVX512VBMI {
			t |= AVX512
			if x.HasAVX512VNNI {
				t |= VNNI
			}
			if x.HasAVX512BF16 {
				t |= BF16
			}
		}
	}
	return t
}
