package attention

// CorrectionMode says how the mass that rounding normalised probabilities loses or adds is
// given back: softmax bias correction. It concerns PStaticU8 and PStaticU4; the other
// modes keep weights unnormalised and their denominator exact, or from the codes.
type CorrectionMode uint8

const (
	// CorrectNone uses p̂ = code·step as it is. Long flat rows return zeros.
	CorrectNone CorrectionMode = iota
	// CorrectStatic adds an offset known beforehand to every visible key, p̂ + β: the offline
	// correction of "Softmax Bias Correction for Quantized Generative Models" (Pandey et
	// al. 2023, arXiv 2309.01729). β is a tensor's, a head's or a step's, and of a row
	// length: Beta says which; package quant/calib calibrates and saves it. Adding β to
	// every code is the same as a real zero point −β/step.
	CorrectStatic
	// CorrectDynamic adds β = (1 − Σp̂)/n, from the row's own codes: the row sums to one.
	CorrectDynamic
	// CorrectRenormalise divides by Σp̂; a row of zero codes becomes the mean of its values.
	CorrectRenormalise
	// CorrectExact needs V.Center, V.Mean or both: what was subtracted from the values
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
	// Beta returns the static offset of query head h in a row of n visible keys, the
	// missing mass per key. It is called from the goroutines of the Runner. Only with
	// CorrectStatic.
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

// correction returns the factor on codes and the offset of a row's probabilities.
func (k Correction) correction(head int, w *wholeRow, top float64) (factor, offset float64) {
	factor = 1 / top
	switch k.Mode {
	case CorrectStatic:
		return factor, k.Beta(head, int(w.n))
	case CorrectDynamic:
		return factor, (1 - w.codes/top) / w.n
	case CorrectRenormalise:
		if w.codes == 0 {
			return 0, 1 / w.n
		}
		return 1 / w.codes, 0
	}
	return factor, 0
}
