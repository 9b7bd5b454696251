package asm

import "math"

// advance_generic is the specification of AdvanceFunc.
func advance_generic(m, l, w []float32, st []Stat, f []Fold, rows int) (poisoned bool) {
	for i, st := range st[:rows] {
		f[i], w[2*i], w[2*i+1] = Fold{Alpha: -1}, 0, 0
		if st.M != st.M {
			m[i], l[i], poisoned = st.M, st.M, true
			continue
		}
		if st.M == negInf32 || m[i] != m[i] {
			continue
		}
		top := m[i]
		if st.M > top {
			top = st.M
		}
		alpha, g := exp2(m[i]-top), exp2(st.M-top)
		share := float32(g * st.L)
		m[i], l[i] = top, float32(alpha*l[i])+share
		f[i] = Fold{alpha, float32(g * st.Beta), share}
		w[2*i], w[2*i+1] = alpha, g
	}
	return poisoned
}

// qkAdvanceI8_generic is the specification of QKAdvanceI8Func.
func qkAdvanceI8_generic(r *RowStates, p []byte, y, sv []float32, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool) {
	const rows = 4
	poisoned = advanceU8_generic(r, p, y, sv, top, rows, Tile)
	qkScaleI8_generic(y, q, k, sk, a, b, rows, Tile, d4, next)
	return poisoned
}

// qkAdvanceLogI8_generic is the specification of QKAdvanceLogI8Func.
func qkAdvanceLogI8_generic(r *RowStates, p []byte, y, sv []float32, code *LogCode, top float32, q []int8, k []byte, sk, a, b []float32, d4 int, next []byte) (poisoned bool) {
	const rows = 4
	poisoned = advanceLogU8_generic(r, p, y, sv, *code, top, rows, Tile)
	qkScaleI8_generic(y, q, k, sk, a, b, rows, Tile, d4, next)
	return poisoned
}

// qkAdvanceI4_generic is the specification of QKAdvanceI4Func.
func qkAdvanceI4_generic(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, a, b []float32, d4 int, next []byte) (poisoned bool) {
	const rows = 4
	var scales [Tile]float32
	dec16_generic(scales[:], sv, sv)
	poisoned = advanceU8_generic(r, p, y, scales[:], top, rows, Tile)
	sk, mult, codes := storedKeys(k, d4)
	s := asInts(y)
	qkI4_generic(s, q, codes, mult, rows, Tile, d4, next)
	scaleI8_generic(y, s, sk[:], a, b, rows, Tile)
	return poisoned
}

// qkAdvanceN4_generic is the specification of QKAdvanceN4Func.
func qkAdvanceN4_generic(r *RowStates, p []byte, y []float32, sv []byte, top float32, q []int8, k []byte, book *ScaledBook, a, b []float32, d4 int, next []byte) (poisoned bool) {
	const rows = 4
	var scales [Tile]float32
	dec16_generic(scales[:], sv, sv)
	poisoned = advanceU8_generic(r, p, y, scales[:], top, rows, Tile)
	sk, mult, codes := storedKeys(k, d4)
	qkScaleN4_generic(y, q, codes, mult, book, sk[:], a, b, rows, Tile, d4, next)
	return poisoned
}

// storedKeys takes a tile of keys apart: binary16 scales, multipliers and nibbles.
func storedKeys(k []byte, d4 int) (sk [Tile]float32, mult, codes []byte) {
	dec16_generic(sk[:], k, k)
	at := 2*Tile + d4/8*Tile
	return sk, k[2*Tile : at], k[at:]
}

// advanceU8_generic is the specification of AdvanceU8Func.
func advanceU8_generic(r *RowStates, p []byte, y, sv []float32, top float32, m, n int) (poisoned bool) {
	smU8_generic(p, y, sv, r.Stat, top, m, n)
	return advance_generic(r.M, r.L, r.W, r.Stat, r.Fold, m)
}

// advanceLogU8_generic is the specification of AdvanceLogU8Func.
func advanceLogU8_generic(r *RowStates, p []byte, y, sv []float32, code LogCode, top float32, m, n int) (poisoned bool) {
	smLogU8_generic(p, y, sv, r.Stat, code, top, m, n)
	return advance_generic(r.M, r.L, r.W, r.Stat, r.Fold, m)
}

// advanceBF16_generic is the specification of AdvanceBF16Func.
func advanceBF16_generic(r *RowStates, p []uint16, y, sv []float32, m, n int) (poisoned bool) {
	smF32_generic(y, r.Stat, m, n)
	packBF16_generic(p, y, sv, m, n)
	for i := range m {
		for j, x := range y[i*Tile:][:n] {
			if len(sv) > 0 {
				x *= sv[j]
			}
			if math.Float32bits(x)&0x7f800000 == 0 {
				p[i*Tile+j] &= 0x8000
			}
		}
	}
	return advance_generic(r.M, r.L, r.W, r.Stat, r.Fold, m)
}
