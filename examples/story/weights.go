package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/qattn/qattn/attention"
	"github.com/qattn/qattn/examples/story/llama"
	"github.com/qattn/qattn/quant"
	"github.com/qattn/qattn/quant/calib"
)

// calibrationWindows are taken from the end of the text for the static correction, and
// not measured on.
const calibrationWindows = 2

// measureWeights writes the table of -weights: float32 keys and values, so that nothing
// but the weights is quantized.
func measureWeights(ctx context.Context, lm *languageModel, o *options, ws [][]int32, stdout, stderr io.Writer) error {
	all, err := windows(lm, o.windows, 0)
	if err != nil {
		return err
	}
	if len(all) < len(ws)+calibrationWindows {
		ws = ws[:max(0, len(all)-calibrationWindows)]
	}
	if len(ws) == 0 {
		return fmt.Errorf("-weights: %d windows of text, want at least %d", len(all), calibrationWindows+1)
	}
	subjects, err := weightSubjects(ctx, lm, o, all[len(all)-calibrationWindows:])
	if err != nil {
		return err
	}
	t, err := compare(ctx, lm, o, ws, subjects, stderr)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case err != nil:
		return err
	case o.json:
		return writeJSON(stdout, t)
	}
	return t.weightsMarkdown(stdout)
}

// weightSubjects lists every mode, and every correction of the static ones. text is
// what corrections are calibrated on.
func weightSubjects(ctx context.Context, lm *languageModel, o *options, text [][]int32) ([]subject, error) {
	var subjects []subject
	add := func(name string, plans ...*attention.Plan) { subjects = append(subjects, subject{name, plans}) }
	for _, mode := range attention.PModes() {
		config := lm.model.AttentionConfig(attention.Codec{Format: quant.F32}, attention.Codec{Format: quant.F32}, mode)
		bits, static := map[attention.PMode]int{attention.PStaticU8: 8, attention.PStaticU4: 4}[mode]
		if !static {
			plan, err := attention.NewPlan(config)
			if err != nil {
				return nil, err
			}
			add(mode.String(), plan)
			continue
		}
		found, err := calibrate(ctx, lm, text, bits)
		if err != nil {
			return nil, err
		}
		for c := attention.CorrectNone; c <= attention.CorrectExact; c++ {
			plans, err := correctedPlans(lm.model, config, c, found)
			if err != nil {
				return nil, err
			}
			add(fmt.Sprintf("%s, %s", mode, c), plans...)
		}
	}
	return subjects, nil
}

// calibration is what corrections are made from.
type calibration struct {
	betas *calib.BiasTable
	means [][]float32 // of the values, per layer [KVHeads][HeadDim]
}

// calibrate measures, on real attention, the mass that normalised weights of some bits
// lose per layer and head, and the means of the values.
func calibrate(ctx context.Context, lm *languageModel, text [][]int32, bits int) (*calibration, error) {
	plan, err := attention.NewPlan(lm.model.AttentionConfig(
		attention.Codec{Format: quant.F32}, attention.Codec{Format: quant.F32}, attention.PF32))
	if err != nil {
		return nil, err
	}
	grid := calib.ProbGrid{Bits: bits, Scale: 1 / float64(int(1)<<bits-1)}
	c := calib.NewBiasCalibrator(calib.ByLayer|calib.ByHead, grid)
	sums := make([]float64, lm.model.Layers*lm.model.KVDim())
	tokens := 0
	for _, w := range text {
		cache := llama.NewCache(lm.model.Config, len(w), plan)
		cache.Observe(func(layer, head int, p []float32) {
			c.ObserveRow(calib.Site{Layer: layer, Head: head, Tensor: calib.Probs}, p)
		})
		s := llama.NewSession(lm.model, cache, attention.Serial)
		if err := s.Forward(ctx, w, make([]float32, lm.model.Vocab)); err != nil {
			return nil, err
		}
		tokens += len(w)
		for layer := range lm.model.Layers {
			v, err := cache.Values(layer, len(w))
			if err != nil {
				return nil, err
			}
			for i, x := range v {
				sums[layer*lm.model.KVDim()+i%lm.model.KVDim()] += float64(x)
			}
		}
	}
	result := &calibration{betas: c.Table()}
	for layer := range lm.model.Layers {
		mean := make([]float32, lm.model.KVDim())
		for i := range mean {
			mean[i] = float32(sums[layer*len(mean)+i] / float64(tokens))
		}
		result.means = append(result.means, mean)
	}
	return result, nil
}

// correctedPlans makes the plans of one correction: one for each layer where it depends
// on the layer.
func correctedPlans(m *llama.Model, config attention.Config, c attention.CorrectionMode, found *calibration) ([]*attention.Plan, error) {
	layers := 1
	if c == attention.CorrectStatic || c == attention.CorrectExact {
		layers = m.Layers
	}
	var plans []*attention.Plan
	for layer := range layers {
		config.Correction = attention.Correction{Mode: c}
		switch c {
		case attention.CorrectStatic:
			config.Correction.Beta = found.betas.BetaFunc(layer, 0)
		case attention.CorrectExact:
			config.V.Center, config.V.Mean = true, found.means[layer]
		}
		plan, err := attention.NewPlan(config)
		if err != nil {
			return nil, err
		}
		plans = append(plans, plan)
	}
	return plans, nil
}

// weightsMarkdown writes the table for people.
func (t *table) weightsMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Model %s, %d predicted tokens in %d windows; perplexity %.4f with float32 weights.\n", t.Model, t.Tokens, t.windows, t.ppl)
	b.WriteString("ΔNLL and KL are nats per token against float32 weights; closed is the part of the uncorrected KL a bias correction removes.\n\n")
	b.WriteString("| weights | perplexity | ΔNLL | KL | closed |\n|---|---:|---:|---:|---:|\n")
	uncorrected := 0.0
	for _, r := range t.Rows {
		closed := ""
		switch _, correction, static := strings.Cut(r.Name, ", "); {
		case !static:
		case correction == attention.CorrectNone.String():
			uncorrected = r.KL
		default:
			closed = fmt.Sprintf("%.1f %%", 100*(1-r.KL/uncorrected))
		}
		fmt.Fprintf(&b, "| %s | %.4f | %+.5f | %.2e | %s |\n", r.Name, r.PPL, r.DNLL, r.KL, closed)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
