// Package fp8 converts between float32 and the four 8-bit floating-point types in
// use: [E4M3], [E5M2], [E4M3FNUZ] and [E5M2FNUZ].
//
// Each type is one byte, S|E…E|M…M. Conversions exist for single values
// (E4M3FromFloat32, [FromFloat32]), for slices ([EncodeSlice], [DecodeSlice]) and
// for scaled slices ([EncodeScaled] with a scale from [AmaxScale], [ConstantScale]
// or [AbsMaxScale]).
//
// # Encodings
//
//	                  E4M3          E5M2                  E4M3FNUZ   E5M2FNUZ
//	other names       E4M3FN, OCP   OCP                   1.4.3      1.5.2
//	exponent bias     7             15                    8          16
//	infinities        none          0x7C 0xFC             none       none
//	NaN               0x7F 0xFF     0x7D…0x7F 0xFD…0xFF   0x80       0x80
//	zeros             +0 −0         +0 −0                 +0         +0
//	largest           448           57344                 240        57344
//	smallest normal   2⁻⁶           2⁻¹⁴                  2⁻⁷        2⁻¹⁵
//	smallest > 0      2⁻⁹           2⁻¹⁶                  2⁻¹⁰       2⁻¹⁷
//
//	value = (−1)^S · 2^(E−bias) · (1 + M/2^m)   E ≠ 0, m = number of bits in M
//	value = (−1)^S · 2^(1−bias) · M/2^m         E = 0
//
// # Rounding
//
// Every conversion into a type rounds once: to nearest, ties to the even code,
// subnormals included. Sources are float32, float64, binary16 and bfloat16; a
// float64 is not rounded to float32 on the way. The stochastic conversions replace
// this rule by the one stated at [FromFloat32Stochastic].
//
// A value overflows when rounding with an unbounded exponent would exceed the
// largest finite value: |x| > 464 for E4M3, ≥ 248 for E4M3FNUZ and ≥ 61440 for
// E5M2 and E5M2FNUZ. Smaller values beyond the largest one round down to it.
//
// # Overflow, infinities, NaN, −0
//
// What an overflow and an infinity become is an [Overflow] rule:
//
//	                  finite overflow       ±Inf
//	Saturate          ±largest              ±largest
//	SaturateFinite    ±largest              ±Inf (E5M2), NaN (others)
//	NonSaturating     ±Inf (E5M2), NaN      ±Inf (E5M2), NaN (others)
//
// Functions without an Overflow argument saturate, those named NonSat do not.
// The authorities disagree about a saturating infinity. The conversion data of ONNX
// (saturate = 1), OCP OFP8 and the satfinite modifier of NVIDIA PTX give the largest
// value, and Saturate follows them for all four types. The table in the ONNX
// documentation says NaN for the FNUZ types instead; ml_dtypes keeps infinities in
// its saturating mode, which is SaturateFinite here.
//
// NaN converts to NaN under every rule, with its sign where the type has signed
// NaNs (E4M3 0x7F|S, E5M2 0x7E|S); payloads are dropped. −0 and negative values
// that round to zero give −0 in E4M3 and E5M2 and +0 in the FNUZ types. Decoding is
// exact for every code; NaN codes decode to the quiet NaN 0x7FC00000 with the sign
// of the code (positive for FNUZ).
//
// # Scaling
//
// A scale s belongs to a tensor, or to a row or block of it:
//
//	code  = T(x / s)       EncodeScaled
//	value = s · code       DecodeScaled
//
// The policies differ in s. amax is the largest magnitude ([AbsMax]) and MAX the
// largest finite value of T:
//
//	AmaxScale        2^−b, b = clip(⌊log₂(MAX/amax)⌋, −31, 31)    FP8-AMAX
//	ConstantScale    2^−b, one b for all tensors                  FP8-CSCALE
//	AbsMaxScale      amax/MAX
//
// With a power of two, scaling is exact and T rounds only once; amax/MAX uses the
// whole range. The product of two scaled tensors carries the product of their
// scales.
//
// # Guarantees
//
// Results are the same on every platform, apart from the NaN signs that EncodeScaled
// mentions. No function allocates, except String, or keeps its arguments; none has
// mutable state, so all may be called concurrently. No input value causes a panic.
package fp8
