package attention

// CorrectionMode says how the mass that rounding normalised probabilities loses or adds is
// given back: softmax bias correction. It concerns PStaticU8 and PStaticU4; the other
// modes keep weights unnormalised and their denominator exact, or from the codes.
type CorrectionMode uint8

const (
	// CorrectNone uses p̂ = code·step as it is: long flat rows return zeros. A centre or mean
	// of the values is not quantized and returns with the exact mass all the same.
	CorrectNone CorrectionMode = iota
	// CorrectStatic adds an offset known beforehand to every visible key, p̂ + β: the offline
	// correction of "Softmax Bias Correction for Quantized Generative Models" (Pandey et
	// al. 2023, arXiv 2309.01729). β is a tensor's, a head's or a step's, and of a row
	// length: Beta says which; package quant/calib calibrates and saves it. Adding β to
	// every code is the same as a real zero point −β/step.
	CorrectStatic
	// CorrectDynamic adds β = (mass − Σp̂)/n, from the row's own codes: the row sums to its
	// mass, one less the share of a sink logit.
	CorrectDynamic
	// CorrectRenormalise multiplies by mass/Σp̂; a row of zero codes becomes the mean of its
	// values.
	CorrectRenormalise
	// CorrectExact insists on V.Center, V.Mean or both: what was subtracted from the values
	// returns with the exact mass, so rounding touches only what deviates from it. The
	// first tile has no centre, only a mean.
	CorrectExact
)

// String returns "none", "static", "dynamic", "renormalise" or "exact".
func (m CorrectionMode) String() string {
	return name(m, "none", "static", "dynamic", "renormalise", "exact")
}

// Correction is the softmax bias correction of normalised probabilities.
type Correction struct {
	Mode CorrectionMode
	// Beta returns the static offset of query head h in a row of n ≥ 1 visible keys, the
	// missing mass per key. It is called once per row, from the goroutines of the Runner.
	// Only with CorrectStatic.
	Beta func(h, n int) float64
}

// check validates the correction against the rest of the configuration.
func (k Correction) check(c *Config) error {
	static := probabilities[c.P].prepare != nil
	switch {
	case k.Mode > CorrectExact:
		return fieldErr(ErrConfig, "Config.Correction.Mode", "unknown mode %d", k.Mode)
	case k.Mode != CorrectNone && !static:
		return fieldErr(ErrUnsupported, "Config.Correction.Mode", "%s corrects normalised probabilities, and P is %s", k.Mode, c.P)
	case (k.Beta != nil) != (k.Mode == CorrectStatic):
		return fieldErr(ErrConfig, "Config.Correction.Beta", "goes with Mode = static, which is %s", k.Mode)
	case k.Mode == CorrectExact && !c.V.Center && c.V.Mean == nil:
		return fieldErr(ErrUnsupported, "Config.Correction.Mode", "the exact correction needs V.Center or V.Mean")
	}
	return nil
}

// correct sets the factor on a row's codes and the offset added to the product.
func (k Correction) correct(head int, w *rowTotal, top float64) {
	w.factor, w.offset = 1/top, 0
	if w.n == 0 {
		return
	}
	switch k.Mode {
	case CorrectStatic:
		w.offset = k.Beta(head, int(w.n))
	case CorrectDynamic:
		w.offset = (w.mass - w.codes/top) / w.n
	case CorrectRenormalise:
		if w.codes == 0 {
			w.factor, w.offset = 0, w.mass/w.n
		} else {
			w.factor = w.mass / w.codes
		}
	}
}
