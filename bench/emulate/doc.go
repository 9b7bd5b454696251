// Package emulate models the arithmetic of other quantized attention systems on one
// head, in plain Go: where they round, to what, and with which scales. It answers one
// question, how far their output is from exact attention, and says nothing about
// speed.
//
// # What is modelled
//
// Every step that rounds to fewer bits than float32: queries, keys, values, scales
// kept in fewer bits, probabilities, and accumulators narrower than float32. Tiles
// are visited in the system's own order, because a weight rounded against the running
// maximum depends on it.
//
// # What is left out, for every system alike
//
//   - The inputs are float32. Systems that take binary16 or bfloat16 tensors round
//     them first; that is the caller's loss, not the kernel's.
//   - The output is not rounded to the system's output type.
//   - Float32 arithmetic (dot products, exponentials, accumulators) is done in
//     float64: its error is below 1e-5 of the output, the smallest quantization error
//     here is above it.
//   - Scales that a system calibrates offline come from the data themselves, per
//     head. That flatters the static ones.
//
// The doc comment of each constructor names the publication or the source file the
// arithmetic was taken from, and what was uncertain.
package emulate
