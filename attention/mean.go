package attention

import (
	"slices"

	"github.com/qattn/qattn/asm"
	"github.com/qattn/qattn/quant"
)

// means are the calibrated means of one side, rotated like its rows: [heads][d].
type means struct {
	values []float32
	d      int
}

func newMeans(ks *asm.Set, field string, c Codec, d int) (means, error) {
	m := means{slices.Clone(c.Mean), d}
	if c.Rotate {
		for at := 0; at < len(m.values); at += d {
			quant.Hadamard(ks, m.values[at:at+d])
		}
	}
	if !finite(ks.AbsMax(m.values)) {
		return m, fieldErr(ErrConfig, field, "the rotation of a mean overflows")
	}
	return m, nil
}

// head returns the mean of head h, nil when there is none.
func (m *means) head(h int) []float32 {
	if m.values == nil {
		return nil
	}
	return m.values[h*m.d : (h+1)*m.d]
}

// mean returns the means of a side.
func (p *Plan) mean(s *side) *means {
	if s.Side == quant.Keys {
		return &p.meanK
	}
	return &p.meanV
}
