// Package calib finds quantization parameters from data: ranges, scales, zero points
// and softmax corrections, per layer and head. It runs offline, before a plan is made,
// and knows nothing of attention; whoever runs attention feeds it.
//
// # Life of a calibration
//
//	rec := calib.NewRecorder(calib.ByLayer|calib.ByHead, func(s calib.Site) calib.Observer {
//		return calib.NewMSE(calib.Symmetric(8))    // what to collect at a site, nil for nothing
//	})
//	rec.Observe(site, row)                             // for every row of every call: rec is a Hook
//	uniform, err := rec.Uniform()                      // a quantizer per site
//	err = (&calib.File{Uniform: uniform}).Save(w)      // versioned JSON, stable under diff
//
// # What is here, one method per file
//
//	MinMax, Percentile, MSE, Entropy   observers that give a uniform quantizer
//	RepQ                               channel-wise scales folded into LayerNorm and the next layer
//	Log2, LogSqrt2, LogInt             logarithmic codes of softmax probabilities
//	Amax, AbsMax, CScale, Static       FP8 scales for quant.E4M3Static and quant.E5M2Static
//	BiasCalibrator, BiasTable          softmax bias correction
//	Recorder, Hook, Site               collection over attention calls
//	File, Load                         persistence
//
// # Rules that hold throughout
//
// RNE is rounding to the nearest integer, ties to even. Elements that are not finite
// are left out of every statistic. Statistics are counts, sums of integers, minima and
// maxima: results depend neither on the order of calls nor on how data was spread over
// observers that were merged afterwards. Types are not safe for concurrent use unless
// they say so.
package calib
