package asm

import (
	"encoding/binary"
	"math"
)

// At returns number i of the record, 0 ≤ i < 8.
func (x *TileRecord) At(i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(x[4*i:]))
}

// Put sets number i of the record, 0 ≤ i < 8.
func (x *TileRecord) Put(i int, v float32) {
	binary.LittleEndian.PutUint32(x[4*i:], math.Float32bits(v))
}

// Squares is the first part of Rows, [M].
func (t *CertifyTile) Squares() []float32 { return t.Rows[:t.M] }

// Sum is the second part of Rows, [M].
func (t *CertifyTile) Sum() []float32 { return t.Rows[t.M:][:t.M] }

// Norm2 is the third part of Rows, [M].
func (t *CertifyTile) Norm2() []float32 { return t.Rows[2*t.M:][:t.M] }

// Err2 is the fourth part of Rows, [M].
func (t *CertifyTile) Err2() []float32 { return t.Rows[3*t.M:][:t.M] }

// Most is the last part of Rows, [M][4].
func (t *CertifyTile) Most() []float32 { return t.Rows[4*t.M:][:4*t.M] }

// certify_generic is the specification of CertifyFunc.
func certify_generic(t *CertifyTile, tile *TileRecord, r, m, n int) (undefined uint64) {
	spread := float32(t.Spread * tile.At(7))
	squares, sum, norm2, err2, most := t.Squares(), t.Sum(), t.Norm2(), t.Err2(), t.Most()
	for i := r; i < r+m; i++ {
		f := &t.F[i]
		if f.Alpha < 0 {
			continue
		}
		g := f.Gamma / t.St[i].L
		variance := float32(float32(norm2[i]*tile.At(4))+float32(err2[i]*tile.At(5))) + tile.At(6)
		added := float32(float32(g*g)*float32(FusedSquares(t.Y[i*Tile:][:n])*variance)) + float32(f.Beta*float32(f.Beta*spread))
		x := float32(float32(f.Alpha*f.Alpha)*squares[i]) + added
		y := float32(f.Alpha*sum[i]) + (float32(f.Gamma*tile.At(3)) + float32(f.Beta*t.Step))
		if x != x || y != y {
			undefined |= 1 << (i - r)
			continue
		}
		squares[i], sum[i] = x, y
		for c := range 4 {
			most[4*i+c] = max(most[4*i+c], tile.At(c))
		}
	}
	return undefined
}

// FusedSquares returns W of CertifyFunc for the weights of one row, in Go: for rows that kernels
// leave. y may have any length.
func FusedSquares(y []float32) float32 {
	var chain [16]float32
	for j, x := range y {
		chain[j%16] = fma32(x, x, chain[j%16])
	}
	return foldChains(&chain)
}

// fma32 is x·y + z with one rounding. The product is exact in float64; the sum is rounded to odd
// there, so that rounding again to float32 is right.
func fma32(x, y, z float32) float32 {
	p, c := float64(x)*float64(y), float64(z)
	s := p + c
	t := s - p
	lost := (p - (s - t)) + (c - t)
	if bits := math.Float64bits(s); bits&1 == 0 && (lost > 0 || lost < 0) {
		if lost > 0 == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// advanceCertifyU8_generic is the specification of AdvanceCertifyU8Func.
func advanceCertifyU8_generic(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32) (left uint64) {
	poisoned := advanceU8_generic(r, p, t.Y, sv, top, 4, Tile)
	return leftRows(r, t, poisoned, certify_generic(t, tile, 0, 4, Tile))
}

// leftRows is the result of AdvanceCertifyU8Func, which wants W where a row is undefined.
func leftRows(r *RowStates, t *CertifyTile, poisoned bool, undefined uint64) (left uint64) {
	const rows = 4
	if undefined != 0 {
		for i := range rows {
			r.W[i] = FusedSquares(t.Y[i*Tile:][:Tile])
		}
	}
	if poisoned {
		undefined |= 1 << rows
	}
	return undefined
}

// qkAdvanceCertifyI8_generic is the specification of QKAdvanceCertifyI8Func.
func qkAdvanceCertifyI8_generic(r *RowStates, t *CertifyTile, tile *TileRecord, p []byte, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (left uint64) {
	left = advanceCertifyU8_generic(r, t, tile, p, sv, top)
	qkScaleI8_generic(t.Y, q, k, sk, a, b, 4, Tile, d4, next)
	return left
}
