package accuracy

import (
	"context"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/bench/emulate"
	"github.com/qattn/qattn/quant/calib"
)

// calibrateMean sets the mean of every channel of keys and values.
func calibrateMean(c *attention.Config, h *emulate.Head) error {
	c.K.Mean, c.V.Mean = mean(h.K, h.DK), mean(h.V, h.DV)
	return nil
}

// mean returns the mean of each of d columns.
func mean(x []float32, d int) []float32 {
	total := make([]float64, d)
	for i, v := range x {
		total[i%d] += float64(v)
	}
	m := make([]float32, d)
	for c, t := range total {
		m[c] = float32(t * float64(d) / float64(len(x)))
	}
	return m
}

// calibrateBeta sets the offset of the static correction of 8-bit probabilities from
// the exact probabilities of the head's own rows.
func calibrateBeta(c *attention.Config, h *emulate.Head) error {
	s, err := store(shape(attention.Config{}, h), h)
	if err != nil {
		return err
	}
	b := calib.NewBiasCalibrator(calib.ByHead, calib.Prob8)
	err = s.plan.ObserveProbabilities(context.Background(), &s.schedule, s.pages, &s.io, func(row, head int, p []float32) {
		if h.Causal {
			p = p[:min(len(p), row+h.NK-h.NQ+1)] // hidden keys are none
		}
		b.ObserveRow(calib.Site{Head: head, Tensor: calib.Probs}, p)
	})
	c.Correction.Beta = b.Table().BetaFunc(0, 0)
	return err
}
