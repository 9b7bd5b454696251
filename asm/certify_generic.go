package asm

import (
	"encoding/binary"
	"math"
)

// certify_generic is the specification of CertifyFunc.
func certify_generic(t *CertifyTile, keys, values *[8]byte, sv []float32, r, m, n int) (undefined uint64) {
	wide := func(record *[8]byte, i int) float32 {
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(record[2*i:])) << 16)
	}
	keyErr, keySize, keyErr2, keySize2 := wide(keys, 0), wide(keys, 1), wide(keys, 2), wide(keys, 3)
	valErr, valSize, valErr2, valSize2 := wide(values, 0), wide(values, 1), wide(values, 2), wide(values, 3)
	step2 := float32(0)
	if len(sv) > 0 {
		if s := sumSquares_generic(sv[:n]); s > 0 {
			step2 = float32(t.Spread*valSize2) / s
		}
	}
	for i := r; i < r+m; i++ {
		f, q, old := &t.F[i], &t.Q[i], &t.C[i]
		if f.Alpha < 0 {
			continue
		}
		g := f.Gamma / t.St[i].L
		variance := float32((float32(q.Norm2*keyErr2)+float32(q.Err2*keySize2))*valSize2) + valErr2
		squares := float32(float32(g*g)*float32(sumSquares_generic(t.Y[i*Tile:][:n])*variance)) + float32(f.Beta*float32(f.Beta*step2))
		sum := float32(f.Gamma*valErr) + float32(f.Beta*t.Step)
		shift := float32(q.Norm*keyErr) + float32(q.Err*keySize)
		next := Certificate{
			Squares: float32(float32(f.Alpha*f.Alpha)*old.Squares) + squares,
			Sum:     float32(f.Alpha*old.Sum) + sum,
			Shift:   max(old.Shift, shift),
			Biggest: max(old.Biggest, valSize),
		}
		if next.hasNaN() || old.hasNaN() {
			undefined |= 1 << (i - r)
			continue
		}
		*old = next
	}
	return undefined
}

func (c *Certificate) hasNaN() bool {
	return c.Squares != c.Squares || c.Sum != c.Sum || c.Shift != c.Shift || c.Biggest != c.Biggest
}

// advanceCertifyU8_generic is the specification of AdvanceCertifyU8Func.
func advanceCertifyU8_generic(r *RowStates, t *CertifyTile, keys, values *[8]byte, p []byte, y, sv []float32, top float32) (left uint64) {
	poisoned := advanceU8_generic(r, p, y, sv, top, 4, Tile)
	return certify_generic(t, keys, values, sv, 0, 4, Tile) | poisonedBit(poisoned)
}

// qkAdvanceCertifyI8_generic is the specification of QKAdvanceCertifyI8Func.
func qkAdvanceCertifyI8_generic(r *RowStates, t *CertifyTile, keys, values *[8]byte, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64) {
	const rows = 4
	left = advanceCertifyU8_generic(r, t, keys, values, p, t.Y, sv, top)
	for i := range rows {
		r.W[i] = sumSquares_generic(t.Y[i*Tile:][:Tile])
	}
	qkScaleI8_generic(t.Y, q, k, sk, a, b, rows, Tile, d4, next)
	return left
}

func poisonedBit(poisoned bool) uint64 {
	if poisoned {
		return 16
	}
	return 0
}
