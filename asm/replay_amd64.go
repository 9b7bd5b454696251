//go:build !purego

package asm

import "slices"

// replay_avx512 repeats the recorded calls of p on the tiles that are left. It returns the
// first result that is not 0.
//
//go:noescape
func replay_avx512(p *Player) (result uint64)

// entryOf returns where a kernel starts, 0 if it is not one function of assembly.
func entryOf(name string) uintptr {
	if i := slices.Index(entryNames[:], name); i >= 0 {
		return entries[i]
	}
	return 0
}

func replays(t Tier) bool { return t&AVX512 != 0 }

func replay(p *Player) uint64 { return replay_avx512(p) }
