package quant

import (
	"encoding/binary"

	"github.com/qattn/qattn/asm"
)

// CenterBytes is the storage of a centre vector: d binary16 values, padded to 64.
func CenterBytes(d int) int { return align64(2 * d) }

// PutCenter stores sum/n, rounded to binary16, as the centre of a tile; n = 0 or a
// value that is not finite stores 0. The padding is zeroed.
func PutCenter(dst []byte, sum []float64, n int) {
	clear(dst[:CenterBytes(len(sum))])
	if n == 0 {
		return
	}
	for c, s := range sum {
		if mean := float32(s / float64(n)); isFinite(mean) {
			binary.LittleEndian.PutUint16(dst[2*c:], toF16(mean))
		}
	}
}

// LoadCenter widens a stored centre.
func LoadCenter(ks *asm.Set, mu []float32, src []byte) { ks.Dec16(mu, src, src) }

// PutF16 and GetF16 store rows of unquantized tokens; conversion as in F16.
func PutF16(dst []byte, x []float32) {
	for c, v := range x {
		binary.LittleEndian.PutUint16(dst[2*c:], toF16(v))
	}
}

// GetF16 widens a row PutF16 stored.
func GetF16(ks *asm.Set, x []float32, src []byte) { ks.Dec16(x, src, src) }
