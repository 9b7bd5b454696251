//go:build !purego

package asm

import "math"

// fp8Planes are the two high bytes of the float32 values of codes 0 to 127, whose two low
// bytes are zero: 128 high bytes, then 128 low ones.
type fp8Planes [2][128]byte

var e4m3Planes, e5m2Planes = planes(&e4m3Table), planes(&e5m2Table)

func planes(values *[256]float32) (p fp8Planes) {
	for i := range p[0] {
		bits := math.Float32bits(values[i])
		p[0][i], p[1][i] = byte(bits>>24), byte(bits>>16)
	}
	return p
}
