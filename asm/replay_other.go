//go:build !amd64 || purego

package asm

func replays(Tier) bool { return false }

func entryOf(string) uintptr { return 0 }

func replay(*Player) uint64 { panic("asm: no recorder without replay") }
