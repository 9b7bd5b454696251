package fp8

import "strconv"

// The helpers here are shared by the four types; c is a raw code.

func (f *format) isNormal(c uint8) bool {
	mag := uint32(c & 0x7F)
	return mag >= 1<<f.mantissa && mag <= f.max
}

func (f *format) isSubnormal(c uint8) bool {
	mag := uint32(c & 0x7F)
	return mag != 0 && mag < 1<<f.mantissa
}

// text formats the exact value of c: the shortest decimal that reads back as the
// same float64.
func (f *format) text(c uint8) string {
	return strconv.FormatFloat(float64(f.decode[c]), 'g', -1, 64)
}

// negFNUZ flips the sign of a FNUZ code. Zero and NaN, which share the magnitude
// bits 0, have no other sign.
func negFNUZ(c uint8) uint8 {
	if c&0x7F == 0 {
		return c
	}
	return c ^ 0x80
}

// absFNUZ clears the sign of a FNUZ code, except that NaN is 0x80.
func absFNUZ(c uint8) uint8 {
	if c == 0x80 {
		return c
	}
	return c & 0x7F
}
